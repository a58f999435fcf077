//! Where in a connection's opening its token stands.

use thiserror::Error;

use super::{Token, TokenError};
use crate::plan::{HeaderError, RequestHeader, TargetUrl, is_http_token};

/// Where in a connection's opening its token stands. Its debug form leaves out the header's prefix.
#[derive(Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// A parameter of the URL's query.
    Query(String),
    /// A request header, with what stands before the token and a space; an empty prefix stands for nothing.
    Header {
        /// The header's name.
        name: String,
        /// Such as `Bearer`.
        prefix: String,
    },
    /// A cookie.
    Cookie(String),
    /// The last of the offered subprotocols.
    Subprotocol,
    /// The message that is sent when the connection is open; nothing of it in the handshake.
    Message,
}

impl Default for TokenPlace {
    /// `Authorization: Bearer TOKEN` (RFC 6750 §2.1).
    fn default() -> TokenPlace {
        TokenPlace::Header { name: "Authorization".into(), prefix: "Bearer".into() }
    }
}

/// Why a place can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenPlaceError {
    /// None of the places.
    #[error("a token's place is query:NAME, header:NAME[:PREFIX], cookie:NAME, subprotocol or message")]
    Form,
    /// A header that can't be set.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// By it the load balancer knows whom a request is for.
    #[error(
        "a token can't be the Host header, by which a load balancer and its targets know whom a request is for"
    )]
    Host,
    /// Set twice.
    #[error("{0} is set by {1} and would be set by --token-in again")]
    Taken(String, &'static str),
}

impl TokenPlace {
    /// Whether this token can stand here.
    pub fn accepts(&self, token: &Token) -> Result<(), TokenError> {
        let text = token.as_str();
        match self {
            TokenPlace::Cookie(_) if text.contains([' ', '"', ',', ';', '\\']) => {
                Err(TokenError::NotInCookie)
            }
            TokenPlace::Subprotocol if !is_http_token(text) => Err(TokenError::NotASubprotocol),
            _ => Ok(()),
        }
    }

    /// Takes a text as a token for this place.
    pub fn token(&self, text: &str) -> Result<Token, TokenError> {
        let token: Token = text.parse()?;
        self.accepts(&token).map(|()| token)
    }

    /// Refuses to set what the user has set already.
    pub fn check_free(&self, url: &TargetUrl, headers: &[RequestHeader]) -> Result<(), TokenPlaceError> {
        match self {
            TokenPlace::Header { name, .. } if headers.iter().any(|h| h.name.eq_ignore_ascii_case(name)) => {
                Err(TokenPlaceError::Taken(format!("header '{name}'"), "--header"))
            }
            TokenPlace::Query(name) if url.has_query(name) => {
                Err(TokenPlaceError::Taken(format!("query parameter '{name}'"), "the URL"))
            }
            _ => Ok(()),
        }
    }
}

/// The place as it may be shown: without the header's prefix, which is part of a header's value.
impl std::fmt::Display for TokenPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TokenPlace::Query(name) => write!(f, "query:{name}"),
            TokenPlace::Header { name, .. } => write!(f, "header:{name}"),
            TokenPlace::Cookie(name) => write!(f, "cookie:{name}"),
            TokenPlace::Subprotocol => f.write_str("subprotocol"),
            TokenPlace::Message => f.write_str("message"),
        }
    }
}

impl std::fmt::Debug for TokenPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenPlace({self})")
    }
}

impl std::str::FromStr for TokenPlace {
    type Err = TokenPlaceError;

    fn from_str(text: &str) -> Result<TokenPlace, TokenPlaceError> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (kind, rest) {
            ("subprotocol", "") => Ok(TokenPlace::Subprotocol),
            ("message", "") => Ok(TokenPlace::Message),
            ("query", name) if !name.is_empty() => Ok(TokenPlace::Query(name.to_owned())),
            ("cookie", name) if is_http_token(name) => Ok(TokenPlace::Cookie(name.to_owned())),
            ("header", rest) if !rest.is_empty() => {
                let (name, prefix) = rest.split_once(':').unwrap_or((rest, ""));
                let RequestHeader { name, value } = format!("{name}: {prefix}").parse()?;
                if name.eq_ignore_ascii_case("host") {
                    return Err(TokenPlaceError::Host);
                }
                Ok(TokenPlace::Header { name, prefix: value })
            }
            _ => Err(TokenPlaceError::Form),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn places_as_people_write_them() {
        let place = |text: &str| text.parse::<TokenPlace>();
        let header =
            |name: &str, prefix: &str| TokenPlace::Header { name: name.into(), prefix: prefix.into() };
        assert_eq!(place("header:Authorization:Bearer"), Ok(header("Authorization", "Bearer")));
        assert_eq!(place("header:X-Key"), Ok(header("X-Key", "")));
        assert_eq!(place("query:token"), Ok(TokenPlace::Query("token".into())));
        assert_eq!(place("cookie:sid"), Ok(TokenPlace::Cookie("sid".into())));
        assert_eq!(place("subprotocol"), Ok(TokenPlace::Subprotocol));
        assert_eq!(place("message"), Ok(TokenPlace::Message));
        for text in ["", "query:", "header", "cookie:a b", "body", "subprotocol:x", "message:x"] {
            assert_eq!(place(text), Err(TokenPlaceError::Form), "{text}");
        }
        assert!(matches!(place("header:Sec-WebSocket-Key"), Err(TokenPlaceError::Header(_))));
        assert_eq!(place("header:host"), Err(TokenPlaceError::Host));
        let with_secret = header("Authorization", "s3cret");
        assert_eq!(with_secret.to_string(), "header:Authorization");
        assert_eq!(format!("{with_secret:?}"), "TokenPlace(header:Authorization)");
    }

    #[test]
    fn not_every_token_fits_every_place() {
        let spaced = "a b".parse().unwrap();
        let with_slash = "a/b=".parse().unwrap();
        for (place, token, fits) in [
            ("header:X", &spaced, Ok(())),
            ("message", &spaced, Ok(())),
            ("cookie:c", &spaced, Err(TokenError::NotInCookie)),
            ("cookie:c", &with_slash, Ok(())),
            ("subprotocol", &with_slash, Err(TokenError::NotASubprotocol)),
        ] {
            assert_eq!(place.parse::<TokenPlace>().unwrap().accepts(token), fits, "{place}");
        }
    }

    #[test]
    fn nothing_is_set_twice() {
        let url = "ws://h/?token=x".parse().unwrap();
        let headers = ["authorization: Basic x".parse().unwrap()];
        let free = |place: &str| place.parse::<TokenPlace>().unwrap().check_free(&url, &headers);
        assert!(free("header:Authorization:Bearer").is_err());
        assert!(free("query:token").is_err());
        assert!(free("query:t").is_ok() && free("header:X").is_ok());
    }
}
