//! What is shown before the load: whose it is, what was checked, what is planned.

use anstyle::Style;

use super::layout::{BAD, GOOD, Layout, PLAIN, QUIET, STRONG, UNSURE};
use crate::judge::wording::{plural, show_duration};
use crate::judge::{Finding, Status};
use crate::plan::Mode;
use crate::record::Run;

/// The column in which the plan and the results begin, beside their label.
const BESIDE_PLAN: usize = 8;

/// The URL, and the load balancer where it is known.
pub fn heading(run: &Run, layout: Layout) -> String {
    let header = &run.header;
    let mut lines = layout.labelled(&[("albcap", STRONG)], BESIDE_PLAN, header.plan.url.as_str());
    let balancer = run.facts.as_ref().and_then(|f| f.load_balancer.as_ref());
    let place = match (balancer, &header.plan.cloudwatch) {
        (Some(balancer), _) => format!("{} · {}", balancer.arn.dimension(), balancer.arn.region()),
        (None, Some(_)) => "load balancer not known".to_owned(),
        (None, None) => "without AWS".to_owned(),
    };
    lines.extend(layout.indented(BESIDE_PLAN, &place));
    joined(&lines)
}

/// Which run it was, and when; for a run that is looked at again.
pub(super) fn which(run: &Run, layout: Layout) -> String {
    let at = run.started_at.format("%Y-%m-%d %H:%M:%S UTC");
    joined(&layout.indented(BESIDE_PLAN, &format!("run {} of {at}", run.header.run_id)))
}

/// What the checks found, a finding a line; the remedy below where something should be done. Empty without findings.
pub fn preflight(findings: &[Finding], layout: Layout) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut lines = vec![layout.paint(STRONG, "Preflight")];
    let longest = findings.iter().map(|f| f.check.chars().count()).max();
    // Two columns of margin, six of status, and two between each.
    let indent = 10 + longest.unwrap_or(0).min(24) + 2;
    for finding in findings {
        let (word, style) = status(finding.status);
        let text = match (finding.found.as_str(), finding.detail.as_str()) {
            (found, "") => found.to_owned(),
            ("", detail) => detail.to_owned(),
            (found, detail) => format!("{found}; {detail}"),
        };
        let word = format!("{word:<6}");
        let check = finding.check.replace('_', " ");
        let label = [("  ", PLAIN), (&word, style), ("  ", PLAIN), (&check, PLAIN)];
        lines.extend(layout.labelled(&label, indent, &text));
        if finding.status >= Status::Warn && !finding.remedy.is_empty() {
            lines.extend(layout.indented(indent, &format!("→ {}", finding.remedy)));
        }
    }
    joined(&lines)
}

/// What will be done and how long it can take.
pub fn plan(run: &Run, layout: Layout) -> String {
    joined(&layout.labelled(&[("Plan", STRONG)], BESIDE_PLAN, &planned(run)))
}

/// The plan in one sentence.
pub(super) fn planned(run: &Run) -> String {
    let plan = &run.header.plan;
    let most = plan.schedule.most();
    let levels = plural(most.levels, "level");
    let all = match (plan.schedule.search(), plan.mode) {
        (Some(search), _) => format!(
            "a search {search}, at most {levels} and {} in all",
            plural(most.connections, "connection")
        ),
        (None, Mode::Fresh) => format!("{levels}, {} in all", plural(most.connections, "connection")),
        (None, Mode::Cumulative) => format!(
            "{levels}, {} in all that live on from level to level (and one more for each that dies)",
            plural(plan.schedule.largest().into(), "connection")
        ),
    };
    let extension = match &plan.cloudwatch {
        Some(cloudwatch) if plan.hold.periods > 0 => format!(
            ", extended to contain {} of {} s",
            plural(u64::from(plan.hold.periods), "whole period"),
            cloudwatch.period.seconds()
        ),
        _ => String::new(),
    };
    let settling = match &plan.cloudwatch {
        Some(cloudwatch) if !cloudwatch.settle.is_zero() => {
            format!("; then up to {} for CloudWatch to settle", show_duration(cloudwatch.settle))
        }
        _ => String::new(),
    };
    let tokens = if plan.tokens.is_some() { ", each with a token of its own" } else { "" };
    let cost = run.findings.iter().find(|finding| finding.check == "cost" && !finding.found.is_empty());
    let cost = cost.map_or_else(String::new, |finding| format!("; AWS charges {}", finding.found));
    format!(
        "{all}{tokens}, at most {} (holds of {}{extension}){settling}{cost}",
        show_duration(plan.longest_load()),
        show_duration(plan.hold.duration),
    )
}

/// A finding's status as it is shown everywhere.
pub(super) fn status(status: Status) -> (&'static str, Style) {
    match status {
        Status::Pass => ("pass", GOOD),
        Status::Info => ("info", PLAIN),
        Status::Skip => ("skip", QUIET),
        Status::Warn => ("warn", UNSURE),
        Status::Refuse => ("refuse", BAD),
    }
}

fn joined(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}
