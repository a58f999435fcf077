//! Capacity units that were reserved for the load balancer (aws-facts.md §4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A capacity reservation, or that there is none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReservationFacts {
    /// Units asked for; `None` where nothing is reserved.
    pub reserved_lcus: Option<u32>,
    /// Units that are there now, over all zones.
    pub effective_lcus: f64,
    /// What the zones say of it, each state once: `provisioned`, `pending`, `rebalancing`, `failed`.
    pub states: Vec<String>,
}

impl ReservationFacts {
    /// Whether all that was reserved is there; not where no zone says so.
    pub fn is_provisioned(&self) -> bool {
        let all = self.states.iter().all(|state| state == "provisioned");
        self.reserved_lcus.is_some() && !self.states.is_empty() && all
    }

    /// Whether a zone could not have its part, so that waiting helps nobody.
    pub fn has_failed(&self) -> bool {
        self.states.iter().any(|state| state == "failed")
    }
}
