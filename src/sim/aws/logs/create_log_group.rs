//! CreateLogGroup. Tags and keys are taken and forgotten.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::names;
use super::store::LogGroup;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

/// Classes that a group may have.
const CLASSES: [&str; 4] = ["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"];

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let name = names::group(fields)?;
    if name.starts_with("aws/") {
        return Err(names::refuse("Log groups starting with AWS/ are reserved for AWS."));
    }
    let class = fields.text("logGroupClass")?.unwrap_or("STANDARD");
    if !CLASSES.contains(&class) {
        return Err(names::constraint(
            class,
            "logGroupClass",
            &format!("Member must satisfy enum value set: [{}]", CLASSES.join(", ")),
        ));
    }
    match state.logs.groups.entry(name.to_owned()) {
        Entry::Occupied(_) => {
            Err(AwsError::new("ResourceAlreadyExistsException", "The specified log group already exists"))
        }
        Entry::Vacant(place) => {
            place.insert(LogGroup {
                created_at: call.now,
                retention_days: None,
                class: class.to_owned(),
                streams: BTreeMap::new(),
            });
            Ok(None)
        }
    }
}
