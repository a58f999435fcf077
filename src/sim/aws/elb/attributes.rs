//! DescribeLoadBalancerAttributes: keys and values, both strings.

use super::arns;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let load_balancer = arns::required_load_balancer(&state.load_balancer, fields, call.owner)?;
    let attributes: Vec<Structure> = load_balancer
        .attributes
        .iter()
        .map(|(key, value)| Structure::new().with("Key", key).with("Value", value))
        .collect();
    Ok(Some(Structure::new().with("Attributes", attributes).into()))
}
