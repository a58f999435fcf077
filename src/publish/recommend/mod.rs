//! What to do with a safe limit: alarms, scaling, settings, reserved capacity and a dashboard, as plain values.
//!
//! [`recommend`] makes a [`Recommendation`] of a judged run; `basis` is what all of it stands on, then a file for each
//! thing that is recommended. The forms, `text`, `aws_cli`, `cloudformation` and `terraform`, render the same value.
//! `changes` is what applying one changes; doing it is the part of the AWS room.

mod action;
mod alarm;
mod alarms;
mod aws_cli;
mod basis;
mod cautions;
mod changes;
mod cloudformation;
mod dashboard;
mod noise;
mod owner;
mod reservation;
mod scaling;
mod settings;
mod targets;
mod terraform;
#[cfg(test)]
mod testing;
mod text;

pub use action::{AlarmAction, AlarmActionError};
pub use alarm::{Alarm, Comparison, Metric, MetricDimension, MetricStat, MissingData, Query};
pub use aws_cli::aws_cli;
pub use basis::{Basis, FactorSource, NothingToRecommend};
pub use changes::{AlarmThere, Change, There, Thing, to_apply, to_remove};
pub use cloudformation::cloudformation;
pub use dashboard::Dashboard;
pub use owner::Owner;
pub use reservation::Reservation;
pub use scaling::Scaling;
pub use settings::Settings;
pub use terraform::terraform;
pub use text::{Section, text};

use super::{Dimension, Namespace};
use crate::judge::Judged;

/// What the user wants of a recommendation.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Connections in all; the safe limit where it is not said.
    pub connections: Option<u32>,
    /// What alarms tell.
    pub alarm_actions: Vec<AlarmAction>,
    /// Where the clients' metrics are published.
    pub namespace: Namespace,
    /// The user's own dimensions of them.
    pub dimensions: Vec<Dimension>,
}

/// What to do with a safe limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation {
    /// What all of it stands on.
    pub basis: Basis,
    /// Connections in all that are wished for.
    pub connections: u32,
    /// When to be told.
    pub alarms: Vec<Alarm>,
    /// What to look at.
    pub dashboard: Dashboard,
    /// How the targets grow, or why that can't be said.
    pub scaling: Result<Scaling, String>,
    /// How long connections live.
    pub settings: Settings,
    /// Whether to reserve capacity; `None` where the run does not tell what the connections use.
    pub reservation: Option<Reservation>,
    /// What to know before relying on it, a sentence each.
    pub cautions: Vec<String>,
}

/// What a judged run recommends. The same record and wish give the same recommendation.
///
/// # Errors
/// [`NothingToRecommend`], where the record holds no safe limit or no load balancer.
pub fn recommend(judged: &Judged<'_>, wish: &Wish) -> Result<Recommendation, NothingToRecommend> {
    let basis = Basis::of(judged)?;
    let connections = wish.connections.unwrap_or(basis.safe_limit);
    let scaling = scaling::scaling(judged, &basis, connections);
    // Beyond what was tested only the number of targets may grow, not what each of them holds.
    let each = scaling.as_ref().ok().filter(|_| connections > basis.safe_limit);
    let alarms = alarms::alarms(judged, &basis, each, &wish.alarm_actions);
    let clients = dashboard::Clients { namespace: &wish.namespace, dimensions: &wish.dimensions };
    Ok(Recommendation {
        connections,
        dashboard: dashboard::dashboard(judged, &basis, &alarms, &clients),
        settings: Settings::of(judged),
        reservation: reservation::reservation(judged, connections),
        cautions: cautions::cautions(judged, &basis, connections, &scaling),
        scaling,
        alarms,
        basis,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::{Scenario, example};

    fn wish(connections: Option<u32>) -> Wish {
        let namespace = "albcap".parse().unwrap();
        Wish { connections, alarm_actions: Vec::new(), namespace, dimensions: Vec::new() }
    }

    #[test]
    fn without_a_wish_it_is_for_the_safe_limit() {
        let run = example().run();
        let judged = judge(&run);
        let unsaid = recommend(&judged, &wish(None)).unwrap();
        assert_eq!(Some(unsaid.connections), judged.capacity.safe_limit);
        assert_eq!(unsaid, recommend(&judged, &wish(Some(unsaid.connections))).unwrap());
    }

    #[test]
    fn absurd_records_are_borne_in_every_form() {
        for at in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let mut run =
                Scenario { hosts: Some((1e300, -1.0, f64::MAX)), baseline: 1e12, ..example() }.run();
            run.levels.last_mut().unwrap().started_at = at;
            let balancer = run.facts.as_mut().unwrap().load_balancer.as_mut().unwrap();
            balancer.targets = Some([("healthy".to_owned(), u32::MAX)].into());
            balancer.idle_timeout = Some(std::time::Duration::MAX);
            let series = run.series.as_mut().unwrap();
            series.metrics.values_mut().flatten().for_each(|point| point.at = at);
            let made = recommend(&judge(&run), &wish(Some(u32::MAX))).unwrap();
            assert!(!text(&made).is_empty() && !aws_cli(&made).is_empty());
            for alarm in &made.alarms {
                assert!((1..=255).contains(&alarm.alarm_name.len()), "{alarm:?}");
                assert!(alarm.alarm_description.len() <= 1_024, "{alarm:?}");
                for expression in alarm.metrics.iter().filter_map(|query| query.expression.as_deref()) {
                    let finite = !expression.contains("NaN") && !expression.contains("inf");
                    assert!(finite && expression.len() <= 1_024, "{expression}");
                }
            }
            assert!(made.dashboard.dashboard_name.len() <= 255);
            assert!(
                cloudformation(&made)["Resources"].is_object() && terraform(&made)["resource"].is_object()
            );
        }
    }
}
