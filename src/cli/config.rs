//! Where a flag's value comes from: defaults < file < environment (`ALBCAP_*`) < command line.
//!
//! The file and the environment are laid under the flags of `args`, so that a flag is defined there and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory};

use super::args::Cli;
use super::{Complaint, Exit, output};

/// Flags that say how to read the others, or what to print: no key of a file.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// What a config file says: flag → values.
#[derive(Debug, Default)]
struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

pub(super) enum ParseError {
    Clap(clap::Error),
    Complaint(Complaint),
}

/// A command line over its file and environment.
pub(super) struct Parsed {
    pub(super) matches: ArgMatches,
    file: File,
}

impl Parsed {
    /// Whether a flag of the command (by its long name) was given anywhere: command line, environment or file.
    pub(super) fn is_given(&self, long: &str) -> bool {
        let command = self.matches.subcommand().map_or(&self.matches, |(_, command)| command);
        let default = command.value_source(&long.replace('-', "_")) == Some(ValueSource::DefaultValue);
        !default || self.file.values.contains_key(long)
    }
}

/// Parses a command line over its file and environment.
pub(super) fn parse(words: &[OsString]) -> Result<Parsed, ParseError> {
    let command = Cli::command();
    let file = match named_file(words) {
        Some(path) => read(&path, &command).map_err(ParseError::Complaint)?,
        None => File::default(),
    };
    let matches = with_sources(command, &file).try_get_matches_from(words).map_err(ParseError::Clap)?;
    Ok(Parsed { matches, file })
}

/// The command as the user has configured it; help shows the values in force.
fn with_sources(command: Command, file: &File) -> Command {
    // As in most tools, of a flag given twice the last one counts.
    let command = command.args_override_self(true).mut_args(|arg| with_source(arg, file));
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |sub| with_sources(sub, file)))
}

fn with_source(arg: Arg, file: &File) -> Arg {
    let Some(long) = arg.get_long().map(str::to_owned).filter(|long| !NOT_IN_FILE.contains(&long.as_str()))
    else {
        return arg;
    };
    let arg = match file.values.get(&long) {
        Some(values) => arg.default_values(values.clone()),
        None => arg,
    };
    // A list in the environment is separated by line breaks: headers and paths hold commas.
    arg.env(env_name(&long)).hide_env(true)
}

fn env_name(long: &str) -> String {
    format!("ALBCAP_{}", long.replace('-', "_").to_uppercase())
}

/// `--config FILE` or `--config=FILE`, before the flags can be parsed, since the file changes their defaults.
fn named_file(words: &[OsString]) -> Option<PathBuf> {
    let mut words = words.iter().skip(1).take_while(|word| word.as_os_str() != OsStr::new("--"));
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--config" {
            return words.next().map(PathBuf::from);
        }
        if let Some(path) = text.strip_prefix("--config=") {
            return Some(PathBuf::from(path));
        }
    }
    std::env::var_os("ALBCAP_CONFIG").map(PathBuf::from)
}

fn read(path: &Path, command: &Command) -> Result<File, Complaint> {
    let shown = path.display();
    let wrong =
        |cause: String, remedy: &str| Complaint::usage(format!("config file {shown}: {cause}"), remedy);
    let text = std::fs::read_to_string(path)
        .map_err(|error| wrong(error.to_string(), "give a readable TOML file"))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let at = error.span().map_or(String::new(), |span| {
            format!("line {}: ", text[..span.start.min(text.len())].lines().count().max(1))
        });
        wrong(
            format!("{at}{}", error.message().replace('\n', " ")),
            "write flags as KEY = VALUE, such as heartbeat = \"30s\"",
        )
    })?;
    let known = known_flags(command);
    let mut values = BTreeMap::new();
    for (key, value) in table {
        if !known.contains(key.as_str()) {
            return Err(wrong(
                format!("unknown key '{key}'"),
                "keys are the long flags without dashes in front; see albcap run --help",
            ));
        }
        let texts = texts(&value).ok_or_else(|| {
            wrong(
                format!("'{key}' is neither text, number, true/false nor a list of these"),
                "write it as on the command line",
            )
        })?;
        values.insert(key, texts);
    }
    Ok(File { path: path.to_owned(), values })
}

fn known_flags(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned);
    let below = command.get_subcommands().flat_map(known_flags);
    own.chain(below).filter(|flag| !NOT_IN_FILE.contains(&flag.as_str())).collect()
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(flag) => Some(vec![flag.to_string()]),
        toml::Value::Array(items) => items
            .iter()
            .map(|item| texts(item).filter(|texts| texts.len() == 1).map(|texts| texts.concat()))
            .collect(),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// `config show`: every flag of `run`, its value and its source.
pub(super) fn show(parsed: &Parsed) -> Result<Exit, Complaint> {
    let Parsed { matches, file } = parsed;
    let shown = matches.subcommand_matches("config").and_then(|config| config.subcommand_matches("show"));
    let command = with_sources(Cli::command(), file);
    let show = command.find_subcommand("config").and_then(|config| config.find_subcommand("show"));
    let (Some(shown), Some(show)) = (shown, show) else { return Ok(Exit::Usage) };
    let mut lines = String::new();
    for arg in show.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !NOT_IN_FILE.contains(long)) else { continue };
        let id = arg.get_id().as_str();
        let source = match shown.value_source(id) {
            Some(ValueSource::CommandLine) => "command line".to_owned(),
            Some(ValueSource::EnvVariable) => format!("environment {}", env_name(long)),
            Some(_) if file.values.contains_key(long) => format!("file {}", file.path.display()),
            _ => "default".to_owned(),
        };
        lines.push_str(&format!("{long:<18} {:<38} {source}\n", value(arg, shown)));
    }
    output::print(&lines)
}

fn value(arg: &Arg, matches: &ArgMatches) -> String {
    let id = arg.get_id().as_str();
    match arg.get_action() {
        ArgAction::SetTrue => matches.get_flag(id).to_string(),
        ArgAction::Count => matches.get_count(id).to_string(),
        _ => {
            let raw = matches.get_raw(id).into_iter().flatten();
            let values: Vec<String> = raw.map(|value| masked(id, &value.to_string_lossy())).collect();
            if values.is_empty() { "-".to_owned() } else { values.join(" ") }
        }
    }
}

/// A header's value is a secret; a file's name is none.
fn masked(id: &str, value: &str) -> String {
    match value.split_once(':') {
        Some((name, _)) if id == "header" && !value.starts_with('@') => format!("{name}: ***"),
        _ => value.to_owned(),
    }
}
