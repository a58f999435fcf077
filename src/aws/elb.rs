//! The load balancer, found by ARN, by name or from the URL's host.

use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;
use aws_sdk_elasticloadbalancingv2::operation::describe_load_balancers::builders::DescribeLoadBalancersFluentBuilder;
use aws_sdk_elasticloadbalancingv2::types::{LoadBalancer, LoadBalancerTypeEnum};

use super::addresses::sharing_an_address;
use super::attributes_and_targets::{ATTRIBUTES, IDLE_TIMEOUT, seconds_of};
use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::listeners_and_capacity::read;
use super::sdk_error::Call;
use super::session::Aws;
use crate::facts::{
    AwsName, LoadBalancerArn, LoadBalancerError, LoadBalancerFacts, LoadBalancerRef, Unavailable,
    same_dns_name,
};

const LOAD_BALANCERS: Call = Call { service: "elasticloadbalancing", operation: "DescribeLoadBalancers" };

/// Load balancers a page: the most that elbv2 allows (aws-facts.md §5).
const PAGE_SIZE: i32 = 400;
/// Pages that are read at most: far more than an account may hold, so that an endpoint gone mad does not hold us.
pub(super) const MOST_PAGES: usize = 100;

impl Aws {
    /// The ALB that is meant by `wanted`, or, without it, the one to which the URL's `host` leads: by its DNS name,
    /// else by shared addresses. What can't be read of it is told in the facts.
    ///
    /// # Errors
    /// [`AwsError::NotFound`], [`AwsError::Ambiguous`], [`AwsError::NotAnAlb`], [`AwsError::Unreadable`] for a name that
    /// AWS does not give, or what the call brought.
    pub async fn find_load_balancer(
        &self,
        wanted: Option<&LoadBalancerRef>,
        host: &str,
    ) -> Result<LoadBalancerFacts, AwsError> {
        let (found, how) = match wanted {
            Some(wanted) => (self.named(wanted).await?, "as it was named"),
            None => self.behind(host).await?,
        };
        let arn = self.alb_arn(&found)?;
        let zones = found.availability_zones().iter().filter_map(|zone| zone.zone_name());
        let zones: Result<Vec<String>, AwsError> =
            zones.map(|zone| self.named_by(AwsName::Zone, zone)).collect();
        let zones = zones?;
        let dns_name = self.named_by(AwsName::Dns, found.dns_name().unwrap_or_default())?;
        tracing::info!("found {} in {}, {how}", arn.dimension(), self.region());
        let (attributes, (targets, mut details)) =
            tokio::join!(self.attributes(arn.as_str()), self.details(arn.as_str()));
        let attributes_unavailable = attributes.as_ref().err().cloned().map(Unavailable::from);
        let attributes = read(ATTRIBUTES, attributes, &mut details.unread).unwrap_or_default();
        Ok(LoadBalancerFacts {
            dns_name,
            state: found
                .state()
                .and_then(|state| state.code())
                .map_or_else(|| "unknown".to_owned(), |code| foreign_text(code.as_str())),
            scheme: found.scheme().map(|scheme| foreign_text(scheme.as_str())),
            zones,
            idle_timeout: seconds_of(&attributes, IDLE_TIMEOUT),
            client_keep_alive: seconds_of(&attributes, "client_keep_alive.seconds"),
            attributes_unavailable,
            targets,
            details,
            arn,
        })
    }

    /// Makes sure that the load balancer of that ARN is there.
    ///
    /// # Errors
    /// [`AwsError::NotFound`], or what the call brought.
    pub async fn confirm_load_balancer(&self, arn: &str) -> Result<(), AwsError> {
        let request = self.elb.describe_load_balancers().load_balancer_arns(arn);
        self.one_of(request, format!("with the ARN {}", foreign_text(arn))).await.map(|_| ())
    }

    async fn named(&self, wanted: &LoadBalancerRef) -> Result<LoadBalancer, AwsError> {
        let request = self.elb.describe_load_balancers();
        let (request, sought) = match wanted {
            LoadBalancerRef::Name(name) => (request.names(name), format!("named '{name}'")),
            LoadBalancerRef::Arn(arn) => {
                (request.load_balancer_arns(arn.as_str()), format!("with the ARN {}", arn.as_str()))
            }
        };
        self.one_of(request, sought).await
    }

    /// The first that a request finds.
    async fn one_of(
        &self,
        request: DescribeLoadBalancersFluentBuilder,
        sought: String,
    ) -> Result<LoadBalancer, AwsError> {
        let not_found = || AwsError::NotFound { sought, region: self.region().to_owned() };
        match LOAD_BALANCERS.timed(request.send()).await {
            Ok(answer) => answer.load_balancers().first().cloned().ok_or_else(not_found),
            Err(error) if error.as_service_error().and_then(|e| e.code()) == Some("LoadBalancerNotFound") => {
                Err(not_found())
            }
            Err(error) => Err(LOAD_BALANCERS.error(&self.elb_endpoint, &error)),
        }
    }

    /// The load balancer behind a host, and how it was recognized.
    async fn behind(&self, host: &str) -> Result<(LoadBalancer, &'static str), AwsError> {
        let mut all = self.all_load_balancers().await?;
        let named = |lb: &LoadBalancer| lb.dns_name().is_some_and(|name| same_dns_name(name, host));
        if let Some(position) = all.iter().position(named) {
            return Ok((all.swap_remove(position), "by its DNS name"));
        }
        let names: Vec<String> = all.iter().map(|lb| lb.dns_name().unwrap_or_default().to_owned()).collect();
        match sharing_an_address(host, &names).await[..] {
            [] => Err(AwsError::NotFound {
                sought: format!(
                    "with the DNS name or an address of {} (of {} that were looked at)",
                    foreign_text(host),
                    all.len()
                ),
                region: self.region().to_owned(),
            }),
            [one] => Ok((all.swap_remove(one), "by a shared address")),
            ref several => Err(AwsError::Ambiguous {
                host: foreign_text(host),
                names: several.iter().map(|i| name_of(&all[*i])).collect(),
            }),
        }
    }

    /// The ARN of what was found, if it is an ALB.
    fn alb_arn(&self, found: &LoadBalancer) -> Result<LoadBalancerArn, AwsError> {
        let not_an_alb = |kind: &str| AwsError::NotAnAlb { name: name_of(found), kind: foreign_text(kind) };
        match found.r#type() {
            None | Some(LoadBalancerTypeEnum::Application) => {}
            Some(other) => return Err(not_an_alb(other.as_str())),
        }
        let arn = LoadBalancerArn::try_from(found.load_balancer_arn().unwrap_or_default().to_owned());
        arn.map_err(|error| match error {
            LoadBalancerError::NotAnAlb(..) => not_an_alb("foreign"),
            LoadBalancerError::NotAnArn(_) | LoadBalancerError::NotAName(_) => {
                self.unreadable(LOAD_BALANCERS, &error)
            }
        })
    }

    fn named_by(&self, kind: AwsName, name: &str) -> Result<String, AwsError> {
        kind.check(name).map_err(|error| self.unreadable(LOAD_BALANCERS, &error))?;
        Ok(name.to_owned())
    }

    /// An answer of elbv2's that can't be AWS's.
    pub(super) fn unreadable(&self, call: Call, why: &dyn std::fmt::Display) -> AwsError {
        let endpoint = self.elb_endpoint.last().unwrap_or_else(|| "AWS".to_owned());
        AwsError::Unreadable { endpoint, action: call.to_string(), reason: why.to_string() }
    }

    async fn all_load_balancers(&self) -> Result<Vec<LoadBalancer>, AwsError> {
        let mut pages = self.elb.describe_load_balancers().page_size(PAGE_SIZE).into_paginator().send();
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            match LOAD_BALANCERS.timed_page(pages.next()).await {
                None => return Ok(all),
                Some(Ok(page)) => all.extend(page.load_balancers.unwrap_or_default()),
                Some(Err(error)) => return Err(LOAD_BALANCERS.error(&self.elb_endpoint, &error)),
            }
        }
        Err(LOAD_BALANCERS.endless(&self.elb_endpoint))
    }
}

fn name_of(found: &LoadBalancer) -> String {
    foreign_text(found.load_balancer_name().unwrap_or("without a name"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::super::canned::{Answer, Canned, Request, xml, xml_error};
    use super::super::session::tests::hasty;
    use super::*;

    const ARN: &str =
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/prod/50dc6c495c0c9188";
    const HOST: &str = "prod-1.eu-west-1.elb.amazonaws.com";

    /// A load balancer as DescribeLoadBalancers tells it.
    fn member(kind: &str, name: &str, dns_name: &str) -> String {
        let path = if kind == "network" { "net" } else { "app" };
        format!(
            "<member><LoadBalancerArn>arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/{path}/{name}/50dc6c495c0c9188</LoadBalancerArn>\
             <LoadBalancerName>{name}</LoadBalancerName><DNSName>{dns_name}</DNSName><Type>{kind}</Type>\
             <Scheme>internal</Scheme><State><Code>active</Code></State>\
             <AvailabilityZones><member><ZoneName>eu-west-1a</ZoneName></member>\
             <member><ZoneName>eu-west-1b</ZoneName></member></AvailabilityZones></member>"
        )
    }

    fn load_balancers(members: &str) -> Answer {
        let inner = format!("<LoadBalancers>{members}</LoadBalancers>");
        xml("DescribeLoadBalancers", &inner)
    }

    /// Everything there, in the account of `members`.
    fn account(members: String) -> impl Fn(&Request) -> Answer {
        move |request| match request.operation.as_str() {
            "DescribeLoadBalancers" => load_balancers(&members),
            "DescribeLoadBalancerAttributes" => xml(
                "DescribeLoadBalancerAttributes",
                "<Attributes><member><Key>idle_timeout.timeout_seconds</Key><Value>75</Value></member>\
                 <member><Key>from.the.future</Key><Value>maybe</Value></member></Attributes>",
            ),
            "DescribeTargetGroups" => xml(
                "DescribeTargetGroups",
                "<TargetGroups><member><TargetGroupArn>one</TargetGroupArn></member>\
                 <member><TargetGroupArn>two</TargetGroupArn></member></TargetGroups>",
            ),
            "DescribeTargetHealth" => xml(
                "DescribeTargetHealth",
                "<TargetHealthDescriptions>\
                 <member><TargetHealth><State>healthy</State></TargetHealth></member>\
                 <member><TargetHealth><State>draining</State></TargetHealth></member>\
                 </TargetHealthDescriptions>",
            ),
            other => xml_error(400, "InvalidAction", other),
        }
    }

    fn name(text: &str) -> LoadBalancerRef {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_named_alb_with_attributes_and_targets() {
        let server = Canned::serve(account(member("application", "prod", HOST))).await;
        let aws = hasty(&server.url).await;
        for wanted in [name("prod"), name(ARN)] {
            let facts = aws.find_load_balancer(Some(&wanted), "elsewhere").await.unwrap();
            assert_eq!(facts.arn.as_str(), ARN);
            assert_eq!((facts.dns_name.as_str(), facts.state.as_str()), (HOST, "active"));
            assert_eq!(facts.scheme.as_deref(), Some("internal"));
            assert_eq!(facts.zones, ["eu-west-1a", "eu-west-1b"]);
            assert_eq!(facts.idle_timeout, Some(Duration::from_secs(75)));
            assert_eq!(facts.client_keep_alive, None);
            assert_eq!(facts.attributes_unavailable, None);
            let targets = facts.targets.unwrap();
            assert_eq!((targets["healthy"], targets["draining"]), (2, 2));
        }
        let seen = server.seen();
        assert_eq!(seen[0].field("Names.member.1").as_deref(), Some("prod"));
        assert!(seen.iter().any(|request| request.field("LoadBalancerArns.member.1").is_some()));
    }

    #[tokio::test]
    async fn found_from_the_host_on_a_later_page() {
        let members = member("application", "prod", HOST);
        let rest = account(members.clone());
        let server = Canned::serve(move |request| {
            if request.operation != "DescribeLoadBalancers" {
                return rest(request);
            }
            match request.field("Marker").as_deref() {
                None => xml(
                    "DescribeLoadBalancers",
                    &format!(
                        "<LoadBalancers>{}</LoadBalancers><NextMarker>more</NextMarker>",
                        member("application", "other", "other-1.eu-west-1.elb.amazonaws.com")
                    ),
                ),
                Some(_) => load_balancers(&members),
            }
        })
        .await;
        let host = format!("dualstack.{}.", HOST.to_uppercase());
        let facts = hasty(&server.url).await.find_load_balancer(None, &host).await.unwrap();
        assert_eq!(facts.arn.as_str(), ARN);
    }

    #[tokio::test]
    async fn found_by_a_shared_address() {
        let members =
            [member("application", "other", "127.0.0.7"), member("application", "prod", "127.0.0.1")];
        let server = Canned::serve(account(members.concat())).await;
        let aws = hasty(&server.url).await;
        let facts = aws.find_load_balancer(None, "localhost").await.unwrap();
        assert_eq!(facts.arn.as_str(), ARN);
        let missing = aws.find_load_balancer(None, "127.0.0.9").await.unwrap_err();
        assert_eq!(
            missing.to_string(),
            "no load balancer with the DNS name or an address of 127.0.0.9 (of 2 that were looked at) in eu-west-1"
        );
    }

    #[tokio::test]
    async fn a_list_without_an_end_is_given_up() {
        let server = Canned::serve(|request| {
            let next = format!("<LoadBalancers/><NextMarker>{}</NextMarker>", request.earlier);
            xml("DescribeLoadBalancers", &next)
        })
        .await;
        let error = hasty(&server.url).await.find_load_balancer(None, "127.0.0.1").await.unwrap_err();
        assert!(matches!(error, AwsError::Unreadable { .. }), "{error:?}");
        assert_eq!(server.seen().len(), MOST_PAGES);
    }

    #[tokio::test]
    async fn several_with_the_same_address_are_not_guessed_between() {
        let members = [member("application", "a", "127.0.0.1"), member("application", "b", "127.0.0.1")];
        let server = Canned::serve(account(members.concat())).await;
        let error = hasty(&server.url).await.find_load_balancer(None, "localhost").await.unwrap_err();
        let names = ["a", "b"].map(str::to_owned).to_vec();
        let host = "localhost".to_owned();
        assert_eq!(error, AwsError::Ambiguous { host, names });
    }

    #[tokio::test]
    async fn what_is_not_there_and_what_is_no_alb() {
        let server = Canned::serve(|request| match request.field("Names.member.1").as_deref() {
            Some("nlb") => load_balancers(&member("network", "nlb", HOST)),
            Some("ghost") => load_balancers(""),
            _ => xml_error(400, "LoadBalancerNotFound", "not found"),
        })
        .await;
        let aws = hasty(&server.url).await;
        for (wanted, cause) in [
            (name("gone"), "no load balancer named 'gone' in eu-west-1".to_owned()),
            (name("ghost"), "no load balancer named 'ghost' in eu-west-1".to_owned()),
            (name(ARN), format!("no load balancer with the ARN {ARN} in eu-west-1")),
            (
                name("nlb"),
                "'nlb' is a network load balancer; albcap measures Application Load Balancers".to_owned(),
            ),
        ] {
            let error = aws.find_load_balancer(Some(&wanted), "h").await.unwrap_err();
            assert_eq!(error.to_string(), cause);
            let before_the_load = crate::facts::Unavailable::from(error);
            for flag in ["--load-balancer", "--no-aws"] {
                assert!(before_the_load.remedy.contains(flag), "{before_the_load:?}");
            }
        }
    }

    #[tokio::test]
    async fn a_load_balancer_with_a_name_that_aws_does_not_give_is_refused() {
        for (good, bad) in [
            ("app/prod/", "app/pr$(id)od/"),
            ("app/prod/", "app/{{resolve:ssm:a}}/"),
            (HOST, "prod`id`.eu-west-1.elb.amazonaws.com"),
            ("eu-west-1b", "eu-west-1\u{9b}b"),
            ("eu-west-1b", "eu-west-1\u{202e}b"),
        ] {
            let members = member("application", "prod", HOST).replace(good, bad);
            let server = Canned::serve(account(members)).await;
            let aws = hasty(&server.url).await;
            let error = aws.find_load_balancer(Some(&name("prod")), "h").await.unwrap_err();
            assert!(matches!(error, AwsError::Unreadable { .. }), "{bad}: {error}");
            assert!(!error.to_string().contains(|c: char| c.is_control() || c == '\u{202e}'), "{error:?}");
        }
    }

    #[tokio::test]
    async fn what_may_not_be_read_does_not_hide_the_load_balancer() {
        let rest = account(member("application", "prod", HOST));
        let server = Canned::serve(move |request| match request.operation.as_str() {
            "DescribeLoadBalancerAttributes" | "DescribeTargetHealth" => {
                xml_error(403, "AccessDenied", "User: x is not authorized")
            }
            _ => rest(request),
        })
        .await;
        let facts = hasty(&server.url).await.find_load_balancer(Some(&name("prod")), "h").await.unwrap();
        assert_eq!((facts.idle_timeout, facts.targets), (None, None));
        let why = facts.attributes_unavailable.unwrap();
        assert_eq!(
            why.cause,
            "AWS denies elasticloadbalancing:DescribeLoadBalancerAttributes: User: x is not authorized"
        );
        assert!(why.remedy.contains("--no-aws"), "{why:?}");
        let denied = facts.details.unread.iter().filter(|unread| unread.denied);
        let denied: Vec<&str> = denied.map(|unread| unread.action.as_str()).collect();
        for operation in ["DescribeLoadBalancerAttributes", "DescribeTargetHealth"] {
            assert!(denied.contains(&&*format!("elasticloadbalancing:{operation}")), "{denied:?}");
        }
    }
}
