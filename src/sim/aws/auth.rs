//! Who may call: every request must carry a Signature Version 4 and not be denied by the settings. The signature
//! itself is not verified, since the simulator knows no secret to verify it with.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::account::{Owner, Settings};
use super::error::AwsError;
use super::operation::{Dialect, Service};

/// The parts that the header of a signed request must name.
const SIGNATURE_PARTS: [&str; 3] = ["Credential=", "SignedHeaders=", "Signature="];

/// Refuses a request that carries no signature, or half of one.
pub(crate) fn authenticate(headers: &HeaderMap, dialect: Dialect) -> Result<(), AwsError> {
    let Some(authorization) = headers.get(AUTHORIZATION) else {
        return Err(match dialect {
            Dialect::Query => {
                AwsError::new("MissingAuthenticationToken", "Request is missing Authentication Token")
                    .status(403)
            }
            Dialect::Json => {
                AwsError::new("MissingAuthenticationTokenException", "Missing Authentication Token")
            }
        });
    };
    let text = authorization.to_str().unwrap_or_default();
    let complete =
        text.starts_with("AWS4-HMAC-SHA256 ") && SIGNATURE_PARTS.iter().all(|part| text.contains(part));
    if complete {
        return Ok(());
    }
    let message = "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.";
    Err(match dialect {
        Dialect::Query => AwsError::new("IncompleteSignature", message),
        Dialect::Json => AwsError::new("IncompleteSignatureException", message),
    })
}

/// Refuses an action that the settings deny at its `call`th call.
pub(crate) fn authorize(
    service: &Service,
    action: &str,
    call: u64,
    settings: &Settings,
    owner: &Owner,
) -> Result<(), AwsError> {
    if !settings.denies(action, call) {
        return Ok(());
    }
    let Owner { partition, account, .. } = owner;
    let message = format!(
        "User: arn:{partition}:iam::{account}:user/albcap-sim is not authorized to perform: {action} \
         because no identity-based policy allows the {action} action"
    );
    Err(match service.dialect {
        Dialect::Query => AwsError::new("AccessDenied", message).status(403),
        Dialect::Json => AwsError::new("AccessDeniedException", message),
    })
}
