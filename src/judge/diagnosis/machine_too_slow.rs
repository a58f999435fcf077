//! This machine was too slow: its processors were full, or its runtime was late.

use super::{Case, Diagnosis, no_failures};
use crate::judge::JudgedLevel;

pub(super) fn rule(case: &Case<'_>) -> Option<Diagnosis> {
    let concern = case.concern_of_slowness()?;
    let slow = || case.levels.iter().filter(|level| !level.slowed.is_empty());
    let (what, remedy) = if slow().any(|level| level.strain.is_of_cpu(&level.slowed)) {
        (
            "its processors were full",
            "Give it more processors, open more slowly with a smaller --window, or spread the load over more machines.",
        )
    } else {
        (
            "it ran late, though not by its own work",
            "Let nothing else run here, and look for what held it up: a container's CPU quota, a paused virtual \
             machine, swapping; or spread the load over more machines.",
        )
    };
    let mut measured: Vec<String> = Vec::new();
    for sentence in slow().flat_map(JudgedLevel::slowness) {
        if !measured.contains(&sentence) {
            measured.push(sentence);
        }
    }
    Some(Diagnosis {
        cause: format!("This machine was the limit, not the load balancer: {what}."),
        evidence: std::iter::once(format!("{} ({})", concern.evidence(), concern.kinds()))
            .chain(measured)
            .collect(),
        remedy: remedy.into(),
        // No other rule sees them: `Case::concern` leaves them out.
        explains: no_failures,
    })
}
