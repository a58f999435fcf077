//! Where the tokens come from.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::{Jwt, Token, TokenPlace};
use crate::plan::target_url::userinfo;
use crate::plan::{RequestHeader, Template, TemplateError, TlsOptions};

/// One token for every connection: from where, and whereto. It holds secrets and is never written anywhere.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Where they come from.
    pub source: TokenSource,
    /// Where they go.
    pub place: TokenPlace,
    /// The longest that a command may run, or that one token of an endpoint may take with its retries.
    pub timeout: Duration,
}

/// Where the tokens come from.
#[derive(Clone)]
pub enum TokenSource {
    /// A file's lines.
    File(Arc<[Token]>),
    /// A shell command that prints a line each.
    Command(String),
    /// An HTTP endpoint that is asked for each.
    Endpoint(Box<TokenEndpoint>),
    /// Signed here, HS256.
    Jwt(Box<Jwt>),
}

/// An HTTP endpoint that is asked for each token.
#[derive(Clone)]
pub struct TokenEndpoint {
    /// `http://` or `https://`, checked.
    url: Template,
    /// The request's method.
    pub method: String,
    /// Extra request headers.
    pub headers: Vec<RequestHeader>,
    /// The request's body.
    pub body: Option<Template>,
    /// Where in a JSON answer the token is (RFC 6901); `None`: the answer is the token.
    pub pointer: Option<String>,
    /// Requests in flight at most.
    pub concurrency: u32,
    /// How TLS is spoken with it: nothing of the target's options reaches it.
    pub tls: TlsOptions,
}

/// Why an endpoint can't be asked; the URL itself may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenEndpointError {
    /// Not a URL.
    #[error("the token URL can't be read ({0})")]
    Url(String),
    /// Another scheme.
    #[error("the token URL's scheme is not http or https")]
    Scheme,
    /// RFC 6901 §3.
    #[error("a JSON pointer starts with '/'")]
    Pointer,
    /// Of the URL.
    #[error("the token URL: {0}")]
    Template(#[from] TemplateError),
}

impl TokenEndpoint {
    /// An endpoint, its URL checked with a first connection's values in it.
    pub fn new(
        url: &str,
        method: String,
        headers: Vec<RequestHeader>,
        body: Option<Template>,
        pointer: Option<String>,
        concurrency: u32,
        tls: TlsOptions,
    ) -> Result<TokenEndpoint, TokenEndpointError> {
        let url: Template = url.parse()?;
        let filled = Url::parse(&url.fill(0, "")).map_err(|e| TokenEndpointError::Url(e.to_string()))?;
        if !matches!(filled.scheme(), "http" | "https") {
            return Err(TokenEndpointError::Scheme);
        }
        if pointer.as_deref().is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            return Err(TokenEndpointError::Pointer);
        }
        Ok(TokenEndpoint { url, method, headers, body, pointer, concurrency: concurrency.max(1), tls })
    }

    /// The URL to ask for one connection, and the `user:password` that stood in it; `None` where its values break it.
    pub fn url(&self, index: u32, uuid: &str) -> Option<(Url, Option<String>)> {
        let mut url = Url::parse(&self.url.fill(index, uuid)).ok()?;
        let userinfo = userinfo(&url);
        // Neither call can fail: an HTTP URL has a host, and so can carry userinfo.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Some((url, userinfo))
    }

    /// Whether it is asked over TLS.
    pub fn is_tls(&self) -> bool {
        self.url(0, "").is_some_and(|(url, _)| url.scheme() == "https")
    }
}

/// What may be told of the tokens, as part of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenPlan {
    /// Where they come from.
    pub from: TokenOrigin,
    /// Where they go: `header:Authorization`, `query:token`, …
    #[serde(rename = "in")]
    pub place: String,
}

/// A source's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenOrigin {
    /// A file.
    File,
    /// A command.
    Command,
    /// An HTTP endpoint.
    Url,
    /// Signed here.
    Jwt,
}

impl Tokens {
    /// What is sent with every token: the prefix before it, and the claims within it.
    pub(in crate::plan) fn sent_texts(&self) -> impl Iterator<Item = &str> {
        let prefix = match &self.place {
            TokenPlace::Header { prefix, .. } => Some(prefix.as_str()),
            _ => None,
        };
        let jwt = match &self.source {
            TokenSource::Jwt(jwt) => Some(jwt.claim_texts()),
            _ => None,
        };
        jwt.into_iter().flatten().chain(prefix)
    }

    /// What may be told.
    pub fn told(&self) -> TokenPlan {
        TokenPlan { from: self.source.origin(), place: self.place.to_string() }
    }
}

impl TokenSource {
    /// Its kind.
    pub fn origin(&self) -> TokenOrigin {
        match self {
            TokenSource::File(_) => TokenOrigin::File,
            TokenSource::Command(_) => TokenOrigin::Command,
            TokenSource::Endpoint(_) => TokenOrigin::Url,
            TokenSource::Jwt(_) => TokenOrigin::Jwt,
        }
    }
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenSource({:?})", self.origin())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_checked_at_the_door() {
        let endpoint = |url: &str, pointer: Option<&str>| {
            TokenEndpoint::new(
                url,
                "GET".into(),
                vec![],
                None,
                pointer.map(str::to_owned),
                16,
                TlsOptions::default(),
            )
        };
        let good = endpoint("https://me:p%40w@h/t?user={{index}}#x", Some("/access_token")).unwrap();
        let (url, userinfo) = good.url(3, "u").unwrap();
        assert_eq!((url.as_str(), userinfo.as_deref()), ("https://h/t?user=3", Some("me:p@w")));
        assert!(good.is_tls() && !endpoint("http://h/", None).unwrap().is_tls());
        let error = |url, pointer| endpoint(url, pointer).err().unwrap();
        assert_eq!(error("ftp://h/", None), TokenEndpointError::Scheme);
        assert!(matches!(error("h", None), TokenEndpointError::Url(_)));
        assert_eq!(error("http://h/", Some("token")), TokenEndpointError::Pointer);
        assert!(matches!(error("http://h/{{x}}", None), TokenEndpointError::Template(_)));
    }

    #[test]
    fn no_secret_is_in_the_debug_form_nor_in_the_plan() {
        let tokens = Tokens {
            source: TokenSource::Command("get-token --password hunter2".into()),
            place: "header:X:hunter2".parse().unwrap(),
            timeout: Duration::from_secs(1),
        };
        assert!(!format!("{:?}", tokens.source).contains("hunter2"));
        let told = serde_json::to_string(&tokens.told()).unwrap();
        assert_eq!(told, r#"{"from":"command","in":"header:X"}"#);
    }
}
