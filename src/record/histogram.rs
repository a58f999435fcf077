//! Latencies, kept as an HDR histogram and written in the text form that the HdrHistogram tools of every language read.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Latencies in microseconds, from 1 µs to an hour, to three significant figures.
#[derive(Clone, PartialEq, JsonSchema)]
#[schemars(with = "String")]
pub struct Histogram(hdrhistogram::Histogram<u64>);

/// The usual percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

impl Histogram {
    const HIGHEST_US: u64 = 3_600_000_000;
    const FIGURES: u8 = 3;

    /// Takes one latency; one outside the range counts at its border.
    pub fn record(&mut self, latency: std::time::Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// How many were taken.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The different latencies, ascending, in milliseconds, and how often each was taken.
    #[allow(clippy::cast_precision_loss)]
    pub fn values_ms(&self) -> Vec<(f64, f64)> {
        self.0
            .iter_recorded()
            .map(|seen| (seen.value_iterated_to() as f64 / 1_000.0, seen.count_at_value() as f64))
            .collect()
    }

    /// The percentiles; `None` when nothing was taken.
    pub fn summary(&self) -> Option<LatencySummary> {
        if self.0.is_empty() {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let ms = |us: u64| (us as f64) / 1_000.0;
        let at = |percentile| ms(self.0.value_at_percentile(percentile).min(self.0.max()));
        Some(LatencySummary { p50: at(50.0), p90: at(90.0), p99: at(99.0), max: ms(self.0.max()) })
    }
}

impl Default for Histogram {
    fn default() -> Histogram {
        let histogram = hdrhistogram::Histogram::new_with_bounds(1, Self::HIGHEST_US, Self::FIGURES);
        Histogram(histogram.expect("the bounds are constants that the crate accepts"))
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Histogram({} values, {:?})", self.count(), self.summary())
    }
}

impl Serialize for Histogram {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.0, &mut bytes).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Histogram, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        let bytes = inflated(&bytes).ok_or_else(|| serde::de::Error::custom("no histogram of albcap's"))?;
        let histogram =
            Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(serde::de::Error::custom)?;
        Ok(Histogram(histogram))
    }
}

/// The V2 form in a compressed one: cookie, length of the counts, normalizing offset, significant figures, bounds, ratio
/// and counts. `None` where the crate would allocate more than the text is worth: it believes the length and the figures
/// before it has read a count.
fn inflated(compressed: &[u8]) -> Option<Vec<u8>> {
    const COMPRESSED_HEADER: usize = 8;
    const HEADER: usize = 40;
    /// 23,000 counts of nine bytes at most, by the bounds above.
    const LONGEST: u64 = 256 * 1024;
    let mut bytes = Vec::new();
    let deflated = compressed.get(COMPRESSED_HEADER..)?;
    ZlibDecoder::new(deflated).take(LONGEST).read_to_end(&mut bytes).ok()?;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (length, figures) = (usize::try_from(number(4)?).ok()?, number(12)?);
    let is_ours = length <= bytes.len().saturating_sub(HEADER) && figures == u32::from(Histogram::FIGURES);
    is_ours.then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn percentiles_survive_the_record() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.summary(), None);
        for ms in 1..=100 {
            histogram.record(Duration::from_millis(ms));
        }
        histogram.record(Duration::ZERO);
        histogram.record(Duration::from_secs(100_000));
        let text = serde_json::to_string(&histogram).unwrap();
        assert!(text.starts_with("\"HISTF"), "the interchange form's cookie: {text}");
        let back: Histogram = serde_json::from_str(&text).unwrap();
        assert_eq!(back, histogram);
        let summary = back.summary().unwrap();
        assert!((summary.p50 - 50.0).abs() < 1.1, "{summary:?}");
        assert_eq!(back.count(), 102);
    }

    #[test]
    fn a_length_that_is_not_there_is_not_believed() {
        let compressed = |length: u32, figures: u32| {
            let mut form = Vec::new();
            [0x1c84_9303, length, 0, figures].iter().for_each(|n| form.extend_from_slice(&n.to_be_bytes()));
            [1, 3_600_000_000_u64].iter().for_each(|n| form.extend_from_slice(&n.to_be_bytes()));
            form.extend_from_slice(&1.0_f64.to_be_bytes());
            let mut compressed = vec![0; 8];
            let level = flate2::Compression::default();
            flate2::read::ZlibEncoder::new(&form[..], level).read_to_end(&mut compressed).unwrap();
            compressed
        };
        assert!(inflated(&compressed(0, 3)).is_some());
        for (length, figures) in [(1, 3), (256 * 1024 * 1024, 3), (u32::MAX, 3), (0, 5)] {
            assert!(inflated(&compressed(length, figures)).is_none(), "{length} {figures}");
        }
    }

    #[test]
    fn garbage_is_an_error_and_not_a_panic() {
        for text in ["\"\"", "\"AAAA\"", "\"not base64!\"", "\"HISTFAAAAA==\"", "7"] {
            assert!(serde_json::from_str::<Histogram>(text).is_err(), "{text}");
        }
    }
}
