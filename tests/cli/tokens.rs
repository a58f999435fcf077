//! A token for every connection, from each source, in its place; and none of them anywhere else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::harness::{Background, Done, Folder, Simulator, binary, finish, json_of, wait_for};
use crate::token_servers::{Recorder, TokenEndpoint};

/// A run that is over in moments.
fn run(url: &str, levels: &str, record: &Path) -> Command {
    let mut command = binary();
    command.args(["run", url, "--no-aws", "--duration=100ms", "--pause=0", "--levels", levels, "--record"]);
    command.arg(record);
    command
}

/// A run's end and what its record says.
fn finished(command: &mut Command, record: &Path) -> (Done, Value) {
    let done = finish(command);
    (done, json_of(record))
}

fn refused(flags: &[&str], code: i32) -> (String, String) {
    let folder = Folder::new();
    let mut command = run("ws://127.0.0.1:1/?given=1", "5", &folder.file("r.jsonl"));
    let done = finish(command.args(flags));
    assert_eq!(done.code, code, "{flags:?}: {}", done.all());
    assert!(!folder.file("r.jsonl").exists(), "a refused run leaves nothing behind");
    done.complaint()
}

/// The example of the only sort of failures of the first level, which are such of tokens.
fn missing(report: &Value, count: u64) -> String {
    let failures = report["levels"][0]["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    let failure = &failures[0];
    assert_eq!(
        (&failure["phase"], &failure["kind"], &failure["initiator"], failure["count"].as_u64()),
        (&"token".into(), &"token".into(), &"client".into(), Some(count))
    );
    failure["example"].as_str().unwrap().to_owned()
}

#[test]
fn a_files_lines_go_into_the_header_one_a_connection_and_the_report_tells() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let (tokens, record, html) = (folder.file("tokens"), folder.file("r.jsonl"), folder.file("r.html"));
    fs::write(&tokens, "token-a\ntoken-b\n\ntoken-c\r\ntoken-d\n").unwrap();
    let mut command = run(&server.url(), "1,3", &record);
    let (done, report) =
        finished(command.arg("--token-file").arg(&tokens).arg("--export").arg(&html), &record);
    assert_eq!(done.code, 0, "{}", done.all());
    let bearer = |names: &[&str]| names.iter().map(|n| format!("Bearer token-{n}")).collect::<Vec<_>>();
    assert_eq!(server.header("authorization"), bearer(&["a", "a", "b", "c"]), "each level from the start");
    for (level, wanted) in [(0, 1), (1, 3)] {
        let tokens = &report["levels"][level]["tokens"];
        assert_eq!((tokens["wanted"].as_u64(), tokens["obtained"].as_u64()), (Some(wanted), Some(wanted)));
        assert!(tokens["took_s"].as_f64().is_some());
    }
    assert!(done.stdout.contains("Generated 3/3 tokens in 0.0 s"), "{}", done.stdout);
    assert!(fs::read_to_string(&html).unwrap().contains("3/3 tokens in 0.0 s"));
    let record = fs::read_to_string(&record).unwrap();
    assert!(record.contains(r#""tokens":{"from":"file","in":"header:Authorization"}"#), "{record}");
    let place = |kind: &str| record.find(&format!("\"type\":\"{kind}\"")).unwrap();
    assert!(place("tokens") < place("level_started"), "they are obtained before the level starts");
}

#[test]
fn a_file_that_is_too_short_or_holds_something_else_is_refused_first() {
    let folder = Folder::new();
    let tokens = folder.file("tokens");
    let flag = format!("--token-file={}", tokens.display());
    fs::write(&tokens, "a\nb\nc\nd\n").unwrap();
    let (cause, remedy) = refused(&[&flag], 3);
    assert_eq!(cause, "the token file holds 4 tokens, but the largest level has 5 connections");
    assert!(remedy.contains("largest level be 4") && remedy.contains("nothing was opened"), "{remedy}");
    fs::write(&tokens, "a\nb\nhunter2\u{1b}[2J\n").unwrap();
    let (cause, _) = refused(&[&flag], 2);
    assert!(cause.contains("line 3") && !cause.contains("hunter2"), "{cause}");
    let (cause, _) = refused(&["--token-file=/does/not/exist"], 2);
    assert!(cause.contains("/does/not/exist"), "{cause}");
}

#[test]
fn a_commands_lines_go_into_the_query() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let record = folder.file("r.jsonl");
    let (done, _) = finished(
        run(&format!("{}p?x=1", server.url()), "3", &record).args([
            "--token-cmd",
            "for i in $(seq $ALBCAP_COUNT); do echo tok+$i/=; done",
            "--token-in=query:t",
        ]),
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let target = |n: u32| format!("/p?x=1&t=tok%2B{n}%2F%3D");
    assert_eq!(server.targets(), [target(1), target(2), target(3)]);
}

#[test]
fn what_a_command_can_not_give_fails_without_being_dialed() {
    for (line, had, said) in [
        (
            "echo tok-1; echo tok-2; echo out of joy >&2; exit 7",
            2,
            "exit status: 7) with 2 of 4 lines printed: out of joy",
        ),
        ("echo tok-1; sleep 600", 1, "stopped after 1 s, with 1 of 4 lines printed"),
        ("printf '\\033[2J\\n\\377\\n\\001\\n\\002\\n'", 0, "line 1 of the token command can't be used"),
        ("echo tok-1", 1, "printed 1 of 4 lines"),
        ("no-such-program-anywhere", 0, "not found"),
    ] {
        let (server, folder) = (Recorder::start(), Folder::new());
        let record = folder.file("r.jsonl");
        let mut command = run(&server.url(), "4", &record);
        let (done, report) =
            finished(command.args(["--token-timeout=1s", "--token-cmd", line, "--keep-going"]), &record);
        // Where nothing was opened at all, the run has failed.
        assert_eq!(done.code, if had == 0 { 1 } else { 0 }, "{line}: {}", done.all());
        let level = &report["levels"][0];
        assert_eq!(
            (level["held"].as_u64(), level["opened"].as_u64(), level["tokens"]["obtained"].as_u64()),
            (Some(had), Some(had), Some(had)),
            "{line}"
        );
        assert_eq!(level["success_rate"], had as f64 / 4.0, "the rate is over what was asked for");
        assert!(missing(&report, 4 - had).contains(said), "{line}: {report:#}");
        assert_eq!(server.count() as u64, had, "{line}");
        assert!(done.stdout.contains(&format!("Generated {had}/4 tokens in")), "{}", done.stdout);
        assert_eq!(report["capacity"]["limited_by"], "token");
        assert!(done.stdout.contains("had no token and were not attempted"), "{}", done.stdout);
    }
}

#[test]
fn an_endpoint_is_asked_for_each_token_and_again_when_it_stumbles() {
    // Every user's first request is answered 503 or 429.
    let seen = std::sync::Mutex::new(BTreeSet::new());
    let endpoint = TokenEndpoint::start(move |ordinal, asked| {
        let user = asked.body.clone();
        match seen.lock().unwrap().insert(user.clone()) {
            true if ordinal % 2 == 0 => (503, "down".into()),
            true => (429, "slower".into()),
            false => {
                let user: Value = serde_json::from_str(&user).unwrap();
                (200, format!(r#"{{"data":{{"access_token":"tok-{}"}}}}"#, user["user"]))
            }
        }
    });
    let (server, folder) = (Recorder::start(), Folder::new());
    let (record, headers) = (folder.file("r.jsonl"), folder.file("headers"));
    fs::write(&headers, "X-Api-Key: s3cret-key\n").unwrap();
    let (done, report) = finished(
        run(&server.url(), "6", &record)
            .arg("--token-url")
            .arg(endpoint.url("/token?realm=x"))
            .args(["--token-json-pointer=/data/access_token", "--token-body", r#"{"user":{{index}}}"#])
            .args(["--token-concurrency=3", "--token-in=cookie:session"])
            .arg(format!("--token-header=@{}", headers.display())),
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let cookies: Vec<String> = (0..6).map(|n| format!("session=tok-{n}")).collect();
    assert_eq!(server.header("cookie"), cookies);
    assert_eq!(report["levels"][0]["tokens"]["obtained"], 6);
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 12, "each once more");
    for request in &asked {
        assert_eq!(request.line, "POST /token?realm=x HTTP/1.1");
        for header in ["x-api-key: s3cret-key", "content-type: application/json"] {
            assert!(request.headers.iter().any(|h| h == header), "{header} in {request:?}");
        }
    }
    assert!(!fs::read_to_string(&record).unwrap().contains("s3cret-key"));
}

#[test]
fn an_endpoint_without_a_pointer_answers_with_the_token_itself() {
    let endpoint =
        TokenEndpoint::start(|_, asked| (200, format!("tok-{}\n", asked.line.split(' ').nth(1).unwrap())));
    let (server, folder) = (Recorder::start(), Folder::new());
    let record = folder.file("r.jsonl");
    let mut command = run(&server.url(), "2", &record);
    command.arg("--token-url").arg(endpoint.url("/u{{index}}")).arg("--token-in=header:X-Key");
    let (done, _) = finished(&mut command, &record);
    assert_eq!(done.code, 0, "{}", done.all());
    assert_eq!(server.header("x-key"), ["tok-/u0", "tok-/u1"]);
}

#[test]
fn an_endpoint_that_gives_none_is_told_by_its_status_and_given_up() {
    let (dead, folder) = (TokenEndpoint::start(|_, _| (403, "the s3cret".into())), Folder::new());
    let record = folder.file("r.jsonl");
    let server = Recorder::start();
    let mut command = run(&server.url(), "50", &record);
    command.arg("--token-url").arg(dead.url("/")).arg("--token-concurrency=2");
    let (done, report) = finished(&mut command, &record);
    assert_eq!(done.code, 1, "{}", done.all());
    let example = missing(&report, 50);
    assert!(example.contains("answered 403 Forbidden"), "{example}");
    assert!(dead.asked().len() < 10, "not asked 50 times: {}", dead.asked().len());
    assert_eq!(server.count(), 0);

    // One that never answers takes no longer than it is allowed to.
    let hanging = TokenEndpoint::start(|_, _| {
        std::thread::sleep(crate::harness::PATIENCE);
        (200, String::new())
    });
    let record = folder.file("hanging.jsonl");
    let mut command = run(&server.url(), "1", &record);
    command.arg("--token-url").arg(hanging.url("/")).arg("--token-timeout=500ms");
    let (_, report) = finished(&mut command, &record);
    assert_eq!(missing(&report, 1), "the token endpoint did not answer within 0.5 s");
}

#[test]
fn an_endpoint_over_tls_has_options_of_its_own() {
    let simulator = Simulator::start(&["--tls", "--certificate=good"]);
    let endpoint = simulator.url().replace("wss://", "https://");
    let authority = simulator.announcement["ca_file"].as_str().unwrap();
    let (cacert, token_cacert) = (format!("--cacert={authority}"), format!("--token-cacert={authority}"));
    for (flags, had) in [
        (&["--token-insecure"][..], 1),
        (&[&token_cacert], 1),
        (&[], 0),
        // The load's options are the load's.
        (&["--insecure"], 0),
        (&[&cacert], 0),
    ] {
        let folder = Folder::new();
        let record = folder.file("r.jsonl");
        // Where the load speaks TLS too, so that its flags mean something.
        let mut command = run("wss://127.0.0.1:1/", "1", &record);
        command.args(["--token-url", &endpoint, "--token-timeout=2s"]).args(flags);
        let (done, report) = finished(&mut command, &record);
        assert_eq!(done.code, 1, "nobody listens at the target: {}", done.all());
        assert_eq!(report["levels"][0]["tokens"]["obtained"], had, "{report:#}");
        if had == 0 {
            let example = missing(&report, 1);
            assert!(example.contains("can't be reached") && example.contains("certificate"), "{example}");
        }
    }
}

#[test]
fn tokens_signed_here_can_be_verified_and_differ() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let (record, key) = (folder.file("r.jsonl"), folder.file("key"));
    fs::write(&key, "a-very-secret-signing-key\n").unwrap();
    let (done, _) = finished(
        run(&server.url(), "3", &record)
            .arg("--jwt-key")
            .arg(&key)
            .args([
                "--jwt-claims",
                r#"{"sub":"user-{{index}}","jti":"{{uuid}}","aud":"ws"}"#,
                "--jwt-expires=1h",
            ])
            .args(["--token-in=subprotocol", "--subprotocol=v1"]),
        &record,
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"a-very-secret-signing-key");
    let (mut subjects, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for offered in server.header("sec-websocket-protocol") {
        let token = offered.strip_prefix("v1, ").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        ring::hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let part = |at: usize| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap())
                .unwrap()
        };
        assert_eq!(part(0), serde_json::json!({"alg": "HS256", "typ": "JWT"}));
        let claims = part(1);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3_600);
        assert_eq!(claims["aud"], "ws");
        subjects.insert(claims["sub"].as_str().unwrap().to_owned());
        ids.insert(claims["jti"].as_str().unwrap().to_owned());
    }
    assert_eq!(subjects.into_iter().collect::<Vec<_>>(), ["user-0", "user-1", "user-2"]);
    assert_eq!(ids.len(), 3);
}

#[test]
fn tokens_that_would_expire_in_a_hold_are_refused() {
    let folder = Folder::new();
    let key = folder.file("key");
    fs::write(&key, "k").unwrap();
    let flag = format!("--jwt-key={}", key.display());
    // Ten seconds to connect, 100 ms of hold, ten seconds for the last pongs.
    let (cause, remedy) = refused(&[&flag, "--jwt-expires=20s"], 3);
    assert_eq!(cause, "the tokens expire 20 s after they are signed, but a connection is to last up to 21 s");
    assert!(remedy.contains("--jwt-expires 21s") && remedy.contains("nothing was opened"), "{remedy}");
    let (cause, _) = refused(&[&flag, "--jwt-claims", r#"{"exp":1000000000}"#], 3);
    assert!(cause.contains("have expired already"), "{cause}");
    let (cause, _) = refused(&[&flag, "--jwt-claims=[1]"], 2);
    assert!(cause.contains("not a JSON object"), "{cause}");
    fs::write(&key, "\n").unwrap();
    let (cause, _) = refused(&[&flag], 2);
    assert!(cause.contains("key is empty"), "{cause}");
}

#[test]
fn flags_that_contradict_each_other() {
    for (flags, cause) in [
        (&["--token-cmd=x", "--token-url=http://h/"][..], "one source only"),
        (&["--token-cmd=x", "--token-in=body"], "a token's place is query:NAME"),
        (&["--token-cmd=x", "--token-in=header:Upgrade"], "belongs to the handshake"),
        (&["--token-cmd=x", "-H", "authorization: y"], "set by --header"),
        (&["--token-cmd=x", "--token-in=query:given"], "set by the URL"),
        (&["--token-url=ftp://h/"], "not http or https"),
        (&["--token-url=http://h/{{user}}"], "unknown {{…}} at character 10"),
        (&["--token-url=http://h/", "--token-json-pointer=x"], "starts with '/'"),
        (&["--token-url=http://h/", "--token-body=@/does/not/exist"], "/does/not/exist"),
        (&["--jwt-key=/does/not/exist"], "/does/not/exist"),
        (&["--token-url=https://h/", "--token-cacert=/does/not/exist"], "/does/not/exist"),
        (&["--token-cmd=x", "--token-in=message"], "no message has a place for the token"),
        (&["--token-cmd=x", "--token-in=message", "--on-open=hello"], "no message has a place for the token"),
        (&["--on-open={{token}}"], "nothing gives connections tokens"),
        (&["--token-url=http://h/{{token}}"], "unknown {{…}} at character 10"),
    ] {
        let (said, remedy) = refused(flags, 2);
        assert!(said.contains(cause), "{flags:?}: {said}");
        assert!(!remedy.is_empty());
    }
}

#[test]
fn a_token_for_a_message_is_not_in_the_handshake() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let record = folder.file("r.jsonl");
    let mut command = run(&server.url(), "1", &record);
    command.args(["--token-cmd=echo tok-1", "--token-in=message", "--on-open={{token}}"]);
    let (done, report) = finished(&mut command, &record);
    assert_eq!(done.code, 0, "{}", done.all());
    assert_eq!(server.header("authorization"), [""]);
    assert_eq!(report["levels"][0]["tokens"]["obtained"], 1);
}

/// Refuses every upgrade and repeats its whole request.
fn echoing_server() -> String {
    let endpoint =
        TokenEndpoint::start(|_, asked| (401, format!("{} {}", asked.line, asked.headers.join(" "))));
    format!("ws://127.0.0.1:{}/", endpoint.port)
}

#[test]
fn no_token_is_in_any_output() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let config = folder.file("albcap.toml");
    fs::write(
        &config,
        "token-cmd = 'echo secret%/tok-1; echo secret%/tok-2; echo secret%/tok-2 oops >&2; exit 1'\n",
    )
    .unwrap();
    let places = [
        (echoing_server(), "header:Authorization:Bearer"),
        (echoing_server(), "query:token"),
        (echoing_server(), "cookie:c"),
        (format!("{}close", server.url()), "header:Authorization:Bearer"),
    ];
    for (at, (url, place)) in places.iter().enumerate() {
        let file = |ending: &str| folder.file(&format!("{at}.{ending}"));
        let mut command = run(url, "3", &file("jsonl"));
        command.args(["-vvv", "--token-in", place, "--config"]).arg(&config);
        command.arg("--export").arg(file("json")).arg("--export").arg(file("html"));
        let (done, report) = finished(&mut command, &file("jsonl"));
        let failures = report["levels"][0]["failures"].as_array().unwrap();
        assert!(failures.iter().any(|f| f["example"].as_str().unwrap().contains("***")), "{failures:?}");
        for text in [done.all()]
            .into_iter()
            .chain(["jsonl", "json", "html"].map(|e| fs::read_to_string(file(e)).unwrap()))
        {
            for secret in ["secret%/tok", "secret%25%2Ftok", "tok-1", "tok-2"] {
                assert!(!text.contains(secret), "{place}: {secret} in {text}");
            }
        }
    }
    assert_eq!(server.count(), 2, "the close frames were of connections that had a token");
}

#[test]
fn ctrl_c_ends_the_wait_for_tokens() {
    let (server, folder) = (Recorder::start(), Folder::new());
    let (record, pid) = (folder.file("r.jsonl"), folder.file("pid"));
    let line = format!("echo $$ > {}; sleep 600; true", pid.display());
    let mut command = run(&server.url(), "2", &record);
    let running = Background::start(command.args(["--token-timeout=10m", "--token-cmd", &line]));
    let pid =
        wait_for("the token command", || fs::read_to_string(&pid).ok().filter(|pid| pid.ends_with('\n')));
    running.signal("INT");
    let done = running.wait();
    assert_eq!(done.code, 130, "{}", done.all());
    assert!(done.stdout.contains("no level was started"), "{}", done.stdout);
    assert_eq!(json_of(&record)["run"]["ended"], "interrupted");
    assert_eq!(server.count(), 0);
    wait_for("the token command's end", || {
        let alive =
            Command::new("kill").args(["-0", pid.trim()]).stderr(std::process::Stdio::null()).status();
        (!alive.unwrap().success()).then_some(())
    });
}
