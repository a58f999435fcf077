//! Upgrades that the load balancer itself answered with one status.

use super::Case;
use super::matter::Concern;
use super::status_source::{Source, rose_at_load_balancer, source, status_of};
use crate::facts::metric::TARGET_CONNECTION_ERRORS;

/// Those with this status, where they matter and it was the load balancer; with the first of the evidence.
pub(super) fn with<'a>(case: &Case<'a>, status: u16) -> Option<(Concern<'a>, Vec<String>)> {
    let concern = case.concern(|failure| status_of(failure) == Some(status))?;
    if source(case, status, concern.count) != Some(Source::LoadBalancer) {
        return None;
    }
    let in_zones = [format!("HTTPCode_ELB_{status}_Count"), TARGET_CONNECTION_ERRORS.to_owned()];
    let in_zones = in_zones.iter().filter_map(|metric| case.in_zones(metric));
    let rose = rose_at_load_balancer(case, status).into_iter();
    let evidence = rose.chain([concern.evidence()]).chain(in_zones).collect();
    Some((concern, evidence))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::judge::judge;
    use crate::judge::testing::{Fault, Scenario};
    use crate::record::{FailureKind, Phase, Run};

    #[test]
    fn the_zones_in_which_it_was_are_told_where_there_are_several() {
        const STATUS: &str = "HTTPCode_ELB_503_Count";
        let fault =
            Fault { phase: Phase::Upgrade, kind: FailureKind::Http(503), count: 20, ..Fault::default() };
        let mut run = Scenario {
            levels: vec![100],
            faults: vec![fault],
            rises: vec![(STATUS, 20.0)],
            ..Scenario::default()
        }
        .run();
        let series = run.series.as_mut().unwrap();
        let all = series.metrics[STATUS].clone();
        series.zones.insert("us-east-1a".into(), [(STATUS.to_owned(), all)].into());
        let evidence = |run: &Run| judge(run).diagnosis[0].evidence.join("; ");
        assert!(!evidence(&run).contains("us-east-1a"), "{}", evidence(&run));
        run.series.as_mut().unwrap().zones.insert("us-east-1b".into(), [(STATUS.to_owned(), vec![])].into());
        let told = "HTTPCode_ELB_503_Count in us-east-1a: 20";
        assert!(evidence(&run).contains(told), "{}", evidence(&run));
    }
}
