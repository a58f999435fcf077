//! Each rule names its cause, and names it alone. `upgrades` and `held` hold what takes more than a line of a table.
#![allow(clippy::unwrap_used)]

mod held;
mod upgrades;

use crate::judge::judge;
use crate::judge::testing::{Deaths, Fault, Scenario};
use crate::record::{FailureKind, Initiator, Phase};

/// The causes of a level of 100 of which some failed.
fn causes(faults: Vec<Fault>, rises: &[(&'static str, f64)], aws: bool) -> Vec<String> {
    let run = Scenario {
        levels: vec![100],
        faults,
        rises: rises.to_vec(),
        aws,
        series: aws.then_some(crate::judge::SeriesStatus::Final),
        ..Scenario::default()
    }
    .run();
    judge(&run)
        .diagnosis
        .iter()
        .map(|d| {
            assert!(!d.evidence.is_empty() && !d.remedy.is_empty(), "{d:?}");
            d.cause.clone()
        })
        .collect()
}

fn fault(phase: Phase, kind: FailureKind, count: u32) -> Fault {
    Fault { phase, kind, count, ..Fault::default() }
}

#[test]
fn every_cause_is_named_alone() {
    use FailureKind as K;
    let local = Fault { by: Initiator::Local, ..fault(Phase::Connect, K::FdLimit, 20) };
    let distrusted = Fault { by: Initiator::Client, ..fault(Phase::Tls, K::Tls, 20) };
    let idle = Fault { silence_s: Some(60.2), ..fault(Phase::Hold, K::Eof, 20) };
    let deaths = |kind, deaths| Fault { deaths, ..fault(Phase::Hold, kind, 20) };
    let together = |kind| deaths(kind, Deaths::Together);
    let up = |kind| fault(Phase::Upgrade, kind, 20);
    let connect = |kind| fault(Phase::Connect, kind, 20);
    let rejected = ("RejectedConnectionCount", 20.0);
    let elb = ("HTTPCode_ELB_5XX_Count", 20.0);
    let target = ("HTTPCode_Target_5XX_Count", 20.0);
    let waf = ("HTTPCode_ELB_4XX_Count", 20.0);
    for (fault, rises, starts) in [
        (local, vec![], "This machine was the limit"),
        (idle, vec![], "The load balancer's idle timeout of 60 s closed 20 silent connections"),
        (
            Fault { by: Initiator::Client, ..fault(Phase::Token, K::Token, 20) },
            vec![],
            "20 connections had no token and were not attempted",
        ),
        (fault(Phase::Dns, K::Dns, 20), vec![], "The name ws.example.com could not be resolved"),
        (connect(K::Refused), vec![], "Connections were refused, though others"),
        (connect(K::Refused), vec![rejected], "The load balancer rejected connections"),
        (up(K::Reset), vec![rejected], "The load balancer rejected connections"),
        (fault(Phase::Tls, K::Reset, 20), vec![rejected], "The load balancer rejected connections"),
        (fault(Phase::Tls, K::Reset, 20), vec![], "TLS could not be established."),
        (fault(Phase::Tls, K::Timeout, 20), vec![rejected], "The load balancer rejected connections"),
        (
            fault(Phase::Tls, K::Timeout, 20),
            vec![],
            "TLS handshakes were not answered within 10 s, though TCP connections came about.",
        ),
        (connect(K::Timeout), vec![], "TCP connections got no answer within 10 s"),
        (fault(Phase::Tls, K::Tls, 20), vec![], "TLS could not be established."),
        (distrusted, vec![], "TLS could not be established: this side does not accept the certificate"),
        (up(K::Http(401)), vec![], "The load balancer or a target did not let the clients in"),
        (
            up(K::Http(403)),
            vec![waf],
            "The load balancer did not let the clients in: upgrades were answered 403 by its web ACL",
        ),
        (
            up(K::Http(403)),
            vec![waf, ("LowReputationRequestsDenied", 20.0)],
            "The load balancer did not let the clients in: upgrades were answered 403 since AWS's protection",
        ),
        (
            up(K::Http(403)),
            vec![("HTTPCode_Target_4XX_Count", 20.0)],
            "The server did not let the clients in",
        ),
        (
            up(K::Http(401)),
            vec![waf],
            "The load balancer did not let the clients in: upgrades were answered 401.",
        ),
        (up(K::Http(404)), vec![], "No WebSocket is served there"),
        (up(K::Http(400)), vec![], "Connections failed for a reason that the numbers do not show (http_400)"),
        (
            Fault { example: "400 Bad Request Can \"Upgrade\" only to \"WebSocket\".", ..up(K::Http(400)) },
            vec![],
            "No WebSocket is served there: the upgrade was answered with http_400",
        ),
        (
            up(K::Http(503)),
            vec![elb],
            "The load balancer itself answered upgrades with 503: it had no registered",
        ),
        (up(K::Http(502)), vec![elb], "The load balancer itself answered upgrades with 502: targets reset"),
        (
            up(K::Http(502)),
            vec![elb, ("TargetConnectionErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 502: targets refused its connections",
        ),
        (
            up(K::Http(502)),
            vec![elb, ("TargetTLSNegotiationErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 502: TLS with the targets",
        ),
        (
            up(K::Http(504)),
            vec![elb, ("TargetConnectionErrorCount", 20.0)],
            "The load balancer itself answered upgrades with 504: targets did not accept",
        ),
        (
            up(K::Http(504)),
            vec![elb, ("TargetResponseTime", 61.0)],
            "The load balancer itself answered upgrades with 504: targets accepted, but did not answer",
        ),
        (up(K::Http(500)), vec![elb], "The load balancer itself answered upgrades with 500: its web ACL"),
        (up(K::Http(429)), vec![("HTTPCode_Target_4XX_Count", 20.0)], "The targets refused: 20 upgrades"),
        (up(K::Http(503)), vec![target], "The targets refused: 20 upgrades were answered 503"),
        (
            up(K::Http(503)),
            vec![],
            "Upgrades were answered with http_503, by the load balancer or by a target",
        ),
        (
            up(K::Timeout),
            vec![],
            "Upgrades were not answered within 10 s, though TCP connections came about.",
        ),
        (fault(Phase::Ready, K::NotReady, 20), vec![], "Upgraded connections were not ready within 10 s"),
        (
            fault(Phase::Ready, K::Closed(4401), 20),
            vec![],
            "The application itself closed new connections before they were ready, with code 4401",
        ),
        (fault(Phase::Hold, K::PongTimeout, 20), vec![], "Heartbeats were not answered within 10 s"),
        (
            fault(Phase::Hold, K::Closed(1001), 20),
            vec![],
            "The application itself closed held connections, with code 1001",
        ),
        (together(K::Closed(1001)), vec![], "A mass disconnect: 20 held connections ended at one instant"),
        (
            together(K::Reset),
            vec![],
            "20 held connections ended together (reset), at one instant that was also",
        ),
        (
            deaths(K::Reset, Deaths::AtOneInstant),
            vec![],
            "A mass disconnect: 20 held connections ended at one instant (reset).",
        ),
        (
            deaths(K::Closed(4000), Deaths::AtOneAge),
            vec![],
            "The application's own heartbeat went unanswered: 20 held connections ended at the same age (closed_4000)",
        ),
        (
            Fault { silence_s: Some(25.2), ..fault(Phase::Hold, K::Eof, 20) },
            vec![],
            "Another idle timeout on the path closed 20 connections that had been silent for about 25 s (eof).",
        ),
        (
            Fault { silence_s: Some(25.2), ..fault(Phase::Hold, K::Closed(1000), 20) },
            vec![],
            "The target's own idle timeout closed 20 connections",
        ),
        (
            fault(Phase::Hold, K::Protocol, 20),
            vec![],
            "The server, or something before it, broke the WebSocket protocol in frames",
        ),
        (
            up(K::Protocol),
            vec![],
            "The server, or something before it, broke the WebSocket protocol in the answer",
        ),
        (
            fault(Phase::Hold, K::Eof, 20),
            vec![],
            "Connections failed for a reason that the numbers do not show (eof)",
        ),
    ] {
        let found = causes(vec![fault], &rises, true);
        assert_eq!(found.len(), 1, "{starts}: {found:?}");
        assert!(found[0].starts_with(starts), "{starts}: {found:?}");
    }
}

/// The diagnosis of a level of 100 of which some failed, where targets are told of.
fn with_targets(fault: Fault, elb: &'static str, hosts: (f64, f64, f64)) -> Vec<(String, String)> {
    let run = Scenario {
        levels: vec![100],
        faults: vec![fault],
        rises: vec![(elb, 20.0)],
        hosts: Some(hosts),
        targets: Some([("healthy".to_owned(), 2), ("draining".to_owned(), 1)].into()),
        ..Scenario::default()
    }
    .run();
    judge(&run).diagnosis.iter().map(|d| (d.cause.clone(), d.evidence.join("; "))).collect()
}

#[test]
fn what_this_machine_refused_is_laid_to_nobody_else() {
    use FailureKind as K;
    for (phase, kind, what) in [
        (Phase::Connect, K::Unreachable, "refused"),
        (Phase::Connect, K::Timeout, "refused"),
        (Phase::Dns, K::Dns, "refused"),
        (Phase::Tls, K::Io, "refused"),
        (Phase::Hold, K::Io, "refused"),
        (Phase::Hold, K::Reset, "ended connections"),
    ] {
        let found = causes(vec![Fault { by: Initiator::Local, ..fault(phase, kind, 20) }], &[], true);
        assert_eq!(
            found,
            [format!("This machine was the limit, not the load balancer: the operating system {what}.")],
            "{phase:?} {kind:?}"
        );
    }
}

#[test]
fn chance_is_worth_no_word() {
    // Two of 100 in a level that failed by something else: no. Half a per cent of a level that passed: no.
    let main = fault(Phase::Upgrade, FailureKind::Http(404), 96);
    let found = causes(vec![main.clone()], &[], true);
    assert_eq!(found.len(), 1);
    let run = Scenario {
        levels: vec![1_000],
        faults: vec![Fault { count: 200, ..main }, fault(Phase::Hold, FailureKind::Eof, 5)],
        ..Scenario::default()
    }
    .run();
    assert_eq!(judge(&run).diagnosis.len(), 1);
    let run = Scenario {
        levels: vec![1_000],
        faults: vec![fault(Phase::Hold, FailureKind::Eof, 5)],
        ..Scenario::default()
    }
    .run();
    assert!(judge(&run).diagnosis.is_empty());
}
