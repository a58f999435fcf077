//! The processes that this one started, and their descendants: found, and ended.

use std::collections::BTreeSet;

use super::system;

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
    OfOwnGroup,
}

/// Kills these children and their descendants. Found on Linux only; elsewhere, and where a descendant outlived the process
/// that started it, nothing is killed.
pub fn end_children(which: Children) {
    // A second look, for what was started while the first one was dealt with.
    for _ in 0..2 {
        let found = descendants(std::process::id(), which, &system::processes());
        found.iter().for_each(|id| kill(*id));
        if found.is_empty() {
            return;
        }
    }
}

/// Whether there are such children; `false` where that is not known.
pub fn has_children(which: Children) -> bool {
    !descendants(std::process::id(), which, &system::processes()).is_empty()
}

/// The ids of these children and their descendants, parents first.
fn descendants(of: u32, which: Children, processes: &[Process]) -> Vec<u32> {
    let own_group = processes.iter().find(|process| process.id == of).map(|process| process.group);
    let wanted = |child: &&Process| which == Children::All || Some(child.group) == own_group;
    let children = |parent: u32| processes.iter().filter(move |process| process.parent == parent);
    let mut found: Vec<u32> = children(of).filter(wanted).map(|child| child.id).collect();
    let mut known: BTreeSet<u32> = found.iter().copied().chain([of]).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(children(parent).map(|child| child.id).filter(|id| known.insert(*id)));
        next += 1;
    }
    found
}

#[cfg(unix)]
fn kill(id: u32) {
    if let Some(id) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill(_: u32) {}

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
        assert_eq!(descendants(10, Children::All, &all), [11, 20, 12, 21]);
        assert_eq!(descendants(10, Children::OfOwnGroup, &all), [11, 12]);
        assert!(descendants(21, Children::All, &all).is_empty());
        let circle = [process(1, 2, 1), process(2, 1, 1)];
        assert_eq!(descendants(1, Children::All, &circle), [2]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_child_in_a_group_of_its_own_is_found_and_not_taken_for_one_of_ours() {
        use std::os::unix::process::CommandExt;
        let mut child = std::process::Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let processes = system::processes();
        let found = |which| descendants(std::process::id(), which, &processes).contains(&child.id());
        assert!(found(Children::All) && !found(Children::OfOwnGroup));
        kill(child.id());
        assert!(!child.wait().unwrap().success());
    }
}
