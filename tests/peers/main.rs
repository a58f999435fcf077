//! Against things that nobody here wrote: an AWS emulator, AWS's own Python client and command line, CloudFormation's
//! linter, and servers of WebSocket protocols.
//!
//! `./tests/run` installs them, pinned, under `target/peers`; where they are missing these tests fail and say so.
#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
#[path = "../cli/harness.rs"]
mod harness;

mod boto3;
mod conversation;
mod ministack;
mod node;
mod python;
mod recommend;
