//! PutMetricAlarm: creates an alarm, or replaces its configuration and leaves its state (aws-facts.md §6).

use super::alarm::Alarm;
use super::read;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

/// Bytes of one request, decompressed.
const MAX_BYTES: usize = 120 * 1024;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    if call.body_bytes > MAX_BYTES {
        return Err(AwsError::validation(format!(
            "The request is {} bytes long, more than {MAX_BYTES}",
            call.body_bytes
        )));
    }
    let configuration = read::configuration(fields)?;
    state
        .cloudwatch
        .alarms
        .entry(configuration.name.clone())
        .and_modify(|alarm| {
            alarm.configuration = configuration.clone();
            alarm.configured_at = call.now;
        })
        .or_insert(Alarm {
            configuration,
            configured_at: call.now,
            state: "INSUFFICIENT_DATA",
            in_state_since: call.now,
        });
    Ok(None)
}
