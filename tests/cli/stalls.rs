//! No onlooker holds up a run: not a standard error or a standard output that nothing reads, and not a terminal under
//! Ctrl-S. Each of them is stuck from the first byte on, and `-vv` writes as much to it as there is.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, PipeReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::{Folder, Simulator, binary, code, events, wait_for};

/// XOFF, which Ctrl-S sends: the terminal takes no output until XON.
const CTRL_S: &[u8] = b"\x13";

/// What takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    Stderr,
    Stdout,
    /// One terminal, which both streams lead to.
    Terminal,
}

/// When the user loses patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Opening,
    Hold,
    Settle,
    /// An abort rule was broken, and the run is over but for its output.
    Aborted,
}

/// A process whose output is stuck, and what keeps it so.
struct Watched {
    child: Child,
    /// The ends of the pipes and of the terminal that are not read.
    unread: Unread,
}

enum Unread {
    Pipe(PipeReader),
    Terminal(#[allow(dead_code)] OwnedFd),
}

/// A pipe that is full already.
fn full_pipe() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    loop {
        match writer.write(&[b'-'; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer.into())
}

/// Both ends of a terminal that is stopped.
fn stopped_terminal() -> (OwnedFd, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOCTTY);
    let slave = options.open(name.to_str().unwrap()).unwrap();
    rustix::io::write(&master, CTRL_S).unwrap();
    (master, slave)
}

impl Watched {
    fn start(command: &mut Command, stuck: Stuck) -> Watched {
        command.arg("-vv").stdout(Stdio::null()).stderr(Stdio::null());
        let unread = match stuck {
            Stuck::Stderr | Stuck::Stdout => {
                let (reader, writer) = full_pipe();
                match stuck {
                    Stuck::Stderr => command.stderr(writer),
                    _ => command.stdout(writer),
                };
                Unread::Pipe(reader)
            }
            Stuck::Terminal => {
                let (master, slave) = stopped_terminal();
                command.stdout(slave.try_clone().unwrap()).stderr(slave);
                Unread::Terminal(master)
            }
        };
        let child = command.spawn().unwrap();
        // The command has copies of what it gave to the child, and a pipe ends with its last writer.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Watched { child, unread }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    fn code(&mut self) -> i32 {
        code(wait_for("the process to end", || self.child.try_wait().unwrap()))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The simulators of the matrix: one that is well, and one that closes connections after a second.
struct Simulators {
    well: Simulator,
    closing: Simulator,
}

impl Simulators {
    fn run(&self, moment: Moment, record: &Path) -> Command {
        let simulator = if moment == Moment::Aborted { &self.closing } else { &self.well };
        let mut run = match moment {
            Moment::Settle => simulator.albcap("run"),
            _ => binary(),
        };
        if moment != Moment::Settle {
            run.args(["run", "--no-aws"]);
        }
        run.arg(simulator.url()).arg("--record").arg(record).args(match moment {
            Moment::Opening => &["--levels=50", "--rate=1"][..],
            Moment::Hold => &["--levels=20", "--duration=10m", "--heartbeat=200ms"],
            Moment::Settle => &[
                "--levels=5",
                "--duration=1s",
                "--periods=0",
                "--period=1s",
                "--baseline=1s",
                "--settle=10m",
            ],
            Moment::Aborted => &["--levels=20", "--duration=10m", "--abort-if=client.failed_rate > 20%"],
        });
        run
    }
}

/// Waits until the run has come so far, by its record: nothing else can be seen of it.
fn wait_until(moment: Moment, record: &Path) {
    let samples = |field: &str, least: u64| {
        let samples = events(record, "sample");
        samples.iter().filter(|sample| sample[field].as_u64().unwrap() >= least).count()
    };
    wait_for(&format!("{moment:?}"), || {
        let reached = match moment {
            Moment::Opening => samples("opened", 2) > 0,
            // Five heartbeats per second and connection.
            Moment::Hold => samples("heartbeats_answered", 200) > 0,
            Moment::Settle | Moment::Aborted => !events(record, "ended").is_empty(),
        };
        reached.then_some(())
    });
}

fn ended(record: &Path) -> Value {
    events(record, "ended").pop().map_or(Value::Null, |event| event["how"].clone())
}

#[test]
fn a_signal_ends_a_run_whose_output_is_stuck() {
    let simulators = Simulators {
        well: Simulator::start(&["--period=1s", "--publish-delay=600s"]),
        closing: Simulator::start(&["--kill-after=1s"]),
    };
    std::thread::scope(|scope| {
        for stuck in [Stuck::Stderr, Stuck::Stdout, Stuck::Terminal] {
            for moment in [Moment::Opening, Moment::Hold, Moment::Settle, Moment::Aborted] {
                for (signal, exit) in [("INT", 130), ("TERM", 143)] {
                    let simulators = &simulators;
                    scope.spawn(move || {
                        let folder = Folder::new();
                        let record = folder.file("stuck.jsonl");
                        let mut run = Watched::start(&mut simulators.run(moment, &record), stuck);
                        wait_until(moment, &record);
                        // Results that were written end an aborted run by themselves, before any signal.
                        let over = moment == Moment::Aborted && stuck == Stuck::Stderr;
                        if !over {
                            run.signal(signal);
                        }
                        let cell = format!("{stuck:?} {moment:?} {signal}");
                        assert_eq!(run.code(), if over { 4 } else { exit }, "{cell}");
                        let how = match moment {
                            Moment::Opening | Moment::Hold => "interrupted",
                            Moment::Settle => "finished",
                            Moment::Aborted => "aborted",
                        };
                        assert_eq!(ended(&record), how, "{cell}");
                    });
                }
            }
        }
    });
}

#[test]
fn a_run_whose_output_is_stuck_goes_on_as_planned() {
    let simulator = Simulator::start(&[]);
    std::thread::scope(|scope| {
        for stuck in [Stuck::Stderr, Stuck::Stdout, Stuck::Terminal] {
            let simulator = &simulator;
            scope.spawn(move || {
                let folder = Folder::new();
                let record = folder.file("stuck.jsonl");
                let mut run = binary();
                run.args(["run", simulator.url(), "--no-aws", "--levels=20,30", "--duration=3s"]);
                run.args(["--heartbeat=500ms", "--pause=0", "--record"]).arg(&record);
                let mut run = Watched::start(&mut run, stuck);
                wait_for("the run to end", || (!events(&record, "ended").is_empty()).then_some(()));
                let levels = events(&record, "level_ended");
                assert_eq!(levels.iter().map(|level| &level["held"]).collect::<Vec<_>>(), [20, 30]);
                for level in &levels {
                    let beats = |what: &str| level["counts"][what].as_u64().unwrap();
                    assert_eq!(beats("heartbeats_answered"), beats("heartbeats_sent"), "{stuck:?}");
                    assert!(beats("heartbeats_sent") >= 5 * level["held"].as_u64().unwrap(), "{stuck:?}");
                }
                for level in 0..2 {
                    let samples = events(&record, "sample");
                    let samples = samples.iter().filter(|sample| sample["level"] == level).count();
                    assert!(samples >= 3, "{stuck:?}: {samples} samples in 3 s");
                }
                let instants = |kind: &str| -> Vec<String> {
                    let all = events(&record, kind);
                    all.iter().map(|event| event["at"].as_str().unwrap().to_owned()).collect()
                };
                for (from, until) in instants("hold_started").iter().zip(instants("hold_ended")) {
                    let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
                    let held = (at(&until) - at(from)).num_milliseconds();
                    assert!((3_000..12_000).contains(&held), "{stuck:?}: held for {held} ms");
                }
                // What standard output could not take waits for its reader, and is whole.
                if stuck == Stuck::Stdout {
                    assert!(run.child.try_wait().unwrap().is_none(), "the results are not delivered");
                    let Unread::Pipe(reader) = &mut run.unread else { panic!("a pipe") };
                    let mut text = String::new();
                    reader.read_to_string(&mut text).unwrap();
                    let results = text.trim_start_matches('-');
                    assert!(results.starts_with("albcap ") && results.contains("Safe limit"), "{results}");
                }
                // Only a signal ends the wait for a terminal that stays stopped.
                if stuck == Stuck::Terminal {
                    run.signal("TERM");
                }
                assert_eq!(run.code(), if stuck == Stuck::Terminal { 143 } else { 0 }, "{stuck:?}");
            });
        }
    });
}

#[test]
fn a_record_that_is_not_read_ends_with_a_signal() {
    let simulator = Simulator::start(&[]);
    let mut run = binary();
    run.args(["run", simulator.url(), "--no-aws", "--levels=20", "--duration=1s", "--record=-"]);
    let mut run = Watched::start(&mut run, Stuck::Stdout);
    // The run is over when its connections are closed; the record keeps the process.
    wait_for("the load", || (simulator.sum("NewConnectionCount") >= 20.0).then_some(()));
    run.signal("TERM");
    assert_eq!(run.code(), 143);
}

#[test]
fn a_hang_up_stops_a_run_unless_it_was_started_to_ignore_it() {
    let simulator = Simulator::start(&[]);
    for (shell, exit, signals) in [("exec", 129, &["HUP"][..]), ("trap '' HUP; exec", 143, &["HUP", "TERM"])]
    {
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let line = format!(
            "{shell} {} run {} --no-aws --levels=5 --duration=10m --record {}",
            env!("CARGO_BIN_EXE_albcap"),
            simulator.url(),
            record.display()
        );
        let mut command = Command::new("sh");
        let child = command.args(["-c", &line]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut run = Watched { child, unread: Unread::Pipe(std::io::pipe().unwrap().0) };
        for signal in signals {
            let before = events(&record, "sample").len();
            wait_for("a sample", || (events(&record, "sample").len() > before).then_some(()));
            run.signal(signal);
        }
        assert_eq!(run.code(), exit, "{shell}");
        assert_eq!(ended(&record), "interrupted");
    }
}

/// A shell's line that tells its process id and then outlasts the test.
#[cfg(target_os = "linux")]
fn lasting(pid: &Path) -> String {
    format!("echo $$ > {}; sleep 300", pid.display())
}

#[cfg(target_os = "linux")]
fn is_gone(pid: &Path) -> bool {
    let pid = std::fs::read_to_string(pid).unwrap();
    // A zombie waits for its parent, and does nothing more.
    std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()))
        .map_or(true, |stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_started_ends_with_it() {
    let folder = Folder::new();
    let [credentials, token] = ["credentials", "token"].map(|name| folder.file(name));
    let config = folder.file("config");
    let process = format!(
        "[profile slow]\nregion = us-east-1\ncredential_process = sh -c '{}'\n",
        lasting(&credentials)
    );
    std::fs::write(&config, process).unwrap();
    let mut preflight = binary();
    preflight.args(["preflight", "ws://127.0.0.1:1/", "--profile=slow"]).env("AWS_CONFIG_FILE", &config);
    let mut run = binary();
    run.args(["run", "ws://127.0.0.1:1/", "--no-aws", "--levels=1", "--token-timeout=10m"]);
    run.args(["--token-cmd", &lasting(&token)]).current_dir(folder.path());
    // The second signal leaves at once, by a way of its own.
    for (command, pid, signals) in [(&mut preflight, &credentials, 1), (&mut run, &token, 2)] {
        let mut command = Watched::start(command, Stuck::Stderr);
        wait_for("its process", || {
            std::fs::read_to_string(pid).is_ok_and(|pid| pid.ends_with('\n')).then_some(())
        });
        for signal in ["TERM", "INT"].into_iter().take(signals) {
            command.signal(signal);
        }
        let code = command.code();
        assert!([130, 143].contains(&code), "{code}");
        wait_for("its process to end", || is_gone(pid).then_some(()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_shell_left_to_the_command_is_not_ended() {
    let simulator = Simulator::start(&[]);
    let folder = Folder::new();
    let log = folder.file("log");
    let line = format!(
        "exec {} run {} --no-aws --levels=2 --duration=1s -v 2> >(sleep 0.2; cat > {})",
        env!("CARGO_BIN_EXE_albcap"),
        simulator.url(),
        log.display()
    );
    let done = crate::harness::finish(Command::new("bash").args(["-c", &line]).current_dir(folder.path()));
    assert_eq!(done.code, 0, "{}", done.all());
    wait_for("the log", || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("finished")).then_some(())
    });
}
