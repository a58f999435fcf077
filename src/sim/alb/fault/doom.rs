//! What happens to a connection when its time has come: `--kill-by`.

use std::str::FromStr;

use super::violation::Violation;
use crate::sim::SimError;

/// The end of a connection, or what keeps it from ever being good again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doom {
    /// A reset.
    #[default]
    Reset,
    /// A FIN without a close frame.
    HangUp,
    /// A close frame with this code, or with none, and a FIN.
    Close(Option<u16>),
    /// Pings are no longer answered; everything else goes on.
    Mute,
    /// Nothing is read or written any more while TCP stays open, until the idle timeout has passed.
    Freeze,
    /// One binary message of 1 GiB, in one frame.
    LongMessage,
    /// A text message in fragments that never ends.
    EndlessText,
    /// A frame that breaks the protocol.
    Violation(Violation),
}

/// The words that stand for themselves; `close=CODE` and the violations' are read apart.
const WORDS: [(&str, Doom); 7] = [
    ("reset", Doom::Reset),
    ("hang-up", Doom::HangUp),
    ("close", Doom::Close(None)),
    ("mute", Doom::Mute),
    ("freeze", Doom::Freeze),
    ("long-message", Doom::LongMessage),
    ("endless-text", Doom::EndlessText),
];

impl FromStr for Doom {
    type Err = SimError;

    fn from_str(text: &str) -> Result<Self, SimError> {
        if let Some(code) = text.strip_prefix("close=") {
            // what a close frame may say (RFC 6455 §7.4); 1005, 1006 and 1015 are never sent
            return match code.parse() {
                Ok(code @ (1000..=1003 | 1007..=1014 | 3000..=4999)) => Ok(Self::Close(Some(code))),
                _ => Err(SimError::Options(format!("'{code}' is no code that a close frame may have"))),
            };
        }
        let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, doom)| *doom);
        let violation =
            || Violation::ALL.into_iter().find(|violation| violation.word() == text).map(Self::Violation);
        word.or_else(violation).ok_or_else(|| {
            let known = WORDS.iter().map(|(word, _)| *word);
            let known: Vec<&str> = known.chain(Violation::ALL.map(Violation::word)).collect();
            SimError::Options(format!("'{text}' is not one of {}, close=CODE", known.join(", ")))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        for (word, doom) in WORDS {
            assert_eq!(word.parse::<Doom>().unwrap(), doom);
        }
        assert_eq!("close=1011".parse::<Doom>().unwrap(), Doom::Close(Some(1011)));
        for violation in Violation::ALL {
            assert_eq!(violation.word().parse::<Doom>().unwrap(), Doom::Violation(violation));
        }
        for wrong in ["close=1005", "close=0", "close=x", "", "kill"] {
            let said = wrong.parse::<Doom>().unwrap_err().to_string();
            assert!(said.contains("close"), "{said}");
        }
    }
}
