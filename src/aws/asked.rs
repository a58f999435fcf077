//! One query of GetMetricData: which metric, of which part of a load balancer.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};

use crate::facts::{Period, Subject, metric};

const NAMESPACE: &str = "AWS/ApplicationELB";

/// The load balancer, or one of its parts by its place in the [`Subject`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Whole,
    Zone(usize),
    TargetGroup(usize),
}

/// What a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) of: Part,
    pub(super) metric: &'static str,
}

impl Asked {
    /// Everything that is read of a load balancer.
    pub(super) fn all(subject: &Subject) -> Vec<Asked> {
        let of = |of: Part, metrics: &[&'static str]| -> Vec<Asked> {
            metrics.iter().map(|metric| Asked { of, metric }).collect()
        };
        let zones = (0..subject.zones.len()).flat_map(|zone| of(Part::Zone(zone), &metric::OF_ZONES));
        let groups = (0..subject.target_groups.len())
            .flat_map(|group| of(Part::TargetGroup(group), &metric::OF_TARGET_GROUPS));
        of(Part::Whole, &metric::ALL).into_iter().chain(zones).chain(groups).collect()
    }

    /// Those of these names: the load balancer's own, or where it has none, those of every target group.
    pub(super) fn named(subject: &Subject, metrics: &[&'static str]) -> Vec<Asked> {
        let groups = || (0..subject.target_groups.len()).map(Part::TargetGroup);
        let parts = |metric| match metric::ALL.contains(&metric) {
            true => vec![Part::Whole],
            false => groups().collect(),
        };
        metrics
            .iter()
            .flat_map(|&metric| parts(metric).into_iter().map(move |of| Asked { of, metric }))
            .collect()
    }

    /// That of `asked` whose `Id` this is.
    pub(super) fn by_id(asked: &[Asked], id: &str) -> Option<Asked> {
        asked.iter().copied().find(|asked| asked.id() == id)
    }

    /// No unit is named: a wrong one would bring nothing (aws-facts.md §2).
    pub(super) fn query(&self, subject: &Subject, period: Period) -> MetricDataQuery {
        let metric = Metric::builder()
            .namespace(NAMESPACE)
            .metric_name(self.metric)
            .set_dimensions(Some(self.dimensions(subject)))
            .build();
        let period = i32::try_from(period.seconds()).unwrap_or(i32::MAX);
        let statistic =
            MetricStat::builder().metric(metric).period(period).stat(metric::statistic(self.metric)).build();
        MetricDataQuery::builder().id(self.id()).metric_stat(statistic).return_data(true).build()
    }

    /// Only the combinations that are published can be asked for (aws-facts.md §1).
    fn dimensions(&self, subject: &Subject) -> Vec<Dimension> {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let part = match self.of {
            Part::Whole => None,
            Part::Zone(index) => Some(dimension("AvailabilityZone", &subject.zones[index])),
            Part::TargetGroup(index) => Some(dimension("TargetGroup", &subject.target_groups[index])),
        };
        part.into_iter().chain([dimension("LoadBalancer", &subject.load_balancer)]).collect()
    }

    /// `RequestCount`, or `RequestCount of us-east-1a`.
    pub(super) fn shown(&self, subject: &Subject) -> String {
        match self.of {
            Part::Whole => self.metric.to_owned(),
            Part::Zone(index) => format!("{} of {}", self.metric, subject.zones[index]),
            Part::TargetGroup(index) => format!("{} of {}", self.metric, subject.target_groups[index]),
        }
    }

    /// It begins with a small letter (aws-facts.md §2).
    fn id(&self) -> String {
        match self.of {
            Part::Whole => format!("m_{}", self.metric),
            Part::Zone(index) => format!("z{index}_{}", self.metric),
            Part::TargetGroup(index) => format!("g{index}_{}", self.metric),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::AlbMetric;

    #[test]
    fn every_metric_of_the_brake_is_one_that_is_read() {
        let subject = Subject { target_groups: vec!["targetgroup/ws/1".to_owned()], ..Subject::default() };
        let all = Asked::all(&subject);
        for metric in AlbMetric::ALL {
            let asked = Asked::named(&subject, &[metric.name()]);
            assert!(asked.len() == 1 && all.contains(&asked[0]), "{asked:?}");
            let of_groups = metric.name().contains("HostCount");
            assert_eq!(matches!(asked[0].of, Part::TargetGroup(_)), of_groups, "{asked:?}");
        }
    }
}
