//! `albcap run`: the main job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::args::{AwsAccess, RunArgs};
use super::config::Parsed;
use super::outcome::{Exit, of_judged};
use super::publish_run::AfterRun;
use super::settings::{Export, Settings, write_all};
use super::{Complaint, Output, output, preflight, signals};
use crate::conduct::{self, Interrupt, Notice, SettleFailure, Settling};
use crate::judge::{Judged, judge};
use crate::live::Live;
use crate::load::{Dialer, DialerError};
use crate::record::{Journal, JournalError, RecordLoss, RecordPath, Run};
use crate::report;

/// Everything a run needs that is not in its plan.
pub(super) struct Job {
    pub(super) settings: Settings,
    pub(super) record: PathBuf,
    pub(super) run_id: String,
    pub(super) exports: Vec<Export>,
    /// `None` where nothing is to be published.
    pub(super) publishing: Option<AfterRun>,
    /// Who asks AWS, as it was typed.
    pub(super) access: AwsAccess,
}

pub(super) async fn command(args: &RunArgs, parsed: &Parsed, output: &Output) -> Result<Exit, Complaint> {
    let run_id = new_run_id(Utc::now());
    let results = &args.flags.results;
    let record = results.record.clone();
    let record = record.unwrap_or_else(|| Path::new("albcap-runs").join(format!("{run_id}.jsonl")));
    let job = Job {
        settings: Settings::from(args)?,
        exports: Export::all(&results.export, Some(&*record).filter(|record| !output::is_streamed(record)))?,
        record,
        run_id,
        publishing: AfterRun::of(&args.flags, parsed)?,
        access: args.flags.aws.access.clone(),
    };
    run(&job, signals::listen()?, output).await
}

/// Date and time, and four random digits against two runs in the same second.
pub(super) fn new_run_id(at: DateTime<Utc>) -> String {
    format!("{}-{:04x}", at.format("%Y%m%d-%H%M%S"), fastrand::u16(..))
}

/// Surveys, opens the record, conducts, judges, shows. What was measured is shown whatever fails afterwards.
pub(super) async fn run(job: &Job, mut interrupt: Interrupt, output: &Output) -> Result<Exit, Complaint> {
    let to_stdout = output::is_streamed(&job.record);
    let output = if to_stdout { &output.beside_the_record() } else { output };
    let settings = &job.settings;
    let dialer = Dialer::new(&settings.target, &settings.plan.route, settings.plan.pace.connect_timeout)
        .map_err(|error| dialer_complaint(&error))?;
    let inquiry = settings.inquiry();
    let Some(survey) = interrupt.unless_set(conduct::survey(&inquiry)).await else {
        return Ok(signals::before_the_load());
    };
    let header = settings.header(&job.run_id);
    preflight::show(&header, &survey, output);
    preflight::refuse(&survey, &settings.forced)?;

    let journal = if to_stdout { Journal::stdout(signals::received) } else { Journal::create(&job.record) };
    let mut journal = journal.map_err(|error| record_complaint(&error))?;
    if !to_stdout {
        signals::set_record(journal.path());
    }
    let record = journal.path().clone();
    tracing::info!("the record goes to {}", output::shown(&job.record));
    let mut live = output.live();
    let publishing = job.publishing.as_ref();
    let mut publisher = publishing.and_then(|of| of.live(&survey, &job.run_id, &journal));
    let conducted = {
        let mut sink = |notice: Notice<'_>| match notice {
            Notice::Event(stamped) => {
                journal.append(stamped);
                publisher.iter_mut().for_each(|publisher| publisher.event(stamped));
                if let Some(error) = journal.new_failure() {
                    output::warn(&format!("{error}; the run goes on without it"));
                }
                live.event(stamped);
            }
            Notice::ObtainingTokens(wanted) => live.obtaining_tokens(wanted),
            Notice::Closing => live.closing(),
            Notice::Settling(settling) => show_settling(&mut live, settling),
            Notice::Look(run) => {
                warn_of_losses(&journal.losses(run));
            }
        };
        conduct::run(header, &survey, dialer, &mut interrupt, &mut sink).await
    };
    live.clear();
    let mut run = conducted.run;

    warn_of_losses(&journal.losses_now(&run));
    let (exit, mut failures) = show(job, &record, &judge(&run), output);
    if let Some(publishing) = publishing {
        let owes_retention = AfterRun::end_live(publisher, &mut run).await;
        let way_in = (&journal.entry(), &record);
        let published = publishing.publish(job, owes_retention, &run, &mut interrupt, way_in, output);
        failures.extend(while_watching_record(&mut journal, &run, published).await.err());
        warn_of_losses(&journal.losses_now(&run));
    }
    match journal.finish() {
        Ok(()) => {}
        // The user wanted the end, and gets that exit.
        Err(error @ JournalError::Unread) => output::warn(&error.to_string()),
        Err(error) => failures.push(record_complaint(&error)),
    }
    failures.extend(conducted.settle_failure.map(|failure| settle_complaint(&failure, job, &record.get())));
    finish(failures, exit)
}

/// Does something that takes its time, while the record is looked after.
async fn while_watching_record<T>(journal: &mut Journal, run: &Run, work: impl Future<Output = T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => warn_of_losses(&journal.losses(run)),
        }
    }
}

fn warn_of_losses(losses: &[RecordLoss]) {
    losses.iter().for_each(|loss| output::warn(&loss.to_string()));
}

pub(super) fn show_settling(live: &mut Live, settling: &Settling) {
    live.settling(settling.reads, settling.trouble.as_deref(), settling.next_read, settling.deadline);
}

/// Shows what a run came to, and writes it where it was asked for; what is shown is not lost by what fails.
fn show(job: &Job, record: &RecordPath, judged: &Judged<'_>, output: &Output) -> (Exit, Vec<Complaint>) {
    output.result(&results(judged, output));
    if !output::is_streamed(&job.record) && !record.is_lost() {
        output.result(&footer(job, &record.get(), judged));
    }
    let failures = write_all(&job.exports, judged, output).err().into_iter().collect();
    (of_judged(judged, job.settings.plan.rule.require), failures)
}

/// The order of the contract: 1, 129/130/143, 4, 5, 6. Every failure is said; the last one by the caller.
pub(super) fn finish(mut failures: Vec<Complaint>, exit: Exit) -> Result<Exit, Complaint> {
    let last = failures.pop();
    for failure in &failures {
        output::complain(failure);
    }
    match (last, signals::exit()) {
        (Some(complaint), _) => Err(complaint),
        (None, _) if exit == Exit::Failed => Err(Complaint::failed(
            "no connection of the whole run could be opened",
            "the failures above tell at which phase and why",
        )),
        (None, Some(signal)) => Ok(signal),
        (None, None) => Ok(exit),
    }
}

fn results(judged: &Judged<'_>, output: &Output) -> String {
    let table = report::results(judged, output.layout());
    if output.quiet { table } else { format!("\n{table}") }
}

/// Where the results lie, and what to do when CloudWatch was not waited for.
fn footer(job: &Job, record: &Path, judged: &Judged<'_>) -> String {
    let shown = output::shown(record);
    let mut text = format!("\nrecord  {shown}\nreport  albcap report {shown} --format html\n");
    if let Some(from) = judged.readable_from().filter(|_| judged.run.series.is_none()) {
        text.push_str(&format!(
            "CloudWatch was not read; from {} on it can be:  {}\n",
            from.format("%Y-%m-%d %H:%M:%S UTC"),
            analyze(job, record)
        ));
    }
    text
}

/// The command that reads CloudWatch later, as whom and where the run would have done it.
fn analyze(job: &Job, record: &Path) -> String {
    format!("albcap analyze {}{}", output::record_word(record), job.access.words())
}

fn dialer_complaint(error: &DialerError) -> Complaint {
    let remedy = match error {
        DialerError::TokenTls(_) => "check --token-cacert, --token-cert and --token-key",
        DialerError::Tls(_) | DialerError::ServerName(_) => "check the URL, --cacert, --cert and --key",
    };
    Complaint::usage(error, remedy)
}

pub(super) fn record_complaint(error: &JournalError) -> Complaint {
    use std::io::ErrorKind::{BrokenPipe, FileTooLarge, QuotaExceeded, StorageFull};
    let remedy = match error {
        JournalError::Exists(_) => "give another --record, or move that file away",
        JournalError::InUse(_) => "wait until that process has ended",
        JournalError::Create { .. } => "give a --record in a folder that can be written to",
        JournalError::NoThread(_) => "end other processes, or allow this user more of them (ulimit -u)",
        JournalError::Open { .. } => "give the path of a .jsonl file that a run has written",
        JournalError::Unread => "keep the reader of --record - reading to the end, or record to a file",
        JournalError::Lost(_) => "the results above are complete; keep other programs away from the record",
        JournalError::Write(source) => match source.kind() {
            BrokenPipe => {
                "the results above are complete; give --record - a reader that stays to the end, or a file"
            }
            StorageFull | QuotaExceeded | FileTooLarge => {
                "the results above are complete; free some room on the disk before the next run"
            }
            _ => "the results above are complete; give a --record on another disk to the next run",
        },
    };
    Complaint::failed(error, remedy)
}

fn settle_complaint(failure: &SettleFailure, job: &Job, record: &Path) -> Complaint {
    let SettleFailure::Aws(error) = failure;
    Complaint::failed(
        format!("CloudWatch could not be read: {error}"),
        format!("{}; nothing is lost: run '{}' then", error.remedy(), analyze(job, record)),
    )
}
