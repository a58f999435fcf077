//! What AWS charges: a dated table of prices, and the arithmetic of capacity units.
//!
//! The table inside is `aws.toml`; a user's file of the same form ([`Prices::over_the_table`]) takes its place key by key.
//! Pure: whoever reads the file hands in its text.

mod lcu;

pub use lcu::{Carried, Dimension};

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const TABLE: &str = include_str!("aws.toml");

/// Prices in US dollars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    /// Of when they are.
    pub as_of: NaiveDate,
    /// Where they hold.
    pub region: String,
    /// A load balancer capacity unit for an hour (aws-facts.md §4).
    pub lcu_hour: f64,
    /// An ALB for an hour, without its capacity units.
    pub load_balancer_hour: f64,
    /// 1,000 metrics asked for by GetMetricData (aws-facts.md §2).
    pub metrics_read_1000: f64,
    /// A custom metric for a month, up to the 10,000th of the account (aws-facts.md §6).
    pub metric_month: f64,
    /// 10^9 bytes of log events, as AWS counts them (aws-facts.md §7); in older records it is not there.
    #[serde(default = "logs_gb")]
    pub logs_gb: f64,
}

/// Why a table of prices can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PricesError {
    /// Not TOML, an unknown key, or a value of another type.
    #[error("{0}")]
    Form(String),
    /// Negative, or no number.
    #[error("'{0}' is not a price: it must be 0 or more")]
    NotAPrice(&'static str),
}

/// A file of prices: what it does not say is as in the table inside.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    as_of: NaiveDate,
    region: Option<String>,
    lcu_hour: Option<f64>,
    load_balancer_hour: Option<f64>,
    metrics_read_1000: Option<f64>,
    metric_month: Option<f64>,
    logs_gb: Option<f64>,
}

/// What is used of what AWS charges for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Use {
    /// Capacity units times hours.
    pub lcu_hours: f64,
    /// Metrics asked for by GetMetricData, counted at every read.
    pub metrics_read: u64,
    /// Custom metrics published, each charged for its month.
    pub metrics_published: u64,
    /// Bytes of log events.
    pub log_bytes: u64,
}

/// What a [`Use`] costs, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// The capacity units.
    pub lcus: f64,
    /// Reading metrics.
    pub reading: f64,
    /// Publishing metrics.
    pub publishing: f64,
    /// Taking log events.
    pub logging: f64,
}

/// For records that were written before it was in the table.
fn logs_gb() -> f64 {
    Prices::default().logs_gb
}

impl Default for Prices {
    /// The table inside.
    fn default() -> Prices {
        let file: File = toml::from_str(TABLE).expect("the table inside is tested to be readable");
        let given = |price: Option<f64>| price.expect("the table inside is tested to be complete");
        Prices {
            as_of: file.as_of,
            region: file.region.expect("the table inside is tested to be complete"),
            lcu_hour: given(file.lcu_hour),
            load_balancer_hour: given(file.load_balancer_hour),
            metrics_read_1000: given(file.metrics_read_1000),
            metric_month: given(file.metric_month),
            logs_gb: given(file.logs_gb),
        }
    }
}

impl Prices {
    /// The prices of a file's text, over those of the table inside.
    ///
    /// # Errors
    /// [`PricesError`], with the line and column where the text is not understood.
    pub fn over_the_table(text: &str) -> Result<Prices, PricesError> {
        let file: File = toml::from_str(text).map_err(|error| form(text, &error))?;
        let table = Prices::default();
        let price = |name: &'static str, given: Option<f64>, inside: f64| match given {
            None => Ok(inside),
            Some(price) if price.is_finite() && price >= 0.0 => Ok(price),
            Some(_) => Err(PricesError::NotAPrice(name)),
        };
        Ok(Prices {
            as_of: file.as_of,
            region: file.region.unwrap_or(table.region),
            lcu_hour: price("lcu_hour", file.lcu_hour, table.lcu_hour)?,
            load_balancer_hour: price(
                "load_balancer_hour",
                file.load_balancer_hour,
                table.load_balancer_hour,
            )?,
            metrics_read_1000: price("metrics_read_1000", file.metrics_read_1000, table.metrics_read_1000)?,
            metric_month: price("metric_month", file.metric_month, table.metric_month)?,
            logs_gb: price("logs_gb", file.logs_gb, table.logs_gb)?,
        })
    }

    /// What that costs.
    #[allow(clippy::cast_precision_loss)]
    pub fn cost(&self, used: &Use) -> Cost {
        Cost {
            lcus: used.lcu_hours * self.lcu_hour,
            reading: used.metrics_read as f64 / 1_000.0 * self.metrics_read_1000,
            publishing: used.metrics_published as f64 * self.metric_month,
            logging: used.log_bytes as f64 / 1e9 * self.logs_gb,
        }
    }
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.lcus + self.reading + self.publishing + self.logging
    }
}

/// What is wrong with a text, on one line.
fn form(text: &str, error: &toml::de::Error) -> PricesError {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let at = line.map_or_else(String::new, |line| format!("line {line}: "));
    PricesError::Form(format!("{at}{}", error.message().replace('\n', " ")))
}

/// Dollars as they are shown: `$0.04`, `$1,234.50`, and `less than $0.01` for what is not nothing.
pub fn show_dollars(dollars: f64) -> String {
    if dollars > 0.0 && dollars < 0.01 {
        return "less than $0.01".to_owned();
    }
    let text = format!("{dollars:.2}");
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("${grouped}.{cents}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_table_inside_is_complete_and_a_file_of_its_own_form() {
        let inside = Prices::default();
        assert_eq!(inside.region, "us-east-1");
        assert!(inside.lcu_hour > 0.0 && inside.load_balancer_hour > 0.0);
        assert!(inside.metrics_read_1000 > 0.0 && inside.metric_month > 0.0);
        assert_eq!(Prices::over_the_table(TABLE).unwrap(), inside);
    }

    #[test]
    fn the_page_about_prices_shows_the_table() {
        let page = include_str!("../../docs/prices.md");
        let shown = page.split("```toml").nth(1).unwrap().split("```").next().unwrap();
        assert_eq!(Prices::over_the_table(shown).unwrap(), Prices::default());
    }

    #[test]
    fn a_file_takes_the_tables_place_key_by_key() {
        let mine =
            Prices::over_the_table("as_of = \"2027-01-31\"\nregion = \"eu-west-1\"\nlcu_hour = 0.5").unwrap();
        assert_eq!((mine.as_of.to_string().as_str(), mine.region.as_str()), ("2027-01-31", "eu-west-1"));
        assert_eq!(
            mine,
            Prices { as_of: mine.as_of, region: mine.region.clone(), lcu_hour: 0.5, ..Prices::default() }
        );
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let dated =
            |line: &str| Prices::over_the_table(&format!("as_of = \"2027-01-31\"\n{line}")).unwrap_err();
        for (line, says) in [
            ("lcu_hours = 1", "lcu_hours"),
            ("lcu_hour = \"1\"", "line 2"),
            ("lcu_hour = -1.0", "'lcu_hour' is not a price"),
            ("metric_month = nan", "'metric_month' is not a price"),
            ("metrics_read_1000 = inf", "'metrics_read_1000' is not a price"),
        ] {
            assert!(dated(line).to_string().contains(says), "{line}: {}", dated(line));
        }
        let undated = Prices::over_the_table("lcu_hour = 0.5").unwrap_err();
        assert!(undated.to_string().contains("as_of"), "{undated}");
        assert!(Prices::over_the_table("as_of = \"soon\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in "[a-z_0-9=.\"\\[\\]# \\néé-]{0,120}", any in any::<String>(), price in any::<f64>()) {
            for text in [&text, &any, &format!("as_of = \"2027-01-31\"\nlcu_hour = {price:?}")] {
                if let Ok(prices) = Prices::over_the_table(text) {
                    prop_assert!(prices.lcu_hour.is_finite() && prices.lcu_hour >= 0.0);
                }
            }
        }
    }

    #[test]
    fn each_use_has_its_price() {
        let prices = Prices {
            lcu_hour: 2.0,
            metrics_read_1000: 3.0,
            metric_month: 5.0,
            logs_gb: 7.0,
            ..Prices::default()
        };
        let cost = prices.cost(&Use {
            lcu_hours: 1.5,
            metrics_read: 500,
            metrics_published: 4,
            log_bytes: 2_000_000_000,
        });
        assert_eq!((cost.lcus, cost.reading, cost.publishing), (3.0, 1.5, 20.0));
        assert_eq!((cost.logging, cost.total()), (14.0, 38.5));
        assert_eq!(prices.cost(&Use::default()).total(), 0.0);
    }

    #[test]
    fn dollars_as_people_read_them() {
        for (dollars, shown) in [
            (0.0, "$0.00"),
            (0.000_2, "less than $0.01"),
            (0.01, "$0.01"),
            (0.044, "$0.04"),
            (12.5, "$12.50"),
            (1_234.5, "$1,234.50"),
            (1_234_567.0, "$1,234,567.00"),
        ] {
            assert_eq!(show_dollars(dollars), shown);
        }
    }
}
