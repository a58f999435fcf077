//! What GetMetricData may be asked.

use chrono::{DateTime, Utc};

use crate::sim::aws::cloudwatch::limits::{invalid, required, too_many};
use crate::sim::aws::cloudwatch::metric_query::{self, MetricQuery, Source};
use crate::sim::aws::cloudwatch::window::valid_period;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// Queries of one request.
const MAX_QUERIES: usize = 500;

/// Datapoints of one page, unless the request wants fewer.
const MAX_DATAPOINTS: usize = 100_800;

/// A request that AWS would take.
#[derive(Debug)]
pub(crate) struct Request {
    /// What is asked for; at least one query.
    pub(crate) queries: Vec<MetricQuery>,
    /// Inclusive; not rounded yet.
    pub(crate) start: DateTime<Utc>,
    /// Exclusive.
    pub(crate) end: DateTime<Utc>,
    /// Whether the oldest datapoint comes first.
    pub(crate) ascending: bool,
    /// Datapoints on one page at most.
    pub(crate) max_datapoints: usize,
    /// The token of an earlier page.
    pub(crate) token: Option<String>,
}

impl Request {
    /// Reads a request, and refuses what AWS refuses.
    pub(crate) fn read(fields: &Fields<'_>) -> Result<Self, AwsError> {
        let time = |name: &str| fields.timestamp(name)?.ok_or_else(|| AwsError::validation(required(name)));
        let (start, end) = (time("StartTime")?, time("EndTime")?);
        if start == end {
            return Err(AwsError::validation("The parameter StartTime must not equal parameter EndTime."));
        }
        if start > end {
            return Err(AwsError::validation(
                "The parameter StartTime must be less than the parameter EndTime.",
            ));
        }
        let queries = metric_query::read(fields, "MetricDataQueries", valid_period)?;
        if queries.is_empty() {
            return Err(AwsError::validation(required("MetricDataQueries")));
        }
        if queries.len() > MAX_QUERIES {
            return Err(AwsError::validation(too_many("MetricDataQueries", MAX_QUERIES)));
        }
        let max_datapoints = match fields.integer("MaxDatapoints")? {
            None => MAX_DATAPOINTS,
            Some(wanted) => usize::try_from(wanted)
                .ok()
                .filter(|wanted| (1..=MAX_DATAPOINTS).contains(wanted))
                .ok_or_else(|| AwsError::validation(invalid(wanted, "MaxDatapoints")))?,
        };
        let ascending = match fields.text("ScanBy")? {
            None | Some("TimestampDescending") => false,
            Some("TimestampAscending") => true,
            Some(other) => return Err(AwsError::validation(invalid(other, "ScanBy"))),
        };
        Ok(Request {
            queries,
            start,
            end,
            ascending,
            max_datapoints,
            token: fields.text("NextToken")?.map(str::to_owned),
        })
    }

    /// What a token is bound to: all but the size of a page.
    pub(crate) fn identity(&self) -> String {
        let Request { queries, start, end, ascending, .. } = self;
        format!("{queries:?} {start} {end} {ascending}")
    }

    /// Whether any query is an expression.
    pub(crate) fn has_math(&self) -> bool {
        self.queries.iter().any(|query| matches!(query.source, Source::Expression(..)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::sim::aws::value::{Structure, Value};

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:10:00Z".parse().unwrap()
    }

    fn stat(id: &str, name: &str, period: i64) -> Structure {
        let metric = Structure::new().with("Namespace", "N").with("MetricName", "M");
        let stat = Structure::new().with("Metric", metric).with("Period", period).with("Stat", name);
        Structure::new().with("Id", id).with("MetricStat", stat)
    }

    fn request(minutes: i64, queries: Vec<Structure>) -> Structure {
        Structure::new()
            .with("StartTime", now() - Duration::minutes(minutes))
            .with("EndTime", now())
            .with("MetricDataQueries", queries)
    }

    fn read(request: Structure) -> Result<Request, AwsError> {
        let request = Value::from(request);
        Request::read(&Fields::of(&request)?)
    }

    #[test]
    fn the_default_is_newest_first_and_all_that_fits_on_a_page() {
        let request = read(request(5, vec![stat("a", "Sum", 60)])).unwrap();
        assert!(!request.ascending);
        assert_eq!(request.max_datapoints, 100_800);
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        let good = || request(5, vec![stat("a", "Sum", 60)]);
        let many = |count| -> Vec<Structure> {
            (0..count).map(|index| stat(&format!("m{index}"), "Sum", 60)).collect()
        };
        assert!(read(request(5, many(500))).is_ok());
        for (request, part) in [
            (request(0, many(1)), "must not equal"),
            (request(-1, many(1)), "less than"),
            (Structure::new().with("StartTime", now()), "EndTime is"),
            (request(5, vec![]), "MetricDataQueries is required"),
            (request(5, many(501)), "greater than 500"),
            (request(5, vec![stat("a", "Min", 60)]), "not a valid"),
            (request(5, vec![stat("a", "Sum", 90)]), "The value 90"),
            (good().with("MaxDatapoints", 0), "MaxDatapoints"),
            (good().with("MaxDatapoints", 100_801), "MaxDatapoints"),
            (good().with("ScanBy", "Up"), "ScanBy"),
        ] {
            let error = read(request).unwrap_err();
            assert_eq!(error.code, "ValidationError");
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}
