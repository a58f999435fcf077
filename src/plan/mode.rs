//! What becomes of a level's connections when its hold is over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a level's connections live on into the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Every level opens all of its connections, and closes them.
    #[default]
    Fresh,
    /// A level opens only what is missing to those that were alive when the one before ended its hold; all are closed
    /// at the end of the run.
    Cumulative,
}

impl Mode {
    /// As it is written in every output.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Fresh => "fresh",
            Mode::Cumulative => "cumulative",
        }
    }
}
