//! What the simulated account holds, and the two doors for the simulated platform: `publish` and
//! `update_load_balancer`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::cloudwatch::CloudWatch;
use super::load_balancer::LoadBalancer;
use super::logs::Logs;
use super::trouble::Trouble;

/// Metrics, alarms, dashboards, logs and one load balancer, behind one lock, shared by all connections.
#[derive(Debug)]
pub struct Account {
    settings: Settings,
    owner: Owner,
    state: Mutex<State>,
}

/// How the endpoint behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The region that ARNs name; empty takes the load balancer's.
    pub region: String,
    /// IAM actions that answer AccessDenied, such as `cloudwatch:GetMetricData`; a trailing `*` stands for any rest.
    pub deny: Vec<String>,
    /// The same, but only from some call on.
    pub deny_after: Vec<DenyAfter>,
    /// Calls that meet a fault of the service.
    pub troubles: Vec<Trouble>,
    /// Datapoints on a page of GetMetricData at most; AWS's own limit when `None`.
    pub page_size: Option<usize>,
    /// Whether the first page of GetMetricData holds only half of the datapoints (`PartialData` and a token), even
    /// where all would fit.
    pub partial_data: bool,
    /// Metrics that GetMetricData answers with `InternalError`, by name.
    pub owed: Vec<String>,
    /// How far the endpoint's clock is ahead of this machine's.
    pub clock_ahead: Duration,
    /// Another idle timeout that is told after some answers.
    pub idle_timeout_then: Option<IdleTimeoutThen>,
}

/// An attribute that is changed while the endpoint runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTimeoutThen {
    /// How many answers tell the load balancer's own.
    pub answers: u64,
    /// What the later ones tell.
    pub timeout: Duration,
}

impl Settings {
    /// What the endpoint's clock says.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_ahead
    }

    /// Whether the policy denies an action that is asked for the `call`th time, the first being 1.
    pub(crate) fn denies(&self, action: &str, call: u64) -> bool {
        let matches = |rule: &str| match rule.strip_suffix('*') {
            Some(prefix) => action.starts_with(prefix),
            None => rule == action,
        };
        self.deny.iter().any(|rule| matches(rule))
            || self.deny_after.iter().any(|rule| matches(&rule.action) && call > rule.calls)
    }
}

/// A permission that is taken away while the endpoint runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyAfter {
    /// As in [`Settings::deny`].
    pub action: String,
    /// How many calls of an action are allowed before.
    pub calls: u64,
}

/// One value of a platform metric from one node for one period.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformSample {
    /// The namespace, such as `AWS/ApplicationELB`.
    pub namespace: &'static str,
    /// The metric's name, such as `ActiveConnectionCount`.
    pub metric: &'static str,
    /// The exact published combination of dimensions, names and values; their order does not matter.
    pub dimensions: Vec<(String, String)>,
    /// The unit, such as `Count` or `Bytes`.
    pub unit: &'static str,
    /// The period's start; parts of a second are dropped.
    pub at: DateTime<Utc>,
    /// The node's value for that period.
    pub value: f64,
    /// GetMetricData does not return the value before this instant.
    pub visible_at: DateTime<Utc>,
}

/// Who owns the account's resources, as ARNs say it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Owner {
    /// `aws`, `aws-cn`, ...
    pub(crate) partition: String,
    /// Such as `us-east-1`.
    pub(crate) region: String,
    /// Twelve digits.
    pub(crate) account: String,
}

impl Owner {
    /// Read from the load balancer's ARN, so that all resources have one owner.
    fn of(load_balancer: &LoadBalancer, settings: &Settings) -> Self {
        let part = |index: usize, default: &str| {
            load_balancer
                .arn
                .split(':')
                .nth(index)
                .filter(|part| !part.is_empty())
                .unwrap_or(default)
                .to_owned()
        };
        Owner {
            partition: part(1, "aws"),
            region: if settings.region.is_empty() {
                load_balancer.region.clone()
            } else {
                settings.region.clone()
            },
            account: part(4, "123456789012"),
        }
    }

    /// The ARN of one of the account's resources.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let Owner { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Everything that operations read and change.
#[derive(Debug)]
pub(crate) struct State {
    /// What elbv2 describes.
    pub(crate) load_balancer: LoadBalancer,
    /// When the account, and the load balancer with it, came to be.
    pub(crate) created_at: DateTime<Utc>,
    /// Metrics, alarms, dashboards.
    pub(crate) cloudwatch: CloudWatch,
    /// Log groups.
    pub(crate) logs: Logs,
    /// How often each known action was asked for.
    calls: BTreeMap<String, u64>,
}

impl Account {
    /// An account that holds one load balancer and nothing else.
    pub fn new(load_balancer: LoadBalancer, settings: Settings) -> Arc<Account> {
        let owner = Owner::of(&load_balancer, &settings);
        Arc::new(Account {
            settings,
            owner,
            state: Mutex::new(State {
                load_balancer,
                created_at: Utc::now(),
                cloudwatch: CloudWatch::default(),
                logs: Logs::default(),
                calls: BTreeMap::new(),
            }),
        })
    }

    /// Takes in the platform's own metrics (namespaces starting with `AWS/`), one call per published period.
    pub fn publish(&self, samples: Vec<PlatformSample>) {
        let mut state = self.state();
        for sample in samples {
            state.cloudwatch.metrics.publish(sample);
        }
    }

    /// Changes what elbv2 tells, while running: a fault, or a change of configuration.
    pub fn update_load_balancer(&self, change: impl FnOnce(&mut LoadBalancer)) {
        change(&mut self.state().load_balancer);
    }

    /// How often each action was asked for, such as `cloudwatch:GetMetricData`, denied and refused requests included.
    /// Unsigned requests and unknown operations are not counted, so the list is as short as the list of operations.
    pub fn calls(&self) -> Vec<(String, u64)> {
        let state = self.state();
        state.calls.iter().map(|(action, count)| (action.clone(), *count)).collect()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Counts a call; how many there were of that action, this one included.
    pub(crate) fn count(&self, action: &str) -> u64 {
        let mut state = self.state();
        let calls = state.calls.entry(action.to_owned()).or_default();
        *calls += 1;
        *calls
    }

    /// A panic elsewhere leaves the values as they were between two statements, which is good enough to go on.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_name_an_action_or_a_prefix() {
        let settings = Settings {
            deny: vec!["cloudwatch:GetMetricData".to_owned(), "logs:*".to_owned()],
            ..Settings::default()
        };
        assert!(settings.denies("cloudwatch:GetMetricData", 1));
        assert!(settings.denies("logs:PutLogEvents", 1));
        assert!(!settings.denies("cloudwatch:PutMetricData", 1));
        assert!(!settings.denies("cloudwatch:GetMetricDataX", 1));
    }

    #[test]
    fn a_permission_can_be_taken_away_after_some_calls() {
        let rule = DenyAfter { action: "cloudwatch:GetMetricData".to_owned(), calls: 2 };
        let settings = Settings { deny_after: vec![rule], ..Settings::default() };
        let denied: Vec<bool> =
            (1..=4).map(|call| settings.denies("cloudwatch:GetMetricData", call)).collect();
        assert_eq!(denied, [false, false, true, true]);
        assert!(!settings.denies("cloudwatch:PutMetricData", 4));
    }
}
