//! The loop: samples the load balancer, and tells of every period that has passed.

use std::time::Duration;

use super::calendar::Period;
pub(crate) use super::gather::Habits;
use super::gather::{Gathering, NodePeriod};
use crate::sim::alb::Alb;

/// Watches for ever; `tell` gets each period at its end, with what every node did in it. The first
/// one is seen in part only.
///
/// Held WebSockets are taken for traffic: unlike an ALB's (aws-facts.md §0.7), these metrics go on
/// without requests, unless `silence` is asked for.
pub(crate) async fn watch(alb: &Alb, habits: Habits, mut tell: impl FnMut(Period, Vec<NodePeriod>)) {
    let nodes = alb.nodes();
    let mut gatherings: Vec<Gathering> = nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            Gathering::new(node.zone.clone(), habits, (index, nodes.len()), node.counters.totals())
        })
        .collect();
    let mut period = Period::containing(habits.now(), habits.period);
    loop {
        let wait = period.next_after(habits.now()) - habits.now();
        tokio::time::sleep(wait.to_std().unwrap_or(Duration::ZERO)).await;
        let now = habits.now();
        if now >= period.end {
            let closed = gatherings
                .iter_mut()
                .zip(nodes)
                .map(|(gathering, node)| gathering.close(node.counters.totals()));
            tell(period, closed.collect());
            period = Period::containing(now, habits.period);
        } else {
            for (gathering, node) in gatherings.iter_mut().zip(nodes) {
                gathering.sample(period.share_passed(now), node.counters.legs());
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use chrono::Utc;
    use tokio::sync::mpsc;

    use super::*;
    use crate::sim::alb::{Count, Stage};
    use crate::sim::{Options, Sampling};

    #[tokio::test]
    async fn periods_are_taken_by_the_clock_that_is_ahead() {
        let stage = Stage::open(Options::default());
        let alb = Arc::clone(stage.alb());
        let habits = Habits {
            period: Duration::from_millis(100),
            sampling: Sampling::Snapshot,
            legs: 2,
            baseline: 0,
            clock_ahead: Duration::from_secs(3_600),
        };
        let (tell, mut told) = mpsc::unbounded_channel();
        let watching = tokio::spawn(async move {
            watch(&alb, habits, |period, _| tell.send(period).unwrap()).await;
        });
        let period = told.recv().await.unwrap();
        watching.abort();
        let ahead = (period.start - Utc::now()).num_seconds();
        assert!((3_500..3_600).contains(&ahead), "{ahead}");
    }

    #[tokio::test]
    async fn held_connections_show_in_whole_periods_and_opened_ones_in_theirs() {
        let period = Duration::from_millis(200);
        let stage = Stage::open(Options::default());
        let alb = Arc::clone(stage.alb());
        let habits =
            Habits { period, sampling: Sampling::Mean, legs: 2, baseline: 10, clock_ahead: Duration::ZERO };
        let (tell, mut told) = mpsc::unbounded_channel();
        let watching = tokio::spawn(async move {
            watch(&alb, habits, |period, nodes| tell.send((period, nodes)).unwrap()).await;
        });
        let before = told.recv().await.unwrap();
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(stage.upgraded(0).await);
        }
        let opened_in = Utc::now();
        let mut later = Vec::new();
        while later.iter().filter(|(period, _): &&(Period, _)| period.start > opened_in).count() < 2 {
            later.push(told.recv().await.unwrap());
        }
        watching.abort();

        let new: u64 = later.iter().map(|(_, nodes)| nodes[0].new).sum();
        assert_eq!(before.1[0].new + new, 10, "both legs of five, none lost between periods");
        let requests: u64 = later.iter().map(|(_, nodes)| nodes[0].counts.of(Count::Requests)).sum();
        assert_eq!(requests, 5);
        for (period, nodes) in later.iter().filter(|(period, _)| period.start > opened_in) {
            assert_eq!(nodes[0].active, 2.0 * (5.0 + 10.0), "{period:?}");
        }
        for pair in later.windows(2) {
            assert!(pair[0].0.end <= pair[1].0.start);
            assert_eq!(pair[0].0.length().num_milliseconds(), 200);
        }
    }
}
