//! The one place that knows exit codes, and how an error is said: a line of cause and a line of remedy.

use std::fmt::Display;

use crate::aws::AwsError;
use crate::judge::{Judged, Outcome};
use crate::record::HowEnded;

/// How the process ends (contract, "Exit codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing contradicts.
    Done,
    /// I/O, AWS did not answer, or no connection of the whole run could be opened.
    Failed,
    /// The command line is wrong.
    Usage,
    /// Preflight refused; no load was opened.
    Refused,
    /// Below `--require`, or stopped by the brake.
    Unmet,
    /// CloudWatch contradicts the clients.
    Contradicts,
    /// The question stays open.
    Inconclusive,
    /// By a signal of that number.
    Signal(u8),
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Unmet => 4,
            Exit::Contradicts => 5,
            Exit::Inconclusive => 6,
            Exit::Signal(number) => 128 + number,
        }
    }
}

/// An error as the user sees it.
#[derive(Debug)]
pub struct Complaint {
    /// One line.
    pub cause: String,
    /// One line; may be empty.
    pub remedy: String,
    /// How the process ends.
    pub exit: Exit,
}

impl Complaint {
    /// The command line is wrong.
    pub fn usage(cause: impl Display, remedy: impl Display) -> Complaint {
        Complaint::new(cause, remedy, Exit::Usage)
    }

    /// Something failed.
    pub fn failed(cause: impl Display, remedy: impl Display) -> Complaint {
        Complaint::new(cause, remedy, Exit::Failed)
    }

    /// Preflight refused.
    pub fn refused(cause: impl Display, remedy: impl Display) -> Complaint {
        Complaint::new(cause, remedy, Exit::Refused)
    }

    /// AWS did not give what a command needs, which has changed nothing so far: what could not even be asked, or is none
    /// of the account's ALBs, is refused; what was asked in vain has failed. After a load it has failed in any case.
    pub(super) fn of_aws(error: &AwsError) -> Complaint {
        let exit = match error {
            AwsError::NoCredentials { .. }
            | AwsError::CredentialsTimeout { .. }
            | AwsError::BadValue { .. }
            | AwsError::NoRegion
            | AwsError::BadEndpoint { .. }
            | AwsError::Unsendable { .. }
            | AwsError::NotFound { .. }
            | AwsError::Ambiguous { .. }
            | AwsError::NotAnAlb { .. } => Exit::Refused,
            AwsError::AccessDenied { .. }
            | AwsError::ExpiredCredentials { .. }
            | AwsError::RejectedCredentials { .. }
            | AwsError::Unreachable { .. }
            | AwsError::Timeout { .. }
            | AwsError::Throttled { .. }
            | AwsError::Unreadable { .. }
            | AwsError::Incomplete { .. }
            | AwsError::Service { .. } => Exit::Failed,
        };
        Complaint::new(error, error.remedy(), exit)
    }

    fn new(cause: impl Display, remedy: impl Display, exit: Exit) -> Complaint {
        Complaint { cause: cause.to_string(), remedy: remedy.to_string(), exit }
    }
}

/// What a run's or an analysis's result means for the exit code.
pub(super) fn of_judged(judged: &Judged<'_>, require: Option<u32>) -> Exit {
    let unmet = require.is_some_and(|least| judged.capacity.safe_limit.unwrap_or(0) < least);
    if !judged.any_opened() {
        // If a signal interrupted handshakes, it is unknown whether any of them would have succeeded.
        match judged.run.ended.map(|(_, how)| how) {
            Some(HowEnded::Finished | HowEnded::Aborted) => return Exit::Failed,
            Some(HowEnded::Interrupted) if judged.any_failed() => return Exit::Failed,
            Some(HowEnded::Interrupted) => {}
            None if judged.run.levels.iter().any(|level| level.held_from.is_some()) => return Exit::Failed,
            None => return Exit::Inconclusive,
        }
    }
    if unmet || judged.is_aborted() {
        return Exit::Unmet;
    }
    match judged.verdict.outcome {
        Outcome::Disagrees => Exit::Contradicts,
        Outcome::Inconclusive => Exit::Inconclusive,
        Outcome::Agrees | Outcome::NotChecked if judged.machine_limited() => Exit::Inconclusive,
        Outcome::Agrees | Outcome::NotChecked => Exit::Done,
    }
}
