//! Data into requests that `PutMetricData` takes whole (aws-facts.md §6).

use super::metrics::{Datum, MAX_VALUES};

/// The most entries of a request.
const MAX_ENTRIES: usize = 1_000;
/// The most bytes of a request. AWS allows 1 MB, and is not clear about whether that is before or after compression:
/// before is the safer reading. Some is left for what the SDK puts around the entries.
const MAX_BYTES: usize = 1_000_000 - 10_000;

/// No number takes more in CBOR: a byte of type and eight of value (RFC 8949 §3).
const NUMBER: usize = 9;
/// What stands before a text: its length (RFC 8949 §3).
const TEXT: usize = 5;
/// The names of an entry's fields, its unit, its time, and the beginnings of its lists and maps.
const ENTRY: usize = 160;
/// The names of a dimension's fields.
const DIMENSION: usize = 16;

/// The data in order, cut so that each batch is one request. All pieces of a datum stay in one.
pub(super) fn metric_batches(
    data: Vec<Datum>,
    shared: &[(String, String)],
    namespace: &str,
) -> Vec<Vec<Datum>> {
    let room = MAX_BYTES - namespace.len();
    let mut batches: Vec<Vec<Datum>> = Vec::new();
    let (mut entries, mut bytes) = (0, 0);
    for datum in data {
        let (pieces, size) = (datum.values.len().div_ceil(MAX_VALUES), reckoned_bytes(&datum, shared));
        let fits = entries + pieces <= MAX_ENTRIES && bytes + size <= room;
        match batches.last_mut().filter(|_| fits) {
            Some(batch) => batch.push(datum),
            None => {
                batches.push(vec![datum]);
                (entries, bytes) = (0, 0);
            }
        }
        entries += pieces;
        bytes += size;
    }
    batches
}

/// The most bytes that a datum takes in a request, before compression.
pub(crate) fn reckoned_bytes(datum: &Datum, shared: &[(String, String)]) -> usize {
    let shared: usize = shared.iter().map(|(name, value)| dimension(name, value)).sum();
    let own: usize = datum.dimensions.iter().map(|(name, value)| dimension(name, value)).sum();
    let entry = ENTRY + TEXT + datum.name.len() + shared + own;
    datum.values.len().div_ceil(MAX_VALUES) * entry + datum.values.len() * 2 * NUMBER
}

fn dimension(name: &str, value: &str) -> usize {
    DIMENSION + 2 * TEXT + name.len() + value.len()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::super::metrics::Unit;
    use super::*;

    fn datum(values: usize) -> Datum {
        Datum {
            name: "ConnectLatency",
            dimensions: vec![("Level", "5000".to_owned())],
            at: DateTime::UNIX_EPOCH,
            covers: TimeDelta::zero(),
            unit: Unit::Milliseconds,
            values: vec![0.1; values],
            counts: vec![3.0; values],
        }
    }

    fn sizes(data: Vec<Datum>, shared: &[(String, String)]) -> Vec<usize> {
        metric_batches(data, shared, "albcap").iter().map(Vec::len).collect()
    }

    #[test]
    fn a_request_holds_a_thousand_entries() {
        assert_eq!(sizes(vec![], &[]), [0; 0]);
        assert_eq!(sizes(vec![datum(1); 1_000], &[]), [1_000]);
        assert_eq!(sizes(vec![datum(1); 1_001], &[]), [1_000, 1]);
    }

    #[test]
    fn a_request_holds_a_megabyte() {
        let long = vec![("Team".to_owned(), "x".repeat(1_024)); 27];
        let cut = sizes(vec![datum(1); 100], &long);
        assert!(cut.len() > 2, "{cut:?}");
        assert_eq!(cut.iter().sum::<usize>(), 100);
        assert_eq!(sizes(vec![datum(23_000), datum(23_000), datum(23_000)], &[]), [2, 1]);
    }
}
