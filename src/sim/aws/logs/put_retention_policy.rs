//! PutRetentionPolicy: only certain numbers of days.

use super::names;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

/// The numbers of days that Logs knows (aws-facts.md §7).
const DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

pub(crate) fn run(
    state: &mut State,
    _call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let group = names::group(fields)?;
    let days = fields.integer("retentionInDays")?.ok_or_else(|| names::missing("retentionInDays"))?;
    if !DAYS.contains(&days) {
        return Err(names::constraint(
            days,
            "retentionInDays",
            &format!("Member must satisfy enum value set: {DAYS:?}"),
        ));
    }
    state.logs.group_mut(group)?.retention_days = Some(days);
    Ok(None)
}
