//! The door: flags in, output and exit code out.
//!
//! `args` defines every flag once, `config` lets environment and file speak below the command line, and each command is
//! one short file: flags → plan → the rooms below → output. `outcome` is the one place that knows exit codes. Only this
//! module prints, by `console`, whose threads alone wait for a terminal or a pipe.

mod analyze;
mod args;
mod bug;
mod config;
mod console;
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

use crate::machine::{Children, kill_children, spare_inherited_children};

/// Runs one command line and tells how the process is to end.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let parsed = match config::parse(&words) {
        Ok(parsed) => parsed,
        Err(config::ParseError::Clap(error)) => return output::clap_error(&error),
        Err(config::ParseError::Complaint(complaint)) => return output::end(Err(complaint)),
    };
    let cli = match Cli::from_arg_matches(&parsed.matches) {
        Ok(cli) => cli,
        Err(error) => return output::clap_error(&error),
    };
    output::start_log(&cli.output);
    bug::report_panics();
    dispatch(cli.command, &Output::new(&cli.output), &parsed)
}

fn dispatch(command: Command, output: &Output, parsed: &config::Parsed) -> Exit {
    match command {
        Command::Run(args) => on_runtime(async {
            strays::check(&args, parsed)?;
            run::command(&args, parsed, output).await
        }),
        Command::Demo => on_runtime(demo::command(output)),
        Command::Preflight(args) => on_runtime(async {
            strays::check(&args, parsed)?;
            preflight::command(&args, output).await
        }),
        Command::Analyze(args) => on_runtime(analyze::command(&args, parsed, output)),
        Command::Recommend(args) => on_runtime(recommend::command(&args, output)),
        Command::Simulate(args) => on_runtime(simulate::command(&args)),
        Command::Publish(args) => on_runtime(publish::command(&args, parsed, output)),
        Command::Report(args) => at_once(|| report::command(&args, output)),
        Command::IamPolicy(args) => at_once(|| iam_policy::command(&args)),
        Command::Schema { document } => at_once(|| reference::schema(document)),
        Command::Completions { shell } => at_once(|| reference::completions(shell)),
        Command::Man => at_once(reference::man),
        Command::Config { action: ConfigAction::Show(_) } => at_once(|| config::show(parsed)),
    }
}

/// A command that waits for nothing but its output: signals end it as they end any process.
fn at_once(command: impl FnOnce() -> Result<Exit, Complaint>) -> Exit {
    output::end(bug::guard(command))
}

/// A command that waits for others. It listens to signals once its inputs are read: a read that blocks, as of a FIFO,
/// can't be stopped by any other way than a signal's own.
fn on_runtime(command: impl Future<Output = Result<Exit, Complaint>>) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let cause = format!("the runtime can't be started: {error}");
            return output::end(Err(Complaint::failed(cause, "free some memory or threads")));
        }
    };
    spare_inherited_children();
    let result = bug::guard(|| runtime.block_on(command));
    // A credential process goes on after the command that asked for it.
    kill_children(Children::All);
    // While the runtime still listens to signals: one ends the wait for the readers of the results.
    let exit = output::end(result);
    // A name look-up that hangs in its thread must not keep the process.
    runtime.shutdown_background();
    exit
}
