//! ListMetrics: the metrics with data of the past two weeks, 500 a page.

use chrono::Duration;

use super::limits::{invalid, required};
use super::metric_key::MetricKey;
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::paging;
use crate::sim::aws::value::{Structure, Value};

/// Metrics on one page.
const PAGE: usize = 500;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let namespace = fields.text("Namespace")?;
    let name = fields.text("MetricName")?;
    let filters: Vec<(&str, Option<&str>)> = fields
        .structures("Dimensions")?
        .iter()
        .map(|filter| {
            let name = filter.text("Name")?.ok_or_else(|| refuse(required(&filter.path("Name"))))?;
            Ok((name, filter.text("Value")?))
        })
        .collect::<Result<_, AwsError>>()?;
    let since = match fields.text("RecentlyActive")? {
        None => call.now - Duration::days(14),
        Some("PT3H") => call.now - Duration::hours(3),
        Some(other) => return Err(refuse(invalid(other, "RecentlyActive"))),
    };
    let wanted = |key: &&MetricKey| {
        namespace.is_none_or(|namespace| namespace == key.namespace)
            && name.is_none_or(|name| name == key.name)
            && filters.iter().all(|(name, value)| {
                key.dimensions.get(*name).is_some_and(|own| value.is_none_or(|value| value == own))
            })
    };
    let keys: Vec<Value> = state
        .cloudwatch
        .metrics
        .keys_since(since.timestamp(), call.now)
        .filter(wanted)
        .map(MetricKey::to_value)
        .collect();
    let page = paging::page("metrics", &keys, fields.text("NextToken")?, PAGE)
        .ok_or_else(|| refuse("The value of NextToken is not valid.".to_owned()))?;
    Ok(Some(Structure::new().with("Metrics", page.items.to_vec()).with_some("NextToken", page.next).into()))
}

fn refuse(message: String) -> AwsError {
    AwsError::new("InvalidParameterValue", message).shaped("InvalidParameterValueException")
}
