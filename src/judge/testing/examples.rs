//! Runs that several tests look at.

use super::{Fault, Scenario};
use crate::facts::{Finding, Status};
use crate::record::{FailureKind, Phase};

/// The run of the documentation: five levels pass, the targets refuse the sixth.
pub(crate) fn example() -> Scenario {
    let fault =
        |phase, kind, count, silence_s| Fault { level: 5, phase, kind, count, silence_s, ..Fault::default() };
    let mut refused = fault(Phase::Upgrade, FailureKind::Http(503), 187, None);
    refused.example = "503 Service Unavailable: too many sockets";
    Scenario {
        levels: vec![50, 100, 200, 500, 1_000, 2_000],
        faults: vec![
            Fault { level: 4, ..fault(Phase::Hold, FailureKind::Reset, 2, Some(12.4)) },
            refused,
            fault(Phase::Hold, FailureKind::Eof, 2, Some(60.0)),
        ],
        baseline: 210.0,
        noise: 4.0,
        rises: vec![("HTTPCode_Target_5XX_Count", 187.0)],
        ..Scenario::default()
    }
}

/// A run whose every text is hostile.
pub(crate) fn hostile() -> Scenario {
    const TEXT: &str = "\u{1b}]0;owned\u{7}\u{202e}<script>alert(1)</script>\"'&\u{9b}2J";
    let finding = Finding {
        check: TEXT.into(),
        status: Status::Warn,
        found: TEXT.into(),
        detail: TEXT.into(),
        remedy: TEXT.into(),
    };
    Scenario {
        levels: vec![100],
        faults: vec![Fault {
            phase: Phase::Hold,
            kind: FailureKind::Eof,
            count: 20,
            example: TEXT,
            ..Fault::default()
        }],
        url: format!("wss://h/{TEXT}"),
        findings: vec![finding],
        ..Scenario::default()
    }
}
