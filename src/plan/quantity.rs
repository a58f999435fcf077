//! The numbers that people type: durations (`30`, `2m`, `1h30m`), counts (`500`, `5k`, `1M`) and how they are shown.

use std::time::Duration;

use thiserror::Error;

/// Why a typed quantity was not understood; the text says what to type instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not a duration.
    #[error("'{0}' is not a duration; write 30, 30s, 2m or 1h30m")]
    Duration(String),
    /// Longer than a year: surely a slip.
    #[error("'{0}' is longer than a year")]
    TooLong(String),
    /// Not a count.
    #[error("'{0}' is not a count; write 500, 5k or 1M")]
    Count(String),
    /// `5m`: minutes elsewhere, so not a count.
    #[error("'{0}' could be minutes; for millions write a capital M, for thousands k")]
    CountInMinutes(String),
}

/// Longer than that nobody means anything to last.
pub(super) const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// A number without a unit, or its hundredth where `%` follows. `99.9%` is the same number as `0.999`, and as 999 of
/// 1,000: a hundredth that is divided instead is off by a binary digit.
pub(super) fn parse_fraction(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.strip_suffix('%').map(str::trim_end) {
        Some(percent) if percent.contains(['e', 'E']) => Some(percent.parse::<f64>().ok()? / 100.0),
        Some(percent) => format!("{percent}e-2").parse().ok(),
        None => text.parse().ok(),
    }
}

/// Parses a duration: a bare number is seconds; units are `ms`, `s`, `m`, `h`, `d`, and may be combined as in `1h30m`.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let wrong = || QuantityError::Duration(text.to_owned());
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(wrong());
    }
    let mut total = 0.0_f64;
    let mut rest = trimmed;
    let mut last_unit = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            // Only a number on its own is seconds: `1h30` leaves open what was meant.
            "" if last_unit.is_infinite() => 1.0,
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        // Units descend, so that a slip such as `30s2h` or `5m5m` is not read as a sum.
        if unit >= last_unit {
            return Err(wrong());
        }
        last_unit = unit;
        rest = &rest[letters..];
        total += number * unit;
    }
    let duration = Duration::try_from_secs_f64(total).map_err(|_| QuantityError::TooLong(text.to_owned()))?;
    if duration > YEAR { Err(QuantityError::TooLong(text.to_owned())) } else { Ok(duration) }
}

/// Parses a count: `500`, `5k`, `1.5k`, `1M`. A lower-case `m` is refused, since elsewhere it means minutes.
pub fn parse_count(text: &str) -> Result<u32, QuantityError> {
    let wrong = || QuantityError::Count(text.to_owned());
    let trimmed = text.trim();
    let (number, scale) = match trimmed.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&trimmed[..at], 1_000.0),
        Some((at, 'M')) => (&trimmed[..at], 1_000_000.0),
        Some((_, 'm')) => return Err(QuantityError::CountInMinutes(text.to_owned())),
        _ => (trimmed, 1.0),
    };
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value: f64 = if plain {
        number.parse().map_err(|_| wrong())?
    } else {
        return Err(wrong());
    };
    let scaled = value * scale;
    // A count is whole: 1.5k is 1,500, but 1.5 is no count.
    if scaled.fract() != 0.0 || scaled > f64::from(u32::MAX) {
        return Err(wrong());
    }
    // Whole and within range, as just checked.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(scaled as u32)
}

/// A duration as people write it: `90 s`, `12 min`, `1 h 30 min`.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 120.0 {
        let rounded = (seconds * 10.0).round() / 10.0;
        return format!("{rounded} s");
    }
    let minutes = (seconds / 60.0).round();
    if minutes < 90.0 {
        return format!("{minutes} min");
    }
    let hours = (minutes / 60.0).floor();
    match minutes - hours * 60.0 {
        0.0 => format!("{hours} h"),
        rest => format!("{hours} h {rest} min"),
    }
}

/// A count with thousands separated: `12,345`.
pub fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 connection`, `2 connections`.
pub fn plural(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", show_count(count))
}

/// Bytes in the largest unit that keeps two figures before the point: `1,234 B`, `12.3 MB`.
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [(f64, &str); 3] = [(1e9, "GB"), (1e6, "MB"), (1e4, "kB")];
    #[allow(clippy::cast_precision_loss)]
    let value = bytes as f64;
    for (scale, unit) in UNITS {
        if value >= scale {
            let scale = if unit == "kB" { 1e3 } else { scale };
            return format!("{:.1} {unit}", value / scale);
        }
    }
    format!("{} B", show_count(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        for (text, seconds) in [
            ("30", 30.0),
            ("30s", 30.0),
            ("2m", 120.0),
            ("1h30m", 5_400.0),
            ("250ms", 0.25),
            ("1.5s", 1.5),
            ("0", 0.0),
            ("1d", 86_400.0),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_secs_f64()), Ok(seconds), "{text}");
        }
        for text in
            ["", "s", "-1", "1x", "1h30", "30s2h", "5m5m", "1..5s", "2 m", "1e3", "99999999999999999999d"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn counts_as_people_write_them() {
        for (text, count) in [("500", 500), ("5k", 5_000), ("1.5k", 1_500), ("1M", 1_000_000), ("0", 0)] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        assert_eq!(parse_count("5m"), Err(QuantityError::CountInMinutes("5m".into())));
        for text in ["", "k", "-5", "1.5", "5kk", "1e3", "5000M", "NaN", "inf", "+5"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shown_as_people_read_them() {
        assert_eq!(show_duration(Duration::from_secs(90)), "90 s");
        assert_eq!(show_duration(Duration::from_millis(1_500)), "1.5 s");
        assert_eq!(show_duration(Duration::from_secs(31 * 60)), "31 min");
        assert_eq!(show_duration(Duration::from_secs(5_400)), "1 h 30 min");
        assert_eq!(show_count(0), "0");
        assert_eq!(plural(1, "upgrade"), "1 upgrade");
        assert_eq!(plural(1_870, "upgrade"), "1,870 upgrades");
        assert_eq!(show_count(999), "999");
        assert_eq!(show_count(1_234_567), "1,234,567");
        assert_eq!(show_bytes(9_999), "9,999 B");
        assert_eq!(show_bytes(12_300), "12.3 kB");
        assert_eq!(show_bytes(12_345_678), "12.3 MB");
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_never_panics(text in "\\PC{0,12}") {
            let _ = parse_duration(&text);
            let _ = parse_count(&text);
        }

        #[test]
        fn whole_seconds_come_back(seconds in 0_u64..10_000_000) {
            prop_assert_eq!(parse_duration(&seconds.to_string()), Ok(Duration::from_secs(seconds)));
        }
    }
}
