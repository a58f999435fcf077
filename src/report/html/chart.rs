//! Both sides over time, as inline SVG: the clients' open connections and what ActiveConnectionCount said of each
//! period, with the holds shaded. All of it by AWS's clock, as it was compared.

use std::collections::HashSet;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};

use crate::judge::wording::{clock, rounded, show_count};
use crate::judge::{Judged, metric};
use crate::record::Run;

const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 26.0;

/// Periods shown on each side of the load.
const AROUND: i32 = 2;

/// More points than this can't be told apart on the page.
const MOST_POINTS: usize = 1_000;

/// The picture with its legend; `None` where no connection was ever attempted.
pub(super) fn chart(judged: &Judged<'_>) -> Option<String> {
    let run = judged.run;
    let scale = Scale::of(judged)?;
    let server = server_bars(judged, &scale);
    let expected = expected(judged);
    let mut svg = format!(
        "<div class=\"wide\">\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Connections that the clients had open, and \
         ActiveConnectionCount of each period, over time\">\n"
    );
    svg += &holds(judged, &scale);
    svg += &grid(&scale);
    let client: Vec<Step> = run.open.iter().map(|o| (judged.by_aws(o.at), f64::from(o.open))).collect();
    let line = steps(0.0, &client, &scale);
    let (right, floor) = (scale.x(scale.until), scale.y(0.0));
    // Writing to a String can't fail.
    let _ = writeln!(svg, "<path class=\"client\" d=\"{line}H{right:.1}V{floor:.1}\"/>");
    if let Some(of) = expected {
        let raised: Vec<Step> = client.iter().map(|(at, open)| (*at, of(*open))).collect();
        let line = steps(of(0.0), &raised, &scale);
        let _ = writeln!(svg, "<path class=\"expected\" d=\"{line}H{right:.1}\"/>");
    }
    svg += &server;
    svg += "</svg>\n</div>\n";
    Some(legend(judged, !server.is_empty()) + &svg)
}

type Step = (DateTime<Utc>, f64);

/// Where an instant and a number lie on the page.
struct Scale {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    top: f64,
    step: f64,
}

impl Scale {
    fn of(judged: &Judged<'_>) -> Option<Scale> {
        let run = judged.run;
        let started = judged.by_aws(run.load_started_at()?);
        let ended = judged.by_aws(run.load_ended_at()).max(started);
        let period = run.series.as_ref().map_or(1, |s| s.period.seconds());
        let margin = TimeDelta::seconds(i64::from(period)) * AROUND;
        let from = started.checked_sub_signed(margin)?;
        let until = ended.checked_add_signed(margin)?;
        let client = run.open.iter().map(|o| f64::from(o.open)).fold(0.0, f64::max);
        let expected = expected(judged).map_or(0.0, |of| of(client));
        let server = shown(run, from, until).map(|(_, value)| value);
        let highest = server.fold(client.max(expected).max(1.0), f64::max);
        let step = nice(highest / 4.0);
        Some(Scale { from, until, top: (highest * 1.02 / step).ceil() * step, step })
    }

    #[allow(clippy::cast_precision_loss)]
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let at = at.clamp(self.from, self.until);
        let whole = (self.until - self.from).num_milliseconds().max(1) as f64;
        let part = (at - self.from).num_milliseconds() as f64;
        LEFT + part / whole * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value / self.top).clamp(0.0, 1.0);
        TOP + (1.0 - share) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The next 1, 2 or 5 times a power of ten: what people count in.
fn nice(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1.0).log10().floor());
    let of_ten = least / power;
    let digit = [1.0, 2.0, 5.0].into_iter().find(|d| of_ten <= *d);
    digit.unwrap_or(10.0) * power
}

fn grid(scale: &Scale) -> String {
    let mut svg = String::new();
    let mut value = 0.0;
    while value <= scale.top {
        let y = scale.y(value);
        let (right, text_x, text_y) = (WIDTH - RIGHT, LEFT - 8.0, y + 4.0);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
             <text x=\"{text_x}\" y=\"{text_y:.1}\" text-anchor=\"end\">{}</text>",
            rounded(value)
        );
        value += scale.step;
    }
    let span = (scale.until - scale.from).num_seconds().max(1);
    let seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400];
    let step = seconds.into_iter().find(|step| span / step <= 10).unwrap_or(span / 10);
    let mut at = (scale.from.timestamp().div_euclid(step) + 1) * step;
    while let Some(tick) = DateTime::from_timestamp(at, 0).filter(|tick| *tick <= scale.until) {
        let (x, y) = (scale.x(tick), HEIGHT - 8.0);
        // A label in the middle of the last tick would be cut off by the border.
        let anchor = if at + step / 2 > scale.until.timestamp() { "end" } else { "middle" };
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>", clock(tick));
        at += step;
    }
    svg + "\n"
}

fn holds(judged: &Judged<'_>, scale: &Scale) -> String {
    let run = judged.run;
    let mut svg = String::new();
    for level in &run.levels {
        let Some(from) = level.held_from else {
            continue;
        };
        let until = level.held_until.or(level.ended_at).unwrap_or_else(|| run.load_ended_at());
        let (from, until) = (judged.by_aws(from), judged.by_aws(until));
        let (left, right) = (scale.x(from), scale.x(until));
        if right <= left {
            continue;
        }
        let name = show_count(u64::from(level.connections));
        let (width, height) = (right - left, HEIGHT - TOP - BOTTOM);
        let _ = write!(
            svg,
            "<rect class=\"hold\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\">\
             <title>level {name}: {} to {} UTC</title></rect>",
            clock(from),
            clock(until)
        );
        // Seven pixels a character: a label that does not fit would run into its neighbour.
        #[allow(clippy::cast_precision_loss)]
        let fits = name.len() as f64 * 7.0 < width;
        if fits {
            let (x, y) = (f64::midpoint(left, right), TOP - 8.0);
            let _ = write!(
                svg,
                "<text class=\"hold\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>"
            );
        }
    }
    svg + "\n"
}

/// A step line that begins at `first`. Many steps within a pixel are drawn as its least, its greatest and its last.
fn steps(first: f64, points: &[Step], scale: &Scale) -> String {
    let mut path = format!("M{LEFT} {:.1}", scale.y(first));
    let mut drawn = f64::NAN;
    let mut vertical = |path: &mut String, value: f64| {
        let y = (scale.y(value) * 10.0).round() / 10.0;
        if y.to_bits() != drawn.to_bits() {
            let _ = write!(path, "V{y}");
            drawn = y;
        }
    };
    let mut rest = points;
    while let Some((at, first)) = rest.first() {
        let pixel = scale.x(*at).floor();
        let same = rest.iter().take_while(|(at, _)| scale.x(*at).floor() <= pixel).count();
        let (within, after) = rest.split_at(same.max(1));
        let values = || within.iter().map(|(_, value)| *value);
        let _ = write!(path, "H{:.1}", scale.x(*at));
        vertical(&mut path, *first);
        vertical(&mut path, values().fold(f64::MAX, f64::min));
        vertical(&mut path, values().fold(0.0, f64::max));
        vertical(&mut path, values().next_back().unwrap_or(*first));
        rest = after;
    }
    path
}

/// The periods that reach into the picture.
fn shown(run: &Run, from: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = Step> + '_ {
    run.series.iter().flat_map(move |series| {
        let length = period_of(run);
        let points = series.metrics.get(metric::ACTIVE_CONNECTIONS);
        points
            .into_iter()
            .flatten()
            .map(|point| (point.at, point.value))
            .filter(move |(at, _)| *at < until && from.signed_duration_since(*at) < length)
    })
}

fn period_of(run: &Run) -> TimeDelta {
    let seconds = run.series.as_ref().map_or(0, |s| s.period.seconds());
    TimeDelta::seconds(i64::from(seconds))
}

/// A bar for each period, as long as the period, since a sum has no finer time: full for those that were judged, pale
/// for the others.
fn server_bars(judged: &Judged<'_>, scale: &Scale) -> String {
    let fits = judged.correlation.iter().flat_map(|c| &c.active.levels);
    let judged_at: HashSet<DateTime<Utc>> = fits.flat_map(|l| l.periods.iter().copied()).collect();
    let (full, pale): (Vec<Step>, Vec<Step>) =
        shown(judged.run, scale.from, scale.until).partition(|(at, _)| judged_at.contains(at));
    let length = period_of(judged.run);
    bars("server pale", &pale, length, scale) + &bars("server", &full, length, scale)
}

fn bars(class: &str, points: &[Step], length: TimeDelta, scale: &Scale) -> String {
    let together = points.len().div_ceil(MOST_POINTS).max(1);
    let mut path = String::new();
    for chunk in points.chunks(together) {
        let (Some((first, _)), Some((last, _))) = (chunk.first(), chunk.last()) else {
            continue;
        };
        let end = last.checked_add_signed(length).unwrap_or(*last);
        let values = || chunk.iter().map(|(_, value)| *value);
        let (high, low) =
            (scale.y(values().fold(f64::MIN, f64::max)), scale.y(values().fold(f64::MAX, f64::min)));
        let (left, right) = (scale.x(*first), scale.x(end));
        let _ = write!(path, "M{left:.1} {high:.1}H{right:.1}");
        if low - high > 1.0 {
            let _ = write!(path, "V{low:.1}");
        }
    }
    if path.is_empty() {
        return path;
    }
    format!("<path class=\"{class}\" d=\"{path}\"/>\n")
}

/// What CloudWatch should say of so many open connections, if it is known what it counts.
fn expected(judged: &Judged<'_>) -> Option<impl Fn(f64) -> f64 + use<>> {
    let active = &judged.correlation.as_ref()?.active;
    let (legs, own) = (active.legs?.count(), active.baseline?.median);
    Some(move |open: f64| own + legs * open)
}

fn legend(judged: &Judged<'_>, server: bool) -> String {
    let mut items = vec![("client", "open at the clients".to_owned())];
    if server {
        items.push(("server", "ActiveConnectionCount, judged".into()));
        items.push(("server pale", "not judged".into()));
    }
    let active = judged.correlation.as_ref().map(|both| &both.active);
    if let Some((legs, baseline)) = active.and_then(|a| a.legs.zip(a.baseline)) {
        let own = if baseline.median >= 0.5 {
            format!(" + {} of other traffic", rounded(baseline.median))
        } else {
            String::new()
        };
        items.push(("expected", format!("{} x clients{own}", legs.count())));
    }
    items.push(("hold", "hold of a level".into()));
    let items: String =
        items.iter().map(|(class, text)| format!("<li><i class=\"{class}\"></i>{text}</li>")).collect();
    format!("<ul class=\"legend\">{items}</ul>\n{}", clocks(judged.run))
}

/// Whose clock the picture goes by, where that is not the one of the run's other times.
fn clocks(run: &Run) -> String {
    let ahead = run.clock_ahead().map_or(0, |ahead| ahead.num_seconds());
    let way = match ahead {
        0 => return String::new(),
        1.. => "ahead of",
        _ => "behind",
    };
    format!(
        "<p class=\"meta\">This machine's clock was {} s {way} AWS's; the picture goes by AWS's.</p>\n",
        ahead.unsigned_abs()
    )
}
