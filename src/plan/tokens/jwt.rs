//! What stands in a JSON Web Token (RFC 7519): the claims of each connection, and when it expires.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::plan::quantity::parse_duration;
use crate::plan::{Template, TemplateError, later};

/// Key and claims of the tokens that are signed here.
#[derive(Clone)]
pub struct Jwt {
    key: Vec<u8>,
    claims: Template,
    expiry: Expiry,
}

/// When a token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// So long after it was signed.
    After(Duration),
    /// At that second since 1970, as the claims say (RFC 7519 §2, NumericDate).
    At(i64),
}

/// Why no such tokens can be made; the claims may hold a secret and are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JwtError {
    /// An empty key would sign what everybody can sign.
    #[error("the JWT key is empty")]
    EmptyKey,
    /// Not a JSON object, filled in.
    #[error("the JWT claims are not a JSON object (line {line}, column {column})")]
    Claims {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
    },
    /// A placeholder.
    #[error("the JWT claims: {0}")]
    Template(#[from] TemplateError),
    /// `exp`.
    #[error("the claim 'exp' is neither a time (seconds since 1970) nor a duration such as \"1h\"")]
    Exp,
    /// Two of them.
    #[error("the expiry is given by --jwt-expires and by the claim 'exp'")]
    TwoExpiries,
}

impl Jwt {
    /// Claims without `{{…}}` of their own.
    pub const DEFAULT_CLAIMS: &str = r#"{"sub":"albcap-{{index}}","jti":"{{uuid}}"}"#;

    /// Checks the claims with a first connection's values in them. `expires` is what was asked for besides them; where
    /// neither says anything, tokens expire after `otherwise`.
    pub fn new(
        key: Vec<u8>,
        claims: &str,
        expires: Option<Duration>,
        otherwise: Duration,
    ) -> Result<Jwt, JwtError> {
        if key.is_empty() {
            return Err(JwtError::EmptyKey);
        }
        let claims: Template = claims.parse()?;
        let given = match (object(&claims, 0, "")?.get("exp"), expires) {
            (Some(_), Some(_)) => return Err(JwtError::TwoExpiries),
            (None, expires) => Expiry::After(expires.unwrap_or(otherwise)),
            (Some(Value::String(text)), None) => {
                Expiry::After(parse_duration(text).map_err(|_| JwtError::Exp)?)
            }
            (Some(Value::Number(at)), None) => Expiry::At(at.as_f64().map(seconds).ok_or(JwtError::Exp)?),
            (Some(_), None) => return Err(JwtError::Exp),
        };
        Ok(Jwt { key, claims, expiry: given })
    }

    /// The key, a secret.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The claims without the places that differ between connections.
    pub(super) fn claim_texts(&self) -> impl Iterator<Item = &str> {
        self.claims.texts()
    }

    /// When the tokens expire.
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// The claims of one connection, as JSON. `iat` is `now` unless they say otherwise.
    pub fn claims(&self, index: u32, uuid: &str, now: DateTime<Utc>) -> Result<String, JwtError> {
        let mut claims = object(&self.claims, index, uuid)?;
        claims.entry("iat").or_insert_with(|| now.timestamp().into());
        if let Expiry::After(lifetime) = self.expiry {
            claims.insert("exp".into(), later(now, lifetime).timestamp().into());
        }
        Ok(Value::Object(claims).to_string())
    }
}

fn object(claims: &Template, index: u32, uuid: &str) -> Result<Map<String, Value>, JwtError> {
    // serde_json's own words repeat a text that stands where the object should.
    serde_json::from_str(&claims.fill(index, uuid))
        .map_err(|error| JwtError::Claims { line: error.line(), column: error.column() })
}

/// A NumericDate may have a fraction; whole seconds are enough here.
#[allow(clippy::cast_possible_truncation)]
fn seconds(at: f64) -> i64 {
    at.floor() as i64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn jwt(claims: &str, expires: Option<Duration>) -> Result<Jwt, JwtError> {
        Jwt::new(b"key".to_vec(), claims, expires, HOUR)
    }

    fn claims(jwt: &Jwt, index: u32) -> Value {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        serde_json::from_str(&jwt.claims(index, "u-u", now).unwrap()).unwrap()
    }

    #[test]
    fn each_connection_has_claims_of_its_own() {
        let default = jwt(Jwt::DEFAULT_CLAIMS, None).unwrap();
        assert_eq!(
            claims(&default, 4),
            serde_json::json!({"sub": "albcap-4", "jti": "u-u", "iat": 1_000_000, "exp": 1_003_600})
        );
        let own = jwt(r#"{"n":{{index}},"iat":5,"exp":"2m"}"#, None).unwrap();
        assert_eq!(claims(&own, 4), serde_json::json!({"n": 4, "iat": 5, "exp": 1_000_120}));
        let fixed = jwt(r#"{"exp":1999999999}"#, None).unwrap();
        assert_eq!(fixed.expiry(), Expiry::At(1_999_999_999));
        assert_eq!(claims(&fixed, 0)["exp"], 1_999_999_999);
    }

    #[test]
    fn what_can_not_be_signed_is_refused_at_the_door() {
        let error = |claims, expires| jwt(claims, expires).err().unwrap();
        assert!(matches!(error("[]", None), JwtError::Claims { .. }));
        assert!(matches!(error("{", None), JwtError::Claims { .. }));
        assert!(matches!(error(r#"{"a":"{{x}}"}"#, None), JwtError::Template(_)));
        assert_eq!(error(r#"{"exp":true}"#, None), JwtError::Exp);
        assert_eq!(error(r#"{"exp":"soon"}"#, None), JwtError::Exp);
        assert!(!error(r#""hunter2""#, None).to_string().contains("hunter2"));
        assert_eq!(error(r#"{"exp":"1h"}"#, Some(HOUR)), JwtError::TwoExpiries);
        assert_eq!(Jwt::new(vec![], "{}", None, HOUR).err(), Some(JwtError::EmptyKey));
    }
}
