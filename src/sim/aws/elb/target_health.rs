//! DescribeTargetHealth: of all targets of a group, or of those that are named.

use super::arns;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::load_balancer::{Target, TargetGroup};
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let Some(arn) = fields.text("TargetGroupArn")? else {
        return Err(arns::missing("TargetGroupArn"));
    };
    let group = arns::find_target_group(&state.load_balancer, arn, call.owner)?;
    let wanted = fields.structures("Targets")?;
    let described: Vec<Value> = if wanted.is_empty() {
        group.targets.iter().map(describe).collect()
    } else {
        wanted.iter().map(|target| find(group, target)).collect::<Result<_, _>>()?
    };
    Ok(Some(Structure::new().with("TargetHealthDescriptions", described).into()))
}

/// A target that is not registered is no error: it is told to be unused.
fn find(group: &TargetGroup, fields: &Fields<'_>) -> Result<Value, AwsError> {
    let Some(id) = fields.text("Id")? else {
        return Err(arns::missing(&fields.path("Id")));
    };
    let port = fields.integer_text("Port")?;
    let found = group
        .targets
        .iter()
        .find(|target| target.id == id && port.is_none_or(|port| port == i64::from(target.port)));
    Ok(match found {
        Some(target) => describe(target),
        None => Structure::new()
            .with(
                "Target",
                Structure::new().with("Id", id).with("Port", port.unwrap_or(i64::from(group.port))),
            )
            .with(
                "TargetHealth",
                Structure::new()
                    .with("State", "unused")
                    .with("Reason", "Target.NotRegistered")
                    .with("Description", "Target is not registered to the target group"),
            )
            .into(),
    })
}

fn describe(target: &Target) -> Value {
    Structure::new()
        .with("HealthCheckPort", target.port.to_string())
        .with(
            "Target",
            Structure::new()
                .with("AvailabilityZone", &target.zone)
                .with("Id", &target.id)
                .with("Port", i64::from(target.port)),
        )
        .with(
            "TargetHealth",
            Structure::new().with_some("Reason", target.reason.as_ref()).with("State", &target.state),
        )
        .into()
}
