//! AWS settings from the environment, trimmed: a Kubernetes secret made with `echo` ends in a line feed, and a variable
//! from a file with CRLF in a carriage return. The SDK panics when a header contains either.
//!
//! Variables of the process can't be changed safely (`std::env::set_var`), so what is trimmed here is handed to the SDK
//! as configuration. Variables that only the SDK can read are refused instead.

use std::collections::BTreeMap;
use std::ffi::OsString;

use aws_sdk_cloudwatch::config::Credentials;

use super::error::AwsError;
use super::session::AwsSettings;

/// Variables that are trimmed and handed to the SDK.
const TRIMMED: [(&str, AllowedChars); 10] = [
    (ACCESS_KEY, AllowedChars::VisibleAscii),
    (SECRET_KEY, AllowedChars::VisibleAscii),
    (SESSION_TOKEN, AllowedChars::VisibleAscii),
    (PROFILE, AllowedChars::SingleLine),
    ("AWS_REGION", AllowedChars::VisibleAscii),
    ("AWS_DEFAULT_REGION", AllowedChars::VisibleAscii),
    (ENDPOINT_URL, AllowedChars::SingleLine),
    ("AWS_ENDPOINT_URL_CLOUDWATCH", AllowedChars::SingleLine),
    ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", AllowedChars::SingleLine),
    ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", AllowedChars::SingleLine),
];

/// Variables that the SDK reads for itself, and sends, looks up or opens.
const READ_BY_THE_SDK: [&str; 17] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_ACCOUNT_ID",
    "AWS_EXECUTION_ENV",
];

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
const PROFILE: &str = "AWS_PROFILE";
const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// The characters that a value may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AllowedChars {
    /// Visible ASCII, as a header takes it (RFC 9110 §5.5).
    VisibleAscii,
    /// Spaces too, and any language.
    SingleLine,
}

impl AllowedChars {
    fn takes(self, value: &str) -> bool {
        match self {
            AllowedChars::VisibleAscii => is_word(value),
            AllowedChars::SingleLine => !value.chars().any(char::is_control),
        }
    }
}

/// True for a value of visible ASCII, which every header accepts.
pub(super) fn is_word(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The variables that say how AWS is reached, trimmed; those that are blank count as unset.
#[derive(Default)]
pub(super) struct Environment {
    values: BTreeMap<&'static str, String>,
    /// The variables that had white space around them, blank ones included.
    trimmed: Vec<&'static str>,
}

impl Environment {
    /// That of this process.
    ///
    /// # Errors
    /// [`AwsError::BadValue`] for the first variable with an invalid value.
    pub(super) fn of_this_process() -> Result<Environment, AwsError> {
        Environment::read(|name| std::env::var_os(name))
    }

    fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Environment, AwsError> {
        let mut environment = Environment::default();
        for (name, kind) in TRIMMED {
            let Some(value) = lookup(name) else { continue };
            let value = value.into_string().map_err(|_| bad(name, NOT_UNICODE))?;
            let fit = value.trim();
            if !kind.takes(fit) {
                return Err(bad(name, kind.missed()));
            }
            if fit.len() < value.len() || fit.is_empty() {
                environment.trimmed.push(name);
            }
            if !fit.is_empty() {
                environment.values.insert(name, fit.to_owned());
            }
        }
        for name in READ_BY_THE_SDK {
            let Some(value) = lookup(name) else { continue };
            let value = value.into_string().map_err(|_| bad(name, NOT_UNICODE))?;
            if value.trim() != value || !AllowedChars::SingleLine.takes(&value) {
                return Err(bad(name, AROUND));
            }
        }
        Ok(environment)
    }

    /// The variables, and flags, of which white space was taken away; blank variables are no news.
    pub(super) fn trimmed(&self) -> impl Iterator<Item = &'static str> {
        self.trimmed.iter().copied().filter(|name| self.values.contains_key(name))
    }

    /// A variable's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The region; as in the AWS CLI, a blank `AWS_REGION` leaves it to the default one.
    pub(super) fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    /// The profile that the SDK must be told, since the variable as it is would mislead it.
    pub(super) fn corrected_profile(&self) -> Option<&str> {
        self.is_changed(PROFILE).then(|| self.get(PROFILE).unwrap_or("default"))
    }

    /// The profile that is named, if any.
    pub(super) fn profile(&self) -> Option<&str> {
        self.get(PROFILE)
    }

    /// The endpoint of a service, or that it has none, where the variables as they are would mislead the SDK: it panics
    /// on one that is empty.
    pub(super) fn corrected_endpoint(&self, service: &str) -> Option<Option<&str>> {
        let own = format!("{ENDPOINT_URL}_{service}");
        let is_changed = self.is_changed(&own) || self.is_changed(ENDPOINT_URL);
        is_changed.then(|| self.get(&own).or_else(|| self.get(ENDPOINT_URL)))
    }

    /// All endpoints that are set, for the services here.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(name, _)| name.starts_with(ENDPOINT_URL)).map(|(_, url)| url.as_str())
    }

    /// The credentials in the variables, where they are whole.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let (key, secret) = (self.get(ACCESS_KEY)?, self.get(SECRET_KEY)?);
        let token = self.get(SESSION_TOKEN).map(str::to_owned);
        Some(Credentials::new(key, secret, token, None, "environment"))
    }

    /// Leaves the endpoints to `--endpoint-url`, which beats all of them.
    pub(super) fn forget_endpoints(&mut self) {
        self.values.retain(|name, _| !name.starts_with(ENDPOINT_URL));
        self.trimmed.retain(|name| !name.starts_with(ENDPOINT_URL));
    }

    fn is_changed(&self, name: &str) -> bool {
        self.trimmed.contains(&name)
    }
}

impl AwsSettings {
    /// The settings with their flags trimmed, and the names of the flags that had white space around them.
    ///
    /// # Errors
    /// [`AwsError::BadValue`] for the first flag with an invalid value.
    pub(super) fn trimmed(&self) -> Result<(AwsSettings, Vec<&'static str>), AwsError> {
        let mut settings = self.clone();
        let mut trimmed = Vec::new();
        for (name, kind, value) in [
            ("--profile", AllowedChars::SingleLine, &mut settings.profile),
            ("--region", AllowedChars::VisibleAscii, &mut settings.region),
            ("--endpoint-url", AllowedChars::SingleLine, &mut settings.endpoint_url),
        ] {
            let Some(value) = value else { continue };
            let fit = value.trim();
            if fit.is_empty() {
                return Err(bad(name, "is blank"));
            }
            if !kind.takes(fit) {
                return Err(bad(name, kind.missed()));
            }
            if fit.len() < value.len() {
                trimmed.push(name);
                *value = fit.to_owned();
            }
        }
        Ok((settings, trimmed))
    }
}

const NOT_UNICODE: &str = "is not valid UTF-8";
const AROUND: &str = "begins or ends with white space, or contains a control character";

impl AllowedChars {
    /// Why a value is none of this kind.
    fn missed(self) -> &'static str {
        match self {
            AllowedChars::VisibleAscii => {
                "contains white space, a control character or a non-ASCII character"
            }
            AllowedChars::SingleLine => "contains a control character",
        }
    }
}

fn bad(name: &str, what: &'static str) -> AwsError {
    AwsError::BadValue { name: name.to_owned(), what }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Result<Environment, AwsError> {
        let found = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        Environment::read(|name| found(name).map(OsString::from))
    }

    #[test]
    fn what_stands_around_a_value_is_taken_away_and_its_variable_named() {
        let read = environment(&[
            (ACCESS_KEY, "AKIA\n"),
            (SECRET_KEY, " s3cret\r"),
            (PROFILE, "prod\r\n"),
            ("AWS_REGION", "  "),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            (ENDPOINT_URL, "http://a"),
            ("AWS_ENDPOINT_URL_CLOUDWATCH", "http://b\n"),
        ])
        .unwrap();
        let credentials = read.credentials().unwrap();
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("AKIA", "s3cret"));
        assert_eq!(credentials.session_token(), None);
        assert_eq!(read.region(), Some("eu-west-1"));
        assert_eq!(read.corrected_profile(), Some("prod"));
        assert_eq!(read.corrected_endpoint("CLOUDWATCH"), Some(Some("http://b")));
        assert_eq!(read.corrected_endpoint("CLOUDWATCH_LOGS"), None, "the SDK reads it right");
        let names: Vec<&str> = read.trimmed().collect();
        assert_eq!(names, [ACCESS_KEY, SECRET_KEY, PROFILE, "AWS_ENDPOINT_URL_CLOUDWATCH"]);
    }

    #[test]
    fn blank_is_unset_and_half_a_pair_is_none() {
        let read = environment(&[(ACCESS_KEY, "AKIA"), (SECRET_KEY, ""), (PROFILE, "\n")]).unwrap();
        assert!(read.credentials().is_none());
        assert_eq!((read.corrected_profile(), read.profile()), (Some("default"), None));
        assert_eq!(read.trimmed().count(), 0);
        let mut empty = environment(&[(ENDPOINT_URL, "")]).unwrap();
        assert_eq!(empty.corrected_endpoint("CLOUDWATCH"), Some(None));
        empty.forget_endpoints();
        assert_eq!(empty.corrected_endpoint("CLOUDWATCH"), None, "the flag counts");
        let plain = environment(&[(PROFILE, "prod")]).unwrap();
        assert_eq!((plain.corrected_profile(), plain.profile()), (None, Some("prod")));
    }

    #[test]
    fn what_can_not_be_mended_is_refused_by_name_and_never_shown() {
        for (name, value) in [
            (ACCESS_KEY, "AK\nIA"),
            (SESSION_TOKEN, "t\u{0}k"),
            (SECRET_KEY, "hunter 2"),
            ("AWS_REGION", "eu west"),
            ("AWS_DEFAULT_REGION", "eü"),
            (PROFILE, "a\tb"),
            (ENDPOINT_URL, "http://user:hunter2@h\r\n/x"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x\n"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "hunter2\r"),
        ] {
            let error = environment(&[(name, value)]).err().unwrap();
            assert!(matches!(&error, AwsError::BadValue { name: told, .. } if told == name), "{error}");
            assert!(!format!("{error} {}", error.remedy()).contains("hunter"), "{error}");
        }
    }

    #[test]
    fn flags_are_trimmed_too() {
        let settings = AwsSettings {
            region: Some(" us-east-1\n".to_owned()),
            profile: Some("my prod".to_owned()),
            ..AwsSettings::default()
        };
        let (trimmed, names) = settings.trimmed().unwrap();
        assert_eq!((trimmed.region.as_deref(), names), (Some("us-east-1"), vec!["--region"]));
        for region in ["us east", "", " "] {
            let wrong = AwsSettings { region: Some(region.to_owned()), ..AwsSettings::default() };
            assert!(wrong.trimmed().is_err(), "{region:?}");
        }
    }

    proptest! {
        #[test]
        fn a_header_takes_every_key(value in any::<String>()) {
            let read = environment(&[(ACCESS_KEY, &value), (SECRET_KEY, "s")]);
            if let Some(credentials) = read.ok().and_then(|read| read.credentials()) {
                prop_assert!(hyper::header::HeaderValue::from_str(credentials.access_key_id()).is_ok());
            }
        }
    }
}
