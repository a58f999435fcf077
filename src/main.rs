//! The binary: one command line in, one exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(albcap::cli::main(std::env::args_os()).code())
}
