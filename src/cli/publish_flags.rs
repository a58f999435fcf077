//! The flags of publishing: what goes to CloudWatch, and under which names.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Complaint;
use super::args::AwsAccess;
use crate::plan::ShownUrl;
use crate::publish::{Carrier, Dimension, LogGroup, Namespace, Retention, Wanted};

#[derive(Args)]
pub(crate) struct PublishArgs {
    /// The record of a run
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    #[command(flatten)]
    pub(crate) flags: PublishFlags,
    /// Send also what AWS took before, by the record's receipts: it counts twice where it was
    #[arg(long, help_heading = "Publishing")]
    pub(crate) again: bool,
    #[command(flatten)]
    pub(crate) access: AwsAccess,
    /// TOML file of prices in place of those inside (docs/prices.md)
    #[arg(long, value_name = "FILE", help_heading = "AWS")]
    pub(crate) prices: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Publishing")]
pub(crate) struct PublishFlags {
    /// What goes to CloudWatch: metrics, logs [run: nothing by default; publish: both]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub(crate) publish: Vec<Publishable>,
    /// The custom metrics' namespace
    #[arg(long, value_name = "NAME", default_value = "albcap")]
    pub(crate) namespace: Namespace,
    /// A dimension of your own for every custom metric; may be repeated. Every new value makes new metrics, which AWS bills
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) dimension: Vec<Dimension>,
    /// Open connections by the second, which CloudWatch keeps for three hours so finely, and not by the minute
    #[arg(long)]
    pub(crate) high_resolution: bool,
    /// The log group, made if it is missing; each run is a stream of it
    #[arg(long, value_name = "NAME", default_value = "/albcap/runs")]
    pub(crate) log_group: LogGroup,
    /// How long a log group that is made keeps its events, days; a group that is there is changed only if this is given
    #[arg(long, value_name = "DAYS", default_value = "30")]
    pub(crate) retention: Retention,
    /// Metrics go as log events in the embedded metric format, in place of PutMetricData
    #[arg(long)]
    pub(crate) emf: bool,
    /// Print the requests and their price, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Publishable {
    /// Custom metrics
    Metrics,
    /// Log events
    Logs,
}

impl PublishFlags {
    /// What is to be published where it was not said: everything.
    pub(crate) fn wanted(&self) -> Result<Wanted, Complaint> {
        let sends = |what| self.publish.is_empty() || self.publish.contains(&what);
        let carrier = if self.emf { Carrier::Embedded } else { Carrier::Put };
        check_emf(self.emf, sends(Publishable::Metrics))?;
        Wanted::new(
            sends(Publishable::Metrics).then_some(carrier),
            sends(Publishable::Logs),
            self.namespace.clone(),
            self.log_group.clone(),
            self.high_resolution,
            self.dimension.clone(),
        )
        .map_err(|error| Complaint::usage(error, "see albcap publish --help"))
    }

    /// The flags that send the same to the same place, as words of a command line.
    pub(crate) fn words(&self, with_retention: bool) -> String {
        let mut words = Vec::new();
        if let [only] = self.publish[..] {
            let name = if only == Publishable::Metrics { "metrics" } else { "logs" };
            words.push(format!("--publish {name}"));
        }
        if self.namespace.as_str() != "albcap" {
            words.push(format!("--namespace {}", quoted(self.namespace.as_str())));
        }
        for own in &self.dimension {
            words.push(format!("--dimension {}", quoted(&format!("{}={}", own.name(), own.value()))));
        }
        for (given, flag) in [(self.high_resolution, "--high-resolution"), (self.emf, "--emf")] {
            words.extend(given.then(|| flag.to_owned()));
        }
        if self.log_group.as_str() != "/albcap/runs" {
            words.push(format!("--log-group {}", quoted(self.log_group.as_str())));
        }
        if with_retention {
            words.push(format!("--retention {}", self.retention.days()));
        }
        words.into_iter().map(|word| format!(" {word}")).collect()
    }
}

impl AwsAccess {
    /// The flags that ask the same account in the same place; the endpoint without userinfo and query values.
    pub(crate) fn words(&self) -> String {
        // A command line is public, and is printed to be pasted elsewhere.
        let endpoint_url = self.endpoint_url.as_deref().map(|url| ShownUrl::of(url).to_string());
        let given =
            [("--profile", &self.profile), ("--region", &self.region), ("--endpoint-url", &endpoint_url)];
        let words = given.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?)));
        words.map(|(flag, value)| format!(" {flag} {}", quoted(value))).collect()
    }
}

/// `--emf` says how metrics travel, and means nothing where none do.
pub(crate) fn check_emf(emf: bool, sends_metrics: bool) -> Result<(), Complaint> {
    if !emf || sends_metrics {
        return Ok(());
    }
    Err(Complaint::usage(
        "--emf is a form of metrics, and --publish logs leaves them out",
        "add metrics to --publish, or leave --emf out",
    ))
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: PublishFlags,
    }

    fn flags(words: &[&str]) -> PublishFlags {
        Line::parse_from(["albcap"].iter().chain(words)).flags
    }

    #[test]
    fn nothing_said_means_everything() {
        let wanted = flags(&[]).wanted().unwrap();
        assert_eq!((wanted.metrics, wanted.logs), (Some(Carrier::Put), true));
        let wanted = flags(&["--publish", "metrics", "--emf"]).wanted().unwrap();
        assert_eq!((wanted.metrics, wanted.logs), (Some(Carrier::Embedded), false));
        assert!(wanted.writes_logs());
        assert!(flags(&["--publish", "logs", "--emf"]).wanted().is_err());
    }

    #[test]
    fn an_endpoints_secrets_are_no_words() {
        let access = AwsAccess {
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some("http://u:hunter2@127.0.0.1:1/?sig=hunter3".to_owned()),
            ..AwsAccess::default()
        };
        assert_eq!(access.words(), " --region eu-west-1 --endpoint-url 'http://127.0.0.1:1/?sig=***'");
    }

    #[test]
    fn its_words_mean_the_same() {
        assert_eq!(flags(&["--publish", "metrics,logs"]).words(false), "");
        assert_eq!(flags(&["--retention", "7"]).words(true), " --retention 7");
        let words =
            flags(&["--publish", "logs", "--namespace", "My App", "--dimension", "Team=it's"]).words(false);
        assert_eq!(words, r" --publish logs --namespace 'My App' --dimension 'Team=it'\''s'");
    }
}
