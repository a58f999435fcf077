//! A WebSocket listener with an ALB's habits.
//!
//! [`open`] listens on one address a node; each door lets clients in and gives every connection
//! a small task: `http` until it is upgraded, `websocket` from then on, over `wire`, which counts
//! every byte. What goes wrong on purpose is in `fault`, one file each. [`Alb`] is what all share.

mod certificate;
mod connection;
mod counters;
mod door;
mod fault;
mod http;
mod patience;
#[cfg(test)]
mod stage;
mod state;
mod websocket;
mod wire;

pub(super) use certificate::CaFile;
pub use certificate::Certificate;
pub(super) use counters::{Count, Legs, Totals};
pub(super) use door::{Opened, open};
pub use fault::{Doom, RejectedBy, RejectedFor, Rejection, UpgradeAnswer, Violation};
#[cfg(test)]
pub(super) use stage::Stage;
pub(super) use state::Alb;
