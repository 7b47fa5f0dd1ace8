//! The parser: recursive descent over bytes, bounded depth.

use super::{FUNCTIONS, Node, Operator, SyntaxError};
use crate::diagnostic::suggestion;

/// Deeper nesting is a mistake, and must not exhaust the stack.
const MAX_DEPTH: usize = 64;

/// Two-character operators first.
const COMPARISONS: &[(&str, Operator)] = &[
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];
const SUMS: &[(&str, Operator)] = &[("+", Operator::Add), ("-", Operator::Subtract)];
const PRODUCTS: &[(&str, Operator)] = &[("*", Operator::Multiply), ("/", Operator::Divide)];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

pub(super) fn expression(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let node = parser.comparison()?;
    parser.skip_blanks();
    if parser.at < text.len() {
        let help = match parser.rest().chars().next() {
            Some('=') => Some("compare with `==`".to_owned()),
            Some('&' | '|') => Some("nest `if(…)` instead".to_owned()),
            _ => None,
        };
        return Err(SyntaxError {
            at: parser.at,
            message: format!("expected an operator before `{}`", parser.rest()),
            help,
        });
    }
    Ok(node)
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    fn operator(&mut self, of: &[(&str, Operator)]) -> Option<Operator> {
        of.iter()
            .find(|(symbol, _)| self.take(symbol))
            .map(|(_, operator)| *operator)
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError {
            at: self.at,
            message: message.into(),
            help: None,
        })
    }

    fn comparison(&mut self) -> Result<Node, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error("the expression is nested too deeply");
        }
        let mut node = self.sum()?;
        if let Some(operator) = self.operator(COMPARISONS) {
            node = Node::Binary(operator, Box::new(node), Box::new(self.sum()?));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn sum(&mut self) -> Result<Node, SyntaxError> {
        let mut node = self.product()?;
        while let Some(operator) = self.operator(SUMS) {
            node = Node::Binary(operator, Box::new(node), Box::new(self.product()?));
        }
        Ok(node)
    }

    fn product(&mut self) -> Result<Node, SyntaxError> {
        let mut node = self.unary()?;
        while let Some(operator) = self.operator(PRODUCTS) {
            node = Node::Binary(operator, Box::new(node), Box::new(self.unary()?));
        }
        Ok(node)
    }

    fn unary(&mut self) -> Result<Node, SyntaxError> {
        let mut negative = false;
        while self.take("-") {
            negative = !negative;
        }
        let atom = self.atom()?;
        Ok(match atom {
            Node::Number(number) if negative => Node::Number(-number),
            atom if negative => Node::Negate(Box::new(atom)),
            atom => atom,
        })
    }

    fn atom(&mut self) -> Result<Node, SyntaxError> {
        self.skip_blanks();
        match self.rest().chars().next() {
            None => self.error("the expression ends where a value is expected"),
            Some('(') => {
                self.at += 1;
                let node = self.comparison()?;
                if self.take(")") {
                    Ok(node)
                } else {
                    self.error("expected `)`")
                }
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some(c) if c.is_ascii_lowercase() || c == '_' => self.name_or_call(),
            Some(c) => {
                let help = c
                    .is_alphabetic()
                    .then(|| "names are lower-case ASCII with underscores".to_owned());
                Err(SyntaxError {
                    at: self.at,
                    message: format!("expected a value, found `{c}`"),
                    help,
                })
            }
        }
    }

    fn number(&mut self) -> Result<Node, SyntaxError> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let sign_of_exponent =
                matches!(byte, b'+' | b'-') && end > 0 && matches!(bytes.get(end - 1), Some(b'e' | b'E'));
            if byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'_') || sign_of_exponent {
                end += 1;
            } else {
                break;
            }
        }
        let digits = rest.get(..end).unwrap_or("").replace('_', "");
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.at += end;
                Ok(Node::Number(number))
            }
            _ => self.error(format!("`{digits}` is not a number")),
        }
    }

    fn name_or_call(&mut self) -> Result<Node, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let in_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let name = rest.split(|c| !in_name(c)).next().unwrap_or("");
        self.at += name.len();
        if !self.take("(") {
            return Ok(Node::Name(name.to_owned()));
        }
        let Some((_, function, lowest, highest)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else {
            return Err(SyntaxError {
                at: start,
                message: format!("unknown function `{name}`"),
                help: suggestion(name, FUNCTIONS.iter().map(|(known, ..)| *known)),
            });
        };
        let mut arguments = vec![self.comparison()?];
        while self.take(",") {
            arguments.push(self.comparison()?);
        }
        if !self.take(")") {
            return self.error("expected `,` or `)`");
        }
        if !(*lowest..=*highest).contains(&arguments.len()) {
            return Err(SyntaxError {
                at: start,
                message: format!("`{name}` takes {lowest} arguments, not {}", arguments.len()),
                help: None,
            });
        }
        Ok(Node::Call(*function, arguments))
    }
}
