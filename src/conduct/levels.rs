//! The levels in turn: open, hold, close, with the client's counts kept once a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::hold_clock::HoldClock;
use super::stop::Stop;
use super::{Story, tokens};
use crate::load::{Dialer, LevelLoad, LevelOrder, LevelTokens, Standing};
use crate::machine;
use crate::plan::{LevelOutcome, Mode, Plan, Rate, Step};
use crate::record::{Event, HowEnded, LevelStarted, Sample};

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// From a level's start to its first sample: a run that is killed within a second has opened connections already.
const FIRST_SAMPLE: Duration = Duration::from_millis(100);

/// Runs the schedule to its end, or until it is stopped.
pub(super) async fn run(
    plan: &Plan,
    dialer: &Arc<Dialer>,
    story: &mut Story<'_>,
    stop: &mut Stop<'_>,
) -> HowEnded {
    let next = |done: &[LevelOutcome]| plan.schedule.next(done, plan.rule.keep_going);
    let mut done: Vec<LevelOutcome> = Vec::new();
    // What lives on from the level before; none but in cumulative mode.
    let mut standing: Option<Standing> = None;
    let mut step = next(&done);
    while let Step::Open(connections) = step {
        if !done.is_empty() && !rest(plan.pace.pause, standing.as_ref(), story, stop).await {
            close_down(standing, plan.pace.close_rate, story).await;
            return stop.how();
        }
        let order = order(plan, u32::try_from(done.len()).unwrap_or(u32::MAX), connections);
        let obtained = tokens::obtain(dialer.mint(), order, standing.as_ref(), story, stop).await;
        let Some(tokens) = obtained else {
            close_down(standing, plan.pace.close_rate, story).await;
            return stop.how();
        };
        let mut level = Level::start(dialer, order, standing.take(), tokens, story);
        let held = level.open_and_hold(plan, order.level, stop).await;
        if let Some(held) = held {
            let (opened, passed) = (level.load.counts().opened > 0, plan.rule.passes(held, connections));
            done.push(LevelOutcome { connections, opened, passed });
            step = next(&done);
        }
        let goes_on = held.is_some() && !stop.is_braked() && matches!(step, Step::Open(_));
        standing = level.end(plan.pace.close_rate, held.is_some(), goes_on).await;
        if held.is_none() || stop.is_braked() {
            close_down(standing, plan.pace.close_rate, story).await;
            return stop.how();
        }
    }
    HowEnded::Finished
}

fn order(plan: &Plan, level: u32, connections: u32) -> LevelOrder {
    LevelOrder {
        level,
        connections,
        mode: plan.mode,
        largest: match plan.mode {
            Mode::Fresh => connections,
            Mode::Cumulative => plan.schedule.largest(),
        },
        window: plan.pace.window,
        rate: plan.pace.rate,
        heartbeat: plan.heartbeat,
    }
}

/// The pause between two levels; false when it was interrupted. The failures of what stands are the next level's, and
/// told when that has begun.
async fn rest(
    pause: Duration,
    standing: Option<&Standing>,
    story: &mut Story<'_>,
    stop: &mut Stop<'_>,
) -> bool {
    let mut tick = ticker();
    let over = sleep(pause);
    tokio::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return !stop.is_set(),
            () = stop.set() => return false,
            _ = tick.tick() => story.observe(between(standing), || late(standing)),
        }
    }
}

/// The counts between two levels.
pub(super) fn between(standing: Option<&Standing>) -> Sample {
    Sample { open: standing.map_or(0, Standing::open), ..Sample::default() }
}

/// How late heartbeats are between two levels.
pub(super) fn late(standing: Option<&Standing>) -> Duration {
    standing.map_or(Duration::ZERO, Standing::take_worst_late)
}

/// Closes what stands where no level follows it.
async fn close_down(standing: Option<Standing>, rate: Option<Rate>, story: &mut Story<'_>) {
    let Some(standing) = standing else { return };
    let mut tick = ticker();
    story.closing();
    let closed = standing.close(rate);
    tokio::pin!(closed);
    loop {
        tokio::select! {
            () = &mut closed => break,
            _ = tick.tick() => story.observe(between(Some(&standing)), || late(Some(&standing))),
        }
    }
    story.observe(between(Some(&standing)), || late(Some(&standing)));
}

pub(super) fn ticker() -> Interval {
    ticker_after(SAMPLE_EVERY)
}

fn ticker_after(first: Duration) -> Interval {
    let mut tick = interval_at(Instant::now() + first, SAMPLE_EVERY);
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

impl<'a, 'b> Level<'a, 'b> {
    fn start(
        dialer: &Arc<Dialer>,
        order: LevelOrder,
        standing: Option<Standing>,
        tokens: LevelTokens,
        story: &'a mut Story<'b>,
    ) -> Level<'a, 'b> {
        let alive = standing.as_ref().map_or(0, Standing::alive);
        let LevelOrder { level, connections, .. } = order;
        story.tell(Event::LevelStarted(LevelStarted { level, connections, alive }));
        let load = LevelLoad::start(Arc::clone(dialer), order, standing, tokens);
        Level { load, story, tick: ticker_after(FIRST_SAMPLE) }
    }

    /// From the first attempt to the end of the hold; the connections held, or `None` when interrupted.
    async fn open_and_hold(&mut self, plan: &Plan, level: u32, stop: &mut Stop<'_>) -> Option<u32> {
        if let Waited::Interrupted = self.wait(async |load| load.all_settled().await, stop).await {
            return None;
        }
        self.observe();
        self.story.part_over(level, self.load.take_worst_late());
        if stop.is_braked() {
            return None;
        }
        // Before the hold begins: the handshakes' memory is of no more use.
        machine::release_memory();
        self.story.tell(Event::HoldStarted { level });
        let clock = HoldClock::start(plan, self.story.run.clock_ahead().unwrap_or_default());
        let waited = self.hold(&clock, stop).await;
        if let Some(finding) = clock.was_set() {
            tracing::warn!("{} ({})", finding.detail, finding.found);
            self.story.tell(Event::Finding(finding));
        }
        if let Waited::Interrupted = waited {
            return None;
        }
        self.story.part_over(level, self.load.take_worst_late());
        self.story.tell(Event::HoldEnded { level });
        self.load.end_hold();
        // Interrupted before the last pongs are in, the level is not complete: which connections were held is not known.
        match self.wait(async |load| load.all_answered().await, stop).await {
            Waited::Over => {
                // What failed last counts too: the level is complete, but no other may follow.
                self.observe_all_failures().await;
                self.story.heed_brake(self.load.counts().level);
                Some(self.load.held())
            }
            Waited::Interrupted => None,
        }
    }

    /// The level is over: what is open is closed, unless another level `goes_on` with it.
    async fn end(mut self, close_rate: Option<Rate>, complete: bool, goes_on: bool) -> Option<Standing> {
        let standing = if goes_on { self.load.stand() } else { None };
        match standing {
            Some(_) => self.observe_all_failures().await,
            None => self.close(close_rate).await,
        }
        self.story.tell(Event::LevelEnded(Box::new(self.load.ended(complete))));
        standing
    }

    /// Holds until its time is over, or until nothing is left to hold: a hold over nothing proves nothing.
    async fn hold(&mut self, clock: &HoldClock, stop: &mut Stop<'_>) -> Waited {
        let over = clock.over();
        tokio::pin!(over);
        let mut open = self.load.counts().open;
        let mut is_over = false;
        while open > 0 && !is_over {
            tokio::select! {
                () = &mut over => is_over = true,
                () = stop.set() => return Waited::Interrupted,
                _ = self.tick.tick() => {}
            }
            open = self.observe().open;
        }
        if stop.is_braked() { Waited::Interrupted } else { Waited::Over }
    }

    /// Waits for something, keeping the counts once a second.
    async fn wait<F>(&mut self, what: F, stop: &mut Stop<'_>) -> Waited
    where
        F: AsyncFn(&LevelLoad),
    {
        loop {
            tokio::select! {
                () = what(&self.load) => return Waited::Over,
                () = stop.set() => return Waited::Interrupted,
                _ = self.tick.tick() => {}
            }
            self.observe();
        }
    }

    async fn close(&mut self, rate: Option<Rate>) {
        self.story.closing();
        loop {
            tokio::select! {
                () = self.load.close(rate) => break,
                _ = self.tick.tick() => {}
            }
            self.observe();
        }
        self.observe_all_failures().await;
    }

    /// Records all failures so far, those included that are still being redacted.
    async fn observe_all_failures(&mut self) {
        loop {
            tokio::select! {
                failure = self.load.next_failure() => match failure {
                    Some(failure) => self.story.pass_on(failure),
                    None => return,
                },
                _ = self.tick.tick() => drop(self.observe()),
            }
        }
    }

    fn observe(&mut self) -> Sample {
        self.observe_failures();
        let counts = self.load.counts();
        self.story.observe(counts, || self.load.take_worst_late());
        counts
    }

    fn observe_failures(&mut self) {
        for failure in self.load.take_failures() {
            self.story.pass_on(failure);
        }
    }
}
