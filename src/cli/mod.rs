//! The door: flags in, output and exit code out.
//!
//! `args` defines every flag once, `config` lets environment and file speak below the command line, and each command is
//! one short file: flags → plan → the rooms below → output. `outcome` is the one place that knows exit codes. Nobody
//! but this room (and `live`) prints.

mod analyze;
mod args;
mod config;
mod conversation_flags;
mod demo;
mod iam_policy;
mod iam_policy_flags;
mod outcome;
mod output;
mod preflight;
mod publish;
mod publish_flags;
mod publish_run;
mod publishing;
mod recommend;
mod recommend_flags;
mod reference;
mod report;
mod run;
mod settings;
mod signals;
mod simulate;
mod simulate_flags;
mod strays;
mod token_flags;

use std::ffi::OsString;

use clap::FromArgMatches;

use args::{Cli, Command, ConfigAction};
pub use outcome::{Complaint, Exit};
use output::Output;

/// Runs one command line and tells how the process is to end.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let parsed = match config::parse(&words) {
        Ok(parsed) => parsed,
        Err(config::ParseError::Clap(error)) => return output::clap_error(&error),
        Err(config::ParseError::Complaint(complaint)) => return output::complain(&complaint),
    };
    let cli = match Cli::from_arg_matches(&parsed.matches) {
        Ok(cli) => cli,
        Err(error) => return output::clap_error(&error),
    };
    output::start_log(&cli.output);
    let output = Output::new(&cli.output);
    match dispatch(cli.command, &output, &parsed) {
        Ok(exit) => exit,
        Err(complaint) => output::complain(&complaint),
    }
}

fn dispatch(command: Command, output: &Output, parsed: &config::Parsed) -> Result<Exit, Complaint> {
    match command {
        Command::Run(args) => {
            strays::check(&args, parsed)?;
            on_runtime(run::command(&args, parsed, output))
        }
        Command::Demo => on_runtime(demo::command(output)),
        Command::Preflight(args) => {
            strays::check(&args, parsed)?;
            on_runtime(preflight::command(&args, output))
        }
        Command::Analyze(args) => on_runtime(analyze::command(&args, parsed, output)),
        Command::Report(args) => report::command(&args, output),
        Command::Recommend(args) => on_runtime(recommend::command(&args, output)),
        Command::Simulate(args) => on_runtime(simulate::command(&args)),
        Command::Publish(args) => on_runtime(publish::command(&args, parsed, output)),
        Command::IamPolicy(args) => iam_policy::command(&args),
        Command::Schema { document } => reference::schema(document),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man => reference::man(),
        Command::Config { action: ConfigAction::Show(_) } => config::show(parsed),
    }
}

fn on_runtime(command: impl Future<Output = Result<Exit, Complaint>>) -> Result<Exit, Complaint> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Complaint::failed(format!("the runtime can't be started: {error}"), "free some memory or threads")
    })?;
    let result = runtime.block_on(command);
    // A name look-up that hangs in its thread must not keep the process.
    runtime.shutdown_background();
    result
}
