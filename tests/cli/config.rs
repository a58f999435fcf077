//! Defaults < file < environment < command line.

use std::fs;

use crate::harness::{Folder, Simulator, binary, finish};

fn source_of(text: &str, flag: &str) -> (String, String) {
    let line = text
        .lines()
        .find(|line| line.split_whitespace().next() == Some(flag))
        .unwrap_or_else(|| panic!("{flag} in {text}"));
    let mut words = line.split_whitespace().skip(1);
    (words.next().unwrap().to_owned(), words.collect::<Vec<_>>().join(" "))
}

#[test]
fn each_source_beats_the_one_before() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "levels = \"10,20\"\nduration = 90\nheartbeat = \"25s\"\nkeep-going = true\nheader = [\"X-A: secret-a\", \"X-B: b\"]\n").unwrap();
    let done = finish(
        binary()
            .args(["config", "show", "--heartbeat=15s", "--config"])
            .arg(&file)
            .env("ALBCAP_DURATION", "80s")
            .env("ALBCAP_HEARTBEAT", "20s"),
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    let source = |flag| source_of(&done.stdout, flag);
    assert_eq!(source("heartbeat"), ("15s".into(), "command line".into()));
    assert_eq!(source("duration"), ("80s".into(), "environment ALBCAP_DURATION".into()));
    assert_eq!(source("levels"), ("10,20".into(), format!("file {}", file.display())));
    assert_eq!(source("keep-going"), ("true".into(), format!("file {}", file.display())));
    assert_eq!(source("pong-timeout"), ("10s".into(), "default".into()));
    assert!(!done.stdout.contains("secret-a"), "a header's value is a secret: {}", done.stdout);
}

#[test]
fn a_default_that_follows_from_other_flags_is_shown() {
    for (flags, expected) in [
        (
            &[][..],
            [
                ("heartbeat-kind", "ping"),
                ("token-method", "GET"),
                ("token-in", "header:Authorization:Bearer"),
                ("close-rate", "-"),
            ],
        ),
        (
            &["--protocol=phoenix", "--token-body=x", "--rate=50", "--token-in=message"],
            [
                ("heartbeat-kind", "text"),
                ("token-method", "POST"),
                ("token-in", "message"),
                ("close-rate", "50"),
            ],
        ),
        (
            &["--protocol=socket.io", "--rate=50", "--close-rate=5"],
            [
                ("heartbeat-kind", "ping"),
                ("token-method", "GET"),
                ("token-in", "header:Authorization:Bearer"),
                ("close-rate", "5"),
            ],
        ),
    ] {
        let done = finish(binary().args(["config", "show"]).args(flags));
        for (flag, value) in expected {
            assert_eq!(source_of(&done.stdout, flag).0, value, "{flag} {flags:?}: {}", done.stdout);
        }
    }
}

#[test]
fn a_file_that_can_not_be_meant_is_refused() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    for (text, cause) in [
        ("level = 5", "unknown key 'level'"),
        ("levels = ", "line 1"),
        ("[load]\nlevels = 5", "unknown key 'load'"),
        ("levels = 2026-11-24", "neither text"),
    ] {
        fs::write(&file, text).unwrap();
        let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file));
        assert_eq!(done.code, 2, "{}", done.all());
        assert!(done.complaint().0.contains(cause), "{text}: {}", done.stderr);
    }
    let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--config=/does/not/exist.toml"]));
    assert_eq!(done.code, 2);
    assert!(done.complaint().0.contains("/does/not/exist.toml"));
}

#[test]
fn a_variable_that_no_flag_has_is_refused() {
    let show = |name: &str, words: &[&str]| finish(binary().args(words).env(name, "1"));
    for (name, hint) in [("ALBCAP_LEVLES", "ALBCAP_LEVELS"), ("ALBCAP_HEARTBAET", "ALBCAP_HEARTBEAT")] {
        let done = show(name, &["config", "show"]);
        assert_eq!(done.code, 2, "{}", done.all());
        let (cause, remedy) = done.complaint();
        assert!(cause.contains(name) && remedy.contains(hint), "{cause}\n{remedy}");
    }
    let (cause, _) = show("ALBCAP_QWX", &["run", "ws://127.0.0.1:1/"]).complaint();
    assert!(cause.contains("ALBCAP_QWX"), "{cause}");
    // A flag of another command that reads the environment, what a token command is told, what Kubernetes says of a
    // Service, and a command that reads none.
    for (name, words) in [
        ("ALBCAP_AGAIN", &["config", "show"][..]),
        ("ALBCAP_COUNT", &["config", "show"]),
        ("ALBCAP_PORT_80_TCP_ADDR", &["config", "show"]),
        ("ALBCAP_SIM_SERVICE_HOST", &["config", "show"]),
        ("ALBCAP_LEVLES", &["iam-policy"]),
    ] {
        assert_eq!(show(name, words).code, 0, "{name}: {}", show(name, words).all());
    }
}

#[test]
fn a_value_of_the_file_is_checked_like_a_flag() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "levels = \"5m\"\n").unwrap();
    let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file));
    assert_eq!(done.code, 2, "{}", done.all());
    assert!(done.complaint().0.contains("could be minutes"), "{}", done.stderr);
}

/// What a run with that config file and environment planned, by its record.
fn planned(toml: &str, environment: &[(&str, &str)]) -> serde_json::Value {
    let folder = Folder::new();
    let (file, record) = (folder.file("albcap.toml"), folder.file("run.jsonl"));
    fs::write(&file, toml).unwrap();
    let done = finish(
        binary()
            .args(["run", "ws://127.0.0.1:1/", "--no-aws", "--duration=0", "--record"])
            .arg(&record)
            .arg("--config")
            .arg(&file)
            .envs(environment.iter().copied()),
    );
    assert_eq!(done.code, 1, "nobody listens: {}", done.all());
    let text = fs::read_to_string(&record).unwrap();
    let header: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    header["plan"].clone()
}

#[test]
fn a_list_of_the_file_is_planned_whole() {
    for toml in ["levels = [5, 10]\n", "levels = [\"5\", \"10\"]\n", "levels = \"5,10\"\n"] {
        let plan = planned(toml, &[]);
        assert_eq!(plan["schedule"]["levels"], serde_json::json!([5, 10]), "{toml}");
    }
}

#[test]
fn several_checks_of_the_file_are_forced() {
    let simulator = Simulator::start(&["--idle-timeout=30s"]);
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    for (force, code) in
        [("[\"period\", \"idle_timeout\"]", 0), ("\"period,idle_timeout\"", 0), ("[\"period\"]", 3)]
    {
        fs::write(&file, format!("force = {force}\n")).unwrap();
        let done = finish(
            simulator
                .albcap("preflight")
                .args([simulator.url(), "--heartbeat=31s", "--levels=1", "--config"])
                .arg(&file),
        );
        assert_eq!(done.code, code, "{force}: {}", done.all());
    }
}

#[test]
fn a_list_where_one_value_is_meant_is_refused() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    for text in ["heartbeat = [\"20s\", \"25s\"]", "keep-going = [true]", "profile = [\"a\"]"] {
        fs::write(&file, text).unwrap();
        let done = finish(binary().args(["run", "ws://127.0.0.1:1/", "--no-aws", "--config"]).arg(&file));
        assert_eq!(done.code, 2, "{text}: {}", done.all());
        assert!(done.complaint().0.contains("one value, not a list"), "{text}: {}", done.stderr);
    }
}

#[test]
fn a_list_in_the_environment_has_a_line_for_each() {
    let folder = Folder::new();
    let (json, html) = (folder.file("a,b.json"), folder.file("c.html"));
    let done = finish(
        binary()
            .args(["run", "ws://127.0.0.1:1/", "--no-aws", "--duration=0", "--levels=1", "--record"])
            .arg(folder.file("run.jsonl"))
            .env("ALBCAP_EXPORT", format!("{}\n\n{}\n", json.display(), html.display())),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    assert!(json.exists() && html.exists(), "{}", done.all());
    // The headers reach the wire, each as one of its own.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut request = vec![0; 4096];
        let read = std::io::Read::read(&mut listener.accept().unwrap().0, &mut request).unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let done = finish(
        binary()
            .args(["run", &url, "--no-aws", "--duration=0", "--levels=1", "--record"])
            .arg(folder.file("headers.jsonl"))
            .env("ALBCAP_HEADER", "X-A: one, two\nX-B: three\n"),
    );
    assert_eq!(done.code, 1, "{}", done.all());
    let request = server.join().unwrap();
    assert!(request.contains("\r\nX-A: one, two\r\nX-B: three\r\n"), "{request}");
    // On the command line a line break in a header stays a mistake.
    let done = finish(binary().args(["run", &url, "--no-aws", "-H", "X-A: one\nX-B: two"]));
    assert_eq!(done.code, 2, "{}", done.all());
}

#[test]
fn environment_and_file_are_for_the_commands_that_measure_or_judge() {
    // A run's settings, which the simulator has under the same names and would not understand.
    let child = binary()
        .args(["simulate", "--until-stdin-closes"])
        .env("ALBCAP_BASELINE", "15m")
        .env("ALBCAP_PERIOD", "x")
        .env("ALBCAP_CONFIG", "/does/not/exist.toml")
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let done = finish(binary().args(["report", "--config=/does/not/exist.toml", "x.jsonl"]));
    assert_eq!(done.code, 2);
    assert!(done.complaint().0.contains("reads no config file"), "{}", done.stderr);
    let done =
        finish(binary().args(["--color", "never", "run", "ws://127.0.0.1:1/"]).env("ALBCAP_LEVELS", "5m"));
    assert_eq!(done.code, 2, "behind general flags, the command is still found: {}", done.all());
}

#[test]
fn help_shows_the_built_in_defaults_whatever_is_configured() {
    let folder = Folder::new();
    let file = folder.file("albcap.toml");
    fs::write(&file, "heartbeat = \"17s\"\nlevels = \"7\"\n").unwrap();
    for words in [&["run", "--help"][..], &["run", "-h"]] {
        let plain = finish(binary().args(words));
        let configured = finish(
            binary().args(["--config", file.to_str().unwrap()]).args(words).env("ALBCAP_DURATION", "17s"),
        );
        assert_eq!((configured.code, configured.stdout), (0, plain.stdout));
    }
}

#[test]
fn a_flag_that_may_hold_a_secret_is_shown_in_part() {
    let show = |flags: &[&str]| finish(binary().args(["config", "show"]).args(flags)).stdout;
    let shown =
        show(&["-HX-A: s3cret", "-Hs3cret", "-H@headers", "--token-url=http://u:s3cret@h/t?k=s3cret"]);
    assert!(shown.contains("X-A: *** *** @headers") && shown.contains("http://h/t?k=***"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}
