//! The page: whole, self-contained, and safe to open.
#![allow(clippy::unwrap_used)]

use super::html;
use crate::judge::judge;
use crate::judge::testing::{Scenario, example, hostile};

fn page(scenario: &Scenario) -> String {
    let run = scenario.run();
    html(&judge(&run))
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = page(&example());
    for word in ["http://", "https://", "<script", "<link", "<img", "@import", "url(", "src=", "href="] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn the_page_says_what_the_table_says() {
    let page = page(&example());
    for said in [
        "<h1>wss://ws.example.com/socket?token=***</h1>",
        "app/prod-ws/50dc6c495c0c9188 · us-east-1",
        ">1,000</span>",
        ">800</span>",
        "next level tried: 2,000",
        "http_503",
        "idle_timeout",
        "The targets refused: 187 upgrades were answered 503 by them.",
        "HTTPCode_Target_5XX_Count rose by 187",
        "2 x is expected",
        "4 of 4 targets healthy",
        "<path class=\"client\"",
        "<path class=\"server\"",
        "<path class=\"expected\"",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert_eq!(page.matches("<rect class=\"hold\"").count(), 6);
}

/// What is drawn of a hold: its place and its title.
fn first_hold(page: &str) -> String {
    page.split("<rect class=\"hold\"").nth(1).unwrap().split("</rect>").next().unwrap().to_owned()
}

#[test]
fn the_picture_goes_by_awss_clock() {
    let right = example().run();
    // The same minutes of CloudWatch, and every time of the run by a clock that is 90 s ahead.
    let ahead = chrono::TimeDelta::seconds(90);
    let mut run = right.clone();
    for level in &mut run.levels {
        level.started_at += ahead;
        for time in [&mut level.held_from, &mut level.held_until, &mut level.ended_at] {
            *time = time.map(|at| at + ahead);
        }
    }
    run.open.iter_mut().for_each(|step| step.at += ahead);
    run.ended = run.ended.map(|(at, how)| (at + ahead, how));
    run.facts.as_mut().unwrap().clock_offset_s = Some(90.0);
    let (right, moved) = (html(&judge(&right)), html(&judge(&run)));
    assert_eq!(first_hold(&moved), first_hold(&right));
    let client = |page: &str| {
        page.split("<path class=\"client\"").nth(1).unwrap().split("/>").next().unwrap().to_owned()
    };
    assert_eq!(client(&moved), client(&right));
    assert!(moved.contains("This machine's clock was 90 s ahead of AWS's"), "{moved}");
    assert!(!right.contains("This machine's clock was"));
}

#[test]
fn zones_and_addresses_stand_apart() {
    let mut run = example().run();
    let series = run.series.as_mut().unwrap();
    for (zone, part) in [("us-east-1a", 0.75), ("us-east-1b", 0.25)] {
        let points = series.metrics["ActiveConnectionCount"].iter();
        let points =
            points.map(|point| crate::facts::Point { value: point.value * part, ..*point }).collect();
        series.zones.insert(zone.into(), [("ActiveConnectionCount".to_owned(), points)].into());
    }
    for level in &mut run.levels {
        level.peers[0].opened /= 4;
        let other = crate::record::PeerCount { address: "10.0.4.9".into(), ..level.peers[0].clone() };
        level.peers.push(crate::record::PeerCount { opened: 3 * other.opened, ..other });
    }
    let page = html(&judge(&run));
    let (_, below) = page.split_once(">CloudWatch's zone<").unwrap();
    let (zones, addresses) = below.split_once(">clients' address<").unwrap();
    let has = |table: &str, name: &str, share: &str| {
        let row = table.split(&format!(">{name}</td>")).nth(1).unwrap().split("</tr>").next().unwrap();
        assert!(row.contains(&format!(">{share}<")), "{row}");
    };
    has(zones, "us-east-1a", "75.0 %");
    has(zones, "us-east-1b", "25.0 %");
    has(addresses, "10.0.3.17", "25.0 %");
    has(addresses, "10.0.4.9", "75.0 %");
}

#[test]
fn hostile_text_stays_text() {
    let page = page(&hostile());
    assert!(!page.contains("<script") && !page.contains(['\u{1b}', '\u{202e}', '\u{9b}']));
    assert!(page.contains("\\u{1b}]0;owned\\u{7}\\u{202e}&lt;script&gt;"), "{page}");
}

#[test]
fn tags_are_closed_in_order() {
    for scenario in [example(), hostile(), Scenario { aws: false, series: None, ..Scenario::default() }] {
        let page = page(&scenario);
        let mut open: Vec<&str> = Vec::new();
        for tag in page.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name = tag.split([' ', '/']).find(|n| !n.is_empty()).unwrap();
            let is_void = tag.ends_with('/') || ["!doctype", "meta"].contains(&name);
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{page}");
            } else if !is_void {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn a_long_run_stays_a_small_page() {
    let mut run = Scenario::default().run();
    let first = run.open[0].at;
    let day = 86_400_i64;
    run.open = (0..day)
        .map(|second| crate::record::OpenAt {
            at: first + chrono::TimeDelta::seconds(second),
            open: u32::try_from(second % 977).unwrap(),
        })
        .collect();
    run.ended = Some((first + chrono::TimeDelta::seconds(day), crate::record::HowEnded::Finished));
    let page = html(&judge(&run));
    assert!(page.len() < 200_000, "{}", page.len());
}

#[test]
fn a_run_without_a_level_has_no_picture() {
    let mut run = Scenario::default().run();
    run.levels.clear();
    run.open.clear();
    assert!(!html(&judge(&run)).contains("<svg"));
}
