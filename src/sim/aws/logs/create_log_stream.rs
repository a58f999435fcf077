//! CreateLogStream.

use std::collections::btree_map::Entry;

use super::names;
use super::store::LogStream;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let (group, stream) = (names::group(fields)?, names::stream(fields)?);
    let group = state.logs.group_mut(group)?;
    match group.streams.entry(stream.to_owned()) {
        Entry::Occupied(_) => {
            Err(AwsError::new("ResourceAlreadyExistsException", "The specified log stream already exists"))
        }
        Entry::Vacant(place) => {
            place.insert(LogStream::new(call.now));
            Ok(None)
        }
    }
}
