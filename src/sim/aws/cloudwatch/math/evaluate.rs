//! Works an expression out over the series of other queries.

use std::collections::BTreeMap;

use thiserror::Error;

use super::parse::{Expression, Function, Operator};
use crate::sim::aws::cloudwatch::window::Window;

/// Periods that FILL may fill; a whole answer holds no more datapoints.
const MAX_FILLED: i64 = 100_800;

/// A query's result: values by the start of their period.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    /// The periods it could have values for.
    pub(crate) window: Window,
    /// The values it has.
    pub(crate) points: BTreeMap<i64, f64>,
}

/// Why an expression has no result.
#[derive(Clone, Debug, PartialEq, Error)]
pub(crate) enum EvaluationError {
    /// Another query's id that is not there.
    #[error("Unknown id {0}")]
    UnknownId(String),
    /// A number where a series is needed.
    #[error("The expression must return a time series, not a single number")]
    NotASeries,
    /// A list anywhere but as a function's argument.
    #[error("A list of time series can only be the argument of MAX, MIN, SUM or AVG")]
    ListOutsideFunction,
    /// FILL's second argument.
    #[error("FILL takes a metric and a number; other fillings are not simulated")]
    Filling,
    /// DIFF's argument.
    #[error("DIFF takes one metric; lists are not simulated")]
    Difference,
    /// FILL over too long a time.
    #[error("FILL would make more than {MAX_FILLED} datapoints")]
    TooManyPeriods,
}

#[derive(Clone, Debug)]
enum Operand {
    Scalar(f64),
    Series(Series),
    List(Vec<Operand>),
}

/// The series that an expression makes of others.
pub(crate) fn evaluate(
    expression: &Expression,
    results: &BTreeMap<String, Series>,
) -> Result<Series, EvaluationError> {
    match operand(expression, results)? {
        Operand::Series(mut series) => {
            // Dividing by zero, for one, leaves no datapoint.
            series.points.retain(|_, value| value.is_finite());
            Ok(series)
        }
        Operand::Scalar(_) => Err(EvaluationError::NotASeries),
        Operand::List(_) => Err(EvaluationError::ListOutsideFunction),
    }
}

fn operand(expression: &Expression, results: &BTreeMap<String, Series>) -> Result<Operand, EvaluationError> {
    let work_out = |inner: &Expression| operand(inner, results);
    match expression {
        Expression::Number(number) => Ok(Operand::Scalar(*number)),
        Expression::Id(id) => results
            .get(id)
            .cloned()
            .map(Operand::Series)
            .ok_or_else(|| EvaluationError::UnknownId(id.clone())),
        Expression::Negated(inner) => combine(&|x, y| x * y, Operand::Scalar(-1.0), work_out(inner)?),
        Expression::Chain(first, rest) => {
            rest.iter().try_fold(work_out(first)?, |left, (operator, right)| {
                let apply: &dyn Fn(f64, f64) -> f64 = match operator {
                    Operator::Add => &|x, y| x + y,
                    Operator::Subtract => &|x, y| x - y,
                    Operator::Multiply => &|x, y| x * y,
                    Operator::Divide => &|x, y| x / y,
                };
                combine(apply, left, work_out(right)?)
            })
        }
        Expression::List(items) => items.iter().map(work_out).collect::<Result<_, _>>().map(Operand::List),
        Expression::Call(Function::Fill, arguments) => match &arguments[..] {
            [metric, number] => fill(work_out(metric)?, &work_out(number)?),
            _ => Err(EvaluationError::Filling),
        },
        Expression::Call(Function::Difference, arguments) => match &arguments[..] {
            [metric] => difference(work_out(metric)?),
            _ => Err(EvaluationError::Difference),
        },
        Expression::Call(function, arguments) => match &arguments[..] {
            [argument] => aggregate(*function, work_out(argument)?),
            _ => Err(EvaluationError::ListOutsideFunction),
        },
    }
}

/// Two series meet only in the periods that both have.
fn combine(
    apply: &dyn Fn(f64, f64) -> f64,
    left: Operand,
    right: Operand,
) -> Result<Operand, EvaluationError> {
    Ok(match (left, right) {
        (Operand::Scalar(left), Operand::Scalar(right)) => Operand::Scalar(apply(left, right)),
        (Operand::Series(mut left), Operand::Scalar(right)) => {
            left.points.values_mut().for_each(|value| *value = apply(*value, right));
            Operand::Series(left)
        }
        (Operand::Scalar(left), Operand::Series(mut right)) => {
            right.points.values_mut().for_each(|value| *value = apply(left, *value));
            Operand::Series(right)
        }
        (Operand::Series(left), Operand::Series(right)) => Operand::Series(Series {
            window: coarser(left.window, right.window),
            points: left
                .points
                .iter()
                .filter_map(|(at, value)| Some((*at, apply(*value, *right.points.get(at)?))))
                .collect(),
        }),
        _ => return Err(EvaluationError::ListOutsideFunction),
    })
}

fn coarser(left: Window, right: Window) -> Window {
    if right.period > left.period { right } else { left }
}

fn fill(metric: Operand, filling: &Operand) -> Result<Operand, EvaluationError> {
    let (Operand::Series(mut series), Operand::Scalar(number)) = (metric, filling) else {
        return Err(EvaluationError::Filling);
    };
    if series.window.len() > MAX_FILLED {
        return Err(EvaluationError::TooManyPeriods);
    }
    for start in series.window.periods() {
        series.points.entry(start).or_insert(*number);
    }
    Ok(Operand::Series(series))
}

/// Each value less the one before it; the first has none.
fn difference(metric: Operand) -> Result<Operand, EvaluationError> {
    let Operand::Series(series) = metric else {
        return Err(EvaluationError::Difference);
    };
    let later = series.points.iter().skip(1);
    let points =
        later.zip(series.points.values()).map(|((at, value), before)| (*at, value - before)).collect();
    Ok(Operand::Series(Series { window: series.window, points }))
}

/// Of one series, a number; of a list, a series with a value wherever any member has one.
fn aggregate(function: Function, argument: Operand) -> Result<Operand, EvaluationError> {
    match argument {
        Operand::Series(series) => {
            let values: Vec<f64> = series.points.into_values().collect();
            Ok(Operand::Scalar(reduce(function, &values)))
        }
        Operand::Scalar(_) => Err(EvaluationError::NotASeries),
        Operand::List(items) => {
            let mut numbers = Vec::new();
            let mut window: Option<Window> = None;
            let mut rows: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for item in items {
                match item {
                    Operand::Scalar(number) => numbers.push(number),
                    Operand::Series(series) => {
                        window = Some(window.map_or(series.window, |w| coarser(w, series.window)));
                        for (at, value) in series.points {
                            rows.entry(at).or_default().push(value);
                        }
                    }
                    Operand::List(_) => return Err(EvaluationError::ListOutsideFunction),
                }
            }
            let Some(window) = window else {
                return Ok(Operand::Scalar(reduce(function, &numbers)));
            };
            let points = rows
                .into_iter()
                .map(|(at, mut values)| {
                    values.extend_from_slice(&numbers);
                    (at, reduce(function, &values))
                })
                .collect();
            Ok(Operand::Series(Series { window, points }))
        }
    }
}

/// Of no values, no number: the result drops out later.
fn reduce(function: Function, values: &[f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let sum: f64 = values.iter().sum();
    match function {
        Function::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Sum | Function::Fill | Function::Difference => sum,
        Function::Average => sum / values.len() as f64,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn series(points: &[(i64, f64)]) -> Series {
        Series {
            window: Window { start: 0, end: 240, period: 60, horizon: 0 },
            points: points.iter().copied().collect(),
        }
    }

    fn results() -> BTreeMap<String, Series> {
        BTreeMap::from([
            ("m1".to_owned(), series(&[(0, 10.0), (60, 20.0), (180, 40.0)])),
            ("m2".to_owned(), series(&[(60, 2.0), (120, 0.0), (180, 0.0)])),
            ("none".to_owned(), series(&[])),
        ])
    }

    #[test]
    fn expressions_are_worked_out_by_period() {
        for (text, expected) in [
            ("m1 / 2", vec![(0, 5.0), (60, 10.0), (180, 20.0)]),
            ("100 - m1", vec![(0, 90.0), (60, 80.0), (180, 60.0)]),
            ("-m1", vec![(0, -10.0), (60, -20.0), (180, -40.0)]),
            ("m1 + m2", vec![(60, 22.0), (180, 40.0)]),
            // No datapoint where the divisor is zero.
            ("m1 / m2", vec![(60, 10.0)]),
            ("FILL(m1, 0) / 2", vec![(0, 5.0), (60, 10.0), (120, 0.0), (180, 20.0)]),
            ("FILL(none, 7)", vec![(0, 7.0), (60, 7.0), (120, 7.0), (180, 7.0)]),
            ("SUM([m1, m2])", vec![(0, 10.0), (60, 22.0), (120, 0.0), (180, 40.0)]),
            ("MAX([m1, m2, 15])", vec![(0, 15.0), (60, 20.0), (120, 15.0), (180, 40.0)]),
            ("MIN([m1, m2])", vec![(0, 10.0), (60, 2.0), (120, 0.0), (180, 0.0)]),
            ("AVG([m1, m2])", vec![(0, 10.0), (60, 11.0), (120, 0.0), (180, 20.0)]),
            ("m1 / SUM(m1) * 70", vec![(0, 10.0), (60, 20.0), (180, 40.0)]),
            ("m1 * 0 + MAX(none)", vec![]),
            ("m1 - 1 - 2 - 3", vec![(0, 4.0), (60, 14.0), (180, 34.0)]),
            // Over a gap, too: the value before is the last that there was.
            ("DIFF(m1)", vec![(60, 10.0), (180, 20.0)]),
            ("-1 * DIFF(FILL(m1, 0)) / 2", vec![(60, -5.0), (120, 10.0), (180, -20.0)]),
            ("DIFF(none)", vec![]),
        ] {
            let result = evaluate(&parse(text).unwrap(), &results()).unwrap();
            assert_eq!(result.points.into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_series_is_refused() {
        for (text, error) in [
            ("1 + 1", EvaluationError::NotASeries),
            ("SUM(m1)", EvaluationError::NotASeries),
            ("SUM(1)", EvaluationError::NotASeries),
            ("[m1, m2]", EvaluationError::ListOutsideFunction),
            ("[m1] + 1", EvaluationError::ListOutsideFunction),
            ("SUM([[m1]])", EvaluationError::ListOutsideFunction),
            ("FILL(m1, m2)", EvaluationError::Filling),
            ("FILL(1, 2)", EvaluationError::Filling),
            ("DIFF(1)", EvaluationError::Difference),
            ("DIFF([m1, m2])", EvaluationError::Difference),
            ("m9", EvaluationError::UnknownId("m9".to_owned())),
        ] {
            assert_eq!(evaluate(&parse(text).unwrap(), &results()), Err(error), "{text}");
        }
    }

    #[test]
    fn filling_is_bounded() {
        let mut results = results();
        results.get_mut("m1").unwrap().window.end = i64::MAX / 2;
        assert_eq!(evaluate(&parse("FILL(m1, 0)").unwrap(), &results), Err(EvaluationError::TooManyPeriods));
    }
}
