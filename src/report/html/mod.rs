//! The report as one page: no script, nothing fetched, light or dark as the reader likes.
//!
//! `page` is the frame and the answer, `sections` what stands below it, `chart` the picture of both sides over time, `machine` how
//! this machine fared;
//! `style.css` travels inside the page.

mod chart;
mod machine;
mod page;
mod sections;
mod spread;
#[cfg(test)]
mod tests;

pub use page::html;
