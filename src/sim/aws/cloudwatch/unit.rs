//! The units that CloudWatch knows.

/// All of them, spelled as on the wire.
const ALL: [&str; 27] = [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// What a datum without a unit is stored as.
pub(crate) const NONE: &str = "None";

/// The unit of that name; names are case-sensitive.
pub(crate) fn parse(name: &str) -> Option<&'static str> {
    ALL.into_iter().find(|unit| *unit == name)
}

/// The message that refuses another name.
pub(crate) fn refused(path: &str) -> String {
    format!("The parameter {path} must be a value in the set [ {} ].", ALL.join(", "))
}
