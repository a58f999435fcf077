//! Making it happen: dialing, one connection's life, holding.
//!
//! A [`Dialer`] knows the way to the target (name, TCP, TLS, upgrade); a [`LevelLoad`] opens one level through a window
//! of handshakes, holds it, and closes it. It does what it is told, when it is told: how long a level is held, and which
//! comes next, is decided in `conduct`. Only this room knows tungstenite.

mod addresses;
mod connection;
mod counters;
mod dial;
mod failed;
mod level;
mod tls;
mod transport;
mod upgrade;

pub use dial::{Dialer, DialerError};
pub use level::{LevelLoad, LevelOrder};
