//! Which endpoint a client really spoke to: the SDK decides it late, and its errors do not tell.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_cloudwatch::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_cloudwatch::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cloudwatch::error::BoxError;

/// Remembers `scheme://host:port` of the last request of one client.
#[derive(Debug, Clone, Default)]
pub(super) struct Endpoint(Arc<Mutex<Option<String>>>);

impl Endpoint {
    /// The endpoint of the last request; `None` before the first.
    pub(super) fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Intercept for Endpoint {
    fn name(&self) -> &'static str {
        "Endpoint"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = origin(context.request().uri());
        Ok(())
    }
}

/// `scheme://host:port` of a URL, without userinfo, path and query.
pub(super) fn origin(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri).ok()?;
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{}{port}", url.scheme(), url.host_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_holds_no_secret() {
        assert_eq!(origin("http://user:pw@127.0.0.1:4566/a?b=c").as_deref(), Some("http://127.0.0.1:4566"));
        assert_eq!(
            origin("https://monitoring.eu-west-1.amazonaws.com/").as_deref(),
            Some("https://monitoring.eu-west-1.amazonaws.com")
        );
        assert_eq!(origin("/no/host"), None);
    }
}
