//! Checks a dashboard's body: the grid, the widgets' types, and what each type cannot do without. The words are those
//! of AWS's own schema check where they are known.

use serde_json::{Map, Value as Json};

/// Widgets of one dashboard.
const MAX_WIDGETS: usize = 500;
/// Columns of the grid.
const COLUMNS: i64 = 24;
/// Rows of one widget.
const MAX_HEIGHT: i64 = 1000;

/// The types of widgets.
const TYPES: [&str; 7] = ["metric", "text", "log", "alarm", "explorer", "custom", "chart"];

/// One thing wrong with a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Where, as a JSON pointer.
    pub(crate) path: String,
    /// What.
    pub(crate) message: String,
}

/// All that is wrong with a body; nothing when it is fine.
pub(crate) fn problems(text: &str) -> Vec<Problem> {
    let mut check = Check::default();
    match serde_json::from_str::<Json>(text) {
        Err(error) => check.wrong("", format!("The body is not JSON: {error}")),
        Ok(Json::Object(body)) => check.dashboard(&body),
        Ok(_) => check.wrong("", "Should be object"),
    }
    check.problems
}

#[derive(Debug, Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn wrong(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), message: message.into() });
    }

    fn missing(&mut self, path: &str, property: &str) {
        self.wrong(path, format!("Should have required property '{property}'"));
    }

    fn dashboard(&mut self, body: &Map<String, Json>) {
        if body.contains_key("end") && !body.contains_key("start") {
            self.missing("", "start");
        }
        match body.get("widgets") {
            None => self.missing("", "widgets"),
            Some(Json::Array(widgets)) if widgets.len() > MAX_WIDGETS => {
                self.wrong("/widgets", format!("Should NOT have more than {MAX_WIDGETS} items"));
            }
            Some(Json::Array(widgets)) => {
                for (index, widget) in widgets.iter().enumerate() {
                    let path = format!("/widgets/{index}");
                    match widget {
                        Json::Object(widget) => self.widget(&path, widget),
                        _ => self.wrong(&path, "Should be object"),
                    }
                }
            }
            Some(_) => self.wrong("/widgets", "Should be array"),
        }
    }

    fn widget(&mut self, path: &str, widget: &Map<String, Json>) {
        self.place(path, widget);
        let kind = match widget.get("type") {
            None => return self.missing(path, "type"),
            Some(Json::String(kind)) if TYPES.contains(&kind.as_str()) => kind.as_str(),
            Some(_) => {
                return self.wrong(&format!("{path}/type"), "Should be equal to one of the allowed values");
            }
        };
        let path = format!("{path}/properties");
        match widget.get("properties") {
            None => self.missing(path.trim_end_matches("/properties"), "properties"),
            Some(Json::Object(properties)) => match kind {
                "metric" => self.metric_widget(&path, properties),
                "text" => self.needs(&path, properties, &["markdown"]),
                "log" => self.needs(&path, properties, &["region", "query"]),
                "alarm" => self.needs(&path, properties, &["alarms"]),
                "custom" => self.needs(&path, properties, &["endpoint"]),
                _ => {}
            },
            Some(_) => self.wrong(&path, "Should be object"),
        }
    }

    fn needs(&mut self, path: &str, properties: &Map<String, Json>, names: &[&str]) {
        for name in names {
            if !properties.contains_key(*name) {
                self.missing(path, name);
            }
        }
    }

    /// Position and size: whole numbers on a grid of 24 columns, `x` and `y` both or neither.
    fn place(&mut self, path: &str, widget: &Map<String, Json>) {
        for (name, least, most) in
            [("x", 0, COLUMNS - 1), ("y", 0, i64::MAX), ("width", 1, COLUMNS), ("height", 1, MAX_HEIGHT)]
        {
            let Some(value) = widget.get(name) else {
                continue;
            };
            let path = format!("{path}/{name}");
            match value.as_i64() {
                None => self.wrong(&path, "Should be integer"),
                Some(number) if number < least => self.wrong(&path, format!("Should be >= {least}")),
                Some(number) if number > most => self.wrong(&path, format!("Should be <= {most}")),
                Some(_) => {}
            }
        }
        for (given, needed) in [("x", "y"), ("y", "x")] {
            if widget.contains_key(given) && !widget.contains_key(needed) {
                self.missing(path, needed);
            }
        }
    }

    fn metric_widget(&mut self, path: &str, properties: &Map<String, Json>) {
        let has_source = properties.contains_key("metrics") || properties.contains_key("annotations");
        if !has_source {
            self.missing(path, "metrics");
            self.wrong(
                path,
                "The metric widget should have specified a region and a data source or an alarm annotation",
            );
            self.missing(path, "annotations");
        } else if !matches!(properties.get("region"), Some(Json::String(_))) {
            self.missing(path, "region");
        }
        let path = format!("{path}/metrics");
        match properties.get("metrics") {
            None => {}
            Some(Json::Array(metrics)) if metrics.is_empty() => {
                self.wrong(&path, "Should NOT have less than 1 items");
            }
            Some(Json::Array(metrics)) => {
                for (index, metric) in metrics.iter().enumerate() {
                    self.metric(&format!("{path}/{index}"), metric);
                }
            }
            Some(_) => self.wrong(&path, "Should be array"),
        }
    }

    /// `[namespace, metric, name, value, ..., {options}]`, or `[{expression, ...}]`.
    fn metric(&mut self, path: &str, metric: &Json) {
        let Json::Array(parts) = metric else {
            return self.wrong(path, "Should be array");
        };
        let (texts, options) = match parts.split_last() {
            Some((Json::Object(options), texts)) => (texts, Some(options)),
            _ => (&parts[..], None),
        };
        if texts.iter().any(|part| !part.is_string()) {
            return self.wrong(path, "Should be strings, and an object at the end");
        }
        let expression = options.is_some_and(|options| options.contains_key("expression"));
        match (texts.len(), expression) {
            (0, true) => {}
            (0, false) => self.wrong(path, "Should have a namespace and a metric, or an expression"),
            (_, true) => self.wrong(path, "Should NOT have both a metric and an expression"),
            (1, false) => self.wrong(path, "Should NOT have less than 2 items"),
            (count, false) if count % 2 == 1 => {
                self.wrong(path, "Every dimension should have a name and a value");
            }
            _ => {}
        }
        if let Some(id) = options.and_then(|options| options.get("id")) {
            let valid = id.as_str().is_some_and(|id| {
                id.starts_with(|c: char| c.is_ascii_lowercase())
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
            if !valid {
                self.wrong(path, "The id should match pattern \"^[a-z][a-zA-Z0-9_]*$\"");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of aws-facts.md §6.
    const GOOD: &str = r#"{"start":"-PT3H","widgets":[{"type":"metric","x":0,"y":0,"width":12,"height":6,"properties":{
        "region":"us-east-1","view":"timeSeries","stat":"Sum","period":60,"title":"Connections",
        "metrics":[["AWS/ApplicationELB","ActiveConnectionCount","LoadBalancer","app/NAME/ID",{"id":"m1"}],
                   [{"expression":"m1/2","label":"estimated sockets","id":"e1"}]]}}]}"#;

    #[test]
    fn good_bodies_have_no_problems() {
        for body in
            [GOOD, r#"{"widgets":[]}"#, r##"{"widgets":[{"type":"text","properties":{"markdown":"# x"}}]}"##]
        {
            assert_eq!(problems(body), [], "{body}");
        }
    }

    #[test]
    fn the_known_case_of_a_metric_widget_without_metrics() {
        let found = problems(r#"{"widgets":[{"type":"metric","properties":{"region":"us-east-1"}}]}"#);
        let messages: Vec<&str> = found.iter().map(|problem| problem.message.as_str()).collect();
        assert!(found.iter().all(|problem| problem.path == "/widgets/0/properties"));
        assert_eq!(
            messages,
            [
                "Should have required property 'metrics'",
                "The metric widget should have specified a region and a data source or an alarm annotation",
                "Should have required property 'annotations'"
            ]
        );
    }

    #[test]
    fn problems_are_found_where_they_are() {
        let widget = |widget: &str| format!(r#"{{"widgets":[{widget}]}}"#);
        let metrics = |metrics: &str| {
            widget(&format!(r#"{{"type":"metric","properties":{{"region":"r","metrics":{metrics}}}}}"#))
        };
        for (body, path) in [
            ("{".to_owned(), ""),
            ("[]".to_owned(), ""),
            ("{}".to_owned(), ""),
            (r#"{"end":"x","widgets":[]}"#.to_owned(), ""),
            (r#"{"widgets":{}}"#.to_owned(), "/widgets"),
            (format!(r#"{{"widgets":[{}]}}"#, vec!["{}"; 501].join(",")), "/widgets"),
            (widget("1"), "/widgets/0"),
            (widget("{}"), "/widgets/0"),
            (widget(r#"{"type":"pie","properties":{}}"#), "/widgets/0/type"),
            (widget(r#"{"type":"text"}"#), "/widgets/0"),
            (widget(r#"{"type":"text","properties":{}}"#), "/widgets/0/properties"),
            (widget(r#"{"type":"text","properties":{"markdown":""},"x":1}"#), "/widgets/0"),
            (widget(r#"{"type":"text","properties":{"markdown":""},"width":25}"#), "/widgets/0/width"),
            (widget(r#"{"type":"text","properties":{"markdown":""},"height":0.5}"#), "/widgets/0/height"),
            (metrics("[]"), "/widgets/0/properties/metrics"),
            (metrics(r#"[["A"]]"#), "/widgets/0/properties/metrics/0"),
            (metrics(r#"[["A","B","C"]]"#), "/widgets/0/properties/metrics/0"),
            (metrics(r#"[["A","B"],[{"id":"e1"}]]"#), "/widgets/0/properties/metrics/1"),
            (metrics(r#"[[{"expression":"m1","id":"E"}]]"#), "/widgets/0/properties/metrics/0"),
            (metrics(r#"["A"]"#), "/widgets/0/properties/metrics/0"),
        ] {
            let found = problems(&body);
            assert_eq!(found.len(), 1, "{body}: {found:?}");
            assert_eq!(found[0].path, path, "{body}");
        }
    }
}
