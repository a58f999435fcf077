//! `run --publish`: at the end of a run, and with `--live` while it goes on.

use super::args::RunFlags;
use super::config::Parsed;
use super::publish_flags::PublishFlags;
use super::publishing::{Publishing, destination, log_stream, warn_of_lost_answers};
use super::run::Job;
use super::settings::aws_settings;
use super::{Complaint, Output, output};
use crate::conduct::{Interrupt, LivePlace, LivePublisher, LiveSending, Survey};
use crate::judge::judge;
use crate::publish::Wanted;
use crate::record::{Entry, Journal, RecordPath, Run, Stamped};

/// What of a run is published, and when.
pub(super) struct AfterRun {
    flags: PublishFlags,
    wanted: Wanted,
    live: bool,
    retention_is_asked_for: bool,
}

impl AfterRun {
    /// What is to be published, where anything is.
    pub(super) fn of(flags: &RunFlags, parsed: &Parsed) -> Result<Option<AfterRun>, Complaint> {
        if flags.publishing.publish.is_empty() {
            return Ok(None);
        }
        if flags.live && flags.publishing.dry_run {
            return Err(Complaint::usage(
                "--live sends while the load runs, and --dry-run sends nothing",
                "leave one of them out",
            ));
        }
        Ok(Some(AfterRun {
            wanted: flags.publishing.wanted()?,
            flags: flags.publishing.clone(),
            live: flags.live,
            retention_is_asked_for: parsed.is_given("retention"),
        }))
    }

    /// Starts to publish, where that is wanted while the load runs and there is a way to AWS.
    pub(super) fn live(&self, survey: &Survey, run_id: &str, journal: &Journal) -> Option<LivePublisher> {
        let aws = survey.aws.clone().filter(|_| self.live)?;
        let stream = log_stream(&self.wanted, &self.flags, self.retention_is_asked_for, run_id);
        let place = LivePlace { destination: destination(&aws), aws, wanted: self.wanted.clone(), stream };
        Some(LivePublisher::start(place, journal.entry()))
    }

    /// Ends publishing while the load ran, and says what it met; the run learns what AWS took. Whether the log group's
    /// retention is still to be set.
    pub(super) async fn end_live(live: Option<LivePublisher>, run: &mut Run) -> bool {
        let Some(live) = live else { return false };
        let live: LiveSending = live.finish().await;
        run.receipts.extend(live.receipts);
        warn_of_lost_answers(&live.sending);
        if let Some(why) = live.stopped {
            output::warn(&format!("error while publishing during the load: {why}"));
        }
        if !live.sending.dropped.is_empty() {
            output::warn(&format!("CloudWatch Logs dropped {}", live.sending.dropped.join("; ")));
        }
        live.sending.owes_retention
    }

    /// Publishes what was not yet; what AWS takes goes into the record.
    pub(super) async fn publish(
        &self,
        job: &Job,
        owes_retention: bool,
        run: &Run,
        interrupt: &mut Interrupt,
        (entry, record): (&Entry, &RecordPath),
        output: &Output,
    ) -> Result<(), Complaint> {
        // The run's own, so that its credentials are not asked for again.
        let aws = job.settings.aws.clone().unwrap_or_else(|| aws_settings(&job.access));
        let publishing = Publishing {
            flags: &self.flags,
            wanted: self.wanted.clone(),
            prices: Some(job.settings.prices.clone()),
            retention_is_asked_for: self.retention_is_asked_for || owes_retention,
            again: false,
            after_a_run: true,
            access: &job.access,
            aws: &aws,
            record: &record.get(),
        };
        let judged = judge(run);
        if self.flags.dry_run {
            return publishing.rehearse(&judged, interrupt, output).await;
        }
        if interrupt.is_set() {
            output
                .note(&format!("not published, since it was interrupted; later: {}\n", publishing.command()));
            return Ok(());
        }
        let mut note = |receipt: Stamped| entry.append_now(&receipt);
        publishing.send(&judged, interrupt, &mut note, output).await
    }
}
