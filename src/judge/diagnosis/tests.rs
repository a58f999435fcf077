//! Each rule names its cause, and names it alone.
#![allow(clippy::unwrap_used)]

use crate::judge::judge;
use crate::judge::testing::{Fault, Scenario};
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
        (connect(K::Timeout), vec![], "TCP connections got no answer within 10 s"),
        (fault(Phase::Tls, K::Tls, 20), vec![], "TLS could not be established."),
        (distrusted, vec![], "TLS could not be established: this side does not accept the certificate"),
        (up(K::Http(401)), vec![], "The server did not let the clients in"),
        (up(K::Http(403)), vec![waf], "The load balancer did not let the clients in"),
        (up(K::Http(404)), vec![], "No WebSocket is served there"),
        (up(K::Http(503)), vec![elb], "The load balancer itself answered upgrades with 503"),
        (up(K::Http(503)), vec![target], "The targets refused: 20 upgrades were answered 503"),
        (
            up(K::Http(503)),
            vec![],
            "Upgrades were answered with http_503, by the load balancer or by a target",
        ),
        (up(K::Timeout), vec![], "Upgrades were not answered within 10 s"),
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

#[test]
fn nobody_listens_when_nothing_was_opened() {
    let all = fault(Phase::Connect, FailureKind::Refused, 100);
    let found = causes(vec![all], &[], true);
    assert_eq!(found, ["Nobody listens: every connection was refused."]);
}

#[test]
fn without_cloudwatch_nobody_is_blamed_for_a_status() {
    let found = causes(vec![fault(Phase::Upgrade, FailureKind::Http(502), 20)], &[], false);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("Upgrades were answered with http_502"), "{found:?}");
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

#[test]
fn evidence_joins_both_sides() {
    let run = Scenario {
        levels: vec![100],
        faults: vec![fault(Phase::Upgrade, FailureKind::Http(503), 20)],
        rises: vec![("HTTPCode_Target_5XX_Count", 20.0)],
        ..Scenario::default()
    }
    .run();
    let judged = judge(&run);
    assert_eq!(
        judged.diagnosis[0].evidence,
        ["HTTPCode_Target_5XX_Count rose by 20 (13:00 to 13:01 UTC)", "20 of 100 connections, at level 100"]
    );
}
