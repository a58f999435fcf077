//! DeleteAlarms: those that exist are deleted even when others do not.

use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::{required, too_many};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

/// Names in one request.
const MOST: usize = 100;

pub(crate) fn run(
    state: &mut State,
    _call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    if !fields.has("AlarmNames") {
        return Err(AwsError::validation(required("AlarmNames")));
    }
    let names = fields.texts("AlarmNames")?;
    if names.len() > MOST {
        return Err(AwsError::validation(too_many("AlarmNames", MOST)));
    }
    let unknown: Vec<&str> =
        names.into_iter().filter(|name| state.cloudwatch.alarms.remove(*name).is_none()).collect();
    if unknown.is_empty() {
        return Ok(None);
    }
    Err(AwsError::new("ResourceNotFound", format!("Alarms [{}] do not exist", unknown.join(", ")))
        .status(404))
}
