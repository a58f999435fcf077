//! What applying a recommendation changes, given what is there; and what of that is albcap's to take away.
//!
//! What `--apply` makes is marked: an alarm in its description, a dashboard in a text widget. By the mark it is known
//! again, and nothing else of the same name is ever changed or taken away: neither what a template made, nor what
//! belongs to another load balancer whose name begins alike.

use serde_json::Value;

use super::{Alarm, Dashboard, Owner, Recommendation};

/// The beginning of every mark, whatever load balancer it is for.
const MARK: &str = "Made by albcap recommend --apply for ";

/// An alarm that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct AlarmThere {
    /// Its name.
    pub alarm_name: String,
    /// Its description; empty where it has none.
    pub alarm_description: String,
    /// The whole of it, where it is of the kind that is recommended here.
    pub alarm: Option<Alarm>,
}

/// What is there of a recommendation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct There {
    /// Alarms whose names begin as ours.
    pub alarms: Vec<AlarmThere>,
    /// The body of the dashboard of our name.
    pub dashboard: Option<String>,
}

/// What is to happen to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is not there.
    Create,
    /// It is there, and differs in these.
    Update(Vec<&'static str>),
    /// It is there as it should be.
    Keep,
    /// It is there of an earlier recommendation, and no part of this one any more.
    Remove,
    /// Something of its name is there that `--apply` did not make for a load balancer of that name: it is left alone.
    LeaveAlone,
}

/// Something that can be made.
#[derive(Debug, Clone, PartialEq)]
pub enum Thing {
    /// An alarm.
    Alarm(Box<Alarm>),
    /// A dashboard.
    Dashboard(Dashboard),
    /// An alarm of an earlier recommendation, by its name.
    Outdated(String),
}

impl Thing {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Thing::Alarm(alarm) => &alarm.alarm_name,
            Thing::Dashboard(dashboard) => &dashboard.dashboard_name,
            Thing::Outdated(name) => name,
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Thing::Alarm(_) | Thing::Outdated(_) => "alarm",
            Thing::Dashboard(_) => "dashboard",
        }
    }
}

impl Change {
    /// Whether anything is to be done.
    #[must_use]
    pub fn is_due(&self) -> bool {
        matches!(self, Change::Create | Change::Update(_) | Change::Remove)
    }
}

impl Owner {
    /// The sentence by which what was made for this load balancer is known again.
    fn mark(&self) -> String {
        format!("{MARK}{}.", self.load_balancer)
    }

    /// What the mark begins with of every load balancer that had this one's name: one that was made anew takes over what
    /// was made for the old one.
    fn mark_of_namesakes(&self) -> String {
        format!("{MARK}app/{}/", self.name())
    }
}

/// What is to be done so that the recommendation stands: everything in it, marked, and what happens to it; last, what an
/// earlier one left behind.
#[must_use]
pub fn to_apply(recommendation: &Recommendation, there: &There) -> Vec<(Thing, Change)> {
    let owner = recommendation.basis.owner();
    let (mark, namesakes) = (owner.mark(), owner.mark_of_namesakes());
    let alarms = recommendation.alarms.iter().map(|alarm| {
        let alarm_description = format!("{} {mark}", alarm.alarm_description);
        let wanted = Alarm { alarm_description, ..alarm.clone() };
        let change = change_of_alarm(&wanted, there, &namesakes);
        (Thing::Alarm(Box::new(wanted)), change)
    });
    let dashboard = marked(&recommendation.dashboard, &mark);
    let change = change_of_dashboard(&dashboard, there, &namesakes);
    let outdated = outdated(recommendation, there).map(|name| (Thing::Outdated(name), Change::Remove));
    alarms.chain([(Thing::Dashboard(dashboard), change)]).chain(outdated).collect()
}

/// The names of alarms that were made for this load balancer and are no part of the recommendation any more: of a target
/// group that is gone, say.
fn outdated(recommendation: &Recommendation, there: &There) -> impl Iterator<Item = String> {
    let (mut names, _) = to_remove(&recommendation.basis.owner(), there);
    names.retain(|name| recommendation.alarms.iter().all(|alarm| alarm.alarm_name != *name));
    names.into_iter()
}

/// The names of the alarms, and whether the dashboard, that `--apply` made for this load balancer and that are there.
#[must_use]
pub fn to_remove(owner: &Owner, there: &There) -> (Vec<String>, bool) {
    let mark = owner.mark();
    let ours = there.alarms.iter().filter(|alarm| alarm.alarm_description.ends_with(&mark));
    let alarms = ours.map(|alarm| alarm.alarm_name.clone()).collect();
    let dashboard = there.dashboard.as_deref().is_some_and(|body| body.contains(&mark));
    (alarms, dashboard)
}

/// The dashboard with its mark below the headline.
fn marked(dashboard: &Dashboard, mark: &str) -> Dashboard {
    let mut marked = dashboard.clone();
    if let Some(Value::String(headline)) = marked.dashboard_body.pointer_mut("/widgets/0/properties/markdown")
    {
        *headline = format!("{headline} {mark}");
    }
    marked
}

fn change_of_alarm(wanted: &Alarm, there: &There, namesakes: &str) -> Change {
    let Some(found) = there.alarms.iter().find(|found| found.alarm_name == wanted.alarm_name) else {
        return Change::Create;
    };
    if !found.alarm_description.contains(namesakes) {
        return Change::LeaveAlone;
    }
    let differences =
        found.alarm.as_ref().map_or_else(|| vec!["settings"], |alarm| differences(alarm, wanted));
    if differences.is_empty() { Change::Keep } else { Change::Update(differences) }
}

fn change_of_dashboard(wanted: &Dashboard, there: &There, namesakes: &str) -> Change {
    match &there.dashboard {
        None => Change::Create,
        Some(body) if !body.contains(namesakes) => Change::LeaveAlone,
        Some(body) if serde_json::from_str::<Value>(body).ok().as_ref() == Some(&wanted.dashboard_body) => {
            Change::Keep
        }
        Some(_) => Change::Update(vec!["body"]),
    }
}

/// In what an alarm is not as it should be. Dimensions and actions have no order.
fn differences(found: &Alarm, wanted: &Alarm) -> Vec<&'static str> {
    let watched = |alarm: &Alarm| {
        let mut metrics = alarm.metrics.clone();
        metrics.sort_by(|a, b| a.id.cmp(&b.id));
        metrics
            .iter_mut()
            .filter_map(|query| query.metric_stat.as_mut())
            .for_each(|stat| stat.metric.dimensions.sort());
        metrics
    };
    let actions = |alarm: &Alarm| {
        let sorted = |actions: &[String]| {
            let mut actions = actions.to_vec();
            actions.sort();
            actions
        };
        [sorted(&alarm.alarm_actions), sorted(&alarm.insufficient_data_actions)]
    };
    let muted = wanted.alarm_actions.is_empty() && !found.alarm_actions.is_empty();
    let minutes = |alarm: &Alarm| (alarm.datapoints_to_alarm, alarm.evaluation_periods);
    let compared = |alarm: &Alarm| (alarm.threshold, alarm.comparison_operator);
    [
        ("what it watches", watched(found) == watched(wanted)),
        ("threshold", compared(found) == compared(wanted)),
        ("minutes", minutes(found) == minutes(wanted)),
        ("missing data", found.treat_missing_data == wanted.treat_missing_data),
        (if muted { "no action any more" } else { "actions" }, actions(found) == actions(wanted)),
        ("description", found.alarm_description == wanted.alarm_description),
    ]
    .into_iter()
    .filter_map(|(what, same)| (!same).then_some(what))
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::recommendation;
    use super::*;

    /// What is there after everything was applied.
    fn applied(recommendation: &Recommendation) -> There {
        let mut there = There::default();
        for (thing, _) in to_apply(recommendation, &There::default()) {
            match thing {
                Thing::Alarm(alarm) => there.alarms.push(AlarmThere {
                    alarm_name: alarm.alarm_name.clone(),
                    alarm_description: alarm.alarm_description.clone(),
                    alarm: Some(*alarm),
                }),
                Thing::Dashboard(dashboard) => there.dashboard = Some(dashboard.body_text()),
                Thing::Outdated(name) => panic!("nothing was there, and {name} is outdated"),
            }
        }
        there
    }

    fn changes(recommendation: &Recommendation, there: &There) -> Vec<Change> {
        to_apply(recommendation, there).into_iter().map(|(_, change)| change).collect()
    }

    #[test]
    fn applying_twice_changes_nothing() {
        let recommendation = recommendation();
        let first = changes(&recommendation, &There::default());
        assert_eq!(first, vec![Change::Create; recommendation.alarms.len() + 1]);
        let mut there = applied(&recommendation);
        assert!(changes(&recommendation, &there).iter().all(|change| *change == Change::Keep));
        // AWS may give them back in another order.
        let metrics = &mut there.alarms[0].alarm.as_mut().unwrap().metrics;
        metrics.reverse();
        assert_eq!(changes(&recommendation, &there)[0], Change::Keep);
    }

    #[test]
    fn what_differs_is_said() {
        let recommendation = recommendation();
        let mut there = applied(&recommendation);
        let first = there.alarms[0].alarm.as_mut().unwrap();
        (first.threshold, first.evaluation_periods) = (1, 9);
        there.alarms[1].alarm.as_mut().unwrap().alarm_actions.clear();
        there.alarms[2].alarm = None;
        there.alarms.remove(3);
        there.dashboard = there.dashboard.map(|body| body.replace("Targets", "Hosts"));
        let changes = changes(&recommendation, &there);
        assert_eq!(changes[0], Change::Update(vec!["threshold", "minutes"]));
        assert_eq!(changes[1], Change::Update(vec!["actions"]));
        assert_eq!(changes[2], Change::Update(vec!["settings"]));
        assert_eq!(changes[3], Change::Create);
        assert_eq!(changes.last(), Some(&Change::Update(vec!["body"])));
    }

    #[test]
    fn an_alarm_that_loses_its_actions_says_so() {
        let mut recommendation = recommendation();
        let there = applied(&recommendation);
        for alarm in &mut recommendation.alarms {
            alarm.alarm_actions.clear();
            alarm.insufficient_data_actions.clear();
        }
        let changes = changes(&recommendation, &there);
        assert_eq!(changes[0], Change::Update(vec!["no action any more"]));
    }

    #[test]
    fn what_is_recommended_no_more_is_removed() {
        let mut recommendation = recommendation();
        let mut there = applied(&recommendation);
        let gone = recommendation.alarms.remove(4);
        let mut foreign = there.alarms[4].clone();
        foreign.alarm_name.push_str("-of-others");
        foreign.alarm_description = "Made by hand.".into();
        there.alarms.push(foreign);
        let wanted = to_apply(&recommendation, &there);
        let removed: Vec<&str> = wanted
            .iter()
            .filter(|(_, change)| *change == Change::Remove)
            .map(|(thing, _)| thing.name())
            .collect();
        assert_eq!(removed, [gone.alarm_name.as_str()]);
    }

    #[test]
    fn marked_descriptions_are_short_enough_for_aws() {
        for (thing, _) in to_apply(&recommendation(), &There::default()) {
            if let Thing::Alarm(alarm) = thing {
                let description = alarm.alarm_description;
                assert!(description.contains(MARK) && description.len() <= 1_024, "{description}");
            }
        }
    }

    #[test]
    fn what_apply_did_not_make_is_left_alone() {
        let recommendation = recommendation();
        let mut there = applied(&recommendation);
        // As a template makes it.
        there.alarms[0].alarm_description = recommendation.alarms[0].alarm_description.clone();
        there.dashboard = Some(recommendation.dashboard.body_text());
        let changes = changes(&recommendation, &there);
        assert_eq!((&changes[0], changes.last()), (&Change::LeaveAlone, Some(&Change::LeaveAlone)));
        let (alarms, dashboard) = to_remove(&recommendation.basis.owner(), &there);
        assert!(!alarms.contains(&there.alarms[0].alarm_name) && !dashboard);
        assert_eq!(alarms.len(), there.alarms.len() - 1);
    }

    #[test]
    fn another_load_balancers_are_not_removed() {
        let recommendation = recommendation();
        let mut there = applied(&recommendation);
        assert_eq!(
            to_remove(&recommendation.basis.owner(), &there),
            (there.alarms.iter().map(|a| a.alarm_name.clone()).collect(), true)
        );
        for alarm in &mut there.alarms {
            alarm.alarm_description = alarm.alarm_description.replace("app/prod-ws/", "app/prod-ws-2/");
            alarm.alarm.as_mut().unwrap().alarm_description.clone_from(&alarm.alarm_description);
        }
        there.dashboard = there.dashboard.map(|body| body.replace("for app/prod-ws/", "for app/prod-ws-2/"));
        assert_eq!(to_remove(&recommendation.basis.owner(), &there), (vec![], false));
        let left = changes(&recommendation, &there);
        assert!(left.iter().all(|change| *change == Change::LeaveAlone), "{left:?}");
    }

    #[test]
    fn a_load_balancer_made_anew_takes_over_what_its_namesake_had() {
        let recommendation = recommendation();
        let mut there = applied(&recommendation);
        let id = "50dc6c495c0c9188";
        let older = |text: &str| text.replace(id, "0123456789abcdef");
        for alarm in &mut there.alarms {
            alarm.alarm_description = older(&alarm.alarm_description);
            alarm.alarm.as_mut().unwrap().alarm_description.clone_from(&alarm.alarm_description);
        }
        there.dashboard = there.dashboard.as_deref().map(older);
        assert_eq!(to_remove(&recommendation.basis.owner(), &there), (vec![], false));
        let taken = changes(&recommendation, &there);
        assert!(taken.iter().all(|change| matches!(change, Change::Update(_))), "{taken:?}");
    }

    #[test]
    fn each_region_has_its_own_dashboard() {
        let mut owner = recommendation().basis.owner();
        assert_eq!(recommendation().dashboard.dashboard_name, owner.dashboard_name());
        owner.region = "eu-west-1".into();
        assert_ne!(recommendation().dashboard.dashboard_name, owner.dashboard_name());
    }
}
