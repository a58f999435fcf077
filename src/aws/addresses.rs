//! Which of many names share an address with a host.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

/// Names that are resolved at the same time.
const IN_PARALLEL: usize = 16;
/// For one name.
const ONE_LOOKUP: Duration = Duration::from_secs(5);
/// For all names: an account with hundreds of load balancers must not hold up a run.
const ALL_LOOKUPS: Duration = Duration::from_secs(20);

/// The positions of the names that share an address with `host`. A name without an address shares none.
pub(super) async fn sharing_an_address(host: &str, names: &[String]) -> Vec<usize> {
    let own = addresses(host).await;
    if own.is_empty() {
        return Vec::new();
    }
    let lookups = stream::iter(names.iter().enumerate())
        .map(|(position, name)| async move { (position, addresses(name).await) })
        .buffer_unordered(IN_PARALLEL)
        .take_until(Box::pin(tokio::time::sleep(ALL_LOOKUPS)));
    let mut sharing: Vec<usize> = lookups
        .filter_map(|(position, theirs)| {
            let shared = !own.is_disjoint(&theirs);
            async move { shared.then_some(position) }
        })
        .collect()
        .await;
    sharing.sort_unstable();
    sharing
}

async fn addresses(name: &str) -> BTreeSet<IpAddr> {
    let lookup = tokio::time::timeout(ONE_LOOKUP, tokio::net::lookup_host((name, 0))).await;
    match lookup {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shared_addresses_are_found_whatever_the_order() {
        let names = ["127.0.0.3", "127.0.0.2", "no.such.invalid.", "127.0.0.3"].map(str::to_owned);
        assert_eq!(sharing_an_address("127.0.0.3", &names).await, [0, 3]);
        assert_eq!(sharing_an_address("127.0.0.9", &names).await, [0; 0]);
        assert_eq!(sharing_an_address("", &names).await, [0; 0]);
    }
}
