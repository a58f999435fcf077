//! `albcap analyze`: CloudWatch read again for a run's window, and judged again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::args::AnalyzeArgs;
use super::config::Parsed;
use super::outcome::{Exit, of_judged};
use super::report::unreadable;
use super::run::{finish, record_complaint, show_settling};
use super::settings::{Export, aws_settings, cloudwatch, prices, write_all};
use super::{Complaint, Output};
use crate::aws::Aws;
use crate::conduct::{Interrupt, read_series};
use crate::facts::{Facts, LoadBalancerFacts, Series, Subject};
use crate::judge::judge;
use crate::judge::wording::{plural, show_count, spoken};
use crate::plan::{CloudWatchPlan, Period, Window, later, offset_by};
use crate::record::{self, Event, Reopened, Run, Stamped};
use crate::{machine, report};

pub(super) async fn command(
    args: &AnalyzeArgs,
    parsed: &Parsed,
    mut interrupt: Interrupt,
    output: &Output,
) -> Result<Exit, Complaint> {
    let exports = Export::all(&args.export, Some(&args.record))?;
    // Held to the end, so that nobody appends between what is read here and what is appended.
    let reopened = match args.aws.no_aws {
        true => None,
        false => Some(Reopened::open(&args.record).map_err(|error| record_complaint(&error))?),
    };
    let mut run = record::read(&args.record).map_err(|error| unreadable(&error))?;
    let kept = match &reopened {
        Some(reopened) => {
            let learned = read_again(args, parsed, &run, &mut interrupt, output).await?;
            run.learn(&learned);
            if learned.is_empty() { Ok(()) } else { keep(reopened, &learned, output) }
        }
        None => Ok(()),
    };
    let judged = judge(&run);
    // As after a run: what was measured is shown, whatever fails afterwards.
    let table = if output.quiet { report::results } else { report::table };
    output.result(&table(&judged, output.layout()));
    let failures = [write_all(&exports, &judged, output).err(), kept.err()];
    finish(failures.into_iter().flatten().collect(), of_judged(&judged, judged.run.header.plan.rule.require))
}

/// Reads CloudWatch; what it said is to be appended to the record. Nothing where the user would not wait for it.
async fn read_again(
    args: &AnalyzeArgs,
    parsed: &Parsed,
    run: &Run,
    interrupt: &mut Interrupt,
    output: &Output,
) -> Result<Vec<Stamped>, Complaint> {
    let prices = prices(args.aws.prices.as_deref())?;
    let plan = cloudwatch_plan(args, parsed, run);
    let window = Window::of(run, plan).ok_or_else(|| {
        Complaint::failed(
            "the record holds no level, so there is no window to read",
            "run again; it was stopped before its first connection",
        )
    })?;
    let ahead = run.clock_ahead().unwrap_or_default();
    refuse_what_is_gone(&window, offset_by(Utc::now(), -ahead))?;
    tell_what_is_gone(run, &window, Utc::now(), output);
    let named = [&args.aws.load_balancer, &run.header.plan.load_balancer];
    let settings = aws_settings(&args.aws.access).near(named.into_iter().flatten(), run.load_balancer());
    let found = async {
        let aws = Aws::connect(&settings).await.map_err(|error| Complaint::of_aws(&error))?;
        let facts = load_balancer(args, run, &aws).await?;
        Ok::<_, Complaint>((aws, facts))
    };
    let Some(found) = interrupt.unless_set(found).await else { return Ok(Vec::new()) };
    let (aws, facts) = found?;
    tracing::info!(
        "the window is {} to {}, in periods of {} s",
        window.from,
        window.until,
        window.period.seconds()
    );
    let series = series(&aws, &facts.subject(), &window, ahead, plan.settle, interrupt, output).await?;
    let Some(series) = series else { return Ok(Vec::new()) };

    let recorded = run.facts.clone();
    let mut learned =
        recorded.clone().unwrap_or_else(|| Facts { machine: machine::observe(), ..Facts::default() });
    learned.load_balancer = Some(facts);
    if let Some(prices) = prices {
        learned.prices = prices;
    }
    let mut events = Vec::new();
    if recorded.as_ref() != Some(&learned) {
        events.push(Event::Facts(Box::new(learned)));
    }
    events.push(Event::ServerSeries(Box::new(series)));
    Ok(events.into_iter().map(|event| Stamped::new(Utc::now(), event)).collect())
}

/// Nothing can be read any more of a load that was over so long ago; an empty answer would look like metrics that are
/// missing.
fn refuse_what_is_gone(window: &Window, now: DateTime<Utc>) -> Result<(), Complaint> {
    let kept_until = window.kept_until();
    if now <= kept_until {
        return Ok(());
    }
    Err(Complaint::failed(
        format!(
            "{}, and the load was over at {} UTC",
            keeps(window.period),
            window.load_ended_at.format("%Y-%m-%d %H:%M"),
        ),
        "what was read before is in the record: add --no-aws to judge by that, or see albcap report RECORD",
    ))
}

/// Where the load's end is still kept, and the holds of its first levels are not. Both times are ours.
fn tell_what_is_gone(run: &Run, window: &Window, now: DateTime<Utc>, output: &Output) {
    let kept_from = offset_by(now, -window.period.kept());
    let gone = run.levels.iter().filter(|level| level.held_until.is_some_and(|until| until < kept_from));
    let gone: Vec<String> = gone.map(|level| show_count(level.connections.into())).collect();
    if !gone.is_empty() {
        let noun = if gone.len() == 1 { "level" } else { "levels" };
        let keeps = keeps(window.period);
        output.note(&format!("albcap: {keeps}: {noun} {} can't be checked any more\n", spoken(&gone)));
    }
}

/// `CloudWatch keeps numbers by 60 s for 15 days only`.
fn keeps(period: Period) -> String {
    let kept = match (period.kept().num_days(), period.kept().num_hours()) {
        (0, hours) => plural(hours.unsigned_abs(), "hour"),
        (days, _) => plural(days.unsigned_abs(), "day"),
    };
    format!("CloudWatch keeps numbers by {} s for {kept} only", period.seconds())
}

fn keep(record: &Reopened, learned: &[Stamped], output: &Output) -> Result<(), Complaint> {
    if record.is_read_only() {
        output.note("albcap: the record is read-only, so what CloudWatch said is shown but not kept\n");
        return Ok(());
    }
    record.append(learned).map_err(|error| record_complaint(&error))
}

/// The record's plan, under the flags that were given.
fn cloudwatch_plan(args: &AnalyzeArgs, parsed: &Parsed, run: &Run) -> CloudWatchPlan {
    let flags = cloudwatch(&args.aws);
    let Some(recorded) = run.header.plan.cloudwatch else { return flags };
    CloudWatchPlan {
        period: if parsed.is_given("period") { flags.period } else { recorded.period },
        baseline: if parsed.is_given("baseline") { flags.baseline } else { recorded.baseline },
        settle: flags.settle,
    }
}

/// The load balancer that is named now, that was found by the run, or that the URL's host leads to.
async fn load_balancer(args: &AnalyzeArgs, run: &Run, aws: &Aws) -> Result<LoadBalancerFacts, Complaint> {
    let plan = &run.header.plan;
    match (&args.aws.load_balancer, run.load_balancer()) {
        (None, Some(facts)) => Ok(facts.clone()),
        (named, _) => aws
            .find_load_balancer(named.as_ref().or(plan.load_balancer.as_ref()), &plan.destination().host())
            .await
            .map_err(|error| Complaint::of_aws(&error)),
    }
}

async fn series(
    aws: &Aws,
    subject: &Subject,
    window: &Window,
    ahead: TimeDelta,
    settle: Duration,
    interrupt: &mut Interrupt,
    output: &Output,
) -> Result<Option<Series>, Complaint> {
    // Its --settle counts from its first read, which waits only for a run that has just ended.
    let first_read =
        if settle.is_zero() { Utc::now() } else { Utc::now().max(offset_by(window.first_read(), ahead)) };
    let mut live = output.live();
    let series =
        read_series(aws, subject, window, ahead, later(first_read, settle), interrupt, &mut |settling| {
            show_settling(&mut live, settling);
        })
        .await;
    live.clear();
    series.map_err(|crate::conduct::SettleFailure::Aws(error)| Complaint::of_aws(&error))
}
