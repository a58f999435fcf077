//! What AWS will charge for the run, by the table of prices.

use std::collections::BTreeSet;
use std::time::Duration;

use super::listener::listener_of;
use super::traffic::rules_in_force;
use super::wording::{info, skip};
use super::{Check, Forcing, Known};
use crate::facts::{Finding, Subject, metric};
use crate::plan::quantity::show_count;
use crate::plan::{CloudWatchPlan, Mode, Plan};
use crate::prices::{Carried, Use, show_dollars};

const NAME: &str = "cost";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// A handshake's request and answer, with headers as clients send them.
const HANDSHAKE_BYTES: f64 = 1_024.0;
/// A heartbeat and its answer.
const HEARTBEAT_BYTES: f64 = 40.0;

fn look(known: &Known<'_>) -> Finding {
    let Some(cloudwatch) = known.plan.cloudwatch else {
        return skip(NAME, "not asked for: --no-aws");
    };
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    let carried = Carried {
        mutual_tls: listener_of(known).is_some_and(|listener| listener.wants_certificate()),
        ..carried(known.plan, cloudwatch)
    };
    let (lcu_hours, dimension) = carried.lcu_hours();
    let used = Use {
        lcu_hours,
        metrics_read: metrics_read(known, cloudwatch, &facts.subject()),
        metrics_published: known.beside.metrics_published,
        log_bytes: 0,
    };
    let prices = known.prices;
    let cost = prices.cost(&used);
    let place = if prices.region == facts.arn.region() {
        String::new()
    } else {
        format!(", since no others are known for {} (see --prices)", facts.arn.region())
    };
    let published = match used.metrics_published {
        0 => String::new(),
        count => format!(
            ", {} for a month of {} custom metrics published",
            show_dollars(cost.publishing),
            show_count(count)
        ),
    };
    info(
        NAME,
        at_most(cost.total()),
        format!(
            "{} for {lcu_hours:.2} LCU-hours ({dimension}), {} for {} metrics read{published}; prices of {} in {}{place}; \
             without the ALB's own ${} an hour",
            show_dollars(cost.lcus),
            show_dollars(cost.reading),
            show_count(used.metrics_read),
            prices.as_of,
            prices.region,
            prices.load_balancer_hour,
        ),
        "",
    )
}

fn at_most(dollars: f64) -> String {
    if dollars < 0.01 { show_dollars(dollars) } else { format!("about {}", show_dollars(dollars)) }
}

/// All the levels that there can be, opened and held to their longest.
#[allow(clippy::cast_precision_loss)]
fn carried(plan: &Plan, cloudwatch: CloudWatchPlan) -> Carried {
    let (all, largest) = (plan.schedule.most().connections as f64, plan.schedule.largest());
    let hold = plan.hold.longest(Some(cloudwatch.period));
    // While they are opened one after the other, half of them are open on average; so too while they are closed. No
    // level takes longer for it than the largest.
    let paces = [plan.pace.rate, plan.pace.close_rate].into_iter().flatten();
    let ramps: Duration = paces.map(|rate| rate.intervals(largest.saturating_sub(1).into())).sum();
    let held_s = hold.as_secs_f64() + ramps.as_secs_f64() / 2.0;
    let opened = match plan.mode {
        Mode::Fresh => all,
        Mode::Cumulative => largest.into(),
    };
    // What lives on into the next level stands in the pause before it.
    let paused_s = match plan.mode {
        Mode::Fresh => 0.0,
        Mode::Cumulative => (all - f64::from(largest)) * plan.pace.pause.as_secs_f64(),
    };
    let connection_s = all * held_s + paused_s;
    let heartbeats = plan.heartbeat.every().map_or(0.0, |every| connection_s / every.as_secs_f64());
    Carried {
        opened,
        connection_hours: connection_s / 3_600.0,
        bytes: opened * HANDSHAKE_BYTES + heartbeats * HEARTBEAT_BYTES,
        mutual_tls: false,
    }
}

/// Before the load a few; beside it those of the brake's rules, and after it all of them, at every read, a period apart.
fn metrics_read(known: &Known<'_>, cloudwatch: CloudWatchPlan, subject: &Subject) -> u64 {
    let reads = |over: Duration| -> u64 {
        let periods = over.as_millis() / cloudwatch.period.length().as_millis();
        u64::try_from(periods).unwrap_or(u64::MAX)
    };
    let of_name = |name: &str| match metric::ALL.contains(&name) {
        true => 1,
        false => subject.target_groups.len() as u64,
    };
    let rules = rules_in_force(known.plan, known.metrics);
    let of_rules: BTreeSet<_> = rules.iter().filter_map(|rule| Some(rule.alb_metric()?.name())).collect();
    let of_rules: u64 = of_rules.into_iter().map(of_name).sum();
    let beside = reads(known.plan.longest_load()).saturating_mul(of_rules);
    let before: u64 = metric::BEFORE_LOAD.into_iter().map(of_name).sum();
    let reads_after = if cloudwatch.settle.is_zero() { 0 } else { reads(cloudwatch.settle) + 1 };
    let after = reads_after.saturating_mul(subject.metrics() as u64);
    before.saturating_add(beside).saturating_add(after)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, answer, case, plan};
    use super::*;
    use crate::facts::{ListenerFacts, LoadBalancerAnswer, Status};
    use crate::plan::Schedule;
    use crate::prices::Prices;

    fn expensive() -> Prices {
        Prices { lcu_hour: 100.0, metrics_read_1000: 1_000.0, ..Prices::default() }
    }

    /// 3,000 connections for an hour, read once at the end.
    fn an_hour(change: impl FnOnce(&mut Plan)) -> Plan {
        plan(|plan| {
            plan.schedule = Schedule::Levels(vec![3_000].try_into().unwrap());
            plan.hold.duration = Duration::from_secs(3_600);
            plan.cloudwatch.as_mut().unwrap().settle = Duration::from_secs(1);
            change(plan);
        })
    }

    #[test]
    fn units_and_reads_at_their_price() {
        let case = Case { plan: an_hour(|_| {}), prices: expensive(), ..case() };
        let finding = look(&case.known());
        assert_eq!(finding.status, Status::Info);
        // One unit for an hour; 26 metrics, 8 for each of 3 zones, 7 for a target group, and 4 before the load.
        assert_eq!(finding.found, "about $161.00");
        assert!(
            finding.detail.starts_with(
                "$100.00 for 1.00 LCU-hours (active connections), $61.00 for 61 metrics read; prices of"
            ),
            "{finding:?}"
        );
    }

    #[test]
    fn ramps_mutual_tls_and_settling_add_to_it() {
        let slow = an_hour(|plan| plan.pace.rate = Some("1".parse().unwrap()));
        let mutual = answer(|lb| {
            let mutual_tls = Some("verify".to_owned());
            lb.details.listeners = Some(vec![ListenerFacts {
                port: 443,
                protocol: "HTTPS".to_owned(),
                mutual_tls,
                forwards_to: None,
            }]);
        });
        let climbing = an_hour(|plan| {
            plan.mode = Mode::Cumulative;
            plan.schedule = Schedule::Levels("1500,4500".parse().unwrap());
        });
        let resting = an_hour(|plan| {
            plan.mode = Mode::Cumulative;
            plan.schedule = Schedule::Levels("1500,4500".parse().unwrap());
            plan.pace.pause = Duration::from_secs(3_600);
        });
        let share = crate::plan::Share::try_from(0.05).unwrap();
        let searching = an_hour(|plan| {
            plan.schedule = Schedule::Search(crate::plan::Search::new(3_000, share).unwrap());
        });
        let patient = an_hour(|plan| plan.cloudwatch.as_mut().unwrap().settle = Duration::from_secs(600));
        let impatient = an_hour(|plan| plan.cloudwatch.as_mut().unwrap().settle = Duration::ZERO);
        let braked = an_hour(|plan| {
            plan.cloudwatch.as_mut().unwrap().settle = Duration::ZERO;
            let rules = ["UnHealthyHostCount > 0", "HTTPCode_ELB_5XX_Count > 9", "client.http_5xx > 9"];
            plan.brake.rules = rules.map(|rule| rule.parse().unwrap()).to_vec();
        });
        for (case, says) in [
            // Half of the 50 minutes that opening takes.
            (Case { plan: slow, ..case() }, "1.42 LCU-hours"),
            (Case { plan: an_hour(|_| {}), load_balancer: mutual, ..case() }, "2.00 LCU-hours"),
            (Case { plan: climbing, ..case() }, "2.00 LCU-hours"),
            // The first 1,500 stand for an hour more.
            (Case { plan: resting, ..case() }, "2.50 LCU-hours"),
            (Case { plan: searching, ..case() }, " LCU-hours (active connections)"),
            (Case { plan: patient, ..case() }, " 631 metrics read"),
            // Before the load only.
            (Case { plan: impatient, ..case() }, " 4 metrics read"),
            // And an hour's minutes for each of two metrics.
            (Case { plan: braked, ..case() }, " 124 metrics read"),
        ] {
            let finding = look(&case.known());
            assert!(finding.detail.contains(says), "{says}: {finding:?}");
        }
    }

    #[test]
    fn prices_of_another_region_are_said_to_be() {
        let foreign = Prices { region: "eu-west-1".to_owned(), ..Prices::default() };
        let finding = look(&Case { prices: foreign, ..case() }.known());
        assert!(
            finding.detail.contains("in eu-west-1, since no others are known for us-east-1"),
            "{finding:?}"
        );
        assert!(!look(&case().known()).detail.contains("--prices"));
    }

    #[test]
    fn without_a_load_balancer_nothing_is_known() {
        let alone = Case {
            plan: plan(|plan| plan.cloudwatch = None),
            load_balancer: LoadBalancerAnswer::NotAsked,
            ..case()
        };
        assert_eq!(look(&alone.known()).status, Status::Skip);
    }
}
