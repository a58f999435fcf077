//! GetDashboard: the body, byte for byte as it was put.

use super::{arn, invalid, not_found};
use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::required;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let name = fields.text("DashboardName")?.ok_or_else(|| invalid(required("DashboardName")))?;
    let dashboard = state.cloudwatch.dashboards.get(name).ok_or_else(|| not_found(&[name]))?;
    Ok(Some(
        Structure::new()
            .with("DashboardArn", arn(call.owner, name))
            .with("DashboardBody", &dashboard.body)
            .with("DashboardName", name)
            .into(),
    ))
}
