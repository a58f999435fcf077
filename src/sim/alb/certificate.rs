//! The certificate of a TLS listener: made at the start, trusted through a file, never kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::sim::{Options, SimError};

/// What may be wrong with the certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing, for who trusts the authority.
    #[default]
    Good,
    /// Its time is over.
    Expired,
    /// It is another host's.
    OtherHost,
}

impl FromStr for Certificate {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        match word {
            "good" => Ok(Self::Good),
            "expired" => Ok(Self::Expired),
            "other-host" => Ok(Self::OtherHost),
            _ => Err(SimError::Options(format!("'{word}' is not one of good, expired, other-host"))),
        }
    }
}

/// The PEM file with the authority to trust; it goes away with this value.
pub(crate) struct CaFile(PathBuf);

impl CaFile {
    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes an authority and a certificate for the nodes' addresses and `localhost`, signed by it.
///
/// The listener offers `http/1.1` only, the one version that can be upgraded (RFC 6455 §4.1), or
/// `h2` only where that is asked for.
pub(super) fn make(addresses: &[SocketAddr], options: &Options) -> Result<(TlsAcceptor, CaFile), SimError> {
    let (config, pem) =
        config(addresses, options).map_err(|error| SimError::Certificate(error.to_string()))?;
    Ok((TlsAcceptor::from(Arc::new(config)), write(&pem)?))
}

/// The listener's TLS settings and the authority's certificate as PEM.
fn config(
    addresses: &[SocketAddr],
    options: &Options,
) -> Result<(ServerConfig, String), Box<dyn std::error::Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "albcap simulated authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);

    let mut names: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    names.push("localhost".to_owned());
    if options.certificate == Certificate::OtherHost {
        names = vec!["elsewhere.invalid".to_owned()];
    }
    let mut leaf = CertificateParams::new(names)?;
    if options.certificate == Certificate::Expired {
        leaf.not_after = date_time_ymd(2020, 1, 1);
    }
    leaf.distinguished_name.push(DnType::CommonName, "albcap simulated load balancer");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&leaf_key, &issuer)?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )?;
    let spoken: &[u8] = if options.http2_only { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![spoken.to_vec()];
    Ok((config, authority_pem))
}

/// Writes the authority to a new file that only its owner can read.
fn write(pem: &str) -> Result<CaFile, SimError> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = WRITTEN.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("albcap-sim-{}-{number}.pem", std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| file.write_all(pem.as_bytes()));
        match written {
            Ok(()) => return Ok(CaFile(path)),
            // left behind by an earlier process of the same number
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(SimError::CertificateFile { path, source }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_authority_lies_in_a_private_file_that_goes_away() {
        let (_, file) = make(&["127.0.0.1:1".parse().unwrap()], &Options::default()).unwrap();
        let path = file.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(!text.contains("PRIVATE"));
        drop(file);
        assert!(!path.exists());
    }
}
