//! DeleteDashboards: those that exist are deleted even when others do not.

use super::{invalid, not_found};
use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::{required, too_many};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

/// Names in one request.
const MOST: usize = 100;

pub(crate) fn run(
    state: &mut State,
    _call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let names = fields.texts("DashboardNames")?;
    if names.is_empty() {
        return Err(invalid(required("DashboardNames")));
    }
    if names.len() > MOST {
        return Err(invalid(too_many("DashboardNames", MOST)));
    }
    let unknown: Vec<&str> =
        names.into_iter().filter(|name| state.cloudwatch.dashboards.remove(*name).is_none()).collect();
    if unknown.is_empty() { Ok(Some(Structure::new().into())) } else { Err(not_found(&unknown)) }
}
