//! Puts an answer or a refusal into the wire format in which the request came.

use super::codec::{cbor, json, xml};
use super::error::AwsError;
use super::route::Protocol;
use super::value::Value;

/// The namespace of CloudWatch's error shapes; clients cut it off.
const CLOUDWATCH_NAMESPACE: &str = "com.amazonaws.cloudwatch#";

/// An HTTP response before the server adds what all of them carry.
#[derive(Debug, PartialEq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Headers of the protocol.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, protocol: Protocol, body: Vec<u8>) -> Self {
        let mut headers = Vec::new();
        if protocol == Protocol::Cbor {
            headers.push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
        }
        // rpc-v2-cbor forbids a type on an operation without output.
        if !(protocol == Protocol::Cbor && body.is_empty()) {
            headers.push(("content-type", content_type(protocol).to_owned()));
        }
        Reply { status, headers, body }
    }
}

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Query => "text/xml",
        Protocol::Cbor => "application/cbor",
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
    }
}

/// The answer of an operation; `None` when its model has no output.
pub(crate) fn answer(protocol: Protocol, operation: &str, request_id: &str, output: Option<Value>) -> Reply {
    let body = match (protocol, output) {
        (Protocol::Query, output) => xml::response(operation, output.as_ref(), request_id),
        (_, None) => Vec::new(),
        (Protocol::Cbor, Some(output)) => cbor::encode(&output),
        (Protocol::Json10 | Protocol::Json11, Some(output)) => json::encode(&output),
    };
    Reply::new(200, protocol, body)
}

/// A refusal. `query_mode` says that the client asked for the codes of the Query protocol (`x-amzn-query-mode`).
pub(crate) fn refusal(protocol: Protocol, request_id: &str, error: &AwsError, query_mode: bool) -> Reply {
    let body = match protocol {
        Protocol::Query => xml::error(error, request_id),
        Protocol::Cbor => cbor::encode(&error_shape(CLOUDWATCH_NAMESPACE, error)),
        Protocol::Json10 => json::encode(&error_shape(CLOUDWATCH_NAMESPACE, error)),
        Protocol::Json11 => json::encode(&error_shape("", error)),
    };
    let mut reply = Reply::new(error.status, protocol, body);
    if query_mode && matches!(protocol, Protocol::Cbor | Protocol::Json10) {
        reply.headers.push(("x-amzn-query-error", format!("{};{}", error.code, error.fault())));
    }
    reply
}

fn error_shape(namespace: &str, error: &AwsError) -> Value {
    let mut members = vec![
        ("__type".to_owned(), Value::from(format!("{namespace}{}", error.shape))),
        ("message".to_owned(), Value::from(&error.message)),
    ];
    members.extend(error.members.iter().cloned());
    Value::Map(members)
}
