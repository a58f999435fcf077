//! The three codes with which PutMetricData refuses, and the modelled shapes behind them.

use crate::sim::aws::error::AwsError;

/// A value that is out of bounds, or of no known kind.
pub(crate) const INVALID: &str = "InvalidParameterValue";
/// Something is not there.
pub(crate) const MISSING: &str = "MissingParameter";
/// Too much or too little of what excludes each other.
pub(crate) const COMBINATION: &str = "InvalidParameterCombination";

/// A refusal with one of the codes; others keep their own shape.
pub(crate) fn refuse(code: &'static str, message: String) -> AwsError {
    match code {
        INVALID => AwsError::new(code, message).shaped("InvalidParameterValueException"),
        MISSING => AwsError::new(code, message).shaped("MissingRequiredParameterException"),
        COMBINATION => AwsError::new(code, message).shaped("InvalidParameterCombinationException"),
        _ => AwsError::new(code, message),
    }
}
