//! albcap: how many WebSocket connections an AWS Application Load Balancer really holds, and whether CloudWatch says
//! the same as the clients.
//!
//! One value runs through the house, the run: flags become a [`plan::Plan`]; [`conduct`] asks [`aws`] and [`machine`]
//! for [`facts`], lets [`preflight`] judge them (and say by [`prices`] what AWS will charge), lets [`load`] make it happen, and keeps every event in the [`record`];
//! [`judge`] makes a verdict of the folded run, and [`report`] shows it. Everything after the load is a function of the
//! record, and can be repeated from it tomorrow. [`publish`] is what CloudWatch is told of it, and what it recommends.
//! [`live`] is the view meanwhile, [`cli`] the door, and [`sim`] an ALB and an AWS account to try it all on, which shares no
//! code with the rest.

// A date or a duration may come from a record, a flag or an answer of AWS's: see clippy.toml and plan/instants.rs.
#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

pub mod aws;
pub mod cli;
pub mod conduct;
pub mod facts;
pub mod judge;
pub mod live;
pub mod load;
pub mod machine;
pub mod plan;
pub mod preflight;
pub mod prices;
pub mod publish;
pub mod record;
pub mod report;
// Its dates are now, constants and its own flags; what a client sends is only compared with them.
#[allow(clippy::arithmetic_side_effects)]
pub mod sim;
