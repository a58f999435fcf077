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
const NEEDS: [(&str, &[&str]); 22] = [
    ("precision", &["search"]),
    ("token-json-pointer", &["token-url"]),
    ("token-method", &["token-url"]),
    ("token-body", &["token-url"]),
    ("token-header", &["token-url"]),
    ("token-concurrency", &["token-url"]),
    ("token-cacert", &["token-url"]),
    ("token-cert", &["token-url"]),
    ("token-key", &["token-url"]),
    ("token-insecure", &["token-url"]),
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

/// Flags about TLS. `--insecure` is not among them: where nothing is encrypted there is nothing to verify, as with curl.
const TLS: [&str; 4] = ["cacert", "cert", "key", "tls-resume"];

/// The same of the token endpoint.
const TOKEN_TLS: [&str; 3] = ["token-cacert", "token-cert", "token-key"];

/// Flags about heartbeats, which `--heartbeat-kind none` leaves out.
const HEARTBEATS: [&str; 2] = ["heartbeat", "pong-timeout"];

/// Flags about AWS, which `--no-aws` leaves out. `--load-balancer` is not among them: the record keeps it for
/// `albcap analyze`.
const AWS: [&str; 6] = ["profile", "region", "endpoint-url", "baseline", "settle", "period"];

/// What is worth a word and no refusal: the flag that leaves them out may have been added to a command line that works, to
/// see what happens without them.
fn notes(args: &RunArgs, parsed: &Parsed) -> Vec<String> {
    let no_heartbeats = args.flags.conversation.heartbeat_kind == Some(Kind::None);
    let left_out = [
        (
            no_heartbeats,
            &HEARTBEATS[..],
            "--heartbeat-kind none: no heartbeat is sent, and no answer awaited",
        ),
        (args.flags.aws.no_aws, &AWS, "--no-aws: nothing is asked of AWS"),
    ];
    left_out
        .into_iter()
        .filter(|(leaves_out, ..)| *leaves_out)
        .filter_map(|(_, flags, why)| {
            let on_command_line = flags.iter().filter(|flag| parsed.is_on_command_line(flag));
            let idle: Vec<String> = on_command_line.map(|flag| format!("--{flag}")).collect();
            let means = if idle.len() == 1 { "means" } else { "mean" };
            (!idle.is_empty()).then(|| format!("{} {means} nothing with {why}", idle.join(" and ")))
        })
        .collect()
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
    for (flags, url, scheme, secure) in [
        (&TLS[..], Some(args.url.as_str()), "ws", "wss"),
        (&TOKEN_TLS, args.flags.tokens.token_url(), "http", "https"),
    ] {
        let is_plain = url
            .and_then(|url| url.split_once(':'))
            .is_some_and(|(given, _)| given.trim().eq_ignore_ascii_case(scheme));
        if let Some(flag) = flags.iter().find(|flag| is_plain && parsed.is_on_command_line(flag)) {
            return Err(Complaint::usage(
                format!("--{flag} is a TLS option, but {scheme}:// is not encrypted"),
                format!("write {secure}:// if the server speaks TLS, or leave --{flag} out"),
            ));
        }
    }
    notes(args, parsed).iter().for_each(|note| output::warn(note));
    Ok(())
}
