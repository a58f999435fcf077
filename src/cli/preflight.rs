//! `albcap preflight`: the checks alone.

use chrono::Utc;

use super::args::RunArgs;
use super::settings::Settings;
use super::{Complaint, Exit, Output, output, signals};
use crate::conduct::{Survey, survey};
use crate::record::{Header, Run};
use crate::{preflight, report};

pub(super) async fn command(args: &RunArgs, output: &Output) -> Result<Exit, Complaint> {
    let settings = Settings::from(args)?;
    let mut interrupt = signals::listen()?;
    let Some(survey) = interrupt.unless_set(survey(&settings.inquiry())).await else {
        return Ok(signals::before_the_load());
    };
    // Here the findings are the result, so that --quiet does not take them away.
    show(&settings.header("preflight"), &survey, &output.never_quiet());
    refuse(&survey, &settings.forced)?;
    Ok(Exit::Done)
}

/// Prints the head of a run: target, findings, plan.
pub(super) fn show(header: &Header, survey: &Survey, output: &Output) {
    if output.quiet {
        return;
    }
    let mut run = Run::new(Utc::now(), header.clone());
    run.facts = Some(survey.facts.clone());
    run.findings.clone_from(&survey.findings);
    let layout = output.layout();
    let parts =
        [report::heading(&run, layout), report::preflight(&run.findings, layout), report::plan(&run, layout)];
    output.result(&parts.concat());
}

/// The first refusal that is not forced, as the error of the command; all are in the findings. What is forced is named.
pub(super) fn refuse(survey: &Survey, forced: &[String]) -> Result<(), Complaint> {
    if let Some(finding) = preflight::refusals(&survey.findings, forced).first() {
        return Err(Complaint::refused(&finding.detail, &finding.remedy));
    }
    for finding in preflight::passed_by_force(&survey.findings, forced) {
        output::warn(&format!("going on past {} (--force): {}", finding.check, finding.detail));
    }
    Ok(())
}
