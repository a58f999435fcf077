//! Texts that differ from connection to connection: `user-{{index}}`, `{{uuid}}`, and where there are tokens `{{token}}`.

use thiserror::Error;

/// A text with places for what is particular to a connection. It may hold a secret: its debug form hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Index,
    Uuid,
    Token,
}

/// Why a text is no template; the text may hold a secret and is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// A name that means nothing.
    #[error("unknown {{{{…}}}} at character {0}; use {{{{index}}}} or {{{{uuid}}}}")]
    Unknown(usize),
    /// The same, where a token has its place too.
    #[error("unknown {{{{…}}}} at character {0}; use {{{{index}}}}, {{{{uuid}}}} or {{{{token}}}}")]
    UnknownBesideToken(usize),
    /// `{{` without an end.
    #[error("'{{{{' has no '}}}}' behind it")]
    Unclosed,
}

impl Template {
    /// A template in which `{{token}}` has a meaning too: everywhere but in what a token is made of.
    pub fn with_token(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text, true)
    }

    /// Whether it has a place for the token.
    pub fn has_token(&self) -> bool {
        self.0.contains(&Piece::Token)
    }

    /// The text, with `index` (the connection's ordinal in its level) and `uuid` in their places.
    pub fn fill(&self, index: u32, uuid: &str) -> String {
        self.fill_with(index, uuid, None)
    }

    /// The same with the connection's token, as it is.
    pub fn fill_with(&self, index: u32, uuid: &str, token: Option<&str>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Index => text.push_str(&index.to_string()),
                Piece::Uuid => text.push_str(uuid),
                Piece::Token => text.push_str(token.unwrap_or_default()),
            }
        }
        text
    }

    /// What stands between the places.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    fn parse(text: &str, token: bool) -> Result<Template, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, behind) = after.split_once("}}").ok_or(TemplateError::Unclosed)?;
            let unknown = || {
                let place = text[..text.len() - after.len() - "{{".len()].chars().count() + 1;
                if token { TemplateError::UnknownBesideToken(place) } else { TemplateError::Unknown(place) }
            };
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name.trim() {
                "index" => Piece::Index,
                "uuid" => Piece::Uuid,
                "token" if token => Piece::Token,
                _ => return Err(unknown()),
            });
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template(pieces))
    }
}

impl std::str::FromStr for Template {
    type Err = TemplateError;

    /// Without `{{token}}`, which [`Template::with_token`] takes.
    fn from_str(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text, false)
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
        assert_eq!("ä {{user}}".parse::<Template>(), Err(TemplateError::Unknown(3)));
        assert_eq!("a {{ b".parse::<Template>(), Err(TemplateError::Unclosed));
        assert_eq!(
            TemplateError::Unknown(3).to_string(),
            "unknown {{…}} at character 3; use {{index}} or {{uuid}}"
        );
        assert!(!format!("{:?}", "hunter2".parse::<Template>().unwrap()).contains("hunter2"));
    }

    #[test]
    fn a_token_has_its_place_only_where_it_is_known() {
        assert_eq!("{{token}}".parse::<Template>(), Err(TemplateError::Unknown(1)));
        let template = Template::with_token(r#"{"auth":"{{ token }}","n":{{index}}}"#).unwrap();
        assert!(template.has_token());
        assert_eq!(template.fill_with(3, "u", Some("t0k")), r#"{"auth":"t0k","n":3}"#);
        assert!(!Template::with_token("{{uuid}}").unwrap().has_token());
        let unknown = Template::with_token("{{user}}").unwrap_err().to_string();
        assert_eq!(unknown, "unknown {{…}} at character 1; use {{index}}, {{uuid}} or {{token}}");
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
