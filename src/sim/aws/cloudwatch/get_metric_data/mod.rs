//! GetMetricData: statistics of metrics, and math over them, in pages (aws-facts.md §2).
//! `request` is what may be asked, `results` works it out, `pages` cuts it, `answer` puts it together.

mod answer;
mod pages;
mod request;
mod results;

pub(crate) use answer::run;
