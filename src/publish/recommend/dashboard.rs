//! The dashboard: clients and load balancer in one graph, and around it what breaks when.

use serde::Serialize;
use serde_json::{Value, json};

use super::alarm::{Alarm, MINUTE_S};
use super::basis::Basis;
use super::targets::target_groups;
use super::{Dimension, Namespace};
use crate::judge::{Judged, metric};

/// A dashboard of CloudWatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dashboard {
    /// Its name.
    pub dashboard_name: String,
    /// Its body; the API takes it as text.
    #[serde(serialize_with = "as_text")]
    pub dashboard_body: Value,
}

impl Dashboard {
    /// Its body as text, as the API takes it.
    #[must_use]
    pub fn body_text(&self) -> String {
        self.dashboard_body.to_string()
    }
}

fn as_text<S: serde::Serializer>(body: &Value, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&body.to_string())
}

/// Columns of a dashboard's grid.
const COLUMNS: u32 = 24;

/// What clients report, and under which dimensions.
pub(super) struct Clients<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) dimensions: &'a [Dimension],
}

/// The dashboard.
pub(super) fn dashboard(
    judged: &Judged<'_>,
    basis: &Basis,
    alarms: &[Alarm],
    clients: &Clients<'_>,
) -> Dashboard {
    let groups = target_groups(judged);
    let half = COLUMNS / 2;
    let widgets = vec![
        widget(0, 0, COLUMNS, 2, "text", json!({"markdown": headline(basis)})),
        widget(2, 0, COLUMNS, 3, "alarm", json!({"title": "Alarms", "alarms": alarm_arns(basis, alarms)})),
        widget(5, 0, COLUMNS, 8, "metric", connections(basis, clients)),
        graph(
            basis,
            13,
            0,
            half,
            "Opened a minute, both TCP legs",
            &[metric::NEW_CONNECTIONS, metric::REQUESTS],
        ),
        graph(basis, 13, half, half, "Refused and failed", &REFUSED),
        widget(19, 0, half, 6, "metric", targets(basis, &groups)),
        graph(
            basis,
            19,
            half,
            half,
            "Capacity units a minute",
            &[metric::CONSUMED_LCUS, "PeakLCUs", "ReservedLCUs"],
        ),
    ];
    Dashboard {
        dashboard_name: basis.owner().dashboard_name(),
        dashboard_body: json!({"start": "-PT3H", "widgets": widgets}),
    }
}

/// What turns connections away, and what breaks them.
const REFUSED: [&str; 4] = [
    metric::REJECTED_CONNECTIONS,
    "HTTPCode_ELB_5XX_Count",
    metric::TARGET_CONNECTION_ERRORS,
    "ClientTLSNegotiationErrorCount",
];

fn widget(y: u32, x: u32, width: u32, height: u32, kind: &str, properties: Value) -> Value {
    json!({"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties})
}

fn headline(basis: &Basis) -> String {
    let Basis { load_balancer, safe_limit, max_reliable, .. } = basis;
    format!("{load_balancer}: **{safe_limit}** connections are safe, {max_reliable} were held.")
}

/// The ARNs by which an alarm widget knows its alarms: they lie where the load balancer lies.
fn alarm_arns(basis: &Basis, alarms: &[Alarm]) -> Vec<String> {
    let parts: Vec<&str> = basis.arn.split(':').collect();
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (partition, region, account) = (part(1), part(3), part(4));
    let arn =
        |alarm: &Alarm| format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{}", alarm.alarm_name);
    alarms.iter().map(arn).collect()
}

/// Clients and load balancer, with the limits as lines.
fn connections(basis: &Basis, clients: &Clients<'_>) -> Value {
    let lb = &basis.load_balancer;
    let mut of_clients: Vec<Value> =
        [clients.namespace.as_str(), "OpenConnections", "LoadBalancer", lb].map(Value::from).to_vec();
    for dimension in clients.dimensions {
        of_clients.extend([dimension.name(), dimension.value()].map(Value::from));
    }
    of_clients.push(json!({"id": "c1", "stat": "Maximum", "label": "clients: open connections"}));
    let line = |label: &str, value: u32| json!({"label": label, "value": value});
    json!({
        "title": "Connections: clients and load balancer",
        "view": "timeSeries", "region": basis.region, "period": MINUTE_S, "stat": "Sum",
        "metrics": [
            ["AWS/ApplicationELB", metric::ACTIVE_CONNECTIONS, "LoadBalancer", lb, {"id": "m1", "visible": false}],
            [{"id": "e1", "expression": basis.connections("m1"),
              "label": format!("load balancer: {} over {}", metric::ACTIVE_CONNECTIONS, super::basis::plain(basis.factor))}],
            of_clients,
        ],
        "annotations": {"horizontal": [line("safe limit", basis.safe_limit), line("held in the run", basis.max_reliable)]},
        "yAxis": {"left": {"min": 0}},
    })
}

/// Sums of the load balancer's own metrics.
fn graph(basis: &Basis, y: u32, x: u32, width: u32, title: &str, names: &[&str]) -> Value {
    let metrics: Vec<Value> = names
        .iter()
        .map(|name| json!(["AWS/ApplicationELB", name, "LoadBalancer", basis.load_balancer]))
        .collect();
    let properties = json!({
        "title": title, "view": "timeSeries", "region": basis.region, "period": MINUTE_S, "stat": "Sum",
        "metrics": metrics, "yAxis": {"left": {"min": 0}},
    });
    widget(y, x, width, 6, "metric", properties)
}

/// Healthy and unhealthy targets of each group, and, where no group is known, how much of the load balancer is in use.
fn targets(basis: &Basis, groups: &[String]) -> Value {
    let lb = &basis.load_balancer;
    let of_group = |group: &String| {
        [(metric::HEALTHY_HOSTS, "Minimum"), (metric::UNHEALTHY_HOSTS, "Maximum")].map(|(name, stat)| {
            json!(["AWS/ApplicationELB", name, "TargetGroup", group, "LoadBalancer", lb, {"stat": stat}])
        })
    };
    let mut metrics: Vec<Value> = groups.iter().flat_map(of_group).collect();
    if metrics.is_empty() {
        let used = metric::CAPACITY_UTILIZATION;
        metrics.push(json!(["AWS/ApplicationELB", used, "LoadBalancer", lb, {"stat": "Maximum"}]));
    }
    json!({
        "title": if groups.is_empty() { "Load balancer in use, %" } else { "Targets" },
        "view": "timeSeries", "region": basis.region, "period": MINUTE_S, "metrics": metrics,
        "yAxis": {"left": {"min": 0}},
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::judge::judge;
    use crate::judge::testing::example;

    #[test]
    fn clients_and_load_balancer_share_a_graph() {
        let run = example().run();
        let judged = judge(&run);
        let basis = Basis::of(&judged).unwrap();
        let (namespace, dimension) = ("Load".parse().unwrap(), "Team=chat".parse().unwrap());
        let clients = Clients { namespace: &namespace, dimensions: &[dimension] };
        let made = dashboard(&judged, &basis, &[], &clients);
        let widgets = made.dashboard_body["widgets"].as_array().unwrap();
        let metrics = &widgets[2]["properties"]["metrics"];
        assert_eq!(metrics[0][1], "ActiveConnectionCount");
        assert_eq!(metrics[1][0]["expression"], "(m1 - 210) / 2");
        let of_clients = json!([
            "Load", "OpenConnections", "LoadBalancer", "app/prod-ws/50dc6c495c0c9188", "Team", "chat",
            {"id": "c1", "stat": "Maximum", "label": "clients: open connections"}
        ]);
        assert_eq!(metrics[2], of_clients);
        let lines = &widgets[2]["properties"]["annotations"]["horizontal"];
        assert_eq!((&lines[0]["value"], &lines[1]["value"]), (&json!(800), &json!(1_000)));
        let headline = widgets[0]["properties"]["markdown"].as_str().unwrap();
        assert!(headline.ends_with("**800** connections are safe, 1000 were held."), "{headline}");
    }

    #[test]
    fn widgets_lie_side_by_side_on_the_grid() {
        let run = example().run();
        let judged = judge(&run);
        let namespace = "albcap".parse().unwrap();
        let clients = Clients { namespace: &namespace, dimensions: &[] };
        let made = dashboard(&judged, &Basis::of(&judged).unwrap(), &[], &clients);
        let place = |widget: &Value, name: &str| widget[name].as_u64().unwrap();
        let mut taken = std::collections::BTreeSet::new();
        for widget in made.dashboard_body["widgets"].as_array().unwrap() {
            for x in place(widget, "x")..place(widget, "x") + place(widget, "width") {
                for y in place(widget, "y")..place(widget, "y") + place(widget, "height") {
                    assert!(x < u64::from(COLUMNS) && taken.insert((x, y)), "{x} {y} {widget}");
                }
            }
        }
    }
}
