//! Credentials, asked for once per command and for a bounded time, whatever their source: a credential process, SSO, STS,
//! a container, IMDS.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, Result, SharedCredentialsProvider, future};
use aws_sdk_cloudwatch::config::Credentials;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::environment::is_word;
use crate::machine::{Children, has_children, kill_children};

/// A wait that is longer is told.
const WARN_AFTER: Duration = Duration::from_secs(3);
/// The longest wait. A credential process may ask a person for a second factor, so it is generous.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Credentials that expire sooner are asked for again; the SDK does so 10 s before.
const TOO_OLD: Duration = Duration::from_secs(60);

/// The credentials that were found, shared by all connects of one command.
#[derive(Clone, Default)]
pub(super) struct CredentialsCache(Arc<Mutex<Option<Credentials>>>);

impl std::fmt::Debug for CredentialsCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialsCache(***)")
    }
}

/// A source that is asked once, until its credentials expire.
#[derive(Debug, Clone)]
pub(super) struct CachedCredentialsProvider {
    source: SharedCredentialsProvider,
    found: CredentialsCache,
    /// The profile that was named, for the line that tells of a wait.
    profile: Option<String>,
}

impl CachedCredentialsProvider {
    /// Gives the cached credentials, or asks `source`.
    pub(super) fn new(
        source: SharedCredentialsProvider,
        found: CredentialsCache,
        profile: Option<String>,
    ) -> CachedCredentialsProvider {
        CachedCredentialsProvider { source, found, profile }
    }

    async fn credentials(self) -> Result {
        let mut found = self.found.0.lock().await;
        if let Some(known) = found.as_ref().filter(|known| is_fresh(known, SystemTime::now())) {
            return Ok(known.clone());
        }
        let credentials = fit(self.load_with_timeout(LONGEST_WAIT).await?)?;
        *found = Some(credentials.clone());
        Ok(credentials)
    }

    async fn load_with_timeout(&self, longest: Duration) -> Result {
        let mut asked = std::pin::pin!(self.source.provide_credentials());
        if let Ok(answer) = timeout(WARN_AFTER.min(longest), &mut asked).await {
            return answer;
        }
        let process = has_children(Children::SameGroup);
        tracing::warn!("waiting for {} ({} s so far)", self.awaited(process), WARN_AFTER.as_secs());
        if let Ok(answer) = timeout(longest.saturating_sub(WARN_AFTER), asked).await {
            return answer;
        }
        // The SDK leaves its credential process running.
        kill_children(Children::SameGroup);
        Err(CredentialsError::provider_timed_out(longest))
    }

    fn awaited(&self, process: bool) -> String {
        let source = if process { "the credential process" } else { "AWS credentials" };
        match &self.profile {
            Some(profile) => format!("{source} of profile '{profile}'"),
            None => source.to_owned(),
        }
    }
}

impl ProvideCredentials for CachedCredentialsProvider {
    /// In a task of its own: the SDK drops this future when a call's time is up, and a credential process that takes
    /// longer would be started anew by the call's next attempt. It also keeps a panic of the SDK's sources in bounds.
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let task = tokio::spawn(self.clone().credentials());
        future::ProvideCredentials::new(async {
            task.await.unwrap_or_else(|_| Err(CredentialsError::unhandled("the credential source panicked")))
        })
    }
}

fn is_fresh(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry.duration_since(now).is_ok_and(|left| left > TOO_OLD))
}

/// The credentials without white space around them; refused where a header can't carry them, on which the SDK panics.
fn fit(credentials: Credentials) -> Result {
    let trimmed = |value: &str| value.trim().to_owned();
    let key = trimmed(credentials.access_key_id());
    let token = credentials.session_token().map(trimmed);
    if !is_word(&key) || !token.as_deref().is_none_or(is_word) {
        return Err(CredentialsError::invalid_configuration(
            "the access key ID or session token contains white space, a control or a non-ASCII character",
        ));
    }
    let secret = trimmed(credentials.secret_access_key());
    let as_they_were = key == credentials.access_key_id()
        && secret == credentials.secret_access_key()
        && token.as_deref() == credentials.session_token();
    if as_they_were {
        return Ok(credentials);
    }
    tracing::warn!("removed white space around the AWS credentials");
    Ok(Credentials::new(key, secret, token, credentials.expiry(), "trimmed"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Gives what it is told to, and counts how often.
    #[derive(Debug, Default)]
    struct Source {
        expires_in: Option<Duration>,
        takes: Duration,
        asked: Arc<AtomicU32>,
    }

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::new(async {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(self.takes).await;
                let expiry = self.expires_in.and_then(|left| SystemTime::now().checked_add(left));
                Ok(Credentials::new("AKIA\n", "s", None, expiry, "test"))
            })
        }
    }

    async fn asked_by_three(source: Source) -> u32 {
        let asked = source.asked.clone();
        let (source, found) = (SharedCredentialsProvider::new(source), CredentialsCache::default());
        let of_one_command = || CachedCredentialsProvider::new(source.clone(), found.clone(), None);
        let (first, second) = (of_one_command(), of_one_command());
        let (one, two) = tokio::join!(first.provide_credentials(), second.provide_credentials());
        assert_eq!((one.unwrap().access_key_id(), two.unwrap().access_key_id()), ("AKIA", "AKIA"));
        first.provide_credentials().await.unwrap();
        asked.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn a_source_is_asked_once_until_its_credentials_expire() {
        let expires_in =
            |seconds| Source { expires_in: Some(Duration::from_secs(seconds)), ..Source::default() };
        assert_eq!(asked_by_three(Source::default()).await, 1);
        assert_eq!(asked_by_three(expires_in(3_600)).await, 1);
        assert_eq!(asked_by_three(expires_in(5)).await, 3);
    }

    #[tokio::test]
    async fn one_that_is_given_up_goes_on_and_the_next_to_ask_has_what_it_brings() {
        let source = Source { takes: Duration::from_millis(200), ..Source::default() };
        let asked = source.asked.clone();
        let once = CachedCredentialsProvider::new(
            SharedCredentialsProvider::new(source),
            CredentialsCache::default(),
            None,
        );
        assert!(timeout(Duration::from_millis(20), once.provide_credentials()).await.is_err());
        once.provide_credentials().await.unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_source_that_hangs_is_given_up() {
        let source = Source { takes: Duration::from_secs(600), ..Source::default() };
        let once = CachedCredentialsProvider::new(
            SharedCredentialsProvider::new(source),
            CredentialsCache::default(),
            None,
        );
        let error = once.load_with_timeout(Duration::from_millis(20)).await.unwrap_err();
        assert!(matches!(error, CredentialsError::ProviderTimedOut(_)), "{error:?}");
    }

    #[test]
    fn what_no_header_carries_is_refused() {
        for key in ["AK IA", "AK\u{0}", "é"] {
            assert!(fit(Credentials::new(key, "s", None, None, "test")).is_err(), "{key:?}");
        }
        assert!(fit(Credentials::new("AKIA", "s", Some("t\nt".to_owned()), None, "test")).is_err());
    }
}
