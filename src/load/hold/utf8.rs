//! Whether a text that comes in pieces is UTF-8 (RFC 6455 §8.1), without keeping the text.

/// Not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// The up to three bytes of a character whose rest is still to come.
#[derive(Default)]
pub(super) struct Utf8 {
    begun: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// Takes the next piece.
    pub(super) fn feed(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.length > 0 && !piece.is_empty() {
            self.begun[self.length] = piece[0];
            self.length += 1;
            piece = &piece[1..];
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                // `None`: so far it may still become a character.
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        if let Err(error) = std::str::from_utf8(piece) {
            let rest = &piece[error.valid_up_to()..];
            if error.error_len().is_some() {
                return Err(NotUtf8);
            }
            self.begun[..rest.len()].copy_from_slice(rest);
            self.length = rest.len();
        }
        Ok(())
    }

    /// The text is over.
    pub(super) fn end(self) -> Result<(), NotUtf8> {
        if self.length == 0 { Ok(()) } else { Err(NotUtf8) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(), NotUtf8> {
        let mut utf8 = Utf8::default();
        pieces.into_iter().try_for_each(|piece| utf8.feed(piece))?;
        utf8.end()
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces_passes(text in "\\PC{0,40}", size in 1_usize..6) {
            prop_assert_eq!(in_pieces(text.as_bytes().chunks(size)), Ok(()));
        }

        #[test]
        fn any_bytes_are_judged_as_the_whole_is(bytes in prop::collection::vec(any::<u8>(), 0..24), size in 1_usize..6) {
            let whole = std::str::from_utf8(&bytes).is_ok();
            prop_assert_eq!(in_pieces(bytes.chunks(size)).is_ok(), whole);
        }
    }
}
