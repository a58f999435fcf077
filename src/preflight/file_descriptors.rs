//! Whether the largest level fits into the descriptors that this process may have.

use super::wording::{pass, refuse};
use super::{Check, Forcing, Known};
use crate::facts::Finding;
use crate::plan::quantity::{plural, show_count};

const NAME: &str = "file_descriptors";

pub(super) const CHECK: Check = Check { name: NAME, forcing: Forcing::Never, look };

/// Descriptors kept for all that is no held connection: record, name lookups, AWS's connections, the runtime's own.
const SPARE: u64 = 64;

/// What a process may have on Linux at the most, whoever raises its limit: `fs.nr_open`, unless it was set (proc(5)).
const NR_OPEN: u64 = 1_048_576;

fn look(known: &Known<'_>) -> Finding {
    let largest = u64::from(known.plan.schedule.largest());
    let connections = format!("for {}", plural(largest, "connection"));
    let Some(limit) = known.machine.descriptors else {
        return pass(NAME, format!("no limit {connections}"), "");
    };
    let others = known.machine.descriptors_used + SPARE;
    let needed = largest + others;
    let found = format!("{} {connections}", show_count(limit));
    if needed <= limit {
        return pass(NAME, found, "");
    }
    let smaller = match limit.saturating_sub(others) {
        0 => String::new(),
        fits => format!(", or let the largest level be {fits}"),
    };
    let ceiling = if needed > NR_OPEN && known.machine.os == "linux" {
        format!("raise the system's ceiling first ('sysctl -w fs.nr_open={needed}' as root), then ")
    } else {
        String::new()
    };
    refuse(
        NAME,
        found,
        format!(
            "{} {} {} file descriptors, but this process may have {}",
            plural(largest, "connection"),
            if largest == 1 { "needs" } else { "need" },
            show_count(needed),
            show_count(limit)
        ),
        format!(
            "{ceiling}raise the hard limit to {needed}: 'ulimit -n {needed}' as root, systemd LimitNOFILE={needed}, in an ECS \
             task's container \"ulimits\": [{{\"name\": \"nofile\", \"softLimit\": {needed}, \"hardLimit\": \
             {needed}}}]{smaller}"
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::examples::{Case, case, plan};
    use super::*;
    use crate::facts::{MachineFacts, Status};
    use crate::plan::Schedule;

    fn look_at(largest: u32, limit: Option<u64>, used: u64) -> Finding {
        let levels = vec![largest].try_into().expect("one level");
        let case = Case {
            plan: plan(|plan| plan.schedule = Schedule::Levels(levels)),
            machine: MachineFacts { descriptors: limit, descriptors_used: used, ..case().machine },
            ..case()
        };
        look(&case.known())
    }

    #[test]
    fn the_largest_level_fits_or_is_refused() {
        for (largest, limit, used, status) in [
            (5_000, Some(65_536), 12, Status::Pass),
            (1_000, Some(1_076), 12, Status::Pass),
            (1_000, Some(1_075), 12, Status::Refuse),
            (1_000, Some(1_076), 13, Status::Refuse),
            (1, Some(10), 12, Status::Refuse),
            (u32::MAX, None, 0, Status::Pass),
        ] {
            let finding = look_at(largest, limit, used);
            assert_eq!(finding.status, status, "{largest} {limit:?} {used}");
        }
    }

    #[test]
    fn a_refusal_names_the_number_that_is_needed() {
        let finding = look_at(30_000, Some(20_000), 10);
        assert_eq!(finding.found, "20,000 for 30,000 connections");
        assert_eq!(
            finding.detail,
            "30,000 connections need 30,074 file descriptors, but this process may have 20,000"
        );
        for part in ["ulimit -n 30074", "LimitNOFILE=30074", "level be 19926"] {
            assert!(finding.remedy.contains(part), "{part} in {finding:?}");
        }
        let (from, until) = (finding.remedy.find("[{").unwrap(), finding.remedy.find("}]").unwrap());
        let pasted: serde_json::Value = serde_json::from_str(&finding.remedy[from..until + 2]).unwrap();
        let limit = serde_json::json!({"name": "nofile", "softLimit": 30_074, "hardLimit": 30_074});
        assert_eq!(pasted, serde_json::json!([limit]));
        assert!(!finding.remedy.contains("nr_open"), "{finding:?}");
        let beyond = look_at(1_048_576, Some(1_048_576), 10);
        assert!(
            beyond.remedy.starts_with(
                "raise the system's ceiling first ('sysctl -w fs.nr_open=1048650' as root), then raise the hard limit"
            ),
            "{beyond:?}"
        );
        let one = look_at(1, Some(20), 10);
        assert_eq!(one.found, "20 for 1 connection");
        assert_eq!(one.detail, "1 connection needs 75 file descriptors, but this process may have 20");
        let tiny = look_at(100, Some(20), 10);
        assert!(!tiny.remedy.contains("largest level"), "{tiny:?}");
    }
}
