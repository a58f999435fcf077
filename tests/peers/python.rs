//! The Python of the peers.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of the peers' environment.
pub(crate) fn program(name: &str) -> PathBuf {
    let program = root().join("target/peers/venv/bin").join(name);
    assert!(program.exists(), "{} is missing: ./tests/run installs the peers", program.display());
    program
}

/// `python tests/peers/SCRIPT`.
pub(crate) fn script(name: &str) -> Command {
    let mut command = Command::new(program("python"));
    command.arg(root().join("tests/peers").join(name));
    command
}
