//! What is said over a connection beside RFC 6455's own frames: the opening message, the one that shows the server is
//! ready, the answers to its own heartbeats, and ours.
//!
//! A [`Script`] is what was asked for, by flags or by a [`Protocol`]'s preset; a [`Conversation`] is what came of it, and
//! [`Conversation::hear`] decides what a message means. It may hold a secret: it is part of the target, never of a plan.

mod hear;
mod pattern;
mod protocol;
mod reply;
mod script;

pub use hear::{Beat, Conversation, Heard, TextBeat};
pub use pattern::{Pattern, PatternError};
pub use protocol::Protocol;
pub use reply::{Reply, ReplyError};
pub use script::{Script, ScriptError};
