//! Limits that several operations share, and the words in which CloudWatch refuses (aws-facts.md §2, §6).

/// Dimensions of one metric.
pub(crate) const MAX_DIMENSIONS: usize = 30;

/// Characters of a namespace, of a metric's name, and of a dimension's name.
pub(crate) const MAX_NAME: usize = 255;

/// Characters of a dimension's value.
pub(crate) const MAX_DIMENSION_VALUE: usize = 1024;

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// 2^360, beyond which CloudWatch takes no value.
fn largest_value() -> f64 {
    2f64.powi(360)
}

/// Whether CloudWatch can store the value; special values it can't.
pub(crate) fn storable(value: f64) -> bool {
    value.is_finite() && value.abs() <= largest_value()
}

/// Whether a name holds only printable ASCII, and something besides spaces.
pub(crate) fn printable(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && name.bytes().any(|byte| byte != b' ')
}

/// The message for a value that breaks a rule.
pub(crate) fn invalid(value: impl std::fmt::Display, path: &str) -> String {
    format!("The value {value} for parameter {path} is invalid.")
}

/// The message for a parameter that is not there.
pub(crate) fn required(path: &str) -> String {
    format!("The parameter {path} is required.")
}

/// The message for a list that is too long.
pub(crate) fn too_many(path: &str, most: usize) -> String {
    format!("The collection {path} must not have a size greater than {most}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_and_never_special() {
        for (value, fits) in [
            (0.0, true),
            (2f64.powi(360), true),
            (-(2f64.powi(360)), true),
            (2f64.powi(361), false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            assert_eq!(storable(value), fits, "{value}");
        }
    }

    #[test]
    fn names_are_printable_ascii() {
        for (name, fits) in [
            ("abc", true),
            (" a", true),
            ("", false),
            ("   ", false),
            ("ü", false),
            ("a\tb", false),
            ("abcd", false),
        ] {
            assert_eq!(printable(name, 3), fits, "{name:?}");
        }
    }
}
