//! Linux: `/proc` knows.

use std::fs::File;
use std::io::{Read, Seek};

use super::children::Process;
pub(super) use super::linux_memory::memory;
use super::proc_text;
use super::watch::Reading;
use crate::facts::{ConntrackFacts, PortRange};

/// `/proc/net/netstat`, the longest of the files, has about 3 KiB.
const LONGEST: u64 = 64 * 1024;

/// Descriptors open in this process. Since Linux 6.2 the folder's size is their number; before, they must be listed.
pub(super) fn descriptors_used() -> Option<u64> {
    const FOLDER: &str = "/proc/self/fd";
    let size = std::fs::metadata(FOLDER).ok()?.len();
    if size > 0 {
        return Some(size);
    }
    // One of the entries is the folder being read.
    Some((std::fs::read_dir(FOLDER).ok()?.count() as u64).saturating_sub(1))
}

/// The ports that `connect` chooses from.
pub(super) fn ports() -> Option<PortRange> {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = text.split_whitespace().map(str::parse);
    match (ends.next(), ends.next()) {
        (Some(Ok(first)), Some(Ok(last))) => Some(PortRange { first, last }),
        _ => None,
    }
}

/// TCP sockets in TIME_WAIT.
pub(super) fn time_wait() -> Option<u64> {
    proc_text::time_wait(&std::fs::read_to_string("/proc/self/net/sockstat").ok()?)
}

/// The table of tracked connections; the files are there where the kernel tracks any.
pub(super) fn conntrack() -> Option<ConntrackFacts> {
    let read = |name: &str| {
        let path = format!("/proc/sys/net/netfilter/nf_conntrack_{name}");
        proc_text::number(&std::fs::read_to_string(path).ok()?)
    };
    Some(ConntrackFacts { tracked: read("count")?, most: read("max")? })
}

/// What the kernel calls this machine.
pub(super) fn host_name() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/hostname").ok()
}

/// All processes that `/proc` shows.
pub(super) fn processes() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter_map(|id| {
        let stat = std::fs::read(format!("/proc/{id}/stat")).ok()?;
        let (parent, group) = proc_text::kin(&String::from_utf8_lossy(&stat))?;
        Some(Process { id, parent, group })
    })
    .collect()
}

/// The files that are read again and again. They stay open: just when no descriptor is left they are wanted.
pub(super) struct Sources {
    stat: Source,
    sockstat: Source,
    port_range: Source,
    snmp: Source,
    netstat: Source,
}

impl Sources {
    /// Opens what can be opened.
    pub(super) fn open() -> Sources {
        Sources {
            stat: Source::open("/proc/self/stat"),
            sockstat: Source::open("/proc/self/net/sockstat"),
            port_range: Source::open("/proc/sys/net/ipv4/ip_local_port_range"),
            snmp: Source::open("/proc/self/net/snmp"),
            netstat: Source::open("/proc/self/net/netstat"),
        }
    }

    /// Reads all of them.
    pub(super) fn read(&mut self) -> Reading {
        let snmp = self.snmp.text();
        let netstat = self.netstat.text();
        let tcp = |name| proc_text::counter(snmp.as_deref()?, "Tcp", name);
        let listen = |name| proc_text::counter(netstat.as_deref()?, "TcpExt", name);
        Reading {
            cpu: self.stat.text().and_then(|text| proc_text::cpu_time(&text)),
            segments_sent: tcp("OutSegs"),
            retransmitted: tcp("RetransSegs"),
            listen_drops: listen("ListenDrops"),
            listen_overflows: listen("ListenOverflows"),
            time_wait: self.sockstat.text().and_then(|text| proc_text::time_wait(&text)),
            ephemeral_ports: self.port_range.text().and_then(|text| proc_text::ports_in_range(&text)),
        }
    }
}

/// One file under `/proc`, open; `None` where it could not be opened.
struct Source(Option<File>);

impl Source {
    fn open(path: &str) -> Source {
        Source(File::open(path).ok())
    }

    /// What it says now.
    fn text(&mut self) -> Option<String> {
        let file = self.0.as_mut()?;
        file.rewind().ok()?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).ok()?;
        // A command's name may be anything.
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_size_is_the_number_of_its_entries() {
        let listed = || std::fs::read_dir("/proc/self/fd").unwrap().count() as u64 - 1;
        // Other tests open and close files meanwhile.
        let near = |_| descriptors_used().unwrap().abs_diff(listed()) <= 3;
        assert!((0..100).any(near), "{:?} {}", descriptors_used(), listed());
    }

    #[test]
    fn a_source_is_read_anew_each_time_and_a_missing_one_is_unknown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut source = Source::open(file.path().to_str().unwrap());
        assert_eq!(source.text().as_deref(), Some(""));
        std::fs::write(file.path(), b"a\xff").unwrap();
        assert_eq!(source.text().as_deref(), Some("a\u{fffd}"));
        std::fs::write(file.path(), vec![b'x'; 100_000]).unwrap();
        assert_eq!(source.text().unwrap().len(), 65_536);
        assert_eq!(Source::open("/proc/self/nothing").text(), None);
    }
}
