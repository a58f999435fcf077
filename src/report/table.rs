//! The report on a terminal. The answer stands last, where the eye is.

use anstyle::Style;

use super::grid::{self, Column};
use super::layout::{BAD, GOOD, Layout, PLAIN, QUIET, STRONG, UNSURE};
use super::preflight::{heading, plan, preflight, which};
use super::sentences::{
    capacity_note, cut_short, ended, goes_on_after_failures, incomplete, initiator, limit, machine, obtained,
    on_one_line, opened_in, opening_notes, reasons, safe_load, searched, seconds, sentence, silence,
    verdict_of,
};
use crate::judge::wording::{factor, ms, percent, rounded, share, show_count};
use crate::judge::{Failures, Judged, JudgedLevel, Outcome, Total};

/// The column in which texts begin beside their labels.
const BESIDE_LABEL: usize = 17;

/// The column in which what belongs to a level begins.
const BELOW_LEVEL: usize = 9;

/// Sorts of failures shown below a level.
const MOST_SORTS: usize = 8;

/// Peers named beside a sort of failure.
const MOST_PEERS: usize = 3;

/// The whole report: what was known and planned before, and what came of it.
pub fn table(judged: &Judged<'_>, layout: Layout) -> String {
    let run = judged.run;
    let parts = [
        heading(run, layout) + &which(run, layout),
        preflight(&run.findings, layout) + &plan(run, layout),
        results(judged, layout),
    ];
    parts.join("\n")
}

/// What came of a run: levels, causes, CloudWatch, the answer.
pub fn results(judged: &Judged<'_>, layout: Layout) -> String {
    let mut parts = vec![levels(judged, layout)];
    let mut said = Vec::new();
    if let Some(ended) = ended(judged) {
        said.extend(layout.labelled(&[("Ended", STRONG)], BESIDE_LABEL, &ended));
    }
    if let Some(incomplete) = incomplete(judged.run) {
        said.extend(layout.labelled(&[("Incomplete", STRONG)], BESIDE_LABEL, &incomplete));
    }
    if let Some(searched) = searched(judged) {
        said.extend(layout.labelled(&[("Search", STRONG)], BESIDE_LABEL, &searched));
    }
    if let Some(machine) = machine(judged) {
        said.extend(layout.labelled(&[("This machine", STRONG)], BESIDE_LABEL, &machine));
    }
    said.extend(causes(judged, layout));
    said.extend(cloudwatch(judged, layout));
    if let Some(asks) = safe_load(judged) {
        said.extend(layout.labelled(&[("Safe limit asks", STRONG)], BESIDE_LABEL, &asks));
    }
    parts.push(said);
    parts.push(answer(judged, layout));
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| part.join("\n") + "\n")
        .collect::<Vec<_>>()
        .join("\n")
}

fn levels(judged: &Judged<'_>, layout: Layout) -> Vec<String> {
    if judged.levels.is_empty() {
        return vec!["  no level was started".into()];
    }
    let (header, rows) = grid::lines(layout, columns(judged));
    let mut lines = vec![header];
    for (level, row) in judged.levels.iter().zip(rows) {
        lines.push(row);
        lines.extend(below(judged, level, layout));
    }
    lines
}

fn columns(judged: &Judged<'_>) -> Vec<Column> {
    let mut connections = Column::new("level", 0);
    let mut held = Column::new("held", 0);
    let mut success = Column::new("success", 0);
    let mut at_least = Column::new("at least", 3);
    let mut beats = Column::new("beats", 1);
    let mut opening = Column::new("opened in", 5);
    let mut took = Column::new("took", 2);
    let mut connect = Column::new("connect p50/p99", 4);
    let mut active = Column::new("ALB active", 0);
    let mut ratio = Column::new("x", 0);
    let mut verdict = Column::new("CloudWatch", 0).of_words();
    let unknown = || "–".to_owned();
    for (ordinal, level) in judged.levels.iter().enumerate() {
        let count = |count: u32| show_count(u64::from(count));
        connections.push(count(level.connections()));
        held.push(level.held.map_or_else(unknown, count));
        let style = match level.passed {
            Some(true) => GOOD,
            Some(false) => BAD,
            None => PLAIN,
        };
        success.push_styled(level.success_rate.map_or_else(unknown, percent), style);
        at_least.push(level.success_rate_low95.map_or_else(unknown, percent));
        beats.push(level.avg_heartbeats.map_or_else(unknown, |beats| format!("{beats:.1}")));
        opening.push(level.opening().map_or_else(unknown, opened_in));
        took.push(level.duration.map_or_else(unknown, seconds));
        connect.push(
            level
                .run
                .connect_us
                .summary()
                .map_or_else(unknown, |l| format!("{} / {} ms", ms(l.p50), ms(l.p99))),
        );
        if let Some(fit) = judged.fit(ordinal) {
            active.push(fit.server.map_or_else(unknown, rounded));
            ratio.push(fit.ratio.map_or_else(unknown, factor));
            verdict.push_styled(verdict_of(fit.verdict), colour(fit.verdict));
        }
    }
    let mut columns = vec![connections, held, success, at_least, beats, opening, took, connect];
    if judged.correlation.is_some() {
        columns.extend([active, ratio, verdict]);
    }
    columns
}

/// What a level's line can't hold: its tokens, why it is no pass, and what failed.
fn below(judged: &Judged<'_>, level: &JudgedLevel<'_>, layout: Layout) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(tokens) = level.run.tokens {
        lines.extend(layout.indented(BELOW_LEVEL, &format!("Generated {}", obtained(tokens))));
    }
    for note in opening_notes(judged, level) {
        lines.extend(layout.indented(BELOW_LEVEL, &note));
    }
    let threshold = judged.run.header.plan.rule.threshold.get();
    let note = match level.passed {
        Some(true) => None,
        Some(false) => {
            let why = if level.limited_by_machine { "; this machine was the limit" } else { "" };
            Some(("failed", BAD, format!("below the threshold of {}{why}", share(threshold))))
        }
        None => Some(("cut short", UNSURE, cut_short(level))),
    };
    if let Some((word, style, rest)) = note {
        let label = [(" ".repeat(BELOW_LEVEL), PLAIN), (word.to_owned(), style)];
        let label: Vec<(&str, Style)> = label.iter().map(|(t, s)| (t.as_str(), *s)).collect();
        let beside = BELOW_LEVEL + word.len() + 2;
        lines.extend(layout.labelled(&label, beside, &rest));
    }
    for failures in level.failures.iter().take(MOST_SORTS) {
        lines.extend(failed(failures, layout));
    }
    let more = level.failures.len().saturating_sub(MOST_SORTS);
    if more > 0 {
        let text = format!("and {more} more sorts of failures, in the JSON report");
        lines.extend(layout.indented(BELOW_LEVEL, &text));
    }
    lines
}

fn failed(failures: &Failures, layout: Layout) -> Vec<String> {
    let count = show_count(u64::from(failures.count));
    let phase = format!("{:?}", failures.phase).to_lowercase();
    let kind = failures.kind.to_string();
    let by = initiator(failures.by);
    let head = format!("{}{count:>6} {phase:<7} {kind:<13} {by:<14}", " ".repeat(BELOW_LEVEL - 2));
    let mut details = Vec::new();
    details.extend(silence(failures).map(|s| format!("silent {s}")));
    if !failures.peers.is_empty() {
        let shown = failures.peers.iter().take(MOST_PEERS).cloned();
        let more = failures.peers.len().saturating_sub(MOST_PEERS);
        let more = (more > 0).then(|| format!("{more} more"));
        let all: Vec<String> = shown.chain(more).collect();
        details.push(format!("from {}", all.join(", ")));
    }
    let indent = head.chars().count() + 1;
    let mut lines = layout.labelled(&[(&head, PLAIN)], indent, &details.join("  "));
    if !failures.example.is_empty() {
        let said = layout.one_line(BELOW_LEVEL + 5, &format!("said: {}", on_one_line(&failures.example)));
        lines.push(layout.paint(QUIET, &said));
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

fn causes(judged: &Judged<'_>, layout: Layout) -> Vec<String> {
    let mut label = match judged.capacity.first_failed {
        Some(_) if goes_on_after_failures(judged) => "Why it failed",
        Some(_) => "Why it stopped",
        None => "Noticed",
    };
    let mut lines = Vec::new();
    for diagnosis in &judged.diagnosis {
        let evidence: Vec<String> = diagnosis.evidence.iter().map(|e| sentence(e)).collect();
        let text = format!("{} {}", diagnosis.cause, evidence.join(" "));
        lines.extend(layout.labelled(&[(label, STRONG)], BESIDE_LABEL, &text));
        let remedy = format!("→ {}", diagnosis.remedy);
        lines.extend(layout.indented(BESIDE_LABEL, &remedy));
        label = "";
    }
    lines
}

fn cloudwatch(judged: &Judged<'_>, layout: Layout) -> Vec<String> {
    let outcome = judged.outcome();
    let reasons = reasons(judged);
    let label = [("CloudWatch", STRONG), ("       ", PLAIN), (verdict_of(outcome), colour(outcome))];
    let beside = BESIDE_LABEL + verdict_of(outcome).chars().count() + 2;
    let mut text = layout.labelled(&label, beside, reasons.first().map_or("", String::as_str));
    // Only the first line stands beside the verdict; the others have the whole width.
    if text.len() > 1 {
        text = layout.labelled(&label, beside, "");
        let all = layout.indented(BESIDE_LABEL, reasons.first().map_or("", String::as_str));
        text.extend(all);
        text[0] = text[0].trim_end().to_owned();
    }
    for reason in reasons.iter().skip(1) {
        text.extend(layout.indented(BESIDE_LABEL, reason));
    }
    if let Some(totals) = totals(judged) {
        text.extend(layout.indented(BESIDE_LABEL, &totals));
    }
    if let Some(zones) = zones(judged) {
        text.extend(layout.indented(BESIDE_LABEL, &zones));
    }
    text
}

/// `Zones: us-east-1a 33.4 % · us-east-1b 66.6 %`.
fn zones(judged: &Judged<'_>) -> Option<String> {
    let zones = &judged.correlation.as_ref()?.spread.zones;
    let parts: Vec<String> =
        zones.iter().map(|zone| format!("{} {}", zone.zone, percent(zone.share))).collect();
    (!parts.is_empty()).then(|| format!("Zones: {}", parts.join(" · ")))
}

/// `new 2.00 x · requests 1.00 x · bytes 0.98 x`.
fn totals(judged: &Judged<'_>) -> Option<String> {
    let both = judged.correlation.as_ref()?;
    let part = |name: &str, total: &Option<Total>| {
        let ratio = total.as_ref()?.ratio?;
        Some(format!("{name} {} x", factor(ratio)))
    };
    let parts: Vec<String> = [
        part("new connections", &both.new_connections),
        part("requests", &both.requests),
        part("bytes", &both.processed_bytes),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!parts.is_empty()).then(|| format!("Over the whole load: {}", parts.join(" · ")))
}

fn answer(judged: &Judged<'_>, layout: Layout) -> Vec<String> {
    let capacity = &judged.capacity;
    let note = capacity_note(judged);
    let maximum = format!("Maximum reliable concurrent connections: {}", limit(capacity.max_reliable));
    let safe = format!(
        "Safe limit ({:.0}%): {}",
        judged.run.header.plan.rule.safety.get() * 100.0,
        limit(capacity.safe_limit)
    );
    let painted = layout.paint(STRONG, &maximum);
    let beside = maximum.len() + 3 + note.len() <= layout.columns();
    let mut lines =
        if beside { vec![format!("{painted}   {note}")] } else { vec![painted, format!("  {note}")] };
    lines.push(layout.paint(STRONG, &safe));
    lines
}

/// The colour of an outcome.
fn colour(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Agrees => GOOD,
        Outcome::Disagrees => BAD,
        Outcome::Inconclusive => UNSURE,
        Outcome::NotChecked => QUIET,
    }
}
