//! An HTTP endpoint that is asked for each token: many at once, and again when it may answer otherwise.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, body::Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::retry::{MOST_ATTEMPTS, Patience, is_worth_another, wait};
use super::{Missing, Obtained};
use crate::load::tls::{TlsError, client_config};
use crate::load::uuid;
use crate::plan::{TlsOptions, TokenEndpoint, TokenPlace};

/// Largest answer in bytes: a token with a page of JSON around it.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// The longest that one attempt may take, so that a single lost answer does not use up a token's whole time.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(10);

pub(super) struct Endpoint {
    asked: TokenEndpoint,
    tls: Arc<ClientConfig>,
    timeout: Duration,
}

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// An attempt that brought no token.
enum Failed {
    /// The next would bring none either.
    ForGood(String),
    /// The next may; not before the time that the server asked for.
    ForNow(String, Option<Duration>),
}

impl Endpoint {
    pub(super) fn new(asked: &TokenEndpoint, timeout: Duration) -> Result<Endpoint, TlsError> {
        let mut config = if asked.is_tls() {
            ClientConfig::clone(&*client_config(&asked.tls)?)
        } else {
            // Never used: without TLS no certificates need be there.
            ClientConfig::clone(&*client_config(&TlsOptions { insecure: true, ..TlsOptions::default() })?)
        };
        // The connector sets its own.
        config.alpn_protocols.clear();
        Ok(Endpoint { asked: asked.clone(), tls: Arc::new(config), timeout })
    }

    /// Asks for each connection's token. Each call has connections of its own, closed at its end: they must not take
    /// descriptors from the level.
    pub(super) async fn obtain(
        &self,
        connections: impl ExactSizeIterator<Item = u32>,
        place: &TokenPlace,
    ) -> Vec<Obtained> {
        let client = self.client();
        let patience = Mutex::new(Patience::default());
        let concurrency = usize::try_from(self.asked.concurrency).unwrap_or(usize::MAX);
        let asking = connections.map(|index| self.patiently(&client, index, place, &patience));
        futures_util::stream::iter(asking).buffered(concurrency).collect().await
    }

    fn client(&self) -> HttpClient {
        let builder = HttpsConnectorBuilder::new().with_tls_config(ClientConfig::clone(&self.tls));
        // What was meant to go over TLS never goes without.
        let builder = if self.asked.is_tls() { builder.https_only() } else { builder.https_or_http() };
        Client::builder(TokioExecutor::new()).build(builder.enable_http1().build())
    }

    /// Asks, unless the endpoint has been given up.
    async fn patiently(
        &self,
        client: &HttpClient,
        index: u32,
        place: &TokenPlace,
        patience: &Mutex<Patience>,
    ) -> Obtained {
        let over = locked(patience).is_over(self.asked.concurrency);
        if let Some(failures) = over {
            return Err(Missing::because(format!(
                "not asked for, after {failures} tokens in a row could not be had"
            )));
        }
        let obtained = self.until_had(client, index, place).await;
        match &obtained {
            Ok(_) => locked(patience).had(),
            Err(_) => locked(patience).failed(),
        }
        obtained
    }

    /// Asks again until there is a token, no hope, or no time.
    async fn until_had(&self, client: &HttpClient, index: u32, place: &TokenPlace) -> Obtained {
        let mut last = String::new();
        let trying = async {
            let mut failed = 0;
            loop {
                failed += 1;
                let (reason, after) = match timeout(LONGEST_ATTEMPT, self.attempt(client, index)).await {
                    Ok(Ok(text)) => {
                        return place
                            .token(&text)
                            .map_err(|error| format!("the endpoint's token can't be used: {error}"));
                    }
                    Ok(Err(Failed::ForGood(reason))) => return Err(reason),
                    Ok(Err(Failed::ForNow(reason, after))) => (reason, after),
                    Err(_) => ("the token endpoint did not answer".into(), None),
                };
                last = reason;
                if failed == MOST_ATTEMPTS {
                    return Err(format!("{last} ({failed} times)"));
                }
                sleep(wait(failed, after, fastrand::f64())).await;
            }
        };
        let outcome = timeout(self.timeout, trying).await;
        let waited = self.timeout.as_secs_f64();
        outcome
            .unwrap_or_else(|_| match last.as_str() {
                "" => Err(format!("the token endpoint did not answer within {waited} s")),
                last => Err(format!("{last}; no token within {waited} s")),
            })
            .map_err(Missing::because)
    }

    async fn attempt(&self, client: &HttpClient, index: u32) -> Result<String, Failed> {
        let request = self.request(index).map_err(Failed::ForGood)?;
        let response = client.request(request).await.map_err(|error| {
            Failed::ForNow(format!("the token endpoint can't be reached: {}", deepest(&error)), None)
        })?;
        let status = response.status();
        if status.is_success() {
            return self.token_in(response).await;
        }
        // The answer's body is not repeated: it may say what must not be seen.
        let reason = format!("the token endpoint answered {status}");
        if is_worth_another(status.as_u16()) {
            let after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(Failed::ForNow(reason, after.map(Duration::from_secs)));
        }
        Err(Failed::ForGood(reason))
    }

    fn request(&self, index: u32) -> Result<Request<Full<Bytes>>, String> {
        let asked = &self.asked;
        let uuid = uuid::fresh();
        let (url, userinfo) =
            asked.url(index, &uuid).ok_or("the token URL can't be read with this connection's values")?;
        let body = asked.body.as_ref().map(|body| body.fill(index, &uuid));
        let given = |name: &str| asked.headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        let mut request = Request::builder().method(asked.method.as_str()).uri(url.as_str());
        if !given(USER_AGENT.as_str()) {
            request = request.header(USER_AGENT, concat!("albcap/", env!("CARGO_PKG_VERSION")));
        }
        if let Some(userinfo) = userinfo.filter(|_| !given(AUTHORIZATION.as_str())) {
            request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(userinfo)));
        }
        if let Some(body) = body.as_deref().filter(|_| !given(CONTENT_TYPE.as_str())) {
            let json = body.trim_start().starts_with(['{', '[']);
            let kind = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            request = request.header(CONTENT_TYPE, kind);
        }
        for header in &asked.headers {
            request = request.header(&header.name, &header.value);
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        request.body(body).map_err(|error| format!("the token endpoint can't be asked: {error}"))
    }

    async fn token_in(&self, response: Response<Incoming>) -> Result<String, Failed> {
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| {
            Failed::ForNow(format!("the token endpoint's answer broke off or is too long: {error}"), None)
        })?;
        token_of(&body.to_bytes(), self.asked.pointer.as_deref()).map_err(Failed::ForGood)
    }
}

/// The token in an answer; the answer itself is never repeated.
fn token_of(body: &[u8], pointer: Option<&str>) -> Result<String, String> {
    let Some(pointer) = pointer else {
        let text = std::str::from_utf8(body).map_err(|_| "the token endpoint's answer is no text")?.trim();
        return match text.chars().next() {
            Some('{' | '[') => {
                Err("the token endpoint's answer is JSON: --token-json-pointer says where in it the token is"
                    .into())
            }
            Some('"') => {
                serde_json::from_str(text).map_err(|_| "the token endpoint's answer is no text".into())
            }
            _ => Ok(text.to_owned()),
        };
    };
    let json: Value = serde_json::from_slice(body).map_err(|_| "the token endpoint's answer is no JSON")?;
    match json.pointer(pointer) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => Err(format!("the token endpoint's answer has no text at {pointer}")),
    }
}

/// The innermost cause: the others only say that something had one.
fn deepest(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A panic elsewhere does not change what was counted.
fn locked(patience: &Mutex<Patience>) -> MutexGuard<'_, Patience> {
    patience.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_where_the_pointer_says() {
        let json = br#"{"data":{"access_token":"abc","n":7},"s3cret":1}"#;
        assert_eq!(token_of(json, Some("/data/access_token")), Ok("abc".into()));
        assert_eq!(token_of(json, Some("/data/n")), Ok("7".into()));
        assert_eq!(token_of(b" abc\n", None), Ok("abc".into()));
        assert_eq!(token_of(br#""abc""#, None), Ok("abc".into()));
        for (body, pointer) in
            [(&json[..], Some("/x")), (json, Some("/data")), (json, None), (b"s3cret", Some("/x"))]
        {
            let error = token_of(body, pointer).expect_err("no token there");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
