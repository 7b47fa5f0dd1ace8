//! Threshold expressions over the nameplate, such as `trip - max(0.02*rated_pressure, 0.01)`.
//!
//! Evaluated once, when the catalog is loaded. Grammar, loosest first:
//!
//! ```text
//! comparison = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]     1 or 0
//! sum        = product { ("+" | "-") product }
//! product    = unary { ("*" | "/") unary }
//! unary      = "-" unary | atom
//! atom       = number | name | function "(" comparison { "," comparison } ")" | "(" comparison ")"
//! ```
//!
//! Names are nameplate keys, and `trip` in a clear level. Functions: `min`, `max` (two or more),
//! `abs`, `if(condition, then, else)`, `t_sat(MPa gauge)` in °C, `p_sat(°C)` in MPa gauge.

mod parse;
pub mod saturation;

use std::collections::BTreeSet;
use std::fmt;
use thiserror::Error;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    node: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Name(String),
    Negate(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Call(Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    NotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Abs,
    If,
    TSat,
    PSat,
}

/// Functions by name, with the number of arguments they take (lowest, highest).
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("min", Function::Min, 2, 16),
    ("max", Function::Max, 2, 16),
    ("abs", Function::Abs, 1, 1),
    ("if", Function::If, 3, 3),
    ("t_sat", Function::TSat, 1, 1),
    ("p_sat", Function::PSat, 1, 1),
];

/// Text that is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Byte offset in the text.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

/// An expression that has no value here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvalError {
    /// The nameplate does not say.
    #[error("evaluating an expression: `{0}` has no value")]
    Missing(String),
    /// Division by zero, or a saturation function outside its range.
    #[error("evaluating `{0}`: the result is not a number")]
    NotANumber(String),
}

impl Expr {
    /// Parses an expression.
    ///
    /// # Errors
    /// Where and why the text is not one.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        parse::expression(text).map(|node| Self { node })
    }

    /// A constant.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self {
            node: Node::Number(value),
        }
    }

    /// The names it uses, sorted.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.node.collect_names(&mut names);
        names
    }

    /// Its value; `lookup` gives the value of a name.
    ///
    /// # Errors
    /// A name without value on the branch taken, or a result that is not a finite number.
    pub fn eval(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Result<f64, EvalError> {
        let value = self.node.eval(lookup)?;
        if value.is_finite() {
            Ok(value)
        } else {
            Err(EvalError::NotANumber(self.to_string()))
        }
    }
}

impl Node {
    fn collect_names<'a>(&'a self, names: &mut BTreeSet<&'a str>) {
        match self {
            Self::Number(_) => {}
            Self::Name(name) => {
                names.insert(name);
            }
            Self::Negate(inner) => inner.collect_names(names),
            Self::Binary(_, left, right) => {
                left.collect_names(names);
                right.collect_names(names);
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|a| a.collect_names(names)),
        }
    }

    fn eval(&self, lookup: &dyn Fn(&str) -> Option<f64>) -> Result<f64, EvalError> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(name) => lookup(name).ok_or_else(|| EvalError::Missing(name.clone())),
            Self::Negate(inner) => Ok(-inner.eval(lookup)?),
            Self::Binary(operator, left, right) => {
                Ok(operator.apply(left.eval(lookup)?, right.eval(lookup)?))
            }
            // Only the branch taken needs its names.
            Self::Call(Function::If, arguments) => match arguments.as_slice() {
                [condition, then, otherwise] => {
                    if condition.eval(lookup)? == 0.0 {
                        otherwise.eval(lookup)
                    } else {
                        then.eval(lookup)
                    }
                }
                _ => Ok(f64::NAN),
            },
            Self::Call(function, arguments) => {
                let values = arguments
                    .iter()
                    .map(|a| a.eval(lookup))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(function.apply(&values))
            }
        }
    }
}

impl Operator {
    fn apply(self, left: f64, right: f64) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
            Self::Less => truth(left < right),
            Self::AtMost => truth(left <= right),
            Self::Greater => truth(left > right),
            Self::AtLeast => truth(left >= right),
            Self::Equal => truth(left.total_cmp(&right).is_eq()),
            Self::NotEqual => truth(left.total_cmp(&right).is_ne()),
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

impl Function {
    fn apply(self, values: &[f64]) -> f64 {
        match (self, values) {
            (Self::Min, values) => values.iter().copied().fold(f64::INFINITY, f64::min),
            (Self::Max, values) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            (Self::Abs, [value]) => value.abs(),
            (Self::TSat, [gauge]) => saturation::temperature_at_gauge(*gauge).unwrap_or(f64::NAN),
            (Self::PSat, [celsius]) => saturation::gauge_at_temperature(*celsius).unwrap_or(f64::NAN),
            _ => f64::NAN,
        }
    }

    fn name(self) -> &'static str {
        FUNCTIONS
            .iter()
            .find(|(_, function, ..)| *function == self)
            .map_or("", |(name, ..)| name)
    }
}

/// One canonical spelling per meaning: it goes into the pack's content hash.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
            Self::Negate(inner) => write!(f, "-{inner}"),
            Self::Binary(operator, left, right) => write!(f, "({left} {} {right})", operator.symbol()),
            Self::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                for (ix, argument) in arguments.iter().enumerate() {
                    if ix > 0 {
                        f.write_str(", ")?;
                    }
                    argument.fmt(f)?;
                }
                f.write_str(")")
            }
        }
    }
}
