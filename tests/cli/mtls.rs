//! A listener that wants the client's certificate, and what is said of clients that have none.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};

use crate::harness::{Folder, binary, finish, json_of};

/// Speaks TLS in one version with whoever shows a certificate, for as long as the process lives; its port.
fn serve(version: &'static SupportedProtocolVersion) -> u16 {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let (mut tcp, config) = (tcp.unwrap(), Arc::clone(&config));
            std::thread::spawn(move || {
                let mut tls = ServerConnection::new(config).unwrap();
                let refused = Stream::new(&mut tls, &mut tcp).read(&mut [0]).is_err();
                assert!(refused, "nobody here shows a certificate");
                // Read to its end, so that the alert is not lost by a reset.
                let _ = tcp.read_to_end(&mut Vec::new());
            });
        }
    });
    port
}

#[test]
fn who_shows_no_certificate_fails_by_tls_whenever_the_server_says_so() {
    let folder = Folder::new();
    for (version, name) in [(&TLS12, "tls12"), (&TLS13, "tls13")] {
        let record = folder.file(name);
        let url = format!("wss://localhost:{}/", serve(version));
        let mut command = binary();
        command.args(["run", &url, "--no-aws", "--levels=4", "--duration=1s", "--insecure", "--record"]);
        let done = finish(command.arg(&record));
        assert_eq!(done.code, 1, "{}", done.all());
        let failures = json_of(&record)["levels"][0]["failures"].clone();
        assert_eq!(failures.as_array().map(Vec::len), Some(1), "{failures}");
        let told = ["phase", "kind", "initiator"].map(|member| failures[0][member].as_str().unwrap());
        assert_eq!(told, ["tls", "tls", "peer"], "{failures}");
        assert!(failures[0]["example"].as_str().unwrap().contains("ertificate"), "{failures}");
    }
}
