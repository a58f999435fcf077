//! The statistics of GetMetricData and alarms.

use super::distribution::Distribution;

/// How the values of a period become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Statistic {
    /// How many samples.
    SampleCount,
    /// Their mean.
    Average,
    /// Their sum.
    Sum,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// `p0` to `p100`, with up to ten decimals.
    Percentile(f64),
}

impl Statistic {
    /// Any statistic, by its case-sensitive name; `p` may also be written `P`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::parse_basic(name).or_else(|| Self::parse_percentile(name))
    }

    /// One of the five that need no raw values.
    pub(crate) fn parse_basic(name: &str) -> Option<Self> {
        match name {
            "SampleCount" => Some(Statistic::SampleCount),
            "Average" => Some(Statistic::Average),
            "Sum" => Some(Statistic::Sum),
            "Minimum" => Some(Statistic::Minimum),
            "Maximum" => Some(Statistic::Maximum),
            _ => None,
        }
    }

    /// A percentile.
    pub(crate) fn parse_percentile(name: &str) -> Option<Self> {
        let digits = name.strip_prefix(['p', 'P'])?;
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let numeric = |part: &str, longest: usize| {
            (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !numeric(whole, 3) || !numeric(decimals, 10) {
            return None;
        }
        let percent: f64 = digits.parse().ok()?;
        (percent <= 100.0).then_some(Statistic::Percentile(percent))
    }

    /// The statistic of a period's values, unless they are too little known.
    pub(crate) fn of(self, values: &Distribution) -> Option<f64> {
        let set = values.summary();
        if set.sample_count <= 0.0 {
            return None;
        }
        match self {
            Statistic::SampleCount => Some(set.sample_count),
            Statistic::Average => Some(set.sum / set.sample_count),
            Statistic::Sum => Some(set.sum),
            Statistic::Minimum => Some(set.minimum),
            Statistic::Maximum => Some(set.maximum),
            Statistic::Percentile(percent) => values.percentile(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for (name, statistic) in [
            ("Sum", Some(Statistic::Sum)),
            ("p99", Some(Statistic::Percentile(99.0))),
            ("p99.9", Some(Statistic::Percentile(99.9))),
            ("p0", Some(Statistic::Percentile(0.0))),
            ("p100", Some(Statistic::Percentile(100.0))),
            ("sum", None),
            ("Min", None),
            ("p", None),
            ("p101", None),
            ("p1e1", None),
            ("p-1", None),
            ("p99.", None),
            ("pNaN", None),
            ("tm99", None),
            ("", None),
        ] {
            assert_eq!(Statistic::parse(name), statistic, "{name}");
        }
    }

    #[test]
    fn the_five_and_percentiles() {
        let values = Distribution::Values(vec![(10.0, 1.0), (30.0, 1.0)]);
        for (statistic, value) in [
            (Statistic::SampleCount, 2.0),
            (Statistic::Average, 20.0),
            (Statistic::Sum, 40.0),
            (Statistic::Minimum, 10.0),
            (Statistic::Maximum, 30.0),
            (Statistic::Percentile(50.0), 10.0),
        ] {
            assert_eq!(statistic.of(&values), Some(value), "{statistic:?}");
        }
        assert_eq!(Statistic::Sum.of(&Distribution::Values(vec![])), None);
    }
}
