//! How AWS is reached: variables with stray white space, credential processes, answers without an end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{
    Background, Done, Folder, PATIENCE, Simulator, binary, finish, wait_for, with_credentials,
};

/// The variables that reach a simulator, each with white space around it.
fn sloppy(simulator: &Simulator) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "AKIDTEST\n".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", " secret-of-the-tests\r".to_owned()),
        ("AWS_SESSION_TOKEN", "token\r\n".to_owned()),
        ("AWS_REGION", "\t".to_owned()),
        ("AWS_DEFAULT_REGION", "us-east-1 ".to_owned()),
        ("AWS_ENDPOINT_URL", format!("{}\r", simulator.endpoint())),
        ("AWS_PROFILE", "\n".to_owned()),
    ]
}

fn preflight(simulator: &Simulator) -> Command {
    let mut command = binary();
    command.arg("preflight").arg(simulator.url()).args(["--levels=3", "--load-balancer=albcap-sim"]);
    command
}

#[test]
fn white_space_around_variables_is_taken_away_and_told_once() {
    let simulator = Simulator::start(&[]);
    let done = finish(preflight(&simulator).envs(sloppy(&simulator)));
    assert_eq!(done.code, 0, "{}", done.all());
    let warnings: Vec<&str> = done.stderr.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings[..] else { panic!("{warnings:?}") };
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"] {
        assert!(warning.contains(name), "{warning}");
    }
    assert!(!done.all().contains("secret-of-the-tests"), "{}", done.all());
    let flags = ["--region", " us-east-1\n", "--endpoint-url", &format!("{}\n", simulator.endpoint())];
    let plain = [("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let done = finish(preflight(&simulator).args(flags).envs(plain));
    assert_eq!(done.code, 0, "{}", done.all());
    assert!(done.stderr.contains("--region, --endpoint-url"), "{}", done.stderr);
}

#[test]
fn a_file_with_carriage_returns_is_read_as_one_without() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let config = folder.file("config");
    let lines =
        ["[profile crlf]", "aws_access_key_id = AKIDTEST ", "aws_secret_access_key=s", "region = us-east-1 "];
    std::fs::write(&config, lines.join("\r\n")).unwrap();
    let mut command = preflight(&simulator);
    command.env("AWS_CONFIG_FILE", &config).env("AWS_PROFILE", "crlf\r");
    let done = finish(command.args(["--endpoint-url", simulator.endpoint()]));
    assert_eq!(done.code, 0, "{}", done.all());
}

#[test]
fn what_nothing_can_be_made_of_is_refused_by_name() {
    let simulator = Simulator::start(&[]);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AK\nIA"),
        ("AWS_SECRET_ACCESS_KEY", "hunter 2"),
        ("AWS_SESSION_TOKEN", "hunter\r2"),
        ("AWS_REGION", "us east"),
        ("AWS_PROFILE", "a\tb"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1/\n/hunter"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/x\n"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter\r"),
        ("AWS_EXECUTION_ENV", "hunter\n"),
    ] {
        let flags = ["--endpoint-url", simulator.endpoint()];
        let done = finish(preflight(&simulator).args(flags).envs(sloppy(&simulator)).env(name, value));
        assert_eq!(done.code, 3, "{name}: {}", done.all());
        assert!(done.complaint().0.starts_with(name), "{}", done.stderr);
        assert!(!done.all().contains("hunter"), "{}", done.all());
    }
}

/// A profile whose credential process notes each of its runs, and then does as `line` says.
struct Process {
    folder: Folder,
}

impl Process {
    const GIVES: &str = r#"printf %s '{"Version":1,"AccessKeyId":"AKIDTEST\n","SecretAccessKey":"s"}'"#;

    fn new(line: &str) -> Process {
        let process = Process { folder: Folder::new() };
        let runs = process.runs_file();
        std::fs::write(process.folder.file("p.sh"), format!("echo $$ >> {}\n{line}\n", runs.display()))
            .unwrap();
        let script = process.folder.file("p.sh");
        let profile =
            format!("[profile p]\ncredential_process = sh {}\nregion = us-east-1\n", script.display());
        std::fs::write(process.folder.file("config"), profile).unwrap();
        process
    }

    fn runs_file(&self) -> PathBuf {
        self.folder.file("runs")
    }

    /// The process ids of its runs since the last call.
    fn runs(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.runs_file()).unwrap_or_default();
        let _ = std::fs::remove_file(self.runs_file());
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn albcap(&self, simulator: &Simulator, command: &str) -> Command {
        let mut albcap = binary();
        albcap.env("AWS_CONFIG_FILE", self.folder.file("config")).env("AWS_PROFILE", "p");
        albcap.arg(command).args(["--endpoint-url", simulator.endpoint()]);
        albcap
    }
}

#[test]
fn a_credential_process_runs_once_per_command() {
    let simulator = Simulator::start(&["--period=1s"]);
    simulator.wait_for_periods(3);
    let process = Process::new(Process::GIVES);
    let record = process.folder.file("run.jsonl");
    let once = |command: &mut Command, codes: &[i32]| {
        let done = finish(command);
        assert!(codes.contains(&done.code), "{command:?}: {}", done.all());
        assert_eq!(process.runs().len(), 1, "{command:?}");
    };
    let mut run = process.albcap(&simulator, "run");
    run.arg(simulator.url()).args(["--levels=3", "--duration=2s", "--heartbeat=1s", "--periods=0"]);
    run.args(["--period=1s", "--baseline=3s", "--settle=1s", "--publish=metrics", "--record"]).arg(&record);
    once(&mut run, &[0, 5, 6]);
    once(process.albcap(&simulator, "analyze").arg(&record).args(["--settle=0"]), &[0, 5, 6]);
    once(process.albcap(&simulator, "publish").arg(&record).args(["--publish=logs"]), &[0]);
    once(process.albcap(&simulator, "recommend").arg(&record).args(["--apply"]), &[0]);
}

#[test]
#[cfg(unix)]
fn a_credential_process_that_hangs_is_told_and_ctrl_c_ends_the_wait() {
    let simulator = Simulator::start(&[]);
    let process = Process::new("exec sleep 120");
    let told = process.folder.file("stderr");
    let mut command = process.albcap(&simulator, "run");
    command.arg(simulator.url()).arg("--record").arg(process.folder.file("r.jsonl"));
    let mut waiting = command.stderr(std::fs::File::create(&told).unwrap()).spawn().unwrap();
    let line = "the credential process of profile 'p' (3 s so far)";
    wait_for("the line", || std::fs::read_to_string(&told).unwrap().contains(line).then_some(()));
    let kill = |name: &str, pid: u32| Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(kill("INT", waiting.id()).unwrap().success());
    let signalled = Instant::now();
    let status = wait_for("its end", || waiting.try_wait().unwrap());
    let _ = kill("KILL", process.runs()[0]);
    assert_eq!(status.code(), Some(130));
    assert!(signalled.elapsed() < Duration::from_secs(4), "{:?}", signalled.elapsed());
}

/// An endpoint whose answers never end: as fast as they are read, a chunk after the other.
fn endless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let pour = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 64 * 1024]);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n";
        let chunk = [&b"10000\r\n"[..], &[b' '; 0x1_0000], b"\r\n"].concat();
        let mut sent = stream.write_all(head.as_bytes());
        while sent.is_ok() {
            sent = stream.write_all(&chunk);
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || pour(stream));
        }
    });
    url
}

/// A process to its end, and the most memory that it had, in kB.
#[cfg(target_os = "linux")]
fn with_its_memory(command: &mut Command) -> (Done, u64) {
    let running = Background::start(command);
    let status = PathBuf::from(format!("/proc/{}/status", running.id()));
    let peak = |status: &Path| -> Option<u64> {
        let text = std::fs::read_to_string(status).ok()?;
        text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
    };
    let (mut most, until) = (0, Instant::now() + PATIENCE);
    // A process that has ended has no memory.
    while let Some(now) = peak(&status) {
        most = most.max(now);
        assert!(Instant::now() < until, "it goes on, with {most} kB");
        std::thread::sleep(Duration::from_millis(2));
    }
    (running.wait(), most)
}

#[test]
#[cfg(target_os = "linux")]
fn an_answer_without_an_end_is_given_up_and_not_asked_for_again() {
    let url = endless();
    let mut command = with_credentials();
    command.args(["preflight", "ws://127.0.0.1:1/", "--region=us-east-1", "--endpoint-url", &url]);
    let (done, most_kb) = with_its_memory(&mut command);
    assert_eq!(done.code, 3, "{}", done.all());
    assert!(done.complaint().0.ends_with("more than 12 MiB"), "{}", done.stderr);
    assert!(most_kb < 150_000, "{most_kb} kB");
}
