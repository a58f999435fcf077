//! Holding open connections: a few threads (one for every 20,000 of the largest level, and no more than cores), each with
//! an event loop over its share of them.
//!
//! [`Holder`] is the handle of such a thread, `keeper` the thread; a connection comes to it when it is open and stays
//! until its end. What must be kept of one while nothing happens is a `Connection`: its socket, a few counters, and (over
//! TLS) its keys. `frame` reads and writes RFC 6455's frames, `brought` gathers what those of a read mean, `wheel` knows
//! who gets a heartbeat when, `pulse` by when its answer must be there, `wire` is the byte stream, plain or TLS, `border`
//! the passing of connections from one level to the next.

mod border;
mod brought;
mod closing;
mod connection;
pub(super) mod frame;
mod holder;
mod keeper;
mod pulse;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod turns;
mod utf8;
mod wheel;
mod wire;

pub(super) use brought::{Beats, Brought, Owed};
pub(super) use closing::CLOSE_PATIENCE;
pub(super) use holder::{Adopted, Holder, HolderSettings, Owner};
pub(super) use wire::{Plain, Tls, Wire};
