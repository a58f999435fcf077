//! `--upgrade-answer`: the target answers upgrades in its own way, or not at all.

use std::str::FromStr;

use crate::sim::SimError;

/// What the target does with an upgrade that nobody refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpgradeAnswer {
    /// The usual 101.
    #[default]
    Good,
    /// A 101 with `Connection: keep-alive, Upgrade`, as some proxies send it; it is as good.
    KeepAlive,
    /// A 101 whose Sec-WebSocket-Accept belongs to another key.
    WrongAccept,
    /// No answer; the idle timeout ends it.
    Never,
    /// A FIN without an answer.
    HangUp,
}

impl FromStr for UpgradeAnswer {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        Ok(match word {
            "good" => Self::Good,
            "keep-alive" => Self::KeepAlive,
            "wrong-accept" => Self::WrongAccept,
            "never" => Self::Never,
            "hang-up" => Self::HangUp,
            _ => {
                return Err(SimError::Options(format!(
                    "'{word}' is not one of good, keep-alive, wrong-accept, never, hang-up"
                )));
            }
        })
    }
}
