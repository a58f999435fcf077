//! A connection after its upgrade: the target's side of the WebSocket protocol (RFC 6455).
//!
//! `frame` cuts bytes into frames and writes frames (pure), `target` decides what is answered to
//! them (pure), `hold` keeps the connection until it ends; what may befall it before is in `fate`,
//! and `torrent` is what some are flooded with.

mod fate;
mod frame;
mod hold;
mod target;
mod torrent;

pub(super) use hold::{greeting, hold};
pub(super) use torrent::Torrent;
