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
