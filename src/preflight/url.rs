//! Whether what the URL says of TLS fits where it leads.

use std::net::IpAddr;

use super::private;
use super::wording::{info, pass, skip};
use super::{Check, Forcing, Known};
use crate::facts::Finding;
use crate::plan::TargetUrl;

const NAME: &str = "url";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

fn look(known: &Known<'_>) -> Finding {
    let Ok(url) = known.plan.url.as_str().parse::<TargetUrl>() else {
        return skip(NAME, "the URL can't be read back");
    };
    let scheme = if url.is_tls() { "wss" } else { "ws" };
    let found = format!("{scheme}, port {}", url.port());
    let host = url.host();
    if url.is_tls() && is_an_albs_own(&host) {
        // aws-facts.md §3, "Zones, TLS, WAF".
        return info(
            NAME,
            found,
            "no public certificate covers an ALB's own DNS name, so TLS will fail unless its name is not checked",
            "use the name that the certificate covers, or --insecure",
        );
    }
    if url.is_tls() || is_private(&host) {
        return pass(NAME, found, "");
    }
    info(
        NAME,
        found,
        "without TLS everybody on the way can read what is sent, tokens included",
        "use wss:// where the ALB has an HTTPS listener",
    )
}

fn is_an_albs_own(host: &str) -> bool {
    host.ends_with(".elb.amazonaws.com") || host.ends_with(".elb.amazonaws.com.cn")
}

/// Whether the host can only be within a network of one's own.
fn is_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => private::is_private(address),
        Err(_) => {
            let name = host.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost") || name.ends_with(".internal")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, plan};
    use super::*;
    use crate::facts::Status;

    #[test]
    fn tls_is_missed_only_where_strangers_listen() {
        for (url, status, found) in [
            ("wss://ws.example.com/", Status::Pass, "wss, port 443"),
            ("wss://ws.example.com:8443/", Status::Pass, "wss, port 8443"),
            ("ws://127.0.0.1:9001/", Status::Pass, "ws, port 9001"),
            ("ws://[::1]/", Status::Pass, "ws, port 80"),
            ("ws://10.1.2.3/", Status::Pass, "ws, port 80"),
            ("ws://localhost:1/", Status::Pass, "ws, port 1"),
            ("ws://alb.internal/", Status::Pass, "ws, port 80"),
            ("ws://ws.example.com/", Status::Info, "ws, port 80"),
            ("ws://8.8.8.8/", Status::Info, "ws, port 80"),
            ("wss://a-1.eu-west-1.elb.amazonaws.com/", Status::Info, "wss, port 443"),
        ] {
            let shown = url.parse::<TargetUrl>().unwrap().shown();
            let case = Case { plan: plan(|plan| plan.url = shown), ..case() };
            let finding = look(&case.known());
            assert_eq!((finding.status, finding.found.as_str()), (status, found), "{url}");
        }
    }
}
