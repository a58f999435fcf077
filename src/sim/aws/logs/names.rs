//! Names of groups and streams, as members of a request; and what Logs says of a member that breaks a rule.

use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// Characters of a group's or a stream's name.
const MAX_NAME: usize = 512;

/// A refusal of an input.
pub(crate) fn refuse(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

/// A refusal of one member by the model's constraints.
pub(crate) fn constraint(value: impl std::fmt::Display, member: &str, rule: &str) -> AwsError {
    refuse(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    ))
}

/// A member that must be there is not.
pub(crate) fn missing(member: &str) -> AwsError {
    refuse(format!(
        "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
    ))
}

/// The required member `logGroupName`.
pub(crate) fn group<'a>(fields: &Fields<'a>) -> Result<&'a str, AwsError> {
    let name = fields.text("logGroupName")?.ok_or_else(|| missing("logGroupName"))?;
    check_group(name, "logGroupName")?;
    Ok(name)
}

/// The group that a request names by exactly one of `logGroupName` and `logGroupIdentifier`, which may be an ARN.
pub(crate) fn group_or_identifier<'a>(fields: &Fields<'a>) -> Result<&'a str, AwsError> {
    let name = match (fields.text("logGroupName")?, fields.text("logGroupIdentifier")?) {
        (Some(name), None) => name,
        (None, Some(identifier)) => match identifier.split_once(":log-group:") {
            Some((_, name)) => name.strip_suffix(":*").unwrap_or(name),
            None => identifier,
        },
        _ => {
            return Err(refuse("Exactly one of logGroupName and logGroupIdentifier must be specified."));
        }
    };
    check_group(name, "logGroupName")?;
    Ok(name)
}

fn check_group(name: &str, member: &str) -> Result<(), AwsError> {
    check_length(name, member)?;
    let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(constraint(name, member, r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"))
    }
}

/// The required member `logStreamName`.
pub(crate) fn stream<'a>(fields: &Fields<'a>) -> Result<&'a str, AwsError> {
    let name = fields.text("logStreamName")?.ok_or_else(|| missing("logStreamName"))?;
    check_length(name, "logStreamName")?;
    if name.contains([':', '*']) {
        return Err(constraint(
            name,
            "logStreamName",
            "Member must satisfy regular expression pattern: [^:*]*",
        ));
    }
    Ok(name)
}

fn check_length(name: &str, member: &str) -> Result<(), AwsError> {
    if (1..=MAX_NAME).contains(&name.chars().count()) {
        return Ok(());
    }
    Err(constraint(name, member, "Member must have length between 1 and 512, inclusive"))
}

/// The member `limit`, between one and `most`.
pub(crate) fn limit(fields: &Fields<'_>, most: usize) -> Result<usize, AwsError> {
    match fields.integer("limit")? {
        None => Ok(most),
        Some(wanted) => {
            usize::try_from(wanted).ok().filter(|wanted| (1..=most).contains(wanted)).ok_or_else(|| {
                constraint(wanted, "limit", &format!("Member must have value between 1 and {most}"))
            })
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::aws::value::{Structure, Value};

    fn read<'a>(
        request: &'a Value,
        member: fn(&Fields<'a>) -> Result<&'a str, AwsError>,
    ) -> Result<&'a str, AwsError> {
        member(&Fields::of(request).unwrap())
    }

    #[test]
    fn names_of_groups() {
        for (name, fits) in [
            ("/albcap/runs", true),
            ("a.B-c_d#9", true),
            ("", false),
            ("a b", false),
            ("a:b", false),
            ("ü", false),
            (&"a".repeat(512), true),
            (&"a".repeat(513), false),
        ] {
            let request = Value::from(Structure::new().with("logGroupName", name));
            assert_eq!(read(&request, group).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn names_of_streams() {
        for (name, fits) in [("run 1/ü", true), ("a:b", false), ("a*", false), ("", false)] {
            let request = Value::from(Structure::new().with("logStreamName", name));
            assert_eq!(read(&request, stream).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn a_group_is_named_once_by_name_or_arn() {
        for identifier in [
            "/a/b",
            "arn:aws:logs:us-east-1:123456789012:log-group:/a/b",
            "arn:aws:logs:us-east-1:123456789012:log-group:/a/b:*",
        ] {
            let request = Value::from(Structure::new().with("logGroupIdentifier", identifier));
            assert_eq!(read(&request, group_or_identifier).unwrap(), "/a/b");
        }
        let both = Value::from(Structure::new().with("logGroupIdentifier", "/a").with("logGroupName", "/a"));
        assert!(read(&both, group_or_identifier).is_err());
        assert!(read(&Value::Map(vec![]), group_or_identifier).is_err());
    }
}
