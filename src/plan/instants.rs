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
    }
}
