//! Upgrades were answered with an error, and CloudWatch does not say by whom.

use super::status_source::{concern, is_trouble, metrics, status_of};
use super::{Case, Diagnosis};

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = concern(case, None)?;
    let commonest = concern.groups.iter().max_by_key(|f| f.count)?;
    let status = status_of(commonest)?;
    let (balancer, target) = metrics(status);
    let not_known: Vec<String> =
        [balancer, target].iter().filter_map(|metric| case.not_known(metric)).collect();
    let why = match case.server {
        None => "CloudWatch's numbers, which would tell, are not there".to_owned(),
        Some(_) if not_known.is_empty() => format!("neither {balancer} nor {target} rose accordingly"),
        Some(_) => not_known.join(", and "),
    };
    let rose = [balancer, target].into_iter().filter_map(|metric| case.rose(metric));
    Some(Diagnosis {
        cause: format!(
            "Upgrades were answered with {}, by the load balancer or by a target.",
            concern.kinds()
        ),
        evidence: [concern.evidence(), why].into_iter().chain(rose).collect(),
        remedy: format!(
            "Look at {balancer} and {target}: the first means no usable or a failing target, the second a limit of \
             the application."
        ),
        explains: is_trouble,
    })
}
