//! Why no source gave credentials, in a line that a person can act on.

use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::sdk_error::innermost;

/// What a source says that has nothing to tell, not even why.
const NOTHING_TO_SAY: &str = "the credential provider was not enabled";
/// Where the SDK repeats what a credential process has written to its standard error.
const OF_A_PROCESS: &str = "Stderr: ";
/// From this length on a word there may be a key or a token. A secret access key has 40 characters, slashes among them.
const SHORTEST_KEY: usize = 24;
/// What the SDK's chain says when every source passed; a line for each follows.
const CHAIN: &str = "no credentials found in chain";

/// The error for what the sources said; `profile` is the one that was named, if any.
pub(super) fn no_credentials(profile: Option<&str>, error: &(dyn std::error::Error + 'static)) -> AwsError {
    let said = innermost(error);
    let reason = match profile {
        Some(profile) if said == NOTHING_TO_SAY => {
            format!("profile '{profile}' is not defined, or holds none")
        }
        Some(profile) if !said.starts_with("profile `") => format!("profile '{profile}': {said}"),
        None if said.starts_with(CHAIN) => of_the_chain(&said),
        _ => said,
    };
    AwsError::NoCredentials { reason: foreign_text(&without_keys(&reason)) }
}

/// The output of a credential process without the words that may be keys. Paths and URLs stay.
fn without_keys(reason: &str) -> String {
    let Some((before, said)) = reason.split_once(OF_A_PROCESS) else { return reason.to_owned() };
    let is_place = |word: &str| ["/", "./", "~/", "http"].iter().any(|start| word.starts_with(start));
    let shown = |word| if str::len(word) >= SHORTEST_KEY && !is_place(word) { "***" } else { word };
    let words: Vec<&str> = said.split_whitespace().map(shown).collect();
    format!("{before}{OF_A_PROCESS}{}", words.join(" "))
}

/// Only the profile's line tells anything: the other sources are not set up, and say so at length.
fn of_the_chain(said: &str) -> String {
    let profile = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Profile: "))
        .find_map(|line| line.strip_prefix(NOTHING_TO_SAY)?.strip_prefix(": "));
    profile.map_or_else(
        || {
            "neither environment nor profile, web identity, container or instance metadata gave any"
                .to_owned()
        },
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_sources_say_in_one_line() {
        let chain = |profile: &str| {
            format!(
                "{CHAIN}. Attempted:\n  Environment: {NOTHING_TO_SAY}: environment variable not set\n  \
                 Profile: {NOTHING_TO_SAY}{profile}\n  WebIdentityToken: {NOTHING_TO_SAY}"
            )
        };
        for (profile, said, line) in [
            (
                None,
                chain(""),
                "neither environment nor profile, web identity, container or instance metadata gave any",
            ),
            (None, chain(": profile `x` was not defined"), "profile `x` was not defined"),
            (None, "the SSO token has expired".to_owned(), "the SSO token has expired"),
            (Some("x"), NOTHING_TO_SAY.to_owned(), "profile 'x' is not defined, or holds none"),
            (Some("x"), "profile `x` was not defined".to_owned(), "profile `x` was not defined"),
            (Some("x"), "exit 3.\nMFA required".to_owned(), "profile 'x': exit 3. MFA required"),
            (
                None,
                "it failed. Stderr: /usr/local/bin/get-keys.sh: no use for\nmade/up+key/of/forty/characters/or/so"
                    .to_owned(),
                "it failed. Stderr: /usr/local/bin/get-keys.sh: no use for ***",
            ),
        ] {
            let error = std::io::Error::other(said);
            assert_eq!(
                no_credentials(profile, &error).to_string(),
                format!("no usable AWS credentials: {line}")
            );
        }
    }
}
