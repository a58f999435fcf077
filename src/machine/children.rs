//! The processes that this one started, and their descendants: found, and ended.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::system;

/// The children that this process had before it started any: a shell that becomes it by `exec` leaves it the processes
/// that it had started, such as the `tee` of `exec albcap run … 2> >(tee log)`.
static INHERITED: OnceLock<BTreeSet<u32>> = OnceLock::new();

/// Remembers the children that are there before the first one is started: they are never ended.
pub fn spare_inherited_children() {
    INHERITED.get_or_init(|| {
        let processes = system::processes();
        let own = std::process::id();
        processes.iter().filter(|process| process.parent == own).map(|process| process.id).collect()
    });
}

/// A process, as far as kinship goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub(super) id: u32,
    /// The id of the process that started it, or of the one that adopted it.
    pub(super) parent: u32,
    /// The id of its process group.
    pub(super) group: u32,
}

/// Which children, each with all its descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// All of them.
    All,
    /// Those in this process's own group: the SDK's credential process, and not a token command, which leads a group of
    /// its own.
    SameGroup,
}

/// Kills these children and their descendants, with the process group of each that leads one. Found on Linux only;
/// elsewhere nothing is killed. The inherited ones are spared.
pub fn kill_children(which: Children) {
    // A second look, for what was started while the first one was dealt with.
    for _ in 0..2 {
        let found = own_descendants(which);
        found.iter().for_each(|process| kill(*process));
        if found.is_empty() {
            return;
        }
    }
}

/// Whether there are such children; `false` where that is not known.
pub fn has_children(which: Children) -> bool {
    !own_descendants(which).is_empty()
}

fn own_descendants(which: Children) -> Vec<Process> {
    let none = BTreeSet::new();
    descendants(std::process::id(), which, INHERITED.get().unwrap_or(&none), &system::processes())
}

/// These children, but for the spared ones, and their descendants, parents first.
fn descendants(of: u32, which: Children, spared: &BTreeSet<u32>, processes: &[Process]) -> Vec<Process> {
    let own_group = processes.iter().find(|process| process.id == of).map(|process| process.group);
    let wanted = |child: &Process| {
        !spared.contains(&child.id) && (which == Children::All || Some(child.group) == own_group)
    };
    let children = |parent: u32| processes.iter().filter(move |process| process.parent == parent).copied();
    let mut found: Vec<Process> = children(of).filter(wanted).collect();
    let mut known: BTreeSet<u32> = found.iter().map(|process| process.id).chain([of]).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(children(parent.id).filter(|child| known.insert(child.id)));
        next += 1;
    }
    found
}

#[cfg(unix)]
fn kill(process: Process) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let Some(id) = i32::try_from(process.id).ok().and_then(Pid::from_raw) else { return };
    // It may have ended by itself. The group also has members that `init` adopted, which are no descendants any more.
    let _ = kill_process(id, Signal::KILL);
    if process.group == process.id {
        let _ = kill_process_group(id, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: Process) {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_by_parent_and_group() {
        let process = |id, parent, group| Process { id, parent, group };
        let all = [
            process(1, 0, 1),
            process(10, 1, 10),
            process(12, 11, 12),
            process(11, 10, 10),
            process(20, 10, 20),
            process(21, 20, 20),
            process(30, 1, 10),
        ];
        let found = |of, which, spared: &[u32], all: &[Process]| -> Vec<u32> {
            let spared = spared.iter().copied().collect();
            descendants(of, which, &spared, all).iter().map(|process| process.id).collect()
        };
        assert_eq!(found(10, Children::All, &[], &all), [11, 20, 12, 21]);
        assert_eq!(found(10, Children::SameGroup, &[], &all), [11, 12]);
        assert_eq!(found(10, Children::All, &[20], &all), [11, 12], "an inherited child, and its own");
        assert!(found(21, Children::All, &[], &all).is_empty());
        let circle = [process(1, 2, 1), process(2, 1, 1)];
        assert_eq!(found(1, Children::All, &[], &circle), [2]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_in_a_group_of_its_own_is_found_and_not_taken_for_one_of_ours() {
        use std::os::unix::process::CommandExt;
        let mut child = std::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let found = |which| own_descendants(which).into_iter().find(|process| process.id == child.id());
        assert!(found(Children::SameGroup).is_none());
        kill(found(Children::All).unwrap());
        assert!(!child.wait().unwrap().success());
    }
}
