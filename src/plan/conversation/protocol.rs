//! Presets for protocols that many servers speak: what the flags would say, as plain data. docs/protocols.md shows them.

use super::Script;
use crate::plan::HeartbeatKind;

/// A protocol with a preset; its fields are flags as they would be typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Protocol {
    /// As `--protocol` takes it.
    pub name: &'static str,
    /// `--subprotocol`.
    pub subprotocol: Option<&'static str>,
    on_open: Option<&'static str>,
    ready: Option<&'static str>,
    replies: &'static [&'static str],
    /// `--heartbeat-message` and `--heartbeat-expect`; without them heartbeats are pings.
    text: Option<(&'static str, &'static str)>,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 4] = [
        // Engine.IO 4 (socket.io-protocol 5): a packet is its type's digit and data. 0 open, 2 ping, 3 pong, 4 message;
        // of a message 0 is connect. The server pings, and a client that answers nothing is closed.
        Protocol {
            name: "socket.io",
            subprotocol: None,
            on_open: Some("40"),
            ready: Some("^40"),
            replies: &["^2$=>3"],
            text: None,
        },
        // GraphQL over WebSocket: both sides may ping, and must answer.
        Protocol {
            name: "graphql-ws",
            subprotocol: Some("graphql-transport-ws"),
            on_open: Some(r#"{"type":"connection_init"}"#),
            ready: Some(r#"^\s*\{[^{}]*"type"\s*:\s*"connection_ack""#),
            replies: &[r#"^\s*\{[^{}]*"type"\s*:\s*"ping"=>{"type":"pong"}"#],
            text: Some((r#"{"type":"ping"}"#, r#"^\s*\{[^{}]*"type"\s*:\s*"pong""#)),
        },
        // SignalR's hub protocol in JSON: each record ends with U+001E. Type 6 is a ping, which is never answered but
        // sent by each side on its own; here it is sent whenever the server's comes (every 15 s by default), since a
        // client that says nothing for 30 s is closed.
        Protocol {
            name: "signalr",
            subprotocol: None,
            on_open: Some("{\"protocol\":\"json\",\"version\":1}\u{1e}"),
            ready: Some(r"^\{\s*\}\x1E"),
            replies: &["(^|\\x1E)\\{\\s*\"type\"\\s*:\\s*6\\s*\\}\\x1E=>{\"type\":6}\u{1e}"],
            text: None,
        },
        // Phoenix channels, serializer 2.0.0 (`?vsn=2.0.0`): [join_ref, ref, topic, event, payload].
        Protocol {
            name: "phoenix",
            subprotocol: None,
            on_open: None,
            ready: None,
            replies: &[],
            text: Some((
                r#"[null,"0","phoenix","heartbeat",{}]"#,
                r#"^\s*\[\s*null\s*,\s*"0"\s*,\s*"phoenix"\s*,\s*"phx_reply""#,
            )),
        },
    ];

    /// The protocol of that name.
    pub fn named(name: &str) -> Option<&'static Protocol> {
        const ALL: &[Protocol] = &Protocol::ALL;
        ALL.iter().find(|protocol| protocol.name == name)
    }

    /// What the flags would say.
    pub fn script(&self) -> Script {
        // Not a user's text: the test below reads all of them.
        const SOUND: &str = "a preset can be read";
        Script {
            kind: self.text.map(|_| HeartbeatKind::Text),
            message: self.text.map(|(message, _)| message.to_owned()),
            expect: self.text.map(|(_, expect)| expect.parse().expect(SOUND)),
            on_open: self.on_open.map(|message| message.parse().expect(SOUND)),
            ready: self.ready.map(|ready| ready.parse().expect(SOUND)),
            replies: self.replies.iter().map(|reply| reply.parse().expect(SOUND)).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Conversation, Heard};
    use super::*;

    fn conversation(name: &str) -> Conversation {
        Protocol::named(name).unwrap().script().conversation().unwrap()
    }

    #[test]
    fn every_preset_can_be_read() {
        for protocol in Protocol::ALL {
            assert!(protocol.script().conversation().is_ok(), "{}", protocol.name);
            assert_eq!(Protocol::named(protocol.name), Some(&protocol));
        }
        assert_eq!(Protocol::named("mqtt"), None);
    }

    #[test]
    fn the_page_shows_what_the_presets_say() {
        const PAGE: &str = include_str!("../../../docs/protocols.md");
        let shown = |text: &str| {
            // As a cell of a table holds it.
            let cell = text.replace('\u{1e}', "\\x1e").replace('|', "\\|");
            assert!(PAGE.contains(&format!("`{cell}`")), "{cell}");
        };
        for protocol in Protocol::ALL {
            shown(protocol.name);
            let texts = [protocol.subprotocol, protocol.on_open, protocol.ready];
            texts.into_iter().flatten().chain(protocol.replies.iter().copied()).for_each(shown);
            if let Some((message, expect)) = protocol.text {
                shown(message);
                shown(expect);
            }
        }
    }

    #[test]
    fn what_servers_say_is_understood() {
        use Heard::{Answer, Heartbeat, Message};
        // As the protocols' own documents write it.
        for (name, said, heard) in [
            ("socket.io", "2", Heartbeat(0)),
            ("socket.io", "2probe", Message),
            ("socket.io", r#"42["event",2]"#, Message),
            ("graphql-ws", r#"{"type":"ping"}"#, Heartbeat(0)),
            ("graphql-ws", r#"{"type":"pong"}"#, Answer),
            ("graphql-ws", r#"{ "payload": null, "type": "pong" }"#, Answer),
            ("graphql-ws", r#"{"id":"1","type":"next","payload":{"data":{"type":"ping"}}}"#, Message),
            ("signalr", "{\"type\":6}\u{1e}", Heartbeat(0)),
            ("signalr", "{\"type\":1,\"target\":\"t\"}\u{1e}{\"type\":6}\u{1e}", Heartbeat(0)),
            ("signalr", "{\"type\":1,\"arguments\":[{\"type\":6}]}\u{1e}", Message),
            ("phoenix", r#"[null,"0","phoenix","phx_reply",{"status":"ok","response":{}}]"#, Answer),
            ("phoenix", r#"["1","2","room:lobby","phx_reply",{"status":"ok","response":{}}]"#, Message),
        ] {
            assert_eq!(conversation(name).hear(said.as_bytes(), true), heard, "{name}: {said}");
        }
        for (name, said, is_ready) in [
            ("socket.io", r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#, false),
            ("socket.io", r#"40{"sid":"y"}"#, true),
            ("socket.io", r#"44{"message":"not authorized"}"#, false),
            ("graphql-ws", r#"{"type":"connection_ack","payload":{}}"#, true),
            ("signalr", "{}\u{1e}", true),
            ("signalr", "{\"error\":\"no such protocol\"}\u{1e}", false),
        ] {
            let ready = conversation(name).ready.unwrap();
            assert_eq!(ready.matches(said.as_bytes()), is_ready, "{name}: {said}");
        }
    }
}
