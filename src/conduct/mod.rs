//! The story of a run: survey → levels → settle, and publishing it. The only place that decides what comes next and when;
//! what waits elsewhere is a part of one step: a paced opening, a call of AWS that is tried again.
//!
//! [`survey`] gathers facts and findings and opens nothing; [`run`] does the rest. Whoever calls hands in a sink for
//! the events (record, live view) and an [`Interrupt`]; what comes back is the folded run and what went wrong after
//! the load.

mod beside;
mod brake;
mod hold_clock;
mod idle_timeout_watch;
mod interrupt;
mod levels;
mod live_publishing;
mod log;
mod publishing;
mod settle;
mod stop;
mod survey;
mod tokens;
mod watcher;

pub use interrupt::Interrupt;
pub use live_publishing::{LivePlace, LivePublisher, LiveSending};
pub use publishing::{LogStream, ReceiptSink, SendFailure, Sending, send};
pub use settle::{SettleFailure, SettleWait, Settling, read_series};
pub use survey::{Inquiry, Survey, survey};

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

use crate::aws::Aws;
use crate::load::Dialer;
use crate::plan::{Plan, Window, later};
use crate::record::{Ended, Event, Header, HowEnded, Run, Sample, Stamped};
use brake::BrakeWatch;
use idle_timeout_watch::IdleTimeoutWatch;
use stop::Stop;
use watcher::Watcher;

/// What the conductor tells while it works.
pub enum Notice<'a> {
    /// Something happened; it belongs into the record.
    Event(&'a Stamped),
    /// So many tokens are being obtained for the level that comes next.
    ObtainingTokens(u32),
    /// What is open is being closed.
    Closing,
    /// CloudWatch is waited for.
    Settling(&'a Settling),
    /// The run so far, about once per second, whatever else there is to tell: the record can be looked after.
    Look(&'a Run),
}

/// Where notices go.
pub type Sink<'a> = &'a mut dyn FnMut(Notice<'_>);

/// What came of a run.
pub struct Conducted {
    /// Everything that was recorded.
    pub run: Run,
    /// Why CloudWatch could not be read, where it was to be.
    pub settle_failure: Option<SettleFailure>,
}

/// Opens, holds and closes the plan's levels, then reads CloudWatch over the way that the survey found.
pub async fn run(
    header: Header,
    survey: &Survey,
    dialer: Dialer,
    interrupt: &mut Interrupt,
    sink: Sink<'_>,
) -> Conducted {
    let plan = header.plan.clone();
    let first = Stamped::new(Utc::now(), Event::Header(Box::new(header.clone())));
    let idle_timeout = IdleTimeoutWatch::of(survey, &plan);
    let (brake, braked) = BrakeWatch::of(survey, &plan, interrupt.clone());
    let watcher = Watcher::start();
    let mut story = Story { run: Run::new(first.at, header), sink, watcher, idle_timeout, brake };
    story.pass_on(first);
    story.tell(Event::Facts(Box::new(survey.facts.clone())));
    for finding in &survey.findings {
        story.tell(Event::Finding(finding.clone()));
    }
    let how = levels::run(&plan, &Arc::new(dialer), &mut story, &mut Stop::new(interrupt, braked)).await;
    story.tell(Event::Ended(Ended { how }));
    if let (HowEnded::Finished | HowEnded::Aborted, Some(change)) =
        (how, story.idle_timeout.last_change().await)
    {
        change.into_iter().for_each(|event| story.tell(event));
    }
    let settle_failure = match (how, &survey.aws) {
        // Where nothing was opened there is nothing to compare.
        (HowEnded::Finished | HowEnded::Aborted, Some(aws)) if story.run.opened() > 0 => {
            settle(&plan, aws, &mut story, interrupt).await.err()
        }
        _ => None,
    };
    Conducted { run: story.run, settle_failure }
}

async fn settle(
    plan: &Plan,
    aws: &Aws,
    story: &mut Story<'_>,
    interrupt: &mut Interrupt,
) -> Result<(), SettleFailure> {
    let Some(cloudwatch) = plan.cloudwatch.filter(|cloudwatch| !cloudwatch.settle.is_zero()) else {
        return Ok(());
    };
    let facts = story.run.load_balancer();
    let (Some(facts), Some(window)) = (facts, Window::of(&story.run, cloudwatch)) else { return Ok(()) };
    let subject = facts.subject();
    let ahead = story.run.clock_ahead().unwrap_or_default();
    let wait = SettleWait::until(later(story.run.load_ended_at(), cloudwatch.settle));
    let Story { run, sink, .. } = &mut *story;
    let sink = RefCell::new(sink);
    let mut settling = |settling: &Settling| (sink.borrow_mut())(Notice::Settling(settling));
    let series = {
        let reading = read_series(aws, &subject, &window, ahead, wait, interrupt, &mut settling);
        tokio::pin!(reading);
        let mut tick = levels::ticker();
        loop {
            tokio::select! {
                series = &mut reading => break series?,
                _ = tick.tick() => (sink.borrow_mut())(Notice::Look(run)),
            }
        }
    };
    if let Some(series) = series {
        story.tell(Event::ServerSeries(Box::new(series)));
    }
    Ok(())
}

/// Stamps events, folds them and passes them on.
struct Story<'a> {
    run: Run,
    sink: Sink<'a>,
    watcher: Watcher,
    idle_timeout: IdleTimeoutWatch,
    brake: BrakeWatch,
}

impl Story<'_> {
    /// What is kept once a second: the clients' counts, and how this machine fared.
    fn observe(&mut self, counts: Sample, late: impl FnOnce() -> Duration) {
        self.tell(Event::Sample(counts));
        if let Some(second) = self.watcher.look(counts.level, late) {
            self.tell(Event::Machine(second));
        }
        for event in self.idle_timeout.changed().into_iter().flatten() {
            self.tell(event);
        }
        self.heed_brake(counts.level);
        (self.sink)(Notice::Look(&self.run));
    }

    /// A part of a level is over: how late this machine was in its last moments belongs to it.
    fn part_over(&mut self, level: u32, late: Duration) {
        if let Some(second) = self.watcher.look_last(level, late) {
            self.tell(Event::Machine(second));
        }
    }

    fn closing(&mut self) {
        (self.sink)(Notice::Closing);
    }

    /// Stops the load where a rule of the brake is broken.
    fn heed_brake(&mut self, level: Option<u32>) {
        for event in self.brake.look(&self.run, level) {
            self.tell(event);
        }
    }

    fn tell(&mut self, event: Event) {
        if matches!(event, Event::LevelStarted(_)) {
            self.idle_timeout.read_again();
        }
        self.pass_on(Stamped::new(Utc::now(), event));
    }

    fn pass_on(&mut self, stamped: Stamped) {
        log::told(&stamped.event);
        self.run.apply(&stamped);
        (self.sink)(Notice::Event(&stamped));
    }
}
