//! Text to expression, by recursive descent.

use thiserror::Error;

/// How deep parentheses, signs and calls may nest.
const MAX_DEPTH: usize = 64;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    /// A number.
    Number(f64),
    /// The result of another query.
    Id(String),
    /// `-x`
    Negated(Box<Expression>),
    /// `x + y - z`, or `x * y / z`: flat, so that a long one is not deep.
    Chain(Box<Expression>, Vec<(Operator, Expression)>),
    /// `[x, y]`
    List(Vec<Expression>),
    /// `SUM(x)`, and its like.
    Call(Function, Vec<Expression>),
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// A known function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Function {
    /// Fills missing periods with a number.
    Fill,
    /// From each value to the next.
    Difference,
    Maximum,
    Minimum,
    Sum,
    Average,
}

/// What is wrong with an expression's text.
#[derive(Clone, Debug, PartialEq, Error)]
pub(crate) enum ParseError {
    /// Something else was expected at this byte.
    #[error("Syntax error at position {0}")]
    Syntax(usize),
    /// A function that is not known here.
    #[error("Unsupported function {0}")]
    UnknownFunction(String),
    /// Known, but called with too few or too many arguments.
    #[error("Function {0} takes {1}")]
    Arguments(&'static str, &'static str),
    /// Nested without reason.
    #[error("The expression nests deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// Reads a whole expression.
pub(crate) fn parse(text: &str) -> Result<Expression, ParseError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expression = parser.sum()?;
    if parser.peek().is_some() {
        return Err(ParseError::Syntax(parser.at));
    }
    Ok(expression)
}

impl Expression {
    /// The ids that the expression refers to, in order, repeated ones too.
    pub(crate) fn ids(&self) -> Vec<&str> {
        match self {
            Expression::Number(_) => Vec::new(),
            Expression::Id(id) => vec![id],
            Expression::Negated(inner) => inner.ids(),
            Expression::Chain(first, rest) => {
                let mut ids = first.ids();
                ids.extend(rest.iter().flat_map(|(_, operand)| operand.ids()));
                ids
            }
            Expression::List(items) | Expression::Call(_, items) => {
                items.iter().flat_map(Expression::ids).collect()
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), ParseError> {
        if self.take(wanted) { Ok(()) } else { Err(ParseError::Syntax(self.at)) }
    }

    /// The longest run of such characters from here.
    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::TooDeep);
        }
        let inner = read(self);
        self.depth -= 1;
        inner
    }

    fn sum(&mut self) -> Result<Expression, ParseError> {
        self.chain(Self::product, &[('+', Operator::Add), ('-', Operator::Subtract)])
    }

    fn product(&mut self) -> Result<Expression, ParseError> {
        self.chain(Self::factor, &[('*', Operator::Multiply), ('/', Operator::Divide)])
    }

    /// Operands between operators of one rank.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Expression, ParseError>,
        operators: &[(char, Operator)],
    ) -> Result<Expression, ParseError> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.take(*sign)) {
            rest.push((*operator, operand(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(Expression::Chain(Box::new(first), rest))
    }

    fn factor(&mut self) -> Result<Expression, ParseError> {
        match self.peek() {
            Some('-') => {
                self.at += 1;
                let inner = self.nested(Self::factor)?;
                Ok(Expression::Negated(Box::new(inner)))
            }
            Some('(') => {
                self.at += 1;
                let inner = self.nested(Self::sum)?;
                self.expect(')')?;
                Ok(inner)
            }
            Some('[') => {
                self.at += 1;
                Ok(Expression::List(self.items(']')?))
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_alphabetic() => self.word(),
            _ => Err(ParseError::Syntax(self.at)),
        }
    }

    /// Expressions between commas, up to and with the closing character.
    fn items(&mut self, close: char) -> Result<Vec<Expression>, ParseError> {
        let mut items = Vec::new();
        loop {
            items.push(self.nested(Self::sum)?);
            if self.take(close) {
                return Ok(items);
            }
            self.expect(',')?;
        }
    }

    fn number(&mut self) -> Result<Expression, ParseError> {
        let start = self.at;
        self.run(|c| c.is_ascii_digit() || c == '.');
        if self.text[self.at..].starts_with(['e', 'E']) {
            self.at += 1;
            if self.text[self.at..].starts_with(['+', '-']) {
                self.at += 1;
            }
            self.run(|c| c.is_ascii_digit());
        }
        let number: f64 = self.text[start..self.at].parse().map_err(|_| ParseError::Syntax(start))?;
        Ok(Expression::Number(number))
    }

    fn word(&mut self) -> Result<Expression, ParseError> {
        let word = self.run(|c| c.is_ascii_alphanumeric() || c == '_');
        // Ids begin with a small letter, functions are written in capitals.
        if word.starts_with(|c: char| c.is_ascii_lowercase()) && self.peek() != Some('(') {
            return Ok(Expression::Id(word.to_owned()));
        }
        let function = match word {
            "FILL" => Function::Fill,
            "DIFF" => Function::Difference,
            "MAX" => Function::Maximum,
            "MIN" => Function::Minimum,
            "SUM" => Function::Sum,
            "AVG" => Function::Average,
            _ => return Err(ParseError::UnknownFunction(word.to_owned())),
        };
        self.expect('(')?;
        let arguments = self.items(')')?;
        match function {
            Function::Fill if arguments.len() != 2 => {
                Err(ParseError::Arguments("FILL", "a metric and a number"))
            }
            Function::Fill => Ok(Expression::Call(function, arguments)),
            Function::Difference if arguments.len() != 1 => Err(ParseError::Arguments("DIFF", "one metric")),
            _ if arguments.len() != 1 => {
                Err(ParseError::Arguments("MAX, MIN, SUM or AVG", "one metric or one list"))
            }
            _ => Ok(Expression::Call(function, arguments)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn operators_bind_as_in_school() {
        let id = |name: &str| Expression::Id(name.to_owned());
        let number = Expression::Number;
        assert_eq!(
            parse(" m1 - m2 - 2 * (e_1 + 1e3) ").unwrap(),
            Expression::Chain(
                Box::new(id("m1")),
                vec![
                    (Operator::Subtract, id("m2")),
                    (
                        Operator::Subtract,
                        Expression::Chain(
                            Box::new(number(2.0)),
                            vec![(
                                Operator::Multiply,
                                Expression::Chain(Box::new(id("e_1")), vec![(Operator::Add, number(1000.0))])
                            )]
                        )
                    )
                ]
            )
        );
        assert_eq!(
            parse("FILL(m1,0)/2").unwrap(),
            Expression::Chain(
                Box::new(Expression::Call(Function::Fill, vec![id("m1"), number(0.0)])),
                vec![(Operator::Divide, number(2.0))]
            )
        );
    }

    #[test]
    fn ids_are_found_everywhere() {
        assert_eq!(parse("-SUM([a, b]) + FILL(c, 0) * (d - 1)").unwrap().ids(), ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "",
            " ",
            "m1 +",
            "(m1",
            "m1)",
            "m1 m2",
            "[m1",
            "[]",
            "1.2.3",
            "1e",
            "m1 ^ 2",
            "m1 > 2",
            "FILL(m1)",
            "SUM(m1, m2)",
            "DIFF(m1, m2)",
            "DIFF()",
            "METRICS()",
            "RATE(m1)",
            "SUM",
            "sum(m1)",
            "M1",
            "ü",
            "SELECT AVG(x) FROM y",
            "SEARCH('{x}', 'Sum')",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(
            parse("ANOMALY_DETECTION_BAND(m1, 2)"),
            Err(ParseError::UnknownFunction("ANOMALY_DETECTION_BAND".to_owned()))
        );
    }

    #[test]
    fn nesting_is_bounded() {
        for (open, close) in [("(", ")"), ("-", ""), ("[", "]"), ("SUM(", ")")] {
            let text = format!("{}m1{}", open.repeat(65), close.repeat(65));
            assert_eq!(parse(&text), Err(ParseError::TooDeep), "{open}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+*/()\\[\\], a-zA-Z0-9.ü]{0,80}") {
            let _ = parse(&text);
        }
    }
}
