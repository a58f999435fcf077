//! Takes in a request's body: bounded in size and time, decompressed when it says so.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderValue};

use super::error::AwsError;

/// The largest body on the wire. A legal PutLogEvents holds 1 MiB of messages, which JSON escapes can make six times
/// as long.
const MAX_WIRE_BYTES: usize = 8 << 20;

/// How much of a body that is too large is still read.
const MAX_READ_BYTES: usize = 64 << 20;

/// The largest body after decompression: a gzip bomb stops here.
const MAX_BODY_BYTES: usize = 16 << 20;

/// How long a client may take to send a body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Takes in a body, within bounds of size and time. Of one that is too large the rest is read and forgotten, since a
/// client that is still sending would see a reset connection instead of the answer.
pub(crate) async fn receive(mut body: Incoming) -> Result<Bytes, AwsError> {
    let reading = async {
        let mut kept = BytesMut::new();
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame
                .map_err(|error| AwsError::serialization(format!("The body could not be read: {error}")))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            size += data.len();
            if size <= MAX_WIRE_BYTES {
                kept.extend_from_slice(&data);
            } else if size > MAX_READ_BYTES {
                break;
            }
        }
        if size > MAX_WIRE_BYTES {
            return Err(too_large(MAX_WIRE_BYTES));
        }
        Ok(kept.freeze())
    };
    tokio::time::timeout(READ_TIMEOUT, reading).await.unwrap_or_else(|_| {
        Err(AwsError::new("RequestTimeout", "The body did not arrive in time").status(408))
    })
}

/// The body without its `Content-Encoding`.
pub(crate) fn decompressed(headers: &HeaderMap, wire: &Bytes) -> Result<Bytes, AwsError> {
    match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(wire.clone()),
        Some(b"gzip") => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(&wire[..])
                .take(MAX_BODY_BYTES as u64 + 1)
                .read_to_end(&mut plain)
                .map_err(|error| AwsError::serialization(format!("The body is not gzip: {error}")))?;
            if plain.len() > MAX_BODY_BYTES {
                return Err(too_large(MAX_BODY_BYTES));
            }
            Ok(plain.into())
        }
        Some(_) => Err(AwsError::serialization("Only gzip is known as a Content-Encoding")),
    }
}

fn too_large(limit: usize) -> AwsError {
    AwsError::new("RequestEntityTooLarge", format!("The request is larger than {limit} bytes")).status(413)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_gzip_bomb_stops_at_the_limit() {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for _ in 0..20 {
            encoder.write_all(&vec![0; 1 << 20]).unwrap();
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let bomb = Bytes::from(encoder.finish().unwrap());
        assert_eq!(decompressed(&headers, &bomb).unwrap_err().status, 413);
    }
}
