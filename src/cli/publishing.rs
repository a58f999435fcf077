//! What `publish` and `run --publish` have in common: saying what is to be sent, sending it, saying what came of it.

use std::path::Path;

use chrono::Utc;

use super::args::AwsAccess;
use super::publish_flags::PublishFlags;
use super::{Complaint, Output, output};
use crate::aws::{Aws, AwsError, AwsSettings};
use crate::conduct::{Interrupt, LogStream, ReceiptSink, SendFailure, Sending, send};
use crate::judge::wording::{plural, show_count};
use crate::judge::{Judged, show_dollars};
use crate::plan::quantity::show_bytes;
use crate::prices::{Prices, Use};
use crate::publish::{Destination, Extent, Publication, Wanted, publication};
use crate::report;

/// What is to be published, where, and how it is shown.
pub(super) struct Publishing<'a> {
    pub(super) flags: &'a PublishFlags,
    pub(super) wanted: Wanted,
    pub(super) prices: Option<Prices>,
    /// Whether `--retention` was given, and is to be set of a group that is there.
    pub(super) retention_is_asked_for: bool,
    pub(super) again: bool,
    /// Whether a run comes before it.
    pub(super) after_a_run: bool,
    /// The flags that say who asks AWS, for the command that sends the rest.
    pub(super) access: &'a AwsAccess,
    /// How AWS is reached.
    pub(super) aws: &'a AwsSettings,
    /// The record, as the command that sends the rest names it.
    pub(super) record: &'a Path,
}

impl Publishing<'_> {
    /// Sends what AWS has not taken yet. An interruption is told and is no failure: whoever asked for it knows.
    pub(super) async fn send(
        &self,
        judged: &Judged<'_>,
        interrupt: &mut Interrupt,
        receipts: ReceiptSink<'_>,
        output: &Output,
    ) -> Result<(), Complaint> {
        let settings = self.settings_of(judged);
        let Some(destination) = self.destination(&settings, interrupt).await? else { return Ok(()) };
        let publication = self.publication(judged, &destination)?;
        if publication.requests.is_empty() {
            output.result(&format!("published  nothing: {}\n", nothing_left(&publication)));
            return Ok(());
        }
        let Some(aws) = interrupt.unless_set(Aws::connect(&settings)).await else {
            self.cut_short();
            return Ok(());
        };
        let aws = aws.map_err(|error| self.unconnected(&error))?;
        self.announce(judged, &publication, &destination, output);
        let stream =
            log_stream(&self.wanted, self.flags, self.retention_is_asked_for, &judged.run.header.run_id);
        let (sending, sent) = send(&aws, stream.as_ref(), &publication.requests, interrupt, receipts).await;
        warn_of_lost_answers(&sending);
        match sent {
            Ok(()) => {}
            Err(failure @ SendFailure::Interrupted { .. }) => {
                output::complain(&self.complaint(&failure, &sending));
                return Ok(());
            }
            Err(failure) => return Err(self.complaint(&failure, &sending)),
        }
        if sending.dropped.is_empty() {
            output.result(&self.done(judged, &publication, &destination));
            return Ok(());
        }
        Err(Complaint::failed(
            format!("CloudWatch Logs dropped {}", sending.dropped.join("; ")),
            "give the log group a longer retention, and check this machine's clock; the record keeps all events",
        ))
    }

    /// Prints the requests, a line each, and sends none.
    pub(super) async fn rehearse(
        &self,
        judged: &Judged<'_>,
        interrupt: &mut Interrupt,
        output: &Output,
    ) -> Result<(), Complaint> {
        let settings = self.settings_of(judged);
        let Some(destination) = self.destination(&settings, interrupt).await? else { return Ok(()) };
        let publication = self.publication(judged, &destination)?;
        self.announce(judged, &publication, &destination, output);
        let requests = publication.requests.iter().map(|request| format!("{}\n", request.shown()));
        output.result(&requests.collect::<String>());
        output.note("a dry run: nothing was sent\n");
        Ok(())
    }

    /// In the load balancer's region: its metrics are there, and what is published beside them should be.
    fn settings_of(&self, judged: &Judged<'_>) -> AwsSettings {
        self.aws.near(None, judged.run.load_balancer())
    }

    /// Where requests go; an interruption is told.
    async fn destination(
        &self,
        settings: &AwsSettings,
        interrupt: &mut Interrupt,
    ) -> Result<Option<Destination>, Complaint> {
        let Some(place) = interrupt.unless_set(Aws::place(settings)).await else {
            self.cut_short();
            return Ok(None);
        };
        let (region, endpoint) = place.map_err(|error| self.unconnected(&error))?;
        let region = region.unwrap_or_else(|| "an unknown region".to_owned());
        Ok(Some(Destination { region, endpoint }))
    }

    /// There is no way to AWS. At the end of a run that is a failure, and no refusal: the load is over.
    fn unconnected(&self, error: &AwsError) -> Complaint {
        match self.after_a_run {
            false => Complaint::of_aws(error),
            true => Complaint::failed(
                format!("nothing more was published: {error}"),
                format!("{}; then: {}", error.remedy(), self.command()),
            ),
        }
    }

    fn publication(&self, judged: &Judged<'_>, destination: &Destination) -> Result<Publication, Complaint> {
        publication(judged, &self.wanted, destination, Extent::Whole, self.again, Utc::now()).map_err(
            |error| Complaint::failed(&error, error.remedy().replace("RECORD", &output::shown(self.record))),
        )
    }

    /// Says what will be sent, and what that costs.
    fn announce(
        &self,
        judged: &Judged<'_>,
        publication: &Publication,
        destination: &Destination,
        output: &Output,
    ) {
        let mut rows = Vec::new();
        let mut row = |label: &str, text: String| rows.push((label.to_owned(), text));
        if publication.data > 0 {
            row("metrics", self.metrics_row(judged, publication, destination));
        }
        if publication.events > 0 {
            let used = Use { log_bytes: publication.event_bytes, ..Use::default() };
            let events = format!(
                "{} of {} ({}) to log group {}, stream {}",
                counted(publication.events, "log event", "log events"),
                show_bytes(publication.event_bytes),
                show_dollars(self.prices_of(judged).cost(&used).logging),
                self.wanted.log_group.as_str(),
                judged.run.header.run_id,
            );
            row("logs", events);
        }
        if publication.slow {
            row(
                "mind",
                "what is older than a day takes two days to appear in CloudWatch's metrics".to_owned(),
            );
        }
        row("requests", show_count(publication.requests.len() as u64));
        if publication.taken_before > 0 {
            let count = show_count(publication.taken_before as u64);
            row("left out", format!("{count} data and log events were published before"));
        }
        if publication.out_of_range > 0 {
            let count = show_count(publication.out_of_range as u64);
            let text = format!(
                "{count} data and log events are older, or further ahead, than what CloudWatch takes"
            );
            row("left out", text);
        }
        output.note(&report::section("Publishing", &rows, output.layout()));
        if publication.in_doubt > 0 {
            output::warn(&format!(
                "{} are sent again, since no answer came when they were sent before: they may count twice",
                counted(publication.in_doubt, "datum or log event", "data and log events"),
            ));
        }
    }

    /// The user's prices, else those that the run knew.
    fn prices_of(&self, judged: &Judged<'_>) -> Prices {
        let recorded = judged.run.facts.as_ref().map(|facts| facts.prices.clone());
        self.prices.clone().or(recorded).unwrap_or_default()
    }

    fn metrics_row(
        &self,
        judged: &Judged<'_>,
        publication: &Publication,
        destination: &Destination,
    ) -> String {
        let prices = self.prices_of(judged);
        let used = Use { metrics_published: publication.metrics, ..Use::default() };
        format!(
            "{} of {} to namespace {} in {}; a month of these metrics has a list price of {} ({}, {})",
            counted(publication.data, "datum", "data"),
            plural(publication.metrics, "custom metric"),
            self.wanted.namespace.as_str(),
            destination.region,
            show_dollars(prices.cost(&used).publishing),
            prices.as_of,
            prices.region,
        )
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
                report::visible(&judged.run.header.run_id),
            ));
        }
        format!("published  {} ({})\n", parts.join(", "), destination.region)
    }

    /// The command that publishes the same, or the rest of it.
    pub(super) fn command(&self) -> String {
        let record = output::record_word(self.record);
        let again = if self.again { " --again" } else { "" };
        let retention = self.retention_is_asked_for;
        format!("albcap publish {record}{}{again}{}", self.flags.words(retention), self.access.words())
    }

    /// Tells that the user would not wait until anything could be sent.
    fn cut_short(&self) {
        output::complain(&Complaint::failed(
            "interrupted before anything more was published",
            format!("'{}' sends the rest", self.command()),
        ));
    }

    fn complaint(&self, failure: &SendFailure, sending: &Sending) -> Complaint {
        let mut rest = self.command();
        if sending.owes_retention && !self.retention_is_asked_for {
            rest.push_str(&format!(" --retention {}", self.flags.retention.days()));
        }
        let all_anew = if self.again { " (all of it anew)" } else { "" };
        let remedy = match failure {
            SendFailure::Aws { error, .. } if !error.is_transient() => {
                format!("{}; then '{rest}' sends the rest{all_anew}", error.remedy())
            }
            SendFailure::Record(_) => {
                "what was sent last is not noted, and would be sent again: free some room on the disk"
                    .to_owned()
            }
            _ => format!("what was taken is noted; '{rest}' sends the rest{all_anew}"),
        };
        Complaint::failed(failure, remedy)
    }
}

/// Where an account's requests go.
pub(super) fn destination(aws: &Aws) -> Destination {
    Destination { region: aws.region().to_owned(), endpoint: aws.endpoint().map(str::to_owned) }
}

/// What may count twice, or more often, is said.
pub(super) fn warn_of_lost_answers(sending: &Sending) {
    let Some(answers) = std::num::NonZeroUsize::new(sending.lost_answers) else { return };
    let often = match sending.most_lost {
        1 => "twice".to_owned(),
        most => format!("up to {} times", most + 1),
    };
    output::warn(&format!(
        "{} lost: what was in such a request is sent again, and may count {often}",
        match answers.get() {
            1 => "an answer was".to_owned(),
            more => format!("{more} answers were"),
        }
    ));
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

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", show_count(count as u64), if count == 1 { one } else { many })
}
