//! The XML that awsQuery answers with.

use chrono::SecondsFormat;

use crate::sim::aws::error::AwsError;
use crate::sim::aws::value::Value;

/// The namespace of elbv2's answers.
const NAMESPACE: &str = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/// The answer of an operation, in the envelope that names it.
pub(crate) fn response(operation: &str, output: Option<&Value>, request_id: &str) -> Vec<u8> {
    let mut xml = format!("<{operation}Response xmlns=\"{NAMESPACE}\">");
    if let Some(output) = output {
        element(&mut xml, &format!("{operation}Result"), output);
    }
    xml.push_str("<ResponseMetadata>");
    leaf(&mut xml, "RequestId", request_id);
    xml.push_str("</ResponseMetadata>");
    xml.push_str(&format!("</{operation}Response>"));
    xml.into_bytes()
}

/// A refusal.
pub(crate) fn error(error: &AwsError, request_id: &str) -> Vec<u8> {
    let mut xml = format!("<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>");
    leaf(&mut xml, "Type", error.fault());
    leaf(&mut xml, "Code", error.code);
    leaf(&mut xml, "Message", &error.message);
    xml.push_str("</Error>");
    leaf(&mut xml, "RequestId", request_id);
    xml.push_str("</ErrorResponse>");
    xml.into_bytes()
}

fn element(xml: &mut String, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(truth) => leaf(xml, name, if *truth { "true" } else { "false" }),
        Value::Integer(number) => leaf(xml, name, &number.to_string()),
        Value::Float(number) => leaf(xml, name, &number.to_string()),
        Value::Text(text) => leaf(xml, name, text),
        Value::Timestamp(at) => leaf(xml, name, &at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        Value::List(items) => {
            xml.push_str(&format!("<{name}>"));
            for item in items {
                element(xml, "member", item);
            }
            xml.push_str(&format!("</{name}>"));
        }
        Value::Map(members) => {
            xml.push_str(&format!("<{name}>"));
            for (member, value) in members {
                element(xml, member, value);
            }
            xml.push_str(&format!("</{name}>"));
        }
    }
}

fn leaf(xml: &mut String, name: &str, text: &str) {
    xml.push_str(&format!("<{name}>"));
    escape(xml, text);
    xml.push_str(&format!("</{name}>"));
}

fn escape(xml: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            '\r' => xml.push_str("&#13;"),
            '\t' | '\n' => xml.push(character),
            // XML 1.0 has no way to write these (§2.2 of its recommendation).
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(character),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sim::aws::value::Structure;

    #[test]
    fn an_answer_is_wrapped_and_escaped() {
        let output = Value::from(
            Structure::new()
                .with("Names", vec!["a<b", "c&\"d\u{1}"])
                .with("Empty", Value::List(vec![]))
                .with("Count", 2)
                .with("Nothing", Value::Null)
                .with("Since", chrono::DateTime::from_timestamp_millis(500).unwrap()),
        );
        assert_eq!(
            String::from_utf8(response("Do", Some(&output), "id")).unwrap(),
            "<DoResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
             <DoResult><Names><member>a&lt;b</member><member>c&amp;&quot;d\u{fffd}</member></Names>\
             <Empty></Empty><Count>2</Count><Since>1970-01-01T00:00:00.500Z</Since></DoResult>\
             <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DoResponse>"
        );
    }
}
