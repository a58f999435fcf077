//! The whole judgement, from one run.

use chrono::{DateTime, Utc};

use super::brake::why_braked;
use super::capacity::{Capacity, capacity};
use super::clock::Clock;
use super::correlation::{Correlation, correlate};
use super::diagnosis::{Case, Diagnosis, diagnose};
use super::safe_load::{SafeLoad, safe_load};
use super::search::{Searched, searched};
use super::server::Server;
use super::verdict::{Outcome, Verdict, verdict};
use super::window::Windows;
use super::{JudgedLevel, Limit, Strain};
use crate::facts::LoadBalancerFacts;
use crate::plan::Window;
use crate::record::{HowEnded, Run};

/// A run and what is made of it.
#[derive(Debug, Clone)]
pub struct Judged<'a> {
    /// The run.
    pub run: &'a Run,
    /// Its levels, in order.
    pub levels: Vec<JudgedLevel<'a>>,
    /// How many connections are reliable.
    pub capacity: Capacity,
    /// What the safe limit asks of the load balancer; `None` without one, or where no level passed.
    pub safe_load: Option<SafeLoad>,
    /// What a search for the limit came to; `None` where the levels were listed.
    pub search: Option<Searched>,
    /// The clients' side and CloudWatch's, compared; `None` without any server data.
    pub correlation: Option<Correlation>,
    /// Why connections failed, and whatever else can be explained.
    pub diagnosis: Vec<Diagnosis>,
    /// Whether CloudWatch and the clients tell the same story.
    pub verdict: Verdict,
    /// Which value broke which rule, where the brake stopped the run; the first of the verdict's reasons.
    pub braked: Option<String>,
}

/// Judges a run. Total: whatever a record says, there is a judgement of it; a run that still goes on, or was killed,
/// is judged by what is there.
pub fn judge(run: &Run) -> Judged<'_> {
    let rule = &run.header.plan.rule;
    let balancer = run.load_balancer();
    let at_first = balancer.map(LoadBalancerFacts::effective_idle_timeout);
    let levels: Vec<JudgedLevel<'_>> = run
        .levels
        .iter()
        .map(|level| JudgedLevel::of(level, rule, level.idle_timeout.or(at_first), Strain::of(level, run)))
        .collect();
    let capacity = capacity(&levels, rule);
    let server = run.series.as_ref().map(Server::of);
    let series = run.series.as_ref();
    let windows = series.map_or_else(Windows::default, |series| Windows::of(run, Clock::of(run), series));
    let correlation =
        series.zip(server.as_ref()).map(|(series, server)| correlate(run, series, server, &windows));
    let limited: Vec<String> =
        levels.iter().filter(|level| level.limited_by_machine).map(JudgedLevel::machine_reason).collect();
    let (of_run, of_levels) = machine_reasons(&limited, capacity.limited_by);
    let mut verdict = verdict(run, correlation.as_ref(), of_run.as_deref());
    verdict.reasons.extend(of_levels);
    let braked = why_braked(run);
    verdict.reasons.splice(0..0, braked.clone());
    let diagnosis = diagnose(&Case {
        run,
        levels: &levels,
        server: server.as_ref(),
        windows: &windows,
        correlation: correlation.as_ref(),
    });
    let search = searched(run, &levels, &capacity);
    let safe_load = safe_load(run, &levels, &capacity, server.as_ref(), &windows);
    Judged { run, levels, capacity, safe_load, search, correlation, diagnosis, verdict, braked }
}

/// Why this machine was the run's limit, with every level that it limited; or else, why it was the limit of levels
/// beyond the first failed one only, which leaves the outcome as it is.
fn machine_reasons(limited: &[String], limited_by: Option<Limit>) -> (Option<String>, Option<String>) {
    if limited.is_empty() {
        return (None, None);
    }
    let each = limited.join("; and ");
    if limited_by == Some(Limit::Machine) {
        let why = format!(
            "this machine was the limit, so that the run says nothing about the load balancer: {each}"
        );
        (Some(why), None)
    } else {
        let why =
            format!("this machine was a level's limit, which says nothing about the load balancer: {each}");
        (None, Some(why))
    }
}

impl Judged<'_> {
    /// Whether CloudWatch and the clients tell the same story.
    pub fn outcome(&self) -> Outcome {
        self.verdict.outcome
    }

    /// Whether any connection of the whole run could be opened.
    pub fn any_opened(&self) -> bool {
        self.run.opened() > 0
    }

    /// Whether any connection of the whole run failed.
    pub fn any_failed(&self) -> bool {
        self.run.levels.iter().any(|level| level.counts.failed > 0 || level.failed() > 0)
    }

    /// Whether the brake stopped it.
    pub fn is_aborted(&self) -> bool {
        self.run.ended.is_some_and(|(_, how)| how == HowEnded::Aborted)
    }

    /// Whether this machine, not the load balancer, was what made a level fail.
    pub fn machine_limited(&self) -> bool {
        self.capacity.limited_by == Some(Limit::Machine)
    }

    /// From when on, by this machine's clock, a single read of CloudWatch is final for the whole load; `None` where
    /// CloudWatch was not to be asked, or no connection was opened, so that nothing could be compared.
    pub fn readable_from(&self) -> Option<DateTime<Utc>> {
        let plan = self.run.header.plan.cloudwatch.as_ref()?;
        let by_aws = Window::of(self.run, *plan).filter(|_| self.any_opened())?.converged_at();
        by_aws.checked_add_signed(self.run.clock_ahead().unwrap_or_default())
    }

    /// A time of the run by AWS's clock, which CloudWatch's periods go by; as it is where the clocks were not compared.
    pub fn by_aws(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        Clock::of(self.run).by_aws(at)
    }

    /// The level's place in the comparison, by its ordinal.
    pub fn fit(&self, level: usize) -> Option<&super::LevelFit> {
        self.correlation.as_ref()?.active.levels.get(level)
    }
}
