//! The flags of heartbeats and of the application's protocol.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::Complaint;
use super::args::parse_positive_duration;
use crate::plan::{Conversation, Heartbeat, HeartbeatKind, Pattern, Protocol, Reply, Script, Template};

#[derive(Args)]
#[command(next_help_heading = "Heartbeat and application protocol")]
pub(crate) struct ConversationFlags {
    /// Interval of the heartbeats; refused when not below the ALB's idle timeout, warned above half of it
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_positive_duration)]
    pub(crate) heartbeat: Duration,
    /// What a heartbeat is; none sends none, so that a half-open connection can't be seen
    /// [default: ping, or what --protocol says]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) heartbeat_kind: Option<Kind>,
    /// The text of a text heartbeat
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) heartbeat_message: Option<String>,
    /// What the answer to a text heartbeat must match; left out, any text message answers that no --reply does. Each
    /// answers the oldest heartbeat that is due. This and the other patterns are regular expressions, and see the first
    /// 4 KiB of a text message
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub(crate) heartbeat_expect: Option<Pattern>,
    /// How long the answer to a heartbeat may take before the connection counts as failed
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_positive_duration)]
    pub(crate) pong_timeout: Duration,
    /// Text that every connection sends when it is upgraded; {{index}} is its number in its level, from 0,
    /// {{uuid}} an identifier of its own, {{token}} its token
    #[arg(long, value_name = "MESSAGE", allow_hyphen_values = true, value_parser = Template::with_token)]
    pub(crate) on_open: Option<Template>,
    /// A connection counts as open only when a text message matches, which --connect-timeout waits for
    #[arg(long, value_name = "REGEX", allow_hyphen_values = true)]
    pub(crate) ready: Option<Pattern>,
    /// Answer the server's own text heartbeats, such as '^2$=>3' for Engine.IO; the first => separates; may be
    /// repeated, the first match counts
    #[arg(long, value_name = "'REGEX=>MESSAGE'", allow_hyphen_values = true)]
    pub(crate) reply: Vec<Reply>,
    /// Preset of --subprotocol, the heartbeat's kind and texts, --on-open, --ready and --reply; explicit flags win.
    /// The URL still says which version: /socket.io/?EIO=4&transport=websocket, /socket/websocket?vsn=2.0.0 (phoenix)
    #[arg(long, value_name = "NAME", value_parser = protocols())]
    pub(crate) protocol: Option<&'static Protocol>,
}

/// What a heartbeat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A WebSocket ping, answered by its pong
    Ping,
    /// The text of --heartbeat-message
    Text,
    /// Nothing: an infinite interval
    None,
}

fn protocols() -> impl TypedValueParser<Value = &'static Protocol> {
    PossibleValuesParser::new(Protocol::ALL.map(|protocol| protocol.name))
        .try_map(|name| Protocol::named(&name).ok_or("no such protocol"))
}

impl ConversationFlags {
    /// What is said over an open connection: flags over preset.
    pub(super) fn conversation(&self) -> Result<Conversation, Complaint> {
        let own = Script {
            kind: self.heartbeat_kind.map(|kind| match kind {
                Kind::Ping => HeartbeatKind::Ping,
                Kind::Text => HeartbeatKind::Text,
                Kind::None => HeartbeatKind::None,
            }),
            message: self.heartbeat_message.clone(),
            expect: self.heartbeat_expect.clone(),
            on_open: self.on_open.clone(),
            ready: self.ready.clone(),
            replies: self.reply.clone(),
        };
        let preset = self.protocol.map(Protocol::script).unwrap_or_default();
        own.or(preset).conversation().map_err(|error| Complaint::usage(error, error.remedy()))
    }

    /// When heartbeats are sent over such connections.
    pub(super) fn heartbeat(&self, conversation: &Conversation) -> Heartbeat {
        Heartbeat {
            kind: conversation.beat.kind(),
            interval: self.heartbeat,
            pong_timeout: self.pong_timeout,
        }
    }
}
