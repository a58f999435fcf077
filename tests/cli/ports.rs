//! Who keeps the ports of closed connections: a pair of addresses has each only once, and whoever ends a stream first is
//! left without it for a minute. Looked up in the kernel's own table.
#![cfg(target_os = "linux")]

use crate::harness::{Folder, Simulator, binary, finish, json_of};

/// TIME_WAIT, as `/proc/net/tcp` writes it.
const TIME_WAIT: &str = "06";

/// Sockets in TIME_WAIT of the server on a port, and of its clients.
fn waiting(port: u16) -> (usize, usize) {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let suffix = format!(":{port:04X}");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split_whitespace().collect()).collect();
    let of =
        |end: usize| rows.iter().filter(|row| row[3] == TIME_WAIT && row[end].ends_with(&suffix)).count();
    (of(1), of(2))
}

#[test]
fn held_connections_leave_their_ports_with_the_server_and_refused_ones_with_us() {
    for (flags, levels, refused) in [(&[][..], "30,40", 0), (&["--reject-rate=50%"], "40", 20)] {
        let simulator = Simulator::start(flags);
        let port = simulator.url().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
        let folder = Folder::new();
        let record = folder.file("run.jsonl");
        let mut run = binary();
        run.args(["run", simulator.url(), "--no-aws", "--duration=1s", "--pause=0", "--levels", levels]);
        let done = finish(run.arg("--record").arg(&record));
        let report = json_of(&record);
        let held: u64 =
            report["levels"].as_array().unwrap().iter().map(|level| level["held"].as_u64().unwrap()).sum();
        let (servers, ours) = waiting(port);
        assert_eq!((ours, held as usize), (refused, if refused == 0 { 70 } else { 20 }), "{}", done.all());
        assert!(servers >= held as usize, "{servers} of {held}");
    }
}
