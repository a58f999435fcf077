//! Names that CloudWatch takes (aws-facts.md §6, §7), checked once, at the door.

use std::str::FromStr;

use thiserror::Error;

/// Why a name can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// AWS keeps these for itself.
    #[error("the namespace {0} is AWS's own; choose one that does not start with AWS/")]
    Reserved(String),
    /// Any other namespace that AWS refuses.
    #[error(
        "the namespace {0:?} is refused by CloudWatch; take 1 to 255 of A-Z a-z 0-9 . - _ / # : and space, not starting with a colon"
    )]
    Namespace(String),
    /// No `=`.
    #[error("the dimension {0:?} has no value; write NAME=VALUE")]
    NoValue(String),
    /// A name or a value that AWS refuses.
    #[error(
        "the dimension {0:?} is refused by CloudWatch; name (at most 255) and value (at most 1,024) must be ASCII without control characters, with something besides spaces, and the name not starting with a colon"
    )]
    Dimension(String),
    /// More than a metric can have.
    #[error(
        "{given} dimensions are too many: CloudWatch takes 30 of a metric, and {room} are left beside albcap's own"
    )]
    TooMany {
        /// How many were given.
        given: usize,
        /// How many could have been.
        room: usize,
    },
    /// Dimensions that would make a request too large with the latencies of a long run.
    #[error("the dimensions have {0} bytes in all, more than the 3,000 that fit beside a run's latencies")]
    TooLong(usize),
    /// A dimension's name that is taken.
    #[error(
        "the dimension {0} is there twice, or its name is one that albcap uses itself (LoadBalancer, Level, Kind, run, type, a metric)"
    )]
    Twice(String),
    /// A retention that AWS refuses.
    #[error(
        "CloudWatch Logs does not keep events for {given:?} days; take {}",
        RETENTIONS.map(|days| days.to_string()).join(", ")
    )]
    Retention {
        /// As it was written.
        given: String,
    },
    /// A log group that AWS refuses.
    #[error(
        "the log group {0:?} is refused by CloudWatch Logs; take 1 to 512 of A-Z a-z 0-9 . - _ / #, not starting with aws/"
    )]
    LogGroup(String),
}

/// Where custom metrics go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// One dimension of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    name: String,
    value: String,
}

/// How long a log group keeps its events, days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u16);

/// What AWS takes for it, days (aws-facts.md §7).
const RETENTIONS: [u16; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Where log streams go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroup(String);

/// Whether `text` is of 1 to `most` characters, all of them letters, digits or among `others`.
fn made_of(text: &str, most: usize, others: &str) -> bool {
    (1..=most).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

/// Whether CloudWatch takes `text` in a dimension: printable ASCII, not of spaces alone.
fn is_dimension_text(text: &str, most: usize) -> bool {
    text.len() <= most
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && text.bytes().any(|byte| byte != b' ')
}

impl FromStr for Namespace {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Namespace, NameError> {
        if text.starts_with("AWS/") {
            return Err(NameError::Reserved(text.to_owned()));
        }
        if !made_of(text, 255, ".-_/#: ") || text.starts_with(':') || text.trim().is_empty() {
            return Err(NameError::Namespace(text.to_owned()));
        }
        Ok(Namespace(text.to_owned()))
    }
}

impl FromStr for Dimension {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Dimension, NameError> {
        let (name, value) = text.split_once('=').ok_or_else(|| NameError::NoValue(text.to_owned()))?;
        if name.starts_with(':') || !is_dimension_text(name, 255) || !is_dimension_text(value, 1024) {
            return Err(NameError::Dimension(text.to_owned()));
        }
        Ok(Dimension { name: name.to_owned(), value: value.to_owned() })
    }
}

impl FromStr for Retention {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Retention, NameError> {
        let days = text.trim().strip_suffix('d').unwrap_or(text.trim()).parse().ok();
        match days.filter(|days| RETENTIONS.contains(days)) {
            Some(days) => Ok(Retention(days)),
            None => Err(NameError::Retention { given: text.to_owned() }),
        }
    }
}

impl FromStr for LogGroup {
    type Err = NameError;

    fn from_str(text: &str) -> Result<LogGroup, NameError> {
        if !made_of(text, 512, ".-_/#") || text.starts_with("aws/") {
            return Err(NameError::LogGroup(text.to_owned()));
        }
        Ok(LogGroup(text.to_owned()))
    }
}

impl Namespace {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Dimension {
    /// Left of the equals sign.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Right of it.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Retention {
    /// Days.
    #[must_use]
    pub fn days(self) -> u16 {
        self.0
    }
}

impl LogGroup {
    /// As AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn namespaces() {
        for good in ["albcap", "App/LoadTest", "AWSome", "a:b", &"n".repeat(255)] {
            assert_eq!(good.parse::<Namespace>().unwrap().as_str(), good);
        }
        assert!(matches!("AWS/ApplicationELB".parse::<Namespace>(), Err(NameError::Reserved(_))));
        for bad in ["", " ", ":a", "é", "a\n", &"n".repeat(256)] {
            assert!(matches!(bad.parse::<Namespace>(), Err(NameError::Namespace(_))), "{bad:?}");
        }
    }

    #[test]
    fn dimensions() {
        let team = "Team=a=b c".parse::<Dimension>().unwrap();
        assert_eq!((team.name(), team.value()), ("Team", "a=b c"));
        assert!(format!("a={}", "v".repeat(1024)).parse::<Dimension>().is_ok());
        assert_eq!("Team".parse::<Dimension>(), Err(NameError::NoValue("Team".to_owned())));
        let long = format!("a={}", "v".repeat(1025));
        for bad in ["Team=", "=x", "Team=  ", "Team=é", "Team=a\tb", ":a=x", &long] {
            assert!(matches!(bad.parse::<Dimension>(), Err(NameError::Dimension(_))), "{bad:?}");
        }
    }

    #[test]
    fn retentions() {
        assert_eq!("30".parse::<Retention>().unwrap().days(), 30);
        assert_eq!("1d".parse::<Retention>().unwrap().days(), 1);
        for bad in ["", "0", "8", "-1", "30h", "99999"] {
            assert!(matches!(bad.parse::<Retention>(), Err(NameError::Retention { .. })), "{bad}");
        }
    }

    #[test]
    fn log_groups() {
        for good in ["/albcap/runs", "/aws/x", "a.b-c_d#e", &"g".repeat(512)] {
            assert_eq!(good.parse::<LogGroup>().unwrap().as_str(), good);
        }
        for bad in ["", "aws/x", "a b", "a:b", "é", &"g".repeat(513)] {
            assert!(matches!(bad.parse::<LogGroup>(), Err(NameError::LogGroup(_))), "{bad:?}");
        }
    }
}
