//! The ALB's metrics as CloudWatch tells them: one GetMetricData for all of them, paged and repeated until complete.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives;
use aws_sdk_cloudwatch::types::ScanBy;
use chrono::{DateTime, Utc};

use super::asked::{Asked, Part};
use super::error::AwsError;
use super::sdk_error::Call;
use super::series_pages::{Partial, SeriesPages};
use super::session::Aws;
use crate::facts::{Period, Point, Reading, Subject};

const METRIC_DATA: Call = Call { service: "cloudwatch", operation: "GetMetricData" };

/// Pages of one answer at most. A page holds 100,800 points (aws-facts.md §2): far more than any window needs.
const MOST_PAGES: usize = 100;
/// Queries that one call may have (aws-facts.md §2).
const MOST_QUERIES: usize = 500;
/// How often metrics are asked for that CloudWatch answered with `InternalError` or left at `PartialData`.
const ROUNDS: usize = 3;

impl Aws {
    /// All metrics of a load balancer and its parts (`metric::ALL`, `metric::OF_ZONES`, `metric::OF_TARGET_GROUPS`),
    /// in periods that start within `from..until`, ascending in time. A metric without a point is there, empty; one that
    /// could not be read is not, and is told as owed. For whole periods the caller gives multiples of `period`
    /// (aws-facts.md §2).
    ///
    /// # Errors
    /// What the call brought; [`AwsError::Incomplete`] when not a single metric could be read.
    pub async fn read_metrics(
        &self,
        subject: &Subject,
        period: Period,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Reading, AwsError> {
        let window = Window { subject, period, from, until };
        let asked = Asked::all(subject);
        let mut pages = self.read_rounds(&window, &asked, ROUNDS).await?;
        let owed = pages.drop_owed(&asked);
        let owed: Vec<String> = owed.iter().map(|asked| asked.shown(subject)).collect();
        if !owed.is_empty() {
            tracing::info!("CloudWatch did not complete {}", owed.join(", "));
        }
        let points = pages.into_points(Partial::Unknown);
        let count: usize = points.values().map(Vec::len).sum();
        tracing::info!(
            "read {count} points of {} metrics in {from} to {until} from CloudWatch",
            points.len()
        );
        let reading = Reading { owed, ..reading(subject, points) };
        if reading.metrics.is_empty() { Err(incomplete("no metric could be read")) } else { Ok(reading) }
    }

    /// The error of a read of metrics that was given up while it was under way.
    pub fn metrics_unanswered(&self) -> AwsError {
        let endpoint = self.cloudwatch_endpoint.last().unwrap_or_else(|| "CloudWatch".to_owned());
        AwsError::Timeout { endpoint, action: METRIC_DATA.to_string() }
    }

    /// The metrics of these names in `from..until`, of the load balancer, or of every target group where only they have
    /// them. Of what CloudWatch did not complete, `partial` decides: where that is taken, it is asked for once.
    ///
    /// # Errors
    /// What the call brought; [`AwsError::AccessDenied`] for a `Forbidden` in the answer too.
    pub async fn read_some(
        &self,
        metrics: &[&'static str],
        subject: &Subject,
        period: Period,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        partial: Partial,
    ) -> Result<Reading, AwsError> {
        let window = Window { subject, period, from, until };
        let rounds = match partial {
            Partial::Unknown => ROUNDS,
            Partial::Taken => 1,
        };
        let pages = self.read_rounds(&window, &Asked::named(subject, metrics), rounds).await?;
        Ok(reading(subject, pages.into_points(partial)))
    }

    /// All of `asked`; of what CloudWatch does not complete it is asked again, in so many rounds at most.
    async fn read_rounds(
        &self,
        window: &Window<'_>,
        asked: &[Asked],
        rounds: usize,
    ) -> Result<SeriesPages<Asked>, AwsError> {
        let mut pages = SeriesPages::default();
        let mut owed = asked.to_vec();
        for round in 0..rounds {
            if round > 0 {
                owed = pages.drop_owed(asked);
                if owed.is_empty() {
                    break;
                }
                tracing::debug!(?owed, round, "CloudWatch did not complete these metrics");
                tokio::time::sleep(self.between_rounds).await;
            }
            for queries in owed.chunks(MOST_QUERIES) {
                self.read_round(window, queries, &mut pages).await?;
            }
            if pages.forbidden() {
                return Err(forbidden());
            }
        }
        Ok(pages)
    }

    /// One answer, all its pages.
    async fn read_round(
        &self,
        window: &Window<'_>,
        asked: &[Asked],
        pages: &mut SeriesPages<Asked>,
    ) -> Result<(), AwsError> {
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = self.page(window, asked, token.as_deref()).await?;
            pages.take(&page, |id| Asked::by_id(asked, id));
            match page.next_token {
                None => return Ok(()),
                Some(next) if token.as_ref() == Some(&next) => break,
                Some(next) => token = Some(next),
            }
        }
        Err(incomplete("it has too many pages"))
    }

    async fn page(
        &self,
        window: &Window<'_>,
        asked: &[Asked],
        token: Option<&str>,
    ) -> Result<GetMetricDataOutput, AwsError> {
        let period = window.period;
        let queries = asked.iter().map(|asked| asked.query(window.subject, period)).collect();
        let request = self
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries))
            .start_time(stamp(window.from))
            .end_time(stamp(window.until))
            .scan_by(ScanBy::TimestampAscending)
            .set_next_token(token.map(str::to_owned));
        METRIC_DATA
            .timed(request.send())
            .await
            .map_err(|error| METRIC_DATA.error(&self.cloudwatch_endpoint, &error))
    }
}

/// What is asked for.
struct Window<'a> {
    subject: &'a Subject,
    period: Period,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// Sorts what was read by the part that it tells of.
fn reading(subject: &Subject, points: BTreeMap<Asked, Vec<Point>>) -> Reading {
    let mut reading = Reading::default();
    for (asked, points) in points {
        let metrics = match asked.of {
            Part::Whole => &mut reading.metrics,
            Part::Zone(index) => reading.zones.entry(subject.zones[index].clone()).or_default(),
            Part::TargetGroup(index) => {
                reading.target_groups.entry(subject.target_groups[index].clone()).or_default()
            }
        };
        metrics.insert(asked.metric.to_owned(), points);
    }
    reading
}

fn stamp(at: DateTime<Utc>) -> primitives::DateTime {
    primitives::DateTime::from_millis(at.timestamp_millis())
}

fn forbidden() -> AwsError {
    AwsError::AccessDenied {
        action: METRIC_DATA.to_string(),
        message: "CloudWatch says Forbidden".to_owned(),
    }
}

fn incomplete(what: &str) -> AwsError {
    AwsError::Incomplete { action: METRIC_DATA.to_string(), what: what.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
