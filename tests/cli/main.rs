//! The built binary as a user runs it, against the simulator in a process of its own.
#![allow(clippy::unwrap_used, missing_docs)]

mod bad_input;
mod config;
mod conversation;
mod cumulative;
mod dead_levels;
mod demo;
mod harness;
mod interrupt;
mod log;
mod machine;
mod pacing;
mod preflight_checks;
mod reading_later;
mod records;
mod redaction;
mod reference;
mod route;
mod run;
mod search;
mod talker;
mod tls_resume;
mod token_servers;
mod tokens;
