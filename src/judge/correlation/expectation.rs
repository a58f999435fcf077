//! How many legs of a connection the load balancer counts: two by its documentation, one perhaps; and how far from
//! that is too far.

/// A difference up to this agrees (contract, "What the verdict means"); and only periods in which the clients' own
/// number moved by no more than this can show it.
pub(super) const TOLERANCE: f64 = 0.05;

/// An agreement must be this sure: with 95 % the difference is no larger. Twice the tolerance, since at the tolerance
/// itself no measurement is sure.
pub(super) const SURELY_WITHIN: f64 = 2.0 * TOLERANCE;

/// The share of the upgrades that must be seen to have arrived before a factor of 1 is believed (contract).
pub(super) const ARRIVED: f64 = 0.95;

/// How many standard errors beyond the tolerance contradict, where `chances` comparisons have a chance to do so: in a
/// run in which all is well one in a thousand shall be wrong, however many levels it has.
pub(super) fn contradicting_sigmas(chances: usize) -> f64 {
    const OF_ONE: f64 = 2.6;
    #[allow(clippy::cast_precision_loss)]
    let chances = chances.max(1) as f64;
    (OF_ONE * OF_ONE + 2.0 * chances.ln()).sqrt()
}

/// The share of the upgrades that RequestCount shows to have arrived, and half its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// The share; above 1 where others sent requests too.
    pub share: f64,
    /// Its noise.
    pub noise: f64,
    /// Upgrades of ours that nobody answered, as the same share: RequestCount may have counted any of them, in place of
    /// such as never arrived.
    pub unanswered: f64,
}

impl Arrival {
    /// Noise from which on it can't tell half of the connections from all.
    const UNCLEAR: f64 = 0.2;

    /// Whether it shows that they arrived. Where others' requests are among them it shows nothing: they may stand for
    /// upgrades that are missing.
    pub(super) fn is_shown(self) -> bool {
        self.share - self.unanswered >= ARRIVED && self.noise <= TOLERANCE && !self.has_others()
    }

    /// The share of those that were answered, and half the interval in which it lies whatever became of the others.
    fn of_answered(self) -> (f64, f64) {
        let half = self.unanswered / 2.0;
        (self.share - half, self.noise + half)
    }

    /// Whether there are more requests than upgrades, beyond tolerance and noise.
    fn has_others(self) -> bool {
        let (share, noise) = self.of_answered();
        share > 1.0 + TOLERANCE + noise
    }

    /// Whether it shows that they did not.
    pub(super) fn is_refuted(self) -> bool {
        self.share + self.noise < ARRIVED
    }

    /// Whether it can't be true, since ActiveConnectionCount shows that at least such a share arrived: then RequestCount
    /// does not count upgrades. That it does is not documented (aws-facts.md §0.5).
    pub(super) fn is_void(self, at_least: f64) -> bool {
        self.share + self.noise + TOLERANCE < at_least.min(1.0)
    }
}

/// What a level shows of the legs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    /// Server over client.
    pub(super) factor: f64,
    /// Half its 95 % interval.
    pub(super) noise: f64,
    /// By how much it would be less without what may be counted of connections that were ours no more.
    pub(super) lingering: f64,
}

impl Shown {
    /// How far the factor, that of a `share` of the upgrades, lies off so many legs.
    fn off(self, share: f64, legs: f64) -> f64 {
        let (least, most) = ((self.factor - self.lingering) / share, self.factor / share);
        // Not `clamp`: whatever a record holds, numbers beyond all measure must not end the judgement.
        (legs - legs.max(least).min(most)).abs() / legs
    }
}

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
    /// What fits the levels' factors within the tolerance and their noise. Each level has a
    /// voice, the weaker the more noise it has, but however large it is no more than one: a large one in which
    /// connections are missing does not outvote the others. Two legs are documented: one must have more voices.
    pub(super) fn explaining(levels: &[Shown], arrived: Option<Arrival>) -> Legs {
        let clear = arrived.filter(|arrived| !arrived.has_others()).map(Arrival::of_answered);
        let clear = clear.filter(|(_, noise)| *noise <= Arrival::UNCLEAR);
        let (share, unsure) = clear.map_or((1.0, 0.0), |(share, noise)| (share.min(1.0), noise));
        if share <= 0.0 {
            return Legs::Two;
        }
        let weight = |noise: f64| TOLERANCE / noise.max(TOLERANCE);
        // Where the clearest level fits neither, what fuzzy ones fit says nothing.
        let clearest = levels.iter().map(|level| weight(level.noise)).fold(0.0, f64::max);
        let voices = |legs: f64, other: f64| -> f64 {
            let fits = |level: &&Shown| {
                let off = level.off(share, legs);
                off <= TOLERANCE + level.noise / legs + unsure && off < level.off(share, other)
            };
            let weights: Vec<f64> = levels.iter().filter(fits).map(|level| weight(level.noise)).collect();
            if weights.iter().all(|w| *w < clearest / 2.0) { 0.0 } else { weights.iter().sum() }
        };
        match (voices(1.0, 2.0) > voices(2.0, 1.0), clear) {
            (false, _) => Legs::Two,
            (true, Some(_)) => Legs::One,
            (true, None) => Legs::Unclear,
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

    fn shown(levels: &[(f64, f64)]) -> Vec<Shown> {
        levels
            .iter()
            .map(|(factor, noise)| Shown { factor: *factor, noise: *noise, lingering: 0.0 })
            .collect()
    }

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
            // Half the clients bypass the ALB, and others' requests take the place of theirs.
            (1.0, Some(1.3), Legs::Unclear),
            (2.0, Some(16.5), Legs::Two),
        ] {
            let arrived = arrived.map(|share| Arrival { share, noise: 0.01, unanswered: 0.0 });
            assert_eq!(Legs::explaining(&shown(&[(factor, 0.01)]), arrived), legs, "{factor} {arrived:?}");
        }
        // A witness that is void is none.
        let shows = |share| Arrival { share, noise: 0.01, unanswered: 0.0 };
        let none = shows(0.0);
        assert!(none.is_void(0.5) && !none.is_void(0.05));
        assert!(!shows(0.5).is_void(0.5), "both legs of half of them");
        assert!(!shows(1.0).is_void(1.5), "others' connections");
        assert_eq!(Legs::explaining(&shown(&[(1.2, 0.3)]), None), Legs::Unclear);
        assert_eq!(Legs::explaining(&shown(&[(1.9, 0.9)]), None), Legs::Two);
        // A noisy witness is none; one that errs within its noise still is.
        let noisy = |share, noise| Some(Arrival { share, noise, unanswered: 0.0 });
        assert_eq!(Legs::explaining(&shown(&[(1.0, 0.01)]), noisy(1.0, 0.4)), Legs::Unclear);
        assert_eq!(Legs::explaining(&shown(&[(1.0, 0.01)]), noisy(0.92, 0.1)), Legs::One);
    }

    #[test]
    fn requests_that_nobody_answered_may_stand_for_upgrades_that_never_arrived() {
        // Half of all bypass the load balancer, and half of those that hang are counted as requests.
        let hanging = Arrival { share: 0.96, noise: 0.01, unanswered: 0.95 };
        assert!(!hanging.is_shown() && !hanging.is_refuted());
        assert_eq!(Legs::explaining(&shown(&[(1.0, 0.01)]), Some(hanging)), Legs::Unclear);
        // Few do no harm, and are no requests of others.
        let few = Arrival { share: 1.07, noise: 0.01, unanswered: 0.07 };
        assert!(few.is_shown());
        assert!(!Arrival { unanswered: 0.0, ..few }.is_shown());
    }

    #[test]
    fn each_level_has_one_voice() {
        let all_arrived = Some(Arrival { share: 1.0, noise: 0.0, unanswered: 0.0 });
        let levels = |factors: &[f64]| shown(&factors.iter().map(|f| (*f, 0.01)).collect::<Vec<_>>());
        // Half of the largest level is missing, though every upgrade arrived.
        assert_eq!(Legs::explaining(&levels(&[2.0, 2.0, 1.0]), all_arrived), Legs::Two);
        assert_eq!(Legs::explaining(&levels(&[2.0, 1.0]), all_arrived), Legs::Two);
        // Others are there during one of three levels.
        assert_eq!(Legs::explaining(&levels(&[1.0, 1.0, 1.3]), all_arrived), Legs::One);
        assert_eq!(Legs::explaining(&[], all_arrived), Legs::Two);
        // Two levels in the noise don't outvote a clear one.
        assert_eq!(Legs::explaining(&shown(&[(1.8, 0.6), (1.9, 0.5), (1.04, 0.1)]), None), Legs::Unclear);
    }

    #[test]
    fn what_may_linger_hides_no_legs() {
        let all_arrived = Some(Arrival { share: 1.0, noise: 0.0, unanswered: 0.0 });
        for (factor, lingering, legs) in
            [(1.11, 0.0, Legs::Two), (1.11, 0.22, Legs::One), (2.3, 0.4, Legs::Two), (2.3, 1.4, Legs::Two)]
        {
            let level = Shown { factor, noise: 0.01, lingering };
            assert_eq!(Legs::explaining(&[level], all_arrived), legs, "{factor} {lingering}");
        }
    }

    #[test]
    fn many_chances_to_be_wrong_ask_for_more() {
        assert!((contradicting_sigmas(0) - 2.6).abs() < 1e-9);
        assert!(contradicting_sigmas(7) > 3.2 && contradicting_sigmas(7) < 3.3);
    }
}
