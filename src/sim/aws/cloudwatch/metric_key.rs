//! What identifies a metric: namespace, name and the exact set of dimensions, whatever their order.

use std::collections::BTreeMap;

use super::limits::{MAX_DIMENSION_VALUE, MAX_DIMENSIONS, MAX_NAME, invalid, printable, required, too_many};
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::value::{Structure, Value};

/// One metric's identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricKey {
    /// Such as `AWS/ApplicationELB`.
    pub(crate) namespace: String,
    /// Such as `RequestCount`.
    pub(crate) name: String,
    /// Values by name.
    pub(crate) dimensions: BTreeMap<String, String>,
}

impl MetricKey {
    /// The identity as a `Metric` of the model.
    pub(crate) fn to_value(&self) -> Value {
        Structure::new()
            .with("Namespace", &self.namespace)
            .with("MetricName", &self.name)
            .with("Dimensions", dimensions_value(&self.dimensions))
            .into()
    }
}

/// Dimensions as a list of the model.
pub(crate) fn dimensions_value(dimensions: &BTreeMap<String, String>) -> Vec<Structure> {
    dimensions.iter().map(|(name, value)| Structure::new().with("Name", name).with("Value", value)).collect()
}

/// The member `Namespace`. `code` is what the operation calls an invalid value.
pub(crate) fn namespace<'a>(fields: &Fields<'a>, code: &'static str) -> Result<Option<&'a str>, AwsError> {
    let Some(namespace) = fields.text("Namespace")? else {
        return Ok(None);
    };
    if printable(namespace, MAX_NAME) && !namespace.starts_with(':') {
        Ok(Some(namespace))
    } else {
        Err(AwsError::new(code, invalid(namespace, &fields.path("Namespace"))))
    }
}

/// The member `MetricName`.
pub(crate) fn metric_name<'a>(fields: &Fields<'a>, code: &'static str) -> Result<Option<&'a str>, AwsError> {
    let Some(name) = fields.text("MetricName")? else {
        return Ok(None);
    };
    if printable(name, MAX_NAME) {
        Ok(Some(name))
    } else {
        Err(AwsError::new(code, invalid(name, &fields.path("MetricName"))))
    }
}

/// The member `Dimensions`, which must name each dimension once.
pub(crate) fn dimensions(
    fields: &Fields<'_>,
    code: &'static str,
    missing_code: &'static str,
) -> Result<BTreeMap<String, String>, AwsError> {
    let given = fields.structures("Dimensions")?;
    if given.len() > MAX_DIMENSIONS {
        return Err(AwsError::new(code, too_many(&fields.path("Dimensions"), MAX_DIMENSIONS)));
    }
    let mut dimensions = BTreeMap::new();
    for dimension in given {
        let member = |name: &str, longest: usize| {
            let Some(text) = dimension.text(name)? else {
                return Err(AwsError::new(missing_code, required(&dimension.path(name))));
            };
            if printable(text, longest) {
                Ok(text.to_owned())
            } else {
                Err(AwsError::new(code, invalid(text, &dimension.path(name))))
            }
        };
        let name = member("Name", MAX_NAME)?;
        let value = member("Value", MAX_DIMENSION_VALUE)?;
        if name.starts_with(':') || dimensions.insert(name.clone(), value).is_some() {
            return Err(AwsError::new(code, invalid(name, &dimension.path("Name"))));
        }
    }
    Ok(dimensions)
}
