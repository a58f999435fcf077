//! `albcap demo`: the same run as `run`, against a simulator in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use chrono::Utc;
use clap::Parser;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::args::{AwsAccess, Cli, RunArgs};
use super::run::{Job, new_run_id, run};
use super::settings::{Export, Settings};
use super::{Complaint, Exit, Output, signals};
use crate::aws::{Aws, AwsSettings, FixedCredentials};
use crate::conduct::Interrupt;
use crate::facts::{Subject, metric};
use crate::plan::{Period, earlier};

/// The simulator publishes every second, so that two whole periods fit into a hold of seconds.
const PERIOD: &str = "1s";
/// Connections of others on the simulated ALB.
const BASELINE: &str = "20";
/// Where the simulated ALB refuses: below the third level, which therefore fails.
const MAX_CONNECTIONS: &str = "360";
const RUN_FLAGS: &[&str] = &[
    "--levels=50,150,400",
    "--duration=7s",
    "--periods=5",
    "--heartbeat=2s",
    "--pong-timeout=2s",
    "--pause=1s",
    "--period=1s",
    "--baseline=5s",
    "--settle=20s",
];
/// Periods that must be there before the start, for the baseline.
const BASELINE_PERIODS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn command(output: &Output) -> Result<Exit, Complaint> {
    let interrupt = signals::listen()?;
    let mut simulator = Simulator::start().await?;
    let result = on_simulator(&simulator, interrupt, output).await;
    simulator.stop().await;
    result
}

async fn on_simulator(
    simulator: &Simulator,
    mut interrupt: Interrupt,
    output: &Output,
) -> Result<Exit, Complaint> {
    let announcement = &simulator.announcement;
    let folder = Path::new("albcap-runs");
    std::fs::create_dir_all(folder).map_err(|error| {
        Complaint::failed(
            format!("the folder albcap-runs can't be made: {error}"),
            "change to a folder that can be written to",
        )
    })?;
    let run_id = new_run_id(Utc::now());
    let file = |ending: &str| folder.join(format!("{run_id}.{ending}"));
    let exports = Export::all(&[file("json"), file("html")], Some(&file("jsonl")))?;
    let aws = simulator.aws_settings();
    tokio::select! {
        ready = baseline_is_there(&aws, &announcement.load_balancer) => ready?,
        () = interrupt.set() => return Ok(signals::before_the_load()),
    }
    let mut settings = Settings::from(&*run_args(&announcement.url)?)?;
    settings.aws = Some(aws);
    let job = Job {
        settings,
        record: file("jsonl"),
        run_id: run_id.clone(),
        exports,
        publishing: None,
        access: AwsAccess::default(),
    };
    run(&job, interrupt, output).await
}

/// The demo's flags, read as anybody's are; no environment and no file speaks into them.
fn run_args(url: &str) -> Result<Box<RunArgs>, Complaint> {
    let words = ["albcap", "run", url].into_iter().chain(RUN_FLAGS.iter().copied());
    match Cli::try_parse_from(words).map(|cli| cli.command) {
        Ok(super::args::Command::Run(args)) => Ok(args),
        _ => Err(Complaint::failed("the demo's own flags are not understood", "please report this")),
    }
}

/// Waits until the simulator has published what it carries without us.
async fn baseline_is_there(settings: &AwsSettings, load_balancer: &str) -> Result<(), Complaint> {
    let failed = |cause: String| Complaint::failed(cause, "run 'albcap simulate' to see what it says");
    let aws = Aws::connect(settings).await.map_err(|error| failed(error.to_string()))?;
    let period: Period = Period::try_from(1).map_err(|error| failed(error.to_string()))?;
    let subject = Subject { load_balancer: load_balancer.to_owned(), ..Subject::default() };
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let now = Utc::now();
        let read =
            aws.read_metrics(&subject, period, period.floor(earlier(now, PATIENCE)), period.ceil(now)).await;
        let metrics = read.map_err(|error| failed(error.to_string()))?.metrics;
        if metrics.get(metric::CONSUMED_LCUS).is_some_and(|points| points.len() >= BASELINE_PERIODS) {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
    Err(failed("the simulator published no metrics".into()))
}

/// What `albcap simulate` prints when it listens.
#[derive(Deserialize)]
struct Announcement {
    url: String,
    endpoint_url: String,
    region: String,
    load_balancer: String,
}

struct Simulator {
    process: Child,
    announcement: Announcement,
}

impl Simulator {
    async fn start() -> Result<Simulator, Complaint> {
        let failed = |cause: String| {
            Complaint::failed(
                format!("the simulator can't be started: {cause}"),
                "run 'albcap simulate' to see what it says",
            )
        };
        let own = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(own);
        command
            .args([
                "simulate",
                "--period",
                PERIOD,
                "--baseline",
                BASELINE,
                "--max-connections",
                MAX_CONNECTIONS,
                "--until-stdin-closes",
            ])
            // Held open as long as this process lives: the simulator outlives no demo, however that ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // Neither what the user has set for `run` nor the credentials of AWS are meant for the demo's simulator.
        let is_foreign = |name: &str| name.starts_with("ALBCAP_") || name.starts_with("AWS_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_foreign(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        // Ctrl-C is for the run, which then ends the simulator.
        #[cfg(unix)]
        command.process_group(0);
        let mut process = command.spawn().map_err(|error| failed(error.to_string()))?;
        let stdout = process.stdout.take().ok_or_else(|| failed("it has no output".into()))?;
        let line = tokio::time::timeout(PATIENCE, BufReader::new(stdout).lines().next_line()).await;
        let line =
            line.ok().and_then(Result::ok).flatten().ok_or_else(|| failed("it said nothing".into()))?;
        let announcement = serde_json::from_str(&line).map_err(|error| failed(error.to_string()))?;
        Ok(Simulator { process, announcement })
    }

    /// Credentials and a region of its own, whatever the environment says.
    fn aws_settings(&self) -> AwsSettings {
        AwsSettings {
            region: Some(self.announcement.region.clone()),
            endpoint_url: Some(self.announcement.endpoint_url.clone()),
            fixed_credentials: Some(FixedCredentials::new("AKIDDEMO", "the simulator takes any")),
            ..AwsSettings::default()
        }
    }

    async fn stop(&mut self) {
        let _ = self.process.start_kill();
        let _ = self.process.wait().await;
    }
}
