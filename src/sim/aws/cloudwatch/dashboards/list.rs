//! ListDashboards: names and sizes, a thousand a page.

use super::{arn, invalid};
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::paging;
use crate::sim::aws::value::{Structure, Value};

/// Dashboards on one page.
const PAGE: usize = 1000;

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let prefix = fields.text("DashboardNamePrefix")?.unwrap_or_default();
    let entries: Vec<Value> = state
        .cloudwatch
        .dashboards
        .iter()
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, dashboard)| {
            Structure::new()
                .with("DashboardName", name)
                .with("DashboardArn", arn(call.owner, name))
                .with("LastModified", dashboard.modified_at)
                .with("Size", i64::try_from(dashboard.body.len()).unwrap_or(i64::MAX))
                .into()
        })
        .collect();
    let page = paging::page("dashboards", &entries, fields.text("NextToken")?, PAGE)
        .ok_or_else(|| invalid("The value of NextToken is not valid.".to_owned()))?;
    Ok(Some(
        Structure::new()
            .with("DashboardEntries", page.items.to_vec())
            .with_some("NextToken", page.next)
            .into(),
    ))
}
