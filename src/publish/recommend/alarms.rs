//! The alarms, and where their thresholds come from; docs/recommend.md tells it to users.

use super::alarm::{Alarm, Comparison, Metric, MissingData, Query};
use super::basis::{Basis, plain};
use super::noise::most_in_a_minute;
use super::scaling::healthy;
use super::targets::target_groups;
use super::{AlarmAction, Scaling};
use crate::judge::wording::{plural, show_count};
use crate::judge::{Judged, metric};

/// What an alarm adds to its query: when it goes off, and why.
struct Rule {
    what: String,
    metrics: Vec<Query>,
    comparison: Comparison,
    threshold: u32,
    /// How many minutes of how many.
    minutes: (u32, u32),
    missing: MissingData,
    /// Whether silence itself is news, and calls the actions as well.
    tells_silence: bool,
    why: String,
}

/// All alarms that the run gives grounds for. With `each`, those on connections are held against what each target held
/// rather than against what all of them did: more targets than were tested may hold more.
pub(super) fn alarms(
    judged: &Judged<'_>,
    basis: &Basis,
    each: Option<&Scaling>,
    actions: &[AlarmAction],
) -> Vec<Alarm> {
    let errors = [
        ("elb-5xx", "HTTPCode_ELB_5XX_Count"),
        ("target-connection-errors", metric::TARGET_CONNECTION_ERRORS),
    ];
    let errors = errors.map(|(what, name)| more_than_before(judged, basis, what, name));
    let unhealthy = target_groups(judged).into_iter().map(|group| unhealthy_targets(basis, &group));
    [near_limit(basis, each), rejected(basis)]
        .into_iter()
        .chain(errors)
        .chain(unhealthy)
        .chain([gone(judged, basis, each)])
        .map(|rule| rule.alarm(basis, actions))
        .collect()
}

impl Rule {
    fn alarm(self, basis: &Basis, actions: &[AlarmAction]) -> Alarm {
        let arns = |actions: &mut dyn Iterator<Item = &AlarmAction>| -> Vec<String> {
            actions.map(|action| action.as_str().to_owned()).collect()
        };
        let (datapoints_to_alarm, evaluation_periods) = self.minutes;
        Alarm {
            alarm_name: basis.name_of(&self.what),
            alarm_description: self.why,
            insufficient_data_actions: arns(
                &mut actions.iter().filter(|action| self.tells_silence && action.takes_silence()),
            ),
            alarm_actions: arns(&mut actions.iter()),
            metrics: self.metrics,
            evaluation_periods,
            datapoints_to_alarm,
            threshold: self.threshold,
            comparison_operator: self.comparison,
            treat_missing_data: self.missing,
        }
    }
}

/// Sum is the sum over the load balancer's nodes. A minute that is still incomplete has less of it, never more: three in
/// a row are no accident of a reconnect wave either.
fn near_limit(basis: &Basis, each: Option<&Scaling>) -> Rule {
    let factor = plain(basis.factor);
    let (threshold, why) = match each {
        None => (
            basis.safe_limit,
            format!(
                "The safe limit of {} is reached; {} were held. ActiveConnectionCount counts {factor} TCP connections for each.",
                plural(basis.safe_limit.into(), "connection"),
                show_count(basis.max_reliable.into()),
            ),
        ),
        Some(scaling) => (
            scaling.target_value,
            format!(
                "A target holds {} on average, as many as at the safe limit of {} in all: add targets. \
                 ActiveConnectionCount counts {factor} TCP connections for each.",
                plural(scaling.target_value.into(), "connection"),
                show_count(basis.safe_limit.into()),
            ),
        ),
    };
    Rule {
        what: "connections-near-limit".into(),
        metrics: of_connections(basis, each, &basis.connections("m1"), "connections"),
        comparison: Comparison::AtLeast,
        threshold,
        minutes: (3, 3),
        // The metric is absent when nothing is open, which is far from the limit.
        missing: MissingData::NotBreaching,
        tells_silence: false,
        why,
    }
}

/// An expression over ActiveConnectionCount, `m1`, in all or for each healthy target.
fn of_connections(basis: &Basis, each: Option<&Scaling>, expression: &str, label: &str) -> Vec<Query> {
    let active =
        Query::metric("m1", Metric::of_alb(metric::ACTIVE_CONNECTIONS, &basis.load_balancer, None), "Sum");
    match each {
        None => vec![active, Query::expression("e1", expression, label).watched()],
        Some(scaling) => vec![
            active,
            healthy("m2", basis, &scaling.target_group),
            Query::expression("e1", format!("{expression} / m2"), &format!("{label}, for each target"))
                .watched(),
        ],
    }
}

/// A load balancer that is at its own maximum turns everybody away: one minute of it is enough.
fn rejected(basis: &Basis) -> Rule {
    counted(
        basis,
        "connections-rejected",
        metric::REJECTED_CONNECTIONS,
        0,
        (1, 1),
        "The load balancer is at its own maximum and turns connections away: there is no tolerable number."
            .into(),
    )
}

/// More than in any minute in which all was well. Two minutes of three: a single failed request wakes nobody, and a
/// minute that comes late does not hide two that were bad.
fn more_than_before(judged: &Judged<'_>, basis: &Basis, what: &str, name: &str) -> Rule {
    let most = most_in_a_minute(judged, name);
    let failed = judged.levels.iter().any(|level| level.passed == Some(false));
    let minutes = if failed { "before the first failed level" } else { "of what was read for the run" };
    let seen = match most {
        None => "CloudWatch was not read, so none is taken as normal".to_owned(),
        Some(0) => format!("there was none in any minute {minutes}"),
        Some(most) => format!("no minute {minutes} had more than {}", show_count(most.into())),
    };
    let means = match name {
        metric::TARGET_CONNECTION_ERRORS => "The load balancer can't connect to targets",
        _ => "The load balancer answers with errors of its own",
    };
    counted(basis, what, name, most.unwrap_or(0), (2, 3), format!("{means}: {seen}."))
}

/// A count of the load balancer's, absent where it is zero (aws-facts.md §0.4).
fn counted(basis: &Basis, what: &str, name: &str, above: u32, minutes: (u32, u32), why: String) -> Rule {
    let count = Query::metric("m1", Metric::of_alb(name, &basis.load_balancer, None), "Sum");
    Rule {
        what: what.into(),
        metrics: vec![count.watched()],
        comparison: Comparison::Above,
        threshold: above,
        minutes,
        missing: MissingData::NotBreaching,
        tells_silence: false,
        why,
    }
}

/// Minimum: what every node agrees on, as AWS advises (aws-facts.md §1).
fn unhealthy_targets(basis: &Basis, group: &str) -> Rule {
    let of_group = Metric::of_alb(metric::UNHEALTHY_HOSTS, &basis.load_balancer, Some(group));
    let name = group.split('/').nth(1).unwrap_or(group);
    Rule {
        what: format!("unhealthy-targets-{name}"),
        metrics: vec![Query::metric("m1", of_group, "Minimum").watched()],
        comparison: Comparison::Above,
        threshold: 0,
        minutes: (3, 3),
        // Reported only while requests flow: silence neither heals a target nor breaks one.
        missing: MissingData::Ignore,
        tells_silence: false,
        why: format!("Targets of {name:.32} fail their health checks; the others carry what those held."),
    }
}

/// A fall from one minute to the next. Nothing is filled: AWS delivers the newest minute late, and a filled one would
/// look like a fall to nothing every time. When really nobody is left, the metric is absent and the alarm says that
/// there is no data.
fn gone(judged: &Judged<'_>, basis: &Basis, each: Option<&Scaling>) -> Rule {
    let (tells_silence, silence) = silence(judged);
    let lost = format!("-1 * DIFF(m1) / {}", plain(basis.factor));
    let (threshold, of) = match each {
        None => (basis.reserve(), ""),
        // The reserve of a target is that share of it which it held of the safe limit.
        Some(scaling) => {
            let (reserve, held) = (u64::from(basis.reserve()), u64::from(scaling.target_value));
            let share = (reserve * held).div_ceil(u64::from(basis.safe_limit)).max(1);
            (u32::try_from(share).unwrap_or(u32::MAX), " for each target")
        }
    };
    Rule {
        what: "connections-gone".into(),
        metrics: of_connections(basis, each, &lost, "connections lost since the minute before"),
        comparison: Comparison::AtLeast,
        threshold,
        // A fall is one minute's; it stays in sight for three.
        minutes: (1, 3),
        missing: MissingData::Missing,
        tells_silence,
        why: format!(
            "Within a minute as many connections went{of} as the safe limit keeps in reserve ({} held, {} safe): they \
             come back all at once. A minute of which a node's part comes late can be a false alarm. {silence}",
            show_count(basis.max_reliable.into()),
            show_count(basis.safe_limit.into()),
        ),
    }
}

/// Whether silence is news, and what is said of it: only where the metric was there in every minute in which the run
/// held its connections. Where it is not, an alarm on silence would go off while all is well.
fn silence(judged: &Judged<'_>) -> (bool, &'static str) {
    let levels = judged.correlation.iter().flat_map(|correlation| &correlation.active.levels);
    let (periods, missing) = levels
        .fold((0, 0), |(periods, missing), level| (periods + level.periods.len(), missing + level.missing));
    match (periods, missing) {
        (_, 1..) => (
            false,
            "Silence is not told: the metric was missing in minutes in which the run held connections.",
        ),
        (0, _) => (
            false,
            "Silence is not told: the run does not show that the metric is there while connections are held.",
        ),
        _ => (true, "No data means that none is left, or that nothing is reported."),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Scenario, example};

    fn of(scenario: &Scenario, actions: &[&str]) -> Vec<Alarm> {
        let mut run = scenario.run();
        super::super::testing::all_read(&mut run);
        let judged = judge(&run);
        let actions: Vec<AlarmAction> = actions.iter().map(|action| action.parse().unwrap()).collect();
        alarms(&judged, &Basis::of(&judged).unwrap(), None, &actions)
    }

    fn named<'a>(alarms: &'a [Alarm], what: &str) -> &'a Alarm {
        alarms.iter().find(|alarm| alarm.alarm_name == format!("albcap-prod-ws-{what}")).unwrap()
    }

    #[test]
    fn each_watches_one_thing_within_awss_limits() {
        let alarms = of(&example(), &[]);
        assert_eq!(alarms.len(), 5, "without target groups no alarm is on them: {alarms:#?}");
        for alarm in &alarms {
            assert_eq!(alarm.metrics.iter().filter(|query| query.return_data).count(), 1, "{alarm:?}");
            assert!(alarm.metrics.len() <= 10 && alarm.alarm_name.len() <= 255);
            assert!(alarm.alarm_description.len() <= 1_024);
            assert!((1..=alarm.evaluation_periods).contains(&alarm.datapoints_to_alarm));
            assert!(alarm.alarm_actions.is_empty() && alarm.insufficient_data_actions.is_empty());
        }
    }

    #[test]
    fn thresholds_come_from_the_run() {
        let alarms = of(&example(), &[]);
        let near = named(&alarms, "connections-near-limit");
        assert_eq!((near.watches().as_str(), near.threshold), ("(ActiveConnectionCount - 210) / 2", 800));
        assert_eq!(named(&alarms, "connections-rejected").threshold, 0);
        let gone = named(&alarms, "connections-gone");
        assert_eq!((gone.watches().as_str(), gone.threshold), ("-1 * DIFF(ActiveConnectionCount) / 2", 200));
        // Only the failing level rose: before it there was none.
        let rises = vec![("HTTPCode_ELB_5XX_Count", 9.0)];
        let noisy = Scenario { rises, faults: Vec::new(), ..example() };
        assert!(named(&of(&noisy, &[]), "elb-5xx").threshold >= 9);
        assert_eq!(named(&alarms, "elb-5xx").threshold, 0);
    }

    #[test]
    fn what_is_normal_is_said_as_far_as_it_is_known() {
        let unread = Scenario { series: None, ..example() };
        let passed = Scenario { faults: Vec::new(), ..example() };
        for (scenario, says) in [
            (example(), "there was none in any minute before the first failed level."),
            (passed, "there was none in any minute of what was read for the run."),
            (unread, "CloudWatch was not read, so none is taken as normal."),
        ] {
            let alarms = of(&scenario, &[]);
            let errors = named(&alarms, "elb-5xx");
            assert!(errors.alarm_description.ends_with(says), "{}", errors.alarm_description);
            assert_eq!(errors.threshold, 0);
        }
    }

    #[test]
    fn beyond_the_tested_size_each_target_is_held_against_what_it_held() {
        let recommendation = super::super::testing::recommendation();
        let near = named(&recommendation.alarms, "connections-near-limit");
        let scaling = recommendation.scaling.as_ref().unwrap();
        // 800 safe and 200 in reserve, over 4 targets.
        assert_eq!((near.threshold, scaling.target_value), (200, 200));
        let expression =
            |queries: &[Query]| queries.iter().find(|query| query.return_data).unwrap().expression.clone();
        assert_eq!(
            expression(&near.metrics),
            expression(&scaling.metrics),
            "as the policy, which acts first"
        );
        let gone = named(&recommendation.alarms, "connections-gone");
        assert_eq!(
            (gone.watches().as_str(), gone.threshold),
            ("-1 * DIFF(ActiveConnectionCount) / 2 / HealthyHostCount", 50)
        );
    }

    #[test]
    fn silence_is_told_only_where_it_is_news() {
        let topic = "arn:aws:sns:us-east-1:123456789012:on-call";
        for alarm in of(&example(), &[topic]) {
            assert_eq!(alarm.alarm_actions, [topic]);
            let told = alarm.treat_missing_data == MissingData::Missing;
            assert_eq!(alarm.insufficient_data_actions == [topic], told, "{}", alarm.alarm_name);
            assert_eq!(alarm.alarm_name.ends_with("gone"), told);
        }
        // An investigation begins when an alarm goes off, not when it has no data.
        let both = of(&example(), &[topic, "arn:aws:aiops:us-east-1:123456789012:investigation-group/a"]);
        let gone = named(&both, "connections-gone");
        assert_eq!(
            (gone.alarm_actions.len(), &gone.insufficient_data_actions[..]),
            (2, &[topic.to_owned()][..])
        );
    }

    #[test]
    fn silence_is_not_told_where_the_run_met_it_itself() {
        let topic = "arn:aws:sns:us-east-1:123456789012:on-call";
        let silent = Scenario { silent_holds: true, ..example() };
        let unread = Scenario { series: None, ..example() };
        for scenario in [silent, unread] {
            let alarms = of(&scenario, &[topic]);
            let gone = named(&alarms, "connections-gone");
            assert!(gone.insufficient_data_actions.is_empty(), "{gone:?}");
            assert!(gone.alarm_description.contains("Silence is not told"), "{gone:?}");
        }
    }
}
