//! The least IAM policy for what a command line will do (aws-facts.md §8).
//!
//! What AWS lets be narrowed is narrowed: metrics to a namespace, logs to a group, alarms and dashboards to the names
//! that albcap gives. All else is allowed on `*`, since there is no resource to name.

use serde::Serialize;

use super::names::{LogGroup, Namespace};

/// What `run`, `preflight` and `analyze` read. No resource can be named for any of it.
const READING: [&str; 7] = [
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeCapacityReservation",
    "cloudwatch:GetMetricData",
];

/// What publishing log events takes: the group is made where it is missing, a stream for each run.
const LOGGING: [&str; 4] =
    ["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:CreateLogStream", "logs:PutLogEvents"];

/// Alarms are made and taken away. Reading them is not among these: it needs `*`, or composite alarms are left out.
const ALARMS: [&str; 2] = ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"];

const READING_ALARMS: &str = "cloudwatch:DescribeAlarms";

const DASHBOARDS: [&str; 3] =
    ["cloudwatch:PutDashboard", "cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"];

/// The names of the alarms and dashboards that albcap makes.
const OWN_NAMES: &str = "albcap-*";

/// Where the resources are, as ARNs say it; `*` where it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// Such as `eu-west-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Home {
    /// By region and account, where they are known. A region's beginning tells its partition
    /// (aws-facts.md §5); without one it is the public one.
    pub fn new(region: Option<&str>, account: Option<&str>) -> Home {
        let region = region.unwrap_or("*");
        let partition = match region.split('-').collect::<Vec<_>>()[..] {
            ["cn", ..] => "aws-cn",
            ["us", "gov", ..] => "aws-us-gov",
            ["eusc", ..] => "aws-eusc",
            ["us", "iso", ..] => "aws-iso",
            ["us", "isob", ..] => "aws-iso-b",
            ["eu", "isoe", ..] => "aws-iso-e",
            ["us", "isof", ..] => "aws-iso-f",
            _ => "aws",
        };
        Home {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.unwrap_or("*").to_owned(),
        }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let Home { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// Dashboards belong to no region.
    fn global_arn(&self, service: &str, resource: &str) -> String {
        let Home { partition, account, .. } = self;
        format!("arn:{partition}:{service}::{account}:{resource}")
    }
}

/// What of a run is to be published.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// The namespace of the metrics, if they are put as such.
    pub namespace: Option<Namespace>,
    /// The log group of the events, if they are sent.
    pub log_group: Option<LogGroup>,
}

/// What a policy is to allow, beyond reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permits {
    /// Where the resources are.
    pub home: Home,
    /// Metrics and logs.
    pub published: Published,
    /// Making alarms and a dashboard, and taking them away.
    pub apply: bool,
}

/// An IAM policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: &'static str,
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    string_equals: InNamespace,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct InNamespace {
    #[serde(rename = "cloudwatch:namespace")]
    name: String,
}

impl Policy {
    /// The least policy for this.
    pub fn least(permits: &Permits) -> Policy {
        let Permits { home, published, apply } = permits;
        let mut reading = READING.to_vec();
        reading.extend(apply.then_some(READING_ALARMS));
        let mut statement = vec![allow("Read", &reading, vec!["*".to_owned()])];
        if let Some(name) = &published.namespace {
            let condition = Condition { string_equals: InNamespace { name: name.as_str().to_owned() } };
            let metrics = allow("PublishMetrics", &["cloudwatch:PutMetricData"], vec!["*".to_owned()]);
            statement.push(Statement { condition: Some(condition), ..metrics });
        }
        if let Some(group) = &published.log_group {
            // An action on a group is checked against its ARN with `:*` behind it, or, by newer ones, without.
            let group = home.arn("logs", &format!("log-group:{}", group.as_str()));
            let below = format!("{group}:*");
            statement.push(allow("PublishLogs", &LOGGING, vec![group, below]));
        }
        if *apply {
            let alarms = home.arn("cloudwatch", &format!("alarm:{OWN_NAMES}"));
            let dashboards = home.global_arn("cloudwatch", &format!("dashboard/{OWN_NAMES}"));
            statement.push(allow("ApplyAlarms", &ALARMS, vec![alarms]));
            statement.push(allow("ApplyDashboard", &DASHBOARDS, vec![dashboards]));
        }
        Policy { version: "2012-10-17", statement }
    }
}

fn allow(sid: &'static str, action: &[&'static str], resource: Vec<String>) -> Statement {
    Statement { sid, effect: "Allow", action: action.to_vec(), resource, condition: None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn statements(permits: &Permits) -> Vec<Value> {
        let policy = serde_json::to_value(Policy::least(permits)).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        policy["Statement"].as_array().unwrap().clone()
    }

    fn permits() -> Permits {
        let home = Home::new(Some("eu-west-1"), Some("123456789012"));
        Permits { home, published: Published::default(), apply: false }
    }

    #[test]
    fn reading_alone_changes_nothing_and_names_no_resource() {
        let statements = statements(&permits());
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0]["Resource"], json!(["*"]));
        let actions = statements[0]["Action"].as_array().unwrap();
        assert!(actions.iter().all(|action| {
            let name = action.as_str().unwrap().split_once(':').unwrap().1;
            name.starts_with("Describe") || name.starts_with("Get")
        }));
    }

    #[test]
    fn what_can_be_narrowed_is_narrowed() {
        let published =
            Published { namespace: "Load/Test".parse().ok(), log_group: "/load/runs".parse().ok() };
        let all = statements(&Permits { published, apply: true, ..permits() });
        let [_, metrics, logs, alarms, dashboard] = &all[..] else { panic!("{all:#?}") };
        assert_eq!(metrics["Action"], json!(["cloudwatch:PutMetricData"]));
        assert_eq!(metrics["Condition"], json!({"StringEquals": {"cloudwatch:namespace": "Load/Test"}}));
        assert_eq!(
            logs["Resource"],
            json!([
                "arn:aws:logs:eu-west-1:123456789012:log-group:/load/runs",
                "arn:aws:logs:eu-west-1:123456789012:log-group:/load/runs:*"
            ])
        );
        assert_eq!(alarms["Resource"], json!(["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:albcap-*"]));
        assert_eq!(dashboard["Resource"], json!(["arn:aws:cloudwatch::123456789012:dashboard/albcap-*"]));
    }

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            (None, "aws"),
            (Some("us-east-1"), "aws"),
            (Some("cn-north-1"), "aws-cn"),
            (Some("us-gov-west-1"), "aws-us-gov"),
            (Some("eusc-de-east-1"), "aws-eusc"),
            (Some("us-iso-east-1"), "aws-iso"),
            (Some("us-isob-east-1"), "aws-iso-b"),
            (Some("eu-isoe-west-1"), "aws-iso-e"),
            (Some("us-isof-south-1"), "aws-iso-f"),
        ] {
            assert_eq!(Home::new(region, None).partition, partition, "{region:?}");
        }
        assert_eq!(Home::new(None, None).arn("logs", "x"), "arn:aws:logs:*:*:x");
    }
}
