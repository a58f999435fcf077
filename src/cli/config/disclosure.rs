//! Which flags may hold a secret, and what of their values may be shown. A flag that is declared nowhere is hidden, and
//! fails a test.

use crate::plan::{ShownUrl, TokenPlace};

const HIDDEN: &str = "***";

/// The public part of a flag's value that may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disclosure {
    Nothing,
    /// The name of a file, where the value is read from one.
    FileName,
    /// The same, or the name of the header.
    HeaderName,
    /// The URL without userinfo and query values.
    Url,
    /// A token's place without its prefix, which is part of a header's value.
    TokenPlace,
}

/// The flags that may hold a secret. A path is none, and neither is what AWS is sent.
const SECRET: [(&str, Disclosure); 14] = [
    ("header", Disclosure::HeaderName),
    // Some servers take a token as a subprotocol.
    ("subprotocol", Disclosure::Nothing),
    ("heartbeat-message", Disclosure::Nothing),
    ("heartbeat-expect", Disclosure::Nothing),
    ("on-open", Disclosure::Nothing),
    ("ready", Disclosure::Nothing),
    ("reply", Disclosure::Nothing),
    ("token-cmd", Disclosure::Nothing),
    ("token-url", Disclosure::Url),
    ("token-header", Disclosure::HeaderName),
    ("token-body", Disclosure::FileName),
    ("token-in", Disclosure::TokenPlace),
    ("jwt-claims", Disclosure::FileName),
    ("endpoint-url", Disclosure::Url),
];

/// All other flags of the configured commands.
const PUBLIC: [&str; 67] = [
    "abort-if",
    "again",
    "baseline",
    "cacert",
    "cert",
    "close-rate",
    "color",
    "config",
    "connect-timeout",
    "connect-to",
    "dimension",
    "dns-ttl",
    "dry-run",
    "duration",
    "emf",
    "export",
    "force",
    "heartbeat",
    "heartbeat-kind",
    "high-resolution",
    "insecure",
    "jwt-expires",
    "jwt-key",
    "keep-going",
    "key",
    "levels",
    "live",
    "load-balancer",
    "log-group",
    "mode",
    "namespace",
    "no-abort",
    "no-aws",
    "origin",
    "pause",
    "period",
    "periods",
    "pong-timeout",
    "precision",
    "prices",
    "profile",
    "protocol",
    "publish",
    "quiet",
    "rate",
    "record",
    "region",
    "require",
    "resolve",
    "retention",
    "safety",
    "search",
    "settle",
    "source-ip",
    "threshold",
    "tls-resume",
    "token-cacert",
    "token-cert",
    "token-concurrency",
    "token-file",
    "token-insecure",
    "token-json-pointer",
    "token-key",
    "token-method",
    "token-timeout",
    "verbose",
    "window",
];

/// True for a flag whose value may hold a secret.
pub(in crate::cli) fn is_secret(long: &str) -> bool {
    SECRET.iter().any(|(flag, _)| *flag == long)
}

/// A flag's value as it may be shown.
pub(super) fn shown(long: &str, value: &str) -> String {
    if PUBLIC.contains(&long) {
        return value.to_owned();
    }
    let declared = SECRET.iter().find(|(flag, _)| *flag == long);
    let shown = match declared.map_or(Disclosure::Nothing, |(_, disclosure)| *disclosure) {
        Disclosure::FileName | Disclosure::HeaderName if value.starts_with('@') => Some(value.to_owned()),
        // Without a name before it, all of it may be the secret.
        Disclosure::HeaderName => value.split_once(':').map(|(name, _)| format!("{name}: {HIDDEN}")),
        Disclosure::Url => Some(ShownUrl::of(value).to_string()),
        Disclosure::TokenPlace => value.parse::<TokenPlace>().ok().map(|place| place.to_string()),
        Disclosure::Nothing | Disclosure::FileName => None,
    };
    shown.unwrap_or_else(|| HIDDEN.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::config::{NOT_IN_FILE, known_flags};

    #[test]
    fn every_flag_is_declared_once_and_nothing_else_is() {
        let mut flags: Vec<String> = known_flags(&Cli::command()).into_keys().collect();
        flags.push("config".to_owned());
        let secret = SECRET.iter().map(|(flag, _)| *flag);
        let mut declared: Vec<&str> = PUBLIC.into_iter().chain(secret).collect();
        declared.sort_unstable();
        flags.sort_unstable();
        assert_eq!(flags, declared, "every flag is public or may hold a secret");
        assert!(NOT_IN_FILE.contains(&"config"));
    }

    #[test]
    fn what_may_be_shown_of_a_value() {
        for (flag, value, expected) in [
            ("levels", "50,100", "50,100"),
            ("header", "X-A: s3cret", "X-A: ***"),
            ("header", "s3cret", "***"),
            ("header", "@headers", "@headers"),
            ("token-body", "@login.json", "@login.json"),
            ("token-body", "s3cret", "***"),
            ("on-open", "@s3cret", "***"),
            ("token-url", "https://u:s3cret@h/t?k=s3cret", "https://h/t?k=***"),
            ("token-in", "header:X-Key:s3cret", "header:X-Key"),
            ("token-in", "query:access_token", "query:access_token"),
            ("a-flag-of-tomorrow", "s3cret", "***"),
        ] {
            assert_eq!(shown(flag, value), expected, "{flag} {value}");
        }
    }
}
