//! Making it happen: tokens, dialing, holding, closing.
//!
//! A [`Mint`] obtains a level's tokens, where there are to be any. A [`Dialer`] knows the way to the target (name, TCP,
//! TLS, upgrade, greeting) and walks it in a task for each connection, so many at once as the window allows. What is open
//! moves to `hold`, whose threads keep it with next to nothing; a [`LevelLoad`] is both for one level. It does what it is
//! told, when it is told: how long a level is held, and which comes next, is decided in `conduct`. Only this room knows
//! tungstenite, for RFC 6455's key and its answer, and to be tested against.

mod account;
mod counters;
mod dial;
mod failed;
mod greet;
mod hold;
mod lag;
mod level;
mod random;
mod refusal;
mod route;
mod stream;
mod tls;
mod tls_session;
mod tokens;
mod upgrade;
mod uuid;

pub use dial::{Dialer, DialerError};
pub use lag::Lag;
pub use level::{LevelLoad, LevelOrder, Standing};
pub use route::look_up;
pub use tokens::{LevelTokens, Mint, TokenFileError, read_token_file};
