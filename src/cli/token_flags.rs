//! The flags about tokens, and what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::Complaint;
use super::args::{parse_headers, parse_positive, parse_positive_duration};
use crate::load::read_token_file;
use crate::plan::{
    Jwt, JwtError, Template, TlsOptions, TokenEndpoint, TokenEndpointError, TokenPlace, TokenSource, Tokens,
};

/// What the default lifetime of a signed token leaves beyond its level's planned end.
const LIFETIME_TO_SPARE: Duration = Duration::from_secs(300);

#[derive(Args)]
#[command(next_help_heading = "Tokens")]
pub(crate) struct TokenFlags {
    /// File of tokens, a line for each connection of the largest level
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Shell command that prints a token for each connection, one per line; ALBCAP_COUNT says how many. If it contains
    /// a secret, use ALBCAP_TOKEN_CMD or a config file: other users can read the command line
    #[arg(long, value_name = "CMD")]
    token_cmd: Option<String>,
    /// HTTP endpoint that is asked for each connection's token; {{index}} and {{uuid}} differ between them. A secret
    /// belongs into the file of --token-header or --token-body
    #[arg(long, value_name = "URL")]
    token_url: Option<String>,
    /// Where the token is in the endpoint's JSON answer (/access_token); left out, the answer is the token
    #[arg(long, value_name = "POINTER")]
    token_json_pointer: Option<String>,
    /// Method of the endpoint's requests [default: GET, with a body POST]
    #[arg(long, value_name = "METHOD", value_parser = PossibleValuesParser::new(["GET", "POST", "PUT", "PATCH"]))]
    token_method: Option<String>,
    /// Body of the endpoint's requests, or a file that holds it; with {{index}} and {{uuid}}
    #[arg(long, value_name = "TEXT|@FILE")]
    token_body: Option<String>,
    /// Header of the endpoint's requests, or a file of them, one a line; may be repeated
    #[arg(long, value_name = "'NAME: VALUE'|@FILE")]
    token_header: Vec<String>,
    /// Requests to the endpoint in flight at most
    #[arg(long, value_name = "N", default_value = "16", value_parser = parse_positive)]
    token_concurrency: u32,
    /// PEM file of certificates to trust at the endpoint in place of the system's
    #[arg(long, value_name = "FILE")]
    token_cacert: Option<PathBuf>,
    /// PEM file of the client's certificate for the endpoint, for mTLS
    #[arg(long, value_name = "FILE", requires = "token_key")]
    token_cert: Option<PathBuf>,
    /// PEM file of that certificate's private key
    #[arg(long, value_name = "FILE", requires = "token_cert")]
    token_key: Option<PathBuf>,
    /// Accept any certificate of the endpoint
    #[arg(long)]
    token_insecure: bool,
    /// File with the key by which JSON Web Tokens are signed here (HS256); a line break at its end is no part of it
    #[arg(long, value_name = "FILE")]
    jwt_key: Option<PathBuf>,
    /// Their claims, with {{index}} and {{uuid}}; iat is added, exp may be a duration
    /// [default: {"sub":"albcap-{{index}}","jti":"{{uuid}}"}]
    #[arg(long, value_name = "JSON|@FILE")]
    jwt_claims: Option<String>,
    /// How long they are valid after they are signed, at each level's start; refused when shorter than the level
    /// [default: 5m beyond the level's planned end]
    #[arg(long, value_name = "TIME", value_parser = parse_positive_duration)]
    jwt_expires: Option<Duration>,
    /// Where a connection's token goes: query:NAME, header:NAME[:PREFIX], cookie:NAME, subprotocol, or message
    /// [default: header:Authorization:Bearer]
    #[arg(long, value_name = "PLACE")]
    token_in: Option<TokenPlace>,
    /// How long the command, or the endpoint for one token with its retries, may take
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_positive_duration)]
    token_timeout: Duration,
}

impl TokenFlags {
    /// The endpoint's URL; it may hold a secret.
    pub(super) fn token_url(&self) -> Option<&str> {
        self.token_url.as_deref()
    }

    /// What they mean; `None` where no source is given. `level` is the longest that a level is planned to take.
    pub(super) fn tokens(&self, level: Duration) -> Result<Option<Tokens>, Complaint> {
        let sources = [
            self.token_file.is_some(),
            self.token_cmd.is_some(),
            self.token_url.is_some(),
            self.jwt_key.is_some(),
        ];
        if sources.iter().filter(|given| **given).count() > 1 {
            return Err(Complaint::usage(
                "tokens can come from one source only",
                "give one of --token-file, --token-cmd, --token-url and --jwt-key",
            ));
        }
        let place = self.token_in.clone().unwrap_or_default();
        let source = if let Some(path) = &self.token_file {
            let tokens = read_token_file(path, &place)
                .map_err(|error| Complaint::usage(error, "give a readable file with a token a line"))?;
            TokenSource::File(tokens.into())
        } else if let Some(line) = &self.token_cmd {
            TokenSource::Command(line.clone())
        } else if let Some(url) = &self.token_url {
            TokenSource::Endpoint(Box::new(self.endpoint(url)?))
        } else if let Some(path) = &self.jwt_key {
            TokenSource::Jwt(Box::new(self.jwt(path, level)?))
        } else {
            return Ok(None);
        };
        Ok(Some(Tokens { source, place, timeout: self.token_timeout }))
    }

    fn endpoint(&self, url: &str) -> Result<TokenEndpoint, Complaint> {
        let body = self.token_body.as_deref().map(|body| text_or_file(body, "--token-body")).transpose()?;
        let method = match (&self.token_method, &body) {
            (Some(method), _) => method.clone(),
            (None, Some(_)) => "POST".to_owned(),
            (None, None) => "GET".to_owned(),
        };
        let body: Option<Template> = body.map(|body| body.parse()).transpose().map_err(|error| {
            Complaint::usage(format!("--token-body: {error}"), "write {{index}} or {{uuid}}, or nothing")
        })?;
        let headers = parse_headers(&self.token_header)?;
        let pointer = self.token_json_pointer.clone();
        let tls = TlsOptions {
            ca_cert: self.token_cacert.clone(),
            cert: self.token_cert.clone(),
            key: self.token_key.clone(),
            insecure: self.token_insecure,
            resume: false,
        };
        let concurrency = self.token_concurrency;
        TokenEndpoint::new(url, method, headers, body, pointer, concurrency, tls).map_err(|error| {
            let remedy = match error {
                TokenEndpointError::Pointer => "write for example --token-json-pointer /access_token",
                _ => "give an endpoint such as https://auth.example.com/token",
            };
            Complaint::usage(error, remedy)
        })
    }

    fn jwt(&self, path: &Path, level: Duration) -> Result<Jwt, Complaint> {
        let mut key = std::fs::read(path).map_err(|error| {
            let cause = format!("the JWT key file {} can't be read: {error}", path.display());
            Complaint::usage(cause, "give a readable file that holds the key")
        })?;
        if key.last() == Some(&b'\n') {
            key.pop();
            key.pop_if(|last| *last == b'\r');
        }
        let claims = self.jwt_claims.as_deref().unwrap_or(Jwt::DEFAULT_CLAIMS);
        let claims = text_or_file(claims, "--jwt-claims")?;
        Jwt::new(key, &claims, self.jwt_expires, level.saturating_add(LIFETIME_TO_SPARE)).map_err(|error| {
            let remedy = match error {
                JwtError::EmptyKey => "give a file that holds the key",
                JwtError::TwoExpiries => "give one of them",
                _ => "write an object such as {\"sub\":\"user-{{index}}\",\"exp\":\"1h\"}",
            };
            Complaint::usage(error, remedy)
        })
    }
}

fn text_or_file(given: &str, flag: &str) -> Result<String, Complaint> {
    let Some(path) = given.strip_prefix('@') else { return Ok(given.to_owned()) };
    std::fs::read_to_string(path).map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).map_err(
        |error| {
            Complaint::usage(
                format!("the file {path} of {flag} can't be read: {error}"),
                "give a readable text file",
            )
        },
    )
}
