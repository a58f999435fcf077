//! JSON Web Tokens that are signed here: HS256 (RFC 7515 §3.1, RFC 7518 §3.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ring::hmac;

use super::{Missing, Obtained};
use crate::load::uuid;
use crate::plan::{Jwt, TokenPlace};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub(super) struct Signer {
    jwt: Jwt,
    key: hmac::Key,
}

impl Signer {
    pub(super) fn new(jwt: &Jwt) -> Signer {
        Signer { jwt: jwt.clone(), key: hmac::Key::new(hmac::HMAC_SHA256, jwt.key()) }
    }

    /// All are signed at the same time: they expire together, after the level.
    pub(super) fn obtain(
        &self,
        connections: impl ExactSizeIterator<Item = u32>,
        place: &TokenPlace,
    ) -> Vec<Obtained> {
        let now = Utc::now();
        connections.map(|index| self.one(index, now, place)).collect()
    }

    fn one(&self, index: u32, now: DateTime<Utc>, place: &TokenPlace) -> Obtained {
        let claims = self.jwt.claims(index, &uuid::fresh(), now).map_err(|_| {
            Missing::because(format!("the JWT claims of connection {index} are no JSON object"))
        })?;
        let mut text = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&self.key, text.as_bytes());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        place
            .token(&text)
            .map_err(|error| Missing::because(format!("the signed token can't be used: {error}")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// HMAC-SHA256 of RFC 4231 §4.3 (test case 2), as a check that it is that function and no other.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let tag = hmac::sign(&key, b"what do ya want for nothing?");
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_token_has_three_parts_and_its_connections_claims() {
        let jwt = Jwt::new(b"secret".to_vec(), Jwt::DEFAULT_CLAIMS, None, Duration::from_secs(60)).unwrap();
        let tokens = Signer::new(&jwt).obtain(5..7, &"subprotocol".parse().unwrap());
        let claims = |at: usize| -> serde_json::Value {
            let parts: Vec<&str> = tokens[at].as_ref().unwrap().as_str().split('.').collect();
            assert_eq!(parts.len(), 3);
            assert_eq!(URL_SAFE_NO_PAD.decode(parts[0]).unwrap(), HEADER.as_bytes());
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap()
        };
        let (first, second) = (claims(0), claims(1));
        assert_eq!((&first["sub"], &second["sub"]), (&"albcap-5".into(), &"albcap-6".into()));
        assert_ne!(first["jti"], second["jti"]);
        assert_eq!(first["exp"].as_i64().unwrap() - first["iat"].as_i64().unwrap(), 60);
    }
}
