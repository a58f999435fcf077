//! The simulated AWS endpoint: one port, three wire formats, one [`Account`] behind them.
//! `server` and `body` take requests in; `route`, `auth` and `dispatch` say where they go; `codec` turns bytes into the
//! tree of `value`, and `reply` back; `elb`, `cloudwatch` and `logs` hold one operation a file and know no wire format.
//! An input that AWS refuses is refused here with AWS's code (aws-facts.md §2, §5, §6, §7).
//! Signatures must be present but are not verified: the simulator has no secrets to verify them with.

mod account;
mod auth;
mod body;
mod cloudwatch;
mod codec;
mod dispatch;
mod elb;
mod epoch;
mod error;
mod fields;
mod load_balancer;
mod logs;
mod operation;
mod paging;
mod reply;
mod route;
mod server;
mod trouble;
mod value;

#[cfg(test)]
mod sdk_tests;

pub use account::{Account, DenyAfter, IdleTimeoutThen, PlatformSample, Settings};
pub use load_balancer::{Listener, LoadBalancer, Target, TargetGroup};
pub use server::serve;
pub use trouble::Trouble;
