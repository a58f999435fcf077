//! A connection before its upgrade: HTTP/1.1 requests, answered by the load balancer or a target.
//!
//! `request` reads a head (pure), `response` writes one (pure), and [`answer`] goes from the one to
//! the other until a request is an upgrade that nobody refuses. `http2` stands in for all of it
//! where the listener speaks no HTTP/1.1.

mod exchange;
mod http2;
mod request;
mod response;

pub(super) use exchange::answer;
