//! Commands that work from a record: what they take, and what they refuse.

use std::fs::{self, File};

use crate::harness::{Background, Folder, Simulator, binary, finish, json_of, with_credentials};

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
    let record = unsettled_run(&simulator, &folder);
    let file = File::options().append(true).open(&record).unwrap();
    file.try_lock().unwrap();
    let before = fs::read_to_string(&record).unwrap();
    // Nobody listens there: AWS is not asked for what could not be kept.
    let done = finish(
        with_credentials()
            .args(["analyze", "--settle=0", "--region=us-east-1", "--endpoint-url=http://127.0.0.1:1"])
            .arg(&record),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.complaint().0.contains("in use"), "{}", done.stderr);
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
}

/// A short run against a simulator with its AWS, whose CloudWatch was not waited for.
fn unsettled_run(simulator: &Simulator, folder: &Folder) -> std::path::PathBuf {
    let record = folder.file("run.jsonl");
    let done = simulator
        .run("--levels=3 --duration=200ms --heartbeat=5s --periods=0 --period=1s --settle=0", &record);
    assert_eq!(done.code, 0, "{}", done.all());
    record
}

#[test]
fn an_analysis_holds_the_record_until_it_has_appended() {
    let folder = Folder::new();
    let record = unsettled_run(&Simulator::start(&["--period=1s"]), &folder);
    // An AWS that takes the question and never answers.
    let aws = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", aws.local_addr().unwrap());
    let analyze = || {
        let mut command = with_credentials();
        command
            .args(["analyze", "--settle=0", "--region=us-east-1", "--endpoint-url", &endpoint])
            .arg(&record);
        command
    };
    let first = Background::start(&mut analyze());
    let _asked = aws.accept().unwrap();
    let done = finish(&mut analyze());
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.complaint().0.contains("in use"), "{}", done.stderr);
    drop(first);
}

#[test]
fn what_can_not_be_appended_is_shown_before_it_is_complained_about() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = unsettled_run(&simulator, &folder);
    // To this process no file may grow beyond the record's size in whole kilobytes.
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"",
        fs::metadata(&record).unwrap().len() / 1024
    );
    let analyze = simulator.albcap("analyze");
    let mut limited = std::process::Command::new("bash");
    limited.arg("-c").arg(script).arg(analyze.get_program()).args(analyze.get_args()).arg("--settle=0");
    for (name, value) in analyze.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    let done = finish(limited.arg(&record));
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(done.stdout.contains("Maximum reliable"), "the judgement is shown: {}", done.stdout);
    let (cause, remedy) = done.complaint();
    assert!(cause.contains("could not be written") && remedy.contains("disk"), "{cause} {remedy}");
}

#[test]
fn an_analysis_that_does_not_wait_says_nothing_of_waiting() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = unsettled_run(&simulator, &folder);
    let done = finish(simulator.albcap("analyze").arg(&record).arg("--settle=0"));
    assert!([0, 5, 6].contains(&done.code), "{}", done.all());
    assert!(!done.stderr.contains("waiting"), "{}", done.stderr);
    // What was read is kept with times to the millisecond, as all others.
    let text = fs::read_to_string(&record).unwrap();
    let series: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(series["type"], "server_series");
    let read_at = series["read_at"].as_str().unwrap();
    assert!(read_at.len() <= "2026-11-24T13:00:00.000Z".len(), "{read_at}");
}

#[test]
fn what_could_not_even_be_asked_of_aws_is_refused_by_every_command_alike() {
    let folder = Folder::new();
    let simulator = Simulator::start(&["--period=1s"]);
    let record = unsettled_run(&simulator, &folder);
    let record = record.to_str().unwrap();
    let run = ["run", simulator.url(), "--levels=1"];
    let (analyze, publish) = (["analyze", record, "--settle=0"], ["publish", record, "--publish=metrics"]);
    let recommend = ["recommend", record, "--apply"];
    let nobody = Some("--load-balancer=nosuch");
    let (there, silent, none) = (simulator.endpoint(), "http://127.0.0.1:1", "localhost:4566");
    for (commands, with_keys, endpoint, flag, code, cause) in [
        (&[run, analyze, publish, recommend][..], false, there, None, 3, "credentials"),
        (&[run, analyze, publish, recommend], true, none, None, 3, "'localhost:4566' is not an http"),
        (&[run, analyze], true, there, nobody, 3, "nosuch"),
        // Before a load an AWS that is silent is a refusal; afterwards it is a failure.
        (&[run], true, silent, None, 3, "127.0.0.1:1"),
        (&[analyze, recommend], true, silent, None, 1, "127.0.0.1:1"),
    ] {
        for command in commands {
            let mut albcap = if with_keys { with_credentials() } else { binary() };
            albcap
                .arg("-q")
                .args(command)
                .args(["--region=us-east-1", "--endpoint-url", endpoint])
                .args(flag);
            let done = finish(&mut albcap);
            assert_eq!(done.code, code, "{command:?}: {}", done.all());
            assert!(done.complaint().0.contains(cause), "{command:?}: {}", done.stderr);
        }
    }
}

#[test]
fn quiet_means_results_only() {
    let folder = Folder::new();
    let record = short_run(&folder);
    for command in [&["report"][..], &["analyze", "--no-aws"]] {
        let show = |more: &[&str]| finish(binary().args(command).args(more).arg(&record)).stdout;
        let (all, results) = (show(&[]), show(&["-q"]));
        assert!(all.contains("Preflight") && all.contains("Plan "), "{all}");
        assert!(!results.contains("Preflight") && !results.contains("Plan "), "{results}");
        assert!(all.ends_with(&results) && results.contains("Maximum reliable"), "{results}");
    }
}

#[test]
fn a_path_does_not_act_on_the_terminal() {
    let done = finish(binary().args(["report", "/no\u{1b}[31m\nfile"]));
    assert_eq!(done.code, 1);
    assert!(done.complaint().0.contains(r"/no\u{1b}[31m\u{a}file"), "{}", done.stderr);
    let folder = Folder::new();
    let strange = folder.file("a\u{1b}[31m.jsonl");
    let done = finish(
        binary()
            .args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=1", "--duration=0", "--record"])
            .arg(&strange)
            .arg("--export")
            .arg(folder.file("b\u{1b}[31m.json")),
    );
    assert!(strange.exists() && !done.all().contains('\u{1b}'), "{}", done.all());
}

#[test]
fn an_export_leaves_nothing_beside_itself() {
    let folder = Folder::new();
    let record = short_run(&folder);
    let (json, html, bystander) = (folder.file("r.json"), folder.file("r.html"), folder.file("r.partial"));
    fs::write(&bystander, "somebody else's").unwrap();
    let export = |more: &[&std::path::Path]| {
        let mut command = binary();
        command.args(["analyze", "--no-aws"]).arg(&record);
        finish(command.args(more.iter().flat_map(|path| [std::path::Path::new("--export"), path])))
    };
    assert_eq!(export(&[&json, &html]).code, 0);
    assert_eq!(fs::read_to_string(&bystander).unwrap(), "somebody else's");
    // A folder can't be replaced by a file, which is found out before anything is done.
    let taken = folder.file("folder.json");
    fs::create_dir(&taken).unwrap();
    let done = export(&[&taken]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{}", done.all());
    assert!(done.complaint().0.contains("directory"), "{}", done.stderr);
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["folder.json", "r.html", "r.json", "r.partial", "run.jsonl"]);
}

#[test]
fn an_export_is_never_written_over_the_record_or_another_export() {
    let folder = Folder::new();
    let record = folder.file("r.json");
    fs::rename(short_run(&folder), &record).unwrap();
    let before = fs::read_to_string(&record).unwrap();
    let run = ["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=1", "--duration=0"];
    for (words, cause) in [
        (&["analyze", "r.json", "--no-aws", "--export=./r.json"][..], "is the record"),
        (&[&run[..], &["--record=new.json", "--export=./new.json"]].concat()[..], "is the record"),
        (&[&run[..], &["--export=a.html", "--export=./a.html"]].concat()[..], "twice"),
    ] {
        let done = finish(binary().args(words).current_dir(folder.path()));
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{words:?}: {}", done.all());
        assert!(done.complaint().0.contains(cause), "{words:?}: {}", done.stderr);
    }
    assert_eq!(fs::read_to_string(&record).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was opened");
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

#[test]
fn a_record_that_loses_its_reader_is_told_once_and_the_run_goes_on() {
    let simulator = Simulator::start(&[]);
    let command = format!(
        "{} run {} --no-aws --levels=3,4 --duration=3s --record - | head -c 5 >/dev/null; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_albcap"),
        simulator.url()
    );
    let done = finish(std::process::Command::new("bash").args(["-c", &command]));
    assert_eq!(done.code, 1, "{}", done.all());
    assert_eq!(done.stderr.matches("the run goes on without it").count(), 1, "{}", done.stderr);
    let (live, results) = done.stderr.split_once("the run goes on without it").unwrap();
    assert!(live.contains("level 1 of 2") && !live.contains("level 2 of 2"), "in mid-run: {live}");
    assert!(results.contains("Maximum reliable concurrent connections: 4"), "{results}");
    let last: Vec<&str> = results.lines().rev().take(2).collect();
    assert!(last[1].contains("Broken pipe") && last[0].contains("reader"), "{results}");
}

#[test]
fn a_record_on_a_full_disk_is_told_once_and_the_run_goes_on() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let command = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} run {} --no-aws --levels=3,4 --duration=2s --record run.jsonl",
        env!("CARGO_BIN_EXE_albcap"),
        simulator.url()
    );
    let done = finish(std::process::Command::new("bash").args(["-c", &command]).current_dir(folder.path()));
    assert_eq!(done.code, 1, "{}", done.all());
    assert_eq!(done.stderr.matches("the run goes on without it").count(), 1, "{}", done.stderr);
    assert!(done.stdout.contains("Maximum reliable concurrent connections: 4"), "{}", done.stdout);
    let last: Vec<&str> = done.stderr.lines().rev().take(2).collect();
    assert!(
        last[1].contains("could not be written") && last[0].contains("free some room"),
        "{}",
        done.stderr
    );
}
