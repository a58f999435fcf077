//! The levels in turn: open, hold, close, with the client's counts kept once a second.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::{Interrupt, Story, tokens};
use crate::load::{Dialer, LevelLoad, LevelOrder, LevelTokens};
use crate::machine;
use crate::plan::{LevelOutcome, Plan, Rate, Step};
use crate::record::{Event, HowEnded, LevelStarted, Sample};

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Runs the schedule to its end, or until interrupted.
pub(super) async fn run(
    plan: &Plan,
    dialer: &Arc<Dialer>,
    story: &mut Story<'_>,
    interrupt: &mut Interrupt,
) -> HowEnded {
    let mut done: Vec<LevelOutcome> = Vec::new();
    while let Step::Open(connections) = plan.schedule.next(&done, plan.rule.keep_going) {
        if !done.is_empty() && !rest(plan.pace.pause, story, interrupt).await {
            return HowEnded::Interrupted;
        }
        let level = u32::try_from(done.len()).unwrap_or(u32::MAX);
        let order = LevelOrder {
            level,
            connections,
            window: plan.pace.window,
            rate: plan.pace.rate,
            heartbeat: plan.heartbeat,
        };
        let Some(tokens) = tokens::obtain(dialer.mint(), order, story, interrupt).await else {
            return HowEnded::Interrupted;
        };
        match Level::run(plan, dialer, order, tokens, story, interrupt).await {
            Some((opened, held)) => {
                let (opened, passed) = (opened > 0, plan.rule.passes(held, connections));
                done.push(LevelOutcome { connections, opened, passed });
            }
            None => return HowEnded::Interrupted,
        }
    }
    HowEnded::Finished
}

/// The pause between two levels; false when it was interrupted.
async fn rest(pause: Duration, story: &mut Story<'_>, interrupt: &mut Interrupt) -> bool {
    let mut tick = ticker();
    let over = sleep(pause);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return !interrupt.is_set(),
            () = interrupt.set() => return false,
            _ = tick.tick() => story.observe(Sample::default()),
        }
    }
}

pub(super) fn ticker() -> Interval {
    let mut tick = interval_at(Instant::now() + SAMPLE_EVERY, SAMPLE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    tick
}

struct Level<'a, 'b> {
    load: LevelLoad,
    story: &'a mut Story<'b>,
    tick: Interval,
}

/// What a wait within a level came to.
enum Waited {
    Over,
    Interrupted,
}

impl Level<'_, '_> {
    /// One level from its first attempt to its last close; the connections opened and held, or `None` when interrupted.
    async fn run(
        plan: &Plan,
        dialer: &Arc<Dialer>,
        order: LevelOrder,
        tokens: LevelTokens,
        story: &mut Story<'_>,
        interrupt: &mut Interrupt,
    ) -> Option<(u32, u32)> {
        story.tell(Event::LevelStarted(LevelStarted { level: order.level, connections: order.connections }));
        let load = LevelLoad::start(Arc::clone(dialer), order, tokens);
        let mut level = Level { load, story, tick: ticker() };
        let complete = level.open_and_hold(plan, order.level, interrupt).await;
        level.close(plan.pace.close_rate).await;
        let ended = level.load.ended(complete);
        let (opened, held) = (ended.counts.opened, ended.held);
        level.story.tell(Event::LevelEnded(Box::new(ended)));
        complete.then_some((opened, held))
    }

    async fn open_and_hold(&mut self, plan: &Plan, level: u32, interrupt: &mut Interrupt) -> bool {
        if let Waited::Interrupted = self.wait(async |load| load.all_settled().await, interrupt).await {
            return false;
        }
        self.observe();
        // Before the hold begins: the handshakes' memory is of no more use.
        machine::release_memory();
        let held_from = Utc::now();
        self.story.tell(Event::HoldStarted { level });
        let until = plan.hold.until(held_from, plan.cloudwatch.map(|cloudwatch| cloudwatch.period));
        if let Waited::Interrupted = self.hold(until, interrupt).await {
            return false;
        }
        self.story.tell(Event::HoldEnded { level });
        // The hold ran to its end: an interruption of the last pongs no longer changes that it is complete, but they
        // would be missing.
        matches!(self.wait(async |load| load.end_hold().await, interrupt).await, Waited::Over)
    }

    /// Holds until then, or until nothing is left to hold: a hold over nothing proves nothing.
    async fn hold(&mut self, until: DateTime<Utc>, interrupt: &mut Interrupt) -> Waited {
        let over = sleep_until(until);
        tokio::pin!(over);
        let mut open = self.load.counts().open;
        let mut is_over = false;
        while open > 0 && !is_over {
            tokio::select! {
                () = &mut over => is_over = true,
                () = interrupt.set() => return Waited::Interrupted,
                _ = self.tick.tick() => {}
            }
            open = self.observe().open;
        }
        Waited::Over
    }

    /// Waits for something, keeping the counts once a second.
    async fn wait<F>(&mut self, what: F, interrupt: &mut Interrupt) -> Waited
    where
        F: AsyncFn(&LevelLoad),
    {
        loop {
            tokio::select! {
                () = what(&self.load) => return Waited::Over,
                () = interrupt.set() => return Waited::Interrupted,
                _ = self.tick.tick() => {}
            }
            self.observe();
        }
    }

    async fn close(&mut self, rate: Option<Rate>) {
        loop {
            tokio::select! {
                () = self.load.close(rate) => break,
                _ = self.tick.tick() => {}
            }
            self.observe();
        }
        self.observe_failures();
    }

    fn observe(&mut self) -> Sample {
        self.observe_failures();
        let counts = self.load.counts();
        self.story.observe(counts);
        counts
    }

    fn observe_failures(&mut self) {
        for failure in self.load.take_failures() {
            self.story.pass_on(failure);
        }
    }
}

/// Sleeps until a time of day. The clock is asked again every while, since it may be set in between.
fn sleep_until(at: DateTime<Utc>) -> impl Future<Output = ()> {
    const AT_MOST: Duration = Duration::from_secs(10);
    async move {
        while let Ok(left) = (at - Utc::now()).to_std() {
            if left.is_zero() {
                return;
            }
            sleep(left.min(AT_MOST)).await;
        }
    }
}
