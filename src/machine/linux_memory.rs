//! Linux: what this process may still take of the memory, by the machine and by each cgroup that it is in.

use std::path::Path;

use super::proc_text::{cgroup_path, memory_available, number};
use crate::facts::{MemoryFacts, MemoryLimit};

/// Where cgroups of version 2 are mounted, and the memory controller of version 1.
const CGROUPS: &str = "/sys/fs/cgroup";
const CGROUPS_V1: &str = "/sys/fs/cgroup/memory";

/// The files of a cgroup.
struct Files {
    limit: &'static str,
    used: &'static str,
    /// The line of `memory.stat` that counts cached files, which are given up before anybody goes without.
    cached: &'static str,
}

const VERSION_2: Files = Files { limit: "memory.max", used: "memory.current", cached: "inactive_file" };
const VERSION_1: Files =
    Files { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", cached: "total_inactive_file" };

/// The least that any of them leaves.
pub(super) fn memory() -> Option<MemoryFacts> {
    let machine = memory_available(&text(Path::new("/proc/meminfo"))?)?;
    let own = text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let own = cgroup_path(&own).unwrap_or("/");
    let version_2 = left_in_tree(Path::new(CGROUPS), own, &VERSION_2);
    let version_1 = left_in(Path::new(CGROUPS_V1), &VERSION_1);
    let cgroup = [version_2, version_1].into_iter().flatten().min();
    Some(match cgroup {
        Some(left) if left < machine => {
            MemoryFacts { available_bytes: left, limited_by: MemoryLimit::Cgroup }
        }
        _ => MemoryFacts { available_bytes: machine, limited_by: MemoryLimit::Machine },
    })
}

/// The least that a cgroup and those above it leave. In a container the own one is often shown as the root.
fn left_in_tree(root: &Path, own: &str, files: &Files) -> Option<u64> {
    let own = Path::new(own.trim_start_matches('/'));
    own.ancestors().filter_map(|path| left_in(&root.join(path), files)).min()
}

/// Limit less use; `None` without a limit.
fn left_in(folder: &Path, files: &Files) -> Option<u64> {
    let read = |name: &str| number(&text(&folder.join(name))?);
    let stat = text(&folder.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| number(line.strip_prefix(files.cached)?)).unwrap_or(0);
    Some(read(files.limit)?.saturating_sub(read(files.used)?.saturating_sub(cached)))
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
            std::fs::write(folder.join(VERSION_2.limit), limit).unwrap();
            std::fs::write(folder.join(VERSION_2.used), used).unwrap();
        };
        put("a/b/c", "max\n", "5\n");
        put("a/b", "1000\n", "400\n");
        put("a", "2000\n", "1900\n");
        let left = |own: &str| left_in_tree(root.path(), own, &VERSION_2);
        assert_eq!(left("/a/b/c"), Some(100));
        assert_eq!(left("/a/x"), Some(100), "a folder that is not there has no limit of its own");
        assert_eq!(left("/"), None);
        let stat = "anon 7\ninactive_file 800\nactive_file 9\n";
        std::fs::write(root.path().join("a/memory.stat"), stat).unwrap();
        assert_eq!(left("/a/b/c"), Some(600), "cached files are no use: 900 are left in a, 600 in b");
        put("", "50", "70");
        assert_eq!(left("/a/b"), Some(0), "more is used than allowed: nothing is left");
    }

    #[test]
    fn this_machine_has_some() {
        assert!(memory().unwrap().available_bytes > 1 << 20);
    }
}
