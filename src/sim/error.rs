//! What can keep the simulator from starting, or end it.

use std::io;
use std::net::SocketAddr;

/// Why the simulator did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A setting has a value that nothing can be simulated with.
    #[error("{0}")]
    Options(String),
    /// An address of the load balancer or of the AWS endpoint can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate for TLS can't be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(String),
    /// The certificate can't be written where clients find it.
    #[error("cannot write the certificate to {path}: {source}")]
    CertificateFile {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The AWS endpoint stopped serving.
    #[error("the simulated AWS endpoint stopped: {0}")]
    Endpoint(io::Error),
    /// One of the simulator's own tasks ended, which none of them should.
    #[error("a part of the simulator stopped: {0}")]
    Stopped(String),
}
