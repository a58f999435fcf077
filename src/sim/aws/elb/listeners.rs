//! DescribeListeners: of the load balancer, or those of the given ARNs.

use super::arns::{self, Kind};
use crate::sim::aws::account::State;
use crate::sim::aws::error::AwsError;
use crate::sim::aws::fields::Fields;
use crate::sim::aws::load_balancer::{Listener, LoadBalancer};
use crate::sim::aws::operation::Call;
use crate::sim::aws::value::{Structure, Value};

pub(crate) fn run(
    state: &mut State,
    call: &Call<'_>,
    fields: &Fields<'_>,
) -> Result<Option<Value>, AwsError> {
    let load_balancer = &state.load_balancer;
    let wanted = fields.texts("ListenerArns")?;
    match fields.text("LoadBalancerArn")? {
        Some(arn) => {
            arns::find_load_balancer(load_balancer, arn, call.owner)?;
        }
        None if wanted.is_empty() => {
            return Err(AwsError::validation("You must specify either listener ARNs or a load balancer ARN"));
        }
        None => {}
    }
    for arn in &wanted {
        arns::check(arn, Kind::Listener, call.owner)?;
        let known =
            load_balancer.listeners.iter().any(|listener| listener_arn(load_balancer, listener) == *arn);
        if !known {
            return Err(AwsError::new("ListenerNotFound", "One or more listeners not found"));
        }
    }
    let described: Vec<Value> = load_balancer
        .listeners
        .iter()
        .filter(|listener| {
            wanted.is_empty() || wanted.contains(&listener_arn(load_balancer, listener).as_str())
        })
        .map(|listener| describe(load_balancer, listener))
        .collect();
    let page = arns::page("listeners", &described, fields)?;
    Ok(Some(
        Structure::new().with("Listeners", page.items.to_vec()).with_some("NextMarker", page.next).into(),
    ))
}

/// A listener's ARN is its load balancer's with one more id, which here is made of the port.
fn listener_arn(load_balancer: &LoadBalancer, listener: &Listener) -> String {
    let base = load_balancer.arn.replacen(":loadbalancer/", ":listener/", 1);
    format!("{base}/{:016x}", listener.port)
}

fn describe(load_balancer: &LoadBalancer, listener: &Listener) -> Value {
    let actions: Vec<Value> = load_balancer
        .target_groups
        .first()
        .map(|group| {
            let weighted = Structure::new().with("TargetGroupArn", &group.arn).with("Weight", 1);
            let config = Structure::new()
                .with("TargetGroups", vec![weighted])
                .with("TargetGroupStickinessConfig", Structure::new().with("Enabled", false));
            Structure::new()
                .with("ForwardConfig", config)
                .with("Order", 1)
                .with("TargetGroupArn", &group.arn)
                .with("Type", "forward")
                .into()
        })
        .into_iter()
        .collect();
    let secure = listener.protocol == "HTTPS";
    Structure::new()
        .with("DefaultActions", actions)
        .with("ListenerArn", listener_arn(load_balancer, listener))
        .with("LoadBalancerArn", &load_balancer.arn)
        .with_some("MutualAuthentication", secure.then(|| Structure::new().with("Mode", "off")))
        .with("Port", i64::from(listener.port))
        .with("Protocol", &listener.protocol)
        .with_some("SslPolicy", listener.ssl_policy.as_ref())
        .into()
}
