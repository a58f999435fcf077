//! `albcap publish`: a record, sent to CloudWatch.

use super::config::Parsed;
use super::outcome::Exit;
use super::publish_flags::PublishArgs;
use super::publishing::Publishing;
use super::report::unreadable;
use super::run::record_complaint;
use super::settings::{aws_settings, prices};
use super::{Complaint, Output, signals};
use crate::judge::judge;
use crate::record::{self, Reopened, Stamped};

pub(super) async fn command(args: &PublishArgs, parsed: &Parsed, output: &Output) -> Result<Exit, Complaint> {
    let aws = aws_settings(&args.access);
    let publishing = Publishing {
        wanted: args.flags.wanted()?,
        flags: &args.flags,
        prices: prices(args.prices.as_deref())?,
        retention_is_asked_for: parsed.is_given("retention"),
        again: args.again,
        after_a_run: false,
        access: &args.access,
        aws: &aws,
        record: &args.record,
    };
    if args.flags.dry_run {
        let run = record::read(&args.record).map_err(|error| unreadable(&error))?;
        publishing.rehearse(&judge(&run), &mut signals::listen()?, output).await?;
        return Ok(signals::exit().unwrap_or(Exit::Done));
    }
    // Held to the end, so that no two send the same at once.
    let reopened = Reopened::open(&args.record).map_err(|error| record_complaint(&error))?;
    let run = record::read(&args.record).map_err(|error| unreadable(&error))?;
    if reopened.is_read_only() {
        return Err(Complaint::failed(
            format!(
                "the record {} is read-only, so what CloudWatch takes can't be noted",
                args.record.display()
            ),
            "copy it to where it can be written: published without a note, it would count twice the next time",
        ));
    }
    let mut interrupt = signals::listen()?;
    let mut note = |receipt: Stamped| reopened.append(&[receipt]);
    publishing.send(&judge(&run), &mut interrupt, &mut note, output).await?;
    Ok(signals::exit().unwrap_or(Exit::Done))
}
