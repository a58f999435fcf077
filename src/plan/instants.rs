//! Instants before and after others, which a calendar always has: whatever a record or a flag claims, nothing overflows.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// So much before; the first instant of all where there is none.
pub fn earlier(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let instant = TimeDelta::from_std(by).ok().and_then(|by| at.checked_sub_signed(by));
    instant.unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// So much after; the last instant of all where there is none.
pub fn later(at: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let instant = TimeDelta::from_std(by).ok().and_then(|by| at.checked_add_signed(by));
    instant.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The instant that a signed offset leads to; the first or the last of all where there is none.
pub fn offset_by(at: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    let beyond = if by < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    at.checked_add_signed(by).unwrap_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_instant_for_any_duration() {
        let (at, hour) = (DateTime::UNIX_EPOCH, Duration::from_secs(3_600));
        assert_eq!(earlier(later(at, hour), hour), at);
        assert_eq!(later(at, hour).timestamp(), 3_600);
        for by in [Duration::MAX, Duration::from_secs(u64::from(u32::MAX) * 86_400)] {
            assert_eq!(later(at, by), DateTime::<Utc>::MAX_UTC);
            assert_eq!(earlier(at, by), DateTime::<Utc>::MIN_UTC);
            assert_eq!(later(DateTime::<Utc>::MAX_UTC, by), DateTime::<Utc>::MAX_UTC);
        }
        assert_eq!(offset_by(at, TimeDelta::seconds(-5)).timestamp(), -5);
        for (by, bound) in
            [(TimeDelta::MIN, DateTime::<Utc>::MIN_UTC), (TimeDelta::MAX, DateTime::<Utc>::MAX_UTC)]
        {
            assert_eq!(offset_by(at, by), bound);
            assert_eq!(offset_by(bound, by), bound);
        }
    }
}
