//! DescribeLogGroups: by prefix or by part of the name, fifty a page.

use super::names;
use super::store::{LogGroup, group_arn};
use crate::sim::aws::account::{Owner, State};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::paging;
use crate::sim::aws::value::{Structure, Value};

/// Groups on one page.
const PAGE: usize = 50;

/// Bytes that an event counts besides its message.
const EVENT_OVERHEAD: usize = 26;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let prefix = fields.text("logGroupNamePrefix")?;
    let pattern = fields.text("logGroupNamePattern")?;
    if prefix.is_some() && pattern.is_some() {
        return Err(names::refuse(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let class = fields.text("logGroupClass")?;
    let groups: Vec<Value> = state
        .logs
        .groups
        .iter()
        .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .filter(|(name, _)| pattern.is_none_or(|pattern| name.contains(pattern)))
        .filter(|(_, group)| class.is_none_or(|class| class == group.class))
        .map(|(name, group)| describe(name, group, call.owner))
        .collect();
    let size = names::limit(fields, PAGE)?;
    let page = paging::page("log groups", &groups, fields.text("nextToken")?, size)
        .ok_or_else(|| names::refuse("The specified nextToken is invalid."))?;
    Ok(Some(Structure::new().with("logGroups", page.items.to_vec()).with_some("nextToken", page.next).into()))
}

fn describe(name: &str, group: &LogGroup, owner: &Owner) -> Value {
    let stored: usize = group
        .streams
        .values()
        .flat_map(|stream| stream.events.values())
        .map(|event| event.message.len() + EVENT_OVERHEAD)
        .sum();
    let arn = group_arn(owner, name);
    Structure::new()
        .with("logGroupName", name)
        .with("creationTime", group.created_at.timestamp_millis())
        .with_some("retentionInDays", group.retention_days)
        .with("metricFilterCount", 0)
        .with("arn", format!("{arn}:*"))
        .with("storedBytes", i64::try_from(stored).unwrap_or(i64::MAX))
        .with("logGroupClass", &group.class)
        .with("logGroupArn", arn)
        .into()
}
