//! The HTTP client of the services and of the credentials' sources: rustls with ring, and answers of a bounded size.

use aws_sdk_cloudwatch::config::{HttpClient, RuntimeComponents, SharedHttpClient};
use aws_sdk_cloudwatch::error::{BoxError, ConnectorError};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use thiserror::Error;

/// The longest body that is read, in MiB. The largest answer is GetMetricData's, with 100,800 data points at most
/// (aws-facts.md §2). In the wordiest of CloudWatch's protocols, XML, a point takes two elements of 76 bytes together:
/// 7.7 MB, to which the names of 500 queries add less than 1 MB. An answer in CBOR, which this SDK asks for, has 1.9 MB.
const MOST_MIB: usize = 12;

/// An answer whose body has more than [`MOST_MIB`].
#[derive(Debug, Error)]
#[error("it has more than {MOST_MIB} MiB")]
pub(super) struct TooLarge;

/// A client that reads no more of a body than [`MOST_MIB`].
pub(super) fn http_client() -> SharedHttpClient {
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    SharedHttpClient::new(Capped(client.build_https()))
}

#[derive(Debug)]
struct Capped(SharedHttpClient);

impl HttpClient for Capped {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(CappedConnector(self.0.http_connector(settings, components)))
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct CappedConnector(SharedHttpConnector);

impl HttpConnector for CappedConnector {
    /// Reads the body here: the SDK would treat an error while it reads the body as transient, and retry.
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = answer.await?;
            let body = Limited::new(response.take_body(), MOST_MIB * 1024 * 1024).collect().await;
            *response.body_mut() = body.map_err(unread)?.to_bytes().into();
            Ok(response)
        })
    }
}

fn unread(error: BoxError) -> ConnectorError {
    match error.is::<LengthLimitError>() {
        true => ConnectorError::other(TooLarge.into(), None),
        false => ConnectorError::io(error),
    }
}
