//! The view while a run goes on: one line on a terminal, rewritten; a plain line now and then through a pipe.
//!
//! [`Live`] takes every event and shows it on a [`Screen`], which never blocks; [`Scene`] is what it knows, a fold of the
//! events like the run itself, and how that reads is pure.

mod scene;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::record::{Event, Stamped};
use scene::Scene;

/// Between two lines through a pipe: often enough to see that it goes on, seldom enough for a log.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Where the view appears. Neither method waits for the terminal: a frame or a line that it does not take is dropped.
pub trait Screen {
    /// Prints a line, with its line break.
    fn line(&self, line: String);

    /// Shows a line at the bottom of the terminal, in place of the one before; `None` removes it.
    fn status_line(&self, line: Option<String>);
}

/// The view. It prints nothing when it is not enabled.
pub struct Live {
    screen: Box<dyn Screen>,
    enabled: bool,
    terminal: bool,
    scene: Scene,
    last_plain: Option<Instant>,
}

impl Live {
    /// A view on a terminal, or through a pipe.
    pub fn new(screen: Box<dyn Screen>, terminal: bool, enabled: bool) -> Live {
        Live { screen, enabled, terminal, scene: Scene::default(), last_plain: None }
    }

    /// Takes one more event.
    pub fn event(&mut self, stamped: &Stamped) {
        self.scene.apply(stamped);
        let turn = matches!(
            stamped.event,
            Event::Tokens(_)
                | Event::LevelStarted(_)
                | Event::HoldStarted { .. }
                | Event::Brake(_)
                | Event::LevelEnded(_)
        );
        if turn || matches!(stamped.event, Event::Sample(_)) {
            self.show(&self.scene.line(stamped.at), turn);
        }
    }

    /// Tokens are being obtained.
    pub fn obtaining_tokens(&mut self, wanted: u32) {
        self.scene.obtaining_tokens(wanted);
        self.show(&self.scene.line(Utc::now()), true);
    }

    /// What is open is being closed.
    pub fn closing(&mut self) {
        self.scene.closing();
        self.show(&self.scene.line(Utc::now()), true);
    }

    /// CloudWatch is waited for, after so many reads; `trouble` is why the last one brought nothing.
    pub fn settling(
        &mut self,
        reads: u32,
        trouble: Option<&str>,
        next_read: DateTime<Utc>,
        deadline: DateTime<Utc>,
    ) {
        let turn = reads < 2 || trouble.is_some();
        self.show(&scene::settling(reads, trouble, next_read, deadline), turn);
    }

    /// Removes the rewritten line, so that results can follow.
    pub fn clear(&mut self) {
        self.screen.status_line(None);
    }

    fn show(&mut self, line: &str, turn: bool) {
        if !self.enabled || line.is_empty() {
            return;
        }
        if self.terminal {
            let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
            let cut: String = line.chars().take(columns.saturating_sub(1)).collect();
            self.screen.status_line(Some(cut));
            return;
        }
        if turn || self.last_plain.is_none_or(|last| last.elapsed() >= PLAIN_EVERY) {
            self.screen.line(format!("{line}\n"));
            self.last_plain = Some(Instant::now());
        }
    }
}
