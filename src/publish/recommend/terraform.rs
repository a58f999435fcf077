//! A recommendation as Terraform configuration in JSON (a `.tf.json` file) for the AWS provider.

use serde_json::{Map, Value, json};

use super::alarm::{Alarm, Metric, Query};
use super::reservation::QUOTA;
use super::text::ulimits;
use super::{Recommendation, Reservation, Scaling};

/// The configuration. What no record knows, cluster and service, are its variables; without them the service is not
/// scaled.
#[must_use]
pub fn terraform(recommendation: &Recommendation) -> Value {
    let mut resources = Map::new();
    let alarms: Map<String, Value> =
        recommendation.alarms.iter().map(|made| (made.alarm_name.clone(), alarm(made))).collect();
    resources.insert("aws_cloudwatch_metric_alarm".into(), Value::Object(alarms));
    let dashboard = &recommendation.dashboard;
    resources.insert(
        "aws_cloudwatch_dashboard".into(),
        json!({&dashboard.dashboard_name: {
            "dashboard_name": dashboard.dashboard_name,
            "dashboard_body": literal(&dashboard.body_text()),
            "lifecycle": in_region(&recommendation.basis.region),
        }}),
    );
    let mut configuration = Map::new();
    configuration.insert("//".into(), comment(recommendation).into());
    configuration
        .insert("terraform".into(), json!({"required_providers": {"aws": {"source": "hashicorp/aws"}}}));
    if let Ok(scaling) = &recommendation.scaling {
        configuration.insert("variable".into(), variables());
        resources.insert("aws_appautoscaling_target".into(), json!({"service": target(scaling)}));
        resources.insert("aws_appautoscaling_policy".into(), json!({"connections_a_task": policy(scaling)}));
    }
    configuration.insert("data".into(), json!({"aws_region": {"current": {}}}));
    configuration.insert("resource".into(), Value::Object(resources));
    configuration.insert("output".into(), Value::Object(outputs(recommendation)));
    Value::Object(configuration)
}

/// Text that Terraform takes as it stands, though strings are templates to it.
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// What a reader must know; the value of a `//` property is not looked at.
fn comment(recommendation: &Recommendation) -> String {
    std::iter::once(recommendation.basis.purpose())
        .chain(recommendation.cautions.iter().cloned())
        .chain(recommendation.scaling.as_ref().err().map(|why| format!("No scaling policy: {why}.")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Alarms elsewhere would see no metric, and be quiet for ever: no plan is made there. A region's name is letters, digits
/// and hyphens; nothing else of a record gets into an expression.
fn in_region(region: &str) -> Value {
    let region: String = region.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    json!({"precondition": [{
        "condition": format!("${{data.aws_region.current.id == \"{region}\"}}"),
        "error_message": format!("The load balancer's metrics are in {region}, and alarms see those of their own region only."),
    }]})
}

fn variables() -> Value {
    let name = |what: &str| json!({"type": "string", "default": "", "description": what});
    json!({
        "ecs_cluster": name("The ECS cluster of the service behind the load balancer; empty: the service is not scaled"),
        "ecs_service": name("The ECS service behind the load balancer; empty: the service is not scaled"),
    })
}

fn alarm(alarm: &Alarm) -> Value {
    let mut made = Map::new();
    made.insert("alarm_name".into(), alarm.alarm_name.clone().into());
    made.insert("alarm_description".into(), literal(&alarm.alarm_description).into());
    made.insert("evaluation_periods".into(), alarm.evaluation_periods.into());
    made.insert("datapoints_to_alarm".into(), alarm.datapoints_to_alarm.into());
    made.insert("threshold".into(), alarm.threshold.into());
    made.insert("comparison_operator".into(), json!(alarm.comparison_operator));
    made.insert("treat_missing_data".into(), json!(alarm.treat_missing_data));
    made.insert("metric_query".into(), alarm.metrics.iter().map(metric_query).collect());
    for (name, actions) in [
        ("alarm_actions", &alarm.alarm_actions),
        ("insufficient_data_actions", &alarm.insufficient_data_actions),
    ] {
        if !actions.is_empty() {
            let actions: Vec<String> = actions.iter().map(|action| literal(action)).collect();
            made.insert(name.into(), json!(actions));
        }
    }
    Value::Object(made)
}

/// What a query is written with wherever it stands.
fn described(query: &Query) -> Map<String, Value> {
    let mut made = Map::new();
    made.insert("id".into(), query.id.clone().into());
    made.insert("label".into(), literal(&query.label).into());
    made.insert("return_data".into(), query.return_data.into());
    if let Some(expression) = &query.expression {
        made.insert("expression".into(), literal(expression).into());
    }
    made
}

fn metric_query(query: &Query) -> Value {
    let mut made = described(query);
    if let Some(stat) = &query.metric_stat {
        let Metric { namespace, metric_name, dimensions } = &stat.metric;
        let dimensions: Map<String, Value> = dimensions
            .iter()
            .map(|dimension| (literal(&dimension.name), literal(&dimension.value).into()))
            .collect();
        made.insert(
            "metric".into(),
            json!([{"namespace": namespace, "metric_name": metric_name, "period": stat.period, "stat": stat.stat,
                    "dimensions": dimensions}]),
        );
    }
    Value::Object(made)
}

/// Neither target nor policy is made where a name is empty.
const IF_NAMED: &str = "${var.ecs_cluster == \"\" || var.ecs_service == \"\" ? 0 : 1}";

fn target(scaling: &Scaling) -> Value {
    json!({
        "count": IF_NAMED,
        "service_namespace": "ecs",
        "scalable_dimension": "ecs:service:DesiredCount",
        "resource_id": "service/${var.ecs_cluster}/${var.ecs_service}",
        "min_capacity": scaling.min_tasks,
        "max_capacity": scaling.max_tasks,
    })
}

fn policy(scaling: &Scaling) -> Value {
    let of_target = |name: &str| format!("${{aws_appautoscaling_target.service[0].{name}}}");
    let metrics: Vec<Value> = scaling.metrics.iter().map(scaling_metric).collect();
    json!({
        "count": IF_NAMED,
        "name": scaling.policy_name,
        "policy_type": "TargetTrackingScaling",
        "service_namespace": of_target("service_namespace"),
        "scalable_dimension": of_target("scalable_dimension"),
        "resource_id": of_target("resource_id"),
        "target_tracking_scaling_policy_configuration": [{
            "target_value": scaling.target_value,
            "scale_out_cooldown": scaling.scale_out_cooldown_s,
            "scale_in_cooldown": scaling.scale_in_cooldown_s,
            "customized_metric_specification": [{"metrics": metrics}],
        }],
    })
}

/// Other than in an alarm, dimensions are blocks here.
fn scaling_metric(query: &Query) -> Value {
    let mut made = described(query);
    if let Some(stat) = &query.metric_stat {
        let Metric { namespace, metric_name, dimensions } = &stat.metric;
        let dimensions: Vec<Value> = dimensions
            .iter()
            .map(|dimension| json!({"name": literal(&dimension.name), "value": literal(&dimension.value)}))
            .collect();
        let metric = json!([{"namespace": namespace, "metric_name": metric_name, "dimensions": dimensions}]);
        made.insert("metric_stat".into(), json!([{"stat": stat.stat, "metric": metric}]));
    }
    Value::Object(made)
}

fn outputs(recommendation: &Recommendation) -> Map<String, Value> {
    let output = |description: &str, value: Value| json!({"description": description, "value": value});
    let mut outputs = Map::new();
    outputs.insert(
        "safe_limit".into(),
        output("Connections that are safe to hold", recommendation.basis.safe_limit.into()),
    );
    outputs.insert(
        "idle_timeout_s".into(),
        output(
            &format!("idle_timeout of the aws_lb: {}", recommendation.settings.idle_timeout_is()),
            recommendation.settings.idle_timeout_s.into(),
        ),
    );
    if let Some(descriptors) = recommendation.settings.descriptors {
        let ulimits = output("ulimits of the container definition, as JSON", ulimits(descriptors).into());
        outputs.insert("container_ulimits".into(), ulimits);
    }
    if let Some(reservation) = recommendation.reservation.filter(Reservation::is_due) {
        let units = output(
            &format!("minimum_load_balancer_capacity of the aws_lb to reserve; {QUOTA}"),
            reservation.units.into(),
        );
        outputs.insert("capacity_units".into(), units);
    }
    outputs
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, recommendation};
    use super::*;

    /// The arguments that the provider's resources take; the file names where that is from.
    const ARGUMENTS: &str = include_str!("../../../fixtures/terraform/aws_provider_arguments.json");

    /// Arguments that are Terraform's own.
    const OF_EVERY_RESOURCE: [&str; 2] = ["count", "lifecycle"];

    /// Holds a block against its schema: no unknown argument, no missing one, every value of its type.
    fn check(path: &str, schema: &Value, block: &Value) {
        let (schema, block) = (schema.as_object().unwrap(), block.as_object().unwrap());
        for (name, value) in block.iter().filter(|(name, _)| !OF_EVERY_RESOURCE.contains(&name.as_str())) {
            let argument = schema.get(name).unwrap_or_else(|| panic!("{path} takes no {name}"));
            let path = format!("{path}.{name}");
            match (argument["type"].as_str().unwrap(), argument.get("block")) {
                ("list" | "set", Some(inner)) => {
                    let blocks = value.as_array().unwrap_or_else(|| panic!("{path} is a list of blocks"));
                    let most = argument.get("max").and_then(Value::as_u64).unwrap_or(u64::MAX);
                    assert!(blocks.len() as u64 <= most, "{path}");
                    blocks.iter().for_each(|block| check(&path, inner, block));
                }
                ("list" | "set", None) => {
                    assert!(value.as_array().is_some_and(|list| list.iter().all(Value::is_string)), "{path}");
                }
                ("map", _) => {
                    assert!(
                        value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
                        "{path}"
                    );
                }
                ("string", _) => assert!(value.is_string(), "{path}: {value}"),
                ("int", _) => assert!(value.is_u64(), "{path}: {value}"),
                ("float", _) => assert!(value.is_number(), "{path}: {value}"),
                ("bool", _) => assert!(value.is_boolean(), "{path}: {value}"),
                (other, _) => panic!("{path} is of unknown type {other}"),
            }
        }
        for (name, _) in schema.iter().filter(|(_, argument)| argument["required"] == true) {
            assert!(block.contains_key(name), "{path} lacks {name}");
        }
    }

    #[test]
    fn every_argument_is_one_that_the_provider_takes() {
        let known: Value = serde_json::from_str(ARGUMENTS).unwrap();
        let made = terraform(&recommendation());
        let resources = made["resource"].as_object().unwrap();
        assert_eq!(resources.len(), 4);
        for (kind, named) in resources {
            for (name, block) in named.as_object().unwrap() {
                check(&format!("{kind}.{name}"), &known["resources"][kind]["arguments"], block);
            }
        }
        for kind in resources.keys() {
            for of in ["repository", "path", "commit"] {
                assert!(known["resources"][kind]["source"][of].is_string(), "{kind} has no {of}");
            }
        }
    }

    #[test]
    fn the_whole() {
        insta::assert_snapshot!(format!("{:#}", terraform(&recommendation())));
    }

    #[test]
    fn what_a_record_says_is_never_a_template() {
        let made = terraform(&named("${file(\"/etc/passwd\")}%{if true}"));
        let text = made.to_string();
        assert!(text.contains("$${file(") && text.contains("%%{if"), "{text}");
        let bare = text.replace("$${", "").replace("%%{", "");
        let templates: Vec<&str> = bare.match_indices("${").map(|(at, _)| &bare[at..at + 6]).collect();
        assert!(
            templates.iter().all(|found| ["${var.", "${aws_", "${data"].contains(found)),
            "{templates:?}"
        );
        assert!(!bare.contains("%{"));
    }

    #[test]
    fn resources_are_named_as_terraform_names_them() {
        let made = terraform(&recommendation());
        for named in made["resource"].as_object().unwrap().values() {
            for name in named.as_object().unwrap().keys() {
                let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                assert!(
                    name.chars().all(fits) && name.starts_with(|c: char| c.is_ascii_alphabetic()),
                    "{name}"
                );
            }
        }
    }
}
