//! Where a flag's value comes from: defaults < file < environment (`ALBCAP_*`) < command line.
//!
//! The file and the environment are laid under the flags of `args`, so that a flag is defined there and nowhere else.
//! They speak to the commands that measure, judge or publish ([`CONFIGURED`]); the others mean what their command line
//! says.

mod disclosure;
mod show;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, ColorChoice, Command, CommandFactory};

pub(super) use disclosure::is_secret;
pub(super) use show::show;

use super::Complaint;
use super::args::Cli;

/// Flags that say how to read the others, or what to print: no key of a file.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// The commands to which file and environment apply: `simulate` has a `--baseline` too, and means something else by it.
const CONFIGURED: [&str; 5] = ["run", "preflight", "analyze", "publish", "config"];

/// [`CONFIGURED`] as a sentence has them.
fn configured_in_words() -> String {
    let [first @ .., last] = CONFIGURED.map(|name| if name == "config" { "config show" } else { name });
    format!("{} and {last}", first.join(", "))
}

/// Variables of the environment that are no flags: where the config file is, and what `--token-cmd` is told.
const NO_FLAGS: [&str; 2] = ["ALBCAP_CONFIG", "ALBCAP_COUNT"];

/// Flags of which only one can be meant: where two are given, the source that beats the other's decides.
const RIVALS: [[&str; 2]; 1] = [["levels", "search"]];

/// The value name that tells a flag whose one value is a list, separated by commas.
const LIST: &str = "LIST";

/// What a config file says: flag → values.
#[derive(Default)]
struct File {
    path: PathBuf,
    values: BTreeMap<String, Vec<String>>,
    /// Flags that are beaten by a rival from a better source: what file and environment say of them is not heard.
    beaten: BTreeSet<&'static str>,
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
        self.source(long) != Source::Default
    }

    /// Whether a flag of the command was typed.
    pub(super) fn is_on_command_line(&self, long: &str) -> bool {
        self.source(long) == Source::CommandLine
    }

    fn source(&self, long: &str) -> Source {
        let command = self.matches.subcommand().map_or(&self.matches, |(_, command)| command);
        self.file.source(long, command.value_source(&long.replace('-', "_")))
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Default,
    File,
    Environment,
    CommandLine,
}

impl File {
    /// Where a flag's value comes from, given what clap knows of it: file and lists of the environment are defaults to it.
    fn source(&self, long: &str, seen: Option<ValueSource>) -> Source {
        match seen {
            Some(ValueSource::CommandLine) => Source::CommandLine,
            _ if self.beaten.contains(long) => Source::Default,
            _ if std::env::var_os(env_name(long)).is_some() => Source::Environment,
            _ if self.values.contains_key(long) => Source::File,
            _ => Source::Default,
        }
    }
}

/// Parses a command line over its file and environment.
pub(super) fn parse(words: &[OsString]) -> Result<Parsed, ParseError> {
    // As in most tools, of a flag given twice the last one counts.
    let command = || {
        let command = Cli::command().args_override_self(true).color(color(words));
        with_args(command, &negatives_are_values)
    };
    let configured = command_of(words).is_some_and(|name| CONFIGURED.contains(&name.as_str()));
    let (layered, mut file) = if configured {
        check_environment(&command()).map_err(ParseError::Complaint)?;
        let named = named_file(words).or_else(|| std::env::var_os("ALBCAP_CONFIG").map(PathBuf::from));
        let file = named.map_or(Ok(File::default()), |path| read(&path, &command()));
        let file = file.map_err(ParseError::Complaint)?;
        (with_sources(command(), &file), file)
    } else {
        (command(), File::default())
    };
    let mut matches = match layered.try_get_matches_from(without_help_of_help(words)) {
        Ok(matches) => matches,
        Err(error) if is_help(&error) => {
            // Help has the built-in defaults only: what file and environment say may be a secret.
            command().try_get_matches_from(without_help_of_help(words)).map_err(ParseError::Clap)?
        }
        Err(error) => return Err(ParseError::Clap(error)),
    };
    if configured {
        file.beaten = beaten(&matches, &file).map_err(ParseError::Complaint)?;
        if !file.beaten.is_empty() {
            matches = with_sources(command(), &file).try_get_matches_from(words).map_err(ParseError::Clap)?;
        }
    }
    if !configured && named_file(words).is_some() {
        return Err(ParseError::Complaint(Complaint::usage(
            "this command reads no config file",
            format!("--config is for {}", configured_in_words()),
        )));
    }
    Ok(Parsed { matches, file })
}

fn is_help(error: &clap::Error) -> bool {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    matches!(error.kind(), DisplayHelp | DisplayHelpOnMissingArgumentOrSubcommand)
}

/// `help --help` is `help`: clap takes what follows `help` for a command, whatever it looks like.
fn without_help_of_help(words: &[OsString]) -> impl Iterator<Item = &OsString> {
    let helps = words.get(1).is_some_and(|word| word == "help");
    words.iter().filter(move |word| !(helps && (*word == "--help" || *word == "-h")))
}

/// Of rivals that are both given, the one from the lower source; from the same source, that is a mistake.
fn beaten(matches: &ArgMatches, file: &File) -> Result<BTreeSet<&'static str>, Complaint> {
    let mut command = matches;
    while let Some((_, below)) = command.subcommand() {
        command = below;
    }
    let mut beaten = BTreeSet::new();
    for [one, other] in RIVALS {
        if command.ids().all(|id| id.as_str() != one) {
            continue;
        }
        let source = |long| file.source(long, command.value_source(long));
        match (source(one), source(other)) {
            (Source::Default, _) | (_, Source::Default) => {}
            (a, b) if a == b => {
                return Err(Complaint::usage(
                    format!("--{one} and --{other} are both given"),
                    "give one of them: the one takes the place of the other",
                ));
            }
            (a, b) => drop(beaten.insert(if a < b { one } else { other })),
        }
    }
    Ok(beaten)
}

/// The command's name, before the flags can be parsed: the first word that is neither a flag nor a flag's value.
fn command_of(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--config" || word == "--color" {
            words.next();
        } else if !word.starts_with('-') {
            return Some(word.into_owned());
        }
    }
    None
}

/// The command with every argument changed, and so those below it.
fn with_args(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    let command = command.mut_args(change);
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |sub| with_args(sub, change)))
}

/// Takes `-1` behind a flag for its value, so that the flag says what it wants: no flag is a digit.
fn negatives_are_values(arg: Arg) -> Arg {
    let takes_values = arg.get_action().takes_values() && !arg.is_positional();
    if takes_values { arg.allow_negative_numbers(true) } else { arg }
}

/// The command as the user has configured it: values of file and environment are defaults, which help must not print.
fn with_sources(command: Command, file: &File) -> Command {
    with_args(command, &|arg| with_source(arg, file))
}

fn with_source(arg: Arg, file: &File) -> Arg {
    let Some(long) = arg.get_long().map(str::to_owned).filter(|long| !NOT_IN_FILE.contains(&long.as_str()))
    else {
        return arg;
    };
    if file.beaten.contains(long.as_str()) {
        return arg;
    }
    let arg = match file.values.get(&long) {
        Some(values) => arg.default_values(values.clone()),
        None => arg,
    };
    let arg = match arg.get_action() {
        // `ALBCAP_KEEP_GOING=1` means what it says.
        ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
        _ => arg,
    };
    // A list in the environment is separated by line breaks: headers and paths hold commas. It is split here, since
    // clap would split the command line's values too, and a line break in a header there is a mistake.
    match std::env::var(env_name(&long)) {
        Ok(text) if Shape::of(&arg) == Shape::Repeated => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
            arg.default_values(lines.collect::<Vec<_>>())
        }
        _ => arg.env(env_name(&long)).hide_env(true),
    }
}

/// How many values a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    One,
    /// One value, which is a list separated by commas.
    List,
    /// As many as it is repeated.
    Repeated,
}

impl Shape {
    fn of(arg: &Arg) -> Shape {
        let named_list = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == LIST));
        if named_list || arg.get_value_delimiter() == Some(',') {
            Shape::List
        } else if matches!(arg.get_action(), ArgAction::Append) {
            Shape::Repeated
        } else {
            Shape::One
        }
    }
}

fn env_name(long: &str) -> String {
    format!("ALBCAP_{}", long.replace('-', "_").to_uppercase())
}

/// Refuses a variable that is no flag of the configured commands: misspelt, it would mean nothing, and nobody was told.
fn check_environment(command: &Command) -> Result<(), Complaint> {
    let known: BTreeSet<String> = known_flags(command).keys().map(|long| env_name(long)).collect();
    let is_known = |name: &str| known.contains(name) || NO_FLAGS.contains(&name) || is_of_a_service(name);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    // The first by the alphabet, so that it is the same one every time.
    let Some(unknown) = names.filter(|name| name.starts_with("ALBCAP_") && !is_known(name)).min() else {
        return Ok(());
    };
    let remedy = match nearest(command.clone(), &unknown) {
        Some(name) => format!("{name} is a flag; correct it, or unset it"),
        None => "unset it; albcap config show names every flag".to_owned(),
    };
    Err(Complaint::usage(format!("no flag has the environment variable {unknown}"), remedy))
}

/// Whether it may be a variable that Kubernetes gives to every container beside a Service whose name begins with `albcap`.
fn is_of_a_service(name: &str) -> bool {
    name.contains("_SERVICE_") || name.contains("_PORT_") || name.ends_with("_PORT")
}

/// The variable of the flag that clap would suggest for this one's.
fn nearest(command: Command, variable: &str) -> Option<String> {
    let flag = variable.strip_prefix("ALBCAP_")?.to_lowercase().replace('_', "-");
    let error = command.try_get_matches_from(["albcap", "run", &format!("--{flag}")]).err()?;
    let name = |flag: &String| Some(env_name(flag.strip_prefix("--")?));
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(flag) => name(flag),
        ContextValue::Strings(flags) => name(flags.first()?),
        _ => None,
    }
}

/// The value of `--FLAG VALUE` or `--FLAG=VALUE`, before the flags can be parsed.
fn typed(words: &[OsString], flag: &str) -> Option<OsString> {
    let mut words = words.iter().skip(1).take_while(|word| word.as_os_str() != OsStr::new("--"));
    while let Some(word) = words.next() {
        match word.as_encoded_bytes().strip_prefix(flag.as_bytes()) {
            Some([]) => return words.next().cloned(),
            Some([b'=', value @ ..]) => return Some(os_string(value)),
            _ => {}
        }
    }
    None
}

/// The end of a word, from an ASCII character on; a path need not be UTF-8.
fn os_string(bytes: &[u8]) -> OsString {
    #[cfg(unix)]
    return <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned();
    #[cfg(not(unix))]
    return String::from_utf8_lossy(bytes).into_owned().into();
}

/// The config file that was typed: it changes the flags' defaults.
fn named_file(words: &[OsString]) -> Option<PathBuf> {
    typed(words, "--config").map(PathBuf::from)
}

/// How help is coloured: it is printed instead of parsing.
fn color(words: &[OsString]) -> ColorChoice {
    match typed(words, "--color").as_deref().and_then(OsStr::to_str) {
        Some("never") => ColorChoice::Never,
        Some("always") => ColorChoice::Always,
        _ => ColorChoice::Auto,
    }
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
        let Some(shape) = known.get(&key).copied() else {
            // A key that does not look like a flag may be a value without its key, and so a secret.
            let is_word = key.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let which =
                if is_word { format!("unknown key '{key}'") } else { "a key is not a flag".to_owned() };
            return Err(wrong(
                which,
                "keys are the long flags without dashes in front; see albcap run --help",
            ));
        };
        let texts = texts(&value).ok_or_else(|| {
            wrong(
                format!("'{key}' is neither text, number, true/false nor a list of these"),
                "write it as on the command line",
            )
        })?;
        let texts = match (shape, value.is_array()) {
            (Shape::One, true) => {
                return Err(wrong(
                    format!("'{key}' takes one value, not a list"),
                    "write it without the brackets",
                ));
            }
            (Shape::List, _) => vec![texts.join(",")],
            (Shape::Repeated, _) | (Shape::One, false) => texts,
        };
        values.insert(key, texts);
    }
    Ok(File { path: path.to_owned(), values, ..File::default() })
}

/// The flags of the configured commands, and the general ones.
fn known_flags(command: &Command) -> BTreeMap<String, Shape> {
    fn collect(command: &Command, known: &mut BTreeMap<String, Shape>) {
        for arg in command.get_arguments() {
            if let Some(long) = arg.get_long().filter(|long| !NOT_IN_FILE.contains(long)) {
                known.insert(long.to_owned(), Shape::of(arg));
            }
        }
        command.get_subcommands().for_each(|sub| collect(sub, known));
    }
    let mut known = BTreeMap::new();
    for sub in command.get_subcommands().filter(|sub| CONFIGURED.contains(&sub.get_name())) {
        collect(sub, &mut known);
    }
    let general = command.get_arguments().filter_map(|arg| Some((arg.get_long()?, Shape::of(arg))));
    known.extend(general.filter(|(long, _)| !NOT_IN_FILE.contains(long)).map(|(l, s)| (l.to_owned(), s)));
    known
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(flag) => Some(vec![flag.to_string()]),
        toml::Value::Array(items) => items
            .iter()
            .map(|item| texts(item).filter(|_| !item.is_array()).map(|texts| texts.concat()))
            .collect(),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_config_file_need_not_have_a_name_in_utf_8() {
        let words = |bytes: &[u8]| [OsString::from("albcap"), OsString::from("run"), os_string(bytes)];
        assert_eq!(named_file(&words(b"--config=c\xff.toml")), Some(PathBuf::from(os_string(b"c\xff.toml"))));
        assert_eq!(named_file(&words(b"--configure=x")), None);
    }

    #[test]
    fn help_and_readme_name_the_commands_to_which_file_and_environment_apply() {
        let (command, named) = (Cli::command(), configured_in_words());
        let of_config = command.get_arguments().find(|arg| arg.get_id() == "config");
        let helps = [command.get_after_help(), of_config.and_then(Arg::get_help)];
        let flowing = |text: &str| text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ");
        let readme = flowing(include_str!("../../../README.md"));
        let said = helps.map(|help| flowing(&help.map(ToString::to_string).unwrap_or_default()));
        for text in said.iter().chain([&readme]) {
            assert!(text.to_lowercase().contains(&format!("for {named}")), "not \"{named}\": {text}");
        }
    }
}
