//! What the terminal shows, whole.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::layout::columns_of;
use super::{Layout, html, json, results, table};
use crate::facts::MachineSample;
use crate::judge::testing::{Fault, Scenario, example, hostile};
use crate::judge::{Finding, Status, judge};
use crate::record::{
    self, Braked, Event, FailureKind, HowEnded, Initiator, Loss, MachineSecond, Measured, Phase, Run,
    Stamped, snapshot_events,
};

fn shown(scenario: &Scenario, width: usize) -> String {
    let run = scenario.run();
    let layout = Layout { width, color: false };
    table(&judge(&run), layout)
}

#[test]
fn the_example_at_100_columns() {
    insta::assert_snapshot!(shown(&example(), 100));
}

#[test]
fn the_example_at_80_columns() {
    insta::assert_snapshot!(shown(&example(), 80));
}

#[test]
fn without_aws_the_server_has_no_column() {
    let scenario = Scenario { aws: false, series: None, levels: vec![50, 100], ..example() };
    let faults = scenario.faults.iter().map(|f| Fault { level: 1, count: 3, ..f.clone() });
    let scenario = Scenario { faults: faults.collect(), ..scenario };
    insta::assert_snapshot!(shown(&scenario, 100));
}

#[test]
fn a_contradiction() {
    let finding = Finding {
        check: "traffic".into(),
        status: Status::Warn,
        found: "about 210 connections of others".into(),
        detail: String::new(),
        remedy: "measure at a quieter hour".into(),
    };
    let scenario = Scenario {
        bypass: 0.1,
        findings: vec![finding],
        levels: vec![200, 500],
        faults: Vec::new(),
        rises: Vec::new(),
        ..example()
    };
    insta::assert_snapshot!(shown(&scenario, 100));
}

/// A search up to 400 over these levels; those at `failed` failed.
fn search(levels: &[u32], failed: &[usize]) -> Scenario {
    let fault = |level: &usize| Fault {
        level: *level,
        count: levels[*level] / 10,
        example: "503 Service Unavailable",
        ..Fault::default()
    };
    let faults = failed.iter().map(fault).collect();
    Scenario { levels: levels.to_vec(), search: Some(400), faults, ..Scenario::default() }
}

#[test]
fn a_search() {
    let scenario = search(&[50, 100, 200, 150, 125, 112, 118, 112], &[2, 3, 4, 6]);
    insta::assert_snapshot!(shown(&scenario, 100));
    let run = scenario.run();
    let page = super::html(&judge(&run));
    for said in [
        "<span class=\"good\">confirmed</span>",
        "112 passed twice, 118 failed · 8 levels, 967 connections, ",
        "lowest level that failed: 118",
        "Planned: a search up to 400 within 5 %",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn searches_that_find_no_limit() {
    let interrupted = |scenario: Scenario| Scenario { how: Some(HowEnded::Interrupted), ..scenario };
    for (scenario, said) in [
        (search(&[50, 100, 200, 400, 400], &[]), "400 passed twice, the maximum of the search · 5 levels"),
        (search(&[1, 1], &[]), "1 passed twice · 2 levels"),
        (interrupted(search(&[50, 100, 200], &[2])), "100 passed, 200 failed; the search was not finished ·"),
        (interrupted(search(&[50], &[])), "50 passed; the search was not finished · 1 level, 50 connections"),
        (search(&[50, 25, 12], &[0, 1]), "12 passed once, 25 failed; the limit moves: levels"),
        (search(&[100, 50], &[0, 1]), "no level passed, 50 failed · 2 levels"),
    ] {
        let text = shown(&scenario, 400);
        let line = text.lines().find(|line| line.starts_with("Search ")).unwrap();
        assert!(line.contains(said), "{line}");
    }
}

#[test]
fn what_was_said_in_lines_stands_on_one() {
    let said = Fault {
        phase: Phase::Upgrade,
        kind: FailureKind::Http(503),
        count: 40,
        example: "503 Service\r\n\r\n  Unavailable:\t\u{2028}too  many\n\u{1b}[2J",
        ..Fault::default()
    };
    let scenario = Scenario { levels: vec![100], faults: vec![said], ..Scenario::default() };
    let table = shown(&scenario, 100);
    assert!(table.contains(r"said: 503 Service Unavailable: too many \u{1b}[2J"), "{table}");
    assert!(!table.contains(r"\u{a}") && !table.contains(r"\u{d}"), "{table}");
    let run = scenario.run();
    let page = crate::report::html(&judge(&run));
    assert!(page.contains(r"503 Service Unavailable: too many \u{1b}[2J"), "{page}");
    assert!(!page.contains(r"\u{a}"));
}

#[test]
fn an_interrupted_run() {
    let scenario = Scenario {
        cut_last: true,
        how: Some(HowEnded::Interrupted),
        series: None,
        levels: vec![50, 100],
        ..Scenario::default()
    };
    insta::assert_snapshot!(shown(&scenario, 80));
}

#[test]
fn a_machine_that_was_the_limit() {
    let second = |lag_ms, cpu_cores| MachineSecond {
        lag_ms: Some(lag_ms),
        sample: MachineSample {
            cpu_cores: Some(cpu_cores),
            descriptors: Some(231),
            retransmitted: Some(3),
            segments_sent: Some(4_000),
            listen_drops: Some(1),
            ..MachineSample::default()
        },
        ..MachineSecond::default()
    };
    let busy = [second(310.0, 1.97), second(1_250.4, 2.0), second(420.0, 1.99)];
    let scenario = Scenario {
        levels: vec![100, 200],
        faults: vec![Fault {
            level: 1,
            kind: FailureKind::Timeout,
            by: Initiator::Network,
            count: 40,
            ..Fault::default()
        }],
        rises: Vec::new(),
        machine: (busy.to_vec(), vec![second(2.0, 0.1)]),
        ..example()
    };
    insta::assert_snapshot!(shown(&scenario, 100));
    let run = scenario.run();
    let page = super::html(&judge(&run));
    for said in [
        "<h2>This machine</h2>",
        "<td>1,250 ms</td>",
        "<td class=\"word bad\">this machine</td>",
        "It has 2 cores",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn why_the_brake_stopped_it_is_told_once_and_does_nothing() {
    let mut run =
        Scenario { cut_last: true, how: Some(HowEnded::Aborted), levels: vec![50, 500], ..example() }.run();
    let measured = Measured {
        from: run.started_at,
        period: run.series.as_ref().unwrap().period,
        target_group: Some("targetgroup/<b>/\u{1b}[2J".to_owned()),
    };
    let rule = "UnHealthyHostCount > 0".parse().unwrap();
    let braked = Braked { rule, value: 1.0, level: Some(1), measured: Some(measured) };
    run.apply(&Stamped { at: run.last_at, event: Event::Brake(braked) });
    let judged = judge(&run);
    let why = "in level 500: UnHealthyHostCount was 1 in the minute from";
    assert!(judged.verdict.reasons[0].contains(why), "{:?}", judged.verdict.reasons);
    let (table, page) = (table(&judged, Layout { width: 400, color: false }), html(&judged));
    for text in [&table, &page] {
        let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(flowing.matches(why).count(), 1);
        assert!(!text.contains('\u{1b}'));
    }
    assert!(!page.contains("<b>"));
}

#[test]
fn colour_changes_no_word() {
    let run = example().run();
    let judged = judge(&run);
    let at = |color| table(&judged, Layout { width: 100, color });
    let (plain, colored) = (at(false), at(true));
    assert!(colored.contains("\u{1b}[32magrees\u{1b}[0m"), "{colored}");
    let mut stripped = colored.clone();
    while let Some(start) = stripped.find('\u{1b}') {
        let end = stripped[start..].find('m').unwrap();
        stripped.replace_range(start..=start + end, "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn hostile_text_is_visible_and_does_nothing() {
    let text = shown(&hostile(), 80);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}']), "{text}");
    assert!(text.contains("\\u{1b}]0;owned\\u{7}\\u{202e}<script>"), "{text}");
}

#[test]
fn the_answer_stands_last() {
    let run = example().run();
    let text = results(&judge(&run), Layout { width: 80, color: false });
    let last: Vec<&str> = text.lines().rev().take(2).collect();
    assert_eq!(
        last,
        [
            "Safe limit (80%): 800",
            "Maximum reliable concurrent connections: 1,000   (next level tried: 2,000)"
        ]
    );
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let kinds = prop::sample::select(vec![
        FailureKind::Http(503),
        FailureKind::Eof,
        FailureKind::PortExhausted,
        FailureKind::Closed(4_001),
        FailureKind::PongTimeout,
    ]);
    let by = prop::sample::select(vec![Initiator::Peer, Initiator::Network, Initiator::Local]);
    let fault = (0_usize..2, kinds, by, 1_u32..20, 0.0_f64..100.0).prop_map(
        |(level, kind, by, count, silence)| Fault {
            level,
            phase: if silence < 50.0 { Phase::Upgrade } else { Phase::Hold },
            kind,
            by,
            count,
            silence_s: (silence > 60.0).then_some(silence),
            example: "日本語 and a_very_long_word_that_nobody_can_break_between_its_letters_0123456789_0123456789",
            ..Fault::default()
        },
    );
    let faults = prop::collection::vec(fault, 0..4);
    let size = prop::sample::select(vec![100_u32, 5_000, 1_200_000]);
    (faults, size, 0.0_f64..0.6, any::<bool>(), "\\PC{0,120}").prop_map(
        |(faults, size, bypass, requests, path)| Scenario {
            levels: vec![80, size],
            // A level of 80 can't lose more than it has.
            faults: faults.into_iter().map(|f| Fault { count: f.count.min(20), ..f }).collect(),
            bypass,
            requests,
            url: format!("wss://h/{path}"),
            ..Scenario::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn no_line_is_wider_than_the_terminal(scenario in scenarios(), width in 70_usize..130) {
        for line in shown(&scenario, width).lines() {
            prop_assert!(columns_of(line) <= width, "{} > {width}: {line}", columns_of(line));
        }
    }
}

/// A run as it is read from a record that begins anew.
fn from_a_new_file(run: &Run) -> Run {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = String::new();
    let second = Stamped::new(run.last_at, Event::Recovered { lost: Loss::Truncated });
    let mut line = |event: &Stamped| {
        text.push_str(&(serde_json::to_string(event).unwrap() + "\n"));
        Ok(())
    };
    snapshot_events(run, &second, &mut line).unwrap();
    std::fs::write(file.path(), text).unwrap();
    record::read(file.path()).unwrap()
}

#[test]
fn a_record_that_began_anew_leads_to_the_same_report() {
    let slow = Scenario { cut_last: true, how: None, ..example() };
    let without_aws = Scenario { aws: false, series: None, levels: vec![50, 100], ..example() };
    for mut run in [example(), slow, without_aws].map(|scenario| scenario.run()) {
        run.levels[0].idle_timeout = Some(std::time::Duration::from_secs(75));
        for level in &mut run.levels[1..] {
            level.idle_timeout = Some(std::time::Duration::from_secs(80));
        }
        let again = from_a_new_file(&run);
        assert_eq!((&again.samples, &again.open), (&run.samples, &run.open));
        assert_eq!((again.last_at, again.findings.len()), (run.last_at, run.findings.len()));
        for (level, before) in again.levels.iter().zip(&run.levels) {
            assert_eq!(level.machine, before.machine);
            assert_eq!(format!("{:?}", level.failures), format!("{:?}", before.failures));
        }
        let report = |run: &Run| -> serde_json::Value { serde_json::from_str(&json(&judge(run))).unwrap() };
        let mut from_file = report(&again);
        let incomplete = from_file["run"]["incomplete"].take();
        assert!(incomplete.as_str().unwrap().contains("truncated"), "{incomplete}");
        assert_eq!(from_file, report(&run));
        assert!(table(&judge(&again), Layout { width: 100, color: false }).contains("Incomplete"));
        assert!(html(&judge(&again)).contains("Incomplete: the record"));
    }
}
