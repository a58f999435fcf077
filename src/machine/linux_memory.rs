//! Linux: what this process may still take of the memory, by the machine and by each cgroup that it is in.

use std::path::Path;

use super::proc_text::{cgroup_path, memory_available, number};
use crate::facts::{MemoryFacts, MemoryLimit};

/// Where cgroups of version 2 are mounted, and the memory controller of version 1.
const CGROUPS: &str = "/sys/fs/cgroup";
const CGROUPS_V1: &str = "/sys/fs/cgroup/memory";

/// The least that any of them leaves.
pub(super) fn memory() -> Option<MemoryFacts> {
    let machine = memory_available(&text(Path::new("/proc/meminfo"))?)?;
    let own = text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let own = cgroup_path(&own).unwrap_or("/");
    let version_2 = left_in_tree(Path::new(CGROUPS), own, ["memory.max", "memory.current"]);
    let version_1 = left_in(Path::new(CGROUPS_V1), ["memory.limit_in_bytes", "memory.usage_in_bytes"]);
    let cgroup = [version_2, version_1].into_iter().flatten().min();
    Some(match cgroup {
        Some(left) if left < machine => {
            MemoryFacts { available_bytes: left, limited_by: MemoryLimit::Cgroup }
        }
        _ => MemoryFacts { available_bytes: machine, limited_by: MemoryLimit::Machine },
    })
}

/// The least that a cgroup and those above it leave. In a container the own one is often shown as the root.
fn left_in_tree(root: &Path, own: &str, files: [&str; 2]) -> Option<u64> {
    let own = Path::new(own.trim_start_matches('/'));
    own.ancestors().filter_map(|path| left_in(&root.join(path), files)).min()
}

/// Limit less use; `None` without a limit.
fn left_in(folder: &Path, [limit, used]: [&str; 2]) -> Option<u64> {
    let read = |name: &str| number(&text(&folder.join(name))?);
    Some(read(limit)?.saturating_sub(read(used)?))
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_cgroup_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let put = |folder: &str, limit: &str, used: &str| {
            let folder = root.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("max"), limit).unwrap();
            std::fs::write(folder.join("current"), used).unwrap();
        };
        put("a/b/c", "max\n", "5\n");
        put("a/b", "1000\n", "400\n");
        put("a", "2000\n", "1900\n");
        let left = |own: &str| left_in_tree(root.path(), own, ["max", "current"]);
        assert_eq!(left("/a/b/c"), Some(100));
        assert_eq!(left("/a/x"), Some(100), "a folder that is not there has no limit of its own");
        assert_eq!(left("/"), None);
        put("", "50", "70");
        assert_eq!(left("/a/b"), Some(0), "more is used than allowed: nothing is left");
    }

    #[test]
    fn this_machine_has_some() {
        assert!(memory().unwrap().available_bytes > 1 << 20);
    }
}
