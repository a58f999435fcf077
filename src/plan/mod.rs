//! What shall happen, decided once at the door.
//!
//! Words become types here, and what can't happen can't be built: [`Levels`] ascend, a [`Share`] lies in (0, 1],
//! a [`TargetUrl`] is `ws` or `wss`. The [`Plan`] goes into the record's header; secrets live in [`Target`], which
//! has no way into any file. Everything here is pure.

pub(crate) mod aws_name;
mod brake;
mod cloudwatch;
mod conversation;
mod dns_name;
mod heartbeat;
mod hold;
mod instants;
mod load_balancer;
mod mode;
mod pass_rule;
pub mod quantity;
mod rate;
mod redact;
mod route;
mod schedule;
mod search;
pub(crate) mod seconds;
mod target;
mod target_url;
mod template;
mod tokens;
mod window;

pub use aws_name::{AwsName, AwsNameError};
pub use brake::{AbortRule, AbortRuleError, AlbMetric, Brake, BrakeMetric, ClientMetric};
pub use cloudwatch::{CloudWatchPlan, Period, PeriodError};
pub use conversation::{
    Beat, Conversation, Heard, Pattern, PatternError, Protocol, Reply, ReplyError, Script, ScriptError,
    TextBeat,
};
pub use dns_name::same_dns_name;
pub use heartbeat::{Heartbeat, HeartbeatKind};
pub use hold::{Hold, HoldError};
pub use instants::{earlier, later, offset_by};
pub use load_balancer::{LoadBalancerArn, LoadBalancerError, LoadBalancerRef};
pub use mode::Mode;
pub use pass_rule::{PassRule, Share, ShareError};
pub use rate::{Rate, RateError};
pub use redact::{Redacted, Secrets};
pub use route::{
    ConnectTo, ConnectToError, Destination, HostOrPortError, Resolve, ResolveError, Route, SourceAddresses,
    SourceAddressesError,
};
pub use schedule::{LevelOutcome, Levels, LevelsError, Most, Schedule, Step, StopReason};
pub use search::{Search, SearchError};
pub use target::{HeaderError, RequestHeader, Target, TlsOptions, is_http_token};
pub use target_url::{ShownUrl, TargetUrl, TargetUrlError};
pub use template::{Template, TemplateError};
pub use tokens::{
    Expiry, Jwt, JwtError, Token, TokenEndpoint, TokenEndpointError, TokenError, TokenMisfit, TokenOrigin,
    TokenPlace, TokenPlaceError, TokenPlan, TokenSource, Tokens, longest_life,
};
pub use window::{Window, sane};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Everything that a run is meant to do, without a secret in it: the record's header carries it, and every later
/// command judges by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The URL, without userinfo and query values.
    pub url: ShownUrl,
    /// The load balancer that was named; `None` when it is to be found from the URL's host.
    pub load_balancer: Option<LoadBalancerRef>,
    /// Which levels are tried, and what ends the trying.
    pub schedule: Schedule,
    /// Whether a level's connections live on into the next.
    #[serde(default)]
    pub mode: Mode,
    /// How long each level is held.
    pub hold: Hold,
    /// What keeps a held connection alive and shows that it is.
    pub heartbeat: Heartbeat,
    /// How connections are opened.
    pub pace: Pace,
    /// When a level has passed, and what is made of it.
    pub rule: PassRule,
    /// What stops the load before its end.
    #[serde(default)]
    pub brake: Brake,
    /// What is asked of CloudWatch; `None` with `--no-aws`.
    pub cloudwatch: Option<CloudWatchPlan>,
    /// How the target is reached.
    #[serde(default)]
    pub route: Route,
    /// Where every connection gets a token of its own; `None` where none is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokenPlan>,
}

/// How connections are opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pace {
    /// Handshakes in flight at most.
    pub window: u32,
    /// Handshakes started a second; `None`: as fast as the window turns.
    #[serde(default, rename = "rate_per_s")]
    pub rate: Option<Rate>,
    /// Closes a second; `None`: all at once.
    #[serde(default, rename = "close_rate_per_s")]
    pub close_rate: Option<Rate>,
    /// From the name's resolution to the finished upgrade, or to the server's ready message.
    #[serde(with = "seconds", rename = "connect_timeout_s")]
    #[schemars(with = "f64")]
    pub connect_timeout: Duration,
    /// Rest between two levels.
    #[serde(with = "seconds", rename = "pause_s")]
    #[schemars(with = "f64")]
    pub pause: Duration,
}

impl Plan {
    /// Where connections go: the URL's host, or what the route puts in its place.
    pub fn destination(&self) -> Destination {
        self.route.destination(&self.url.host(), self.url.port())
    }

    /// How long a hold lasts that begins at `held_from` by this machine's clock, which is `ahead` of AWS's: the periods
    /// that it must contain are by theirs.
    pub fn hold_length(&self, held_from: DateTime<Utc>, ahead: TimeDelta) -> Duration {
        let held_from = offset_by(held_from, -ahead);
        let until = self.hold.until(held_from, self.cloudwatch.map(|cloudwatch| cloudwatch.period));
        (until - held_from).to_std().unwrap_or_default()
    }

    /// The time that the load takes at the most, but for what opening takes as fast as the window turns: every level
    /// opened and closed at its rate, held with its longest extension, and the pauses between. A search is followed
    /// where it takes longest; what lives on into the next level is closed once, and may have died and be opened anew.
    pub fn longest_load(&self) -> Duration {
        let most = self.schedule.most();
        let closed = match self.mode {
            Mode::Fresh => most.followers,
            Mode::Cumulative => self.schedule.largest().saturating_sub(1).into(),
        };
        let at = |rate: Option<Rate>, count: u64| rate.map_or(Duration::ZERO, |rate| rate.intervals(count));
        let paced = at(self.pace.rate, most.followers).saturating_add(at(self.pace.close_rate, closed));
        let levels = u32::try_from(most.levels).unwrap_or(u32::MAX);
        let holds = self.hold.longest(self.cloudwatch.as_ref().map(|c| c.period)).saturating_mul(levels);
        let pauses = self.pace.pause.saturating_mul(levels.saturating_sub(1));
        paced.saturating_add(holds).saturating_add(pauses)
    }
}
