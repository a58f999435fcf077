//! Flags that mean nothing without another one, or beside one: passed over in silence, they would let a user believe that
//! they work.
//!
//! Only the command line is looked at. Environment and file speak to many commands, and may say what one of them has no
//! use for.

use super::args::RunArgs;
use super::config::Parsed;
use super::conversation_flags::Kind;
use super::{Complaint, output};

/// A flag, and those of which one must be there for it to mean something.
const NEEDS: [(&str, &[&str]); 18] = [
    ("precision", &["search"]),
    ("token-json-pointer", &["token-url"]),
    ("token-method", &["token-url"]),
    ("token-body", &["token-url"]),
    ("token-header", &["token-url"]),
    ("token-concurrency", &["token-url"]),
    ("token-timeout", &["token-cmd", "token-url"]),
    ("token-in", &["token-file", "token-cmd", "token-url", "jwt-key"]),
    ("jwt-claims", &["jwt-key"]),
    ("jwt-expires", &["jwt-key"]),
    ("namespace", &["publish"]),
    ("dimension", &["publish"]),
    ("high-resolution", &["publish"]),
    ("log-group", &["publish"]),
    ("retention", &["publish"]),
    ("emf", &["publish"]),
    ("dry-run", &["publish"]),
    ("live", &["publish"]),
];

/// Flags about TLS, which a token endpoint may speak too. `--insecure` is not among them: where nothing is encrypted there is
/// nothing to verify, as with curl.
const TLS: [&str; 4] = ["cacert", "cert", "key", "tls-resume"];

/// Flags about heartbeats, which `--heartbeat-kind none` leaves out.
const HEARTBEATS: [&str; 2] = ["heartbeat", "pong-timeout"];

/// What is worth a word and no refusal: `--heartbeat-kind none` may have been added to a command line that works, to see
/// what happens without them.
fn note(args: &RunArgs, parsed: &Parsed) -> Option<String> {
    if args.flags.conversation.heartbeat_kind != Some(Kind::None) {
        return None;
    }
    let idle: Vec<String> = HEARTBEATS
        .iter()
        .filter(|flag| parsed.is_on_command_line(flag))
        .map(|flag| format!("--{flag}"))
        .collect();
    let means = if idle.len() == 1 { "means" } else { "mean" };
    (!idle.is_empty()).then(|| {
        format!(
            "{} {means} nothing with --heartbeat-kind none: no heartbeat is sent, and no answer awaited",
            idle.join(" and ")
        )
    })
}

/// Refuses the first one; without any, tells what is idle.
pub(super) fn check(args: &RunArgs, parsed: &Parsed) -> Result<(), Complaint> {
    let stray = NEEDS.iter().find(|(flag, needs)| {
        parsed.is_on_command_line(flag) && !needs.iter().any(|needed| parsed.is_given(needed))
    });
    if let Some((flag, needs)) = stray {
        let needs: Vec<String> = needs.iter().map(|needed| format!("--{needed}")).collect();
        let needs = needs.join(" or ");
        let remedy = format!("give {needs} too, or leave --{flag} out");
        return Err(Complaint::usage(format!("--{flag} means nothing without {needs}"), remedy));
    }
    let is_plain = args.url.get(..3).is_some_and(|scheme| scheme.eq_ignore_ascii_case("ws:"));
    match TLS.iter().find(|flag| parsed.is_on_command_line(flag)) {
        Some(flag) if is_plain && !parsed.is_given("token-url") => Err(Complaint::usage(
            format!("--{flag} is about TLS, which a ws:// URL does not speak"),
            format!("write wss:// if the listener speaks TLS, or leave --{flag} out"),
        )),
        _ => {
            note(args, parsed).iter().for_each(|note| output::warn(note));
            Ok(())
        }
    }
}
