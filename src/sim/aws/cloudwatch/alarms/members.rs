//! Members of PutMetricAlarm's request, and how their constraints are told.

use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// A refusal of an input.
pub(crate) fn refuse(message: impl Into<String>) -> AwsError {
    AwsError::validation(message)
}

/// A member that must be there is not.
pub(crate) fn must_not_be_null(member: &str) -> AwsError {
    refuse(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// A refusal of one member by the model's constraints.
pub(crate) fn constraint(value: impl std::fmt::Display, member: &str, rule: &str) -> AwsError {
    refuse(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    ))
}

/// The member's name as the service's own messages write it.
pub(crate) fn camel(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + characters.as_str())
        .unwrap_or_default()
}

/// A number that must be there, and be at least one.
pub(crate) fn required_integer(fields: &Fields<'_>, name: &str) -> Result<i64, AwsError> {
    match fields.integer(name)? {
        None => Err(must_not_be_null(&camel(name))),
        Some(number) if number < 1 => {
            Err(constraint(number, &camel(name), "Member must have value greater than or equal to 1"))
        }
        Some(number) => Ok(number),
    }
}

/// A text that must be one of a few.
pub(crate) fn one_of(fields: &Fields<'_>, name: &str, allowed: &[&str]) -> Result<Option<String>, AwsError> {
    match fields.text(name)? {
        None => Ok(None),
        Some(text) if allowed.contains(&text) => Ok(Some(text.to_owned())),
        Some(text) => Err(constraint(
            text,
            &camel(name),
            &format!("Member must satisfy enum value set: [{}]", allowed.join(", ")),
        )),
    }
}
