//! Where clients come in: one listening socket a node.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificate::{self, CaFile};
use super::state::Alb;
use super::{connection, wire};
use crate::sim::{Options, SimError};

/// Handshakes that may wait in the kernel, the usual `somaxconn`: a short queue drops SYNs in a
/// burst of clients, and they come back a second later.
const BACKLOG: i32 = 4096;

/// Pause after an accept that failed (for want of descriptors, mostly), so that it is not retried
/// in a circle.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// How often another port is tried when the one that node 0 got is taken on another node's address.
const PORT_ATTEMPTS: usize = 16;

/// A load balancer that listens.
pub(crate) struct Opened {
    /// What all connections share.
    pub(crate) alb: Arc<Alb>,
    /// The port of every node.
    pub(crate) port: u16,
    /// One for each node, to be served.
    pub(crate) doors: Vec<Door>,
    /// With TLS, the certificate to trust.
    pub(crate) ca_file: Option<CaFile>,
}

/// One node's listening socket.
pub(crate) struct Door {
    alb: Arc<Alb>,
    node: usize,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// Listens on every node's address. Nobody is let in before [`Door::serve`].
pub(crate) fn open(options: &Options) -> Result<Opened, SimError> {
    let listeners = listen(options)?;
    let addresses: Vec<SocketAddr> = listeners.iter().map(|(address, _)| *address).collect();
    let (tls, ca_file) = if options.tls {
        let (acceptor, ca_file) = certificate::make(&addresses, options)?;
        (Some(acceptor), Some(ca_file))
    } else {
        (None, None)
    };
    let alb = Arc::new(Alb::new(options));
    let doors = listeners
        .into_iter()
        .enumerate()
        .map(|(node, (_, listener))| Door { alb: Arc::clone(&alb), node, listener, tls: tls.clone() })
        .collect();
    Ok(Opened { alb, port: addresses[0].port(), doors, ca_file })
}

impl Door {
    /// Lets clients in, a task each, for ever. Dropping this ends all of its connections.
    pub(crate) async fn serve(self) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => match self.alb.admit(self.node) {
                        Some(client) => {
                            connections.spawn(connection::live(stream, client, self.tls.clone()));
                        }
                        None => wire::reset(&stream),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "the simulated load balancer cannot accept");
                        tokio::time::sleep(ACCEPT_RETRY).await;
                    }
                },
                // what has ended is forgotten, or its memory would stay
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Binds all nodes to one port; where the system chooses it, it must be free on every address.
fn listen(options: &Options) -> Result<Vec<(SocketAddr, TcpListener)>, SimError> {
    let attempts = if options.listen.port() == 0 { PORT_ATTEMPTS } else { 1 };
    let mut outcome = listen_once(options);
    for _ in 1..attempts {
        if outcome.is_ok() {
            break;
        }
        outcome = listen_once(options);
    }
    outcome
}

fn listen_once(options: &Options) -> Result<Vec<(SocketAddr, TcpListener)>, SimError> {
    let mut port = options.listen.port();
    let mut listeners = Vec::new();
    for node in 0..u32::from(options.nodes) {
        let ip = Ipv4Addr::from(u32::from(*options.listen.ip()) + node);
        let wanted = SocketAddr::V4(SocketAddrV4::new(ip, port));
        let failed = |source| SimError::Listen { address: wanted, source };
        let listener = listener(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        port = address.port();
        listeners.push((address, listener));
    }
    Ok(listeners)
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // inherited by what is accepted: pongs must not wait for an acknowledgement
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::ErrorKind;

    use tokio::io::AsyncReadExt;

    use super::super::counters::{Count, Legs};
    use super::super::stage::Stage;
    use super::*;

    #[tokio::test]
    async fn who_comes_when_it_is_full_is_reset_and_counted_as_rejected_only() {
        let stage = Stage::open(Options { max_connections: Some(2), ..Options::default() });
        let first = stage.upgraded(0).await;
        let _second = stage.upgraded(0).await;
        let mut refused = stage.connected(0).await;
        assert_eq!(refused.read(&mut [0; 16]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let totals = stage.totals(0);
        assert_eq!(totals.of(Count::RejectedConnections), 1);
        assert_eq!((totals.of(Count::NewClientLegs), totals.of(Count::NewTargetLegs)), (2, 2));
        assert_eq!(stage.legs(0), Legs { client: 2, target: 2 });

        drop(first);
        stage.until("one left", |stage| stage.legs(0).client == 1).await;
        let _third = stage.upgraded(0).await;
        assert_eq!(stage.totals(0).of(Count::RejectedConnections), 1);
    }

    #[tokio::test]
    async fn the_baseline_takes_up_room() {
        let stage = Stage::open(Options { max_connections: Some(11), baseline: 10, ..Options::default() });
        let _first = stage.upgraded(0).await;
        let mut refused = stage.connected(0).await;
        assert_eq!(refused.read(&mut [0; 16]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn who_comes_beyond_what_is_counted_is_served_and_in_no_metric() {
        let options = Options { count_at_most: Some(12), baseline: 10, ..Options::default() };
        let stage = Stage::open(options);
        let first = stage.upgraded(0).await;
        let _second = stage.upgraded(0).await;
        let before = stage.totals(0);
        let hidden = stage.upgraded(0).await;
        assert_eq!(stage.totals(0), before, "not even its bytes");
        assert_eq!(stage.legs(0), Legs { client: 2, target: 2 });
        drop(hidden);
        drop(first);
        stage.until("one left", |stage| stage.legs(0) == Legs { client: 1, target: 1 }).await;
        // There is room again once both are gone.
        let _third = stage.upgraded(0).await;
        stage.until("two counted", |stage| stage.legs(0) == Legs { client: 2, target: 2 }).await;
    }

    #[tokio::test]
    async fn every_node_has_an_address_and_counters_and_the_maximum_is_shared() {
        let stage = Stage::open(Options { nodes: 3, max_connections: Some(2), ..Options::default() });
        let _first = stage.upgraded(0).await;
        let _second = stage.upgraded(2).await;
        let active: Vec<u64> = (0..3).map(|node| stage.legs(node).client).collect();
        assert_eq!(active, [1, 0, 1]);
        let mut refused = stage.connected(1).await;
        assert!(refused.read(&mut [0; 16]).await.is_err());
        assert_eq!(stage.totals(1).of(Count::RejectedConnections), 1);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let stage = Stage::open(Options::default());
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, stage.address(0).port());
        let error = open(&Options { listen, ..Options::default() }).err().unwrap();
        assert!(error.to_string().contains(&listen.to_string()), "{error}");
    }
}
