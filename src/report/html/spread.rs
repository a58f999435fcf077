//! How the load was spread: over the zones as CloudWatch counts, over the addresses as the clients do. Which address lies
//! in which zone nobody says, so that the two stand apart.

use super::sections::{Cell, number, table, word};
use crate::judge::Spread;
use crate::judge::wording::{percent, rounded, show_count};

/// Both tables, each where there is something to be shared.
pub(super) fn spread(spread: &Spread) -> String {
    zones(spread) + &addresses(spread)
}

fn zones(spread: &Spread) -> String {
    let rows: Vec<Vec<Cell>> = spread
        .zones
        .iter()
        .map(|zone| vec![word(zone.zone.clone()), number(rounded(zone.server)), number(percent(zone.share))])
        .collect();
    table(
        &[("CloudWatch's zone", true), ("ActiveConnectionCount while held", false), ("share", false)],
        &rows,
    )
}

fn addresses(spread: &Spread) -> String {
    let all: u64 = spread.addresses.iter().map(|address| address.opened).sum();
    let rows: Vec<Vec<Cell>> = spread
        .addresses
        .iter()
        .map(|address| {
            #[allow(clippy::cast_precision_loss)]
            let share = address.opened as f64 / all.max(1) as f64;
            vec![
                word(address.address.clone()),
                number(show_count(address.opened)),
                number(percent(share)),
                number(show_count(address.tried)),
            ]
        })
        .collect();
    let headings = [
        ("clients' address", true),
        ("opened", false),
        ("share", false),
        ("tried in the largest level", false),
    ];
    table(&headings, &rows)
}
