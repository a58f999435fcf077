//! `albcap iam-policy`: the least policy for what the given flags will do.

use super::iam_policy_flags::IamPolicyArgs;
use super::publish_flags::{Publishable, check_emf};
use super::{Complaint, Exit, output};
use crate::publish::{Home, Permits, Policy, Published};

pub(super) fn command(args: &IamPolicyArgs) -> Result<Exit, Complaint> {
    check_emf(args.emf, args.publish.contains(&Publishable::Metrics))?;
    let policy = Policy::least(&permits(args));
    let text = serde_json::to_string_pretty(&policy)
        .map_err(|error| Complaint::failed(format!("the policy can't be written: {error}"), ""))?;
    output::print(&format!("{text}\n"))
}

fn permits(args: &IamPolicyArgs) -> Permits {
    let home = match &args.load_balancer {
        Some(arn) => Home {
            partition: arn.partition().to_owned(),
            region: arn.region().to_owned(),
            account: arn.account().to_owned(),
        },
        None => Home::new(args.region.as_deref(), args.account.as_deref()),
    };
    let sends = |what| args.publish.contains(&what);
    let published = Published {
        namespace: (sends(Publishable::Metrics) && !args.emf).then(|| args.namespace.clone()),
        log_group: (sends(Publishable::Logs) || args.emf).then(|| args.log_group.clone()),
    };
    Permits { home, published, apply: args.apply }
}
