//! CBOR (RFC 8949) as Smithy's rpc-v2-cbor uses it: text keys, doubles, timestamps as tag 1.

use ciborium::Value as Item;

use crate::sim::aws::epoch;
use crate::sim::aws::value::Value;

/// How deep a request may nest; the deepest that the model knows is six.
const MAX_DEPTH: usize = 32;

/// The tag of an epoch-based date and time (RFC 8949 §3.4.2).
const EPOCH_TAG: u64 = 1;

/// Reads one item that fills all of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let item: Item = ciborium::de::from_reader_with_recursion_limit(&mut rest, MAX_DEPTH)
        .map_err(|error| format!("The body is not CBOR: {error}"))?;
    if !rest.is_empty() {
        return Err(format!("The body goes on {} bytes after its end", rest.len()));
    }
    value(item)
}

fn value(item: Item) -> Result<Value, String> {
    Ok(match item {
        Item::Null => Value::Null,
        Item::Bool(truth) => Value::Bool(truth),
        Item::Integer(number) => {
            Value::Integer(i64::try_from(number).map_err(|_| "An integer is out of range")?)
        }
        Item::Float(number) => Value::Float(number),
        Item::Text(text) => Value::Text(text),
        Item::Array(items) => Value::List(items.into_iter().map(value).collect::<Result<_, _>>()?),
        Item::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, item)| match key {
                    Item::Text(key) => Ok((key, value(item)?)),
                    _ => Err("A key of a map is not text".to_owned()),
                })
                .collect::<Result<_, _>>()?,
        ),
        Item::Tag(EPOCH_TAG, item) => Value::Timestamp(timestamp(&item)?),
        Item::Tag(tag, _) => return Err(format!("Tag {tag} is not known here")),
        _ => return Err("A byte string is not known here".to_owned()),
    })
}

fn timestamp(item: &Item) -> Result<chrono::DateTime<chrono::Utc>, String> {
    let seconds = match item {
        Item::Integer(number) => i64::try_from(*number).ok().map(|seconds| seconds as f64),
        Item::Float(seconds) => Some(*seconds),
        _ => None,
    };
    seconds
        .and_then(epoch::from_seconds)
        .ok_or_else(|| "A timestamp is out of range or not a number".to_owned())
}

/// Writes a value. Doubles and timestamps always take eight bytes, as AWS's own services write them.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, value);
    bytes
}

/// The major types of RFC 8949 §3.1, in place in the first byte.
mod major {
    pub(super) const UNSIGNED: u8 = 0 << 5;
    pub(super) const NEGATIVE: u8 = 1 << 5;
    pub(super) const TEXT: u8 = 3 << 5;
    pub(super) const ARRAY: u8 = 4 << 5;
    pub(super) const MAP: u8 = 5 << 5;
    pub(super) const TAG: u8 = 6 << 5;
    pub(super) const SIMPLE: u8 = 7 << 5;
}

fn write(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(major::SIMPLE | 22),
        Value::Bool(truth) => bytes.push(major::SIMPLE | if *truth { 21 } else { 20 }),
        Value::Integer(number) => match u64::try_from(*number) {
            Ok(number) => head(bytes, major::UNSIGNED, number),
            // -1 - n, which for two's complement is the complement of the bits.
            Err(_) => head(bytes, major::NEGATIVE, (!number).unsigned_abs()),
        },
        Value::Float(number) => double(bytes, *number),
        Value::Text(text) => string(bytes, text),
        Value::Timestamp(at) => {
            head(bytes, major::TAG, EPOCH_TAG);
            double(bytes, epoch::to_seconds(*at));
        }
        Value::List(items) => {
            head(bytes, major::ARRAY, items.len() as u64);
            for item in items {
                write(bytes, item);
            }
        }
        Value::Map(members) => {
            head(bytes, major::MAP, members.len() as u64);
            for (name, member) in members {
                string(bytes, name);
                write(bytes, member);
            }
        }
    }
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    head(bytes, major::TEXT, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

fn double(bytes: &mut Vec<u8>, number: f64) {
    bytes.push(major::SIMPLE | 27);
    bytes.extend_from_slice(&number.to_be_bytes());
}

/// A type and its argument in the shortest form (RFC 8949 §4.2.1).
fn head(bytes: &mut Vec<u8>, major: u8, argument: u64) {
    let whole = argument.to_be_bytes();
    let (kind, length) = match argument {
        0..=23 => (whole[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    bytes.push(major | kind);
    bytes.extend_from_slice(&whole[8 - length..]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sim::aws::value::Structure;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn examples_of_rfc_8949_appendix_a() {
        for (bytes, value) in [
            ("00", Value::Integer(0)),
            ("17", Value::Integer(23)),
            ("1818", Value::Integer(24)),
            ("1903e8", Value::Integer(1000)),
            ("1a000f4240", Value::Integer(1_000_000)),
            ("1b000000e8d4a51000", Value::Integer(1_000_000_000_000)),
            ("20", Value::Integer(-1)),
            ("3903e7", Value::Integer(-1000)),
            ("fb3ff199999999999a", Value::Float(1.1)),
            ("f4", Value::Bool(false)),
            ("f5", Value::Bool(true)),
            ("f6", Value::Null),
            ("63c3bc31", Value::from("ü1")),
            ("80", Value::List(vec![])),
            ("a0", Value::Map(vec![])),
            (
                "a26161016162820203",
                Value::from(
                    Structure::new().with("a", 1).with("b", vec![Value::Integer(2), Value::Integer(3)]),
                ),
            ),
        ] {
            assert_eq!(decode(&hex(bytes)).unwrap(), value, "{bytes}");
            assert_eq!(encode(&value), hex(bytes), "{bytes}");
        }
    }

    #[test]
    fn indefinite_lengths_and_short_floats_are_read() {
        // The SDK begins every structure with an indefinite map.
        let structure = Value::from(Structure::new().with("a", vec![Value::Float(1.5)]));
        assert_eq!(decode(&hex("bf61619ff93e00ffff")).unwrap(), structure);
        assert_eq!(decode(&hex("7f657374726561646d696e67ff")).unwrap(), Value::from("streaming"));
    }

    #[test]
    fn timestamps_are_tag_one() {
        let at = chrono::DateTime::from_timestamp(1_363_896_240, 0).unwrap();
        assert_eq!(decode(&hex("c11a514b67b0")).unwrap(), Value::Timestamp(at));
        let with_fraction = hex("c1fb41d452d9ec200000");
        let at = chrono::DateTime::from_timestamp_millis(1_363_896_240_500).unwrap();
        assert_eq!(decode(&with_fraction).unwrap(), Value::Timestamp(at));
        assert_eq!(encode(&Value::Timestamp(at)), with_fraction);
        assert!(decode(&hex("c1613f")).is_err());
    }

    #[test]
    fn garbage_is_refused_in_words() {
        // Truncated, trailing bytes, a number as a key, a byte string, an unknown tag, too deep.
        for bytes in ["", "a1", "0000", "a10102", "4101", "c249010000000000000000"] {
            assert!(decode(&hex(bytes)).is_err(), "{bytes}");
        }
        assert!(decode(&[0x81; 100_000]).is_err());
        // A length that no memory holds must fail by running out of input.
        assert!(decode(&hex("9bffffffffffffffff")).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            (-1e300..1e300_f64).prop_map(Value::Float),
            ".*".prop_map(Value::Text),
            (0..4_000_000_000_000_i64)
                .prop_map(|ms| Value::Timestamp(chrono::DateTime::from_timestamp_millis(ms).unwrap())),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                prop::collection::vec((".*", inner), 0..6).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in any_value()) {
            prop_assert_eq!(decode(&encode(&value)), Ok(value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
