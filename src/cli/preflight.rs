//! `albcap preflight`: the checks alone.

use chrono::Utc;

use super::args::RunArgs;
use super::settings::Settings;
use super::{Complaint, Exit, Output};
use crate::conduct::{Survey, survey};
use crate::record::{Header, Run};
use crate::{preflight, report};

pub(super) async fn command(args: &RunArgs, output: &Output) -> Result<Exit, Complaint> {
    let settings = Settings::from(args)?;
    let survey = survey(&settings.plan, settings.aws.as_ref()).await;
    // Here the findings are the result, so that --quiet does not take them away.
    show(&settings.header("preflight"), &survey, &output.never_quiet())?;
    refuse(&survey, &settings.forced)?;
    Ok(Exit::Done)
}

/// Prints the head of a run: target, findings, plan.
pub(super) fn show(header: &Header, survey: &Survey, output: &Output) -> Result<(), Complaint> {
    if output.quiet {
        return Ok(());
    }
    let mut run = Run::new(Utc::now(), header.clone());
    run.facts = Some(survey.facts.clone());
    run.findings.clone_from(&survey.findings);
    let layout = output.layout();
    let parts =
        [report::heading(&run, layout), report::preflight(&run.findings, layout), report::plan(&run, layout)];
    output.result(&parts.concat())
}

/// The first refusal that is not forced, as the error of the command; all are in the findings.
pub(super) fn refuse(survey: &Survey, forced: &[String]) -> Result<(), Complaint> {
    match preflight::refusals(&survey.findings, forced).first() {
        Some(finding) => Err(Complaint::refused(&finding.detail, &finding.remedy)),
        None => Ok(()),
    }
}
