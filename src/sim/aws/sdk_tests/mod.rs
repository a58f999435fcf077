//! Drives the served endpoint with clients that nobody here wrote: the real SDK for every operation, and plain HTTP
//! for what the SDK hides (`wire`).
#![allow(clippy::unwrap_used)]

mod alarms;
mod dashboards;
mod elb;
mod http;
mod logs;
mod metrics;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_cloudwatch::config::retry::RetryConfig;
use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{Account, Listener, LoadBalancer, Settings, Target, TargetGroup, serve};

const ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/albcap-sim/0123456789abcdef";
const GROUP_ARN: &str =
    "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/albcap-sim/0123456789abcdef";

fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        arn: ARN.to_owned(),
        name: "albcap-sim".to_owned(),
        dns_name: "albcap-sim-1.us-east-1.elb.amazonaws.com".to_owned(),
        region: "us-east-1".to_owned(),
        load_balancer_type: "application".to_owned(),
        scheme: "internet-facing".to_owned(),
        state: "active".to_owned(),
        zones: vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()],
        attributes: BTreeMap::from([
            ("client_keep_alive.seconds".to_owned(), "3600".to_owned()),
            ("idle_timeout.timeout_seconds".to_owned(), "60".to_owned()),
        ]),
        listeners: vec![
            Listener { port: 80, protocol: "HTTP".to_owned(), ssl_policy: None },
            Listener {
                port: 443,
                protocol: "HTTPS".to_owned(),
                ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".to_owned()),
            },
        ],
        target_groups: vec![TargetGroup {
            arn: GROUP_ARN.to_owned(),
            name: "albcap-sim".to_owned(),
            protocol: "HTTP".to_owned(),
            protocol_version: "HTTP1".to_owned(),
            port: 8080,
            target_type: "ip".to_owned(),
            targets: vec![
                Target {
                    id: "10.0.0.1".to_owned(),
                    port: 8080,
                    zone: "us-east-1a".to_owned(),
                    state: "healthy".to_owned(),
                    reason: None,
                },
                Target {
                    id: "10.0.0.2".to_owned(),
                    port: 8080,
                    zone: "us-east-1b".to_owned(),
                    state: "unhealthy".to_owned(),
                    reason: Some("Target.Timeout".to_owned()),
                },
            ],
        }],
        reserved_lcus: Some(250),
    }
}

/// A served account, and clients of it.
struct Endpoint {
    account: Arc<Account>,
    url: String,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Endpoint {
    async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    async fn denying(action: &str) -> Self {
        Self::with(Settings { deny: vec![action.to_owned()], ..Settings::default() }).await
    }

    async fn with(settings: Settings) -> Self {
        let account = Account::new(load_balancer(), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(serve(listener, account.clone()));
        Endpoint { account, url, server }
    }

    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    fn calls(&self, action: &str) -> u64 {
        self.account.calls().into_iter().find(|(name, _)| name == action).map_or(0, |(_, count)| count)
    }
}

fn http_client() -> SharedHttpClient {
    let _ = rustls::crypto::ring::default_provider().install_default();
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// A client of one SDK crate; the crates' builders are alike, but of different types.
macro_rules! client {
    ($endpoint:expr, $sdk:ident) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
                .retry_config(RetryConfig::disabled())
                .endpoint_url(&$endpoint.url)
                .http_client(http_client())
                .build(),
        )
    };
}

impl Endpoint {
    fn elb(&self) -> aws_sdk_elasticloadbalancingv2::Client {
        client!(self, aws_sdk_elasticloadbalancingv2)
    }

    fn cloudwatch(&self) -> aws_sdk_cloudwatch::Client {
        client!(self, aws_sdk_cloudwatch)
    }

    fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        client!(self, aws_sdk_cloudwatchlogs)
    }
}

/// The code of an SDK's error, and the HTTP status that came with it.
macro_rules! refusal {
    ($outcome:expr) => {{
        use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
        let error = $outcome.expect_err("the endpoint must refuse this");
        let status = error.raw_response().map(|response| response.status().as_u16());
        (error.code().unwrap_or_default().to_owned(), status.unwrap_or_default())
    }};
}
use refusal;
