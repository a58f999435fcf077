//! What befalls held connections.

use super::Aws::{Asked, NotAsked};
use super::{Case, case};

/// What befalls held connections.
pub(super) const CASES: &[Case] = &[
    case(
        "idle_timeout",
        Asked,
        &["--idle-timeout=2s"],
        &["--heartbeat=1m"],
        "The load balancer's idle timeout of 2 s closed 20 silent connections.",
        "a heartbeat every 60 s",
    ),
    case(
        "idle_elsewhere",
        Asked,
        &["--idle-timeout=2s", "--idle-timeout-then=0=60"],
        &[],
        "Another idle timeout on the path closed 20 connections that had been silent for about 2 s (eof).",
        "the load balancer's own idle timeout is 60 s",
    ),
    case(
        "idle_elsewhere",
        NotAsked,
        &["--kill-after=3s", "--kill-by=close"],
        &[],
        "The target's own idle timeout closed 20 connections that had been silent for about 3 s (closed_1005).",
        "the load balancer's own idle timeout is not known",
    ),
    case(
        "application_heartbeat",
        Asked,
        &["--kill-after=4s", "--kill-by=close"],
        &["--heartbeat=900ms"],
        "The application's own heartbeat went unanswered: 20 held connections ended at the same age (closed_1005).",
        "whenever they were opened",
    ),
    case(
        "application_heartbeat",
        NotAsked,
        &["--kill-after=4s", "--kill-by=hang-up", "--greeting=ping"],
        &["--heartbeat=900ms"],
        "The application's own heartbeat went unanswered: 20 held connections ended at the same age (eof).",
        "the server sent 20 messages, to which 0 were sent in reply",
    ),
    // Whoever does it, they go at that age.
    case(
        "client_keep_alive",
        Asked,
        &["--client-keep-alive=4s", "--kill-after=4s", "--kill-by=hang-up"],
        &["--heartbeat=900ms"],
        "20 held connections ended at the age of the load balancer's client_keep_alive of 4 s (eof), which may have cut",
        "without a close frame",
    ),
    case(
        "mass_disconnect",
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=close=1001"],
        &["--heartbeat=900ms"],
        "A mass disconnect: 20 held connections ended at one instant (closed_1001).",
        "most of them within",
    ),
    case(
        "mass_disconnect",
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=reset"],
        &[],
        "A mass disconnect: 20 held connections ended at one instant (reset).",
        "at ages of",
    ),
    // A target that drained before the load has none of its connections.
    case(
        "mass_disconnect",
        Asked,
        &["--kill-after=5s", "--kill-together", "--kill-by=hang-up", "--draining-targets=1"],
        &[],
        "A mass disconnect: 20 held connections ended at one instant (eof).",
        "at ages of",
    ),
    // Half of them are on the target that leaves in mid-run.
    case(
        "draining",
        Asked,
        &["--drain-after=4s", "--deregistration-delay=2s"],
        &[],
        "Targets were draining, and 10 connections still open on them were cut at one instant.",
        "HealthyHostCount of targetgroup/albcap-sim/fedcba9876543210 was 1 at",
    ),
    case(
        "ended_together",
        NotAsked,
        &["--kill-after=2s", "--kill-by=reset"],
        &["--rate=1000", "--heartbeat=900ms"],
        "20 held connections ended together (reset), at one instant that was also one age",
        "after a silence of",
    ),
    case(
        "pong_timeout",
        Asked,
        &["--kill-after=1s", "--kill-by=mute"],
        &["--heartbeat=1s", "--pong-timeout=1s"],
        "Heartbeats were not answered within 1 s: the connections stood, but nobody was at the other end.",
        "20 of 20 connections, at level 20",
    ),
    // The target sends back what it is sent, which is not what is expected.
    case(
        "pong_timeout",
        NotAsked,
        &[],
        &[
            "--heartbeat=1s",
            "--pong-timeout=1s",
            "--heartbeat-kind=text",
            "--heartbeat-message=beat",
            "--heartbeat-expect=^pulse$",
        ],
        "Heartbeats were not answered within 1 s: the connections stood, but no text came that answers them.",
        "20 of 20 connections, at level 20",
    ),
    case(
        "against_protocol",
        NotAsked,
        &["--kill-after=1s", "--kill-by=reserved-bit"],
        &[],
        "The server, or something before it, broke the WebSocket protocol in frames of open connections.",
        "reserved bits",
    ),
    // Too few to have anything in common.
    case(
        "closed_by_application",
        NotAsked,
        &["--kill-after=1s", "--kill-by=close=1011"],
        &["--levels=4"],
        "The application itself closed held connections, with code 1011 (internal error).",
        "4 of 4 connections, at level 4",
    ),
    case(
        "unexplained",
        NotAsked,
        &["--kill-after=1s", "--kill-by=reset"],
        &["--levels=4"],
        "Connections failed for a reason that the numbers do not show (reset).",
        "4 x hold reset",
    ),
];
