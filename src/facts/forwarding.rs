//! Where the load balancer listens, and to what it forwards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the load balancer's listeners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListenerFacts {
    /// The port that clients connect to.
    pub port: u16,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// Mutual TLS: `off`, `passthrough` or `verify`; `None` where it is not told.
    #[serde(default)]
    pub mutual_tls: Option<String>,
}

impl ListenerFacts {
    /// Whether it speaks TLS with its clients.
    pub fn is_tls(&self) -> bool {
        self.protocol == "HTTPS"
    }

    /// Whether a client without a certificate is turned away.
    pub fn wants_certificate(&self) -> bool {
        self.mutual_tls.as_deref() == Some("verify")
    }
}

/// One of the load balancer's target groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetGroupFacts {
    /// Its name.
    pub name: String,
    /// The value of the metrics' `TargetGroup` dimension, `targetgroup/NAME/ID`; `None` where the ARN is not told.
    #[serde(default)]
    pub dimension: Option<String>,
    /// `HTTP1`, `HTTP2` or `GRPC`; `None` where it is not told.
    #[serde(default)]
    pub protocol_version: Option<String>,
    /// `instance`, `ip`, `lambda` or `alb`; `None` where it is not told.
    #[serde(default)]
    pub target_type: Option<String>,
}

impl TargetGroupFacts {
    /// Whether an upgrade can get through to its targets: it comes in HTTP/1.1 (aws-facts.md §3).
    pub fn takes_websockets(&self) -> bool {
        self.protocol_version.as_deref().is_none_or(|version| version == "HTTP1")
            && self.target_type.as_deref() != Some("lambda")
    }
}
