//! An error as AWS answers it, before it is put into one of the wire formats.

use super::value::Value;

/// One refusal: the code that clients match on, the HTTP status, and a text for people.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct AwsError {
    /// The code of the Query protocol, which the SDKs show whatever they speak, such as `ResourceNotFound`.
    pub(crate) code: &'static str,
    /// The name of the modelled shape, where it differs from the code, such as `DashboardNotFoundError`.
    pub(crate) shape: &'static str,
    /// The HTTP status; 500 and above are the service's own fault.
    pub(crate) status: u16,
    /// What is wrong, naming the parameter.
    pub(crate) message: String,
    /// Further members of the modelled shape.
    pub(crate) members: Vec<(String, Value)>,
}

impl AwsError {
    /// A refusal with status 400, whose shape is named like its code.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        AwsError { code, shape: code, status: 400, message: message.into(), members: Vec::new() }
    }

    /// The same refusal with the name of its modelled shape.
    pub(crate) fn shaped(mut self, shape: &'static str) -> Self {
        self.shape = shape;
        self
    }

    /// The same refusal with another status.
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same refusal with a further member.
    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.push((name.to_owned(), value.into()));
        self
    }

    /// A body that can't be read as what the operation expects.
    pub(crate) fn serialization(message: impl Into<String>) -> Self {
        AwsError::new("SerializationException", message)
    }

    /// An input that breaks a rule, for the services that call it so.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        AwsError::new("ValidationError", message)
    }

    /// Whose fault it is, in the words of the Query protocol.
    pub(crate) fn fault(&self) -> &'static str {
        if self.status >= 500 { "Receiver" } else { "Sender" }
    }
}
