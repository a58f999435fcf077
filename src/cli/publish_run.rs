//! `run --publish`: at the end of a run, and with `--live` while it goes on.

use super::args::RunFlags;
use super::config::Parsed;
use super::publish_flags::PublishFlags;
use super::publishing::{Publishing, destination, log_stream};
use super::run::Job;
use super::{Complaint, Output, output};
use crate::conduct::{Interrupt, LivePlace, LivePublisher, Survey};
use crate::judge::judge;
use crate::publish::Wanted;
use crate::record::{Journal, Run, Stamped};

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
    pub(super) fn live(&self, survey: &Survey, run_id: &str) -> LiveReceipts {
        let Some(aws) = survey.aws.clone().filter(|_| self.live) else { return LiveReceipts::none() };
        let stream = log_stream(&self.wanted, &self.flags, self.retention_is_asked_for, run_id);
        let place = LivePlace { destination: destination(&aws), aws, wanted: self.wanted.clone(), stream };
        LiveReceipts { publisher: Some(LivePublisher::start(place)), seen: Vec::new() }
    }

    /// Publishes what was not yet; what AWS takes goes into the record.
    pub(super) async fn publish(
        &self,
        job: &Job,
        run: &Run,
        interrupt: &mut Interrupt,
        journal: &mut Journal,
        output: &Output,
    ) -> Result<(), Complaint> {
        let publishing = Publishing {
            flags: &self.flags,
            wanted: self.wanted.clone(),
            settings: job.settings.aws.clone().unwrap_or_default(),
            prices: Some(job.settings.prices.clone()),
            retention_is_asked_for: self.retention_is_asked_for,
            again: false,
            record: &job.record,
        };
        let judged = judge(run);
        if self.flags.dry_run {
            return publishing.rehearse(&judged, output);
        }
        if interrupt.is_set() {
            output
                .note(&format!("not published, since it was interrupted; later: {}\n", publishing.command()));
            return Ok(());
        }
        if let Some(error) = journal.new_failure() {
            return Err(Complaint::failed(
                format!("nothing more was published, since what CloudWatch takes can't be noted: {error}"),
                "free some room on the disk before the next run",
            ));
        }
        let mut note = |receipt: Stamped| {
            journal.append(&receipt);
            Ok(())
        };
        publishing.send(&judged, interrupt, &mut note, output).await
    }
}

/// Who publishes while the load runs, if anybody does, and the receipts so far.
pub(super) struct LiveReceipts {
    publisher: Option<LivePublisher>,
    seen: Vec<Stamped>,
}

impl LiveReceipts {
    /// Nobody.
    pub(super) fn none() -> LiveReceipts {
        LiveReceipts { publisher: None, seen: Vec::new() }
    }

    /// Hands an event on; what AWS took meanwhile goes into the record.
    pub(super) fn event(&mut self, event: &Stamped, journal: &mut Journal) {
        if let Some(publisher) = &mut self.publisher {
            publisher.event(event);
            let receipts = publisher.new_receipts();
            self.keep(receipts, journal);
        }
    }

    /// Ends it; the run learns what AWS took.
    pub(super) async fn finish(mut self, run: &mut Run, journal: &mut Journal) {
        if let Some(publisher) = self.publisher.take() {
            let (receipts, stopped) = publisher.finish().await;
            self.keep(receipts, journal);
            if let Some(why) = stopped {
                output::warn(&format!("publishing while the load ran met this: {why}; the rest follows now"));
            }
        }
        run.learn(&self.seen);
    }

    fn keep(&mut self, receipts: Vec<Stamped>, journal: &mut Journal) {
        receipts.iter().for_each(|receipt| journal.append(receipt));
        self.seen.extend(receipts);
    }
}
