//! What is made from the definitions of the flags and the formats: man page, completions, schemas.

use clap::CommandFactory;

use super::args::{Cli, Document};
use super::{Complaint, Exit, output};
use crate::report;

pub(super) fn schema(document: Document) -> Result<Exit, Complaint> {
    let schema = match document {
        Document::Record => report::schema::record(),
        Document::Report => report::schema::report(),
    };
    output::print(&format!("{schema}\n"))
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<Exit, Complaint> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "albcap", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}

/// One page: the command itself, then every subcommand with its flags.
pub(super) fn man() -> Result<Exit, Complaint> {
    let failed = |error| Complaint::failed(format!("the man page can't be made: {error}"), "");
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(failed)?;
    for subcommand in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let page = clap_mangen::Man::new(subcommand.clone());
        text.extend_from_slice(format!(".SH \"{}\"\n", subcommand.get_name().to_uppercase()).as_bytes());
        page.render_synopsis_section(&mut text).map_err(failed)?;
        page.render_description_section(&mut text).map_err(failed)?;
        page.render_options_section(&mut text).map_err(failed)?;
    }
    output::print(&String::from_utf8_lossy(&text))
}
