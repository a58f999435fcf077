//! A recommendation that the tests of the forms render.

use serde_json::json;

use super::{Recommendation, Wish, recommend};
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

/// The same with another name of the target group, which a record may claim to be anything.
pub(super) fn named(group: &str) -> Recommendation {
    let mut run = example().run();
    all_read(&mut run);
    let balancer = run.facts.as_mut().and_then(|facts| facts.load_balancer.as_mut()).expect("it is there");
    balancer.targets = Some([("healthy".to_owned(), 4)].into());
    let groups = json!([{
        "name": group, "dimension": format!("targetgroup/{group}/73e2d6bc24d8a067"),
        "protocol_version": "HTTP1", "target_type": "ip",
    }]);
    balancer.details.target_groups = serde_json::from_value(groups).expect("as a record has them");
    let wish = Wish {
        connections: Some(5_000),
        alarm_actions: vec!["arn:aws:sns:us-east-1:123456789012:on-call".parse().expect("a topic's")],
        namespace: "albcap".parse().expect("a namespace"),
        dimensions: Vec::new(),
    };
    recommend(&judge(&run), &wish).expect("it has a safe limit")
}
