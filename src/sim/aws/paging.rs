//! Tokens for the lists that come in pages: an offset, bound to the operation that gave it out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// One page of a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<'a, T> {
    /// The page's items.
    pub(crate) items: &'a [T],
    /// What to send to get the next page; `None` on the last.
    pub(crate) next: Option<String>,
}

/// The page of `items` that `token` asks for, or `None` when `token` was not given out for `list`.
pub(crate) fn page<'a, T>(
    list: &str,
    items: &'a [T],
    token: Option<&str>,
    size: usize,
) -> Option<Page<'a, T>> {
    let start = match token {
        None => 0,
        Some(token) => offset(list, token)?,
    };
    let rest = items.get(start..)?;
    let end = rest.len().min(size);
    Some(Page {
        items: &rest[..end],
        next: (end < rest.len()).then(|| seal(&format!("{list} {}", start + end))),
    })
}

fn offset(list: &str, token: &str) -> Option<usize> {
    let text = open(token)?;
    let (name, offset) = text.rsplit_once(' ')?;
    if name == list { offset.parse().ok() } else { None }
}

/// Makes a token of a text, so that nobody is tempted to build one.
pub(crate) fn seal(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The text in a token, if it is one.
pub(crate) fn open(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once() {
        let items: Vec<u32> = (0..7).collect();
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let page = page("numbers", &items, token.as_deref(), 3).unwrap();
            seen.extend_from_slice(page.items);
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn a_full_last_page_has_no_token() {
        assert_eq!(page("numbers", &[1, 2], None, 2).unwrap().next, None);
    }

    #[test]
    fn foreign_tokens_are_refused() {
        let items = [1, 2, 3];
        let token = page("numbers", &items, None, 1).unwrap().next.unwrap();
        assert!(page("letters", &items, Some(&token), 1).is_none());
        for garbage in ["", "!", "bnVtYmVycyA5OQ", &seal("numbers x")] {
            assert!(page("numbers", &items, Some(garbage), 1).is_none(), "{garbage}");
        }
    }
}
