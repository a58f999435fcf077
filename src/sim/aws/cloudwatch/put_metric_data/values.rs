//! The values of a datum: one, a statistic set, or values with counts.

use super::refusal::{COMBINATION, INVALID, MISSING, refuse};
use crate::sim::aws::cloudwatch::distribution::{Distribution, StatisticSet};
use crate::sim::aws::cloudwatch::limits::{invalid, required, storable, too_many};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;

/// Different values of one datum.
const MAX_VALUES: usize = 150;
/// Exactly one of `Value`, `StatisticValues` and `Values`.
pub(crate) fn read(fields: &Fields<'_>) -> Result<Distribution, AwsError> {
    let forms = ["Value", "StatisticValues", "Values"];
    let given: Vec<&str> = forms.into_iter().filter(|form| fields.has(form)).collect();
    match given[..] {
        [] => Err(refuse(
            COMBINATION,
            format!(
                "At least one of the parameters {}, {} and {} must be specified.",
                fields.path("Value"),
                fields.path("Values"),
                fields.path("StatisticValues")
            ),
        )),
        ["Value"] if fields.has("Counts") => {
            Err(refuse(COMBINATION, format!("The parameter {} needs Values.", fields.path("Counts"))))
        }
        ["Value"] => Ok(Distribution::single(number(fields, "Value")?)),
        ["StatisticValues"] => match fields.structure("StatisticValues")? {
            Some(set) => read_set(&set),
            None => Err(refuse(MISSING, required(&fields.path("StatisticValues")))),
        },
        ["Values"] => read_counted(fields),
        [first, second, ..] => Err(refuse(
            COMBINATION,
            format!(
                "The parameters {} and {} are mutually exclusive and you have specified both.",
                fields.path(first),
                fields.path(second)
            ),
        )),
        [_] => Err(refuse(COMBINATION, "The values can not be read.".to_owned())),
    }
}

fn number(fields: &Fields<'_>, name: &str) -> Result<f64, AwsError> {
    let path = fields.path(name);
    let number = fields.number(name)?.ok_or_else(|| refuse(MISSING, required(&path)))?;
    if storable(number) { Ok(number) } else { Err(refuse(INVALID, invalid(number, &path))) }
}

fn read_set(fields: &Fields<'_>) -> Result<Distribution, AwsError> {
    let set = StatisticSet {
        sample_count: number(fields, "SampleCount")?,
        sum: number(fields, "Sum")?,
        minimum: number(fields, "Minimum")?,
        maximum: number(fields, "Maximum")?,
    };
    if set.sample_count < 0.0 {
        return Err(refuse(INVALID, invalid(set.sample_count, &fields.path("SampleCount"))));
    }
    if set.minimum > set.maximum {
        return Err(refuse(
            INVALID,
            format!(
                "The parameter {} must be greater than or equal to parameter {}.",
                fields.path("Maximum"),
                fields.path("Minimum")
            ),
        ));
    }
    Ok(Distribution::of_set(set))
}

fn read_counted(fields: &Fields<'_>) -> Result<Distribution, AwsError> {
    let values = fields.numbers("Values")?.unwrap_or_default();
    if values.is_empty() {
        return Err(refuse(MISSING, required(&fields.path("Values"))));
    }
    if values.len() > MAX_VALUES {
        return Err(refuse(INVALID, too_many(&fields.path("Values"), MAX_VALUES)));
    }
    let counts = fields.numbers("Counts")?.unwrap_or_else(|| vec![1.0; values.len()]);
    if counts.len() != values.len() {
        return Err(refuse(
            INVALID,
            format!(
                "The parameters {} and {} must be of the same size.",
                fields.path("Values"),
                fields.path("Counts")
            ),
        ));
    }
    if let Some(value) = values.iter().find(|value| !storable(**value)) {
        return Err(refuse(INVALID, invalid(value, &fields.path("Values"))));
    }
    if let Some(count) = counts.iter().find(|count| !storable(**count) || **count < 0.0) {
        return Err(refuse(INVALID, invalid(count, &fields.path("Counts"))));
    }
    Ok(Distribution::Values(values.into_iter().zip(counts).collect()))
}
