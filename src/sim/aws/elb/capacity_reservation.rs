//! DescribeCapacityReservation: what is reserved, spread evenly over the zones (aws-facts.md §4).

use super::arns;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// Decreases that AWS allows a day.
const DECREASES_A_DAY: i64 = 2;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let load_balancer = arns::required_load_balancer(&state.load_balancer, fields, call.owner)?;
    let answer = Structure::new().with("DecreaseRequestsRemaining", DECREASES_A_DAY);
    let Some(reserved) = load_balancer.reserved_lcus else {
        return Ok(Some(answer.into()));
    };
    let zones = u32::try_from(load_balancer.zones.len().max(1)).unwrap_or(u32::MAX);
    let share = f64::from(reserved) / f64::from(zones);
    let states: Vec<Structure> = load_balancer
        .zones
        .iter()
        .map(|zone| {
            Structure::new()
                .with("AvailabilityZone", zone)
                .with("EffectiveCapacityUnits", share)
                .with("State", Structure::new().with("Code", "provisioned"))
        })
        .collect();
    Ok(Some(
        answer
            .with("LastModifiedTime", state.created_at)
            .with("MinimumLoadBalancerCapacity", Structure::new().with("CapacityUnits", i64::from(reserved)))
            .with("CapacityReservationState", states)
            .into(),
    ))
}
