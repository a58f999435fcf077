//! The demo: no account, no flags, whatever the environment says.

use std::fs;

use crate::harness::{Background, Folder, binary, finish, json_of, wait_for};

#[test]
fn the_demo_agrees_and_names_why_a_level_failed() {
    let folder = Folder::new();
    let done = finish(
        binary()
            .arg("demo")
            .current_dir(folder.path())
            // None of these may matter.
            .env("AWS_PROFILE", "nobody")
            .env("AWS_REGION", "xx-nowhere-1")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1")
            .env("ALBCAP_LEVELS", "1")
            .env("ALBCAP_PERIOD", "60s"),
    );
    assert_eq!(done.code, 0, "{}", done.all());
    let mut files: Vec<_> =
        fs::read_dir(folder.file("albcap-runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let endings: Vec<_> = files.iter().map(|file| file.extension().unwrap().to_str().unwrap()).collect();
    assert_eq!(endings, ["html", "json", "jsonl"]);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(done.all().contains(name), "{name} is printed: {}", done.all());
    }
    let report = json_of(&files[2]);
    assert_eq!(report["verdict"]["outcome"], "agrees", "{report:#}");
    // Nobody counts the requests of those whom the full load balancer did not hear.
    assert_eq!(report["correlation"]["processed_bytes"]["verdict"], "agrees", "{report:#}");
    let passed: Vec<_> =
        report["levels"].as_array().unwrap().iter().map(|level| level["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true), Some(true), Some(false)]);
    assert_eq!(report["capacity"]["max_reliable"], 150);
    let cause = report["diagnosis"][0]["cause"].as_str().unwrap();
    assert!(done.stdout.contains("Why it stopped"), "{}", done.stdout);
    assert!(cause.to_lowercase().contains("load balancer"), "{cause}");
}

/// What Linux says of a process behind its name: state and parent.
#[cfg(target_os = "linux")]
fn state_and_parent(pid: &str) -> Option<(String, String)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

#[cfg(target_os = "linux")]
fn children_of(pid: u32) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| state_and_parent(name).is_some_and(|(_, parent)| parent == pid.to_string()))
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn no_simulator_outlives_its_demo() {
    for signal in ["KILL", "HUP"] {
        let folder = Folder::new();
        let demo = Background::start(binary().arg("demo").current_dir(folder.path()));
        let children = wait_for("the simulator", || {
            Some(children_of(demo.id())).filter(|children| !children.is_empty())
        });
        demo.signal(signal);
        demo.wait();
        for child in children {
            wait_for("the simulator to end", || {
                // A zombie has ended, though nobody has asked how.
                state_and_parent(&child).is_none_or(|(state, _)| state == "Z").then_some(())
            });
        }
    }
}
