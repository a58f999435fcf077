//! What elbv2 tells of a load balancer that no run hangs on: listeners, target groups and targets, reserved capacity.

use aws_sdk_elasticloadbalancingv2::operation::describe_capacity_reservation::DescribeCapacityReservationOutput;
use aws_sdk_elasticloadbalancingv2::types::{Action, ActionTypeEnum, Listener};

use super::attributes_and_targets::{TARGET_GROUPS, TARGET_HEALTH, Targets, group_dimension, group_facts};
use super::elb::MOST_PAGES;
use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::sdk_error::Call;
use super::session::Aws;
use crate::facts::{AwsNameError, ListenerFacts, LoadBalancerDetails, ReservationFacts, Unavailable, Unread};

const LISTENERS: Call = Call { service: "elasticloadbalancing", operation: "DescribeListeners" };
const RESERVATION: Call = Call { service: "elasticloadbalancing", operation: "DescribeCapacityReservation" };

impl Aws {
    /// All of it, and the targets by state over all groups. It is asked for at once; what takes too long or fails is told
    /// as unread.
    pub(super) async fn details(&self, arn: &str) -> (Option<Targets>, LoadBalancerDetails) {
        let groups_and_targets = async {
            let groups = self.in_time(TARGET_GROUPS, self.target_groups(arn)).await?;
            let targets = self.in_time(TARGET_HEALTH, self.targets(&groups)).await;
            Ok((groups, targets))
        };
        let (groups, listeners, reservation) = tokio::join!(
            groups_and_targets,
            self.in_time(LISTENERS, self.listeners(arn)),
            self.in_time(RESERVATION, self.reservation(arn)),
        );
        let mut unread = Vec::new();
        let listeners = read(LISTENERS, listeners, &mut unread);
        let groups = read(TARGET_GROUPS, groups, &mut unread);
        let reservation = read(RESERVATION, reservation, &mut unread);
        let (groups, targets) = groups.map_or((None, None), |(groups, targets)| {
            let targets = read(TARGET_HEALTH, targets, &mut unread);
            let of_group = |index| targets.as_ref().and_then(|targets| targets.get(index).cloned());
            let facts = groups.iter().enumerate().map(|(index, group)| group_facts(group, of_group(index)));
            (Some(facts.collect()), targets)
        });
        let details = LoadBalancerDetails { listeners, target_groups: groups, reservation, unread };
        (targets.map(|targets| over_all(&targets)), details)
    }

    async fn in_time<T>(
        &self,
        call: Call,
        asked: impl Future<Output = Result<T, AwsError>>,
    ) -> Result<T, AwsError> {
        tokio::time::timeout(self.dispensable, asked).await.unwrap_or_else(|_| {
            let endpoint = self.elb_endpoint.last().unwrap_or_else(|| "AWS".to_owned());
            Err(AwsError::Timeout { endpoint, action: call.to_string() })
        })
    }

    async fn listeners(&self, arn: &str) -> Result<Vec<ListenerFacts>, AwsError> {
        let mut pages = self.elb.describe_listeners().load_balancer_arn(arn).into_paginator().send();
        let mut listeners = Vec::new();
        for _ in 0..MOST_PAGES {
            match LISTENERS.timed_page(pages.next()).await {
                None => return Ok(listeners),
                Some(Ok(page)) => {
                    for listener in page.listeners() {
                        let facts = listener_facts(listener);
                        listeners.extend(facts.map_err(|error| self.unreadable(LISTENERS, &error))?);
                    }
                }
                Some(Err(error)) => return Err(LISTENERS.error(&self.elb_endpoint, &error)),
            }
        }
        Err(LISTENERS.endless(&self.elb_endpoint))
    }

    async fn reservation(&self, arn: &str) -> Result<ReservationFacts, AwsError> {
        let request = self.elb.describe_capacity_reservation().load_balancer_arn(arn);
        let answer = RESERVATION.timed(request.send()).await;
        answer
            .map(|answer| reservation_facts(&answer))
            .map_err(|error| RESERVATION.error(&self.elb_endpoint, &error))
    }
}

/// What was answered; a failure is added to what is unread.
pub(super) fn read<T>(call: Call, answer: Result<T, AwsError>, unread: &mut Vec<Unread>) -> Option<T> {
    answer
        .map_err(|error| {
            tracing::info!("{call} brought nothing: {error}");
            unread.push(Unread {
                action: call.to_string(),
                denied: matches!(error, AwsError::AccessDenied { .. }),
                why: Unavailable { remedy: error.remedy(), cause: error.to_string() },
            });
        })
        .ok()
}

/// The targets of several groups by state.
fn over_all(groups: &[Targets]) -> Targets {
    let mut all = Targets::new();
    for (state, count) in groups.iter().flatten() {
        *all.entry(state.clone()).or_default() += count;
    }
    all
}

/// A listener without a port listens to nobody.
fn listener_facts(listener: &Listener) -> Result<Option<ListenerFacts>, AwsNameError> {
    let port = listener.port().and_then(|port| u16::try_from(port).ok());
    let Some(port) = port else { return Ok(None) };
    Ok(Some(ListenerFacts {
        port,
        protocol: listener.protocol().map_or_else(String::new, |protocol| foreign_text(protocol.as_str())),
        mutual_tls: listener.mutual_authentication().and_then(|mutual| mutual.mode()).map(foreign_text),
        forwards_to: forwards_to(listener.default_actions())?,
    }))
}

/// The target groups to which default actions forward: of one group its ARN alone may be told, of several their weights
/// are, and 0 takes nothing (aws-facts.md §5). `None` where no action is told at all.
fn forwards_to(actions: &[Action]) -> Result<Option<Vec<String>>, AwsNameError> {
    if actions.is_empty() {
        return Ok(None);
    }
    let forwards = |action: &&Action| action.r#type() == Some(&ActionTypeEnum::Forward);
    let groups = actions.iter().filter(forwards).flat_map(|action| {
        let weighted = action.forward_config().map(|config| config.target_groups()).unwrap_or_default();
        let taking = weighted.iter().filter(|group| weighted.len() == 1 || group.weight() != Some(0));
        let told: Vec<&str> = taking.filter_map(|group| group.target_group_arn()).collect();
        if told.is_empty() { action.target_group_arn().into_iter().collect() } else { told }
    });
    let dimensions: Result<Vec<Option<String>>, AwsNameError> = groups.map(group_dimension).collect();
    Ok(Some(dimensions?.into_iter().flatten().collect()))
}

fn reservation_facts(answer: &DescribeCapacityReservationOutput) -> ReservationFacts {
    let reserved = answer.minimum_load_balancer_capacity().and_then(|least| least.capacity_units());
    let zones = answer.capacity_reservation_state();
    let mut states: Vec<String> = zones
        .iter()
        .filter_map(|zone| zone.state()?.code().map(|code| foreign_text(code.as_str())))
        .collect();
    states.sort_unstable();
    states.dedup();
    let effective: f64 = zones.iter().filter_map(|zone| zone.effective_capacity_units()).sum();
    ReservationFacts {
        reserved_lcus: reserved.and_then(|units| u32::try_from(units).ok()).filter(|units| *units > 0),
        // Whatever is told, the record can hold it.
        effective_lcus: if effective.is_finite() { effective } else { 0.0 },
        states,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use super::super::canned::{Answer, Canned, Request, xml, xml_error};
    use super::super::session::tests::hasty;

    const ARN: &str =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prod/50dc6c495c0c9188";

    /// Answers as AWS does, but for the operation `but`.
    async fn account(but: &'static str, otherwise: Answer) -> Canned {
        let answer = |request: &Request| match request.operation.as_str() {
            "DescribeListeners" => xml(
                "DescribeListeners",
                "<Listeners><member><Port>443</Port><Protocol>HTTPS</Protocol>\
                 <MutualAuthentication><Mode>verify</Mode></MutualAuthentication>\
                 <DefaultActions><member><Type>authenticate-oidc</Type></member><member><Type>forward</Type>\
                 <ForwardConfig><TargetGroups>\
                 <member><TargetGroupArn>arn:aws:x:targetgroup/ws/1</TargetGroupArn><Weight>9</Weight></member>\
                 <member><TargetGroupArn>arn:aws:x:targetgroup/old/2</TargetGroupArn><Weight>0</Weight></member>\
                 <member><TargetGroupArn>arn:aws:x:targetgroup/new/3</TargetGroupArn><Weight>1</Weight></member>\
                 </TargetGroups></ForwardConfig></member></DefaultActions></member>\
                 <member><Port>80</Port><Protocol>HTTP</Protocol><DefaultActions><member><Type>redirect</Type></member>\
                 </DefaultActions></member>\
                 <member><Port>81</Port><Protocol>HTTP</Protocol><DefaultActions><member><Type>forward</Type>\
                 <TargetGroupArn>arn:aws:x:targetgroup/ws/1</TargetGroupArn></member></DefaultActions></member>\
                 <member><Port>82</Port><Protocol>HTTP</Protocol></member>\
                 <member><Protocol>HTTP</Protocol></member></Listeners>",
            ),
            "DescribeTargetGroups" => xml(
                "DescribeTargetGroups",
                "<TargetGroups><member><TargetGroupArn>one</TargetGroupArn><TargetGroupName>ws</TargetGroupName>\
                 <ProtocolVersion>HTTP2</ProtocolVersion><TargetType>ip</TargetType></member></TargetGroups>",
            ),
            "DescribeTargetHealth" => xml(
                "DescribeTargetHealth",
                "<TargetHealthDescriptions><member><TargetHealth><State>healthy</State></TargetHealth></member>\
                 </TargetHealthDescriptions>",
            ),
            "DescribeCapacityReservation" => xml(
                "DescribeCapacityReservation",
                "<MinimumLoadBalancerCapacity><CapacityUnits>300</CapacityUnits></MinimumLoadBalancerCapacity>\
                 <CapacityReservationState>\
                 <member><State><Code>provisioned</Code></State><EffectiveCapacityUnits>150.5</EffectiveCapacityUnits></member>\
                 <member><State><Code>pending</Code></State><EffectiveCapacityUnits>20</EffectiveCapacityUnits></member>\
                 </CapacityReservationState>",
            ),
            other => xml_error(400, "InvalidAction", other),
        };
        Canned::serve(
            move |request| if request.operation == but { otherwise.clone() } else { answer(request) },
        )
        .await
    }

    #[tokio::test]
    async fn listeners_groups_targets_and_reservation() {
        let server = account("", Answer::HangUp).await;
        let (targets, details) = hasty(&server.url).await.details(ARN).await;
        assert_eq!(targets, Some([("healthy".to_owned(), 1)].into()));
        let listeners = details.listeners.unwrap();
        assert_eq!(listeners.len(), 4, "{listeners:?}");
        assert!(listeners[0].is_tls() && listeners[0].wants_certificate() && listeners[0].port == 443);
        assert!(!listeners[1].is_tls() && !listeners[1].wants_certificate());
        let forwards: Vec<Option<String>> =
            listeners.iter().map(|listener| Some(listener.forwards_to.as_ref()?.join(" "))).collect();
        let told = |groups: &str| Some(groups.to_owned());
        let by_listener =
            [told("targetgroup/ws/1 targetgroup/new/3"), told(""), told("targetgroup/ws/1"), None];
        assert_eq!(forwards, by_listener);
        let groups = details.target_groups.unwrap();
        assert_eq!(groups[0].targets, Some([("healthy".to_owned(), 1)].into()));
        assert_eq!((groups[0].name.as_str(), groups[0].takes_websockets()), ("ws", false));
        let reservation = details.reservation.unwrap();
        assert_eq!(reservation.reserved_lcus, Some(300));
        assert_eq!(reservation.effective_lcus, 170.5);
        assert_eq!(reservation.states, ["pending", "provisioned"]);
        assert_eq!(details.unread, []);
    }

    #[tokio::test]
    async fn a_part_with_a_name_that_aws_does_not_give_is_unread() {
        let listener = "<Listeners><member><Port>80</Port><DefaultActions><member><Type>forward</Type>\
             <TargetGroupArn>arn:aws:x:targetgroup/$(id)/1</TargetGroupArn></member></DefaultActions></member>\
             </Listeners>";
        let group = "<TargetGroups><member><TargetGroupName>{{resolve:ssm:a}}</TargetGroupName></member>\
             </TargetGroups>";
        for (operation, inner) in [("DescribeListeners", listener), ("DescribeTargetGroups", group)] {
            let server = account(operation, xml(operation, inner)).await;
            let (_, details) = hasty(&server.url).await.details(ARN).await;
            assert_eq!(details.listeners.is_none(), operation == "DescribeListeners");
            assert_eq!(details.target_groups.is_none(), operation == "DescribeTargetGroups");
            let [unread] = &details.unread[..] else { panic!("{details:?}") };
            assert_eq!(unread.action, format!("elasticloadbalancing:{operation}"));
        }
    }

    #[tokio::test]
    async fn what_is_denied_hides_nothing_else() {
        for (operation, denied) in [
            ("DescribeListeners", "elasticloadbalancing:DescribeListeners"),
            ("DescribeTargetGroups", "elasticloadbalancing:DescribeTargetGroups"),
            ("DescribeTargetHealth", "elasticloadbalancing:DescribeTargetHealth"),
            ("DescribeCapacityReservation", "elasticloadbalancing:DescribeCapacityReservation"),
        ] {
            let server = account(operation, xml_error(403, "AccessDenied", "no")).await;
            let (targets, details) = hasty(&server.url).await.details(ARN).await;
            assert_eq!(details.listeners.is_none(), operation == "DescribeListeners");
            assert_eq!(details.target_groups.is_none(), operation == "DescribeTargetGroups");
            assert_eq!(details.reservation.is_none(), operation == "DescribeCapacityReservation");
            assert_eq!(targets.is_none(), operation.starts_with("DescribeTarget"));
            let [unread] = &details.unread[..] else { panic!("{details:?}") };
            assert_eq!((unread.action.as_str(), unread.denied), (denied, true));
            assert_eq!(unread.why.cause, format!("AWS denies {denied}: no"));
        }
    }

    #[tokio::test]
    async fn nobody_is_waited_for_longer_than_he_is_worth() {
        let server = account("DescribeListeners", Answer::Silence).await;
        let began = Instant::now();
        let (_, details) = hasty(&server.url).await.details(ARN).await;
        assert!(began.elapsed() < std::time::Duration::from_secs(10));
        assert!(details.listeners.is_none() && details.reservation.is_some(), "{details:?}");
        assert!(!details.unread[0].denied);
        assert!(details.unread[0].why.cause.contains("did not answer"), "{:?}", details.unread);
    }
}
