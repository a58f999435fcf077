//! DescribeLogStreams: by name, or by the time of the last event; fifty a page.

use super::names;
use super::store::{LogStream, group_arn};
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::paging;
use crate::sim::aws::value::{Structure, Value};

/// Streams on one page.
const PAGE: usize = 50;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let group_name = names::group_or_identifier(fields)?;
    let group = state.logs.group(group_name)?;
    let prefix = fields.text("logStreamNamePrefix")?;
    let by_time = match fields.text("orderBy")? {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") => true,
        Some(other) => {
            return Err(names::constraint(
                other,
                "orderBy",
                "Member must satisfy enum value set: [LogStreamName, LastEventTime]",
            ));
        }
    };
    if by_time && prefix.is_some() {
        return Err(names::refuse("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let mut streams: Vec<(&String, &LogStream)> = group
        .streams
        .iter()
        .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .collect();
    if by_time {
        streams.sort_by_key(|(_, stream)| stream.events.keys().next_back());
    }
    if fields.boolean("descending")?.unwrap_or(false) {
        streams.reverse();
    }
    let described: Vec<Value> = streams
        .into_iter()
        .map(|(name, stream)| {
            let arn = format!("{}:log-stream:{name}", group_arn(call.owner, group_name));
            describe(name, stream, arn)
        })
        .collect();
    let size = names::limit(fields, PAGE)?;
    let page = paging::page("log streams", &described, fields.text("nextToken")?, size)
        .ok_or_else(|| names::refuse("The specified nextToken is invalid."))?;
    Ok(Some(
        Structure::new().with("logStreams", page.items.to_vec()).with_some("nextToken", page.next).into(),
    ))
}

fn describe(name: &str, stream: &LogStream, arn: String) -> Value {
    let first = stream.events.keys().next();
    let last = stream.events.keys().next_back();
    Structure::new()
        .with("logStreamName", name)
        .with("creationTime", stream.created_at.timestamp_millis())
        .with_some("firstEventTimestamp", first.map(|position| position.timestamp))
        .with_some("lastEventTimestamp", last.map(|position| position.timestamp))
        .with_some("lastIngestionTime", stream.last_ingestion.map(|at| at.timestamp_millis()))
        .with("arn", arn)
        // Not told for streams since 2019.
        .with("storedBytes", 0)
        .into()
}
