//! Made-up runs for the tests of the judge and of the reports: a load on a timetable, and an ALB that counts it.
//! It computes what CloudWatch would say on its own, with none of the judge's code.

mod cloudwatch;
mod examples;
mod load;

pub(crate) use examples::{example, hostile};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::facts::{
    Facts, Finding, LoadBalancerDetails, LoadBalancerFacts, MachineFacts, SeriesStatus, Status,
};
use crate::plan::LoadBalancerArn;
use crate::record::{
    Ended, Event, FailureKind, Header, HowEnded, Initiator, MachineSecond, Phase, Run, Stamped,
};

/// What shall have happened.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    /// Levels in order.
    pub(crate) levels: Vec<u32>,
    /// The maximum of a search, of which these were the levels.
    pub(crate) search: Option<u32>,
    /// What failed.
    pub(crate) faults: Vec<Fault>,
    /// How many legs of a connection the ALB counts.
    pub(crate) legs: f64,
    /// The share of the connections that never reach the ALB.
    pub(crate) bypass: f64,
    /// Other traffic: connections, and as many new ones and requests a period.
    pub(crate) baseline: f64,
    /// Standard deviation of the other traffic.
    pub(crate) noise: f64,
    /// What the other traffic gains when the load is over.
    pub(crate) moved: f64,
    /// Whether RequestCount is reported.
    pub(crate) requests: bool,
    /// Whether ActiveConnectionCount is missing while a level is held.
    pub(crate) silent_holds: bool,
    /// Whether AWS is asked at all.
    pub(crate) aws: bool,
    /// `--settle`, in seconds.
    pub(crate) settle_s: u32,
    /// What came of asking.
    pub(crate) series: Option<SeriesStatus>,
    /// Whether the last level is cut by a signal in mid-hold.
    pub(crate) cut_last: bool,
    /// How the run ended; `None`: killed.
    pub(crate) how: Option<HowEnded>,
    /// Further metrics, and by how much they rise while the load is there.
    pub(crate) rises: Vec<(&'static str, f64)>,
    /// The counts of healthy targets in the one target group, before the load and from its last level on; and of
    /// unhealthy ones from then on.
    pub(crate) hosts: Option<(f64, f64, f64)>,
    /// Targets by state before the load.
    pub(crate) targets: Option<std::collections::BTreeMap<String, u32>>,
    /// The URL.
    pub(crate) url: String,
    /// Preflight's findings.
    pub(crate) findings: Vec<Finding>,
    /// How this machine fared while each level was opened, and while it was held.
    pub(crate) machine: (Vec<MachineSecond>, Vec<MachineSecond>),
}

/// Failures of one sort.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// The level's ordinal.
    pub(crate) level: usize,
    /// Where.
    pub(crate) phase: Phase,
    /// What.
    pub(crate) kind: FailureKind,
    /// By whom.
    pub(crate) by: Initiator,
    /// How many.
    pub(crate) count: u32,
    /// Silence before death.
    pub(crate) silence_s: Option<f64>,
    /// What was said.
    pub(crate) example: &'static str,
    /// What the deaths of held connections have in common.
    pub(crate) deaths: Deaths,
}

/// What the deaths of held connections have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deaths {
    /// Nothing.
    Scattered,
    /// The instant, connections having been opened over ten seconds.
    AtOneInstant,
    /// The age, connections having been opened over ten seconds.
    AtOneAge,
    /// Both, connections having been opened at once.
    Together,
    /// The instant too, half a minute later.
    Late,
}

impl Deaths {
    /// Time after the level's start, age and silence, all in seconds, of the `index`th of `count`.
    pub(super) fn of(self, index: u32, count: u32) -> (f64, f64, f64) {
        let along = f64::from(index) / f64::from(count.max(1));
        let since_heartbeat = (f64::from(index) * 7.3) % 9.0;
        match self {
            Deaths::Scattered => (5.0 + 80.0 * along, 4.0 + 70.0 * along, 3.0 * since_heartbeat),
            Deaths::AtOneInstant => (30.0, 28.0 - 10.0 * along, since_heartbeat),
            Deaths::AtOneAge => (20.0 + 10.0 * along, 20.0, since_heartbeat),
            Deaths::Together => (30.0, 28.0, since_heartbeat),
            Deaths::Late => (60.0, 58.0 - 10.0 * along, since_heartbeat),
        }
    }
}

impl Default for Fault {
    fn default() -> Fault {
        Fault {
            level: 0,
            phase: Phase::Upgrade,
            kind: FailureKind::Http(503),
            by: Initiator::Peer,
            count: 0,
            silence_s: None,
            example: "",
            deaths: Deaths::Scattered,
        }
    }
}

impl Default for Scenario {
    fn default() -> Scenario {
        let finding = |check: &str, status, found: &str, detail: &str| Finding {
            check: check.into(),
            status,
            found: found.into(),
            detail: detail.into(),
            remedy: String::new(),
        };
        Scenario {
            levels: vec![50, 100],
            search: None,
            faults: Vec::new(),
            legs: 2.0,
            bypass: 0.0,
            baseline: 0.0,
            noise: 0.0,
            moved: 0.0,
            requests: true,
            silent_holds: false,
            aws: true,
            settle_s: 600,
            series: Some(SeriesStatus::Final),
            cut_last: false,
            how: Some(HowEnded::Finished),
            rises: Vec::new(),
            hosts: None,
            targets: None,
            url: "wss://ws.example.com/socket?token=***".into(),
            findings: vec![
                finding(
                    "load_balancer",
                    Status::Pass,
                    "application, active, 3 zones",
                    "4 of 4 targets healthy",
                ),
                finding("idle_timeout", Status::Pass, "60 s", "heartbeat 30 s"),
            ],
            machine: (Vec::new(), Vec::new()),
        }
    }
}

const MINUTE: TimeDelta = TimeDelta::seconds(60);
const DESCRIPTORS: u64 = 65_536;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time written in this file")
}

impl Scenario {
    /// The folded run.
    pub(crate) fn run(&self) -> Run {
        let began = at("2026-11-24T13:00:00Z");
        let mut run = Run::new(began, self.header());
        let mut tell = |at, event| run.apply(&Stamped { at, event });
        tell(began, Event::Facts(Box::new(self.facts())));
        for finding in &self.findings {
            tell(began, Event::Finding(finding.clone()));
        }
        let mut now = began + TimeDelta::seconds(5);
        let mut held: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for level in 0..self.levels.len() {
            for (at, event) in self.level(level, now) {
                match event {
                    Event::HoldStarted { .. } => held.push((at, at)),
                    Event::HoldEnded { .. } => held.last_mut().expect("it began").1 = at,
                    _ => {}
                }
                tell(at, event);
                now = at;
            }
            now += TimeDelta::seconds(5);
        }
        if let Some(how) = self.how {
            tell(now, Event::Ended(Ended { how }));
        }
        if let Some(status) = self.series {
            let series = self.series_of(&run, status, &held);
            run.apply(&Stamped { at: now + MINUTE * 5, event: Event::ServerSeries(Box::new(series)) });
        }
        run
    }

    fn header(&self) -> Header {
        let cloudwatch = if self.aws {
            format!(r#"{{"period_s":60,"baseline_s":900,"settle_s":{}}}"#, self.settle_s)
        } else {
            "null".into()
        };
        let schedule = match self.search {
            Some(max) => format!(r#""search":{{"max":{max},"precision":0.05}}"#),
            None => format!(r#""levels":{:?}"#, self.levels),
        };
        let text = format!(
            r#"{{"schema":1,"run_id":"20261124-130000-7f3a","tool_version":"0.1.0","host":{{"name":null,"platform":"linux x86_64"}},
            "plan":{{"url":{},"load_balancer":null,"schedule":{{{schedule}}},"hold":{{"duration_s":120,"periods":2}},
            "heartbeat":{{"interval_s":30,"pong_timeout_s":10}},"pace":{{"window":256,"connect_timeout_s":10,"pause_s":5}},
            "rule":{{"threshold":0.95,"safety":0.8,"keep_going":false,"require":null}},"cloudwatch":{cloudwatch}}}}}"#,
            serde_json::to_string(&self.url).expect("a string"),
        );
        serde_json::from_str(&text).expect("a header written in this file")
    }

    fn facts(&self) -> Facts {
        let arn =
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/prod-ws/50dc6c495c0c9188";
        Facts {
            load_balancer: self.aws.then(|| LoadBalancerFacts {
                attributes_unavailable: None,
                arn: LoadBalancerArn::try_from(arn.to_owned()).expect("an ALB's"),
                dns_name: "prod-ws-1.us-east-1.elb.amazonaws.com".into(),
                state: "active".into(),
                scheme: Some("internet-facing".into()),
                zones: vec!["us-east-1a".into()],
                idle_timeout: Some(Duration::from_secs(60)),
                client_keep_alive: Some(Duration::from_secs(3_600)),
                targets: self.targets.clone(),
                details: LoadBalancerDetails::default(),
            }),
            machine: MachineFacts {
                os: "linux".into(),
                cores: 2,
                descriptors: Some(DESCRIPTORS),
                descriptors_used: 12,
                ..MachineFacts::default()
            },
            ..Facts::default()
        }
    }
}
