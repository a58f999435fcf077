//! A recommendation that the tests of the forms render.

use super::{Recommendation, Wish, recommend};
use crate::facts::TargetGroupFacts;
use crate::judge::testing::example;
use crate::judge::{judge, metric};
use crate::record::Run;

/// Of the documentation's run, with one target group of four targets, for 5,000 connections.
pub(super) fn recommendation() -> Recommendation {
    named("ws")
}

/// As when CloudWatch was asked for everything: a metric that had no point is there, empty.
pub(super) fn all_read(run: &mut Run) {
    if let Some(series) = &mut run.series {
        for name in metric::ALL {
            series.metrics.entry(name.to_owned()).or_default();
        }
    }
}

/// The same with another name of the target group, which no record may have: a second line of defence.
pub(super) fn named(group: &str) -> Recommendation {
    let mut run = example().run();
    all_read(&mut run);
    let balancer = run.facts.as_mut().and_then(|facts| facts.load_balancer.as_mut()).expect("it is there");
    balancer.targets = Some([("healthy".to_owned(), 4)].into());
    balancer.details.target_groups = Some(vec![TargetGroupFacts {
        name: group.to_owned(),
        dimension: Some(format!("targetgroup/{group}/73e2d6bc24d8a067")),
        protocol_version: Some("HTTP1".to_owned()),
        target_type: Some("ip".to_owned()),
        targets: None,
    }]);
    let wish = Wish {
        connections: Some(5_000),
        alarm_actions: vec!["arn:aws:sns:us-east-1:123456789012:on-call".parse().expect("a topic's")],
        namespace: "albcap".parse().expect("a namespace"),
        dimensions: Vec::new(),
    };
    recommend(&judge(&run), &wish).expect("it has a safe limit")
}
