//! The simulator as a whole: opened, announced, running, stopped.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::alb::{self, Alb, CaFile, Opened};
use super::aws::{self, Account, Settings};
use super::publisher::{self, Dimensions, Habits, Hosts};
use super::{Announcement, LoadBalancerType, Options, SimError, load_balancer};

/// A simulator that runs, on tasks of its own, until this is dropped.
pub struct Running {
    announcement: Announcement,
    parts: JoinSet<SimError>,
    /// Kept for its file, which goes away with it.
    _ca_file: Option<CaFile>,
}

impl Running {
    /// Where it listens.
    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// Waits until a part of it fails, which none should: select it against whatever ends the
    /// simulator.
    pub async fn stopped(&mut self) -> SimError {
        match self.parts.join_next().await {
            Some(Ok(error)) => error,
            Some(Err(error)) => SimError::Stopped(error.to_string()),
            None => SimError::Stopped("nothing runs".to_owned()),
        }
    }

    /// Ends its parts, as if each had failed.
    #[cfg(test)]
    pub(crate) fn break_down(&mut self) {
        self.parts.abort_all();
    }

    /// Stops listening and ends every connection.
    pub async fn shutdown(mut self) {
        self.parts.shutdown().await;
    }
}

/// Opens the load balancer and the AWS endpoint, and starts both on the current runtime.
///
/// The limit of open files of this process is raised as far as it goes: every connection needs one.
pub async fn start(options: Options) -> Result<Running, SimError> {
    options.check()?;
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let Opened { alb, port, doors, ca_file } = alb::open(&options)?;
    let (endpoint, endpoint_address) = open_endpoint(&options).await?;
    let described = load_balancer::describe(&options, port);
    let announcement = Announcement {
        url: format!("{}://{}:{port}/", if options.tls { "wss" } else { "ws" }, options.listen.ip()),
        endpoint_url: format!("http://{endpoint_address}"),
        region: options.region.clone(),
        load_balancer: load_balancer::dimension(&options),
        load_balancer_arn: described.arn.clone(),
        pid: std::process::id(),
        ca_file: ca_file.as_ref().map(|file| file.path().to_owned()),
    };
    let settings = Settings {
        region: options.region.clone(),
        deny: options.deny.clone(),
        deny_after: options.deny_after.clone(),
        troubles: options.troubles.clone(),
        owed: options.owed.clone(),
        page_size: options.page_size,
        partial_data: options.partial_data,
        clock_ahead: options.clock_ahead,
        idle_timeout_then: options.idle_timeout_then,
    };
    let account = Account::new(described, settings);

    let mut parts = JoinSet::new();
    for door in doors {
        parts.spawn(async move {
            door.serve().await;
            SimError::Stopped("a listener of the load balancer ended".to_owned())
        });
    }
    parts.spawn(serve_endpoint(endpoint, Arc::clone(&account)));
    if options.load_balancer_type == LoadBalancerType::Application {
        parts.spawn(async move {
            publish(&alb, &account, &options).await;
            SimError::Stopped("the publisher of metrics ended".to_owned())
        });
    }
    Ok(Running { announcement, parts, _ca_file: ca_file })
}

/// Listens for the AWS APIs, on the first node's address and a port of its own.
async fn open_endpoint(options: &Options) -> Result<(TcpListener, SocketAddr), SimError> {
    let wanted = SocketAddr::V4(SocketAddrV4::new(*options.listen.ip(), 0));
    let failed = |source| SimError::Listen { address: wanted, source };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn serve_endpoint(listener: TcpListener, account: Arc<Account>) -> SimError {
    match aws::serve(listener, account).await {
        Ok(()) => SimError::Stopped("the AWS endpoint ended".to_owned()),
        Err(error) => SimError::Endpoint(error),
    }
}

/// Publishes every period's metrics into the account.
async fn publish(alb: &Alb, account: &Account, options: &Options) {
    let dimensions = Dimensions::of(options);
    let habits = Habits {
        period: options.period,
        sampling: options.sampling,
        legs: options.legs,
        baseline: options.baseline,
        clock_ahead: options.clock_ahead,
    };
    publisher::watch(alb, habits, |period, nodes| {
        let mut hosts = Hosts::default();
        account.update_load_balancer(|load_balancer| {
            if let Some(above) = options.unhealthy_above {
                publisher::follow_load(load_balancer, &nodes, above);
            }
            if alb.is_draining() {
                publisher::drain(load_balancer, options.targets);
            }
            hosts = Hosts::of(load_balancer);
        });
        account.publish(publisher::samples(&dimensions, period, &nodes, &hosts));
    })
    .await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::StreamExt;
    use tokio_tungstenite::connect_async;

    use super::*;

    #[tokio::test]
    async fn it_announces_where_it_listens_until_it_is_shut_down() {
        let running = start(Options::default()).await.unwrap();
        let announced = serde_json::to_value(running.announcement()).unwrap();
        let keys: Vec<&String> = announced.as_object().unwrap().keys().collect();
        assert_eq!(keys.len(), 6, "{keys:?}");
        assert_eq!(announced["region"], "us-east-1");
        assert_eq!(announced["load_balancer"], "app/albcap-sim/0123456789abcdef");
        let arn = announced["load_balancer_arn"].as_str().unwrap();
        assert!(arn.starts_with("arn:aws:elasticloadbalancing:us-east-1:"), "{arn}");
        assert_eq!(announced["pid"], std::process::id());
        let endpoint = announced["endpoint_url"].as_str().unwrap().strip_prefix("http://").unwrap();
        tokio::net::TcpStream::connect(endpoint).await.unwrap();

        let url = announced["url"].as_str().unwrap().to_owned();
        let (mut client, _) = connect_async(&url).await.unwrap();
        running.shutdown().await;
        assert!(!matches!(client.next().await, Some(Ok(_))), "the connection outlives the simulator");
        assert!(connect_async(&url).await.is_err());
    }

    #[tokio::test]
    async fn with_tls_it_announces_what_to_trust() {
        let running = start(Options { tls: true, ..Options::default() }).await.unwrap();
        let announcement = running.announcement().clone();
        assert!(announcement.url.starts_with("wss://127.0.0.1:"));
        let file = announcement.ca_file.unwrap();
        assert!(file.exists());
        running.shutdown().await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_network_load_balancer_is_described_as_one() {
        let options = Options { load_balancer_type: LoadBalancerType::Network, ..Options::default() };
        let running = start(options).await.unwrap();
        assert!(running.announcement().load_balancer.starts_with("net/"));
    }
}
