//! Numbers of frozen copies: a pattern that is data, and one running number in it.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Code,
    Area,
    Year,
    Month,
    From,
    To,
    /// The running number, with leading zeros to so many digits.
    Seq(usize),
}

/// How frozen copies are numbered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Piece>);

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Numbers would be the same for all.
    #[error("a pattern holds `{{seq}}` once")]
    Seq,
    /// Two lists would share their numbers.
    #[error("a pattern holds `{{code}}`, the list's")]
    Code,
    /// Something in braces that means nothing.
    #[error(
        "`{{{0}}}` means nothing in a pattern; `code`, `area`, `year`, `month`, `from`, `to` and `seq` do"
    )]
    Unknown(String),
    /// A brace without its other half.
    #[error("a brace is not closed")]
    Open,
}

/// What is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered<'n> {
    /// Code of the list.
    pub code: &'n str,
    /// Area it was asked for; empty: none.
    pub area: &'n str,
    /// First day of the period.
    pub from: Date,
    /// Last day of the period.
    pub to: Date,
}

impl Default for Pattern {
    fn default() -> Self {
        Self(vec![Piece::Code, Piece::Text("-".to_owned()), Piece::Seq(1)])
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// See [`PatternError`].
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (name, after) = after.split_once('}').ok_or(PatternError::Open)?;
            pieces.push(match name.split_once(':').unwrap_or((name, "1")) {
                ("code", _) => Piece::Code,
                ("area", _) => Piece::Area,
                ("year", _) => Piece::Year,
                ("month", _) => Piece::Month,
                ("from", _) => Piece::From,
                ("to", _) => Piece::To,
                ("seq", digits) => {
                    let digits = digits.parse().ok().filter(|digits| (1..=9).contains(digits));
                    Piece::Seq(digits.ok_or_else(|| PatternError::Unknown(name.to_owned()))?)
                }
                _ => return Err(PatternError::Unknown(name.to_owned())),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let seqs = pieces.iter().filter(|piece| matches!(piece, Piece::Seq(_)));
        if seqs.count() != 1 {
            return Err(PatternError::Seq);
        }
        if !pieces.contains(&Piece::Code) {
            return Err(PatternError::Code);
        }
        Ok(Self(pieces))
    }

    fn render(&self, what: &Numbered<'_>, seq: impl Fn(usize) -> String) -> String {
        let day = |date: Date| format!("{:04}{:02}{:02}", date.year(), date.month(), date.day());
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Code => what.code.to_owned(),
            Piece::Area => format!("{:0<6}", what.area),
            Piece::Year => format!("{:04}", what.from.year()),
            Piece::Month => format!("{:02}", what.from.month()),
            Piece::From => day(what.from),
            Piece::To => day(what.to),
            Piece::Seq(digits) => seq(*digits),
        });
        pieces.collect()
    }

    /// What the running number counts within.
    #[must_use]
    pub fn series(&self, what: &Numbered<'_>) -> String {
        self.render(what, |_| "*".to_owned())
    }

    /// The number with the running number `seq`.
    #[must_use]
    pub fn number(&self, what: &Numbered<'_>, seq: u32) -> String {
        self.render(what, |digits| format!("{seq:0digits$}"))
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbered, Pattern, PatternError};
    use jiff::civil::date;

    #[test]
    fn a_number_says_list_area_period_and_count() {
        let what = Numbered {
            code: "YH",
            area: "2103",
            from: date(2026, 5, 1),
            to: date(2026, 5, 31),
        };
        for (pattern, number, series) in [
            (
                "{code}-{area}-{year}{month}-{seq:3}",
                "YH-210300-202605-007",
                "YH-210300-202605-*",
            ),
            ("{code}[{year}]{seq}号", "YH[2026]7号", "YH[2026]*号"),
            (
                "{from}_{to}_{code}_{seq:2}",
                "20260501_20260531_YH_07",
                "20260501_20260531_YH_*",
            ),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(pattern.number(&what, 7), number);
            assert_eq!(pattern.series(&what), series);
        }
        let long = Pattern::parse("{code}{seq:2}").unwrap();
        assert_eq!(long.number(&what, 1234), "YH1234", "a number is never cut");
    }

    #[test]
    fn a_pattern_that_would_number_two_alike_is_refused() {
        for (text, error) in [
            ("{code}", PatternError::Seq),
            ("{code}{seq}{seq}", PatternError::Seq),
            ("{year}{seq}", PatternError::Code),
            ("{code}{day}{seq}", PatternError::Unknown("day".to_owned())),
            ("{code}{seq:x}", PatternError::Unknown("seq:x".to_owned())),
            ("{code}{seq", PatternError::Open),
        ] {
            assert_eq!(Pattern::parse(text), Err(error), "{text}");
        }
    }
}
