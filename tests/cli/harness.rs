//! Starting the binary: once to its end, or in the background, always ended by its pid.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_albcap"));
    // Whatever the machine has set must not reach the tests.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("AWS_") || text.starts_with("ALBCAP_") || text == "NO_COLOR" || text == "COLUMNS"
        {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null());
    command
}

/// The binary with credentials that the simulator takes.
pub(crate) fn with_credentials() -> Command {
    let mut command = binary();
    command.env("AWS_ACCESS_KEY_ID", "AKIDTEST").env("AWS_SECRET_ACCESS_KEY", "secret-of-the-tests");
    command
}

pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// Everything that was printed.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// One line of cause and one of remedy, and no more.
    pub(crate) fn complaint(&self) -> (String, String) {
        let lines: Vec<&str> = self.stderr.lines().skip_while(|line| !line.starts_with("albcap: ")).collect();
        assert_eq!(lines.len(), 2, "one line of cause and one of remedy:\n{}", self.stderr);
        assert!(
            !self.stderr.contains("panicked") && !self.stderr.contains("RUST_BACKTRACE"),
            "{}",
            self.stderr
        );
        (lines[0].trim_start_matches("albcap: ").to_owned(), lines[1].trim().to_owned())
    }
}

/// Runs to its end.
pub(crate) fn finish(command: &mut Command) -> Done {
    Background::start(command).wait()
}

/// A process that is killed when the test is over.
pub(crate) struct Background {
    child: Child,
    readers: Vec<std::thread::JoinHandle<String>>,
}

impl Background {
    pub(crate) fn start(command: &mut Command) -> Background {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = pipe.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let readers = vec![read(Box::new(stdout)), read(Box::new(stderr))];
        Background { child, readers }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn wait(mut self) -> Done {
        let status = wait_for("the process to end", || self.child.try_wait().unwrap());
        let mut texts = self.readers.drain(..).map(|reader| reader.join().unwrap());
        let (stdout, stderr) = (texts.next().unwrap(), texts.next().unwrap());
        Done { code: code(status), stdout, stderr }
    }
}

pub(crate) fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| -status.signal().unwrap())
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until `ready` has something, and fails when it never does.
pub(crate) fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < until, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `albcap simulate`, listening.
pub(crate) struct Simulator {
    child: Child,
    pub(crate) announcement: Value,
}

impl Simulator {
    pub(crate) fn start(flags: &[&str]) -> Simulator {
        let mut command = binary();
        command.arg("simulate").args(flags);
        Simulator::start_by(command)
    }

    /// By a command that ends up as `albcap simulate`.
    pub(crate) fn start_by(mut command: Command) -> Simulator {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announcement = serde_json::from_str(&line).unwrap();
        Simulator { child, announcement }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> &str {
        self.announcement["url"].as_str().unwrap()
    }

    pub(crate) fn endpoint(&self) -> &str {
        self.announcement["endpoint_url"].as_str().unwrap()
    }

    /// The points of a metric of the simulated ALB so far.
    pub(crate) fn points(&self, metric: &str) -> Vec<f64> {
        let dimension = self.announcement["load_balancer"].as_str().unwrap();
        self.statistic("AWS/ApplicationELB", metric, &[("LoadBalancer", dimension)], "Sum", 1)
    }

    /// A metric's statistic, by periods of so many seconds of the last hour.
    pub(crate) fn statistic(
        &self,
        namespace: &str,
        metric: &str,
        dimensions: &[(&str, &str)],
        statistic: &str,
        period: u32,
    ) -> Vec<f64> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let dimensions: Vec<Value> = dimensions
            .iter()
            .map(|(name, value)| serde_json::json!({"Name": name, "Value": value}))
            .collect();
        let body = serde_json::json!({
            "StartTime": now - 3_600, "EndTime": now + 60,
            "MetricDataQueries": [{"Id": "m", "MetricStat": {"Stat": statistic, "Period": period, "Metric": {
                "Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}}}],
        });
        let answer = self.ask("GraniteServiceVersion20100801.GetMetricData", &body);
        let values = answer["MetricDataResults"][0]["Values"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    }

    /// One call in AWS's JSON protocol, made by hand.
    pub(crate) fn ask(&self, target: &str, body: &Value) -> Value {
        let body = body.to_string();
        let (version, service) = match target.split_once('_') {
            Some(_) => ("1.1", "logs"),
            None => ("1.0", "monitoring"),
        };
        let authority = self.endpoint().trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(authority).unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Type: application/x-amz-json-{version}\r\n\
             X-Amz-Target: {target}\r\nContent-Length: {}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDTEST/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(body).unwrap()
    }

    /// The sum of a metric so far.
    pub(crate) fn sum(&self, metric: &str) -> f64 {
        self.points(metric).iter().sum()
    }

    /// Lets the simulator publish what it carries without us.
    pub(crate) fn wait_for_periods(&self, periods: usize) {
        wait_for("published periods", || (self.points("ConsumedLCUs").len() >= periods).then_some(()));
    }

    /// `albcap COMMAND`, with this simulator as AWS.
    pub(crate) fn albcap(&self, command: &str) -> Command {
        let mut albcap = with_credentials();
        albcap.arg(command).args(["--endpoint-url", self.endpoint(), "--region", "us-east-1"]);
        albcap
    }

    /// A run against it to its end, by flags that stand between spaces.
    pub(crate) fn run(&self, flags: &str, record: &Path) -> Done {
        let mut run = self.albcap("run");
        finish(run.arg(self.url()).args(flags.split_whitespace()).arg("--record").arg(record))
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A record in a folder of its own.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The record's events of a type so far; the line being written is left out.
pub(crate) fn events(record: &Path, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    let all = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    all.filter(|event| event["type"] == kind).collect()
}

/// `report --format json` of a record.
pub(crate) fn json_of(record: &Path) -> Value {
    let done = finish(binary().arg("report").arg(record).args(["--format", "json"]));
    assert_eq!(done.code, 0, "{}", done.stderr);
    serde_json::from_str(&done.stdout).unwrap()
}
