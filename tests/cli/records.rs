//! Commands that work from a record: what they take, and what they refuse.

use std::fs::{self, File};

use crate::harness::{Folder, Simulator, binary, finish, json_of};

fn short_run(folder: &Folder) -> std::path::PathBuf {
    let simulator = Simulator::start(&[]);
    let record = folder.file("run.jsonl");
    let done = finish(
        binary()
            .args(["run", simulator.url(), "--no-aws", "--levels=3", "--duration=200ms", "--record"])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    record
}

#[test]
fn a_record_is_shown_as_table_json_and_html() {
    let folder = Folder::new();
    let record = short_run(&folder);
    let show = |format: &str| finish(binary().arg("report").arg(&record).args(["--format", format]));
    assert!(show("table").stdout.contains("Safe limit (80%): 2"));
    assert_eq!(json_of(&record)["schema"], 1);
    let html = show("html").stdout;
    assert!(
        html.to_lowercase().starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"),
        "{html}"
    );
    for reference in ["src=", "href=", "@import", "url("] {
        assert!(!html.contains(reference), "a report needs nothing from elsewhere: {reference}");
    }
}

#[test]
fn what_is_no_record_is_said_and_exits_1() {
    let folder = Folder::new();
    let whole = fs::read_to_string(short_run(&folder)).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let mut torn_middle: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
    torn_middle[2].truncate(15);
    let cases = [
        ("empty.jsonl", String::new(), "is empty"),
        ("other.jsonl", "{\"a\":1}\n".to_owned(), "not a record"),
        ("binary.jsonl", "\u{0}\u{1}\u{2}".to_owned(), "not a record"),
        ("newer.jsonl", whole.replacen("\"schema\":1", "\"schema\":7", 1), "schema 7"),
        ("middle.jsonl", torn_middle.join("\n"), "damaged in line 3"),
    ];
    for (name, text, cause) in cases {
        let file = folder.file(name);
        fs::write(&file, text).unwrap();
        for command in ["report", "analyze"] {
            let done = finish(binary().arg(command).arg(&file));
            assert_eq!(done.code, 1, "{name}: {}", done.all());
            assert!(done.complaint().0.contains(cause), "{name}: {}", done.stderr);
        }
    }
    let done = finish(binary().args(["report", "/does/not/exist.jsonl"]));
    assert_eq!(done.code, 1);
    assert!(done.complaint().0.contains("/does/not/exist.jsonl"));
}

#[test]
fn a_torn_last_line_is_tolerated() {
    let folder = Folder::new();
    let record = short_run(&folder);
    let whole = fs::read_to_string(&record).unwrap();
    fs::write(&record, &whole[..whole.trim_end().len() - 7]).unwrap();
    assert_eq!(json_of(&record)["run"]["ended"], "killed", "the line that said how it ended is lost");
}

#[test]
fn a_record_in_use_is_not_written_to() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = folder.file("run.jsonl");
    let done = finish(
        simulator
            .albcap("run")
            .arg(simulator.url())
            .args([
                "--levels=3",
                "--duration=200ms",
                "--heartbeat=5s",
                "--periods=0",
                "--period=1s",
                "--settle=0",
                "--record",
            ])
            .arg(&record),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let file = File::options().append(true).open(&record).unwrap();
    file.try_lock().unwrap();
    let before = fs::read_to_string(&record).unwrap();
    let done = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.complaint().0.contains("in use"), "{}", done.stderr);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
}

#[test]
fn a_run_never_writes_over_a_record() {
    let folder = Folder::new();
    let record = short_run(&folder);
    let before = fs::read_to_string(&record).unwrap();
    let done = finish(
        binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=3", "--record"]).arg(&record),
    );
    assert_eq!(done.code, 1);
    assert!(done.complaint().0.contains("there already"), "{}", done.stderr);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
}

#[test]
fn an_output_that_is_cut_off_by_its_reader_is_no_error() {
    let folder = Folder::new();
    let record = short_run(&folder);
    let command = format!(
        "{} report {} --format html | head -c 10; echo ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_albcap"),
        record.display()
    );
    let done = finish(std::process::Command::new("bash").args(["-c", &command]));
    assert!(done.stdout.ends_with("0\n") && done.stderr.is_empty(), "{}", done.all());
}
