//! The neutral tree between the wire formats and the operations: what CBOR, JSON, forms and XML have in common.

use chrono::{DateTime, Utc};

/// A value as it came from, or will go to, any of the wire formats.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Given, but nothing; read as if it were absent.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A double; over JSON a whole number may stand for it.
    Float(f64),
    /// Text; the only leaf that a form can carry.
    Text(String),
    /// A point in time: tag 1 in CBOR, epoch seconds in JSON, ISO 8601 in XML.
    Timestamp(DateTime<Utc>),
    /// A list.
    List(Vec<Value>),
    /// A structure or a map, in the order in which it was written.
    Map(Vec<(String, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(at: DateTime<Utc>) -> Self {
        Value::Timestamp(at)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl From<Structure> for Value {
    fn from(structure: Structure) -> Self {
        Value::Map(structure.members)
    }
}

/// Builds a structure member by member.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    members: Vec<(String, Value)>,
}

impl Structure {
    /// A structure without members.
    pub(crate) fn new() -> Self {
        Structure::default()
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a member that is left out of the answer when there is nothing to say.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}
