//! Whether the tokens fit the plan: enough of them, and valid for long enough.

use std::time::Duration;

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{Expiry, TokenSource, Tokens};
use crate::plan::quantity::show_count;
use crate::plan::{Mode, Plan};

/// Why a plan can't be carried out with these tokens; nothing can force it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenMisfit {
    /// A file that is too short.
    #[error(
        "the token file holds {} tokens, but the largest level has {} connections",
        show_count(*.have), show_count(*.need)
    )]
    TooFew {
        /// Tokens in the file.
        have: u64,
        /// Connections of the largest level.
        need: u64,
    },
    /// Tokens with a fixed time that is over.
    #[error("the tokens have expired already: the claim 'exp' lies in the past")]
    Expired,
    /// Tokens that would expire in a hold.
    #[error(
        "the tokens expire {} s after {}, but {} up to {} s",
        .lifetime.as_secs(),
        if *.whole_run { "now" } else { "they are signed" },
        if *.whole_run { "the whole run takes" } else { "a connection is to last" },
        .needed.as_secs_f64().ceil()
    )]
    Expire {
        /// How long they are valid.
        lifetime: Duration,
        /// How long they must be.
        needed: Duration,
        /// Whether the expiry is a fixed time, so that the last level's end counts.
        whole_run: bool,
    },
}

impl TokenMisfit {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            TokenMisfit::TooFew { have: 0, .. } => "give a file with a token a line; nothing was opened".into(),
            TokenMisfit::TooFew { have, .. } => {
                format!("add a line for each connection, or let the largest level be {have}; nothing was opened")
            }
            TokenMisfit::Expire { needed, whole_run: false, .. } => {
                let seconds = needed.as_secs_f64().ceil();
                format!("use --jwt-expires {seconds}s or longer, or a shorter --duration; nothing was opened")
            }
            TokenMisfit::Expired | TokenMisfit::Expire { whole_run: true, .. } => {
                "give --jwt-expires in place of the claim 'exp': every level is then signed anew; nothing was opened"
                    .into()
            }
        }
    }
}

impl Tokens {
    /// Refuses a plan that these tokens can't carry.
    pub fn fit(&self, plan: &Plan, now: DateTime<Utc>) -> Result<(), TokenMisfit> {
        match &self.source {
            TokenSource::File(tokens) => {
                let (have, need) = (tokens.len() as u64, u64::from(plan.schedule.largest()));
                if have < need { Err(TokenMisfit::TooFew { have, need }) } else { Ok(()) }
            }
            TokenSource::Jwt(jwt) => {
                let (lifetime, needed, whole_run) = match jwt.expiry() {
                    Expiry::After(lifetime) => (lifetime, longest_life(plan), false),
                    Expiry::At(at) => {
                        let left = u64::try_from(at.saturating_sub(now.timestamp())).unwrap_or(0);
                        if left == 0 {
                            return Err(TokenMisfit::Expired);
                        }
                        (Duration::from_secs(left), whole_run(plan), true)
                    }
                };
                if lifetime < needed {
                    Err(TokenMisfit::Expire { lifetime, needed, whole_run })
                } else {
                    Ok(())
                }
            }
            TokenSource::Command(_) | TokenSource::Endpoint(_) => Ok(()),
        }
    }
}

/// From a level's first attempt to its planned end: opening at its rate and within the connect timeout, the hold with its
/// longest extension, and the last pongs.
fn longest_level(plan: &Plan) -> Duration {
    let period = plan.cloudwatch.as_ref().map(|cloudwatch| cloudwatch.period);
    let paced = plan.pace.rate.map_or(Duration::ZERO, |rate| rate.spans(plan.schedule.largest()));
    paced.saturating_add(plan.hold.longest(period)).saturating_add(around_a_hold(plan))
}

/// From the signing of a connection's token to the connection's planned end.
pub fn longest_life(plan: &Plan) -> Duration {
    match plan.mode {
        Mode::Fresh => longest_level(plan),
        Mode::Cumulative => whole_run(plan),
    }
}

/// The same for all levels, with what lies between them.
fn whole_run(plan: &Plan) -> Duration {
    let levels = u32::try_from(plan.schedule.most().levels).unwrap_or(u32::MAX);
    plan.longest_load().saturating_add(around_a_hold(plan).saturating_mul(levels))
}

/// The last attempt before a hold, and the last pongs after it.
fn around_a_hold(plan: &Plan) -> Duration {
    plan.pace.connect_timeout.saturating_add(plan.heartbeat.pong_timeout)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::{Jwt, Pace, Token};

    /// Two levels of 10 + 120 + 10 s and pauses of 5 s.
    fn plan() -> Plan {
        serde_json::from_str(
            r#"{"url":"ws://h/","load_balancer":null,"schedule":{"levels":[2,3]},"hold":{"duration_s":120,"periods":0},
            "heartbeat":{"interval_s":30,"pong_timeout_s":10},"pace":{"window":256,"connect_timeout_s":10,"pause_s":5},
            "rule":{"threshold":0.95,"safety":0.8,"keep_going":false,"require":null},"cloudwatch":null}"#,
        )
        .unwrap()
    }

    #[test]
    fn what_is_opened_slowly_needs_its_tokens_longer() {
        let pace = Pace { rate: Some("0.1".parse().unwrap()), ..plan().pace };
        let slow = Plan { pace, ..plan() };
        assert_eq!(
            longest_level(&slow),
            Duration::from_secs(140 + 20),
            "the third begins 20 s after the first"
        );
        assert_eq!(whole_run(&slow), Duration::from_secs(285 + 10 + 20));
    }

    fn fit(source: TokenSource) -> Result<(), TokenMisfit> {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let tokens = Tokens { source, place: "message".parse().unwrap(), timeout: Duration::ZERO };
        tokens.fit(&plan(), now)
    }

    #[test]
    fn a_file_holds_a_token_for_every_connection_of_the_largest_level() {
        let file = |count: usize| TokenSource::File(vec!["abc".parse::<Token>().unwrap(); count].into());
        assert_eq!(fit(file(3)), Ok(()));
        let misfit = fit(file(2)).unwrap_err();
        assert_eq!(misfit, TokenMisfit::TooFew { have: 2, need: 3 });
        assert_eq!(
            misfit.to_string(),
            "the token file holds 2 tokens, but the largest level has 3 connections"
        );
        assert!(misfit.remedy().contains("largest level be 2"));
        assert!(!fit(file(0)).unwrap_err().remedy().contains("largest level"), "none can be of 0");
    }

    #[test]
    fn a_token_outlives_its_level_and_a_fixed_expiry_the_run() {
        let jwt = |claims: &str| {
            TokenSource::Jwt(Box::new(
                Jwt::new(b"k".to_vec(), claims, None, Duration::from_secs(3_600)).unwrap(),
            ))
        };
        assert_eq!(fit(jwt("{}")), Ok(()));
        assert_eq!(fit(jwt(r#"{"exp":"140s"}"#)), Ok(()));
        let misfit = fit(jwt(r#"{"exp":"139s"}"#)).unwrap_err();
        assert!(misfit.remedy().contains("--jwt-expires 140s"), "{}", misfit.remedy());
        assert_eq!(fit(jwt(r#"{"exp":1000285}"#)), Ok(()));
        assert!(fit(jwt(r#"{"exp":1000284}"#)).unwrap_err().to_string().contains("whole run"));
        assert_eq!(fit(jwt(r#"{"exp":1000000}"#)), Err(TokenMisfit::Expired));
        assert_eq!(fit(jwt(r#"{"exp":-1e300}"#)), Err(TokenMisfit::Expired));
    }
}
