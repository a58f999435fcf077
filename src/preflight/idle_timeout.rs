//! Whether the heartbeat comes often enough that the load balancer never sees a connection idle (aws-facts.md §3).

use std::time::Duration;

use super::wording::{in_seconds, info, pass, refuse, warn};
use super::{Check, Forcing, Known};
use crate::facts::Finding;

const NAME: &str = "idle_timeout";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Allowed, look };

/// What is said of a timeout that is only assumed.
const BY_DEFAULT: &str = " (AWS's default: the ALB does not tell)";

fn look(known: &Known<'_>) -> Finding {
    let Some(interval) = known.plan.heartbeat.every() else { return without_heartbeat(known) };
    let facts = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => facts,
        Err(skipped) => return skipped,
    };
    if let Some(why) = &facts.attributes_unavailable {
        return refuse(NAME, "", format!("the ALB's idle timeout can't be read: {}", why.cause), &why.remedy);
    }
    let timeout = facts.effective_idle_timeout();
    let assumed = if facts.idle_timeout.is_none() { BY_DEFAULT } else { "" };
    let found = format!("{}, heartbeat {}", in_seconds(timeout), in_seconds(interval));
    let instead = format!("use --heartbeat {}", half_as_typed(timeout));
    if interval >= timeout {
        return refuse(
            NAME,
            found,
            format!(
                "heartbeat {} is not below the ALB's idle timeout of {}{assumed}",
                in_seconds(interval),
                in_seconds(timeout),
            ),
            format!("{instead}, or raise idle_timeout.timeout_seconds"),
        );
    }
    if interval > timeout / 2 {
        return warn(
            NAME,
            found,
            format!(
                "the heartbeat is above half of the idle timeout{assumed}: a single late one, and the ALB closes"
            ),
            instead,
        );
    }
    match facts.idle_timeout {
        Some(_) => pass(NAME, found, ""),
        None => info(NAME, found, "the ALB does not tell its idle timeout; AWS's default is assumed", ""),
    }
}

/// An infinite interval. It is not refused: the server may speak often enough.
fn without_heartbeat(known: &Known<'_>) -> Finding {
    let unseen = "without heartbeats a half-open connection can't be seen";
    let (found, detail) = match known.load_balancer_or_skip(NAME) {
        Ok(facts) => {
            let cut = format!("{unseen}, and the ALB closes what the server leaves silent for");
            let timeout = in_seconds(facts.effective_idle_timeout());
            match &facts.attributes_unavailable {
                Some(why) => {
                    let unread = format!("{cut} its idle timeout, which can't be read: {}", why.cause);
                    ("no heartbeat".to_owned(), unread)
                }
                None if facts.idle_timeout.is_none() => {
                    (format!("{timeout}, no heartbeat"), format!("{cut} {timeout}{BY_DEFAULT}"))
                }
                None => (format!("{timeout}, no heartbeat"), format!("{cut} {timeout}")),
            }
        }
        Err(_) => ("no heartbeat".to_owned(), unseen.to_owned()),
    };
    warn(NAME, found, detail, "use --heartbeat-kind ping, unless the server speaks often enough on its own")
}

/// What is found when the timeout is read again before a level and is another than it was; `heartbeat` is the interval,
/// where any are sent.
pub fn idle_timeout_changed(before: Duration, now: Duration, heartbeat: Option<Duration>) -> Finding {
    let found = format!("{}, before {}", in_seconds(now), in_seconds(before));
    let changed = "the ALB's idle timeout was changed in mid-run";
    if let Some(interval) = heartbeat.filter(|interval| *interval >= now) {
        return warn(
            NAME,
            found,
            format!(
                "{changed}, and heartbeat {} is not below it: connections will be cut",
                in_seconds(interval)
            ),
            format!("run again with --heartbeat {}", half_as_typed(now)),
        );
    }
    warn(
        NAME,
        found,
        format!("{changed}: levels before and after it are not alike"),
        "run again when nobody changes it",
    )
}

/// Half of the timeout, as `--heartbeat` takes it: `30s`, or `500ms` below two seconds.
fn half_as_typed(timeout: Duration) -> String {
    let half = timeout / 2;
    if half >= Duration::from_secs(1) {
        format!("{}s", half.as_secs())
    } else {
        format!("{}ms", half.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{Case, answer, case, denied, plan};
    use super::*;
    use crate::facts::{LoadBalancerAnswer, Status};
    use crate::plan::{Heartbeat, HeartbeatKind};

    fn look_at(timeout: Option<u64>, interval_ms: u64) -> Finding {
        let case = Case {
            plan: plan(|plan| plan.heartbeat.interval = Duration::from_millis(interval_ms)),
            load_balancer: answer(|lb| lb.idle_timeout = timeout.map(Duration::from_secs)),
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn heartbeat_against_timeout() {
        for (timeout, interval_ms, status, found) in [
            (Some(60), 30_000, Status::Pass, "60 s, heartbeat 30 s"),
            (Some(60), 30_001, Status::Warn, "60 s, heartbeat 30.001 s"),
            (Some(60), 59_999, Status::Warn, "60 s, heartbeat 59.999 s"),
            (Some(60), 60_000, Status::Refuse, "60 s, heartbeat 60 s"),
            (Some(60), 90_000, Status::Refuse, "60 s, heartbeat 90 s"),
            (Some(4_000), 60_000, Status::Pass, "4000 s, heartbeat 60 s"),
            (Some(1), 500, Status::Pass, "1 s, heartbeat 0.5 s"),
            (None, 30_000, Status::Info, "60 s, heartbeat 30 s"),
            (None, 45_000, Status::Warn, "60 s, heartbeat 45 s"),
            (None, 60_000, Status::Refuse, "60 s, heartbeat 60 s"),
        ] {
            let finding = look_at(timeout, interval_ms);
            assert_eq!((finding.status, finding.found.as_str()), (status, found));
            assert_eq!(finding.detail.contains("AWS's default"), timeout.is_none(), "{finding:?}");
        }
    }

    #[test]
    fn text_is_traffic_like_a_ping() {
        let with_kind = |kind, interval| {
            let heartbeat = Heartbeat { kind, interval, pong_timeout: Duration::from_secs(10) };
            look(&Case { plan: plan(|plan| plan.heartbeat = heartbeat), ..case() }.known())
        };
        for seconds in [30, 45, 60] {
            let [ping, text] = [HeartbeatKind::Ping, HeartbeatKind::Text]
                .map(|kind| with_kind(kind, Duration::from_secs(seconds)));
            assert_eq!(ping, text);
        }
    }

    #[test]
    fn without_a_heartbeat_it_is_warned_that_nothing_shows_a_half_open_connection() {
        let silent = || plan(|plan| plan.heartbeat.kind = HeartbeatKind::None);
        let finding = look(&Case { plan: silent(), ..case() }.known());
        assert_eq!((finding.status, finding.found.as_str()), (Status::Warn, "60 s, no heartbeat"));
        assert_eq!(
            finding.detail,
            "without heartbeats a half-open connection can't be seen, and the ALB closes what the server leaves \
             silent for 60 s"
        );
        let untold = answer(|lb| lb.idle_timeout = None);
        let finding = look(&Case { plan: silent(), load_balancer: untold, ..case() }.known());
        assert!(
            finding.detail.ends_with("silent for 60 s (AWS's default: the ALB does not tell)"),
            "{finding:?}"
        );
        let unread = answer(|lb| {
            lb.idle_timeout = None;
            lb.attributes_unavailable = Some(denied());
        });
        let finding = look(&Case { plan: silent(), load_balancer: unread, ..case() }.known());
        assert_eq!((finding.status, finding.found.as_str()), (Status::Warn, "no heartbeat"));
        assert!(finding.detail.ends_with(&denied().cause) && !finding.detail.contains("60 s"), "{finding:?}");
        let unknown = Case { plan: silent(), load_balancer: LoadBalancerAnswer::NotAsked, ..case() };
        let finding = look(&unknown.known());
        assert_eq!(
            (finding.status, finding.found.as_str()),
            (Status::Warn, "no heartbeat"),
            "without AWS, too"
        );
        assert_eq!(finding.detail, "without heartbeats a half-open connection can't be seen");
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_what_to_type() {
        let finding = look_at(Some(60), 60_000);
        assert_eq!(finding.detail, "heartbeat 60 s is not below the ALB's idle timeout of 60 s");
        assert_eq!(
            finding.remedy,
            "use --heartbeat 30s, or raise idle_timeout.timeout_seconds; nothing was opened"
        );
        assert!(look_at(Some(1), 2_000).remedy.contains("--heartbeat 500ms"));
        assert!(look_at(Some(45), 60_000).remedy.contains("--heartbeat 22s"));
        assert!(look_at(None, 60_000).detail.contains("AWS's default"));
    }

    #[test]
    fn a_timeout_that_cannot_be_read_is_refused_with_the_missing_action() {
        let case = Case {
            load_balancer: answer(|lb| {
                lb.idle_timeout = None;
                lb.attributes_unavailable = Some(denied());
            }),
            ..case()
        };
        let finding = look(&case.known());
        assert_eq!(finding.status, Status::Refuse);
        assert!(finding.detail.contains(&denied().cause));
        assert!(finding.remedy.contains("--no-aws"));
    }

    #[test]
    fn a_change_in_mid_run_is_warned_about() {
        let seconds = Duration::from_secs;
        let shorter = idle_timeout_changed(seconds(60), seconds(30), Some(seconds(30)));
        assert_eq!((shorter.status, shorter.found.as_str()), (Status::Warn, "30 s, before 60 s"));
        assert!(shorter.detail.contains("connections will be cut"), "{shorter:?}");
        assert!(shorter.remedy.contains("--heartbeat 15s"), "{shorter:?}");
        for (now, heartbeat) in [(90, Some(seconds(30))), (30, None)] {
            let harmless = idle_timeout_changed(seconds(60), seconds(now), heartbeat);
            assert_eq!(harmless.status, Status::Warn);
            assert!(!harmless.detail.contains("cut"), "{harmless:?}");
        }
    }

    #[test]
    fn nothing_is_said_of_a_load_balancer_that_is_not_known() {
        for load_balancer in [LoadBalancerAnswer::NotAsked, LoadBalancerAnswer::Unavailable(denied())] {
            let case = Case { load_balancer, ..case() };
            assert_eq!(look(&case.known()).status, Status::Skip);
        }
    }
}
