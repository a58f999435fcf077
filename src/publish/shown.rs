//! A request written out as AWS documents it, for `--dry-run`.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::metrics::Datum;
use super::requests::{Body, Request};

impl Request {
    /// The operation and its parameters, by the names that AWS gives them.
    #[must_use]
    pub fn shown(&self) -> Value {
        match &self.body {
            Body::Metrics { namespace, dimensions, data } => json!({
                "Operation": "cloudwatch:PutMetricData",
                "Namespace": namespace,
                "MetricData": data.iter().flat_map(|datum| entries(datum, dimensions)).collect::<Vec<_>>(),
            }),
            Body::Logs { group, stream, events } => json!({
                "Operation": "logs:PutLogEvents",
                "logGroupName": group,
                "logStreamName": stream,
                "logEvents": events
                    .iter()
                    .map(|event| json!({"timestamp": event.at.timestamp_millis(), "message": event.message}))
                    .collect::<Vec<_>>(),
            }),
        }
    }
}

/// A datum's entries, one for each piece.
fn entries(datum: &Datum, shared: &[(String, String)]) -> Vec<Value> {
    let own = datum.dimensions.iter().map(|(name, value)| (*name, value.as_str()));
    let shared = shared.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let dimensions: Vec<Value> =
        shared.chain(own).map(|(name, value)| json!({"Name": name, "Value": value})).collect();
    datum
        .pieces()
        .map(|(values, counts)| {
            json!({
                "MetricName": datum.name,
                "Dimensions": dimensions,
                "Timestamp": datum.at.to_rfc3339_opts(SecondsFormat::Millis, true),
                "Values": values,
                "Counts": counts,
                "Unit": datum.unit.as_str(),
                "StorageResolution": datum.resolution_s(),
            })
        })
        .collect()
}
