//! PutMetricData: custom metrics (aws-facts.md §6).
//! `run` is the operation, `datum` and `values` read one datum, `refusal` has the codes.

mod datum;
mod refusal;
mod run;
mod values;

pub(crate) use run::run;
