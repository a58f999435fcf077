//! Session tickets are used when asked for, and only then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::StreamExt;
use rustls::HandshakeKind;

use crate::harness::{Folder, binary, finish};
use crate::talker::tls_acceptor;

/// Handshakes that a server saw.
#[derive(Default)]
struct Handshakes {
    full: AtomicU32,
    resumed: AtomicU32,
}

/// Opens WebSockets over TLS until the runtime is dropped; its port.
async fn serve(handshakes: Arc<Handshakes>) -> u16 {
    let acceptor = tls_acceptor();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, handshakes) = (acceptor.clone(), Arc::clone(&handshakes));
            tokio::spawn(async move {
                let tls = acceptor.accept(tcp).await.unwrap();
                match tls.get_ref().1.handshake_kind() {
                    Some(HandshakeKind::Resumed) => handshakes.resumed.fetch_add(1, Ordering::SeqCst),
                    _ => handshakes.full.fetch_add(1, Ordering::SeqCst),
                };
                let mut socket = tokio_tungstenite::accept_async(tls).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            });
        }
    });
    port
}

#[test]
fn sessions_are_resumed_only_on_request() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (flags, resumed) in [(&[][..], 0), (&["--tls-resume"], 9)] {
        let handshakes: Arc<Handshakes> = Arc::default();
        let port = runtime.block_on(serve(Arc::clone(&handshakes)));
        let folder = Folder::new();
        // One after the other, so that each finds the ticket of the one before.
        let done = finish(
            binary()
                .args(["run", &format!("wss://127.0.0.1:{port}/"), "-k", "--no-aws", "--levels=10"])
                .args(["--duration=0", "--window=1", "--record"])
                .arg(folder.file("run.jsonl"))
                .args(flags),
        );
        assert_eq!(done.code, 0, "{}", done.all());
        let seen = (handshakes.full.load(Ordering::SeqCst), handshakes.resumed.load(Ordering::SeqCst));
        assert_eq!(seen, (10 - resumed, resumed), "{flags:?}");
    }
}
