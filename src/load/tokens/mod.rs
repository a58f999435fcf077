//! Obtaining a token for every connection of a level, before its first connection is attempted.
//!
//! A [`Mint`] has one source, a file each: a file's lines, a command, an HTTP endpoint, or a key to sign with. What it
//! obtains is the level's [`LevelTokens`]: for each connection a token, or why there is none. No reason ever repeats what
//! a source said where a token may stand in it.

mod command;
mod file;
mod http;
mod jwt;
mod last_words;
mod retry;

pub use file::{TokenFileError, read_token_file};

use std::sync::Arc;

use super::failed::Failed;
use super::tls::TlsError;
use crate::plan::{Token, TokenPlace, TokenSource, Tokens};
use crate::record::{FailureKind, Initiator, Phase};

/// Makes tokens, in whichever way was asked for.
pub struct Mint {
    source: Source,
    place: TokenPlace,
}

enum Source {
    File(Arc<[Token]>),
    Command(command::TokenCommand),
    Endpoint(http::Endpoint),
    Jwt(jwt::Signer),
}

/// Why a connection has no token. Of many the reason is the same, and shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing(Arc<str>);

impl Missing {
    fn because(reason: impl Into<Arc<str>>) -> Missing {
        Missing(reason.into())
    }
}

type Obtained = Result<Token, Missing>;

impl Mint {
    /// Reads the certificates of an endpoint.
    pub(super) fn new(tokens: &Tokens) -> Result<Mint, TlsError> {
        let source = match &tokens.source {
            TokenSource::File(tokens) => Source::File(Arc::clone(tokens)),
            TokenSource::Command(line) => {
                Source::Command(command::TokenCommand::new(line.clone(), tokens.timeout))
            }
            TokenSource::Endpoint(endpoint) => {
                Source::Endpoint(http::Endpoint::new(endpoint, tokens.timeout)?)
            }
            TokenSource::Jwt(jwt) => Source::Jwt(jwt::Signer::new(jwt)),
        };
        Ok(Mint { source, place: tokens.place.clone() })
    }

    /// Obtains a token for each of these connections of a level. Dropping the future ends whatever is under way.
    pub async fn obtain(&self, connections: impl ExactSizeIterator<Item = u32>) -> LevelTokens {
        let tokens = match &self.source {
            Source::File(tokens) => file::take(tokens, connections),
            Source::Command(command) => command.obtain(connections, &self.place).await,
            Source::Endpoint(endpoint) => endpoint.obtain(connections, &self.place).await,
            Source::Jwt(signer) => signer.obtain(connections, &self.place),
        };
        LevelTokens(Some(tokens))
    }
}

/// What each connection of a level has got, in their order.
#[derive(Debug, Clone, Default)]
pub struct LevelTokens(Option<Vec<Obtained>>);

impl LevelTokens {
    /// Where no tokens are used.
    pub fn none() -> LevelTokens {
        LevelTokens(None)
    }

    /// Tokens that were had.
    pub fn obtained(&self) -> u32 {
        let had = self.0.iter().flatten().filter(|token| token.is_ok()).count();
        u32::try_from(had).unwrap_or(u32::MAX)
    }

    /// These of the connections at `places`, and for all others those that they had `before`.
    pub(super) fn over(self, before: &LevelTokens, places: &[u32]) -> LevelTokens {
        let Some(obtained) = self.0 else { return LevelTokens::none() };
        let mut all = before.0.clone().unwrap_or_default();
        for (place, token) in places.iter().map(|place| *place as usize).zip(obtained) {
            if place >= all.len() {
                all.resize(place + 1, Err(Missing::because("")));
            }
            all[place] = token;
        }
        LevelTokens(Some(all))
    }

    /// The token of the `nth` connection, where tokens are used.
    pub(super) fn get(&self, nth: u32) -> Option<&Token> {
        self.slot(nth).and_then(|token| token.as_ref().ok())
    }

    /// Why the `nth` connection can't be attempted, where it can't.
    pub(super) fn failed(&self, nth: u32) -> Option<Failed> {
        let Missing(reason) = self.slot(nth)?.as_ref().err()?;
        Some(Failed {
            phase: Phase::Token,
            kind: FailureKind::Token,
            // The clients' side did not get so far as to need a peer.
            by: Initiator::Client,
            peer: None,
            example: reason.to_string(),
        })
    }

    fn slot(&self, nth: u32) -> Option<&Obtained> {
        self.0.as_ref()?.get(usize::try_from(nth).ok()?)
    }
}
