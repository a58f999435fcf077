//! One call of AWS: how long it took, and how the SDK's errors become [`AwsError`]s.

use std::time::Instant;

use aws_sdk_cloudwatch::error::{ProvideErrorMetadata, SdkError};

use super::endpoint::Endpoint;
use super::error::AwsError;
use super::foreign_text::foreign_text;
use super::http::TooLarge;

/// One operation of one service. Its display is the IAM action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// The service's prefix in IAM.
    pub(super) service: &'static str,
    /// The operation.
    pub(super) operation: &'static str,
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)
    }
}

impl Call {
    /// Awaits the call, and logs how long it took. What was sent and answered is nobody's business.
    pub(super) async fn timed<T>(self, call: impl Future<Output = T>) -> T {
        self.timed_page(async { Some(call.await) }).await.expect("it has just been made")
    }

    /// The same for a page, where the one after the last is no call.
    pub(super) async fn timed_page<T>(self, page: impl Future<Output = Option<T>>) -> Option<T> {
        let began = Instant::now();
        let page = page.await?;
        tracing::debug!("{self} took {} ms", began.elapsed().as_millis());
        Some(page)
    }

    /// That the list which this call gives has more pages than are read.
    pub(super) fn endless(self, endpoint: &Endpoint) -> AwsError {
        let endpoint = endpoint.last().unwrap_or_else(|| format!("AWS ({})", self.service));
        let reason = "it has too many pages".to_owned();
        AwsError::Unreadable { endpoint, action: self.to_string(), reason }
    }

    /// What the SDK's error of this call means. The codes are matched as text, since neither elbv2 nor CloudWatch
    /// models them (aws-facts.md §5).
    pub(super) fn error<E>(self, endpoint: &Endpoint, error: &SdkError<E>) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let action = self.to_string();
        let endpoint = endpoint.last().unwrap_or_else(|| format!("AWS ({})", self.service));
        match error {
            SdkError::TimeoutError(_) => AwsError::Timeout { endpoint, action },
            SdkError::DispatchFailure(failure) => {
                let reason = sources(error);
                if causes(error).any(|cause| cause.is::<TooLarge>()) {
                    return AwsError::Unreadable { endpoint, action, reason };
                }
                // The SDK fetches fresh credentials just before it sends, and reports their failure here.
                if failure.is_other() && links(error).any(|link| link.contains("credential")) {
                    return AwsError::NoCredentials { reason };
                }
                AwsError::Unreachable { endpoint, reason }
            }
            SdkError::ServiceError(answer) => {
                let message = foreign_text(answer.err().message().unwrap_or_default());
                let status = answer.raw().status().as_u16();
                match answer.err().code() {
                    Some(code) => by_code(action, foreign_text(code), message),
                    None if (200..300).contains(&status) => {
                        AwsError::Unreadable { endpoint, action, reason: reason(answer.err()) }
                    }
                    None if status == 429 => AwsError::Throttled { action },
                    None => AwsError::Service { action, code: format!("HTTP {status}"), message },
                }
            }
            SdkError::ResponseError(_) => AwsError::Unreadable { endpoint, action, reason: sources(error) },
            other => AwsError::Unsendable { action, reason: sources(other) },
        }
    }
}

/// Whether a request that failed had reached the service, or may have, without being refused: only then can it have been
/// carried out.
pub(super) fn was_sent<E>(error: &SdkError<E>) -> bool
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => true,
        SdkError::DispatchFailure(failure) => !failure.is_user() && !never_connected(error),
        // An answer that says yes, but can't be read; or that the service, or what stands before it, failed, which may have
        // been after the deed. 503 is how both say that they did not begin.
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status();
            status.is_success() || (status.is_server_error() && status.as_u16() != 503)
        }
        _ => false,
    }
}

/// Whether the service, or what stands before it, failed: that passes.
pub(super) fn is_fault_of_the_service<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|answer| answer.status().is_server_error())
}

/// Whether a request was never sent, since there was no connection to send it on, or nothing to sign it with.
fn never_connected(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|link| {
        link.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect())
            || link.to_string().contains("credential")
    })
}

fn by_code(action: String, code: String, message: String) -> AwsError {
    match code.as_str() {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "AuthorizationError" => AwsError::AccessDenied { action, message },
        "ExpiredToken" | "ExpiredTokenException" => AwsError::ExpiredCredentials { action, code },
        "AuthFailure"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => AwsError::RejectedCredentials { action, code },
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException" => AwsError::Throttled { action },
        _ => AwsError::Service { action, code, message },
    }
}

/// The innermost cause below the SDK's own words, fit for a line.
fn sources<E>(error: &SdkError<E>) -> String
where
    E: std::error::Error + 'static,
{
    std::error::Error::source(error).map_or_else(String::new, reason)
}

fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    foreign_text(&innermost(error))
}

/// The innermost cause that says something: the outer ones only tell through which layers it came.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    links(error).filter(|link| !link.is_empty()).last().unwrap_or_default()
}

/// What each link of the chain of causes says, from the outside in.
fn links<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = String> + 'a {
    causes(error).map(ToString::to_string)
}

/// The error and its causes, from the outside in.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |link| link.source())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use aws_sdk_cloudwatch::error::{BoxError, ConnectorError};
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError;
    use thiserror::Error;

    use super::super::canned::{Answer, Canned, http, xml_error};
    use super::super::session::tests::hasty;
    use super::*;
    use crate::facts::LoadBalancerRef;

    async fn ask(url: &str) -> AwsError {
        let wanted: LoadBalancerRef = "prod".parse().unwrap();
        hasty(url).await.find_load_balancer(Some(&wanted), "h").await.unwrap_err()
    }

    /// The error that an answer becomes, and how often it was asked for.
    async fn after(answer: Answer) -> (AwsError, usize) {
        let server = Canned::serve(move |_| answer.clone()).await;
        let error = ask(&server.url).await;
        (error, server.seen().len())
    }

    #[tokio::test]
    async fn codes_and_what_they_mean() {
        let action = "elasticloadbalancing:DescribeLoadBalancers".to_owned();
        for (status, code, cause, asked) in [
            (403, "AccessDenied", "AWS denies {}: no", 1),
            (403, "UnauthorizedOperation", "AWS denies {}: no", 1),
            (403, "ExpiredToken", "the AWS credentials have expired (ExpiredToken to {})", 1),
            (
                403,
                "InvalidClientTokenId",
                "AWS does not accept the credentials (InvalidClientTokenId to {})",
                1,
            ),
            (
                403,
                "SignatureDoesNotMatch",
                "AWS does not accept the credentials (SignatureDoesNotMatch to {})",
                1,
            ),
            (400, "Throttling", "AWS throttles {}", 3),
            (400, "ValidationError", "AWS answered {} with ValidationError: no", 1),
        ] {
            let (error, requests) = after(xml_error(status, code, "no")).await;
            assert_eq!(error.to_string(), cause.replace("{}", &action));
            assert_eq!(requests, asked, "{code}");
            if matches!(error, AwsError::AccessDenied { .. }) {
                assert!(error.remedy().contains(&action), "{error:?}");
            }
        }
    }

    #[tokio::test]
    async fn answers_without_a_code() {
        let page = "<html>down</html>";
        let (error, requests) = after(http(503, "text/html", page)).await;
        assert_eq!(
            error.to_string(),
            "AWS answered elasticloadbalancing:DescribeLoadBalancers with HTTP 503"
        );
        assert_eq!(requests, 3);
        for body in [&b"<html>welcome</html>"[..], b"\x00\xff garbage", b"{}"] {
            let (error, _) = after(http(200, "text/html", body)).await;
            assert!(matches!(error, AwsError::Unreadable { .. }), "{error:?}");
        }
    }

    #[tokio::test]
    async fn nobody_there_and_nobody_answering() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", free.local_addr().unwrap());
        drop(free);
        let error = ask(&url).await;
        let cause = error.to_string();
        let expected = format!("{url} can't be reached: Connection refused");
        assert!(cause.starts_with(&expected), "{cause}");
        let (error, requests) = after(Answer::HangUp).await;
        assert!(matches!(error, AwsError::Unreachable { .. }), "{error:?}");
        assert_eq!(requests, 3);
        let started = Instant::now();
        let (error, _) = after(Answer::Silence).await;
        assert!(matches!(error, AwsError::Timeout { .. }), "{error:?}");
        assert!(started.elapsed() < std::time::Duration::from_secs(10));
    }

    #[tokio::test]
    async fn what_a_stranger_wrote_cannot_take_over_the_terminal() {
        let text = format!("&#27;[2J{}", "x".repeat(1_000));
        let (error, _) = after(xml_error(400, "Odd", &text)).await;
        let line = error.to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.len() < 300, "{line}");
    }

    #[derive(Debug, Error)]
    #[error("an error occurred while loading credentials")]
    struct Loading(#[source] std::io::Error);

    #[test]
    fn credentials_that_fail_in_the_middle_of_a_run_are_not_called_unreachable() {
        let call = Call { service: "cloudwatch", operation: "GetMetricData" };
        let dispatch = |source: BoxError| {
            let error: SdkError<GetMetricDataError> =
                SdkError::dispatch_failure(ConnectorError::other(source, None));
            call.error(&Endpoint::default(), &error)
        };
        let expired = Loading(std::io::Error::other("the SSO token has expired"));
        let reason = "the SSO token has expired".to_owned();
        assert_eq!(dispatch(expired.into()), AwsError::NoCredentials { reason });
        let unsendable = SdkError::<GetMetricDataError>::construction_failure("no region");
        assert_eq!(
            call.error(&Endpoint::default(), &unsendable).to_string(),
            "the request for cloudwatch:GetMetricData can't be built: no region"
        );
        assert_eq!(dispatch("no route".into()).to_string(), "AWS (cloudwatch) can't be reached: no route");
    }
}
