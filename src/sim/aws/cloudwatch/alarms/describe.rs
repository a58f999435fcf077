//! DescribeAlarms: by name, prefix, state or action, in pages.

use super::alarm::Alarm;
use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::{invalid, too_many};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::paging;
use crate::sim::aws::value::{Structure, Value};

/// Names in one request, and alarms on one page.
const MOST: usize = 100;
/// Alarms on one page, unless the request says otherwise.
const PAGE: i64 = 50;

/// Filters of composite alarms, which the simulator does not have.
const NOT_SIMULATED: [&str; 2] = ["ChildrenOfAlarmName", "ParentsOfAlarmName"];

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    if let Some(name) = NOT_SIMULATED.iter().find(|name| fields.has(name)) {
        return Err(AwsError::validation(format!("The parameter {name} is not simulated.")));
    }
    let filter = Filter::read(fields)?;
    let size = fields.integer("MaxRecords")?.unwrap_or(PAGE);
    let size = usize::try_from(size)
        .ok()
        .filter(|size| (1..=MOST).contains(size))
        .ok_or_else(|| AwsError::validation(invalid(size, "MaxRecords")))?;
    let alarms: Vec<Value> = state
        .cloudwatch
        .alarms
        .values()
        .filter(|alarm| filter.takes(alarm))
        .map(|alarm| alarm.to_value(call.owner))
        .collect();
    let page = paging::page("alarms", &alarms, fields.text("NextToken")?, size)
        .ok_or_else(|| AwsError::new("InvalidNextToken", "The value of NextToken is not valid."))?;
    Ok(Some(
        Structure::new()
            .with("CompositeAlarms", Value::List(Vec::new()))
            .with("MetricAlarms", page.items.to_vec())
            .with_some("NextToken", page.next)
            .into(),
    ))
}

#[derive(Debug)]
struct Filter<'a> {
    names: Vec<&'a str>,
    prefix: Option<&'a str>,
    state: Option<&'a str>,
    action_prefix: Option<&'a str>,
    metric_alarms: bool,
}

impl<'a> Filter<'a> {
    fn read(fields: &Fields<'a>) -> Result<Self, AwsError> {
        let names = fields.texts("AlarmNames")?;
        let prefix = fields.text("AlarmNamePrefix")?;
        if names.len() > MOST {
            return Err(AwsError::validation(too_many("AlarmNames", MOST)));
        }
        if !names.is_empty() && prefix.is_some() {
            return Err(AwsError::validation("AlarmNamePrefix and AlarmNames are mutually exclusive"));
        }
        let state = fields.text("StateValue")?;
        if let Some(state) = state.filter(|state| !["OK", "ALARM", "INSUFFICIENT_DATA"].contains(state)) {
            return Err(AwsError::validation(invalid(state, "StateValue")));
        }
        let types = fields.texts("AlarmTypes")?;
        if let Some(other) =
            types.iter().find(|name| !["CompositeAlarm", "MetricAlarm", "LogAlarm"].contains(name))
        {
            return Err(AwsError::validation(invalid(other, "AlarmTypes")));
        }
        Ok(Filter {
            names,
            prefix,
            state,
            action_prefix: fields.text("ActionPrefix")?,
            metric_alarms: types.is_empty() || types.contains(&"MetricAlarm"),
        })
    }

    fn takes(&self, alarm: &Alarm) -> bool {
        let name = alarm.configuration.name.as_str();
        self.metric_alarms
            && (self.names.is_empty() || self.names.contains(&name))
            && self.prefix.is_none_or(|prefix| name.starts_with(prefix))
            && self.state.is_none_or(|state| state == alarm.state)
            && self
                .action_prefix
                .is_none_or(|prefix| alarm.actions().any(|action| action.starts_with(prefix)))
    }
}
