//! `albcap report`: a record, shown again.

use super::args::{Format, ReportArgs};
use super::{Complaint, Exit, Output};
use crate::judge::judge;
use crate::record::{self, RecordError};
use crate::report;

pub(super) fn command(args: &ReportArgs, output: &Output) -> Result<Exit, Complaint> {
    let run = record::read(&args.record).map_err(|error| unreadable(&error))?;
    let judged = judge(&run);
    let text = match args.format {
        Format::Table if output.quiet => report::results(&judged, output.layout()),
        Format::Table => report::table(&judged, output.layout()),
        Format::Json => format!("{}\n", report::json(&judged)),
        Format::Html => report::html(&judged),
    };
    output.result(&text);
    Ok(Exit::Done)
}

pub(super) fn unreadable(error: &RecordError) -> Complaint {
    Complaint::failed(error, error.remedy())
}
