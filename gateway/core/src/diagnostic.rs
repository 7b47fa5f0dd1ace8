//! Errors in configuration, catalog and rule packs: file, line, column, what is wrong, what would
//! be right. All of them at once.

pub mod document;
pub mod sheet;

use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The configuration cannot be used.
    Error,
    /// It can, but look at this.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub level: Level,
    /// File as named by the user.
    #[serde(serialize_with = "as_str")]
    pub file: Arc<str>,
    /// 1-based; 0 if the whole file is meant.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        if self.line == 0 {
            write!(f, "{}: {level}: {}", self.file, self.message)?;
        } else {
            write!(
                f,
                "{}:{}:{}: {level}: {}",
                self.file, self.line, self.column, self.message
            )?;
        }
        if let Some(help) = &self.help {
            write!(f, " (help: {help})")?;
        }
        Ok(())
    }
}

fn as_str<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// A place in a file that a finding can point at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File as named by the user.
    pub file: Arc<str>,
    /// 1-based; 0 if the whole file is meant.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
}

impl Place {
    /// The file as a whole.
    #[must_use]
    pub fn whole(file: &str) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
        }
    }

    /// An error at this place.
    #[must_use]
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.finding(Level::Error, message.into())
    }

    /// A warning at this place.
    #[must_use]
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        self.finding(Level::Warning, message.into())
    }

    fn finding(&self, level: Level, message: String) -> Diagnostic {
        let Self { file, line, column } = self.clone();
        Diagnostic {
            level,
            file,
            line,
            column,
            message,
            help: None,
        }
    }
}

impl Diagnostic {
    /// The same finding with a word on what would be right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same finding, with help if there is any.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Whether any finding is an error.
#[must_use]
pub fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Error)
}

/// Sorts findings of one file by place, keeping the order of files.
pub fn in_reading_order(findings: &mut [Diagnostic]) {
    findings.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
}

/// "did you mean `x`?" for the nearest of `known`, or the whole list when nothing is near and the
/// list is short enough to read.
#[must_use]
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let lower = word.to_lowercase();
    let nearest = known
        .iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                *candidate,
            )
        })
        // Two letters are near to any other two: the list says more.
        .filter(|(distance, candidate)| *distance <= candidate.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, candidate)) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None if only_one_contains(&lower, &known).is_some() => {
            only_one_contains(&lower, &known).map(|candidate| format!("did you mean `{candidate}`?"))
        }
        None if known.len() <= 24 => Some(format!("one of: {}", known.join(", "))),
        None => nearest_by_word(&lower, &known).map(|candidate| format!("did you mean `{candidate}`?")),
    }
}

/// The one candidate the word is a part of.
fn only_one_contains<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() < 4 {
        return None;
    }
    let mut containing = known
        .iter()
        .filter(|candidate| candidate.to_lowercase().contains(word));
    let first = containing.next()?;
    containing.next().is_none().then_some(*first)
}

/// Long lists: a candidate that contains the word, or is contained in it.
fn nearest_by_word<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() < 3 {
        return None;
    }
    let related = |candidate: &&&str| {
        let candidate = candidate.to_lowercase();
        candidate.contains(word) || (candidate.len() > 3 && word.contains(candidate.as_str()))
    };
    let by_jaro = || {
        known
            .iter()
            .map(|candidate| (strsim::jaro_winkler(word, &candidate.to_lowercase()), *candidate))
            .filter(|(likeness, _)| *likeness > 0.85)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, candidate)| candidate)
    };
    known.iter().find(related).copied().or_else(by_jaro)
}

#[cfg(test)]
mod tests {
    use super::{Place, suggestion};

    #[test]
    fn a_finding_names_file_line_column_and_the_remedy() {
        let place = Place {
            file: "a.toml".into(),
            line: 3,
            column: 7,
        };
        let finding = place.error("unknown key `nmae`").help("did you mean `name`?");
        assert_eq!(
            finding.to_string(),
            "a.toml:3:7: error: unknown key `nmae` (help: did you mean `name`?)"
        );
        assert_eq!(
            Place::whole("b.toml").warning("empty").to_string(),
            "b.toml: warning: empty"
        );
    }

    #[test]
    fn a_suggestion_is_the_nearest_word_or_the_list() {
        let known = ["quantity", "direction", "trip", "clear"];
        assert_eq!(
            suggestion("quantitiy", known).as_deref(),
            Some("did you mean `quantity`?")
        );
        assert_eq!(
            suggestion("xyz", known).as_deref(),
            Some("one of: quantity, direction, trip, clear")
        );
        assert_eq!(suggestion("xyz", []), None);
        assert_eq!(
            suggestion("gbt24476", ["gbt24476-2017", "maixin"]).as_deref(),
            Some("did you mean `gbt24476-2017`?")
        );
    }
}
