//! What a run's receipts say of one place: what AWS has taken, and of what that is not known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::record::{Answer, Place, Receipt};

/// Metrics and log events have receipts of their own, though both may have come in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Custom metrics.
    Metric,
    /// Log events.
    Log,
}

/// The receipts of one place, by series.
#[derive(Debug, Default)]
pub(super) struct Ledger<'a> {
    accepted: Stretches<'a>,
    lost: Stretches<'a>,
}

type Stretches<'a> = BTreeMap<(Part, &'a str), Vec<(DateTime<Utc>, DateTime<Utc>)>>;

impl<'a> Ledger<'a> {
    pub(super) fn of(receipts: &'a [Receipt], place: &Place) -> Ledger<'a> {
        let mut ledger = Ledger::default();
        let mut awaited: Option<&Receipt> = None;
        for receipt in receipts {
            // One request at a time: what is still awaited when the next one is sent was never answered.
            let before = awaited.take();
            match receipt.answer {
                Answer::Awaited => {
                    before.into_iter().for_each(|lost| enter(&mut ledger.lost, lost, place));
                    awaited = Some(receipt);
                }
                Answer::Accepted => enter(&mut ledger.accepted, receipt, place),
                Answer::Refused => {}
            }
        }
        awaited.into_iter().for_each(|lost| enter(&mut ledger.lost, lost, place));
        for series in ledger.accepted.values_mut().chain(ledger.lost.values_mut()) {
            series.sort_unstable();
            // From here on each end is the latest of all that began no later, so that one look is enough.
            let mut latest = DateTime::<Utc>::MIN_UTC;
            for (_, until) in series {
                latest = latest.max(*until);
                *until = latest;
            }
        }
        ledger
    }

    /// Whether AWS has taken anything of that time.
    pub(super) fn holds(&self, part: Part, series: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        touches(&self.accepted, part, series, from, until)
    }

    /// Whether anything of that time was sent, and no answer came.
    pub(super) fn doubts(&self, part: Part, series: &str, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        touches(&self.lost, part, series, from, until)
    }
}

fn enter<'a>(stretches: &mut Stretches<'a>, receipt: &'a Receipt, place: &Place) {
    for (part, sent) in [(Part::Metric, &receipt.metrics), (Part::Log, &receipt.logs)] {
        for sent in sent.iter().filter(|_| is_here(part, place, &receipt.place)) {
            stretches.entry((part, sent.series.as_str())).or_default().push((sent.from, sent.until));
        }
    }
}

fn touches(
    stretches: &Stretches<'_>,
    part: Part,
    series: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> bool {
    let Some(stretches) = stretches.get(&(part, series)) else { return false };
    let began = stretches.partition_point(|(began, _)| *began <= until);
    began > 0 && stretches[began - 1].1 >= from
}

/// Whether two places are one, as far as it matters: metrics are the same whichever way they came.
fn is_here(part: Part, here: &Place, there: &Place) -> bool {
    (&there.region, &there.endpoint) == (&here.region, &here.endpoint)
        && match part {
            Part::Metric => (&there.namespace, &there.dimensions) == (&here.namespace, &here.dimensions),
            Part::Log => there.log_group == here.log_group,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Sent;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(second)
    }

    fn place(namespace: &str, log_group: Option<&str>) -> Place {
        Place {
            region: "eu-west-1".to_owned(),
            endpoint: None,
            namespace: Some(namespace.to_owned()),
            dimensions: BTreeMap::new(),
            log_group: log_group.map(str::to_owned),
        }
    }

    fn receipt(place: Place, answer: Answer, from: i64, until: i64) -> Receipt {
        let sent = || vec![Sent { series: "x".to_owned(), from: at(from), until: at(until) }];
        Receipt { place, metrics: sent(), logs: sent(), answer }
    }

    #[test]
    fn a_stretch_covers_what_lies_in_it() {
        let here = place("albcap", None);
        let receipts = [(0, 100), (10, 20), (200, 300)]
            .map(|(from, until)| receipt(here.clone(), Answer::Accepted, from, until));
        let ledger = Ledger::of(&receipts, &here);
        for (second, held) in
            [(-1, false), (0, true), (30, true), (100, true), (101, false), (250, true), (301, false)]
        {
            assert_eq!(ledger.holds(Part::Metric, "x", at(second), at(second)), held, "{second}");
        }
        assert!(!ledger.holds(Part::Metric, "y", at(30), at(30)));
    }

    #[test]
    fn what_went_elsewhere_is_not_here() {
        let here = place("albcap", Some("/albcap/runs"));
        for elsewhere in [
            Place { region: "eu-west-2".to_owned(), ..here.clone() },
            Place { endpoint: Some("http://127.0.0.1:1".to_owned()), ..here.clone() },
        ] {
            let receipts = [receipt(elsewhere, Answer::Accepted, 0, 9)];
            let ledger = Ledger::of(&receipts, &here);
            assert!(
                !ledger.holds(Part::Metric, "x", at(1), at(1)) && !ledger.holds(Part::Log, "x", at(1), at(1))
            );
        }
        let receipts = [receipt(place("other", Some("/albcap/runs")), Answer::Accepted, 0, 9)];
        let ledger = Ledger::of(&receipts, &here);
        assert!(!ledger.holds(Part::Metric, "x", at(1), at(1)) && ledger.holds(Part::Log, "x", at(1), at(1)));
        let receipts = [receipt(place("albcap", None), Answer::Accepted, 0, 9)];
        let ledger = Ledger::of(&receipts, &here);
        assert!(ledger.holds(Part::Metric, "x", at(1), at(1)) && !ledger.holds(Part::Log, "x", at(1), at(1)));
    }

    #[test]
    fn what_was_lost_is_in_doubt_and_not_held() {
        let here = place("albcap", None);
        let all = [Answer::Awaited, Answer::Awaited, Answer::Refused, Answer::Awaited, Answer::Accepted]
            .map(|answer| receipt(here.clone(), answer, 0, 9));
        for (receipts, doubts, holds) in [
            (0..1, true, false),
            (0..3, true, false),
            (1..3, false, false),
            (3..5, false, true),
            (0..5, true, true),
        ] {
            let ledger = Ledger::of(&all[receipts.clone()], &here);
            let found = (
                ledger.doubts(Part::Metric, "x", at(5), at(5)),
                ledger.holds(Part::Metric, "x", at(5), at(5)),
            );
            assert_eq!(found, (doubts, holds), "{receipts:?}");
        }
    }

    #[test]
    fn a_minute_of_which_seconds_were_taken_is_held() {
        let here = place("albcap", None);
        let receipts = [receipt(here.clone(), Answer::Accepted, 30, 40)];
        let ledger = Ledger::of(&receipts, &here);
        for (from, until, held) in [(0, 59, true), (0, 29, false), (41, 59, false), (35, 35, true)] {
            assert_eq!(ledger.holds(Part::Metric, "x", at(from), at(until)), held, "{from} to {until}");
        }
    }
}
