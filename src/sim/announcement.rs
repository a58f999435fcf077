//! The one line that tells where the simulator listens.

use serde::Serialize;

/// What `albcap simulate` prints as one line of JSON once it listens.
#[derive(Clone, Debug, Serialize)]
pub struct Announcement {
    /// Where clients connect: `ws://127.0.0.1:PORT/`, or `wss://…` with TLS.
    pub url: String,
    /// Where the AWS APIs answer.
    pub endpoint_url: String,
    /// The region of everything simulated.
    pub region: String,
    /// The `LoadBalancer` dimension: the ARN's text after `loadbalancer/` (aws-facts.md §5).
    pub load_balancer: String,
    /// The load balancer's ARN.
    pub load_balancer_arn: String,
    /// The process that simulates.
    pub pid: u32,
    /// With TLS only: a PEM file with the certificate to trust; removed when the simulator stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<std::path::PathBuf>,
}
