//! What an AWS endpoint does when it is not well: for some calls of an action, counted from 1.

use std::str::FromStr;
use std::time::Duration;

use super::error::AwsError;

/// How long a slow answer takes.
pub(crate) const SLOW: Duration = Duration::from_secs(2);

/// Calls of one action that meet a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    action: String,
    kind: TroubleKind,
    first: u64,
    last: u64,
}

/// What they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TroubleKind {
    /// Too many calls: refused, and not carried out.
    Throttle,
    /// 503: refused, and not carried out.
    Unavailable,
    /// Carried out, and the connection is cut in place of an answer.
    Cut,
    /// Carried out and answered, but not at once.
    Slow,
    /// Carried out and never answered.
    Hang,
}

impl Trouble {
    fn meets(&self, action: &str, call: u64) -> bool {
        self.action == action && (self.first..=self.last).contains(&call)
    }
}

/// What a call meets, the first rule that fits.
pub(crate) fn met(rules: &[Trouble], action: &str, call: u64) -> Option<TroubleKind> {
    rules.iter().find(|rule| rule.meets(action, call)).map(|rule| rule.kind)
}

impl TroubleKind {
    /// The refusal, where it is one.
    pub(crate) fn refusal(self) -> Option<AwsError> {
        match self {
            TroubleKind::Throttle => Some(AwsError::new("ThrottlingException", "Rate exceeded")),
            TroubleKind::Unavailable => {
                Some(AwsError::new("ServiceUnavailableException", "The service is unavailable").status(503))
            }
            TroubleKind::Cut | TroubleKind::Slow | TroubleKind::Hang => None,
        }
    }
}

/// `ACTION=WHAT`, for all calls; `ACTION=WHAT@3` for the third, `@3-5` for three, `@3-` from the third on.
impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Trouble, String> {
        let form = || {
            format!(
                "'{text}' is not of the form ACTION=WHAT[@FIRST[-[LAST]]], such as logs:PutLogEvents=throttle@2-4"
            )
        };
        let (action, rest) =
            text.split_once('=').filter(|(action, _)| action.contains(':')).ok_or_else(form)?;
        let (kind, calls) = rest.split_once('@').map_or((rest, None), |(kind, calls)| (kind, Some(calls)));
        let kind = match kind {
            "throttle" => TroubleKind::Throttle,
            "unavailable" => TroubleKind::Unavailable,
            "cut" => TroubleKind::Cut,
            "slow" => TroubleKind::Slow,
            "hang" => TroubleKind::Hang,
            other => return Err(format!("'{other}' is none of throttle, unavailable, cut, slow, hang")),
        };
        let number = |digits: &str| digits.parse::<u64>().ok().filter(|call| *call > 0).ok_or_else(form);
        let (first, last) = match calls.map(|calls| calls.split_once('-').ok_or(calls)) {
            None => (1, u64::MAX),
            Some(Err(only)) => (number(only)?, number(only)?),
            Some(Ok((first, ""))) => (number(first)?, u64::MAX),
            Some(Ok((first, last))) => (number(first)?, number(last)?),
        };
        if first > last {
            return Err(form());
        }
        Ok(Trouble { action: action.to_owned(), kind, first, last })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_meet_it() {
        for (text, calls) in [
            ("logs:PutLogEvents=cut", [true, true, true, true]),
            ("logs:PutLogEvents=cut@2", [false, true, false, false]),
            ("logs:PutLogEvents=cut@2-3", [false, true, true, false]),
            ("logs:PutLogEvents=cut@3-", [false, false, true, true]),
        ] {
            let rules = [text.parse::<Trouble>().unwrap()];
            let seen: Vec<bool> =
                (1..=4).map(|call| met(&rules, "logs:PutLogEvents", call).is_some()).collect();
            assert_eq!(seen, calls, "{text}");
            assert_eq!(met(&rules, "logs:CreateLogStream", 2), None);
        }
    }

    #[test]
    fn what_is_not_of_the_form() {
        for wrong in ["", "logs:X", "logs:X=odd", "X=cut", "logs:X=cut@", "logs:X=cut@0", "logs:X=cut@3-2"] {
            assert!(wrong.parse::<Trouble>().is_err(), "{wrong}");
        }
    }
}
