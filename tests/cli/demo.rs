//! The demo: no account, no flags, whatever the environment says.

use std::fs;

use crate::harness::{Folder, binary, finish, json_of};

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
    let passed: Vec<_> =
        report["levels"].as_array().unwrap().iter().map(|level| level["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true), Some(true), Some(false)]);
    assert_eq!(report["capacity"]["max_reliable"], 150);
    let cause = report["diagnosis"][0]["cause"].as_str().unwrap();
    assert!(done.stdout.contains("Why it stopped"), "{}", done.stdout);
    assert!(cause.to_lowercase().contains("load balancer"), "{cause}");
}
