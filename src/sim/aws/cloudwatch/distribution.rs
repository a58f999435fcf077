//! What is known of the values in one period: the values themselves, or only a statistic set.

/// Count, sum and extremes of a set of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StatisticSet {
    /// How many values.
    pub(crate) sample_count: f64,
    /// Their sum.
    pub(crate) sum: f64,
    /// The smallest.
    pub(crate) minimum: f64,
    /// The largest.
    pub(crate) maximum: f64,
}

impl StatisticSet {
    fn and(self, other: Self) -> Self {
        StatisticSet {
            sample_count: self.sample_count + other.sample_count,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }
}

/// The values of a period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Distribution {
    /// Values, each with how often it occurred. Percentiles can be told.
    Values(Vec<(f64, f64)>),
    /// Only a summary. Percentiles can't be told.
    Summary(StatisticSet),
}

impl Distribution {
    /// One value, once.
    pub(crate) fn single(value: f64) -> Self {
        Distribution::Values(vec![(value, 1.0)])
    }

    /// What a published statistic set tells; if it leaves no doubt about the values, they are known (aws-facts.md §6).
    pub(crate) fn of_set(set: StatisticSet) -> Self {
        let StatisticSet { sample_count, sum, minimum, maximum } = set;
        let certain = minimum == maximum && sum == minimum * sample_count;
        if certain { Distribution::Values(vec![(minimum, sample_count)]) } else { Distribution::Summary(set) }
    }

    /// The summary of what is known.
    pub(crate) fn summary(&self) -> StatisticSet {
        match self {
            Distribution::Summary(set) => *set,
            Distribution::Values(values) => values.iter().fold(
                StatisticSet {
                    sample_count: 0.0,
                    sum: 0.0,
                    minimum: f64::INFINITY,
                    maximum: f64::NEG_INFINITY,
                },
                |set, (value, count)| {
                    set.and(StatisticSet {
                        sample_count: *count,
                        sum: value * count,
                        minimum: *value,
                        maximum: *value,
                    })
                },
            ),
        }
    }

    /// Adds another period's values.
    pub(crate) fn merge(&mut self, other: &Distribution) {
        match (&mut *self, other) {
            (Distribution::Values(values), Distribution::Values(more)) => {
                values.extend_from_slice(more);
            }
            _ => *self = Distribution::Summary(self.summary().and(other.summary())),
        }
    }

    /// Joins equal values, so that merging for long takes no more room than there are different values.
    pub(crate) fn compact(&mut self) {
        let Distribution::Values(values) = self else {
            return;
        };
        values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        values.dedup_by(|(value, count), (kept, kept_count)| {
            let same = value == kept;
            if same {
                *kept_count += *count;
            }
            same
        });
    }

    /// The smallest value that at least `percent` of the values do not exceed (nearest rank).
    pub(crate) fn percentile(&self, percent: f64) -> Option<f64> {
        let Distribution::Values(values) = self else {
            return None;
        };
        let mut sorted = values.clone();
        sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let total: f64 = sorted.iter().map(|(_, count)| count).sum();
        let rank = total * percent / 100.0;
        let mut seen = 0.0;
        for (value, count) in &sorted {
            seen += count;
            if seen >= rank && *count > 0.0 {
                return Some(*value);
            }
        }
        sorted.last().map(|(value, _)| *value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SET: StatisticSet = StatisticSet { sample_count: 2.0, sum: 30.0, minimum: 10.0, maximum: 20.0 };

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values = Distribution::Values(vec![(3.0, 1.0), (1.0, 8.0), (2.0, 1.0)]);
        for (percent, value) in [(0.0, 1.0), (80.0, 1.0), (81.0, 2.0), (90.0, 2.0), (99.0, 3.0), (100.0, 3.0)]
        {
            assert_eq!(values.percentile(percent), Some(value), "p{percent}");
        }
    }

    #[test]
    fn a_summary_hides_percentiles_unless_it_is_certain() {
        assert_eq!(Distribution::of_set(SET).percentile(50.0), None);
        let certain = StatisticSet { sample_count: 3.0, sum: 15.0, minimum: 5.0, maximum: 5.0 };
        assert_eq!(Distribution::of_set(certain).percentile(50.0), Some(5.0));
    }

    #[test]
    fn merging_adds_up_whatever_is_known() {
        let mut both = Distribution::single(7.0);
        both.merge(&Distribution::single(9.0));
        assert_eq!(both.percentile(100.0), Some(9.0));
        both.merge(&Distribution::of_set(SET));
        assert_eq!(both.percentile(100.0), None);
        assert_eq!(
            both.summary(),
            StatisticSet { sample_count: 4.0, sum: 46.0, minimum: 7.0, maximum: 20.0 }
        );
    }

    #[test]
    fn compacting_changes_no_statistic() {
        let mut values = Distribution::Values(vec![(2.0, 1.0), (1.0, 1.0), (2.0, 3.0)]);
        let before = values.summary();
        values.compact();
        assert_eq!(values, Distribution::Values(vec![(1.0, 1.0), (2.0, 4.0)]));
        assert_eq!(values.summary(), before);
    }
}
