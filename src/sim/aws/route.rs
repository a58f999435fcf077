//! Which protocol a request speaks and which operation it asks for, told from its path and headers alone.

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;

use super::cloudwatch;
use super::elb;
use super::logs;
use super::operation::Service;

/// Where the Rust SDK posts CloudWatch requests to (aws-facts.md §9).
const RPC_PREFIX: &str = "/service/GraniteServiceVersion20100801/operation/";

/// The targets of CloudWatch and Logs in the JSON protocols.
const CLOUDWATCH_TARGET: &str = "GraniteServiceVersion20100801";
const LOGS_TARGET: &str = "Logs_20140328";

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// `awsQuery`: a form in, XML out. The operation is named in the form.
    Query,
    /// `rpc-v2-cbor`.
    Cbor,
    /// `awsJson1_0`.
    Json10,
    /// `awsJson1_1`.
    Json11,
}

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Route {
    /// How it is written.
    pub(crate) protocol: Protocol,
    /// Which service it is for.
    pub(crate) service: &'static Service,
    /// The operation's name; `None` where the body says it.
    pub(crate) operation: Option<String>,
}

/// Finds the route of a POST request; `None` when no service listens there.
pub(crate) fn route(path: &str, headers: &HeaderMap) -> Option<Route> {
    if let Some(operation) = path.strip_prefix(RPC_PREFIX) {
        // The header is what tells this protocol from others at the same path.
        let spoken = header(headers, "smithy-protocol") == Some("rpc-v2-cbor");
        return spoken.then(|| Route {
            protocol: Protocol::Cbor,
            service: &cloudwatch::SERVICE,
            operation: Some(operation.to_owned()),
        });
    }
    if path != "/" {
        return None;
    }
    if let Some(target) = header(headers, "x-amz-target") {
        let (service, operation) = target.split_once('.')?;
        let (protocol, service) = match service {
            CLOUDWATCH_TARGET => (Protocol::Json10, &cloudwatch::SERVICE),
            LOGS_TARGET => (Protocol::Json11, &logs::SERVICE),
            _ => return None,
        };
        return Some(Route { protocol, service, operation: Some(operation.to_owned()) });
    }
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    content_type.starts_with("application/x-www-form-urlencoded").then_some(Route {
        protocol: Protocol::Query,
        service: &elb::SERVICE,
        operation: None,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
