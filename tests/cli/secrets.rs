//! No secret leaves: a marker of its own stands in every flag that may hold a secret, given by every way there is; servers
//! repeat it in every encoding; and no marker is in anything that the program prints, writes, or shows to other users.

mod echo;
mod markers;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::harness::{Background, Done, Folder, Simulator, binary, finish, wait_for};
use crate::token_servers::TokenEndpoint;
use echo::{ENCODINGS, close_reasons, closing_server, refusing_server};
use markers::{BEGINNING, Given, SECRET_FLAGS, WAYS, Way, in_url, marker, values};

/// No marker is in a text, in no encoding that a server uses.
fn check(text: &str, context: &str) {
    for (name, encode) in ENCODINGS {
        let beginning = encode(BEGINNING);
        // The last characters of Base64 depend on what follows.
        let beginning = beginning.trim_end_matches('=');
        let beginning = &beginning[..beginning.len() / 4 * 4];
        assert!(!text.contains(beginning), "{context}: a marker ({name}) in\n{text}");
    }
}

/// A run whose connections are opened one after the other; what it writes is in the folder.
fn run(url: &str, levels: usize, folder: &Folder) -> Command {
    let mut command = binary();
    command.args(["run", url, "-vvv", "--window=1", "--duration=100ms", "--pause=0"]);
    command.arg(format!("--levels={levels}"));
    for (flag, file) in [("--record", "r.jsonl"), ("--export", "r.json"), ("--export", "r.html")] {
        command.arg(flag).arg(folder.file(file));
    }
    command
}

/// No marker is in what a run printed and wrote, nor in what any command makes of its record; the record.
fn check_run(done: &Done, folder: &Folder, context: &str) -> String {
    assert!(folder.file("r.html").exists(), "{context}: {}", done.all());
    check(&done.all(), context);
    let read = |file: &str| fs::read_to_string(folder.file(file)).unwrap();
    for file in ["r.jsonl", "r.json", "r.html"] {
        check(&read(file), &format!("{context}, {file}"));
    }
    for words in [
        &["report"][..],
        &["report", "--format=json"],
        &["report", "--format=html"],
        &["analyze", "--no-aws"],
        &["publish", "--dry-run", "--region=us-east-1"],
        &["recommend"],
    ] {
        let done = finish(binary().arg(words[0]).arg(folder.file("r.jsonl")).args(&words[1..]));
        check(&done.all(), &format!("{context}, {words:?}"));
    }
    read("r.jsonl")
}

#[test]
#[allow(clippy::print_stdout)]
fn every_flag_that_is_masked_is_in_the_table() {
    let all = finish(binary().args(["config", "show"]));
    let flags = all.stdout.lines().filter_map(|line| line.split_whitespace().next());
    // What one flag can't take, another one does.
    let values = ["M4RK", "X: M4RK", "a=>M4RK", "header:X:M4RK", "http://u:M4RK@h/?k=M4RK"];
    let is_masked = |flag: &&str| {
        values.iter().any(|value| {
            let done = finish(binary().args(["config", "show", &format!("--{flag}={value}")]));
            done.code == 0 && !done.stdout.contains("M4RK")
        })
    };
    let masked: BTreeSet<&str> = flags.filter(is_masked).collect();
    assert_eq!(masked, BTreeSet::from(SECRET_FLAGS));
    let (flags, ways, encodings) = (masked.len(), WAYS.len(), ENCODINGS.len());
    println!("{flags} flags x {ways} ways x {encodings} encodings = {}", flags * ways * encodings);
}

#[test]
fn help_and_settings_show_no_marker() {
    for way in WAYS {
        for words in [
            &["run", "--help"][..],
            &["run", "-h"],
            &["preflight", "--help"],
            &["config", "show"],
            &["config", "show", "--help"],
            &["analyze", "--help"],
            &["publish", "--help"],
            &["help", "run"],
            &["--help"],
            &["-h"],
        ] {
            let takes_flags = ["run", "preflight", "config"].contains(&words[0]);
            // `help` has no flags at all, and those of `run` are not all of any other command.
            let typed = matches!(way, Way::CommandLine | Way::AtFile) && !takes_flags;
            if typed || (way == Way::ConfigFile && words[0] == "help") {
                continue;
            }
            let folder = Folder::new();
            let mut command = binary();
            // Help is printed where its flag is met: the others come before it.
            let help = usize::from(words.last().is_some_and(|word| word.starts_with('-')));
            let (before, help) = words.split_at(words.len() - help);
            let given = Given::working(way, &SECRET_FLAGS, &folder);
            let done = finish(given.to(command.args(before)).args(help));
            assert_eq!(done.code, 0, "{way:?} {words:?}: {}", done.all());
            check(&done.all(), &format!("{way:?} {words:?}"));
        }
    }
}

#[test]
fn what_a_server_repeats_of_a_handshake_is_struck_out() {
    let flags = ["header", "subprotocol", "token-cmd", "token-in"];
    let sent =
        ["header", "basic", "subprotocol", "token", "token-in", "user", "password", "query"].map(marker);
    for way in WAYS {
        let folder = Folder::new();
        let server = refusing_server(&sent);
        let user = in_url("ws://M", &marker("user"));
        let url = in_url(&format!("{user}:M@{}/p", server.address), &marker("password"));
        let url = in_url(&format!("{url}?k=M"), &marker("query"));
        let mut command = run(&url, sent.len(), &folder);
        let done = finish(Given::working(way, &flags, &folder).to(command.arg("--no-aws")));
        assert_eq!(done.code, 1, "{way:?}: {}", done.all());
        let record = check_run(&done, &folder, &format!("{way:?}"));
        let struck_out = record.matches("<***>").count();
        assert_eq!(struck_out, sent.len() * ENCODINGS.len(), "{way:?}: all were heard: {record}");
        let requests = server.requests();
        for marker in ["header", "subprotocol", "token", "token-in"].map(marker) {
            assert!(requests.contains(&marker), "{way:?}: {marker} was sent: {requests}");
        }
    }
}

#[test]
fn what_a_server_repeats_of_messages_is_struck_out() {
    let flags = ["on-open", "ready", "reply", "heartbeat-message", "heartbeat-expect"];
    let reasons = close_reasons(&["on-open", "reply", "heartbeat-message"].map(marker));
    for way in WAYS {
        let folder = Folder::new();
        let server = closing_server(reasons.clone());
        let mut command = run(&server.url(), reasons.len(), &folder);
        let done = finish(
            Given::working(way, &flags, &folder).to(command.args(["--no-aws", "--heartbeat-kind=text"])),
        );
        let record = check_run(&done, &folder, &format!("{way:?}"));
        assert_eq!(record.matches("<***>").count(), reasons.len(), "{way:?}: {record}");
    }
}

#[test]
fn what_a_server_repeats_of_claims_is_struck_out_and_a_token_endpoint_is_not_repeated() {
    let claims = [marker("jwt-claims")];
    let endpoint = TokenEndpoint::start(|_, asked| (403, format!("{asked:?}")));
    for way in WAYS {
        let folder = Folder::new();
        let key = folder.file("key");
        fs::write(&key, marker("key")).unwrap();
        let server = refusing_server(&claims);
        let mut command = run(&format!("ws://{}/", server.address), 1, &folder);
        let command = command.arg("--no-aws").arg("--jwt-key").arg(&key);
        let done = finish(Given::working(way, &["jwt-claims"], &folder).to(command));
        let record = check_run(&done, &folder, &format!("{way:?}"));
        assert_eq!(record.matches("<***>").count(), ENCODINGS.len(), "{way:?}: {record}");

        let folder = Folder::new();
        let asked = endpoint.asked().len();
        let url = in_url(&format!("http://u:M@127.0.0.1:{}/?k=M", endpoint.port), &marker("token-url"));
        let others = ["token-header", "token-body", "token-in"].map(|flag| (flag, values(flag)));
        let flags = [&[("token-url", vec![url])][..], &others].concat();
        let mut command = run("ws://127.0.0.1:1/", 1, &folder);
        let done = finish(Given::new(way, &flags, &folder).to(command.arg("--no-aws")));
        let record = check_run(&done, &folder, &format!("{way:?}"));
        assert!(record.contains("answered 403"), "{way:?}: {record}");
        let asked = &endpoint.asked()[asked];
        assert!(asked.body.contains(BEGINNING) && asked.headers.iter().any(|h| h.contains(BEGINNING)));
    }
}

#[test]
fn what_a_token_command_says_at_its_end_is_told_without_markers() {
    for way in WAYS {
        let folder = Folder::new();
        let (token, own) = (marker("token"), marker("token-cmd"));
        let line =
            format!("echo {token}; get() {{ echo \"no $2 for $1\" >&2; exit 1; }}; get '{own}' {token}");
        let mut command = run("ws://127.0.0.1:1/", 2, &folder);
        let given = Given::new(way, &[("token-cmd", vec![line])], &folder);
        let done = finish(given.to(command.arg("--no-aws")));
        let record = check_run(&done, &folder, &format!("{way:?}"));
        assert!(record.contains("no *** for ***"), "{way:?}: {record}");
    }
}

#[test]
fn a_suggested_command_has_no_marker() {
    let simulator = Simulator::start(&["--period=1s"]);
    for way in WAYS {
        let folder = Folder::new();
        let own = marker("endpoint-url");
        let endpoint = in_url(&simulator.endpoint().replace("http://", "http://u:M@"), &own);
        let mut command = run(simulator.url(), 1, &folder);
        command.args(["--region=us-east-1", "--settle=0", "--heartbeat=5s", "--period=1s", "--periods=0"]);
        command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", marker("aws"));
        let given = Given::new(way, &[("endpoint-url", vec![endpoint])], &folder);
        let done = finish(given.to(&mut command));
        let suggested = format!("--endpoint-url {}", simulator.endpoint());
        assert!(done.stdout.contains(&suggested), "{way:?}: {}", done.all());
        check_run(&done, &folder, &format!("{way:?}"));
    }
}

#[test]
fn a_usage_error_repeats_no_marker() {
    let m = &marker("wrong");
    let with_endpoint = &["--token-url=http://127.0.0.1:9/"][..];
    let with_key = &["--jwt-key=/dev/null"][..];
    for (flag, value, others) in [
        ("header", m.clone(), &[][..]),
        ("header", format!("X-A: {m}\u{1}"), &[]),
        ("subprotocol", format!("{m} {m}"), &[]),
        ("heartbeat-message", m.clone(), &[]),
        ("heartbeat-expect", format!("[{m}"), &[]),
        ("on-open", format!("{{{{{m}}}}}"), &[]),
        ("on-open", format!("{{{{{m}"), &[]),
        ("on-open", format!("{m} {{{{token}}}}"), &[]),
        ("ready", format!("({m}"), &[]),
        ("reply", m.clone(), &[]),
        ("reply", format!("({m}=>{m}"), &[]),
        ("token-url", m.clone(), &[]),
        ("token-url", in_url("ftp://u:M@h/?k=M", m), &[]),
        ("token-url", format!("http://h/{{{{{m}}}}}"), &[]),
        ("token-header", m.clone(), with_endpoint),
        ("token-body", format!("{{{{{m}}}}}"), with_endpoint),
        ("token-in", m.clone(), with_endpoint),
        ("token-in", format!("header:Upgrade:{m}"), with_endpoint),
        ("jwt-claims", format!("{m:?}"), with_key),
        ("jwt-claims", format!("{{{m}"), with_key),
        ("jwt-claims", format!("{{\"exp\":{m:?}}}"), with_key),
        ("jwt-claims", format!("{{{{{m}}}}}"), with_key),
        ("endpoint-url", in_url("ftp://u:M@h/?k=M", m), &[]),
        ("endpoint-url", format!("u:{m}@h"), &[]),
    ] {
        for way in WAYS {
            let folder = Folder::new();
            let key = folder.file("key");
            fs::write(&key, "key").unwrap();
            let others: Vec<String> =
                others.iter().map(|other| other.replace("/dev/null", &key.display().to_string())).collect();
            let given = Given::new(way, &[(flag, vec![value.clone()])], &folder);
            let mut command = binary();
            let aws = ["--region=us-east-1", "--levels=1"];
            let done =
                finish(given.to(command.args(["preflight", "ws://127.0.0.1:1/"]).args(aws).args(&others)));
            assert!(matches!(done.code, 2 | 3), "{way:?} {flag} {value}: {}", done.all());
            check(&done.all(), &format!("{way:?} {flag} {value}"));
        }
    }
}

#[test]
fn a_mistake_in_the_words_of_a_command_line_or_in_a_file_repeats_no_marker() {
    let m = &marker("wrong");
    let (own_url, url) = (in_url("ws://u:M@127.0.0.1:1/?k=M", m), "ws://127.0.0.1:1/");
    for words in [
        &["run", url, &own_url][..],
        &["run", url, "-H", "Authorization:", "Bearer", m],
        &["run", url, m],
        &["run", url, &format!("--no-such-flag={m}")],
        &["run", m],
        &["run", &own_url.replace("ws:", "http:")],
        &["run", &format!("{own_url}#{m}")],
        &[&own_url],
        &[m],
        &["config", m],
    ] {
        let done = finish(binary().args(words));
        assert_eq!(done.code, 2, "{words:?}: {}", done.all());
        check(&done.all(), &format!("{words:?}"));
    }
    for text in [
        format!("header = {m}"),
        format!("header = \"{m}"),
        format!("header = [\"{m}\""),
        format!("header = \"{m}\\q\""),
        format!("header = {{ \"{m}\" = 1 }}"),
        format!("header = 2026-{m}"),
        format!("header \"{m}\""),
        format!("on-open = \"\"\"\n{m}\n"),
        format!("token-cmd = '{m}"),
        format!("token-cmd = \"{m}\"\ntoken-cmd = \"{m}\""),
        format!("heartbeat = [\"{m}\"]"),
        m.clone(),
        format!("= \"{m}\""),
        format!("\"Authorization: {m}\" = 1"),
        format!("[\"{m}\"]"),
    ] {
        let folder = Folder::new();
        let file = folder.file("albcap.toml");
        fs::write(&file, &text).unwrap();
        let done = finish(binary().args(["run", url, "--config"]).arg(&file));
        assert_eq!(done.code, 2, "{text}: {}", done.all());
        check(&done.all(), &text);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_process_has_a_marker_in_its_arguments_that_was_not_typed() {
    for way in WAYS {
        let folder = Folder::new();
        // Other tests put their markers into arguments at the same time.
        let own = format!("arguments-{way:?}");
        let [started, go] = ["started", "go"].map(|name| folder.file(name));
        let line = format!(
            "touch {}; until [ -e {} ]; do sleep 0.02; done; echo token # {own}",
            started.display(),
            go.display()
        );
        let mut command = run("ws://127.0.0.1:1/", 1, &folder);
        let given =
            Given::new(way, &[("token-cmd", vec![line]), ("header", vec![format!("X: {own}")])], &folder);
        let running = Background::start(given.to(command.arg("--no-aws")));
        wait_for("the token command", || started.exists().then_some(()));
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let entry = entry.unwrap();
            let arguments = fs::read(entry.path().join("cmdline")).ok()?;
            Some((entry.file_name().into_string().unwrap(), String::from_utf8_lossy(&arguments).into_owned()))
        });
        let showing: Vec<_> = processes.filter(|(_, arguments)| arguments.contains(&own)).collect();
        fs::write(&go, "").unwrap();
        let typed = way == Way::CommandLine;
        assert!(
            showing.iter().all(|(id, _)| typed && *id == running.id().to_string()),
            "{way:?}: {showing:?}"
        );
        assert_eq!(showing.len(), usize::from(typed), "{way:?}");
        assert_eq!(running.wait().code, 1);
    }
}
