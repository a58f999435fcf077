//! JSON as awsJson1_0 and awsJson1_1 use it: timestamps are numbers of epoch seconds.

use serde_json::{Number, Value as Json};

use crate::sim::aws::epoch;
use crate::sim::aws::value::Value;

/// Reads a whole document; an empty body stands for an empty structure.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, String> {
    if bytes.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let document: Json =
        serde_json::from_slice(bytes).map_err(|error| format!("The body is not JSON: {error}"))?;
    Ok(value(document))
}

fn value(document: Json) -> Value {
    match document {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(truth),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(value).collect()),
        Json::Object(members) => {
            Value::Map(members.into_iter().map(|(name, member)| (name, value(member))).collect())
        }
    }
}

/// Writes a value.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    document(value).to_string().into_bytes()
}

fn document(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) => special_or_number(*number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Timestamp(at) => {
            let milliseconds = at.timestamp_millis();
            if milliseconds % 1000 == 0 {
                Json::from(milliseconds / 1000)
            } else {
                special_or_number(epoch::to_seconds(*at))
            }
        }
        Value::List(items) => Json::Array(items.iter().map(document).collect()),
        Value::Map(members) => {
            Json::Object(members.iter().map(|(name, member)| (name.clone(), document(member))).collect())
        }
    }
}

/// JSON has no literal for the special doubles; the protocol spells them as strings.
fn special_or_number(number: f64) -> Json {
    match Number::from_f64(number) {
        Some(number) => Json::Number(number),
        None if number.is_nan() => Json::from("NaN"),
        None if number > 0.0 => Json::from("Infinity"),
        None => Json::from("-Infinity"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::aws::value::Structure;

    #[test]
    fn numbers_keep_their_kind() {
        let read = decode(br#"{"a":1,"b":1.5,"c":[true,null,"x"]}"#).unwrap();
        assert_eq!(
            read,
            Value::from(
                Structure::new()
                    .with("a", 1)
                    .with("b", 1.5)
                    .with("c", vec![Value::Bool(true), Value::Null, Value::from("x")])
            )
        );
        assert_eq!(decode(b"").unwrap(), Value::Map(vec![]));
        assert!(decode(b"{").is_err());
        assert!(decode(b"{\"a\":NaN}").is_err());
    }

    #[test]
    fn timestamps_are_epoch_seconds() {
        let at = |ms| Value::Timestamp(chrono::DateTime::from_timestamp_millis(ms).unwrap());
        assert_eq!(encode(&at(1_700_000_000_000)), b"1700000000");
        assert_eq!(encode(&at(1_700_000_000_500)), b"1700000000.5");
    }

    #[test]
    fn special_doubles_are_words() {
        let all = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        assert_eq!(encode(&Value::from(all)), br#"["NaN","Infinity","-Infinity"]"#);
    }
}
