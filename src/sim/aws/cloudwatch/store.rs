//! Samples by metric and time, each visible from some instant on, growing coarser with age as on AWS.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::distribution::Distribution;
use super::metric_key::MetricKey;
use super::window::{KEPT_FIVE_MINUTES, KEPT_HOURS, KEPT_MINUTES, KEPT_SECONDS, Window};
use crate::sim::aws::account::PlatformSample;

/// How often a metric's old samples are folded, in seconds: seldom, since it walks over all of them.
const FOLD_INTERVAL: i64 = 600;

/// Samples of one unit that were published together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// One of the units that CloudWatch knows, or what the platform calls it.
    pub(crate) unit: &'static str,
    /// When it may first be returned.
    pub(crate) visible_at: DateTime<Utc>,
    /// Whether it can be read by periods of less than a minute.
    pub(crate) high_resolution: bool,
    /// The values.
    pub(crate) values: Distribution,
}

/// The samples of one metric by their stamp, in seconds since the epoch.
#[derive(Debug, Default)]
struct Series {
    samples: BTreeMap<i64, Vec<Sample>>,
    folded_at: i64,
}

/// All metrics.
#[derive(Debug, Default)]
pub(crate) struct MetricStore {
    series: BTreeMap<MetricKey, Series>,
}

impl MetricStore {
    /// Takes in a value of the platform.
    pub(crate) fn publish(&mut self, sample: PlatformSample) {
        let key = MetricKey {
            namespace: sample.namespace.to_owned(),
            name: sample.metric.to_owned(),
            dimensions: sample.dimensions.into_iter().collect(),
        };
        let stored = Sample {
            unit: sample.unit,
            visible_at: sample.visible_at,
            // The platform may be told to publish in seconds where AWS takes a minute.
            high_resolution: true,
            values: Distribution::single(sample.value),
        };
        self.add(key, sample.at.timestamp(), stored, Utc::now());
    }

    /// Adds samples with the stamp `at`.
    pub(crate) fn add(&mut self, key: MetricKey, at: i64, sample: Sample, now: DateTime<Utc>) {
        let series = self.series.entry(key).or_default();
        series.samples.entry(at).or_default().push(sample);
        if now.timestamp() - series.folded_at >= FOLD_INTERVAL {
            series.fold(now.timestamp());
        }
    }

    /// The values of each period of a metric as they could be seen at `as_of`; of any unit when `unit` is `None`.
    pub(crate) fn read(
        &self,
        key: &MetricKey,
        unit: Option<&str>,
        window: &Window,
        as_of: DateTime<Utc>,
    ) -> BTreeMap<i64, Distribution> {
        let mut periods: BTreeMap<i64, Distribution> = BTreeMap::new();
        let from = window.start.max(window.horizon);
        let Some(series) = self.series.get(key).filter(|_| from < window.end) else {
            return periods;
        };
        for (at, samples) in series.samples.range(from..window.end) {
            let Some(period) = window.period_of(*at) else {
                continue;
            };
            for sample in samples {
                let wanted = sample.visible_at <= as_of
                    && unit.is_none_or(|unit| unit == sample.unit)
                    && (window.period >= 60 || sample.high_resolution);
                if wanted {
                    periods
                        .entry(period)
                        .and_modify(|values| values.merge(&sample.values))
                        .or_insert_with(|| sample.values.clone());
                }
            }
        }
        periods
    }

    /// The metrics with a sample stamped at or after `since` that could be seen at `as_of`.
    pub(crate) fn keys_since(&self, since: i64, as_of: DateTime<Utc>) -> impl Iterator<Item = &MetricKey> {
        self.series
            .iter()
            .filter(move |(_, series)| {
                series
                    .samples
                    .range(since..)
                    .flat_map(|(_, samples)| samples)
                    .any(|sample| sample.visible_at <= as_of)
            })
            .map(|(key, _)| key)
    }
}

impl Series {
    /// Joins samples that are too old for their resolution, and drops those that are too old for any.
    fn fold(&mut self, now: i64) {
        self.folded_at = now;
        let recent = self.samples.split_off(&(now - KEPT_SECONDS));
        let old = std::mem::replace(&mut self.samples, recent);
        let mut folded: BTreeMap<i64, Vec<Sample>> = BTreeMap::new();
        for (at, samples) in old {
            let grain = match now - at {
                age if age > KEPT_HOURS => continue,
                age if age > KEPT_FIVE_MINUTES => 3600,
                age if age > KEPT_MINUTES => 300,
                _ => 60,
            };
            let slot = folded.entry(at - at.rem_euclid(grain)).or_default();
            for sample in samples {
                fold_in(slot, sample);
            }
        }
        for (at, samples) in folded {
            self.samples.entry(at).or_default().extend(samples);
        }
    }
}

fn fold_in(slot: &mut Vec<Sample>, sample: Sample) {
    match slot.iter_mut().find(|kept| kept.unit == sample.unit) {
        Some(kept) => {
            kept.values.merge(&sample.values);
            kept.values.compact();
            kept.visible_at = kept.visible_at.max(sample.visible_at);
        }
        None => slot.push(Sample { high_resolution: false, ..sample }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::sim::aws::cloudwatch::statistic::Statistic;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:00:30Z".parse().unwrap()
    }

    fn key(dimensions: &[(&str, &str)]) -> MetricKey {
        MetricKey {
            namespace: "Test".to_owned(),
            name: "Open".to_owned(),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    fn sample(value: f64) -> Sample {
        Sample {
            unit: "Count",
            visible_at: now() - Duration::days(500),
            high_resolution: true,
            values: Distribution::single(value),
        }
    }

    fn sums(store: &MetricStore, key: &MetricKey, unit: Option<&str>, window: &Window) -> Vec<(i64, f64)> {
        store
            .read(key, unit, window, now())
            .into_iter()
            .map(|(at, values)| (at - now().timestamp(), Statistic::Sum.of(&values).unwrap()))
            .collect()
    }

    fn last_hour(period: i64) -> Window {
        Window::new(now() - Duration::hours(1), now(), period, now())
    }

    #[test]
    fn samples_of_all_nodes_are_joined_by_period_and_by_nothing_else() {
        let mut store = MetricStore::default();
        let both = key(&[("LoadBalancer", "a"), ("AvailabilityZone", "z")]);
        let start = now().timestamp() - 30;
        for (at, value) in [(start - 60, 1.0), (start - 60, 2.0), (start - 1, 4.0), (start, 8.0)] {
            store.add(both.clone(), at, sample(value), now());
        }
        store.add(key(&[("LoadBalancer", "a")]), start, sample(100.0), now());
        assert_eq!(sums(&store, &both, None, &last_hour(60)), [(-90, 7.0), (-30, 8.0)]);
        assert_eq!(sums(&store, &key(&[]), None, &last_hour(60)), []);
        assert_eq!(sums(&store, &both, Some("Bytes"), &last_hour(60)), []);
        assert_eq!(sums(&store, &both, Some("Count"), &last_hour(60)).len(), 2);
    }

    #[test]
    fn what_is_not_visible_yet_is_not_there() {
        let mut store = MetricStore::default();
        let late = Sample { visible_at: now() + Duration::seconds(1), ..sample(1.0) };
        store.add(key(&[]), now().timestamp() - 60, late, now());
        assert_eq!(sums(&store, &key(&[]), None, &last_hour(60)), []);
        let seen = store.read(&key(&[]), None, &last_hour(60), now() + Duration::seconds(1));
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn short_periods_show_only_high_resolution() {
        let mut store = MetricStore::default();
        let coarse = Sample { high_resolution: false, ..sample(1.0) };
        store.add(key(&[]), now().timestamp() - 90, coarse, now());
        store.add(key(&[]), now().timestamp() - 85, sample(2.0), now());
        assert_eq!(sums(&store, &key(&[]), None, &last_hour(10)), [(-90, 2.0)]);
        assert_eq!(sums(&store, &key(&[]), None, &last_hour(60)), [(-90, 3.0)]);
    }

    #[test]
    fn old_samples_are_folded_and_lose_nothing_that_may_still_be_asked() {
        let mut store = MetricStore::default();
        let second = now().timestamp();
        let ages = [10, 4 * 3600, 16 * 86_400, 64 * 86_400, 460 * 86_400];
        for age in ages {
            for offset in [0, 7] {
                store.add(key(&[]), second - age - offset, sample(1.0), now() - Duration::days(470));
            }
        }
        store.add(key(&[]), second, sample(1.0), now());
        let series = store.series.get(&key(&[])).unwrap();
        // The recent ones keep their second; each older pair is one, and what is older than 455 days is gone.
        assert_eq!(series.samples.len(), 6, "{series:?}");
        let window = Window::new(now() - Duration::days(454), now() + Duration::seconds(1), 3600, now());
        let total: f64 = sums(&store, &key(&[]), None, &window).iter().map(|(_, sum)| sum).sum();
        assert!((total - 9.0).abs() < 1e-9, "{total}");
        // By the minute, what is older than 15 days can't be had any more.
        let window = Window::new(now() - Duration::days(454), now() + Duration::seconds(1), 60, now());
        let total: f64 = sums(&store, &key(&[]), None, &window).iter().map(|(_, sum)| sum).sum();
        assert!((total - 5.0).abs() < 1e-9, "{total}");
    }
}
