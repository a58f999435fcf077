//! DescribeLoadBalancerAttributes: keys and values, both strings.

use super::arns;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// The attribute that the settings can change (aws-facts.md §3).
const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let load_balancer = arns::required_load_balancer(&state.load_balancer, fields, call.owner)?;
    let then = call.settings.idle_timeout_then.filter(|then| call.nth > then.answers);
    let changed = then.map(|then| then.timeout.as_secs().to_string());
    let attributes: Vec<Structure> = load_balancer
        .attributes
        .iter()
        .map(|(key, value)| {
            let changed = if key == IDLE_TIMEOUT { changed.as_ref() } else { None };
            Structure::new().with("Key", key).with("Value", changed.unwrap_or(value))
        })
        .collect();
    Ok(Some(Structure::new().with("Attributes", attributes).into()))
}
