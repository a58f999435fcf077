//! A recommendation as a CloudFormation template, in JSON.

use serde_json::{Map, Value, json};

use super::aws_cli::configuration;
use super::reservation::QUOTA;
use super::text::ulimits;
use super::{Recommendation, Reservation};

/// The template. What no record knows, cluster and service, are its parameters; without them the service is not scaled.
#[must_use]
pub fn cloudformation(recommendation: &Recommendation) -> Value {
    let mut template = Map::new();
    template.insert("AWSTemplateFormatVersion".into(), "2010-09-09".into());
    template.insert("Description".into(), description(recommendation).into());
    if recommendation.scaling.is_ok() {
        template.insert("Parameters".into(), parameters());
        template.insert("Conditions".into(), json!({"HasService": has_service()}));
    }
    template.insert("Rules".into(), json!({"InItsRegion": in_region(&recommendation.basis.region)}));
    template.insert("Resources".into(), Value::Object(resources(recommendation)));
    template.insert("Outputs".into(), Value::Object(outputs(recommendation)));
    Value::Object(template)
}

/// The most bytes of a template's description.
const MOST: usize = 1_024;

fn description(recommendation: &Recommendation) -> String {
    let mut text = recommendation.basis.purpose();
    for caution in &recommendation.cautions {
        text.push(' ');
        text.push_str(caution);
    }
    if let Err(why) = &recommendation.scaling {
        text.push_str(&format!(" No scaling policy: {why}."));
    }
    text.truncate(text.floor_char_boundary(MOST));
    text
}

fn parameters() -> Value {
    let name = |what: &str| json!({"Type": "String", "Default": "", "Description": what});
    json!({
        "EcsCluster": name("The ECS cluster of the service behind the load balancer; empty: the service is not scaled"),
        "EcsService": name("The ECS service behind the load balancer; empty: the service is not scaled"),
    })
}

/// Alarms elsewhere would see no metric, and be quiet for ever.
fn in_region(region: &str) -> Value {
    json!({"Assertions": [{
        "Assert": {"Fn::Equals": [{"Ref": "AWS::Region"}, region]},
        "AssertDescription": format!("The load balancer's metrics are in {region}, and alarms see those of their own region only"),
    }]})
}

fn has_service() -> Value {
    let given = |name: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]});
    json!({"Fn::And": [given("EcsCluster"), given("EcsService")]})
}

fn resources(recommendation: &Recommendation) -> Map<String, Value> {
    let resource = |kind: &str, properties: Value| json!({"Type": kind, "Properties": properties});
    let mut resources = Map::new();
    for alarm in &recommendation.alarms {
        let properties = serde_json::to_value(alarm).expect("only text, numbers and lists");
        let name = logical_name(&resources, &alarm.alarm_name, &recommendation.basis.name_of(""));
        resources.insert(name, resource("AWS::CloudWatch::Alarm", properties));
    }
    let dashboard = serde_json::to_value(&recommendation.dashboard).expect("only text");
    resources.insert("Dashboard".into(), resource("AWS::CloudWatch::Dashboard", dashboard));
    if let Ok(scaling) = &recommendation.scaling {
        let target = json!({
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": {"Fn::Sub": "service/${EcsCluster}/${EcsService}"},
            "MinCapacity": scaling.min_tasks,
            "MaxCapacity": scaling.max_tasks,
        });
        let policy = json!({
            "PolicyName": scaling.policy_name,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "ScalableTarget"},
            "TargetTrackingScalingPolicyConfiguration": configuration(scaling),
        });
        for (name, kind, properties) in [
            ("ScalableTarget", "AWS::ApplicationAutoScaling::ScalableTarget", target),
            ("ScalingPolicy", "AWS::ApplicationAutoScaling::ScalingPolicy", policy),
        ] {
            let mut made = resource(kind, properties);
            made["Condition"] = "HasService".into();
            resources.insert(name.into(), made);
        }
    }
    resources
}

/// The alarm's name without its prefix, in letters and digits alone: `ConnectionsNearLimit`. Two that come out alike get
/// a number.
fn logical_name(taken: &Map<String, Value>, name: &str, prefix: &str) -> String {
    let bare = name.strip_prefix(prefix).unwrap_or(name);
    let words = bare.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let camel: String = words.map(capital).collect();
    let numbered = (2..).map(|number| format!("{camel}{number}"));
    std::iter::once(camel.clone()).chain(numbered).find(|name| !taken.contains_key(name)).unwrap_or(camel)
}

fn outputs(recommendation: &Recommendation) -> Map<String, Value> {
    let output = |description: &str, value: Value| json!({"Description": description, "Value": value});
    let mut outputs = Map::new();
    outputs.insert(
        "SafeLimit".into(),
        output("Connections that are safe to hold", recommendation.basis.safe_limit.to_string().into()),
    );
    outputs.insert(
        "IdleTimeoutSeconds".into(),
        output(
            &format!(
                "The load balancer's idle_timeout.timeout_seconds: {}",
                recommendation.settings.idle_timeout_is()
            ),
            recommendation.settings.idle_timeout_s.to_string().into(),
        ),
    );
    if let Some(descriptors) = recommendation.settings.descriptors {
        let ulimits = output("ulimits of the container definition", ulimits(descriptors).into());
        outputs.insert("ContainerUlimits".into(), ulimits);
    }
    if let Some(reservation) = recommendation.reservation.filter(Reservation::is_due) {
        let units = output(
            &format!("MinimumLoadBalancerCapacity to reserve; {QUOTA}"),
            reservation.units.to_string().into(),
        );
        outputs.insert("CapacityUnits".into(), units);
    }
    outputs
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, recommendation};
    use super::*;

    #[test]
    fn the_whole() {
        insta::assert_snapshot!(format!("{:#}", cloudformation(&recommendation())));
    }

    #[test]
    fn what_a_record_says_is_never_expanded() {
        let template = cloudformation(&named("${AWS::AccountId}"));
        let subs = template.to_string().matches("Fn::Sub").count();
        assert_eq!(subs, 1, "of the service's own name only");
        let alarm = &template["Resources"]["UnhealthyTargetsAWSAccountId"]["Properties"];
        assert_eq!(alarm["AlarmName"], "albcap-prod-ws-unhealthy-targets---AWS--AccountId-");
    }

    #[test]
    fn logical_names_are_letters_and_digits_and_differ() {
        let mut taken = Map::new();
        for (name, expected) in [
            ("p-a-b", "AB"),
            ("p-a_b", "AB2"),
            ("p-a--b", "AB3"),
            ("p-elb-5xx", "Elb5xx"),
            ("other-x", "OtherX"),
        ] {
            let made = logical_name(&taken, name, "p-");
            assert_eq!(made, expected);
            taken.insert(made, Value::Null);
        }
    }

    #[test]
    fn without_a_policy_there_are_no_parameters() {
        let mut recommendation = recommendation();
        recommendation.scaling = Err("nobody knows".into());
        let template = cloudformation(&recommendation);
        for absent in ["Parameters", "Conditions"] {
            assert!(template.get(absent).is_none(), "{template:#}");
        }
        assert_eq!(template["Resources"].as_object().unwrap().len(), recommendation.alarms.len() + 1);
        let description = template["Description"].as_str().unwrap();
        assert!(description.contains("No scaling policy: nobody knows."), "{description}");
    }
}
