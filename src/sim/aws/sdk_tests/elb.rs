use super::*;

#[tokio::test]
async fn the_load_balancer_is_described() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    for request in [
        elb.describe_load_balancers(),
        elb.describe_load_balancers().names("albcap-sim"),
        elb.describe_load_balancers().load_balancer_arns(ARN),
        elb.describe_load_balancers().page_size(1),
    ] {
        let answer = request.send().await.unwrap();
        let [described] = answer.load_balancers() else { panic!("{answer:?}") };
        assert_eq!(described.load_balancer_arn(), Some(ARN));
        assert_eq!(described.load_balancer_name(), Some("albcap-sim"));
        assert_eq!(described.dns_name(), Some(load_balancer().dns_name.as_str()));
        assert_eq!(described.r#type().unwrap().as_str(), "application");
        assert_eq!(described.scheme().unwrap().as_str(), "internet-facing");
        assert_eq!(described.state().unwrap().code().unwrap().as_str(), "active");
        let zones: Vec<_> =
            described.availability_zones().iter().filter_map(|zone| zone.zone_name()).collect();
        assert_eq!(zones, ["us-east-1a", "us-east-1b"]);
        assert!(described.created_time().is_some());
        assert_eq!(answer.next_marker(), None);
    }
    assert_eq!(endpoint.calls("elasticloadbalancing:DescribeLoadBalancers"), 4);
}

#[tokio::test]
async fn attributes_are_texts() {
    let endpoint = Endpoint::start().await;
    let attributes =
        endpoint.elb().describe_load_balancer_attributes().load_balancer_arn(ARN).send().await.unwrap();
    let idle_timeout = attributes
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some("idle_timeout.timeout_seconds"))
        .and_then(|attribute| attribute.value());
    assert_eq!(idle_timeout, Some("60"));
}

#[tokio::test]
async fn listeners_are_found_by_balancer_and_by_arn() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let listeners = elb.describe_listeners().load_balancer_arn(ARN).send().await.unwrap();
    let [http, https] = listeners.listeners() else { panic!("{listeners:?}") };
    assert_eq!((http.port(), http.ssl_policy()), (Some(80), None));
    assert_eq!(https.protocol().unwrap().as_str(), "HTTPS");
    assert_eq!(https.ssl_policy(), Some("ELBSecurityPolicy-TLS13-1-2-2021-06"));
    let action = &http.default_actions()[0];
    assert_eq!((action.r#type().unwrap().as_str(), action.target_group_arn()), ("forward", Some(GROUP_ARN)));
    let [group] = action.forward_config().unwrap().target_groups() else { panic!("{action:?}") };
    assert_eq!((group.target_group_arn(), group.weight()), (Some(GROUP_ARN), Some(1)));
    let one = elb.describe_listeners().listener_arns(https.listener_arn().unwrap()).send().await.unwrap();
    assert_eq!(one.listeners(), std::slice::from_ref(https));
}

#[tokio::test]
async fn a_target_group_is_described() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let groups = elb.describe_target_groups().load_balancer_arn(ARN).send().await.unwrap();
    let [group] = groups.target_groups() else { panic!("{groups:?}") };
    assert_eq!(group.protocol_version(), Some("HTTP1"));
    assert_eq!(group.target_type().unwrap().as_str(), "ip");
    assert_eq!(group.load_balancer_arns(), [ARN]);
}

#[tokio::test]
async fn every_target_has_its_health() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let health = elb.describe_target_health().target_group_arn(GROUP_ARN).send().await.unwrap();
    let states: Vec<_> = health
        .target_health_descriptions()
        .iter()
        .filter_map(|target| target.target_health())
        .map(|health| {
            (
                health.state().unwrap().as_str().to_owned(),
                health.reason().map(|reason| reason.as_str().to_owned()),
            )
        })
        .collect();
    assert_eq!(
        states,
        [("healthy".to_owned(), None), ("unhealthy".to_owned(), Some("Target.Timeout".to_owned()))]
    );
    let stranger = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder().id("10.9.9.9").build();
    let health =
        elb.describe_target_health().target_group_arn(GROUP_ARN).targets(stranger).send().await.unwrap();
    let unknown = health.target_health_descriptions()[0].target_health().unwrap();
    assert_eq!(unknown.reason().unwrap().as_str(), "Target.NotRegistered");
}

#[tokio::test]
async fn a_reservation_is_spread_over_the_zones() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let reservation = elb.describe_capacity_reservation().load_balancer_arn(ARN).send().await.unwrap();
    let minimum = reservation.minimum_load_balancer_capacity().unwrap();
    assert_eq!(minimum.capacity_units(), Some(250));
    let shares: Vec<_> =
        reservation.capacity_reservation_state().iter().map(|zone| zone.effective_capacity_units()).collect();
    assert_eq!(shares, [Some(125.0), Some(125.0)]);
}

#[tokio::test]
async fn a_change_shows_at_once() {
    let endpoint = Endpoint::start().await;
    endpoint.account.update_load_balancer(|load_balancer| {
        load_balancer.reserved_lcus = None;
        load_balancer.state = "active_impaired".to_owned();
    });
    let elb = endpoint.elb();
    let reservation = elb.describe_capacity_reservation().load_balancer_arn(ARN).send().await.unwrap();
    assert!(reservation.minimum_load_balancer_capacity().is_none());
    let answer = elb.describe_load_balancers().send().await.unwrap();
    let state = answer.load_balancers()[0].state().unwrap().code().unwrap();
    assert_eq!(state.as_str(), "active_impaired");
}

#[tokio::test]
async fn load_balancers_that_are_not_there_or_not_well_named_are_refused() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let other_balancer = ARN.replace("albcap-sim", "other");
    let not_found = ("LoadBalancerNotFound".to_owned(), 400);
    let invalid = ("ValidationError".to_owned(), 400);

    let balancers = || elb.describe_load_balancers();
    assert_eq!(refusal!(balancers().names("other").send().await), not_found);
    assert_eq!(refusal!(balancers().load_balancer_arns(&other_balancer).send().await), not_found);
    assert_eq!(refusal!(balancers().load_balancer_arns("nonsense").send().await), invalid);
    assert_eq!(refusal!(balancers().load_balancer_arns(ARN).names("albcap-sim").send().await), invalid);
    assert_eq!(refusal!(balancers().page_size(401).send().await), invalid);
    assert_eq!(refusal!(balancers().marker("nonsense").send().await), invalid);
    let many = (0..21).map(|index| format!("n{index}")).collect();
    assert_eq!(refusal!(balancers().set_names(Some(many)).send().await), invalid);
}

#[tokio::test]
async fn whatever_belongs_to_another_load_balancer_is_refused() {
    let endpoint = Endpoint::start().await;
    let elb = endpoint.elb();
    let other_balancer = ARN.replace("albcap-sim", "other");
    let other_group = GROUP_ARN.replace("albcap-sim", "other");
    let not_found = ("LoadBalancerNotFound".to_owned(), 400);
    let no_group = ("TargetGroupNotFound".to_owned(), 400);
    let invalid = ("ValidationError".to_owned(), 400);

    let attributes = || elb.describe_load_balancer_attributes();
    assert_eq!(refusal!(attributes().load_balancer_arn(&other_balancer).send().await), not_found);
    assert_eq!(refusal!(attributes().send().await), invalid);
    let listeners = || elb.describe_listeners();
    assert_eq!(refusal!(listeners().load_balancer_arn(&other_balancer).send().await), not_found);
    assert_eq!(refusal!(listeners().send().await), invalid);
    let other_listener = format!("{}/00", other_balancer.replace(":loadbalancer/", ":listener/"));
    assert_eq!(
        refusal!(listeners().listener_arns(other_listener).send().await),
        ("ListenerNotFound".to_owned(), 400)
    );
    let groups = || elb.describe_target_groups();
    assert_eq!(refusal!(groups().target_group_arns(&other_group).send().await), no_group);
    assert_eq!(refusal!(groups().names("other").send().await), no_group);
    assert_eq!(refusal!(groups().load_balancer_arn(ARN).names("albcap-sim").send().await), invalid);
    let health = || elb.describe_target_health();
    assert_eq!(refusal!(health().target_group_arn(&other_group).send().await), no_group);
    assert_eq!(refusal!(health().target_group_arn(ARN).send().await), invalid);
    assert_eq!(
        refusal!(elb.describe_capacity_reservation().load_balancer_arn(&other_balancer).send().await),
        not_found
    );
}

#[tokio::test]
async fn a_denied_action_names_itself() {
    use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata as _;
    let endpoint = Endpoint::denying("elasticloadbalancing:DescribeListeners").await;
    let elb = endpoint.elb();
    let error = elb.describe_listeners().load_balancer_arn(ARN).send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDenied"));
    assert!(error.message().unwrap().contains("elasticloadbalancing:DescribeListeners"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(endpoint.calls("elasticloadbalancing:DescribeListeners"), 1);
    elb.describe_load_balancers().send().await.unwrap();
}
