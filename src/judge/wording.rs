//! How numbers are written in sentences, the same in every reason, table and page.

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use crate::plan::quantity::{plural, show_bytes, show_count, show_duration};

/// A count that came out of arithmetic: rounded, thousands separated.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn rounded(count: f64) -> String {
    let whole = show_count(count.abs().round() as u64);
    if count.round() < 0.0 { format!("-{whole}") } else { whole }
}

/// A share as a percentage with one decimal: `99.8 %`. What is not all is never rounded up to `100.0 %`.
pub fn percent(share: f64) -> String {
    let shown = if share < 1.0 { (share * 100.0).min(99.9) } else { share * 100.0 };
    format!("{shown:.1} %")
}

/// A share in the fewest digits that tell it: `10 %`, `2.5 %`.
pub fn share(share: f64) -> String {
    let tenths = (share * 1_000.0).round() / 10.0;
    if tenths.abs() >= 10.0 || tenths.fract() == 0.0 {
        format!("{:.0} %", tenths)
    } else {
        format!("{tenths:.1} %")
    }
}

/// A factor: `2.00`.
pub fn factor(factor: f64) -> String {
    format!("{factor:.2}")
}

/// A latency in milliseconds, with a decimal only where it matters: `0.4`, `24`.
pub fn ms(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.1}") } else { rounded(ms) }
}

/// A list as it is spoken: `a`, `a and b`, `a, b and c`.
pub fn spoken(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Seconds of a span: `60.0 s`, or `59.8 to 60.2 s`.
pub fn span((low, high): (Duration, Duration)) -> String {
    let (low, high) = (format!("{:.1}", low.as_secs_f64()), format!("{:.1}", high.as_secs_f64()));
    if low == high { format!("{low} s") } else { format!("{low} to {high} s") }
}

/// A time of day in UTC, to the minute where it is one: `13:07`, `13:07:30`.
pub fn clock(at: DateTime<Utc>) -> String {
    let seconds = at.format("%H:%M:%S").to_string();
    seconds.strip_suffix(":00").map_or_else(|| seconds.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_they_are_read() {
        assert_eq!(rounded(1_996.6), "1,997");
        assert_eq!(rounded(-12.4), "-12");
        assert_eq!(rounded(-0.4), "0");
        assert_eq!(percent(0.9998), "99.9 %");
        assert_eq!(percent(1.0), "100.0 %");
        assert_eq!(share(0.1), "10 %");
        assert_eq!(share(0.025), "2.5 %");
        assert_eq!(share(0.553), "55 %");
        assert_eq!(ms(0.44), "0.4");
        assert_eq!(ms(410.3), "410");
        let second = Duration::from_secs(1);
        assert_eq!(span((second, second)), "1.0 s");
        assert_eq!(span((second, second * 2)), "1.0 to 2.0 s");
        assert_eq!(spoken(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(clock(DateTime::from_timestamp_millis(47_220_000).unwrap_or_default()), "13:07");
    }
}
