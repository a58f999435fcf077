//! What `publish` and `run --publish` have in common: saying what is to be sent, sending it, saying what came of it.

use std::path::Path;

use chrono::Utc;

use super::publish_flags::PublishFlags;
use super::{Complaint, Output, output};
use crate::aws::{Aws, AwsSettings};
use crate::conduct::{Interrupt, LogStream, ReceiptSink, SendFailure, Sending, send};
use crate::judge::wording::{plural, show_count};
use crate::judge::{Judged, show_dollars};
use crate::plan::quantity::show_bytes;
use crate::prices::{Prices, Use};
use crate::publish::{Destination, Extent, Publication, Wanted, publication};

/// What is to be published, where, and how it is shown.
pub(super) struct Publishing<'a> {
    pub(super) flags: &'a PublishFlags,
    pub(super) wanted: Wanted,
    pub(super) settings: AwsSettings,
    pub(super) prices: Option<Prices>,
    /// Whether `--retention` was given, and is to be set of a group that is there.
    pub(super) retention_is_asked_for: bool,
    pub(super) again: bool,
    /// The record, as the command that sends the rest names it.
    pub(super) record: &'a Path,
}

impl Publishing<'_> {
    /// Sends what AWS has not taken yet.
    pub(super) async fn send(
        &self,
        judged: &Judged<'_>,
        interrupt: &mut Interrupt,
        receipts: ReceiptSink<'_>,
        output: &Output,
    ) -> Result<(), Complaint> {
        let aws = self.connect(judged).await?;
        let destination = destination(&aws);
        let publication = self.publication(judged, &destination)?;
        if publication.requests.is_empty() {
            return output.result(&format!("published  nothing: {}\n", nothing_left(&publication)));
        }
        output.note(&self.announcement(judged, &publication, &destination));
        let stream =
            log_stream(&self.wanted, self.flags, self.retention_is_asked_for, &judged.run.header.run_id);
        let sent = send(&aws, stream.as_ref(), &publication.requests, interrupt, receipts).await;
        let sent = sent.map_err(|failure| self.complaint(&failure))?;
        output.result(&self.done(judged, &publication, &destination))?;
        dropped(&sent)
    }

    /// Prints the requests, a line each, and asks nobody.
    pub(super) fn rehearse(&self, judged: &Judged<'_>, output: &Output) -> Result<(), Complaint> {
        let region = self.settings.region.clone().or_else(|| self.region_hint(judged));
        let destination = Destination {
            region: region.unwrap_or_else(|| "an unknown region".to_owned()),
            endpoint: self.settings.endpoint_url.clone(),
        };
        let publication = self.publication(judged, &destination)?;
        output.note(&self.announcement(judged, &publication, &destination));
        let requests = publication.requests.iter().map(|request| format!("{}\n", request.shown()));
        output.result(&requests.collect::<String>())?;
        output.note("a dry run: nothing was sent\n");
        Ok(())
    }

    async fn connect(&self, judged: &Judged<'_>) -> Result<Aws, Complaint> {
        let settings = AwsSettings { region_hint: self.region_hint(judged), ..self.settings.clone() };
        Aws::connect(&settings).await.map_err(|error| Complaint::refused(&error, error.remedy()))
    }

    /// The load balancer's region: its metrics are there, and what is published beside them should be.
    fn region_hint(&self, judged: &Judged<'_>) -> Option<String> {
        let facts = judged.run.facts.as_ref()?.load_balancer.as_ref()?;
        Some(facts.arn.region().to_owned())
    }

    fn publication(&self, judged: &Judged<'_>, destination: &Destination) -> Result<Publication, Complaint> {
        publication(judged, &self.wanted, destination, Extent::Whole, self.again, Utc::now()).map_err(
            |error| Complaint::failed(&error, error.remedy().replace("RECORD", &output::shown(self.record))),
        )
    }

    /// What will be sent, and what that costs.
    fn announcement(
        &self,
        judged: &Judged<'_>,
        publication: &Publication,
        destination: &Destination,
    ) -> String {
        let mut lines = Vec::new();
        let recorded = judged.run.facts.as_ref().map(|facts| &facts.prices);
        let prices = self.prices.clone().or_else(|| recorded.cloned()).unwrap_or_default();
        if publication.data > 0 {
            let used = Use { metrics_published: publication.metrics, ..Use::default() };
            lines.push(format!(
                "{} of {} to namespace {} in {}, by list price {} a month for as long as they get data (prices of {} in {})",
                counted(publication.data, "datum", "data"),
                plural(publication.metrics, "custom metric"),
                self.wanted.namespace.as_str(),
                destination.region,
                show_dollars(prices.cost(&used).publishing),
                prices.as_of,
                prices.region,
            ));
        }
        if publication.events > 0 {
            lines.push(format!(
                "{} of {} to log group {}, stream {}",
                counted(publication.events, "log event", "log events"),
                show_bytes(publication.event_bytes),
                self.wanted.log_group.as_str(),
                judged.run.header.run_id,
            ));
        }
        lines.push(format!("in {}", plural(publication.requests.len() as u64, "request")));
        if publication.taken_before > 0 {
            lines.push(format!("{} were published before", show_count(publication.taken_before as u64)));
        }
        if publication.too_old > 0 {
            let count = show_count(publication.too_old as u64);
            lines.push(format!("{count} are left out: CloudWatch drops what is older than two weeks"));
        }
        if publication.slow {
            lines.push("metrics of more than a day ago take two days to appear in CloudWatch".to_owned());
        }
        let mut text = String::new();
        for (place, line) in lines.iter().enumerate() {
            text.push_str(&format!("{:<11}{line}\n", if place == 0 { "publishing" } else { "" }));
        }
        if publication.in_doubt > 0 {
            text.push_str(&format!(
                "albcap: {} are sent again, since no answer came when they were sent before: they may count twice\n",
                show_count(publication.in_doubt as u64)
            ));
        }
        text
    }

    fn done(&self, judged: &Judged<'_>, publication: &Publication, destination: &Destination) -> String {
        let mut parts = Vec::new();
        if publication.data > 0 {
            parts.push(format!(
                "{} of {} in namespace {}",
                counted(publication.data, "datum", "data"),
                plural(publication.metrics, "metric"),
                self.wanted.namespace.as_str(),
            ));
        }
        if publication.events > 0 {
            parts.push(format!(
                "{} in log group {}, stream {}",
                counted(publication.events, "event", "events"),
                self.wanted.log_group.as_str(),
                judged.run.header.run_id,
            ));
        }
        format!("published  {} ({})\n", parts.join(", "), destination.region)
    }

    /// The command that publishes the same, or the rest of it.
    pub(super) fn command(&self) -> String {
        format!("albcap publish {}{}", output::shown(self.record), self.flags.words())
    }

    fn complaint(&self, failure: &SendFailure) -> Complaint {
        let rest = self.command();
        let remedy = match failure {
            SendFailure::Aws { error, .. } if !error.is_transient() => {
                format!("{}; then '{rest}' sends the rest", error.remedy())
            }
            SendFailure::Record(_) => {
                "what was taken last is not noted, and would be sent again: free some room on the disk"
                    .to_owned()
            }
            _ => format!("what was taken is noted; the rest is sent by '{rest}'"),
        };
        Complaint::failed(failure, remedy)
    }
}

/// Where an account's requests go.
pub(super) fn destination(aws: &Aws) -> Destination {
    Destination { region: aws.region().to_owned(), endpoint: aws.endpoint().map(str::to_owned) }
}

/// Where the log events of a run go; `None` where there are none.
pub(super) fn log_stream(
    wanted: &Wanted,
    flags: &PublishFlags,
    retention_is_asked_for: bool,
    run_id: &str,
) -> Option<LogStream> {
    wanted.writes_logs().then(|| LogStream {
        group: wanted.log_group.as_str().to_owned(),
        stream: run_id.to_owned(),
        retention_days: i32::from(flags.retention.days()),
        retention_is_asked_for,
    })
}

fn nothing_left(publication: &Publication) -> &'static str {
    if publication.taken_before > 0 {
        "all of it was published before"
    } else {
        "the record holds nothing of that"
    }
}

/// What AWS dropped is an error, though it took the request; what may count twice is said.
fn dropped(sent: &Sending) -> Result<(), Complaint> {
    if sent.repeated > 0 {
        output::warn(&format!(
            "{} sent again, since the answer was lost: what was in them may count twice",
            match sent.repeated {
                1 => "one request was".to_owned(),
                more => format!("{more} requests were"),
            }
        ));
    }
    if sent.dropped.is_empty() {
        return Ok(());
    }
    Err(Complaint::failed(
        format!("CloudWatch Logs dropped {}", sent.dropped.join("; ")),
        "give the log group a longer retention, and check this machine's clock; the record keeps all events",
    ))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", show_count(count as u64), if count == 1 { one } else { many })
}
