//! Who keeps the ports of closed connections: a pair of addresses has each only once, and whoever ends a stream first is
//! left without it for a minute. Looked up in the kernel's own table.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, frame::coding::CloseCode};

use crate::harness::{Folder, Simulator, binary, events, finish, json_of};
use crate::talker::{Talker, tls_acceptor};

/// TIME_WAIT, as `/proc/net/tcp` writes it.
const TIME_WAIT: &str = "06";

/// Sockets in TIME_WAIT of a server on its port, and of its clients.
struct Waiting {
    server: HashSet<String>,
    clients: HashSet<String>,
}

impl Waiting {
    fn of(server: SocketAddr) -> Waiting {
        let SocketAddr::V4(server) = server else { panic!("{server} is not in /proc/net/tcp") };
        let server = format!("{:08X}:{:04X}", u32::from_le_bytes(server.ip().octets()), server.port());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let rows: Vec<Vec<&str>> =
            table.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
        let with_server = |end: usize| {
            let rows = rows.iter().filter(|row| row[3] == TIME_WAIT && row[end] == server);
            rows.map(|row| row[1..=2].join(" ")).collect()
        };
        Waiting { server: with_server(1), clients: with_server(2) }
    }

    /// How many came since: before, the server's port may have been that of some other test's client.
    fn since(&self, earlier: &Waiting) -> (usize, usize) {
        (self.server.difference(&earlier.server).count(), self.clients.difference(&earlier.clients).count())
    }
}

#[test]
fn held_connections_leave_their_ports_with_the_server_and_refused_ones_with_us() {
    for (flags, levels, refused) in [(&[][..], "30,40", 0), (&["--reject-rate=50%"], "40", 20)] {
        let simulator = Simulator::start(flags);
        let url = url::Url::parse(simulator.url()).unwrap();
        let server = url.socket_addrs(|| None).unwrap()[0];
        let earlier = Waiting::of(server);
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let mut run = binary();
        run.args(["run", simulator.url(), "--no-aws", "--duration=1s", "--pause=0", "--levels", levels]);
        let done = finish(run.arg("--record").arg(&record));
        let report = json_of(&record);
        let held: u64 =
            report["levels"].as_array().unwrap().iter().map(|level| level["held"].as_u64().unwrap()).sum();
        let (servers, ours) = Waiting::of(server).since(&earlier);
        assert_eq!((ours, held as usize), (refused, if refused == 0 { 70 } else { 20 }), "{}", done.all());
        assert!(servers >= held as usize, "{servers} of {held}");
    }
}

/// How a server ends its connections, all of them once they are open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    /// It sends a close frame, awaits ours, and ends the stream.
    Close,
    /// The same over TLS, whose end it sends before TCP's; it awaits the client's end of TLS before that.
    TlsClose,
    /// It breaks the protocol, and ends the stream when it is told so.
    Violation,
    /// It says nothing until the client closes, and ends the stream then.
    Silence,
}

const CLOSED_TOGETHER: usize = 200;

async fn serve(listener: TcpListener, ending: Ending, ended: Arc<AtomicUsize>) {
    let (together, acceptor) = (Arc::new(Barrier::new(CLOSED_TOGETHER)), tls_acceptor());
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (together, acceptor, ended) = (Arc::clone(&together), acceptor.clone(), Arc::clone(&ended));
        tokio::spawn(async move {
            if ending == Ending::TlsClose {
                let mut tls = close(acceptor.accept(tcp).await.unwrap(), ending, &together).await;
                tls.get_mut().1.send_close_notify();
                tls.flush().await.unwrap();
                assert_eq!(tls.read(&mut [0]).await.unwrap(), 0, "the client's close_notify, not TCP's end");
            } else {
                close(tcp, ending, &together).await;
            }
            ended.fetch_add(1, Ordering::SeqCst);
        });
    }
}

/// Ends the WebSocket as far as its frames go; the stream under it.
async fn close<S: AsyncRead + AsyncWrite + Unpin>(stream: S, ending: Ending, together: &Barrier) -> S {
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    together.wait().await;
    match ending {
        Ending::Silence => {}
        Ending::Violation => socket.get_mut().write_all(&[0xF1, 0x00]).await.unwrap(),
        Ending::Close | Ending::TlsClose => {
            let frame = CloseFrame { code: CloseCode::Away, reason: "restart".into() };
            socket.send(Message::Close(Some(frame))).await.unwrap();
        }
    }
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            break;
        }
    }
    socket.into_inner()
}

#[test]
fn a_server_that_ends_the_stream_after_the_close_frames_keeps_the_ports() {
    let unready = &["--ready=^never$", "--connect-timeout=1m", "--window=200"][..];
    let impatient = &["--ready=^never$", "--connect-timeout=4s", "--window=200"];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (address, ending, flags, failed) in [
        ("127.9.1.1:0", Ending::Close, &[][..], ("hold", "closed_1001")),
        ("127.9.1.2:0", Ending::TlsClose, &[], ("hold", "closed_1001")),
        ("127.9.1.3:0", Ending::Violation, &[], ("hold", "protocol")),
        ("127.9.1.4:0", Ending::Close, unready, ("ready", "closed_1001")),
        ("127.9.1.5:0", Ending::TlsClose, unready, ("ready", "closed_1001")),
        ("127.9.1.6:0", Ending::Violation, unready, ("ready", "protocol")),
        ("127.9.1.7:0", Ending::Silence, impatient, ("ready", "not_ready")),
    ] {
        let listener = runtime.block_on(TcpListener::bind(address)).unwrap();
        let at = listener.local_addr().unwrap();
        let earlier = Waiting::of(at);
        let ended = Arc::new(AtomicUsize::new(0));
        let server = runtime.spawn(serve(listener, ending, Arc::clone(&ended)));
        let scheme = if ending == Ending::TlsClose { "wss" } else { "ws" };
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let mut run = binary();
        run.args(["run", &format!("{scheme}://{at}/"), "-k", "--no-aws", "--duration=1m", "--record"]);
        let done = finish(run.arg(&record).arg(format!("--levels={CLOSED_TOGETHER}")).args(flags));
        let report = json_of(&record);
        let failures = &report["levels"][0]["failures"][0];
        let told = (failures["phase"].as_str().unwrap(), failures["kind"].as_str().unwrap());
        let context = format!("{ending:?} {flags:?}: {}", done.all());
        assert_eq!((told, failures["count"].as_u64()), (failed, Some(CLOSED_TOGETHER as u64)), "{context}");
        let (_, ours) = Waiting::of(at).since(&earlier);
        assert_eq!((ours, ended.load(Ordering::SeqCst)), (0, CLOSED_TOGETHER), "{context}");
        server.abort();
    }
}

#[test]
fn a_server_that_never_ends_the_stream_holds_up_neither_failures_nor_the_level() {
    for (flags, phase) in [(&[][..], "hold"), (&["--ready=^never$", "--window=1"], "ready")] {
        let (gone, ends) = mpsc::channel();
        let gone = Mutex::new(gone);
        let talker = Talker::start(move |socket| {
            let frame = CloseFrame { code: CloseCode::Away, reason: "restart".into() };
            let _ = socket.close(Some(frame));
            while !matches!(socket.read(), Ok(Message::Close(_)) | Err(_)) {}
            let answered = Instant::now();
            let _ = socket.get_mut().read_to_end(&mut Vec::new());
            gone.lock().unwrap().send((answered.elapsed(), Utc::now())).unwrap();
        });
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let mut run = binary();
        run.args(["run", &talker.url(), "--no-aws", "--duration=1m", "--levels=3", "--record"]).arg(&record);
        let done = finish(run.args(flags));
        let ends: Vec<(Duration, DateTime<Utc>)> = ends.iter().take(3).collect();
        let first_end = ends.iter().map(|(_, at)| *at).min().unwrap();
        let failures = events(&record, "failure");
        assert_eq!(failures.len(), 3, "{}", done.all());
        for failure in failures {
            assert_eq!(
                (failure["phase"].as_str(), failure["kind"].as_str()),
                (Some(phase), Some("closed_1001"))
            );
            let at: DateTime<Utc> = failure["at"].as_str().unwrap().parse().unwrap();
            assert!(
                at < first_end,
                "told before anything was waited for, also where one is dialed after another"
            );
        }
        for (waited, _) in ends {
            // Three seconds, and four times that on a busy machine.
            assert!((2.9..12.0).contains(&waited.as_secs_f64()), "{waited:?}");
        }
    }
}
