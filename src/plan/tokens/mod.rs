//! Where every connection's token comes from, and where it goes.
//!
//! [`Tokens`] holds a [`TokenSource`] and a [`TokenPlace`], and with them secrets: it belongs to the target. What may be
//! told of it is the [`TokenPlan`]. Whether the tokens fit the plan (enough of them, valid for long enough) is decided
//! by [`Tokens::fit`] before anything is opened.

mod fit;
mod jwt;
mod place;
mod source;
mod token;

pub use fit::{TokenMisfit, longest_life};
pub use jwt::{Expiry, Jwt, JwtError};
pub use place::{TokenPlace, TokenPlaceError};
pub use source::{TokenEndpoint, TokenEndpointError, TokenOrigin, TokenPlan, TokenSource, Tokens};
pub use token::{Token, TokenError};
