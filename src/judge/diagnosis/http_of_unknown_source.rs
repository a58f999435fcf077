//! Upgrades were answered with an error, and CloudWatch does not say by whom.

use super::status_source::{concern, is_trouble, metrics, status_of};
use super::{Case, Diagnosis};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = concern(case, None)?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    let (balancer, target) = metrics(status);
    let why = match case.server {
        Some(_) => format!("neither {balancer} nor {target} rose accordingly"),
        None => "CloudWatch's numbers, which would tell, are not there".to_owned(),
    };
    Some(Diagnosis {
        cause: format!(
            "Upgrades were answered with {}, by the load balancer or by a target.",
            concern.kinds()
        ),
        evidence: vec![concern.evidence(), why],
        remedy: format!(
            "Look at {balancer} and {target}: the first means no usable or a failing target, the second a limit of \
             the application."
        ),
        explains: is_trouble,
    })
}
