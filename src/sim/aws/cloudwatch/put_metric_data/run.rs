//! The operation: all data are taken, or none.

use chrono::{DateTime, Utc};

use super::datum::{self, Datum};
use super::refusal::{INVALID, MISSING, refuse};
use crate::sim::aws::account::State;
use crate::sim::aws::cloudwatch::limits::{invalid, required, too_many};
use crate::sim::aws::cloudwatch::metric_key;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::Value;

/// Metrics of one request.
const MAX_DATA: usize = 1000;
/// Bytes of one request, as it is sent.
const MAX_BYTES: usize = 1 << 20;
pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    if call.wire_bytes > MAX_BYTES {
        return Err(AwsError::new(
            "RequestEntityTooLarge",
            format!("Request size {} exceeded {MAX_BYTES} bytes", call.wire_bytes),
        )
        .status(413));
    }
    for datum in read(fields, call.now)? {
        state.cloudwatch.metrics.add(datum.key, datum.at, datum.sample, call.now);
    }
    Ok(None)
}

fn read(fields: &Fields<'_>, now: DateTime<Utc>) -> Result<Vec<Datum>, AwsError> {
    let shaped = |error: AwsError| refuse(error.code, error.message);
    let namespace = metric_key::namespace(fields, INVALID)
        .map_err(shaped)?
        .ok_or_else(|| refuse(MISSING, required("Namespace")))?;
    if namespace.starts_with("AWS/") {
        return Err(refuse(INVALID, invalid(namespace, "Namespace")));
    }
    if fields.has("EntityMetricData") {
        return Err(refuse(INVALID, "The parameter EntityMetricData is not simulated.".to_owned()));
    }
    let data = fields.structures("MetricData")?;
    if data.is_empty() {
        return Err(refuse(MISSING, required("MetricData")));
    }
    if data.len() > MAX_DATA {
        return Err(refuse(INVALID, too_many("MetricData", MAX_DATA)));
    }
    data.iter().map(|datum| datum::read(namespace, datum, now).map_err(shaped)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;

    use super::super::refusal::COMBINATION;
    use super::*;
    use crate::sim::aws::cloudwatch::distribution::Distribution;
    use crate::sim::aws::value::Structure;

    fn now() -> DateTime<Utc> {
        "2026-03-31T12:00:30Z".parse().unwrap()
    }

    fn put(namespace: &str, data: Vec<Structure>) -> Result<Vec<Datum>, AwsError> {
        let request = Value::from(Structure::new().with("Namespace", namespace).with("MetricData", data));
        read(&Fields::of(&request).unwrap(), now())
    }

    fn datum() -> Structure {
        Structure::new().with("MetricName", "Open")
    }

    fn value(value: f64) -> Structure {
        datum().with("Value", value)
    }

    fn set(sample_count: f64, sum: f64, minimum: f64, maximum: f64) -> Structure {
        datum().with(
            "StatisticValues",
            Structure::new()
                .with("SampleCount", sample_count)
                .with("Sum", sum)
                .with("Minimum", minimum)
                .with("Maximum", maximum),
        )
    }

    fn dimensions(names: &[String]) -> Vec<Structure> {
        names.iter().map(|name| Structure::new().with("Name", name).with("Value", "v")).collect()
    }

    #[test]
    fn a_datum_is_stamped_by_its_resolution() {
        for (resolution, second) in [(60, 0), (1, 30)] {
            let data = put("N", vec![value(1.0).with("StorageResolution", resolution)]).unwrap();
            assert_eq!(data[0].at.rem_euclid(60), second);
            assert_eq!(data[0].sample.high_resolution, resolution == 1);
        }
    }

    #[test]
    fn old_data_takes_two_days_to_appear() {
        let at = |age: Duration| {
            let data = put("N", vec![value(1.0).with("Timestamp", now() - age)]).unwrap();
            data[0].sample.visible_at
        };
        assert_eq!(at(Duration::hours(24)), now());
        assert_eq!(at(Duration::hours(25)), now() + Duration::hours(48));
    }

    #[test]
    fn all_forms_of_values_are_read() {
        let values = |datum| put("N", vec![datum]).unwrap().remove(0).sample.values;
        assert_eq!(values(value(2.0)), Distribution::single(2.0));
        assert_eq!(
            values(datum().with("Values", vec![1.0, 2.0]).with("Counts", vec![3.0, 4.0])),
            Distribution::Values(vec![(1.0, 3.0), (2.0, 4.0)])
        );
        assert!(matches!(values(set(2.0, 3.0, 1.0, 2.0)), Distribution::Summary(_)));
    }

    #[test]
    fn limits_are_exact() {
        let names = |count: usize| dimensions(&(0..count).map(|i| format!("d{i}")).collect::<Vec<_>>());
        let long = |length: usize| Structure::new().with("MetricName", "a".repeat(length)).with("Value", 1.0);
        for (data, fits) in [
            (vec![], false),
            ((0..1000).map(|_| value(1.0)).collect(), true),
            ((0..1001).map(|_| value(1.0)).collect(), false),
            (vec![value(1.0).with("Dimensions", names(30))], true),
            (vec![value(1.0).with("Dimensions", names(31))], false),
            (vec![long(255)], true),
            (vec![long(256)], false),
            (vec![value(2f64.powi(360))], true),
            (vec![value(2f64.powi(361))], false),
            (vec![datum().with("Values", vec![1.0; 150])], true),
            (vec![datum().with("Values", vec![1.0; 151])], false),
            (vec![value(1.0).with("Timestamp", now() - Duration::days(14))], true),
            (vec![value(1.0).with("Timestamp", now() - Duration::days(14) - Duration::seconds(1))], false),
            (vec![value(1.0).with("Timestamp", now() + Duration::hours(2))], true),
            (vec![value(1.0).with("Timestamp", now() + Duration::hours(2) + Duration::seconds(1))], false),
        ] {
            let outcome = put("N", data);
            assert_eq!(outcome.is_ok(), fits, "{:?}", outcome.err());
        }
    }

    #[test]
    fn what_aws_refuses_is_refused_with_its_code() {
        let twice = dimensions(&["a".to_owned(), "a".to_owned()]);
        for (namespace, datum, code) in [
            ("AWS/ApplicationELB", value(1.0), INVALID),
            (":N", value(1.0), INVALID),
            ("  ", value(1.0), INVALID),
            ("N", datum(), COMBINATION),
            ("N", Structure::new().with("Value", 1.0), MISSING),
            ("N", value(f64::NAN), INVALID),
            ("N", value(f64::INFINITY), INVALID),
            ("N", value(1.0).with("Values", vec![1.0]), COMBINATION),
            ("N", value(1.0).with("Counts", vec![1.0]), COMBINATION),
            ("N", datum().with("Values", vec![1.0]).with("Counts", vec![1.0, 2.0]), INVALID),
            ("N", datum().with("Values", vec![f64::NAN]), INVALID),
            ("N", datum().with("Values", vec![1.0]).with("Counts", vec![-1.0]), INVALID),
            ("N", datum().with("StatisticValues", Structure::new().with("Sum", 1.0)), MISSING),
            ("N", set(1.0, 1.0, 2.0, 1.0), INVALID),
            ("N", set(-1.0, 1.0, 1.0, 1.0), INVALID),
            ("N", value(1.0).with("Unit", "Parsecs"), INVALID),
            ("N", value(1.0).with("StorageResolution", 30), INVALID),
            ("N", value(1.0).with("Dimensions", twice), INVALID),
            ("N", value(1.0).with("Dimensions", dimensions(&["ü".to_owned()])), INVALID),
            ("N", value(1.0).with("Dimensions", vec![Structure::new().with("Name", "a")]), MISSING),
            ("N", value(1.0).with("Timestamp", "now"), "SerializationException"),
        ] {
            let shown = format!("{namespace} {datum:?}");
            let error = put(namespace, vec![datum]).unwrap_err();
            assert_eq!(error.code, code, "{shown}: {}", error.message);
        }
        let error = put("AWS/X", vec![value(1.0)]).unwrap_err();
        assert_eq!(error.shape, "InvalidParameterValueException");
    }
}
