//! What stops the load before its plan does: rules on what the clients see, or on what the ALB's metrics say.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::quantity::{parse_count, parse_fraction};

/// The brake: for the sake of everybody else's traffic.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Brake {
    /// The rules that were given: whichever is broken first stops the load.
    pub rules: Vec<AbortRule>,
    /// Whether a rule of its own may join them where others use the ALB.
    pub by_default: bool,
}

impl Brake {
    /// Whether one of the given rules is on that metric.
    pub fn has_rule_on(&self, metric: BrakeMetric) -> bool {
        self.rules.iter().any(|rule| rule.metric == metric)
    }
}

/// `METRIC OP VALUE`: stops the load once it holds. The value is one that the metric can have, and neither is the rule
/// broken whatever happens, nor can it never be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct AbortRule {
    metric: BrakeMetric,
    comparison: Comparison,
    limit: f64,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrakeMetric {
    /// What the clients see of the level under way.
    Client(ClientMetric),
    /// What CloudWatch says of a period.
    LoadBalancer(AlbMetric),
}

/// What the clients see of the level under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientMetric {
    /// `client.failed_rate`: connections that failed, over those asked for.
    FailedRate,
    /// `client.http_5xx`: upgrades that were answered with a status of 500 to 599.
    Http5xx,
}

/// A metric of the ALB's, in the statistic in which it means something: `Sum`, but for host counts the `Maximum`
/// (`UnHealthyHostCount`) or `Minimum` (`HealthyHostCount`) of each target group, for `TargetResponseTime` the
/// `Average` and for `CapacityUtilization` the `Maximum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlbMetric(&'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Not a rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AbortRuleError {
    /// Not three parts.
    #[error("it is not METRIC OP VALUE, OP being >, >=, < or <=, and METRIC one of {}", known())]
    Form,
    /// A metric that no brake looks at.
    #[error("there is no metric '{0}'; there are {list}", list = known())]
    Metric(String),
    /// Not a share.
    #[error("'{0}' is not a share of the connections; write 5% or 0.05")]
    Share(String),
    /// Not a number that can be counted or measured.
    #[error("'{0}' is not a number from 0 on; write 100, 5k or 0.5")]
    Number(String),
    /// No value can break it.
    #[error("nothing can break this rule")]
    Never,
    /// Every value breaks it.
    #[error("this rule is broken before anything fails")]
    Always,
}

impl ClientMetric {
    const ALL: [ClientMetric; 2] = [ClientMetric::FailedRate, ClientMetric::Http5xx];

    fn name(self) -> &'static str {
        match self {
            ClientMetric::FailedRate => "client.failed_rate",
            ClientMetric::Http5xx => "client.http_5xx",
        }
    }
}

impl AlbMetric {
    /// Targets that fail their health checks.
    pub const UNHEALTHY_HOSTS: AlbMetric = AlbMetric("UnHealthyHostCount");

    /// Those that tell of harm to others, or of what may become one (aws-facts.md §1).
    pub const ALL: [AlbMetric; 21] = [
        AlbMetric("HTTPCode_ELB_5XX_Count"),
        AlbMetric("HTTPCode_ELB_500_Count"),
        AlbMetric("HTTPCode_ELB_502_Count"),
        AlbMetric("HTTPCode_ELB_503_Count"),
        AlbMetric("HTTPCode_ELB_504_Count"),
        AlbMetric("HTTPCode_ELB_4XX_Count"),
        AlbMetric("HTTPCode_Target_5XX_Count"),
        AlbMetric("HTTPCode_Target_4XX_Count"),
        AlbMetric::UNHEALTHY_HOSTS,
        AlbMetric("HealthyHostCount"),
        AlbMetric("RejectedConnectionCount"),
        AlbMetric("TargetConnectionErrorCount"),
        AlbMetric("TargetTLSNegotiationErrorCount"),
        AlbMetric("ClientTLSNegotiationErrorCount"),
        AlbMetric("TargetResponseTime"),
        AlbMetric("CapacityUtilization"),
        AlbMetric("ActiveConnectionCount"),
        AlbMetric("NewConnectionCount"),
        AlbMetric("RequestCount"),
        AlbMetric("ProcessedBytes"),
        AlbMetric("ConsumedLCUs"),
    ];

    /// As CloudWatch knows it.
    pub fn name(self) -> &'static str {
        self.0
    }
}

impl BrakeMetric {
    fn named(name: &str) -> Option<BrakeMetric> {
        let client = ClientMetric::ALL.into_iter().map(BrakeMetric::Client);
        let load_balancer = AlbMetric::ALL.into_iter().map(BrakeMetric::LoadBalancer);
        client.chain(load_balancer).find(|metric| metric.to_string() == name)
    }

    fn is_share(self) -> bool {
        self == BrakeMetric::Client(ClientMetric::FailedRate)
    }

    /// A value of it as people write it: `12.5%`, `3`, `0.75`.
    pub fn show(self, value: f64) -> String {
        if !self.is_share() {
            return value.to_string();
        }
        let percent = (value * 100.0 * 1e9).round() / 1e9;
        // What a percentage can't say exactly is written as it is: the text is what is kept of a rule.
        if percent / 100.0 == value { format!("{percent}%") } else { value.to_string() }
    }
}

impl fmt::Display for BrakeMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BrakeMetric::Client(metric) => metric.name(),
            BrakeMetric::LoadBalancer(metric) => metric.name(),
        })
    }
}

impl Comparison {
    /// The longer ones first, since the others begin them.
    const ALL: [(&'static str, Comparison); 4] = [
        (">=", Comparison::AtLeast),
        ("<=", Comparison::AtMost),
        (">", Comparison::Above),
        ("<", Comparison::Below),
    ];

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Comparison::Above => value > limit,
            Comparison::AtLeast => value >= limit,
            Comparison::Below => value < limit,
            Comparison::AtMost => value <= limit,
        }
    }
}

impl AbortRule {
    /// `UnHealthyHostCount > limit`; `None` where that is no number of hosts.
    pub fn unhealthy_hosts_above(limit: f64) -> Option<AbortRule> {
        AbortRule::new(BrakeMetric::LoadBalancer(AlbMetric::UNHEALTHY_HOSTS), Comparison::Above, limit).ok()
    }

    fn new(metric: BrakeMetric, comparison: Comparison, limit: f64) -> Result<AbortRule, AbortRuleError> {
        let most = if metric.is_share() { 1.0 } else { f64::INFINITY };
        if !limit.is_finite() || !(0.0..=most).contains(&limit) {
            let text = limit.to_string();
            let share = metric.is_share();
            return Err(if share { AbortRuleError::Share(text) } else { AbortRuleError::Number(text) });
        }
        let (by_least, by_most) = (comparison.holds(0.0, limit), comparison.holds(most, limit));
        // Clients have seen nothing fail when they start.
        let from_the_start = by_least && matches!(metric, BrakeMetric::Client(_));
        match (by_least, by_most) {
            (false, false) => Err(AbortRuleError::Never),
            (true, true) => Err(AbortRuleError::Always),
            _ if from_the_start => Err(AbortRuleError::Always),
            _ => Ok(AbortRule { metric, comparison, limit }),
        }
    }

    /// What it looks at.
    pub fn metric(&self) -> BrakeMetric {
        self.metric
    }

    /// The ALB's metric that it looks at; `None` for the clients' own.
    pub fn alb_metric(&self) -> Option<AlbMetric> {
        match self.metric {
            BrakeMetric::LoadBalancer(metric) => Some(metric),
            BrakeMetric::Client(_) => None,
        }
    }

    /// Whether such a value breaks it.
    pub fn is_broken_by(&self, value: f64) -> bool {
        self.comparison.holds(value, self.limit)
    }
}

impl fmt::Display for AbortRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL.iter().find(|(_, comparison)| *comparison == self.comparison);
        let sign = sign.map_or("", |(sign, _)| sign);
        write!(f, "{} {sign} {}", self.metric, self.metric.show(self.limit))
    }
}

impl FromStr for AbortRule {
    type Err = AbortRuleError;

    fn from_str(text: &str) -> Result<AbortRule, AbortRuleError> {
        let at = text.find(['<', '>']).ok_or(AbortRuleError::Form)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let (comparison, value) = Comparison::ALL
            .iter()
            .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?.trim())))
            .ok_or(AbortRuleError::Form)?;
        if name.is_empty() || value.is_empty() {
            return Err(AbortRuleError::Form);
        }
        let metric = BrakeMetric::named(name)
            .ok_or_else(|| AbortRuleError::Metric(name.escape_debug().to_string()))?;
        AbortRule::new(metric, comparison, limit(metric, value)?)
    }
}

fn limit(metric: BrakeMetric, text: &str) -> Result<f64, AbortRuleError> {
    let shown = || text.escape_debug().to_string();
    let within = |most: f64| move |value: &f64| value.is_finite() && (0.0..=most).contains(value);
    if metric.is_share() {
        return parse_fraction(text).filter(within(1.0)).ok_or_else(|| AbortRuleError::Share(shown()));
    }
    let number = text.parse().ok().or_else(|| parse_count(text).ok().map(f64::from));
    number.filter(within(f64::INFINITY)).ok_or_else(|| AbortRuleError::Number(shown()))
}

/// The names of all metrics.
fn known() -> String {
    let client = ClientMetric::ALL.map(ClientMetric::name);
    let load_balancer = AlbMetric::ALL.map(AlbMetric::name);
    client.into_iter().chain(load_balancer).collect::<Vec<_>>().join(", ")
}

impl TryFrom<String> for AbortRule {
    type Error = AbortRuleError;

    fn try_from(text: String) -> Result<AbortRule, AbortRuleError> {
        text.parse()
    }
}

impl From<AbortRule> for String {
    fn from(rule: AbortRule) -> String {
        rule.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> AbortRule {
        text.parse().unwrap()
    }

    #[test]
    fn rules_as_people_write_them() {
        for (text, shown, breaks, bears) in [
            ("client.failed_rate > 5%", "client.failed_rate > 5%", 0.051, 0.05),
            ("client.failed_rate>=0.125", "client.failed_rate >= 12.5%", 0.125, 0.124),
            ("  client.http_5xx > 5k ", "client.http_5xx > 5000", 5_001.0, 5_000.0),
            ("HTTPCode_ELB_5XX_Count > 100", "HTTPCode_ELB_5XX_Count > 100", 101.0, 100.0),
            ("HealthyHostCount < 2", "HealthyHostCount < 2", 1.0, 2.0),
            ("HealthyHostCount <= 0", "HealthyHostCount <= 0", 0.0, 1.0),
            ("TargetResponseTime > 0.5", "TargetResponseTime > 0.5", 0.6, 0.5),
        ] {
            let rule = rule(text);
            assert_eq!(rule.to_string(), shown);
            assert!(rule.is_broken_by(breaks) && !rule.is_broken_by(bears), "{text}");
            assert!(!rule.is_broken_by(f64::NAN), "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_says_what_is() {
        use AbortRuleError as E;
        let error = |text: &str| text.parse::<AbortRule>().unwrap_err();
        for text in ["", "UnHealthyHostCount", "UnHealthyHostCount >", "> 5", "UnHealthyHostCount = 5"] {
            assert_eq!(error(text), E::Form, "{text}");
        }
        assert_eq!(error("CPUUtilization > 5"), E::Metric("CPUUtilization".to_owned()));
        for unknown in [E::Form, E::Metric("x".to_owned())] {
            let said = unknown.to_string();
            for name in
                ["client.failed_rate", "client.http_5xx", "HTTPCode_ELB_5XX_Count", "UnHealthyHostCount"]
            {
                assert!(said.contains(name) && !said.contains('\n'), "{said}");
            }
        }
        for value in ["5", "101%", "-1%", "x", "NaN", "inf"] {
            assert_eq!(error(&format!("client.failed_rate > {value}")), E::Share(value.to_owned()));
        }
        for value in ["-1", "x", "NaN", "inf", "5%", "5m", "=> 5"] {
            assert_eq!(error(&format!("UnHealthyHostCount > {value}")), E::Number(value.to_owned()));
        }
        for text in ["client.failed_rate > 100%", "UnHealthyHostCount < 0"] {
            assert_eq!(error(text), E::Never, "{text}");
        }
        for text in [
            "client.failed_rate >= 0",
            "client.failed_rate < 5%",
            "client.http_5xx <= 9",
            "RequestCount >= 0",
        ] {
            assert_eq!(error(text), E::Always, "{text}");
        }
        assert_eq!(AbortRule::unhealthy_hosts_above(f64::NAN), None);
        assert_eq!(AbortRule::unhealthy_hosts_above(2.0), Some(rule("UnHealthyHostCount > 2")));
    }

    proptest! {
        #[test]
        fn a_rule_is_kept_as_it_was_given(share in 0.0..1.0_f64, number in 0.0..1e12_f64) {
            for text in [format!("client.failed_rate > {share}"), format!("ProcessedBytes > {number}")] {
                let rule = rule(&text);
                let kept = serde_json::to_string(&rule).unwrap();
                prop_assert_eq!(serde_json::from_str::<AbortRule>(&kept).unwrap(), rule);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = text.parse::<AbortRule>();
        }
    }
}
