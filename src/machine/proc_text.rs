//! What Linux writes under `/proc`, read: proc_pid_stat(5), proc_net(5), and the kernel's ip-sysctl. Pure; whatever
//! does not look as documented is unknown.

use std::time::Duration;

/// Clock ticks a second in `/proc`: the kernel's `USER_HZ`, which is 100 on every platform that Rust's standard library
/// supports on Linux.
const TICKS_A_SECOND: u64 = 100;

/// Where `utime` stands behind the command's closing bracket (field 14 of `/proc/[pid]/stat`, the state being field 3).
const UTIME: usize = 14 - 3;

/// CPU time of a process, user's and system's, all its threads': from `/proc/self/stat`. The command may hold spaces
/// and brackets, so that only what stands behind the last bracket is fields.
pub(super) fn cpu_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(UTIME);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let millis = user.checked_add(system)?.checked_mul(1_000 / TICKS_A_SECOND)?;
    Some(Duration::from_millis(millis))
}

/// A process's parent and its process group: fields 4 and 5 of `/proc/[pid]/stat`.
pub(super) fn kin(stat: &str) -> Option<(u32, u32)> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// TCP sockets in TIME_WAIT, of both IP versions: `tw` from `/proc/net/sockstat`.
pub(super) fn time_wait(sockstat: &str) -> Option<u64> {
    let pairs = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = pairs.split_ascii_whitespace();
    words.find(|word| *word == "tw")?;
    words.next()?.parse().ok()
}

/// The number of ports from the first to the last in `/proc/sys/net/ipv4/ip_local_port_range`.
pub(super) fn ports_in_range(range: &str) -> Option<u32> {
    let mut words = range.split_ascii_whitespace();
    let first: u16 = words.next()?.parse().ok()?;
    let last: u16 = words.next()?.parse().ok()?;
    u32::from(last).checked_sub(u32::from(first)).map(|between| between + 1)
}

/// A counter of `/proc/net/snmp` or `/proc/net/netstat`: for each protocol a line of names, then a line of values.
pub(super) fn counter(table: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = table.lines().filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(':'));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|word| word == name)?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// Bytes that can be had without swapping: `MemAvailable` of `/proc/meminfo`.
pub(super) fn memory_available(meminfo: &str) -> Option<u64> {
    let words = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = words.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1_024)
}

/// The path of this process's cgroup in the hierarchy of version 2: the line `0::PATH` of `/proc/self/cgroup`.
pub(super) fn cgroup_path(cgroups: &str) -> Option<&str> {
    cgroups.lines().find_map(|line| line.strip_prefix("0::")).filter(|path| path.starts_with('/'))
}

/// The one number of a file; `max`, as cgroups write it, is none.
pub(super) fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAT: &str = "25626 (albcap) R 25624 25624 23388 0 -1 4194304 103 0 0 0 150 25 0 0 20 0 3 0 451542 3133440 390 \
                        18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
    const SOCKSTAT: &str =
        "sockets: used 27\nTCP: inuse 9 orphan 0 tw 136 alloc 9 mem 0\nUDP: inuse 0 mem 0\n";
    const SNMP: &str = "Ip: Forwarding DefaultTTL\nIp: 1 64\n\
        Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens InSegs OutSegs RetransSegs InErrs\n\
        Tcp: 1 200 120000 -1 87492 2939545 2872621 61652 0\nUdp: InDatagrams\nUdp: 7\n";
    const NETSTAT: &str = "TcpExt: SyncookiesSent TWRecycled ListenOverflows ListenDrops TCPHPHits\n\
        TcpExt: 0 1 57 58 878862\nIpExt: InOctets\nIpExt: 3\n";

    #[test]
    fn a_process_has_used_so_much() {
        let time = Some(Duration::from_millis(1_750));
        assert_eq!(cpu_time(STAT), time);
        assert_eq!(cpu_time(&STAT.replace("albcap", "a) R 1 (x y")), time, "a command may be called so");
        let endless = STAT.replace("150 25", "18446744073709551615 1");
        for broken in ["", "1 (x", "1 (x)", "1 (x) R 1 2", &STAT.replace("150", "-150"), &endless] {
            assert_eq!(cpu_time(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn a_process_has_a_parent_and_a_group() {
        assert_eq!(kin("12 (a) R 1 (x y) S 7 10 9 0 -1"), Some((7, 10)));
        for broken in ["", "12 (x", "12 (x) S", "12 (x) S 7", "12 (x) S -1 7"] {
            assert_eq!(kin(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn sockets_in_time_wait() {
        assert_eq!(time_wait(SOCKSTAT), Some(136));
        for broken in ["", "TCP:", "TCP: inuse 9", "TCP: inuse 9 tw", "TCP: tw x", "TCP6: tw 3", "UDP: tw 3"]
        {
            assert_eq!(time_wait(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn ports_count_both_ends() {
        assert_eq!(ports_in_range("32768\t60999\n"), Some(28_232));
        assert_eq!(ports_in_range("1 65535"), Some(65_535));
        assert_eq!(ports_in_range("9 9"), Some(1));
        for broken in ["", "32768", "60999 32768", "1 65536", "-1 5", "a b"] {
            assert_eq!(ports_in_range(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn counters_are_found_by_name_whatever_their_order() {
        assert_eq!(counter(SNMP, "Tcp", "OutSegs"), Some(2_872_621));
        assert_eq!(counter(SNMP, "Tcp", "RetransSegs"), Some(61_652));
        assert_eq!(counter(NETSTAT, "TcpExt", "ListenOverflows"), Some(57));
        assert_eq!(counter(NETSTAT, "TcpExt", "ListenDrops"), Some(58));
        for (table, protocol, name) in [
            ("", "Tcp", "OutSegs"),
            (SNMP, "TcpExt", "ListenDrops"),
            (SNMP, "Tcp", "OutSeg"),
            // -1: without a bound.
            (SNMP, "Tcp", "MaxConn"),
            ("Tcp: OutSegs\n", "Tcp", "OutSegs"),
            ("Tcp: A OutSegs\nTcp: 1\n", "Tcp", "OutSegs"),
            ("Tcp: OutSegs\nTcp: 99999999999999999999999\n", "Tcp", "OutSegs"),
            ("TcpExt: OutSegs\nTcpExt: 1\n", "Tcp", "OutSegs"),
        ] {
            assert_eq!(counter(table, protocol, name), None, "{table:?} {protocol} {name}");
        }
    }

    #[test]
    fn memory_that_can_be_had() {
        let meminfo =
            "MemTotal:        8146968 kB\nMemFree:          517736 kB\nMemAvailable:    5121024 kB\n";
        assert_eq!(memory_available(meminfo), Some(5_121_024 * 1_024));
        for broken in [
            "",
            "MemAvailable:",
            "MemAvailable: 5",
            "MemAvailable: x kB",
            "MemAvailable: 18446744073709551615 kB",
        ] {
            assert_eq!(memory_available(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn the_cgroup_of_version_2() {
        assert_eq!(cgroup_path("12:cpu:/x\n0::/user.slice/a b\n"), Some("/user.slice/a b"));
        for broken in ["", "0:", "12:memory:/docker/1\n", "0::relative"] {
            assert_eq!(cgroup_path(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn numbers_of_files() {
        assert_eq!(number("262144\n"), Some(262_144));
        for none in ["", "max\n", "-1", "1 2", "18446744073709551616"] {
            assert_eq!(number(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in "[ 0-9()a-zA-Z:\\n\\-]{0,200}", any in any::<String>()) {
            for text in [&text, &any] {
                let _ = (cpu_time(text), time_wait(text), ports_in_range(text), counter(text, "Tcp", "OutSegs"));
                let _ = (memory_available(text), cgroup_path(text), number(text), kin(text));
            }
        }

        #[test]
        fn cut_short_a_table_gives_the_right_number_or_none(cut in 0..SNMP.len()) {
            let found = counter(&SNMP[..cut], "Tcp", "InErrs");
            prop_assert!(found.is_none() || found == Some(0));
        }
    }
}
