//! JSON Schema of what programs may read: a line of the record, and the report.

use schemars::{JsonSchema, schema_for};

use super::Report;
use crate::record::Stamped;

/// The schema of one line of a record (JSON Schema 2020-12).
pub fn record() -> String {
    written::<Stamped>("One line of an albcap record")
}

/// The schema of the report (JSON Schema 2020-12).
pub fn report() -> String {
    written::<Report>("The report of an albcap run")
}

fn written<T: JsonSchema>(title: &str) -> String {
    let mut schema = schema_for!(T);
    schema.insert("title".into(), title.into());
    // A schema is a JSON value already: nothing in it can fail to serialize.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_record_has_every_type_of_event() {
        let schema: Value = serde_json::from_str(&record()).unwrap();
        let text = schema.to_string();
        for name in [
            "header",
            "facts",
            "finding",
            "level_started",
            "hold_started",
            "hold_ended",
            "sample",
            "machine",
            "failure",
        ] {
            assert!(text.contains(&format!("\"const\":\"{name}\"")), "{name}");
        }
        assert_eq!(schema["title"], "One line of an albcap record");
    }

    #[test]
    fn the_report_requires_its_members() {
        let schema: Value = serde_json::from_str(&report()).unwrap();
        let required = schema["required"].as_array().unwrap();
        for name in ["schema", "run", "plan", "levels", "capacity", "correlation", "verdict"] {
            assert!(required.iter().any(|r| r == name), "{name}");
        }
    }
}
