//! `--search`: the limit of a simulated ALB that refuses beyond so many connections, found by the built binary.

use std::fs;

use crate::harness::{Folder, Simulator, binary, finish, json_of};

/// Holds of a moment, and pauses in which the simulator sees the last closes.
const SHORT: [&str; 5] =
    ["--no-aws", "--duration=200ms", "--pause=400ms", "--heartbeat=1s", "--pong-timeout=5s"];

fn levels_of(report: &serde_json::Value) -> Vec<(u64, bool)> {
    let levels = report["levels"].as_array().unwrap();
    levels.iter().map(|l| (l["connections"].as_u64().unwrap(), l["passed"].as_bool().unwrap())).collect()
}

#[test]
fn a_limit_is_doubled_to_bisected_and_confirmed() {
    let simulator = Simulator::start(&["--max-connections=150"]);
    let folder = Folder::new();
    let record = folder.file("search.jsonl");
    let done = finish(
        binary()
            .args(["run", simulator.url(), "--search=400", "--threshold=100%"])
            .args(SHORT)
            .arg("--record")
            .arg(&record),
    );
    assert_eq!(done.code, 0, "a limit that was found is what was asked for: {}", done.all());
    let report = json_of(&record);
    assert_eq!(
        levels_of(&report),
        [
            (50, true),
            (100, true),
            (200, false),
            (150, true),
            (175, false),
            (162, false),
            (156, false),
            (150, true)
        ]
    );
    let capacity = &report["capacity"];
    assert_eq!((&capacity["max_reliable"], &capacity["first_failed"]), (&150.into(), &156.into()));
    assert_eq!((&capacity["at_least"], &capacity["safe_limit"]), (&false.into(), &120.into()));
    assert_eq!(capacity["limited_by"], "reset");
    let search = &capacity["search"];
    assert_eq!(search["end"], "confirmed");
    assert_eq!((&search["highest_passed"], &search["lowest_failed"]), (&150.into(), &156.into()));
    assert_eq!((&search["levels"], &search["connections"]), (&8.into(), &1_143.into()));
    assert!(search["duration_s"].as_f64().unwrap() > 8.0 * 0.2 + 7.0 * 0.4, "{search}");
    assert_eq!(report["plan"]["search"]["max"], 400);
    assert_eq!(report["plan"]["levels"].as_array().unwrap().len(), 0);
    assert!(done.stdout.contains("a search up to 400 within 5 %, at most "), "{}", done.stdout);
    assert!(
        done.stdout.contains("150 passed twice, 156 failed · 8 levels, 1,143 connections, "),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout
            .contains("Maximum reliable concurrent connections: 150   (lowest level that failed: 156)"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_maximum_that_passes_is_a_least_and_a_coarse_search_is_short() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let record = folder.file("all.jsonl");
    let search = |flags: &[&str], record: &std::path::Path| {
        let mut command = binary();
        command.args(["run", simulator.url()]).args(SHORT).args(flags).arg("--record").arg(record);
        let done = finish(&mut command);
        assert_eq!(done.code, 0, "{}", done.all());
        json_of(record)
    };
    let report = search(&["--search=120", "--precision=50%"], &record);
    assert_eq!(levels_of(&report), [(60, true), (120, true), (120, true)]);
    assert_eq!(
        (&report["capacity"]["max_reliable"], &report["capacity"]["at_least"]),
        (&120.into(), &true.into())
    );
    assert_eq!(report["capacity"]["search"]["lowest_failed"], serde_json::Value::Null);
}

#[test]
fn where_nobody_listens_the_search_is_over_at_once() {
    // A port that was free a moment ago, on an address of its own.
    let port = std::net::TcpListener::bind("127.7.7.9:0").unwrap().local_addr().unwrap().port();
    let folder = Folder::new();
    let record = folder.file("nobody.jsonl");
    let url = format!("ws://127.7.7.9:{port}/");
    let done = finish(binary().args(["run", &url, "--search=5k"]).args(SHORT).arg("--record").arg(&record));
    assert_eq!(done.code, 1, "{}", done.all());
    let report = json_of(&record);
    assert_eq!(levels_of(&report), [(78, false)]);
    assert_eq!(report["capacity"]["search"]["end"], "nothing_passed");
}

#[test]
fn what_can_not_be_searched_is_said_before_anything_is_opened() {
    let folder = Folder::new();
    let run = |flags: &[&str]| {
        let mut command = binary();
        command.args(["run", "ws://127.0.0.1:1/", "--no-aws"]).args(flags).current_dir(folder.path());
        command
    };
    for (flags, code, cause, cure) in [
        (&["--search=0"][..], 2, "at least 1", ""),
        (&["--search=5k", "--precision=0.1%"], 2, "measures only noise", "--precision 5%"),
        (&["--search=5k", "--mode=cumulative"], 2, "goes down as well as up", "--mode fresh"),
        (&["--search=5k", "--levels=50"], 2, "--levels and --search are both given", "one of them"),
        (&["--search=2000M"], 3, "descriptors", "ulimit"),
        (&["--mode=other"], 2, "other", "cumulative"),
    ] {
        let done = finish(&mut run(flags));
        assert_eq!(done.code, code, "{flags:?}: {}", done.all());
        let (said, remedy) = done.complaint();
        assert!(said.contains(cause), "{flags:?}: {said}");
        assert!(format!("{said} {remedy}").contains(cure), "{flags:?}: {remedy}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn the_better_source_decides_between_levels_and_a_search() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "levels = [10, 20]\nprecision = \"10%\"\n").unwrap();
    let planned = |flags: &[&str], levels: Option<&str>, search: Option<&str>| {
        let mut command = binary();
        command.args(["preflight", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file).args(flags);
        let set = [("ALBCAP_LEVELS", levels), ("ALBCAP_SEARCH", search)];
        command.envs(set.iter().filter_map(|(name, value)| Some((name, (*value)?))));
        let done = finish(&mut command);
        assert_eq!(done.code, 0, "{}", done.all());
        done.stdout.lines().find_map(|line| line.strip_prefix("Plan    ")).unwrap().to_owned()
    };
    assert!(planned(&[], None, None).starts_with("2 levels"));
    assert!(planned(&["--search=60"], None, None).starts_with("a search up to 60 within 10 %"));
    assert!(
        planned(&[], None, Some("70")).starts_with("a search up to 70"),
        "the environment beats the file"
    );
    assert!(planned(&["--search=60"], Some("5,6"), None).starts_with("a search up to 60"));
    assert!(planned(&["--levels=5,6,7"], None, Some("70")).starts_with("3 levels"));
    assert!(
        planned(&["--mode=cumulative"], None, None)
            .starts_with("2 levels, 20 connections in all that live on")
    );
}
