//! The frame of the page, and the answer at its top.

use std::fmt::Write;

use super::sections;
use crate::judge::wording::{factor, share, show_count};
use crate::judge::{Judged, Outcome, SearchEnd};
use crate::report::escape;
use crate::report::preflight::planned;
use crate::report::sentences::{capacity_note, ended, incomplete, limit, safe_load, searched, verdict_of};

const STYLE: &str = include_str!("style.css");

/// The report as one self-contained HTML page.
pub fn html(judged: &Judged<'_>) -> String {
    let url = escape::html(judged.run.header.plan.url.as_str());
    // Nothing may be loaded or run, even if an escape had a hole.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
    let version = escape::html(&judged.run.header.tool_version);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>albcap: {url}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{url}</h1>\n{}</header>\n<main>\n{}{}</main>\n\
         <footer>Made by albcap {version} from the run's record. Times are UTC.</footer>\n</body>\n</html>\n",
        about(judged),
        answer(judged),
        sections::all(judged),
    )
}

fn about(judged: &Judged<'_>) -> String {
    let run = judged.run;
    let balancer = run.facts.as_ref().and_then(|f| f.load_balancer.as_ref());
    let place = balancer
        .map_or_else(|| "without AWS".to_owned(), |b| format!("{} · {}", b.arn.dimension(), b.arn.region()));
    let about =
        format!("{place} · run {} of {} UTC", run.header.run_id, run.started_at.format("%Y-%m-%d %H:%M"));
    let mut out = format!("<p class=\"meta\">{}</p>\n", escape::html(&about));
    let plan = escape::html(&planned(run));
    // Writing to a String can't fail.
    let _ = writeln!(out, "<p class=\"meta\">Planned: {plan}</p>");
    if let Some(ended) = ended(judged) {
        let _ = writeln!(out, "<p class=\"unsure\">Ended: {}.</p>", escape::html(&ended));
    }
    if let Some(incomplete) = incomplete(run) {
        let _ = writeln!(out, "<p class=\"unsure\">Incomplete: {}.</p>", escape::html(&incomplete));
    }
    out
}

/// What was asked: how many, how many safely, does CloudWatch agree, what was the limit.
fn answer(judged: &Judged<'_>) -> String {
    let capacity = &judged.capacity;
    let note = capacity_note(judged);
    let note = note.trim_matches(['(', ')']);
    let safety = judged.run.header.plan.rule.safety.get();
    let mut out = String::from("<dl class=\"cards\">\n");
    out += &card("Maximum reliable concurrent connections", &limit(capacity.max_reliable), "", note);
    out += &card(
        &format!("Safe limit ({:.0}%)", safety * 100.0),
        &limit(capacity.safe_limit),
        "",
        &match safe_load(judged) {
            Some(asks) => format!("{} of the maximum; {asks}", share(safety)),
            None => format!("{} of the maximum", share(safety)),
        },
    );
    if let (Some(found), Some(said)) = (&judged.search, searched(judged)) {
        let class = if found.end == SearchEnd::Confirmed { "good" } else { "unsure" };
        out += &card("Search", &found.end.name().replace('_', " "), class, &said);
    }
    let outcome = judged.outcome();
    let measured =
        judged.correlation.as_ref().and_then(|both| both.active.factor).map_or_else(String::new, |f| {
            format!("ActiveConnectionCount is {} x the open connections", factor(f))
        });
    out += &card("CloudWatch", verdict_of(outcome), class(outcome), &measured);
    if let Some(limit) = capacity.limited_by {
        let failed = capacity
            .first_failed
            .map_or_else(String::new, |failed| format!("at level {}", show_count(u64::from(failed))));
        out += &card("Limited by", &limit.to_string(), "bad", &failed);
    }
    out + "</dl>\n"
}

fn card(title: &str, value: &str, class: &str, note: &str) -> String {
    let (title, value, note) = (escape::html(title), escape::html(value), escape::html(note));
    format!(
        "<div class=\"card\"><dt>{title}</dt><dd><span class=\"{class}\">{value}</span>\
         <div class=\"note\">{note}</div></dd></div>\n"
    )
}

/// The colour of an outcome.
pub(super) fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Agrees => "good",
        Outcome::Disagrees => "bad",
        Outcome::Inconclusive => "unsure",
        Outcome::NotChecked => "quiet",
    }
}
