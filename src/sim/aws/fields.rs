//! Reads a structure's members with their types, and names them as AWS's messages do (`MetricData.member.1.Value`).

use chrono::{DateTime, Utc};

use super::epoch;
use super::error::AwsError;
use super::value::Value;

/// The members of one structure of a request. Unknown members are ignored; `null` counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    prefix: String,
    members: &'a [(String, Value)],
}

impl<'a> Fields<'a> {
    /// The members of a whole request.
    pub(crate) fn of(request: &'a Value) -> Result<Self, AwsError> {
        Self::under(String::new(), request)
    }

    fn under(prefix: String, value: &'a Value) -> Result<Self, AwsError> {
        match value {
            Value::Map(members) => Ok(Fields { prefix, members }),
            Value::Null => Ok(Fields { prefix, members: &[] }),
            _ => Err(AwsError::serialization(format!(
                "{} must be a structure",
                if prefix.is_empty() { "The request" } else { prefix.trim_end_matches('.') }
            ))),
        }
    }

    /// The member's full name, for messages.
    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether the member was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.members
            .iter()
            .find(|(member, _)| member == name)
            .map(|(_, value)| value)
            .filter(|value| **value != Value::Null)
    }

    fn read<T>(
        &self,
        name: &str,
        kind: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, AwsError> {
        self.get(name).map(|value| convert(value).ok_or_else(|| self.mistyped(name, kind))).transpose()
    }

    fn mistyped(&self, name: &str, kind: &str) -> AwsError {
        AwsError::serialization(format!("{} must be {kind}", self.path(name)))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, AwsError> {
        self.read(name, "a string", as_text)
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, AwsError> {
        self.read(name, "an integer", |value| match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        })
    }

    /// A whole number that a form carries as text.
    pub(crate) fn integer_text(&self, name: &str) -> Result<Option<i64>, AwsError> {
        self.text(name)?
            .map(|text| {
                text.parse().map_err(|_| {
                    AwsError::validation(format!("'{text}' at '{}' is not an integer", self.path(name)))
                })
            })
            .transpose()
    }

    /// A double.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, AwsError> {
        self.read(name, "a number", as_number)
    }

    /// A truth value.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, AwsError> {
        self.read(name, "a boolean", |value| match value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        })
    }

    /// A point in time; JSON has it as a plain number of epoch seconds.
    pub(crate) fn timestamp(&self, name: &str) -> Result<Option<DateTime<Utc>>, AwsError> {
        self.read(name, "a timestamp", as_timestamp)
    }

    /// A structure.
    pub(crate) fn structure(&self, name: &str) -> Result<Option<Fields<'a>>, AwsError> {
        self.get(name).map(|value| Fields::under(format!("{}.", self.path(name)), value)).transpose()
    }

    fn list(&self, name: &str) -> Result<Option<&'a [Value]>, AwsError> {
        self.read(name, "a list", |value| match value {
            Value::List(items) => Some(items.as_slice()),
            _ => None,
        })
    }

    /// A list of structures, empty when it was not given.
    pub(crate) fn structures(&self, name: &str) -> Result<Vec<Fields<'a>>, AwsError> {
        self.list(name)?
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(|(index, value)| Fields::under(format!("{}.member.{}.", self.path(name), index + 1), value))
            .collect()
    }

    fn items<T>(
        &self,
        name: &str,
        kind: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, AwsError> {
        self.list(name)?
            .map(|items| {
                items.iter().map(|value| convert(value).ok_or_else(|| self.mistyped(name, kind))).collect()
            })
            .transpose()
    }

    /// A list of texts, empty when it was not given.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, AwsError> {
        Ok(self.items(name, "a list of strings", as_text)?.unwrap_or_default())
    }

    /// A list of doubles.
    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, AwsError> {
        self.items(name, "a list of numbers", as_number)
    }

    /// A list of points in time, which only answers hold.
    #[cfg(test)]
    pub(crate) fn timestamps(&self, name: &str) -> Result<Vec<DateTime<Utc>>, AwsError> {
        Ok(self.items(name, "a list of timestamps", as_timestamp)?.unwrap_or_default())
    }
}

fn as_timestamp(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Timestamp(at) => Some(*at),
        Value::Integer(seconds) => DateTime::from_timestamp(*seconds, 0),
        Value::Float(seconds) => epoch::from_seconds(*seconds),
        _ => None,
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// JSON has no literal for the special doubles, so the protocol spells them as strings.
fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        Value::Integer(number) => Some(*number as f64),
        Value::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::aws::value::Structure;

    #[test]
    fn members_are_named_with_their_whole_path() {
        let request = Value::from(
            Structure::new().with("MetricData", vec![Structure::new().with("Value", "not a number")]),
        );
        let fields = Fields::of(&request).unwrap();
        let datum = &fields.structures("MetricData").unwrap()[0];
        let error = datum.number("Value").unwrap_err();
        assert_eq!(error.code, "SerializationException");
        assert_eq!(error.message, "MetricData.member.1.Value must be a number");
    }

    #[test]
    fn a_null_is_absent() {
        let request = Value::Map(vec![("Name".to_owned(), Value::Null)]);
        let fields = Fields::of(&request).unwrap();
        assert_eq!(fields.text("Name").unwrap(), None);
        assert!(!fields.has("Name"));
    }
}
