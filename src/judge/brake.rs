//! Whether a rule of the brake is broken, by what the clients have seen of a level or by what CloudWatch has said; and
//! how that is told.

use super::wording::{clock, percent, rounded, show_count};
use crate::facts::{Period, Reading};
use crate::plan::{AbortRule, BrakeMetric, ClientMetric};
use crate::record::{Braked, FailureKind, LevelRun, Measured, Run};

/// The first rule that is broken by what the clients have seen of a level so far. Rates are over the connections that
/// were asked for, as a level's success rate is.
pub fn broken_by_clients(rules: &[AbortRule], ordinal: u32, level: &LevelRun) -> Option<Braked> {
    rules.iter().find_map(|rule| {
        let value = match rule.metric() {
            BrakeMetric::Client(ClientMetric::FailedRate) => failed_rate(level)?,
            BrakeMetric::Client(ClientMetric::Http5xx) => f64::from(answered_5xx(level)),
            BrakeMetric::LoadBalancer(_) => return None,
        };
        rule.is_broken_by(value).then_some(Braked {
            rule: *rule,
            value,
            level: Some(ordinal),
            measured: None,
        })
    })
}

/// The first rule that is broken by a period of a reading, and of its periods the earliest. Metrics that only target
/// groups have are judged for every group alone. What is missing breaks nothing: it may still come.
pub fn broken_by_load_balancer(
    rules: &[AbortRule],
    level: Option<u32>,
    period: Period,
    reading: &Reading,
) -> Option<Braked> {
    rules.iter().find_map(|rule| {
        let name = rule.alb_metric()?.name();
        let whole = reading.metrics.get(name).map(|points| (None, points));
        let groups = reading
            .target_groups
            .iter()
            .filter_map(|(group, metrics)| Some((Some(group), metrics.get(name)?)));
        let series: Vec<_> = match whole {
            Some(whole) => vec![whole],
            None => groups.collect(),
        };
        let broken = series.into_iter().filter_map(|(group, points)| {
            Some((group, points.iter().find(|point| rule.is_broken_by(point.value))?))
        });
        let (group, point) = broken.min_by_key(|(_, point)| point.at)?;
        let measured = Measured { from: point.at, period, target_group: group.cloned() };
        Some(Braked { rule: *rule, value: point.value, level, measured: Some(measured) })
    })
}

fn failed_rate(level: &LevelRun) -> Option<f64> {
    (level.connections > 0).then(|| f64::from(level.failed()) / f64::from(level.connections))
}

fn answered_5xx(level: &LevelRun) -> u32 {
    let of_server = |kind: FailureKind| matches!(kind, FailureKind::Http(500..=599));
    let groups = level.failures.iter().filter(|((_, kind, _), _)| of_server(*kind));
    groups.map(|(_, group)| group.count).sum()
}

/// Which value of which period broke which rule, where the brake stopped the run.
pub(super) fn why_braked(run: &Run) -> Option<String> {
    let (at, braked) = run.braked.as_ref()?;
    let connections = braked.level.and_then(|level| run.levels.get(usize::try_from(level).ok()?));
    let level = connections.map_or_else(
        || "between two levels".to_owned(),
        |level| format!("in level {}", show_count(level.connections.into())),
    );
    Some(format!("the brake stopped the load at {} UTC, {level}: {}", clock(*at), broken(braked)))
}

/// What broke the rule: `UnHealthyHostCount was 1 in the minute from 13:05:00 UTC, of targetgroup/ws/1 (rule:
/// UnHealthyHostCount > 0)`.
pub fn broken(braked: &Braked) -> String {
    let metric = braked.rule.metric();
    let value = match metric {
        BrakeMetric::Client(ClientMetric::FailedRate) => percent(braked.value),
        _ if braked.value.fract() == 0.0 => rounded(braked.value),
        _ => metric.show(braked.value),
    };
    let measured = braked.measured.as_ref().map_or_else(String::new, |measured| {
        let length = match measured.period.seconds() {
            60 => "minute".to_owned(),
            seconds => format!("{seconds} s"),
        };
        let of = measured.target_group.as_ref().map_or_else(String::new, |group| format!(", of {group}"));
        format!(" in the {length} from {} UTC{of}", clock(measured.from))
    });
    format!("{metric} was {value}{measured} (rule: {})", braked.rule)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::super::testing::{Fault, Scenario};
    use super::*;
    use crate::facts::{Metrics, Point};
    use crate::record::{Event, Phase, Stamped};

    fn rules(texts: &[&str]) -> Vec<AbortRule> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// A level of 100 with 6 failures, of which 4 are answers of 5xx.
    fn failing() -> Run {
        let fault = |kind, count| Fault { level: 0, phase: Phase::Upgrade, kind, count, ..Fault::default() };
        let faults = vec![
            fault(FailureKind::Http(503), 3),
            fault(FailureKind::Http(500), 1),
            fault(FailureKind::Http(404), 1),
            fault(FailureKind::Timeout, 1),
        ];
        Scenario { levels: vec![100], faults, ..Scenario::default() }.run()
    }

    #[test]
    fn the_clients_counts_of_the_level() {
        let run = failing();
        let broken = |texts: &[&str]| broken_by_clients(&rules(texts), 0, &run.levels[0]);
        for (text, value) in [
            ("client.failed_rate > 5%", Some(0.06)),
            ("client.failed_rate > 6%", None),
            ("client.failed_rate >= 6%", Some(0.06)),
            ("client.http_5xx > 3", Some(4.0)),
            ("client.http_5xx > 4", None),
            ("UnHealthyHostCount > 0", None),
        ] {
            assert_eq!(broken(&[text]).map(|braked| braked.value), value, "{text}");
        }
        let first = broken(&["client.http_5xx > 9", "client.http_5xx > 2", "client.failed_rate > 1%"]);
        assert_eq!(first.unwrap().rule.to_string(), "client.http_5xx > 2");
    }

    fn points(values: &[f64]) -> Vec<Point> {
        let minutes = (0..).map(|minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute));
        minutes.zip(values).map(|(at, value)| Point { at, value: *value }).collect()
    }

    fn metrics(name: &str, values: &[f64]) -> Metrics {
        [(name.to_owned(), points(values))].into()
    }

    #[test]
    fn whatever_period_has_come() {
        let reading = Reading {
            metrics: metrics("HTTPCode_ELB_5XX_Count", &[0.0, 101.0, 500.0]),
            target_groups: [
                ("targetgroup/a/1".to_owned(), metrics("UnHealthyHostCount", &[0.0, 0.0, 2.0])),
                ("targetgroup/b/2".to_owned(), metrics("UnHealthyHostCount", &[0.0, 1.0, 0.0])),
            ]
            .into(),
            ..Reading::default()
        };
        let broken = |text: &str| broken_by_load_balancer(&rules(&[text]), Some(1), Period::MINUTE, &reading);
        let found = |text: &str| {
            let braked = broken(text)?;
            let measured = braked.measured.unwrap();
            Some((braked.value, measured.from.timestamp() / 60, measured.target_group))
        };
        assert_eq!(found("HTTPCode_ELB_5XX_Count > 100"), Some((101.0, 1, None)));
        assert_eq!(found("HTTPCode_ELB_5XX_Count > 500"), None);
        assert_eq!(found("UnHealthyHostCount > 0"), Some((1.0, 1, Some("targetgroup/b/2".to_owned()))));
        assert_eq!(found("UnHealthyHostCount > 1"), Some((2.0, 2, Some("targetgroup/a/1".to_owned()))));
        assert_eq!(found("UnHealthyHostCount > 2"), None);
        assert_eq!(found("RejectedConnectionCount > 0"), None, "nothing has come of it");
        assert_eq!(found("client.http_5xx > 0"), None);
    }

    #[test]
    fn the_reason_names_rule_value_and_minute() {
        let mut run = failing();
        let at = run.levels[0].started_at;
        let measured = Measured {
            from: at,
            period: Period::MINUTE,
            target_group: Some("targetgroup/ws/6d0ecf831eec9f09".to_owned()),
        };
        let rule = "UnHealthyHostCount > 0".parse().unwrap();
        let braked = Braked { rule, value: 1.0, level: Some(0), measured: Some(measured) };
        run.apply(&Stamped { at, event: Event::Brake(braked) });
        assert_eq!(
            why_braked(&run).unwrap(),
            "the brake stopped the load at 13:00:05 UTC, in level 100: UnHealthyHostCount was 1 in the minute from \
             13:00:05 UTC, of targetgroup/ws/6d0ecf831eec9f09 (rule: UnHealthyHostCount > 0)"
        );
        let rule = "client.failed_rate > 5%".parse().unwrap();
        let braked = Braked { rule, value: 0.0612, level: None, measured: None };
        run.apply(&Stamped { at, event: Event::Brake(braked) });
        assert_eq!(
            why_braked(&run).unwrap(),
            "the brake stopped the load at 13:00:05 UTC, between two levels: client.failed_rate was 6.1 % (rule: \
             client.failed_rate > 5%)"
        );
        assert_eq!(why_braked(&Scenario::default().run()), None);
    }
}
