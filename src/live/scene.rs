//! What a run looks like at the moment, in one line. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::judge::broken;
use crate::plan::Plan;
use crate::plan::quantity::{show_count, show_duration};
use crate::record::{Event, LevelEnded, LevelStarted, Sample, Stamped, TokensObtained};

#[derive(Default)]
pub(super) struct Scene {
    plan: Option<Plan>,
    clock_ahead: TimeDelta,
    level: Option<LevelStarted>,
    held_from: Option<DateTime<Utc>>,
    hold_over: bool,
    closing: bool,
    counts: Sample,
    /// A line that stands until the next level starts.
    done: Option<String>,
}

impl Scene {
    pub(super) fn apply(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::Header(header) => self.plan = Some(header.plan.clone()),
            Event::Facts(facts) => self.clock_ahead = facts.clock_ahead().unwrap_or_default(),
            Event::Tokens(tokens) => self.done = Some(tokens_obtained(tokens)),
            Event::LevelStarted(level) => {
                let (plan, clock_ahead) = (self.plan.take(), self.clock_ahead);
                *self = Scene { plan, clock_ahead, level: Some(*level), ..Scene::default() };
            }
            Event::HoldStarted { .. } => self.held_from = Some(stamped.at),
            Event::HoldEnded { .. } => self.hold_over = true,
            Event::Sample(sample) => self.counts = *sample,
            Event::Brake(braked) => self.done = Some(format!("the brake: {}", broken(braked))),
            Event::LevelEnded(ended) => {
                self.done = self.level.map(|level| level_done(level, ended));
                self.closing = false;
            }
            _ => {}
        }
    }

    pub(super) fn obtaining_tokens(&mut self, wanted: u32) {
        self.done = Some(format!("obtaining {} tokens", show_count(wanted.into())));
    }

    pub(super) fn closing(&mut self) {
        self.closing = true;
    }

    /// `level 5 of 7 · 1,000 · holding 61 of 134 s · 998 open · 2 failed`
    pub(super) fn line(&self, now: DateTime<Utc>) -> String {
        if let Some(done) = &self.done {
            return match self.closing {
                true => format!("{done} · closing · {} open", show_count(self.counts.open.into())),
                false => done.clone(),
            };
        }
        let (Some(plan), Some(level)) = (&self.plan, self.level) else { return String::new() };
        let of = match plan.schedule.listed().len() {
            0 => String::new(),
            levels => format!(" of {levels}"),
        };
        let doing = match self.held_from {
            _ if self.closing => "closing".to_owned(),
            None => format!("opening · {} opened", show_count(self.counts.opened.into())),
            Some(_) if self.hold_over => "hold over".to_owned(),
            Some(from) => {
                let length = plan.hold_length(from, self.clock_ahead);
                format!("holding {} of {} s", (now - from).num_seconds(), length.as_secs())
            }
        };
        format!(
            "level {}{of} · {} · {doing} · {} open · {} failed",
            level.level + 1,
            show_count(level.connections.into()),
            show_count(self.counts.open.into()),
            show_count(self.counts.failed.into()),
        )
    }
}

fn tokens_obtained(tokens: &TokensObtained) -> String {
    format!(
        "{} of {} tokens obtained in {}",
        show_count(tokens.obtained.into()),
        show_count(tokens.wanted.into()),
        show_duration(tokens.took),
    )
}

fn level_done(level: LevelStarted, ended: &LevelEnded) -> String {
    let word = if ended.complete { "held" } else { "cut short" };
    format!(
        "level {} · {} of {} {word} · {} failed",
        level.level + 1,
        show_count(ended.held.into()),
        show_count(level.connections.into()),
        show_count(ended.counts.failed.into()),
    )
}

/// For what is waited, and until when at the latest.
pub(super) fn settling(
    reads: u32,
    trouble: Option<&str>,
    next_read: DateTime<Utc>,
    deadline: DateTime<Utc>,
) -> String {
    let what = match (trouble, reads) {
        (Some(trouble), _) => format!("CloudWatch could not be read ({trouble})"),
        (None, 0) => "waiting for CloudWatch's metrics".to_owned(),
        (None, _) => "waiting until CloudWatch's metrics no longer change".to_owned(),
    };
    let next = match (deadline - next_read).to_std() {
        Ok(wait) if !wait.is_zero() => format!(
            "next read {} · until {} UTC at the latest ({} more)",
            next_read.format("%H:%M:%S"),
            deadline.format("%H:%M:%S"),
            show_duration(wait),
        ),
        _ => format!("last read {} UTC", next_read.format("%H:%M:%S")),
    };
    format!("{what} · {next} · Ctrl-C judges what has come")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(event: &str) -> Stamped {
        serde_json::from_str(&format!(r#"{{"at":"2026-11-24T13:00:00.000Z",{event}}}"#)).unwrap()
    }

    /// A hold of 30 s, or of a whole period where CloudWatch is asked.
    fn header(cloudwatch: &str) -> Stamped {
        told(&format!(
            concat!(
                r#""type":"header","schema":1,"run_id":"r","tool_version":"0.1.0","host":{{"name":null,"platform":"x"}},"#,
                r#""plan":{{"url":"ws://h/","load_balancer":null,"schedule":{{"levels":[50,1000]}},"hold":{{"duration_s":30,"periods":1}},"heartbeat":{{"interval_s":30,"pong_timeout_s":10}},"#,
                r#""pace":{{"window":256,"connect_timeout_s":10,"pause_s":5}},"rule":{{"threshold":0.95,"safety":0.8,"keep_going":false,"require":null}},"cloudwatch":{cloudwatch}}}"#
            ),
            cloudwatch = cloudwatch
        ))
    }

    #[test]
    fn a_level_reads_as_it_goes() {
        let at = |second: u32| format!("2026-11-24T13:00:{second:02}Z").parse::<DateTime<Utc>>().unwrap();
        let mut scene = Scene::default();
        assert_eq!(scene.line(at(0)), "");
        scene.apply(&header("null"));
        let mut tell = |second, event| {
            scene.apply(&Stamped { at: at(second), event });
            scene.line(at(second))
        };
        let took = std::time::Duration::from_millis(15_200);
        let tokens = TokensObtained { level: 1, wanted: 1_000, obtained: 999, took };
        assert_eq!(tell(0, Event::Tokens(tokens)), "999 of 1,000 tokens obtained in 15.2 s");
        let started = Event::LevelStarted(LevelStarted { level: 1, connections: 1_000, alive: 0 });
        assert_eq!(tell(1, started), "level 2 of 2 · 1,000 · opening · 0 opened · 0 open · 0 failed");
        tell(2, Event::HoldStarted { level: 1 });
        let sample = Sample { level: Some(1), open: 998, opened: 1_000, failed: 2, ..Sample::default() };
        assert_eq!(
            tell(12, Event::Sample(sample)),
            "level 2 of 2 · 1,000 · holding 10 of 30 s · 998 open · 2 failed"
        );
        scene.closing();
        assert_eq!(scene.line(at(13)), "level 2 of 2 · 1,000 · closing · 998 open · 2 failed");
        scene.done = Some("the brake: too many failed".to_owned());
        assert_eq!(scene.line(at(13)), "the brake: too many failed · closing · 998 open");
    }

    #[test]
    fn a_hold_is_as_long_as_the_clock_of_aws_makes_it() {
        let at = |text: &str| format!("2026-11-24T13:{text}Z").parse::<DateTime<Utc>>().unwrap();
        let mut scene = Scene::default();
        scene.apply(&header(r#"{"period_s":60,"baseline_s":0,"settle_s":0}"#));
        scene.apply(&told(r#""type":"facts","load_balancer":null,"machine":{"os":"linux","cores":2,"descriptors":null,"descriptors_used":0,"ports":null,"memory":null},"clock_offset_s":2.0"#));
        let level = LevelStarted { level: 0, connections: 1, alive: 0 };
        scene.apply(&Stamped { at: at("00:10"), event: Event::LevelStarted(level) });
        // 13:00:51 by our clock is 13:00:49 by theirs, so that their minute 13:01 has its spare still.
        scene.apply(&Stamped { at: at("00:51"), event: Event::HoldStarted { level: 0 } });
        let line = scene.line(at("00:51"));
        assert!(line.contains("holding 0 of 81 s"), "{line}");
    }

    #[test]
    fn a_wait_tells_how_long_it_can_take() {
        let at = |second: u32| format!("2026-11-24T13:00:{second:02}Z").parse::<DateTime<Utc>>().unwrap();
        assert_eq!(
            settling(0, None, at(10), at(50)),
            "waiting for CloudWatch's metrics · next read 13:00:10 · until 13:00:50 UTC at the latest (40 s more) · \
             Ctrl-C judges what has come"
        );
        let last = settling(3, None, at(50), at(50));
        let throttled = settling(1, Some("AWS throttles x"), at(10), at(50));
        assert!(
            throttled.starts_with("CloudWatch could not be read (AWS throttles x) · next read"),
            "{throttled}"
        );
        assert!(last.contains("last read 13:00:50 UTC") && !last.contains("more)"), "{last}");
    }
}
