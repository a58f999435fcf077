//! A recommendation for people: sections of labelled sentences, which whoever prints them lays out.

use super::alarm::{Alarm, MissingData};
use super::basis::{FactorSource, plain};
use super::reservation::QUOTA;
use super::{Recommendation, Reservation, Scaling, Settings};
use crate::judge::show_dollars;
use crate::judge::wording::{plural, rounded, show_count, show_duration};

/// A heading and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// Labels, which may be empty, and the text beside each.
    pub rows: Vec<(String, String)>,
}

/// All sections, in the order in which they are read.
#[must_use]
pub fn text(recommendation: &Recommendation) -> Vec<Section> {
    let section = |title, rows| Section { title, rows };
    let alarms = recommendation.alarms.iter().map(alarm_row).collect();
    let mut sections = vec![section("Safe limit", safe_limit(recommendation))];
    if !recommendation.cautions.is_empty() {
        let rows = recommendation.cautions.iter().map(|caution| (String::new(), caution.clone())).collect();
        sections.push(section("Before you rely on it", rows));
    }
    sections.push(section("Alarms", alarms));
    sections.push(section("Tasks", tasks(recommendation)));
    sections.push(section("Settings", settings(&recommendation.settings)));
    if let Some(reservation) = &recommendation.reservation {
        sections.push(section("Capacity units", capacity_units(reservation)));
    }
    let name = recommendation.dashboard.dashboard_name.clone();
    let shows =
        "clients and load balancer in one graph, with the limits as lines; alarms, refusals, targets, units";
    sections.push(section("Dashboard", vec![(name, shows.to_owned())]));
    sections
}

fn row(label: &str, text: impl Into<String>) -> (String, String) {
    (label.to_owned(), text.into())
}

fn safe_limit(recommendation: &Recommendation) -> Vec<(String, String)> {
    let basis = &recommendation.basis;
    let factor = plain(basis.factor);
    let source = match basis.factor_source {
        FactorSource::Measured => "as measured",
        FactorSource::InDoubt(_) => "in doubt",
        FactorSource::Documented => "as AWS documents it, not measured",
    };
    let count = |count: u32| show_count(count.into());
    vec![
        row("for", format!("{} in {}", basis.load_balancer, basis.region)),
        row(
            "limit",
            format!(
                "{}; {} were held",
                plural(basis.safe_limit.into(), "connection"),
                count(basis.max_reliable)
            ),
        ),
        row("counted", format!("{factor} TCP connections in ActiveConnectionCount for each, {source}")),
        row("wished", format!("{} in all", plural(recommendation.connections.into(), "connection"))),
    ]
}

/// Targets that an ALB takes unless its quota was raised (aws-facts.md §3).
const TARGETS_OF_AN_ALB: u32 = 1_000;

/// `connections-near-limit`, when it goes off, and why.
fn alarm_row(alarm: &Alarm) -> (String, String) {
    let missing = match alarm.treat_missing_data {
        MissingData::NotBreaching => "no value is fine",
        MissingData::Ignore => "no value changes nothing",
        MissingData::Missing => "no value shows as no data",
    };
    let text = format!(
        "{} {} {} in {}, {missing}. {}",
        alarm.watches(),
        alarm.comparison_operator.sign(),
        show_count(alarm.threshold.into()),
        minutes(alarm),
        alarm.alarm_description,
    );
    (alarm.alarm_name.clone(), text)
}

/// `a minute`, `3 minutes in a row`, `2 of 3 minutes`.
fn minutes(alarm: &Alarm) -> String {
    match (alarm.datapoints_to_alarm, alarm.evaluation_periods) {
        (1, 1) => "a minute".to_owned(),
        (all, of) if all == of => format!("{of} minutes in a row"),
        (some, of) => format!("{some} of {of} minutes"),
    }
}

fn tasks(recommendation: &Recommendation) -> Vec<(String, String)> {
    let wished = show_count(recommendation.connections.into());
    match &recommendation.scaling {
        Err(why) => vec![row("", format!("No number of tasks for {wished} connections: {why}."))],
        Ok(scaling) => scaling_rows(scaling, &wished),
    }
}

fn scaling_rows(scaling: &Scaling, wished: &str) -> Vec<(String, String)> {
    let Scaling { target_value, min_tasks, max_tasks, scale_out_cooldown_s, scale_in_cooldown_s, .. } =
        scaling;
    let each = show_count((*target_value).into());
    let mut rows = vec![
        row(
            "for the wish",
            format!(
                "{} for {wished} connections: {each} on each at the safe limit, and 20 % to spare",
                plural((*max_tasks).into(), "task")
            ),
        ),
        row(
            "scaling policy",
            format!(
                "target tracking on connections a task, target {each}, {min_tasks} to {max_tasks} tasks, {scale_out_cooldown_s} s \
                 after scaling out, {scale_in_cooldown_s} s after scaling in"
            ),
        ),
        row(
            "mind",
            "connections that are held stay where they are: new tasks take new ones only, and a task that is taken away \
             cuts its own when its deregistration delay is over",
        ),
    ];
    if *max_tasks > TARGETS_OF_AN_ALB {
        let most = show_count(TARGETS_OF_AN_ALB.into());
        rows.push(row(
            "quota",
            format!("an ALB takes {most} targets unless AWS raised its quota: let each hold more, or spread over several ALBs"),
        ));
    }
    rows
}

fn settings(settings: &Settings) -> Vec<(String, String)> {
    let now = match settings.idle_timeout_now {
        Some(now) => show_duration(now),
        None => "not read, 60 s unless it was changed".to_owned(),
    };
    let beat = settings.heartbeat.map(show_duration);
    let idle = match (&beat, settings.idle_timeout_changes) {
        (Some(beat), changes) if !settings.outlives_a_lost_heartbeat() => format!(
            "{} {} s (now {now}), the longest that an ALB takes: less than twice the heartbeat of {beat}, so let clients send \
             more of them",
            if changes { "set" } else { "keep" },
            settings.idle_timeout_s
        ),
        (Some(beat), true) => format!(
            "set {} s (now {now}): twice the heartbeat of {beat}, so that one that is lost cuts nothing",
            settings.idle_timeout_s
        ),
        (Some(beat), false) => format!("keep ({now}): at least twice the heartbeat of {beat}"),
        (None, _) => {
            format!("keep ({now}); the run sent no heartbeats: let clients send one in half of that time")
        }
    };
    let mut rows = vec![
        row("idle timeout", idle),
        row(
            "targets",
            format!(
                "their own idle timeout longer than {} s, or they cut held connections first",
                settings.idle_timeout_s
            ),
        ),
    ];
    if let Some(keep_alive) = settings.client_keep_alive {
        rows.push(row(
            "keep-alive",
            format!(
                "client_keep_alive {}, keep: it ends plain HTTP connections; whether upgraded ones too is not documented, and \
                 only a longer hold tells",
                show_duration(keep_alive)
            ),
        ));
    }
    if let Some(descriptors) = settings.descriptors {
        rows.push(row(
            "ulimits",
            format!("{}: room for twice the connections of a task", ulimits(descriptors)),
        ));
    }
    rows
}

/// The container definition's `ulimits`, as JSON.
pub(super) fn ulimits(descriptors: u32) -> String {
    format!(r#"[{{"name":"nofile","softLimit":{descriptors},"hardLimit":{descriptors}}}]"#)
}

/// Of many, hundredths say nothing.
fn lcus(units: f64) -> String {
    if units < 1_000.0 { format!("{units:.2}") } else { rounded(units) }
}

fn capacity_units(reservation: &Reservation) -> Vec<(String, String)> {
    let units = show_count(reservation.units.into());
    let connections = u64::from(reservation.connections);
    let an_hour = show_dollars(reservation.dollars_an_hour);
    let unused = show_dollars(reservation.unused_dollars_an_hour);
    let advice = if reservation.is_there() {
        format!("already reserved: {units} are enough")
    } else if reservation.pays {
        format!("reserve {units}; {QUOTA}: {an_hour} an hour, and all but {unused} of it is used anyway")
    } else {
        format!(
            "does not pay: the least is {units} units, {an_hour} an hour until it is reset, of which {unused} is for units that \
             these connections don't use, and {QUOTA}. Worth it only where more come at once than a load balancer grows by: half in five minutes, by AWS's \
             older guidance"
        )
    };
    let mut rows = vec![
        row(
            "use",
            format!(
                "{} LCUs while {} {} held, {} in a minute in which all of them come back",
                lcus(reservation.held_lcus),
                plural(connections, "connection"),
                if connections == 1 { "is" } else { "are" },
                lcus(reservation.returning_lcus),
            ),
        ),
        row("reservation", advice),
    ];
    if let Some(reserved) = reservation.reserved_now {
        rows.push(row("reserved now", plural(reserved.into(), "unit")));
    }
    rows
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::recommendation;
    use super::*;

    #[test]
    fn every_alarm_says_when_and_why() {
        let recommendation = recommendation();
        let sections = text(&recommendation);
        let alarms = &sections.iter().find(|section| section.title == "Alarms").unwrap().rows;
        assert_eq!(alarms.len(), recommendation.alarms.len());
        let near = &alarms.iter().find(|(name, _)| name.ends_with("near-limit")).unwrap().1;
        assert!(
            near.starts_with(
                "(ActiveConnectionCount - 210) / 2 / HealthyHostCount >= 200 in 3 minutes in a row, no value is fine. A target"
            ),
            "{near}"
        );
    }

    #[test]
    fn one_is_no_plural_and_millions_can_be_read() {
        let said = |connections| {
            let mut recommendation = recommendation();
            recommendation.connections = connections;
            let reservation = recommendation.reservation.as_mut().unwrap();
            (reservation.connections, reservation.held_lcus) =
                (connections, f64::from(connections) / 3_000.0);
            (reservation.units, reservation.pays) = (connections / 3_000, true);
            let rows = text(&recommendation).into_iter().flat_map(|section| section.rows);
            rows.map(|(label, text)| format!("{label}: {text}\n")).collect::<String>()
        };
        let one = said(1);
        assert!(
            one.contains("wished: 1 connection in all") && one.contains("while 1 connection is held"),
            "{one}"
        );
        let most = said(4_000_000_000);
        assert!(most.contains("use: 1,333,333 LCUs") && most.contains("reserve 1,333,333;"), "{most}");
    }

    #[test]
    fn the_whole() {
        let lines: Vec<String> = text(&recommendation())
            .into_iter()
            .flat_map(|section| {
                let rows = section.rows.into_iter().map(|(label, text)| format!("  {label} | {text}"));
                std::iter::once(section.title.to_owned()).chain(rows).collect::<Vec<_>>()
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
