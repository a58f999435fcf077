//! Metric math: a small, honest part of AWS's. `parse` turns text into an expression, `evaluate` works it out.
//! Known are + - * /, numbers, ids, `[lists]`, `FILL(m, number)`, and MAX, MIN, SUM, AVG of a list or of one series.
//! Everything else is refused rather than answered wrongly.

mod evaluate;
mod parse;

pub(crate) use evaluate::{Series, evaluate};
pub(crate) use parse::{Expression, parse};
