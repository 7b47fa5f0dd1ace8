//! A cell of a spreadsheet or CSV file.

use super::text::tidy;
use jiff::civil::Date;

/// A cell as a spreadsheet or CSV gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// A date by its format.
    Date(Date),
    /// A formula that failed, such as `#N/A`.
    Error(String),
}

/// A number of this size has lost digits on its way through a spreadsheet.
const EXACT: f64 = 1e15;

impl Cell {
    /// The cell as tidied text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => tidy(text),
            Self::Number(number) => plain(*number),
            Self::Date(date) => date.to_string(),
            Self::Error(error) => error.clone(),
        }
    }

    /// Whether a spreadsheet made a number of a long code; `text` is the cell as tidied text.
    pub(super) fn lost_digits(&self, text: &str) -> bool {
        if let Self::Number(number) = self {
            return number.abs() >= EXACT;
        }
        let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
            return false;
        };
        exponent.starts_with('+')
            && mantissa.parse::<f64>().is_ok()
            && exponent.parse::<i32>().is_ok_and(|power| power >= 10)
    }
}

/// The shortest decimal.
pub(super) fn plain(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number}")
    }
}
