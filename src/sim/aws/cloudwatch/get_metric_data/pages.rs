//! Cuts GetMetricData's results into pages: datapoints in the order of the queries, so many a page, the place kept in
//! a token that only the same request can use.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};

use crate::sim::aws::paging::{open, seal};

/// Where a page begins, and what it looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// The instant of the first page: later pages show what could be seen then, so that no datapoint shifts.
    pub(crate) as_of: DateTime<Utc>,
    /// Datapoints on earlier pages.
    pub(crate) offset: usize,
}

impl Place {
    /// The token for this place in the results of `request`.
    pub(crate) fn token(&self, request: &str) -> String {
        let Place { as_of, offset } = self;
        seal(&format!("{} {} {offset}", digest(request), as_of.timestamp_millis()))
    }

    /// The place that a token of the same request means.
    pub(crate) fn of_token(token: &str, request: &str) -> Option<Self> {
        let text = open(token)?;
        let mut parts = text.split(' ');
        let (made_for, as_of, offset) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || made_for != digest(request) {
            return None;
        }
        Some(Place {
            as_of: DateTime::from_timestamp_millis(as_of.parse().ok()?)?,
            offset: offset.parse().ok()?,
        })
    }
}

fn digest(request: &str) -> String {
    let mut hasher = DefaultHasher::new();
    request.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What a page shows of one query's result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slice {
    /// Which result.
    pub(crate) result: usize,
    /// Which of its datapoints.
    pub(crate) points: std::ops::Range<usize>,
    /// Whether that was the last of them.
    pub(crate) complete: bool,
}

/// The page that shows `size` datapoints from `offset` on, of results of the given lengths. Results that were complete
/// on an earlier page are left out; those not reached yet are named without datapoints.
pub(crate) fn slices(lengths: &[usize], offset: usize, size: usize) -> Vec<Slice> {
    let end = offset.saturating_add(size);
    let mut before = 0;
    let mut slices = Vec::new();
    for (result, length) in lengths.iter().copied().enumerate() {
        let after = before + length;
        // An empty result is complete on the first page.
        let told_earlier = if length == 0 { offset > 0 } else { after <= offset };
        if !told_earlier {
            let clip = |at: usize| at.clamp(before, after) - before;
            slices.push(Slice {
                result,
                points: clip(offset)..clip(end),
                complete: after <= end || length == 0,
            });
        }
        before = after;
    }
    slices
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_may_end_within_a_result() {
        let slice = |result, points, complete| Slice { result, points, complete };
        let lengths = [3, 0, 2];
        assert_eq!(
            slices(&lengths, 0, 2),
            [slice(0, 0..2, false), slice(1, 0..0, true), slice(2, 0..0, false)]
        );
        assert_eq!(slices(&lengths, 2, 2), [slice(0, 2..3, true), slice(2, 0..1, false)]);
        assert_eq!(slices(&lengths, 4, 2), [slice(2, 1..2, true)]);
    }

    #[test]
    fn a_token_belongs_to_its_request() {
        let place = Place { as_of: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(), offset: 7 };
        let token = place.token("a");
        assert_eq!(Place::of_token(&token, "a"), Some(place));
        assert_eq!(Place::of_token(&token, "b"), None);
        assert_eq!(Place::of_token("garbage", "a"), None);
    }

    proptest! {
        #[test]
        fn pages_show_every_datapoint_once(
            lengths in prop::collection::vec(0_usize..20, 1..8),
            size in 1_usize..30,
        ) {
            let total: usize = lengths.iter().sum();
            let mut shown = vec![Vec::new(); lengths.len()];
            let mut completed = vec![0; lengths.len()];
            let mut offset = 0;
            loop {
                let page = slices(&lengths, offset, size);
                prop_assert!(page.iter().map(|slice| slice.points.len()).sum::<usize>() <= size);
                for slice in page {
                    shown[slice.result].extend(slice.points);
                    completed[slice.result] += usize::from(slice.complete);
                }
                offset += size;
                if offset >= total {
                    break;
                }
            }
            for (result, length) in lengths.iter().enumerate() {
                prop_assert_eq!(&shown[result], &(0..*length).collect::<Vec<_>>());
                prop_assert_eq!(completed[result], 1);
            }
        }
    }
}
