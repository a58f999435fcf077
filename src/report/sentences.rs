//! Phrases that the table and the page have in common.

use std::time::Duration;

use crate::judge::wording::{factor, ms, plural, show_count, show_duration, span};
use crate::judge::{Failures, Judged, JudgedLevel, Outcome, SearchEnd, show_dollars};
use crate::record::{HowEnded, Initiator, LevelMachine, Run, TokensObtained};

/// What was said, with every line break and run of white space as one space. Whatever else acts on a screen is escaped
/// afterwards.
pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A reason or a piece of evidence as a sentence on one line: a capital at its start, where that is a word and not a
/// name, and a stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let text = on_one_line(text);
    let word = text.split(' ').next().unwrap_or("");
    let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == ':');
    let mut chars = text.chars();
    let mut out = match chars.next() {
        Some(first) if is_word => first.to_ascii_uppercase().to_string() + chars.as_str(),
        _ => text.clone(),
    };
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

/// An outcome in words.
pub(super) fn verdict_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotChecked => "not checked",
        other => other.name(),
    }
}

/// Who brought a failure about, in words.
pub(super) fn initiator(by: Initiator) -> &'static str {
    match by {
        Initiator::Client => "by the client",
        Initiator::Peer => "by the peer",
        Initiator::Network => "by the network",
        Initiator::Local => "by this machine",
    }
}

/// The silence before death: `60.0 s`, or `59.8 to 60.2 s`.
pub(super) fn silence(failures: &Failures) -> Option<String> {
    failures.silence.map(span)
}

/// What came of obtaining a level's tokens: `500/500 tokens in 15.2 s`.
pub(super) fn obtained(tokens: TokensObtained) -> String {
    let count = |count: u32| show_count(u64::from(count));
    let took = tokens.took.as_secs_f64();
    format!("{}/{} tokens in {took:.1} s", count(tokens.obtained), count(tokens.wanted))
}

/// `2.5 s`.
pub(super) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// How long opening took: `31 ms`, `2.5 s`.
pub(super) fn opened_in(took: Duration) -> String {
    if took < Duration::from_secs(1) { format!("{} ms", took.as_millis()) } else { seconds(took) }
}

/// What was odd about how a level's connections were opened.
pub(super) fn opening_notes(judged: &Judged<'_>, level: &JudgedLevel<'_>) -> Vec<String> {
    let pace = &judged.run.header.plan.pace;
    let late = level.rate_missed_by(pace).zip(pace.rate).map(|(behind, rate)| {
        format!(
            "--rate {} was not kept: attempts began up to {} late, with --window {}",
            rate.per_second(),
            seconds(behind),
            show_count(pace.window.into())
        )
    });
    let passed_over = level.run.peers.iter().filter(|peer| peer.passed_over > 0).map(|peer| {
        format!(
            "{} did not take {}, and an address of the other family did",
            peer.address,
            plural(peer.passed_over.into(), "connection")
        )
    });
    late.into_iter().chain(passed_over).collect()
}

/// The verdict's reasons as sentences; why the brake stopped the run stands beside how it ended.
pub(super) fn reasons(judged: &Judged<'_>) -> Vec<String> {
    let said = judged.braked.as_ref().filter(|_| judged.is_aborted());
    judged
        .verdict
        .reasons
        .iter()
        .filter(|reason| Some(*reason) != said)
        .map(|reason| sentence(reason))
        .collect()
}

/// How the run ended, where it did not end by its plan.
pub(super) fn ended(judged: &Judged<'_>) -> Option<String> {
    match judged.run.ended.map(|(_, how)| how) {
        Some(HowEnded::Finished) => None,
        Some(HowEnded::Interrupted) => Some("interrupted by a signal".to_owned()),
        Some(HowEnded::Aborted) => Some(match &judged.braked {
            Some(why) => on_one_line(why),
            None => "stopped by the brake".to_owned(),
        }),
        None => Some(match judged.levels.last() {
            Some(level) if !level.run.sampled => format!(
                "killed, or still running, before the first sample of level {}: how many connections it opened is not known",
                show_count(level.connections().into())
            ),
            _ => "killed, or still running: the record has no end".to_owned(),
        }),
    }
}

/// What a record lacks whose file was lost during the run.
pub(super) fn incomplete(run: &Run) -> Option<String> {
    run.recovered_at.map(|at| {
        format!(
            "the record's file was truncated during the run and rebuilt from memory at {} UTC: totals and \
             samples are complete; examples and addresses of single failures, and most of this machine's \
             readings before that, are missing",
            at.format("%H:%M:%S")
        )
    })
}

/// Why a level is neither passed nor failed, and what is known of it.
pub(super) fn cut_short(level: &JudgedLevel<'_>) -> String {
    if !level.run.sampled {
        return "neither passed nor failed; it has no sample".to_owned();
    }
    format!("neither passed nor failed; {} were opened", show_count(u64::from(level.run.counts.opened)))
}

/// Whether a level that fails is not the last.
pub(super) fn goes_on_after_failures(judged: &Judged<'_>) -> bool {
    judged.run.header.plan.rule.keep_going || judged.search.is_some()
}

/// A limit as it is shown.
pub(super) fn limit(connections: Option<u32>) -> String {
    connections.map_or_else(|| "not known".to_owned(), |count| show_count(u64::from(count)))
}

/// What stands beside the highest reliable level.
pub(super) fn capacity_note(judged: &Judged<'_>) -> String {
    let capacity = &judged.capacity;
    match capacity.first_failed {
        Some(failed) if capacity.max_reliable == Some(0) => {
            format!("(level {} failed already)", show_count(u64::from(failed)))
        }
        Some(failed) if judged.search.is_some() => {
            format!("(lowest level that failed: {})", show_count(u64::from(failed)))
        }
        Some(failed) => format!("(next level tried: {})", show_count(u64::from(failed))),
        None if capacity.at_least => "(at least: no level failed)".into(),
        None => "(no level was held to its end)".into(),
    }
}

/// What the safe limit asks for: `1,333 for each of 3 healthy targets · 4.00 LCUs …`.
pub(super) fn safe_load(judged: &Judged<'_>) -> Option<String> {
    let load = judged.safe_load.as_ref()?;
    let (_, lcus) = load.lcus.iter().find(|(dimension, _)| *dimension == load.decided_by)?;
    let targets = load.healthy_targets.zip(load.connections_a_target()).map(|(targets, each)| {
        format!("{} for each of {} · ", show_count(each.into()), plural(targets.into(), "healthy target"))
    });
    Some(format!(
        "{}{lcus:.2} LCUs ({}), {} an hour; the ALB itself ${}",
        targets.unwrap_or_default(),
        load.decided_by,
        show_dollars(load.lcu_dollars),
        load.alb_dollars,
    ))
}

/// What a search came to, and what it cost: `976 passed twice, 1,015 failed · 10 levels, 9,125 connections, 33m`.
pub(super) fn searched(judged: &Judged<'_>) -> Option<String> {
    let found = judged.search.as_ref()?;
    let count = |count: u32| show_count(u64::from(count));
    let passed = match (found.end, found.highest_passed) {
        (SearchEnd::Confirmed, Some(highest)) => format!("{} passed twice", count(highest)),
        (SearchEnd::Unsteady, Some(highest)) => format!("{} passed once", count(highest)),
        (_, Some(highest)) => format!("{} passed", count(highest)),
        (_, None) => "no level passed".to_owned(),
    };
    let failed = match found.lowest_failed {
        Some(lowest) => format!(", {} failed", count(lowest)),
        None if found.highest_passed == Some(found.search.max()) => ", the maximum of the search".to_owned(),
        None => String::new(),
    };
    let end = match found.end {
        SearchEnd::Confirmed | SearchEnd::NothingPassed => "",
        SearchEnd::Unsteady => {
            "; the limit moves: levels that had passed failed when they were held once more"
        }
        SearchEnd::Unfinished => "; the search was not finished",
    };
    Some(format!(
        "{passed}{failed}{end} · {}, {}, {}",
        plural(found.levels, "level"),
        plural(found.connections, "connection"),
        show_duration(Duration::from_secs(found.took.as_secs())),
    ))
}

/// How this machine fared over all levels, as far as it is known: `at most 1.98 of 2 cores · timers up to 12 ms late ·
/// 5,031 descriptors · 3 of 48,210 segments sent again`.
pub(super) fn machine(judged: &Judged<'_>) -> Option<String> {
    let levels = || judged.levels.iter().map(|level| &level.run.machine);
    let most = |of: fn(&LevelMachine) -> Option<f64>| levels().filter_map(of).reduce(f64::max);
    let sum = |of: fn(&LevelMachine) -> Option<u64>| levels().filter_map(of).reduce(u64::saturating_add);
    let cores = judged.run.facts.as_ref().map(|facts| facts.machine.cores);
    let cpu = most(|machine| machine.cpu_cores_max).map(|used| match cores {
        Some(cores) => format!("at most {} of {}", factor(used), plural(u64::from(cores), "core")),
        None => format!("at most {} cores", factor(used)),
    });
    let lag = most(|machine| machine.lag_ms_max).map(|late| format!("timers up to {} ms late", ms(late)));
    let descriptors =
        levels().filter_map(|machine| machine.descriptors_max).max().map(|most| plural(most, "descriptor"));
    let again = sum(|machine| machine.retransmitted).zip(sum(|machine| machine.segments_sent));
    let again = again.map(|(again, sent)| {
        format!("{} of {} segments sent again", show_count(again), show_count(sent.saturating_add(again)))
    });
    let drops = sum(|machine| machine.listen_drops).filter(|drops| *drops > 0);
    let drops = drops.map(|drops| format!("{} dropped by its listeners", plural(drops, "handshake")));
    let parts: Vec<String> = [cpu, lag, descriptors, again, drops].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}
