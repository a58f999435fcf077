//! The body of an answer that refuses an upgrade: it says why, and often comes after its head. Pure.

/// How much of a body is wanted: what is kept of it is far shorter.
const WANTED: usize = 4 * 1024;

/// A body as far as it has come.
pub(super) struct Body<'a> {
    bytes: &'a [u8],
    ends: Ends,
}

/// Where a body ends (RFC 9112 §6.3).
enum Ends {
    After(usize),
    WithItsLastChunk,
    WithTheStream,
}

impl<'a> Body<'a> {
    /// The body of an answer of that status and headers, of which these bytes have come.
    pub(super) fn new(status: u16, headers: &[httparse::Header<'_>], bytes: &'a [u8]) -> Body<'a> {
        let value = |name: &str| {
            let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            Some(std::str::from_utf8(header.value).unwrap_or("").trim().to_ascii_lowercase())
        };
        let ends = if matches!(status, 100..=199 | 204 | 304) {
            Ends::After(0)
        } else if value("transfer-encoding").is_some_and(|codings| codings.ends_with("chunked")) {
            Ends::WithItsLastChunk
        } else {
            let length = value("content-length").and_then(|length| length.parse().ok());
            length.map_or(Ends::WithTheStream, Ends::After)
        };
        Body { bytes, ends }
    }

    /// Whether nothing more of it is wanted, or can come.
    pub(super) fn is_enough(&self) -> bool {
        self.bytes.len() >= WANTED
            || match self.ends {
                Ends::After(length) => self.bytes.len() >= length,
                Ends::WithItsLastChunk => dechunked(self.bytes).1,
                Ends::WithTheStream => false,
            }
    }

    /// What it says, in one piece.
    pub(super) fn text(&self) -> String {
        let bytes = match self.ends {
            Ends::After(length) => self.bytes[..self.bytes.len().min(length)].to_vec(),
            Ends::WithItsLastChunk => dechunked(self.bytes).0,
            Ends::WithTheStream => self.bytes.to_vec(),
        };
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

/// The content of chunks (RFC 9112 §7.1), and whether the last one was among them. What is no chunk ends it too: there
/// is nothing behind it that could be made sense of.
fn dechunked(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut content = Vec::new();
    loop {
        match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Partial) => return (content, false),
            Ok(httparse::Status::Complete((head, size))) if size > 0 => {
                let chunk = &bytes[head..];
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                content.extend_from_slice(&chunk[..chunk.len().min(size)]);
                // behind a chunk stands a line's end
                match chunk.get(size.saturating_add(2)..) {
                    Some(rest) => bytes = rest,
                    None => return (content, false),
                }
            }
            Ok(httparse::Status::Complete(_)) | Err(_) => return (content, true),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header<'a>(name: &'a str, value: &'a str) -> httparse::Header<'a> {
        httparse::Header { name, value: value.as_bytes() }
    }

    #[test]
    fn a_body_of_known_length_is_enough_when_it_is_there() {
        let headers = [header("content-LENGTH", " 5 ")];
        for (came, enough, text) in
            [("", false, ""), ("bus", false, "bus"), (" busy", true, "busy"), ("busy!?", true, "busy!")]
        {
            let body = Body::new(503, &headers, came.as_bytes());
            assert_eq!((body.is_enough(), body.text()), (enough, text.to_owned()), "{came}");
        }
        let long = [header("Content-Length", "1000000000")];
        assert!(Body::new(503, &long, &[b'x'; WANTED]).is_enough(), "no more is wanted");
    }

    #[test]
    fn without_a_length_it_ends_with_the_stream_and_some_have_none() {
        assert!(!Body::new(503, &[], b"busy").is_enough());
        assert_eq!(Body::new(503, &[], b"busy\r\n").text(), "busy");
        for status in [100, 204, 304] {
            assert!(Body::new(status, &[], b"").is_enough());
        }
    }

    #[test]
    fn chunks_are_put_together() {
        let headers = [header("Transfer-Encoding", "gzip, Chunked")];
        let whole = "4\r\nbusy\r\n8;x=y\r\n, sorry!\r\n0\r\n\r\n";
        let body = |came: usize| Body::new(503, &headers, &whole.as_bytes()[..came]);
        assert_eq!(body(whole.len()).text(), "busy, sorry!");
        assert!(body(whole.len()).is_enough());
        let before_last = whole.len() - "0\r\n\r\n".len();
        for came in 0..=before_last {
            assert!(!body(came).is_enough(), "{came}");
            assert!("busy, sorry!".starts_with(&body(came).text()), "{came}");
        }
        assert!(Body::new(503, &headers, b"no chunk at all").is_enough());
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200), chunked: bool) {
            let headers = [header("transfer-encoding", if chunked { "chunked" } else { "" })];
            let body = Body::new(500, &headers, &bytes);
            let _ = (body.is_enough(), body.text());
        }

        #[test]
        fn any_chunk_size_is_taken(size: u64, rest in "[a-z\r\n]{0,20}") {
            let _ = dechunked(format!("{size:x}\r\n{rest}").as_bytes());
        }
    }
}
