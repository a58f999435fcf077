//! The one TLS configuration that all connections share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedCipherSuite,
};
use thiserror::Error;

use crate::plan::TlsOptions;

/// Servers whose tickets are kept; a run has one, and rustls keeps the last eight tickets of each.
const SESSIONS: usize = 8;

/// Why TLS can't be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A PEM file can't be used.
    #[error("{path} holds no usable {what}: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A certificate without its key, or the other way around.
    #[error("a client certificate needs its private key, and one of the two is missing")]
    HalfIdentity,
    /// The system trusts nobody.
    #[error("the system has no trusted root certificates")]
    NoRoots,
    /// Key and certificate don't fit, or a root is malformed.
    #[error("TLS can't be set up: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Builds the configuration. Only HTTP/1.1 is offered, since an upgrade needs it (aws-facts.md §3); session tickets
/// are off unless asked for, because real clients don't share them.
pub(super) fn client_config(options: &TlsOptions) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = if options.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    } else {
        builder.with_root_certificates(roots(options.ca_cert.as_deref())?)
    };
    let mut config = match (&options.cert, &options.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let key_der =
                PrivateKeyDer::from_pem_file(key).map_err(|error| pem(key, "private key", &error))?;
            builder.with_client_auth_cert(certificates(cert)?, key_der)?
        }
        _ => return Err(TlsError::HalfIdentity),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption =
        if options.resume { Resumption::in_memory_sessions(SESSIONS) } else { Resumption::disabled() };
    Ok(Arc::new(config))
}

/// All cipher suites, those with AES-128 first, as the security policies of an ALB have them too: they cost a third less.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    let is_aes_128 = |suite: &SupportedCipherSuite| {
        matches!(
            suite.suite(),
            CipherSuite::TLS13_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
        )
    };
    // Stable: TLS 1.3's stay before TLS 1.2's.
    provider.cipher_suites.sort_by_key(|suite| (suite.tls13().is_none(), !is_aes_128(suite)));
    provider
}

fn roots(ca_cert: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match ca_cert {
        Some(path) => {
            for certificate in certificates(path)? {
                store.add(certificate)?;
            }
        }
        // Some stores hold a certificate that can't be parsed; the rest of them still counts.
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() { Err(TlsError::NoRoots) } else { Ok(store) }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| pem(path, "certificate", &error))?;
    let certificates: Vec<_> =
        read.collect::<Result<_, _>>().map_err(|error| pem(path, "certificate", &error))?;
    if certificates.is_empty() {
        return Err(TlsError::Pem {
            path: path.to_owned(),
            what: "certificate",
            reason: "it has none".into(),
        });
    }
    Ok(certificates)
}

fn pem(path: &Path, what: &'static str, error: &rustls::pki_types::pem::Error) -> TlsError {
    TlsError::Pem { path: path.to_owned(), what, reason: error.to_string() }
}

/// `--insecure`: whoever answers is believed, but must still hold the key of the certificate that it shows.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_used_is_named() {
        let half = TlsOptions { cert: Some("c.pem".into()), ..TlsOptions::default() };
        let insecure_half = TlsOptions { insecure: true, ..half };
        assert!(matches!(client_config(&insecure_half), Err(TlsError::HalfIdentity)));
        let missing = TlsOptions { ca_cert: Some("/does/not/exist.pem".into()), ..TlsOptions::default() };
        let error = client_config(&missing).unwrap_err().to_string();
        assert!(error.contains("/does/not/exist.pem"), "{error}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no certificate here").unwrap();
        let empty = TlsOptions { ca_cert: Some(file.path().to_owned()), ..TlsOptions::default() };
        assert!(matches!(client_config(&empty), Err(TlsError::Pem { .. })));
    }
}
