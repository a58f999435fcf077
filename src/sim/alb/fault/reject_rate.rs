//! `--reject-rate P`, `--reject-status CODE`, `--reject-by WHO`, `--reject-for WHAT`: that share of upgrades is refused,
//! spread evenly.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::Fault;
use crate::sim::{Options, SimError};

/// Lifts products such as 3 × (1/3) over the whole number they stand for; far below the step of
/// any rate that matters.
const ROUNDING: f64 = 1e-9;

/// Who refuses; the metrics and the answer's looks tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RejectedBy {
    /// The load balancer itself.
    #[default]
    LoadBalancer,
    /// A target.
    Target,
}

impl FromStr for RejectedBy {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        match word {
            "load-balancer" => Ok(Self::LoadBalancer),
            "target" => Ok(Self::Target),
            _ => Err(SimError::Options(format!("'{word}' is not one of load-balancer, target"))),
        }
    }
}

/// Why the load balancer refuses, where a metric of its own counts that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectedFor {
    /// A target gave it no connection.
    ConnectionError,
    /// A target gave it no TLS.
    TlsError,
    /// AWS's protection against attacks takes the client for one of low reputation (aws-facts.md §1).
    LowReputation,
}

impl FromStr for RejectedFor {
    type Err = SimError;

    fn from_str(word: &str) -> Result<Self, SimError> {
        match word {
            "connection-error" => Ok(Self::ConnectionError),
            "tls-error" => Ok(Self::TlsError),
            "low-reputation" => Ok(Self::LowReputation),
            _ => Err(SimError::Options(format!(
                "'{word}' is not one of connection-error, tls-error, low-reputation"
            ))),
        }
    }
}

/// How an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status, 400 to 599.
    pub status: u16,
    /// By whom.
    pub by: RejectedBy,
    /// Why, where the load balancer refuses and a metric tells.
    pub reason: Option<RejectedFor>,
}

impl Default for Rejection {
    fn default() -> Self {
        Self { status: 503, by: RejectedBy::default(), reason: None }
    }
}

struct RejectRate {
    share: f64,
    how: Rejection,
    asked: AtomicU64,
}

/// The fault, if it is asked for.
pub(super) fn from_options(options: &Options) -> Option<Box<dyn Fault>> {
    let (share, how) = (options.reject_rate, options.rejection);
    (share > 0.0).then(|| Box::new(RejectRate { share, how, asked: AtomicU64::new(0) }) as Box<dyn Fault>)
}

impl Fault for RejectRate {
    fn refuse_upgrade(&self) -> Option<Rejection> {
        let before = self.asked.fetch_add(1, Relaxed);
        (due(self.share, before + 1) > due(self.share, before)).then_some(self.how)
    }
}

/// How many of the first `asked` upgrades are to be refused: the whole part of their share, so
/// that refusals come at even distances and their number is never off by more than one.
fn due(share: f64, asked: u64) -> u64 {
    (share * asked as f64 + ROUNDING) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_exact_after_any_number() {
        for share in [0.01, 0.1, 0.25, 1.0 / 3.0, 0.5, 0.9, 1.0] {
            let fault = RejectRate { share, how: Rejection::default(), asked: AtomicU64::new(0) };
            let mut refused = 0;
            for asked in 1..=1000_u64 {
                refused += u64::from(fault.refuse_upgrade().is_some());
                let exact = share * asked as f64;
                assert!(
                    (exact - 1.0 + 1e-6..=exact + 1e-6).contains(&(refused as f64)),
                    "{share}: {refused} of {asked}"
                );
            }
            assert_eq!(refused, (share * 1000.0 + 1e-6) as u64);
        }
    }

    #[test]
    fn refusals_are_spread_evenly() {
        let fault = RejectRate { share: 0.25, how: Rejection::default(), asked: AtomicU64::new(0) };
        let pattern: Vec<bool> = (0..8).map(|_| fault.refuse_upgrade().is_some()).collect();
        assert_eq!(pattern, [false, false, false, true, false, false, false, true]);
    }
}
