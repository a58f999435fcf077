//! From a received request to an operation's output: who asks, for what, and is it allowed.

use bytes::Bytes;
use hyper::HeaderMap;

use super::account::Account;
use super::auth;
use super::body;
use super::codec::{cbor, form, json};
use super::elb;
use super::error::AwsError;
use super::fields::Fields;
use super::operation::{Call, Operation};
use super::route::{Protocol, Route};
use super::trouble::{self, TroubleKind};
use super::value::Value;

/// What came of a request.
pub(crate) struct Executed {
    /// The operation's name.
    pub(crate) operation: &'static str,
    /// Its output.
    pub(crate) output: Option<Value>,
    /// What becomes of the answer, where it is not simply sent.
    pub(crate) trouble: Option<TroubleKind>,
}

/// Runs the operation that a request asks for.
pub(crate) fn execute(
    route: &Route,
    headers: &HeaderMap,
    wire: &Bytes,
    account: &Account,
) -> Result<Executed, AwsError> {
    auth::authenticate(headers, route.service.dialect)?;
    let body = body::decompressed(headers, wire)?;
    let request = decode(route.protocol, &body)?;
    let fields = Fields::of(&request)?;
    let operation = find_operation(route, &fields)?;

    let action = route.service.action(operation);
    let nth = account.count(&action);
    tracing::debug!("asked for {action}");
    auth::authorize(route.service, &action, nth, account.settings(), account.owner())?;
    let trouble = trouble::met(&account.settings().troubles, &action, nth);
    if let Some(refusal) = trouble.and_then(TroubleKind::refusal) {
        return Err(refusal);
    }
    let call = Call {
        settings: account.settings(),
        owner: account.owner(),
        nth,
        now: account.settings().now(),
        wire_bytes: wire.len(),
        body_bytes: body.len(),
    };
    let output = (operation.run)(&mut account.state(), &call, &fields)?;
    Ok(Executed { operation: operation.name, output, trouble })
}

fn decode(protocol: Protocol, body: &[u8]) -> Result<Value, AwsError> {
    match protocol {
        Protocol::Query => {
            form::decode(body).map_err(|problem| AwsError::new("MalformedQueryString", problem))
        }
        // An operation without input has no body.
        Protocol::Cbor if body.is_empty() => Ok(Value::Map(Vec::new())),
        Protocol::Cbor => cbor::decode(body).map_err(AwsError::serialization),
        Protocol::Json10 | Protocol::Json11 => json::decode(body).map_err(AwsError::serialization),
    }
}

fn find_operation(route: &Route, fields: &Fields<'_>) -> Result<&'static Operation, AwsError> {
    if let Some(name) = &route.operation {
        return route.service.operation(name).ok_or_else(|| {
            AwsError::new("UnknownOperationException", format!("The operation {name} is not known here"))
                .status(if route.protocol == Protocol::Cbor { 404 } else { 400 })
        });
    }
    let Some(action) = fields.text("Action")? else {
        return Err(AwsError::new("MissingAction", "The request has no Action"));
    };
    let version = fields.text("Version")?.unwrap_or("NO_VERSION_SPECIFIED");
    let found = if version == elb::VERSION { route.service.operation(action) } else { None };
    found.ok_or_else(|| {
        AwsError::new("InvalidAction", format!("Could not find operation {action} for version {version}"))
    })
}
