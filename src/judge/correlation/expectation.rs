//! How many legs of a connection the load balancer counts: two by its documentation, one perhaps; and how far from
//! that is too far.

/// A difference up to this agrees (contract, "What the verdict means"); and only periods in which the clients' own
/// number moved by no more than this can show it.
pub(super) const TOLERANCE: f64 = 0.05;

/// The share of the upgrades that must be seen to have arrived before a factor of 1 is believed (contract).
pub(super) const ARRIVED: f64 = 0.95;

/// The legs of a connection that ActiveConnectionCount seems to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legs {
    /// Client to load balancer and load balancer to target: what the documentation says (aws-facts.md §0.1).
    Two,
    /// One of them: RequestCount shows that the connections are all there nevertheless.
    One,
    /// The factor is 1, and nothing shows whether one leg is counted or half the clients are missing
    /// (aws-facts.md §0.6).
    Unclear,
}

impl Legs {
    /// What fits the measured factor within the tolerance, or within its `noise` if that is larger. `arrived` is the
    /// share of the upgrades that RequestCount shows.
    pub(super) fn explaining(factor: f64, noise: f64, arrived: Option<f64>) -> Legs {
        let off = |x: f64, legs: f64| (x - legs).abs() / legs;
        let is_one = |x: f64| off(x, 1.0) <= noise.max(TOLERANCE) && off(x, 1.0) < off(x, 2.0);
        match arrived {
            Some(arrived) if arrived > 0.0 && is_one(factor / arrived.min(1.0)) => Legs::One,
            None if is_one(factor) => Legs::Unclear,
            _ => Legs::Two,
        }
    }

    /// Their number.
    pub fn count(self) -> f64 {
        match self {
            Legs::Two => 2.0,
            Legs::One | Legs::Unclear => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_of_one_needs_its_witness() {
        for (factor, arrived, legs) in [
            (2.0, None, Legs::Two),
            (1.0, None, Legs::Unclear),
            (1.0, Some(1.0), Legs::One),
            // Half the clients bypass the ALB, which counts both legs of the others.
            (1.0, Some(0.5), Legs::Two),
            // One leg, and a tenth of the clients missing.
            (0.9, Some(0.9), Legs::One),
            (0.9, None, Legs::Two),
            (1.8, Some(0.9), Legs::Two),
            (1.0, Some(0.0), Legs::Two),
            (1.2, None, Legs::Two),
        ] {
            assert_eq!(Legs::explaining(factor, 0.01, arrived), legs, "{factor} {arrived:?}");
        }
        assert_eq!(Legs::explaining(1.2, 0.3, None), Legs::Unclear);
        assert_eq!(Legs::explaining(1.9, 0.9, None), Legs::Two);
    }
}
