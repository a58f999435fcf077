//! What a rule may look at.

use std::time::Duration;

use super::matter::{Concern, concern};
use crate::judge::correlation::{Correlation, Rise, rise};
use crate::judge::server::Server;
use crate::judge::window::Windows;
use crate::judge::wording::{clock, rounded};
use crate::judge::{Failures, JudgedLevel};
use crate::record::Run;

/// What a rule may look at.
pub(in crate::judge) struct Case<'a> {
    /// The run.
    pub(in crate::judge) run: &'a Run,
    /// Its levels, judged.
    pub(in crate::judge) levels: &'a [JudgedLevel<'a>],
    /// CloudWatch's series.
    pub(in crate::judge) server: Option<&'a Server<'a>>,
    /// The run's periods.
    pub(in crate::judge) windows: &'a Windows,
    /// Both sides, compared.
    pub(in crate::judge) correlation: Option<&'a Correlation>,
    /// The load balancer's idle timeout.
    pub(in crate::judge) idle_timeout: Option<Duration>,
}

impl<'a> Case<'a> {
    /// The failures of such a sort, where they matter. What this machine's slowness explains is laid to nobody else.
    pub(super) fn concern(&self, such: impl Fn(&Failures) -> bool) -> Option<Concern<'a>> {
        concern(self.levels, |level, failure| !level.strain.explains(failure) && such(failure))
    }

    /// The failures that this machine's slowness explains, where they matter.
    pub(super) fn concern_of_slowness(&self) -> Option<Concern<'a>> {
        concern(self.levels, |level, failure| level.strain.explains(failure))
    }

    /// A metric's clear rise while the load was there.
    pub(super) fn rise(&self, metric: &str) -> Option<Rise> {
        rise(self.server?, metric, self.windows).filter(Rise::is_clear)
    }

    /// A clear rise as evidence: `HTTPCode_Target_5XX_Count rose by 187 (13:07 to 13:09 UTC)`.
    pub(super) fn rose(&self, metric: &str) -> Option<String> {
        let rise = self.rise(metric)?;
        let length = self.server?.period().length();
        let when = rise.span.map_or_else(String::new, |(first, last)| {
            format!(" ({} to {} UTC)", clock(first), clock(last + length))
        });
        Some(format!("{metric} rose by {}{when}", rounded(rise.by)))
    }
}
