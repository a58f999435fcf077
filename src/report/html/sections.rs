//! What stands below the answer: the picture, the levels, the causes, the comparison, the checks.

use super::chart::chart;
use super::machine::machine;
use super::page::class;
use super::spread::spread;
use crate::judge::wording::{factor, ms, percent, rounded, share, show_bytes, show_count};
use crate::judge::{Judged, JudgedLevel, Status, Total};
use crate::report::escape;
use crate::report::sentences::{
    goes_on_after_failures, initiator, obtained, on_one_line, opened_in, opening_notes, reasons, seconds,
    sentence, silence, verdict_of,
};

/// All sections that have something to say, in reading order.
pub(super) fn all(judged: &Judged<'_>) -> String {
    [
        picture(judged),
        levels(judged),
        failures(judged),
        causes(judged),
        comparison(judged),
        machine(judged),
        preflight(judged),
    ]
    .concat()
}

pub(super) fn section(title: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    format!("<section>\n<h2>{title}</h2>\n{body}</section>\n")
}

/// A cell: its class and its text, not yet escaped.
pub(super) struct Cell(pub(super) &'static str, pub(super) String);

pub(super) fn number(text: impl Into<String>) -> Cell {
    Cell("", text.into())
}

pub(super) fn word(text: impl Into<String>) -> Cell {
    Cell("word", text.into())
}

fn text(text: impl Into<String>) -> Cell {
    Cell("text", text.into())
}

/// A table of (heading, is it of words) and rows.
pub(super) fn table(headings: &[(&str, bool)], rows: &[Vec<Cell>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    // A column in which nobody has anything to say is left out.
    let speaks = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|c| !c.1.is_empty()));
    let speaking: Vec<usize> = (0..headings.len()).filter(|at| speaks(*at)).collect();
    let head: String = speaking
        .iter()
        .map(|at| headings[*at])
        .map(|(heading, words)| {
            let class = if words { " class=\"word\"" } else { "" };
            format!("<th scope=\"col\"{class}>{heading}</th>")
        })
        .collect();
    let body: String = rows
        .iter()
        .map(|row| {
            let cells: String = speaking
                .iter()
                .filter_map(|at| row.get(*at))
                .map(|Cell(class, text)| match *class {
                    "" => format!("<td>{}</td>", escape::html(text)),
                    class => format!("<td class=\"{class}\">{}</td>", escape::html(text)),
                })
                .collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    format!(
        "<div class=\"wide\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )
}

fn picture(judged: &Judged<'_>) -> String {
    section("Connections over time", &chart(judged).unwrap_or_default())
}

fn levels(judged: &Judged<'_>) -> String {
    let compared = judged.correlation.is_some();
    let mut headings = vec![
        ("level", false),
        ("held", false),
        ("success", false),
        ("at least", false),
        ("result", true),
        ("beats", false),
        ("opened in", false),
        ("took", false),
        ("connect p50 / p99", false),
        ("pong p99", false),
        ("tokens", false),
    ];
    if compared {
        headings.extend([("ALB active", false), ("x", false), ("CloudWatch", true)]);
    }
    let rows: Vec<Vec<Cell>> = judged
        .levels
        .iter()
        .enumerate()
        .map(|(ordinal, level)| {
            let mut row = level_row(level);
            if compared {
                row.extend(fit_cells(judged, ordinal));
            }
            row
        })
        .collect();
    let threshold = share(judged.run.header.plan.rule.threshold.get());
    let key = format!(
        "<p class=\"meta\">A level passes when at least {threshold} of its connections are open at the end of the hold, \
         with every heartbeat answered. “At least” is the lower end of the 95 % interval of the success rate; \
         “beats” are heartbeats answered per connection.</p>\n"
    );
    let table = table(&headings, &rows);
    let key = if table.is_empty() { String::new() } else { key };
    let notes: String = judged
        .levels
        .iter()
        .flat_map(|level| {
            opening_notes(judged, level).into_iter().map(move |note| (level.connections(), note))
        })
        .map(|(level, note)| {
            format!("<p>Level {}: {}</p>\n", show_count(level.into()), escape::html(&sentence(&note)))
        })
        .collect();
    section("Levels", &(table + &notes + &key))
}

fn unknown() -> String {
    "–".into()
}

fn level_row(level: &JudgedLevel<'_>) -> Vec<Cell> {
    let count = |count: u32| show_count(u64::from(count));
    let result = match level.passed {
        Some(true) => Cell("word good", "passed".into()),
        Some(false) => Cell("word bad", "failed".into()),
        None => Cell("word unsure", "cut short".into()),
    };
    let connect = level.run.connect_us.summary();
    let pong = level.run.heartbeat_rtt_us.summary();
    vec![
        number(count(level.connections())),
        number(level.held.map_or_else(unknown, count)),
        number(level.success_rate.map_or_else(unknown, percent)),
        number(level.success_rate_low95.map_or_else(unknown, percent)),
        result,
        number(level.avg_heartbeats.map_or_else(unknown, |b| format!("{b:.1}"))),
        number(level.opening().map_or_else(unknown, opened_in)),
        number(level.duration.map_or_else(unknown, seconds)),
        number(connect.map_or_else(unknown, |l| format!("{} / {} ms", ms(l.p50), ms(l.p99)))),
        number(pong.map_or_else(unknown, |l| format!("{} ms", ms(l.p99)))),
        number(level.run.tokens.map_or_else(String::new, obtained)),
    ]
}

fn fit_cells(judged: &Judged<'_>, ordinal: usize) -> Vec<Cell> {
    let Some(fit) = judged.fit(ordinal) else {
        return Vec::new();
    };
    let class = match class(fit.verdict) {
        "good" => "word good",
        "bad" => "word bad",
        "unsure" => "word unsure",
        _ => "word quiet",
    };
    vec![
        number(fit.server.map_or_else(unknown, rounded)),
        number(fit.ratio.map_or_else(unknown, factor)),
        Cell(class, verdict_of(fit.verdict).into()),
    ]
}

fn failures(judged: &Judged<'_>) -> String {
    let rows: Vec<Vec<Cell>> = judged
        .levels
        .iter()
        .flat_map(|level| level.failures.iter().map(move |f| (level.connections(), f)))
        .map(|(level, f)| {
            vec![
                number(show_count(u64::from(level))),
                number(show_count(u64::from(f.count))),
                word(format!("{:?}", f.phase).to_lowercase()),
                word(f.kind.to_string()),
                word(initiator(f.by)),
                number(silence(f).unwrap_or_else(unknown)),
                text(f.peers.join(", ")),
                text(on_one_line(&f.example)),
            ]
        })
        .collect();
    let headings = [
        ("level", false),
        ("count", false),
        ("phase", true),
        ("kind", true),
        ("initiator", true),
        ("silence before", false),
        ("peers", true),
        ("example", true),
    ];
    section("Failures", &table(&headings, &rows))
}

fn causes(judged: &Judged<'_>) -> String {
    let (title, class) = match judged.capacity.first_failed {
        Some(_) if goes_on_after_failures(judged) => ("Why it failed", "cause"),
        Some(_) => ("Why it stopped", "cause"),
        None => ("Noticed", "cause noticed"),
    };
    let body: String = judged
        .diagnosis
        .iter()
        .map(|diagnosis| {
            let evidence: String = diagnosis
                .evidence
                .iter()
                .map(|e| format!("<li>{}</li>", escape::html(&sentence(e))))
                .collect();
            format!(
                "<div class=\"{class}\"><p>{}</p>\n<ul>{evidence}</ul>\n<p>{}</p></div>\n",
                escape::html(&diagnosis.cause),
                escape::html(&diagnosis.remedy),
            )
        })
        .collect();
    section(title, &body)
}

fn comparison(judged: &Judged<'_>) -> String {
    let outcome = judged.outcome();
    let mut body =
        format!("<p><strong class=\"{}\">{}</strong></p>\n", class(outcome), sentence(verdict_of(outcome)));
    for reason in reasons(judged) {
        body += &format!("<p>{}</p>\n", escape::html(&reason));
    }
    if let Some(both) = &judged.correlation {
        let bytes = |n: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            show_bytes(n.max(0.0) as u64)
        };
        let rows: Vec<Vec<Cell>> = [
            total("New connections (both legs: 2 x)", &both.new_connections, &rounded),
            total("Requests (upgrades)", &both.requests, &rounded),
            total("Bytes", &both.processed_bytes, &bytes),
        ]
        .into_iter()
        .flatten()
        .collect();
        let headings = [
            ("over the whole load", true),
            ("clients", false),
            ("CloudWatch", false),
            ("x", false),
            ("verdict", true),
        ];
        body += &table(&headings, &rows);
        body += &spread(&both.spread);
    }
    section("CloudWatch", &body)
}

fn total(name: &str, total: &Option<Total>, show: &dyn Fn(f64) -> String) -> Option<Vec<Cell>> {
    let total = total.as_ref()?;
    #[allow(clippy::cast_precision_loss)]
    let client = total.client as f64;
    Some(vec![
        word(name),
        number(show(client)),
        number(total.server.map_or_else(unknown, show)),
        number(total.ratio.map_or_else(unknown, factor)),
        word(verdict_of(total.verdict)),
    ])
}

fn preflight(judged: &Judged<'_>) -> String {
    let rows: Vec<Vec<Cell>> = judged
        .run
        .findings
        .iter()
        .map(|finding| {
            let (name, _) = crate::report::preflight::status(finding.status);
            let status = match finding.status {
                Status::Pass => Cell("word good", name.into()),
                Status::Info | Status::Skip => Cell("word quiet", name.into()),
                Status::Warn => Cell("word unsure", name.into()),
                Status::Refuse => Cell("word bad", name.into()),
            };
            vec![
                status,
                word(finding.check.replace('_', " ")),
                text(finding.found.clone()),
                text(finding.detail.clone()),
                text(finding.remedy.clone()),
            ]
        })
        .collect();
    let headings = [("status", true), ("check", true), ("found", true), ("meaning", true), ("remedy", true)];
    section("Preflight", &table(&headings, &rows))
}
