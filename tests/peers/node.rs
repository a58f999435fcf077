//! The Node.js of the peers.

use std::path::Path;
use std::process::Command;

/// `node tests/peers/SCRIPT`.
pub(crate) fn script(name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let peers = root.join("target/peers");
    let modules = peers.join("node/node_modules");
    assert!(modules.exists(), "{} is missing: ./tests/run installs the peers", modules.display());
    // The system's, or where it has none the one that ./tests/run has brought.
    let brought = peers.join("nodejs/bin/node");
    let mut command = Command::new(if brought.exists() { brought.as_os_str() } else { "node".as_ref() });
    command.arg(root.join("tests/peers").join(name)).env("NODE_PATH", modules);
    command
}
