//! A recommendation as a shell script of AWS CLI commands. It needs no more than a POSIX shell and `aws`.
//!
//! What albcap itself would apply is done at once; what changes the service or the load balancer, or costs money by the
//! hour, waits for a variable to be set.

use serde::Serialize;
use serde_json::{Value, json};

use super::reservation::QUOTA;
use super::scaling::Scaling;
use super::text::ulimits;
use super::{Recommendation, Reservation};

/// The script.
#[must_use]
pub fn aws_cli(recommendation: &Recommendation) -> String {
    let basis = &recommendation.basis;
    let mut script = String::from("#!/bin/sh\n");
    comment(&mut script, &basis.purpose());
    recommendation.cautions.iter().for_each(|caution| comment(&mut script, caution));
    // Version 2 of the AWS CLI would show what it made in a pager, and wait.
    script.push_str("set -eu\nexport AWS_PAGER=''\n");
    for alarm in &recommendation.alarms {
        script.push('\n');
        script.push_str(&command(basis, "cloudwatch put-metric-alarm", alarm));
    }
    script.push('\n');
    script.push_str(&command(basis, "cloudwatch put-dashboard", &recommendation.dashboard));
    match &recommendation.scaling {
        Ok(scaling) => script.push_str(&of_service(recommendation, scaling)),
        Err(why) => comment(&mut script, &format!("No scaling policy: {why}.")),
    }
    script.push_str(&of_load_balancer(recommendation));
    script.push_str(
        &recommendation.reservation.as_ref().map_or_else(String::new, |r| of_capacity(recommendation, r)),
    );
    script
}

/// A comment; a line break in it would end it.
fn comment(script: &mut String, text: &str) {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    script.push_str(&format!("# {line}\n"));
}

/// Text that a shell takes as it stands.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command whose whole input is JSON.
fn command(basis: &super::Basis, operation: &str, input: &impl Serialize) -> String {
    let input = serde_json::to_string(input).expect("only text, numbers and lists");
    format!("aws {operation} --region {} --cli-input-json \\\n  {}\n", quoted(&basis.region), quoted(&input))
}

/// The scaling of the ECS service, whose name no record knows.
fn of_service(recommendation: &Recommendation, scaling: &Scaling) -> String {
    let region = quoted(&recommendation.basis.region);
    let of_service = "--service-namespace ecs --scalable-dimension ecs:service:DesiredCount \\\n    \
                      --resource-id \"service/$ECS_CLUSTER/$ECS_SERVICE\"";
    let configuration = quoted(&configuration(scaling).to_string());
    let mut script = String::from("\n");
    comment(&mut script, "Tasks of an ECS service: run this with ECS_CLUSTER=… and ECS_SERVICE=….");
    if let Some(descriptors) = recommendation.settings.descriptors {
        comment(
            &mut script,
            &format!("Its container definition wants \"ulimits\": {}", ulimits(descriptors)),
        );
    }
    script.push_str(&format!(
        "if [ -n \"${{ECS_CLUSTER:-}}\" ] && [ -n \"${{ECS_SERVICE:-}}\" ]; then\n  \
         aws application-autoscaling register-scalable-target --region {region} \\\n    {of_service} \\\n    \
         --min-capacity {} --max-capacity {}\n  \
         aws application-autoscaling put-scaling-policy --region {region} \\\n    {of_service} \\\n    \
         --policy-name {} --policy-type TargetTrackingScaling \\\n    \
         --target-tracking-scaling-policy-configuration \\\n    {configuration}\nfi\n",
        scaling.min_tasks,
        scaling.max_tasks,
        quoted(&scaling.policy_name),
    ));
    script
}

/// The policy's configuration, in the words of Application Auto Scaling.
pub(super) fn configuration(scaling: &Scaling) -> Value {
    json!({
        "TargetValue": scaling.target_value,
        "ScaleOutCooldown": scaling.scale_out_cooldown_s,
        "ScaleInCooldown": scaling.scale_in_cooldown_s,
        "CustomizedMetricSpecification": {"Metrics": scaling.metrics},
    })
}

fn of_load_balancer(recommendation: &Recommendation) -> String {
    let settings = &recommendation.settings;
    if !settings.idle_timeout_changes {
        return String::new();
    }
    let mut script = String::from("\n");
    comment(
        &mut script,
        "The load balancer itself, for everybody who uses it: run this with SET_IDLE_TIMEOUT=yes.",
    );
    script.push_str(&format!(
        "if [ \"${{SET_IDLE_TIMEOUT:-}}\" = yes ]; then\n  \
         aws elbv2 modify-load-balancer-attributes --region {} \\\n    --load-balancer-arn {} \\\n    \
         --attributes Key=idle_timeout.timeout_seconds,Value={}\nfi\n",
        quoted(&recommendation.basis.region),
        quoted(&recommendation.basis.arn),
        settings.idle_timeout_s,
    ));
    script
}

fn of_capacity(recommendation: &Recommendation, reservation: &Reservation) -> String {
    if !reservation.is_due() {
        return String::new();
    }
    let mut script = String::from("\n");
    comment(
        &mut script,
        &format!("Paid by the hour until it is reset, and {QUOTA}: run this with RESERVE_CAPACITY=yes."),
    );
    script.push_str(&format!(
        "if [ \"${{RESERVE_CAPACITY:-}}\" = yes ]; then\n  \
         aws elbv2 modify-capacity-reservation --region {} \\\n    --load-balancer-arn {} \\\n    \
         --minimum-load-balancer-capacity CapacityUnits={}\nfi\n",
        quoted(&recommendation.basis.region),
        quoted(&recommendation.basis.arn),
        reservation.units,
    ));
    script
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{named, recommendation};
    use super::*;

    #[test]
    fn the_whole() {
        insta::assert_snapshot!(aws_cli(&recommendation()));
    }

    /// The words of a script's commands as a shell reads them, quotes taken off; nothing in single ones is expanded.
    fn words(script: &str) -> Vec<String> {
        let (mut words, mut word, mut within) = (Vec::new(), String::new(), false);
        let lines = script.lines().filter(|line| !line.starts_with('#'));
        let commands = lines.collect::<Vec<_>>().join("\n");
        let mut letters = commands.chars();
        while let Some(c) = letters.next() {
            match c {
                '\'' => within = !within,
                '\\' if !within => word.extend(letters.next().filter(|next| *next != '\n')),
                c if c.is_whitespace() && !within => words.push(std::mem::take(&mut word)),
                c => word.push(c),
            }
        }
        words
    }

    #[test]
    fn what_a_record_says_stays_text() {
        let hostile = "a'; touch /tmp/x; '$(id)`id`\n";
        let script = aws_cli(&named(hostile));
        let inputs: Vec<Value> =
            words(&script).iter().filter_map(|word| serde_json::from_str(word).ok()).collect();
        let told = inputs.iter().any(|input| input.to_string().contains("touch /tmp/x; '$(id)`id`"));
        assert!(told, "{script}");
        for line in script.lines().filter(|line| line.contains("touch /tmp")) {
            assert!(line.trim_start().starts_with('\''), "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_name_breaks_the_script(name in any::<String>()) {
            let script = aws_cli(&named(&name));
            let inputs: Vec<Value> =
                words(&script).iter().filter_map(|word| serde_json::from_str(word).ok()).filter(Value::is_object).collect();
            // Six alarms, the dashboard, and the scaling policy.
            prop_assert_eq!(inputs.len(), 8);
            let dimension = format!("targetgroup/{name}/73e2d6bc24d8a067");
            prop_assert_eq!(&inputs[4]["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"][0]["Value"], &dimension);
        }
    }

    #[test]
    fn what_costs_or_changes_more_than_asked_for_waits() {
        let mut recommendation = recommendation();
        let script = aws_cli(&recommendation);
        assert!(!script.contains("modify-"), "{script}");
        recommendation.settings.idle_timeout_changes = true;
        recommendation.reservation.as_mut().unwrap().pays = true;
        let script = aws_cli(&recommendation);
        for guarded in ["SET_IDLE_TIMEOUT:-", "RESERVE_CAPACITY:-"] {
            assert!(script.contains(guarded), "{script}");
        }
        recommendation.reservation.as_mut().unwrap().reserved_now = Some(500);
        assert!(!aws_cli(&recommendation).contains("modify-capacity-reservation"));
        recommendation.scaling = Err("nobody knows".into());
        assert!(aws_cli(&recommendation).contains("# No scaling policy: nobody knows."));
    }
}
