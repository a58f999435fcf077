//! A sound plan, machine and load balancer, for the checks' tables to change one thing of.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};

use super::{BesidePlan, Known};
use crate::facts::{
    Addresses, ListenerFacts, LoadBalancerAnswer, LoadBalancerArn, LoadBalancerDetails, LoadBalancerFacts,
    MachineFacts, MemoryFacts, MemoryLimit, MetricsAnswer, Point, PortRange, ReservationFacts,
    TargetAddresses, TargetGroupFacts, Unavailable, Unread, metric,
};
use crate::plan::{
    Brake, CloudWatchPlan, Heartbeat, HeartbeatKind, Hold, Mode, Pace, PassRule, Period, Plan, Route,
    Schedule, Share, TargetUrl,
};
use crate::prices::Prices;

/// Everything that a check looks at.
pub(super) struct Case {
    pub(super) plan: Plan,
    pub(super) machine: MachineFacts,
    pub(super) target: Option<TargetAddresses>,
    pub(super) addresses: Option<Addresses>,
    pub(super) clock_offset_s: Option<f64>,
    pub(super) prices: Prices,
    pub(super) load_balancer: LoadBalancerAnswer,
    pub(super) metrics: MetricsAnswer,
    pub(super) beside: BesidePlan,
}

impl Case {
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            plan: &self.plan,
            machine: &self.machine,
            target: self.target,
            addresses: self.addresses.as_ref(),
            clock_offset_s: self.clock_offset_s,
            prices: &self.prices,
            load_balancer: &self.load_balancer,
            metrics: &self.metrics,
            beside: self.beside,
        }
    }
}

/// The sound case.
pub(super) fn case() -> Case {
    Case {
        plan: plan(|_| {}),
        machine: machine(),
        target: target(),
        addresses: Some(Addresses {
            target: vec![IpAddr::from([10, 0, 0, 1])],
            load_balancer: vec![IpAddr::from([10, 0, 0, 1])],
        }),
        clock_offset_s: Some(0.0),
        prices: Prices::default(),
        load_balancer: answer(|_| {}),
        metrics: quiet(),
        beside: BesidePlan::default(),
    }
}

pub(super) fn plan(change: impl FnOnce(&mut Plan)) -> Plan {
    let seconds = Duration::from_secs;
    let share = |value: f64| Share::try_from(value).expect("a share");
    let url: TargetUrl = "wss://ws.example.com/socket".parse().expect("a URL");
    let mut plan = Plan {
        url: url.shown(),
        load_balancer: None,
        schedule: Schedule::Levels("50,5k".parse().expect("levels")),
        mode: Mode::Fresh,
        hold: Hold { duration: seconds(120), periods: 2 },
        heartbeat: Heartbeat { kind: HeartbeatKind::Ping, interval: seconds(30), pong_timeout: seconds(10) },
        pace: Pace {
            window: 256,
            rate: None,
            close_rate: None,
            connect_timeout: seconds(10),
            pause: seconds(5),
        },
        rule: PassRule { threshold: share(0.95), safety: share(0.8), keep_going: false, require: None },
        brake: Brake::default(),
        cloudwatch: Some(CloudWatchPlan {
            period: Period::new(seconds(60)).expect("a period"),
            baseline: seconds(900),
            settle: seconds(600),
        }),
        route: Route::default(),
        tokens: None,
    };
    change(&mut plan);
    plan
}

pub(super) fn machine() -> MachineFacts {
    MachineFacts {
        os: "linux".to_owned(),
        cores: 2,
        descriptors: Some(65_536),
        descriptors_used: 12,
        ports: Some(PortRange::LINUX_DEFAULT),
        memory: Some(MemoryFacts { available_bytes: 8 << 30, limited_by: MemoryLimit::Machine }),
        ..MachineFacts::default()
    }
}

/// A node in each of three zones.
pub(super) fn target() -> Option<TargetAddresses> {
    Some(TargetAddresses { ipv4: 3, ipv6: 0 })
}

pub(super) fn load_balancer(change: impl FnOnce(&mut LoadBalancerFacts)) -> LoadBalancerFacts {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/prod-ws/50dc6c495c0c9188";
    let mut facts = LoadBalancerFacts {
        arn: LoadBalancerArn::try_from(arn.to_owned()).expect("an ALB's ARN"),
        dns_name: "prod-ws-1.us-east-1.elb.amazonaws.com".to_owned(),
        state: "active".to_owned(),
        scheme: Some("internet-facing".to_owned()),
        zones: ["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).to_vec(),
        idle_timeout: Some(Duration::from_secs(60)),
        client_keep_alive: Some(Duration::from_secs(3_600)),
        attributes_unavailable: None,
        targets: Some([("healthy".to_owned(), 4)].into()),
        details: LoadBalancerDetails {
            listeners: Some(vec![ListenerFacts {
                port: 443,
                protocol: "HTTPS".to_owned(),
                mutual_tls: None,
                forwards_to: None,
            }]),
            target_groups: Some(vec![target_group("ws", "HTTP1", "ip")]),
            reservation: Some(ReservationFacts::default()),
            unread: Vec::new(),
        },
    };
    change(&mut facts);
    facts
}

pub(super) fn target_group(name: &str, protocol_version: &str, target_type: &str) -> TargetGroupFacts {
    TargetGroupFacts {
        name: name.to_owned(),
        dimension: Some(format!("targetgroup/{name}/6d0ecf831eec9f09")),
        protocol_version: Some(protocol_version.to_owned()),
        target_type: Some(target_type.to_owned()),
        targets: None,
    }
}

/// What CloudWatch told before the load, a value a minute.
pub(super) fn before_load(metrics: &[(&str, &[f64])]) -> MetricsAnswer {
    let points = |values: &[f64]| {
        let minutes = (0..).map(|minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute));
        minutes.zip(values).map(|(at, value)| Point { at, value: *value }).collect()
    };
    MetricsAnswer::Readable(
        metrics.iter().map(|(name, values)| ((*name).to_owned(), points(values))).collect(),
    )
}

/// CloudWatch answers, and nobody else is there.
pub(super) fn quiet() -> MetricsAnswer {
    before_load(&[
        (metric::CONSUMED_LCUS, &[0.01]),
        (metric::ACTIVE_CONNECTIONS, &[]),
        (metric::REQUESTS, &[]),
    ])
}

/// A call that brought nothing.
pub(super) fn unread(action: &str, denied: bool) -> Unread {
    let cause =
        if denied { format!("AWS denies {action}") } else { format!("AWS did not answer {action} in time") };
    Unread { action: action.to_owned(), denied, why: Unavailable { cause, remedy: "ask again".to_owned() } }
}

pub(super) fn answer(change: impl FnOnce(&mut LoadBalancerFacts)) -> LoadBalancerAnswer {
    LoadBalancerAnswer::Found(Box::new(load_balancer(change)))
}

pub(super) fn denied() -> Unavailable {
    Unavailable {
        cause: "AWS denies elasticloadbalancing:DescribeLoadBalancers".to_owned(),
        remedy: "allow it in the IAM policy, or use --no-aws".to_owned(),
    }
}
