//! One datum of a request, and when it may be seen.

use chrono::{DateTime, Duration, Utc};

use super::refusal::{INVALID, MISSING, refuse};
use super::values;
use crate::sim::aws::cloudwatch::limits::{invalid, required};
use crate::sim::aws::cloudwatch::metric_key::{self, MetricKey};
use crate::sim::aws::cloudwatch::store::Sample;
use crate::sim::aws::cloudwatch::unit;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// How old a datum may be.
const OLDEST: Duration = Duration::days(14);
/// How far ahead of the clock it may be.
const NEWEST: Duration = Duration::hours(2);
/// A datum older than this takes `LATE` to appear.
const PROMPT: Duration = Duration::hours(24);
/// How long an old datum takes to appear, at least.
const LATE: Duration = Duration::hours(48);

/// A sample, and where it belongs.
#[derive(Debug, PartialEq)]
pub(crate) struct Datum {
    /// Its metric.
    pub(crate) key: MetricKey,
    /// Its stamp, in seconds since the epoch.
    pub(crate) at: i64,
    /// Its values.
    pub(crate) sample: Sample,
}

/// Reads one member of `MetricData`.
pub(crate) fn read(namespace: &str, fields: &Fields<'_>, now: DateTime<Utc>) -> Result<Datum, AwsError> {
    let name = metric_key::metric_name(fields, INVALID)?
        .ok_or_else(|| refuse(MISSING, required(&fields.path("MetricName"))))?;
    let dimensions = metric_key::dimensions(fields, INVALID, MISSING)?;
    let at = read_timestamp(fields, now)?;
    let unit = match fields.text("Unit")? {
        None => unit::NONE,
        Some(name) => {
            unit::parse(name).ok_or_else(|| refuse(INVALID, unit::refused(&fields.path("Unit"))))?
        }
    };
    let high_resolution = match fields.integer("StorageResolution")? {
        None | Some(60) => false,
        Some(1) => true,
        Some(other) => {
            return Err(refuse(INVALID, invalid(other, &fields.path("StorageResolution"))));
        }
    };
    let grain = if high_resolution { 1 } else { 60 };
    let stamp = at.timestamp();
    Ok(Datum {
        key: MetricKey { namespace: namespace.to_owned(), name: name.to_owned(), dimensions },
        at: stamp - stamp.rem_euclid(grain),
        sample: Sample {
            unit,
            visible_at: if now - at > PROMPT { now + LATE } else { now },
            high_resolution,
            values: values::read(fields)?,
        },
    })
}

fn read_timestamp(fields: &Fields<'_>, now: DateTime<Utc>) -> Result<DateTime<Utc>, AwsError> {
    let at = fields.timestamp("Timestamp")?.unwrap_or(now);
    let path = fields.path("Timestamp");
    if at < now - OLDEST {
        return Err(refuse(
            INVALID,
            format!("The parameter {path} must specify a time within the past two weeks."),
        ));
    }
    if at > now + NEWEST {
        return Err(refuse(
            INVALID,
            format!("The parameter {path} must specify a time no more than two hours in the future."),
        ));
    }
    Ok(at)
}
