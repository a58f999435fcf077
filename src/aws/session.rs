//! Region, credentials and endpoint, decided once; the clients that share them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatch::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_elasticloadbalancingv2 as elbv2;

use super::clock::Clock;
use super::credentials::{CachedCredentialsProvider, CredentialsCache, LONGEST_WAIT};
use super::endpoint::{Endpoint, origin};
use super::environment::{Environment, is_word};
use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::http::http_client;
use super::no_credentials::no_credentials;
use crate::facts::{LoadBalancerFacts, LoadBalancerRef};
use crate::plan::ShownUrl;

/// Where AWS is and who asks.
///
/// Without a debug form, since the endpoint's userinfo and the credentials are secrets.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// `--profile`. As in the AWS CLI, a profile that is named so beats credentials in the environment.
    pub profile: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// The region of the load balancer's ARN: used where neither flag, environment nor profile name one.
    pub region_hint: Option<String>,
    /// `--endpoint-url`, for every service.
    pub endpoint_url: Option<String>,
    /// With these nothing is read from environment, profiles or files.
    pub fixed_credentials: Option<FixedCredentials>,
    /// State that all connects of one command share, clones included.
    pub shared: SharedState,
}

/// The credentials and warnings of one command, for all of its connects.
#[derive(Clone, Default)]
pub struct SharedState {
    credentials: CredentialsCache,
    told: Arc<AtomicBool>,
}

impl AwsSettings {
    /// The same, where the load balancer's region is known: that of the first of `named` that is an ARN, else that of
    /// the one that was `found`, else as it was.
    pub fn near<'a>(
        &self,
        named: impl IntoIterator<Item = &'a LoadBalancerRef>,
        found: Option<&LoadBalancerFacts>,
    ) -> AwsSettings {
        let arn = named.into_iter().find_map(|named| match named {
            LoadBalancerRef::Arn(arn) => Some(arn),
            LoadBalancerRef::Name(_) => None,
        });
        let region = arn.or(found.map(|facts| &facts.arn)).map(|arn| arn.region().to_owned());
        AwsSettings { region_hint: region.or_else(|| self.region_hint.clone()), ..self.clone() }
    }
}

/// Credentials for an endpoint of one's own, such as the simulator's. Their debug form shows nothing.
#[derive(Clone)]
pub struct FixedCredentials {
    access_key_id: String,
    secret_access_key: String,
}

impl FixedCredentials {
    /// Credentials with that key and secret.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> FixedCredentials {
        FixedCredentials { access_key_id: access_key_id.into(), secret_access_key: secret_access_key.into() }
    }

    fn provider(&self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(Credentials::new(
            &self.access_key_id,
            &self.secret_access_key,
            None,
            None,
            "fixed",
        ))
    }
}

impl std::fmt::Debug for FixedCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FixedCredentials(***)")
    }
}

/// How long AWS is waited for, and how often it is asked again.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// The SDK's retries of one call.
    pub(super) retry: RetryConfig,
    /// The SDK's timeouts of one call.
    pub(super) timeouts: TimeoutConfig,
    /// Those of a request that publishes.
    pub(super) of_puts: TimeoutConfig,
    /// For what the run can go on without, all its calls together.
    pub(super) dispensable: Duration,
    /// Rest before metrics that CloudWatch answered with `InternalError` are asked for again.
    pub(super) between_rounds: Duration,
}

impl Patience {
    const CONNECT: Duration = Duration::from_secs(3);
    const ATTEMPT: Duration = Duration::from_secs(10);
    const OPERATION: Duration = Duration::from_secs(30);
    const DISPENSABLE: Duration = Duration::from_secs(10);
    const ATTEMPTS: u32 = 3;
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            retry: RetryConfig::standard().with_max_attempts(Patience::ATTEMPTS),
            timeouts: TimeoutConfig::builder()
                .connect_timeout(Patience::CONNECT)
                .operation_attempt_timeout(Patience::ATTEMPT)
                .operation_timeout(Patience::OPERATION)
                .build(),
            of_puts: TimeoutConfig::builder()
                .connect_timeout(Patience::CONNECT)
                .operation_timeout(Aws::PUT_TIMEOUT)
                .build(),
            dispensable: Patience::DISPENSABLE,
            between_rounds: Duration::from_secs(1),
        }
    }
}

/// The services of one account in one region. Cheap to clone.
#[derive(Clone)]
pub struct Aws {
    pub(super) elb: elbv2::Client,
    pub(super) elb_endpoint: Endpoint,
    pub(super) cloudwatch: aws_sdk_cloudwatch::Client,
    pub(super) cloudwatch_endpoint: Endpoint,
    /// CloudWatch again, for what must not be sent twice in silence.
    pub(super) put_metrics: aws_sdk_cloudwatch::Client,
    pub(super) logs: aws_sdk_cloudwatchlogs::Client,
    pub(super) logs_endpoint: Endpoint,
    endpoint: Option<String>,
    pub(super) between_rounds: Duration,
    pub(super) dispensable: Duration,
    clock: Clock,
    region: String,
}

impl Aws {
    /// How long the answer to one request that publishes is waited for: a megabyte takes its time on a slow line.
    pub const PUT_TIMEOUT: Duration = Duration::from_secs(20);

    /// Where a publication would go by these settings: the region, if one is found, and the endpoint in place of AWS's
    /// own. Nobody is asked but the machine (and IMDS, on one of EC2's).
    ///
    /// # Errors
    /// [`AwsError::BadValue`].
    pub async fn place(settings: &AwsSettings) -> Result<(Option<String>, Option<String>), AwsError> {
        let (config, environment) = configured(settings, &Patience::default()).await?;
        let region = config.region().map(ToString::to_string);
        Ok((region, own_endpoint(settings, &config, &environment)))
    }

    /// Finds region and credentials, and asks no service yet (the credentials' own sources excepted: SSO, STS, IMDS).
    ///
    /// # Errors
    /// [`AwsError::NoCredentials`], [`AwsError::CredentialsTimeout`], [`AwsError::NoRegion`], [`AwsError::BadEndpoint`] or
    /// [`AwsError::BadValue`].
    pub async fn connect(settings: &AwsSettings) -> Result<Aws, AwsError> {
        Aws::connect_with(settings, Patience::default()).await
    }

    pub(super) async fn connect_with(settings: &AwsSettings, patience: Patience) -> Result<Aws, AwsError> {
        let (config, environment) = configured(settings, &patience).await?;
        for endpoint in config.endpoint_url().into_iter().chain(environment.endpoints()) {
            check_endpoint(endpoint)?;
        }
        // Credentials first: a profile that does not exist has no region either, and is the better thing to say.
        let provider = config.credentials_provider().ok_or_else(no_provider)?;
        let profile = settings.profile.as_deref();
        provider.provide_credentials().await.map_err(|error| match error {
            CredentialsError::ProviderTimedOut(_) => AwsError::CredentialsTimeout {
                profile: profile.or(environment.profile()).map(foreign_text),
                waited: LONGEST_WAIT,
            },
            error => no_credentials(profile, &error),
        })?;
        let region = config.region().ok_or(AwsError::NoRegion)?.to_string();
        if !is_word(&region) {
            return Err(AwsError::BadValue { name: "the profile's region".to_owned(), what: INVALID_REGION });
        }
        tracing::debug!("credentials are there, and the region is {region}");

        let (elb_endpoint, cloudwatch_endpoint) = (Endpoint::default(), Endpoint::default());
        let logs_endpoint = Endpoint::default();
        let clock = Clock::default();
        let corrected = |service| environment.corrected_endpoint(service).map(|url| url.map(str::to_owned));
        let mut elb = elbv2::config::Builder::from(&config)
            .interceptor(elb_endpoint.clone())
            .interceptor(clock.clone());
        if let Some(endpoint) = corrected(ELB) {
            elb.set_endpoint_url(endpoint);
        }
        let mut cloudwatch = aws_sdk_cloudwatch::config::Builder::from(&config)
            .interceptor(cloudwatch_endpoint.clone())
            .interceptor(clock.clone());
        if let Some(endpoint) = corrected(CLOUDWATCH) {
            cloudwatch.set_endpoint_url(endpoint);
        }
        let put_metrics =
            cloudwatch.clone().retry_config(RetryConfig::disabled()).timeout_config(patience.of_puts.clone());
        let mut logs = aws_sdk_cloudwatchlogs::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(patience.of_puts.clone())
            .interceptor(logs_endpoint.clone());
        if let Some(endpoint) = corrected(LOGS) {
            logs.set_endpoint_url(endpoint);
        }
        Ok(Aws {
            elb: elbv2::Client::from_conf(elb.build()),
            elb_endpoint,
            cloudwatch: aws_sdk_cloudwatch::Client::from_conf(cloudwatch.build()),
            cloudwatch_endpoint,
            put_metrics: aws_sdk_cloudwatch::Client::from_conf(put_metrics.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            logs_endpoint,
            endpoint: own_endpoint(settings, &config, &environment),
            between_rounds: patience.between_rounds,
            dispensable: patience.dispensable,
            clock,
            region,
        })
    }

    /// How far this machine's clock is ahead of AWS's, in seconds to a tenth, by the answers so far.
    #[allow(clippy::cast_precision_loss)]
    pub fn clock_offset(&self) -> Option<f64> {
        self.clock.ahead().map(|ahead| (ahead.num_milliseconds() as f64 / 100.0).round() / 10.0)
    }

    /// The region that is asked.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The endpoint that was set in place of AWS's own, for CloudWatch or its logs, without userinfo.
    pub fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Aws({})", self.region)
    }
}

/// The services' names in `AWS_ENDPOINT_URL_<SERVICE>`.
const ELB: &str = "ELASTIC_LOAD_BALANCING_V2";
const CLOUDWATCH: &str = "CLOUDWATCH";
const LOGS: &str = "CLOUDWATCH_LOGS";

const INVALID_REGION: &str = "contains white space, a control character or a non-ASCII character";

/// The endpoints of CloudWatch and its logs, where one was set. One for a service alone beats one for all.
fn own_endpoint(settings: &AwsSettings, config: &SdkConfig, environment: &Environment) -> Option<String> {
    let of_one = |service: &str| match settings.endpoint_url {
        None => environment.get(&format!("AWS_ENDPOINT_URL_{service}")).map(str::to_owned),
        Some(_) => None,
    };
    let mut found: Vec<String> = [CLOUDWATCH, LOGS]
        .into_iter()
        .filter_map(|service| of_one(service).or_else(|| config.endpoint_url().map(str::to_owned)))
        .map(|url| origin(&url).unwrap_or_default())
        .collect();
    found.dedup();
    (!found.is_empty()).then(|| found.join(" and "))
}

/// The SDK's configuration from the trimmed settings and environment; trimming is reported once per command.
async fn configured(
    settings: &AwsSettings,
    patience: &Patience,
) -> Result<(SdkConfig, Environment), AwsError> {
    if let Some(credentials) = &settings.fixed_credentials {
        return Ok((by_hand(settings, credentials, patience), Environment::default()));
    }
    let mut environment = Environment::of_this_process()?;
    let (settings, mut trimmed) = settings.trimmed()?;
    trimmed.extend(environment.trimmed());
    if !trimmed.is_empty() && !settings.shared.told.swap(true, Ordering::Relaxed) {
        tracing::warn!("removed white space around {}", trimmed.join(", "));
    }
    if settings.endpoint_url.is_some() {
        environment.forget_endpoints();
    }
    let config = by_the_chain(&settings, &environment, patience).await;
    Ok((config, environment))
}

/// Built from the settings alone: not even `AWS_PROFILE` or `AWS_ENDPOINT_URL` is looked at.
fn by_hand(settings: &AwsSettings, credentials: &FixedCredentials, patience: &Patience) -> SdkConfig {
    let region = settings.region.clone().or(settings.region_hint.clone());
    let mut builder = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region.map(Region::new))
        .credentials_provider(credentials.provider())
        .http_client(http_client())
        .retry_config(patience.retry.clone())
        .timeout_config(patience.timeouts.clone());
    builder.set_endpoint_url(settings.endpoint_url.clone());
    builder.build()
}

/// The standard chain: flags, environment, profile (SSO and credential process too), web identity, ECS, IMDS.
async fn by_the_chain(settings: &AwsSettings, environment: &Environment, patience: &Patience) -> SdkConfig {
    let http = http_client();
    let providers = ProviderConfig::without_region().with_http_client(http.clone());
    let profile = settings.profile.as_deref().or(environment.corrected_profile());
    let region = region(settings, environment, profile, &providers).await;
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .region(region.clone())
        .retry_config(patience.retry.clone())
        .timeout_config(patience.timeouts.clone())
        // The SDK's own limit is shorter than the one that is set for the source itself.
        .identity_cache(IdentityCache::lazy().load_timeout(LONGEST_WAIT.saturating_mul(2)).build());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let in_variables = environment.credentials();
    match (&settings.profile, in_variables) {
        (Some(profile), in_variables) => {
            let mut credentials = ProfileFileCredentialsProvider::builder()
                .configure(&providers.with_region(region))
                .profile_name(profile);
            if let Some(in_variables) = in_variables {
                credentials = credentials.with_custom_provider("Environment", in_variables);
            }
            loader = loader.credentials_provider(credentials.build());
        }
        (None, Some(in_variables)) => loader = loader.credentials_provider(in_variables),
        (None, None) => {}
    }
    if let Some(endpoint) = &settings.endpoint_url {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    let Some(source) = config.credentials_provider() else { return config };
    let named = settings.profile.as_deref().or(environment.profile()).map(foreign_text);
    let once = CachedCredentialsProvider::new(source, settings.shared.credentials.clone(), named);
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(once)).build()
}

/// Flag, environment, profile, the ARN's region, IMDS: the first that knows. The ARN comes before IMDS, since the
/// load balancer need not be where this machine is, and a machine outside EC2 waits for IMDS in vain.
async fn region(
    settings: &AwsSettings,
    environment: &Environment,
    profile: Option<&str>,
    providers: &ProviderConfig,
) -> Option<Region> {
    let of_profile = ProfileFileRegionProvider::builder().configure(providers);
    let of_profile = match profile {
        Some(name) => of_profile.profile_name(name),
        None => of_profile,
    };
    let imds = ImdsRegionProvider::builder().configure(providers).build();
    let named = settings.region.as_deref().or(environment.region());
    RegionProviderChain::first_try(named.map(|region| Region::new(region.to_owned())))
        .or_else(of_profile.build())
        .or_else(settings.region_hint.clone().map(Region::new))
        .or_else(imds)
        .region()
        .await
}

fn no_provider() -> AwsError {
    AwsError::NoCredentials { reason: "no source of credentials is configured".to_owned() }
}

/// The SDK would find out late, and say little.
fn check_endpoint(endpoint: &str) -> Result<(), AwsError> {
    let url = url::Url::parse(endpoint).ok();
    match url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        Some(_) => Ok(()),
        None => Err(AwsError::BadEndpoint { endpoint: foreign_text(ShownUrl::of(endpoint).as_str()) }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    /// Settings for a canned endpoint.
    pub(in crate::aws) fn settings(endpoint_url: &str) -> AwsSettings {
        AwsSettings {
            region: Some("eu-west-1".to_owned()),
            endpoint_url: Some(endpoint_url.to_owned()),
            fixed_credentials: Some(FixedCredentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI")),
            ..AwsSettings::default()
        }
    }

    /// The same patience in a hundredth of the time.
    pub(in crate::aws) async fn hasty(endpoint_url: &str) -> Aws {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_millis(500))
            .operation_timeout(Duration::from_secs(2))
            .build();
        let patience = Patience {
            of_puts: timeouts.clone(),
            timeouts,
            retry: Patience::default().retry.with_initial_backoff(Duration::from_millis(1)),
            dispensable: Duration::from_secs(1),
            between_rounds: Duration::from_millis(1),
        };
        Aws::connect_with(&settings(endpoint_url), patience).await.unwrap()
    }

    #[tokio::test]
    async fn the_arns_region_is_used_where_no_other_is_given() {
        let hinted = AwsSettings {
            region: None,
            region_hint: Some("eu-central-1".to_owned()),
            ..settings("http://127.0.0.1:1")
        };
        assert_eq!(Aws::connect(&hinted).await.unwrap().region(), "eu-central-1");
        let both = AwsSettings { region: Some("us-east-1".to_owned()), ..hinted.clone() };
        assert_eq!(Aws::connect(&both).await.unwrap().region(), "us-east-1");
        let neither = AwsSettings { region_hint: None, ..hinted };
        assert_eq!(Aws::connect(&neither).await.unwrap_err(), AwsError::NoRegion);
    }

    #[tokio::test]
    async fn an_endpoint_that_is_no_url_is_refused_without_its_userinfo() {
        for endpoint in ["localhost:4566", "ftp://h/", "user:hunter2@host:1", "http:"] {
            let error = Aws::connect(&settings(endpoint)).await.unwrap_err();
            assert!(matches!(&error, AwsError::BadEndpoint { .. }), "{endpoint}: {error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_debug_form_shows_no_secret() {
        let settings = settings("http://127.0.0.1:1");
        let aws = Aws::connect(&settings).await.unwrap();
        assert!(!format!("{:?} {aws:?}", settings.fixed_credentials).contains("wJalrXUtnFEMI"));
    }
}
