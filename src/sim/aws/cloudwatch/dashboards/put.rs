//! PutDashboard: checks a dashboard and keeps it in place of an earlier one of the same name.

use super::{Dashboard, body};
use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::{MAX_NAME, required};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let name = fields.text("DashboardName")?.ok_or_else(|| refuse(required("DashboardName")))?;
    let valid = (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !valid {
        return Err(refuse(format!(
            "The value for field DashboardName '{name}' is invalid. It can only contain alphanumerics, dash (-) and \
             underscore (_), at most {MAX_NAME} of them."
        )));
    }
    let text = fields.text("DashboardBody")?.ok_or_else(|| refuse(required("DashboardBody")))?;
    let problems = body::problems(text);
    if !problems.is_empty() {
        return Err(invalid_body(&problems));
    }
    state
        .cloudwatch
        .dashboards
        .insert(name.to_owned(), Dashboard { body: text.to_owned(), modified_at: call.now });
    Ok(Some(Structure::new().with("DashboardValidationMessages", Value::List(Vec::new())).into()))
}

fn refuse(message: String) -> AwsError {
    AwsError::new("InvalidParameterInput", message).shaped("DashboardInvalidInputError")
}

/// The problems are in the message as a JSON list, and again as a member of their own.
fn invalid_body(problems: &[body::Problem]) -> AwsError {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            format!(
                "{{\"dataPath\":{},\"message\":{}}}",
                serde_json::Value::from(problem.path.as_str()),
                serde_json::Value::from(problem.message.as_str())
            )
        })
        .collect();
    let messages: Vec<Structure> = problems
        .iter()
        .map(|problem| Structure::new().with("DataPath", &problem.path).with("Message", &problem.message))
        .collect();
    refuse(format!(
        "The dashboard body is invalid, there are {} validation errors:\n[\n{}\n]",
        problems.len(),
        lines.join(",\n")
    ))
    .member("dashboardValidationMessages", messages)
}
