//! The flags that may hold a secret, each with a marker of its own, and the ways by which a user gives them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::Folder;

/// What every marker begins with.
pub(crate) const BEGINNING: &str = "m4rk+9.x";

/// The marker of that name: long enough for a token, and with characters that encodings escape.
pub(crate) fn marker(name: &str) -> String {
    // A subprotocol holds no slash (RFC 9110 §5.6.2).
    let slash = if name == "subprotocol" { "-" } else { "/" };
    format!("{BEGINNING}{slash}{name}{slash}end")
}

/// The flags that may hold a secret. `config show` must mask these and no others.
pub(crate) const SECRET_FLAGS: [&str; 14] = [
    "header",
    "subprotocol",
    "heartbeat-message",
    "heartbeat-expect",
    "on-open",
    "ready",
    "reply",
    "token-cmd",
    "token-url",
    "token-header",
    "token-body",
    "token-in",
    "jwt-claims",
    "endpoint-url",
];

/// Of these, the ones that take the name of a file too.
const FROM_FILE: [&str; 4] = ["header", "token-header", "token-body", "jwt-claims"];

/// How a user gives a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    CommandLine,
    Environment,
    ConfigFile,
    /// `@FILE` where the flag takes it, and the environment for the others.
    AtFile,
}

pub(crate) const WAYS: [Way; 4] = [Way::CommandLine, Way::Environment, Way::ConfigFile, Way::AtFile];

/// A working value of a flag with its marker; several for one that is repeated.
pub(crate) fn values(flag: &str) -> Vec<String> {
    let own = marker(flag);
    let pair = format!("user:{}", marker("basic"));
    match flag {
        "header" => {
            vec![format!("X-Own: {own}"), format!("Proxy-Authorization: Basic {}", STANDARD.encode(pair))]
        }
        "token-header" => vec![format!("X-Own: {own}")],
        "reply" => vec![format!("^{}$=>{own}", marker("reply-pattern"))],
        "heartbeat-expect" | "ready" => vec![format!("ok|{own}")],
        "token-cmd" => vec![format!("while :; do echo '{}'; done # {own}", marker("token"))],
        "token-url" | "endpoint-url" => vec![in_url("http://u:M@127.0.0.1:9/p?k=M", &own)],
        "token-in" => vec![format!("header:X-Token:{own}")],
        "jwt-claims" => vec![format!(r#"{{"sub":"{own}"}}"#)],
        "on-open" => vec![format!("hello {own}")],
        _ => vec![own],
    }
}

/// A URL with a marker in place of every `M`.
pub(crate) fn in_url(url: &str, marker: &str) -> String {
    url.replace('M', &marker.replace('+', "%2B").replace('/', "%2F"))
}

/// Flags by one way.
#[derive(Default)]
pub(crate) struct Given {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    config: String,
    config_file: Option<PathBuf>,
}

impl Given {
    /// These flags, with their working values.
    pub(crate) fn working(way: Way, flags: &[&str], folder: &Folder) -> Given {
        let with_values: Vec<_> = flags.iter().map(|flag| (*flag, values(flag))).collect();
        Given::new(way, &with_values, folder)
    }

    /// Flags with values.
    pub(crate) fn new(way: Way, flags: &[(&str, Vec<String>)], folder: &Folder) -> Given {
        let mut given = Given::default();
        for (flag, values) in flags {
            match way {
                Way::AtFile if FROM_FILE.contains(flag) => {
                    let file = folder.file(flag);
                    fs::write(&file, values.join("\n")).unwrap();
                    given.arguments.push(format!("--{flag}=@{}", file.display()));
                }
                Way::CommandLine => {
                    given.arguments.extend(values.iter().map(|value| format!("--{flag}={value}")));
                }
                Way::Environment | Way::AtFile => {
                    let name = format!("ALBCAP_{}", flag.replace('-', "_").to_uppercase());
                    given.environment.push((name, values.join("\n")));
                }
                Way::ConfigFile => {
                    let value = match &values[..] {
                        [only] => format!("{only:?}"),
                        several => format!("{several:?}"),
                    };
                    given.config.push_str(&format!("{flag} = {value}\n"));
                }
            }
        }
        if !given.config.is_empty() {
            let file = folder.file("albcap.toml");
            fs::write(&file, &given.config).unwrap();
            given.config_file = Some(file);
        }
        given
    }

    /// Gives them to a command that takes its own flags.
    pub(crate) fn to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(file) = &self.config_file {
            command.arg("--config").arg(file);
        }
        command.args(&self.arguments).envs(self.environment.iter().cloned())
    }
}
