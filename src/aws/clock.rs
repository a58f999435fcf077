//! How far this machine's clock is from AWS's, by the `Date` of AWS's answers.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};

/// `Date` has whole seconds (RFC 9110 §5.6.7), of which nobody knows how much had passed: half of it on average.
const HALF_A_SECOND: TimeDelta = TimeDelta::milliseconds(500);

/// Compares the clocks at every answer of the clients that share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock(Arc<Mutex<Option<TimeDelta>>>);

impl Clock {
    /// How far this machine is ahead; `None` before the first answer with a `Date`.
    pub(super) fn ahead(&self) -> Option<TimeDelta> {
        let least = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        least?.checked_sub(&HALF_A_SECOND)
    }

    /// An answer takes its time to get here, which makes us seem ahead: the quickest one is nearest to the truth.
    fn compare(&self, received: DateTime<Utc>, date: DateTime<Utc>) {
        let ahead = received - date;
        let mut least = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *least = Some(least.map_or(ahead, |least| least.min(ahead)));
    }
}

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(read_date);
        if let Some(date) = date {
            self.compare(Utc::now(), date);
        }
        Ok(())
    }
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`.
fn read_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::canned::{Answer, Canned};
    use super::super::session::tests::hasty;
    use super::*;

    #[test]
    fn dates_are_read_as_http_writes_them() {
        let date = read_date("Tue, 15 Nov 1994 08:12:31 GMT").unwrap();
        assert_eq!(date.to_rfc3339(), "1994-11-15T08:12:31+00:00");
        for odd in ["", "now", "784887151", "Tue, 15 Nov 1994"] {
            assert_eq!(read_date(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_quickest_answer_counts() {
        let clock = Clock::default();
        assert_eq!(clock.ahead(), None);
        let date = read_date("Tue, 15 Nov 1994 08:12:31 GMT").unwrap();
        for took_ms in [3_000, 700, 9_000] {
            clock.compare(date + TimeDelta::milliseconds(took_ms), date);
        }
        assert_eq!(clock.ahead(), Some(TimeDelta::milliseconds(200)));
    }

    #[tokio::test]
    async fn every_answer_is_compared_errors_too() {
        let dated = |ahead: i64| {
            let date = Utc::now() - TimeDelta::seconds(ahead);
            let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            Answer::Http { status: 400, headers: vec![("date", date)], body: Vec::new() }
        };
        for ahead in [90, -90] {
            let server = Canned::serve(move |_| dated(ahead)).await;
            let aws = hasty(&server.url).await;
            assert_eq!(aws.clock_offset(), None);
            let wanted = "prod".parse().unwrap();
            aws.find_load_balancer(Some(&wanted), "h").await.unwrap_err();
            let offset = aws.clock_offset().unwrap();
            assert!((offset - ahead as f64).abs() < 5.0, "{offset}");
        }
    }
}
