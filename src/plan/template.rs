//! Texts that differ from connection to connection: `user-{{index}}`, `{{uuid}}`.

use thiserror::Error;

/// A text with places for what is particular to a connection. It may hold a secret: its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Index,
    Uuid,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A name that means nothing.
    #[error("'{{{{{0}}}}}' means nothing; {{{{index}}}} and {{{{uuid}}}} do")]
    Unknown(String),
    /// `{{` without an end.
    #[error("'{{{{' has no '}}}}' behind it")]
    Unclosed,
}

impl Template {
    /// The text, with `index` (the connection's ordinal in its level) and `uuid` in their places.
    pub fn fill(&self, index: u32, uuid: &str) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Index => text.push_str(&index.to_string()),
                Piece::Uuid => text.push_str(uuid),
            }
        }
        text
    }
}

impl std::str::FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Template, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name.trim() {
                "index" => Piece::Index,
                "uuid" => Piece::Uuid,
                other => return Err(TemplateError::Unknown(other.chars().take(20).collect())),
            });
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template(pieces))
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Template(***)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_are_filled_and_unknown_ones_refused() {
        let template: Template = r#"{"a":{"n":{{index}}},"id":"{{ uuid }}"}"#.parse().unwrap();
        assert_eq!(template.fill(7, "u-u"), r#"{"a":{"n":7},"id":"u-u"}"#);
        assert_eq!("{{user}}".parse::<Template>(), Err(TemplateError::Unknown("user".into())));
        assert_eq!("a {{ b".parse::<Template>(), Err(TemplateError::Unclosed));
        assert_eq!(
            TemplateError::Unknown("user".into()).to_string(),
            "'{{user}}' means nothing; {{index}} and {{uuid}} do"
        );
        assert!(!format!("{:?}", "hunter2".parse::<Template>().unwrap()).contains("hunter2"));
    }

    proptest! {
        #[test]
        fn a_text_without_places_stays_as_it_is(text in "[^{]{0,40}") {
            prop_assert_eq!(text.parse::<Template>().unwrap().fill(1, "u"), text);
        }

        #[test]
        fn any_text_is_answered(text in "[{}a-z ]{0,30}") {
            let _ = text.parse::<Template>();
        }
    }
}
