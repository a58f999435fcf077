//! `albcap analyze`: CloudWatch read again for a run's window, and judged again.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::args::AnalyzeArgs;
use super::config::Parsed;
use super::outcome::{Exit, of_judged};
use super::report::unreadable;
use super::run::{finish, record_complaint, show_settling};
use super::settings::{Export, aws_settings, cloudwatch, prices, write_all};
use super::{Complaint, Output, signals};
use crate::aws::Aws;
use crate::conduct::{Interrupt, SettleFailure, SettleWait, read_series};
use crate::facts::{Facts, LoadBalancerFacts, Series};
use crate::judge::judge;
use crate::judge::wording::{plural, show_count, spoken};
use crate::plan::{CloudWatchPlan, LoadBalancerRef, Period, Window, offset_by};
use crate::record::{self, Event, Reopened, Run, Stamped};
use crate::{machine, report};

pub(super) async fn command(args: &AnalyzeArgs, parsed: &Parsed, output: &Output) -> Result<Exit, Complaint> {
    let began = Instant::now();
    let exports = Export::all(&args.export, Some(&args.record))?;
    // Held to the end, so that nobody appends between what is read here and what is appended.
    let reopened = match args.aws.no_aws {
        true => None,
        false => Some(Reopened::open(&args.record).map_err(|error| record_complaint(&error))?),
    };
    let mut run = record::read(&args.record).map_err(|error| unreadable(&error))?;
    let mut interrupt = signals::listen()?;
    let kept = match &reopened {
        Some(reopened) => {
            let learned = read_again(args, parsed, &run, began, &mut interrupt, output).await?;
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
    began: Instant,
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
    if let Some(series) = final_series(run, &window, args.aws.load_balancer.as_ref()) {
        let read_at = series.read_at.format("%Y-%m-%d %H:%M:%S UTC");
        output.note(&format!(
            "albcap: CloudWatch's numbers are final, read at {read_at}; not querying AWS again\n"
        ));
        let facts =
            run.facts.clone().map(|facts| Facts { prices: prices.unwrap_or(facts.prices.clone()), ..facts });
        return Ok(events(run, facts, None));
    }
    let ahead = run.clock_ahead().unwrap_or_default();
    refuse_what_is_gone(&window, offset_by(Utc::now(), -ahead))?;
    tell_what_is_gone(run, &window, Utc::now(), output);
    let named = [&args.aws.load_balancer, &run.header.plan.load_balancer];
    let settings = aws_settings(&args.aws.access).near(named.into_iter().flatten(), run.load_balancer());
    let wait = SettleWait::of_command(began, plan.settle);
    let found = async {
        let aws = Aws::connect(&settings).await.map_err(|error| Complaint::of_aws(&error))?;
        let facts = load_balancer(args, run, &aws).await?;
        Ok::<_, Complaint>((aws, facts))
    };
    let Some(found) = interrupt.unless_set(wait.limit(found)).await else { return Ok(Vec::new()) };
    let (aws, facts) = found.ok_or_else(unanswered)??;
    tracing::info!(
        "the window is {} to {}, in periods of {} s",
        window.from,
        window.until,
        window.period.seconds()
    );
    let mut live = output.live();
    let subject = facts.subject();
    let series = read_series(&aws, &subject, &window, ahead, wait, interrupt, &mut |settling| {
        show_settling(&mut live, settling);
    })
    .await;
    live.clear();
    let series = series.map_err(|SettleFailure::Aws(error)| Complaint::of_aws(&error))?;
    let Some(series) = series else { return Ok(Vec::new()) };
    if !series.is_final() && run.series.as_ref().is_some_and(Series::is_final) {
        output.note("albcap: CloudWatch's new numbers are provisional; keeping the record's final ones\n");
        return Ok(Vec::new());
    }

    let mut learned =
        run.facts.clone().unwrap_or_else(|| Facts { machine: machine::observe(), ..Facts::default() });
    learned.load_balancer = Some(facts);
    if let Some(prices) = prices {
        learned.prices = prices;
    }
    Ok(events(run, Some(learned), Some(series)))
}

/// The events to append: facts that differ from the record's, and the series.
fn events(run: &Run, facts: Option<Facts>, series: Option<Series>) -> Vec<Stamped> {
    let facts = facts.filter(|facts| run.facts.as_ref() != Some(facts));
    let facts = facts.map(|facts| Event::Facts(Box::new(facts)));
    let series = series.map(|series| Event::ServerSeries(Box::new(series)));
    facts.into_iter().chain(series).map(|event| Stamped::new(Utc::now(), event)).collect()
}

/// The record's series, where it is final for this window and the load balancer that is named, if one is.
fn final_series<'a>(run: &'a Run, window: &Window, named: Option<&LoadBalancerRef>) -> Option<&'a Series> {
    run.series.as_ref().filter(|series| {
        series.is_final()
            && (series.period, series.from, series.until) == (window.period, window.from, window.until)
            && named.is_none_or(|named| named.means(&series.load_balancer))
    })
}

fn unanswered() -> Complaint {
    Complaint::failed(
        "credentials and the load balancer's details did not arrive within --settle",
        "check the network, --region and --endpoint-url, or give a longer --settle",
    )
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
