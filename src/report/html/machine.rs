//! How the machine that made the load fared, level by level.

use super::sections::{Cell, number, section, table, word};
use crate::judge::wording::{factor, ms, show_count};
use crate::judge::{Judged, JudgedLevel};
use crate::record::LevelMachine;

/// The section; empty where nothing is known.
pub(super) fn machine(judged: &Judged<'_>) -> String {
    let known = |level: &&JudgedLevel<'_>| level.run.machine != LevelMachine::default();
    let rows: Vec<Vec<Cell>> = judged.levels.iter().filter(known).map(row).collect();
    let headings = [
        ("level", false),
        ("CPU at most", false),
        ("timers late by", false),
        ("descriptors", false),
        ("in TIME_WAIT", false),
        ("segments sent again", false),
        ("listen drops", false),
        ("limit", true),
    ];
    let table = table(&headings, &rows);
    if table.is_empty() {
        return table;
    }
    let cores = judged.run.facts.as_ref().map_or_else(String::new, |facts| {
        format!("It has {} cores for this process. ", show_count(u64::from(facts.machine.cores)))
    });
    let key = format!(
        "<p class=\"meta\">{cores}CPU and descriptors are this process’s, TCP’s numbers the whole machine’s. A level that \
         failed because this machine refused, or was too slow to hear the answers, says nothing about the load balancer.</p>\n"
    );
    section("This machine", &(table + &key))
}

fn row(level: &JudgedLevel<'_>) -> Vec<Cell> {
    let machine = &level.run.machine;
    let count = |count: Option<u64>| number(count.map_or_else(String::new, show_count));
    let limit =
        if level.limited_by_machine { Cell("word bad", "this machine".into()) } else { word(String::new()) };
    vec![
        number(show_count(u64::from(level.connections()))),
        number(machine.cpu_cores_max.map_or_else(String::new, factor)),
        number(machine.lag_ms_max.map_or_else(String::new, |late| format!("{} ms", ms(late)))),
        count(machine.descriptors_max),
        count(machine.time_wait_max),
        count(machine.retransmitted),
        count(machine.listen_drops),
        limit,
    ]
}
