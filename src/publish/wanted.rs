//! What is to be published, and under which names: decided once, at the door.

use super::metrics;
use super::names::{Dimension, LogGroup, NameError, Namespace};

/// The most dimensions of a metric (aws-facts.md §6).
const MAX_DIMENSIONS: usize = 30;

/// Bytes of the user's own dimensions, in all: they stand in every entry of a request, and the latencies of one level may
/// take 160 of these.
const MAX_DIMENSION_BYTES: usize = 3_000;

/// Those that albcap gives itself.
const OWN: [&str; 3] = ["LoadBalancer", "Level", "Kind"];

/// What stands beside the dimensions in an event of the embedded metric format.
const BESIDE: [&str; 3] = ["_aws", "type", "run"];

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How the custom metrics travel; `None` leaves them out.
    pub metrics: Option<Carrier>,
    /// Whether the run's log events are sent.
    pub logs: bool,
    /// The metrics' namespace.
    pub namespace: Namespace,
    /// The group in which the run has its stream.
    pub log_group: LogGroup,
    /// Whether open connections are told by the second, and not by the minute.
    pub high_resolution: bool,
    dimensions: Vec<Dimension>,
}

/// How custom metrics travel. One way at a time, or they would count twice (aws-facts.md §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// By PutMetricData.
    Put,
    /// In log events, in the embedded metric format.
    Embedded,
}

impl Wanted {
    /// # Errors
    /// More dimensions than a metric may have, two of one name, one of a name that albcap gives itself, or too long ones.
    pub fn new(
        metrics: Option<Carrier>,
        logs: bool,
        namespace: Namespace,
        log_group: LogGroup,
        high_resolution: bool,
        dimensions: Vec<Dimension>,
    ) -> Result<Wanted, NameError> {
        check_dimensions(&dimensions)?;
        Ok(Wanted { metrics, logs, namespace, log_group, high_resolution, dimensions })
    }

    /// The user's own dimensions.
    #[must_use]
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Whether anything goes to a log stream.
    #[must_use]
    pub fn writes_logs(&self) -> bool {
        self.logs || self.metrics == Some(Carrier::Embedded)
    }
}

/// Whether a user's own dimensions can stand beside those that albcap gives.
///
/// # Errors
/// More dimensions than a metric may have, two of one name, one of a name that albcap gives itself, or too long ones.
pub fn check_dimensions(dimensions: &[Dimension]) -> Result<(), NameError> {
    let room = MAX_DIMENSIONS - OWN.len();
    if dimensions.len() > room {
        return Err(NameError::TooMany { given: dimensions.len(), room });
    }
    for (place, dimension) in dimensions.iter().enumerate() {
        let name = dimension.name();
        let taken = OWN.contains(&name) || BESIDE.contains(&name) || metrics::NAMES.contains(&name);
        if taken || dimensions[..place].iter().any(|earlier| earlier.name() == name) {
            return Err(NameError::Twice(name.to_owned()));
        }
    }
    let bytes = dimensions.iter().map(|own| own.name().len() + own.value().len()).sum();
    if bytes > MAX_DIMENSION_BYTES {
        return Err(NameError::TooLong(bytes));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    pub(in crate::publish) fn wanted(dimensions: &[&str]) -> Result<Wanted, NameError> {
        Wanted::new(
            Some(Carrier::Put),
            true,
            "albcap".parse().unwrap(),
            "/albcap/runs".parse().unwrap(),
            false,
            dimensions.iter().map(|text| text.parse().unwrap()).collect(),
        )
    }

    #[test]
    fn there_is_room_for_27_dimensions_of_ones_own() {
        let many: Vec<String> = (0..28).map(|n| format!("d{n}=x")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(wanted(&many[..27]).unwrap().dimensions().len(), 27);
        assert_eq!(wanted(&many), Err(NameError::TooMany { given: 28, room: 27 }));
    }

    #[test]
    fn no_name_stands_twice() {
        for twice in [
            &["a=1", "a=2"][..],
            &["Level=1"],
            &["LoadBalancer=x"],
            &["Kind=x"],
            &["run=x"],
            &["OpenConnections=1"],
        ] {
            assert!(matches!(wanted(twice), Err(NameError::Twice(_))), "{twice:?}");
        }
    }
}
