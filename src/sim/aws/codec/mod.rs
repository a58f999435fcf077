//! Bytes to values and back, one file a format: `cbor` and `json` both ways, `form` in and `xml` out.
//! A decoder says in one sentence what it could not read.

pub(crate) mod cbor;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod xml;
