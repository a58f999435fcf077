//! `config show`: every flag of `run`, its value and its source.

use clap::{Arg, ArgAction, ArgMatches, CommandFactory};

use super::disclosure::shown;
use super::{NOT_IN_FILE, Parsed, Source, env_name, with_sources};
use crate::cli::args::Cli;
use crate::cli::{Complaint, Exit, output};
use crate::plan::{HeartbeatKind, Jwt, Protocol};

/// Prints them.
pub(in crate::cli) fn show(parsed: &Parsed) -> Result<Exit, Complaint> {
    let Parsed { matches, file } = parsed;
    let values = matches.subcommand_matches("config").and_then(|config| config.subcommand_matches("show"));
    let command = with_sources(Cli::command(), file);
    let show = command.find_subcommand("config").and_then(|config| config.find_subcommand("show"));
    let (Some(values), Some(show)) = (values, show) else { return Ok(Exit::Usage) };
    let mut lines = String::new();
    for arg in show.get_arguments() {
        let Some(long) = arg.get_long().filter(|long| !NOT_IN_FILE.contains(long)) else { continue };
        let id = arg.get_id().as_str();
        let source = match file.source(long, values.value_source(id)) {
            Source::CommandLine => "command line".to_owned(),
            Source::Environment => format!("environment {}", env_name(long)),
            Source::File => format!("file {}", file.path.display()),
            Source::Default => "default".to_owned(),
        };
        lines.push_str(&format!("{long:<18} {:<38} {source}\n", value(arg, long, values)));
    }
    output::print(&lines)
}

fn value(arg: &Arg, long: &str, matches: &ArgMatches) -> String {
    let id = arg.get_id().as_str();
    match arg.get_action() {
        ArgAction::SetTrue => matches.get_flag(id).to_string(),
        ArgAction::Count => matches.get_count(id).to_string(),
        _ => {
            let raw = matches.get_raw(id).into_iter().flatten();
            let values: Vec<String> = raw.map(|value| shown(long, &value.to_string_lossy())).collect();
            match values.is_empty() {
                true => follows_from_others(id, matches).unwrap_or_else(|| "-".to_owned()),
                false => values.join(" "),
            }
        }
    }
}

/// [`TokenPlace`](crate::plan::TokenPlace)'s default as it is typed; its own words leave the prefix out, which may be a
/// secret.
const DEFAULT_TOKEN_PLACE: &str = "header:Authorization:Bearer";

/// The value in force of a flag whose default is what other flags make of it.
fn follows_from_others(id: &str, matches: &ArgMatches) -> Option<String> {
    let text = |id: &str| Some(matches.get_raw(id)?.next()?.to_string_lossy().into_owned());
    match id {
        "heartbeat_kind" => {
            let preset = text("protocol").and_then(|name| Protocol::named(&name));
            let kind = preset.and_then(|preset| preset.script().kind).unwrap_or_default();
            let kind = match kind {
                HeartbeatKind::Ping => "ping",
                HeartbeatKind::Text => "text",
                HeartbeatKind::None => "none",
            };
            Some(kind.to_owned())
        }
        "token_method" => Some(if text("token_body").is_some() { "POST" } else { "GET" }.to_owned()),
        "token_in" => Some(DEFAULT_TOKEN_PLACE.to_owned()),
        "jwt_claims" => Some(Jwt::DEFAULT_CLAIMS.to_owned()),
        "close_rate" => text("rate"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::TokenPlace;

    #[test]
    fn the_place_of_a_token_that_is_shown_is_the_one_that_is_meant() {
        assert_eq!(DEFAULT_TOKEN_PLACE.parse::<TokenPlace>().unwrap(), TokenPlace::default());
    }
}
