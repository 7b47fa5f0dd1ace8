//! Sheets: shipped files of facts that people may change. Their own file names only what differs.

use super::document::{Document, Merge};
use super::{Diagnostic, has_errors};
use serde::de::DeserializeOwned;

/// How sure a fact is.
pub const CONFIDENCES: [&str; 4] = ["sourced", "memory-high", "memory-low", "proposal"];

/// A shipped file.
#[derive(Debug)]
pub struct Sheet {
    /// Its file name: that of the file which goes over it.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// How its lists are merged, by their place.
    pub merge: &'static [(&'static str, Merge)],
}

/// A file of people's own.
#[derive(Clone, Copy, Debug)]
pub struct OwnFile<'t> {
    /// What findings call it.
    pub name: &'t str,
    /// Its text.
    pub text: &'t str,
}

impl Sheet {
    /// The shipped file, with people's own over it.
    #[must_use]
    pub fn document<'t>(&self, own: Option<OwnFile<'t>>) -> Document<'t> {
        match own {
            Some(own) => Document::over((self.name, self.text), (own.name, own.text), self.merge),
            None => Document::parse(self.name, self.text),
        }
    }
}

/// Reads a document as a type. `check` sees the value and reports what is wrong with it at the document.
///
/// # Errors
/// Everything that is wrong: of what cannot be read at all only the first.
pub fn read<T: DeserializeOwned>(
    document: Document<'_>,
    check: impl FnOnce(&mut T, &Document<'_>),
) -> Result<T, Vec<Diagnostic>> {
    let mut value = document.typed::<T>();
    if let Some(value) = &mut value {
        check(value, &document);
    }
    check_confidence(&document);
    let findings = document.into_findings();
    match value {
        Some(value) if !has_errors(&findings) => Ok(value),
        _ => Err(findings),
    }
}

fn check_confidence(document: &Document<'_>) {
    document.each_text("confidence", |text| {
        (!CONFIDENCES.contains(&text))
            .then(|| format!("`{text}` is no confidence: one of {}", CONFIDENCES.join(", ")))
    });
}

#[cfg(test)]
mod tests {
    use super::{OwnFile, Sheet, read};
    use crate::diagnostic::document::{Document, Merge};
    use serde::Deserialize;

    const SHEET: Sheet = Sheet {
        name: "shipped.toml",
        text: "days = 3\nsource = 'S'\nconfidence = 'sourced'\n\n[span]\nfrom = 1\nto = 2\nsource = 'S'\nconfidence = 'memory-low'\n\n\
               [[level]]\nkey = 'a'\nzh = '甲'\nen = 'A'\n[[level]]\nkey = 'b'\nzh = '乙'\nen = 'B'\n\n\
               [[column]]\nkey = 'x'\nwidth = 1\n[[column]]\nkey = 'y'\nwidth = 2\n\n[[rule]]\nkey = 'r'\nwidth = 9\n",
        merge: &[
            ("level", Merge::Behind("key")),
            ("column", Merge::Ordered("key")),
            ("rule", Merge::Front("key")),
        ],
    };

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Facts {
        days: u16,
        source: String,
        confidence: String,
        span: Span,
        level: Vec<Level>,
        column: Vec<Column>,
        rule: Vec<Column>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Span {
        from: u16,
        to: u16,
        source: String,
        confidence: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Level {
        key: String,
        zh: String,
        en: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Column {
        key: String,
        width: u16,
    }

    fn facts(own: &str) -> Result<Facts, String> {
        let own = OwnFile {
            name: "city.toml",
            text: own,
        };
        let check = |facts: &mut Facts, document: &Document<'_>| {
            for (at, column) in facts.column.iter().enumerate() {
                if column.width > 80 {
                    document.error_at(&format!("column.{at}.width"), "too wide");
                }
            }
        };
        read(SHEET.document(Some(own)), check).map_err(|found| {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            lines.join("\n")
        })
    }

    #[test]
    fn what_a_file_does_not_name_stays_as_shipped() {
        let facts = facts("[span]\nto = 5\n").unwrap();
        assert_eq!((facts.days, facts.span.from, facts.span.to), (3, 1, 5));
        assert_eq!(
            (facts.source.as_str(), facts.confidence.as_str()),
            ("S", "sourced")
        );
        assert_eq!(facts.level.len(), 2);
    }

    #[test]
    fn a_changed_fact_is_the_files_unless_it_says_whose_and_keeps_how_sure_it_is() {
        let span = |own: &str| {
            let span = facts(own).unwrap().span;
            (span.source, span.confidence)
        };
        let pair = |source: &str, confidence: &str| (source.to_owned(), confidence.to_owned());
        assert_eq!(span(""), pair("S", "memory-low"));
        assert_eq!(span("[span]\nto = 5\n"), pair("city.toml", "memory-low"));
        assert_eq!(
            span("[span]\nto = 5\nsource = '市令 3'\nconfidence = 'sourced'\n"),
            pair("市令 3", "sourced")
        );
        assert_eq!(span("[span]\nconfidence = 'sourced'\n"), pair("S", "sourced"));
    }

    #[test]
    fn entries_of_a_list_are_known_by_their_key() {
        let changed =
            facts("[[level]]\nkey = 'c'\nzh = '丙'\nen = 'C'\n[[level]]\nkey = 'a'\nzh = '子'\n").unwrap();
        let levels: Vec<_> = changed
            .level
            .iter()
            .map(|level| (&*level.key, &*level.zh, &*level.en))
            .collect();
        assert_eq!(levels, [("a", "子", "A"), ("b", "乙", "B"), ("c", "丙", "C")]);
        let taken_out = facts("[[level]]\nkey = 'a'\nremove = true\n").unwrap();
        assert_eq!(taken_out.level.len(), 1);
        // The first that fits counts: an own one comes first.
        let rules = facts("[[rule]]\nkey = 'own'\nwidth = 1\n").unwrap().rule;
        let rules: Vec<_> = rules.iter().map(|rule| &*rule.key).collect();
        assert_eq!(rules, ["own", "r"]);
        // Where the order is the meaning, what is named is the list.
        let columns = facts("[[column]]\nkey = 'y'\n[[column]]\nkey = 'x'\nwidth = 7\n")
            .unwrap()
            .column;
        let columns: Vec<_> = columns
            .iter()
            .map(|column| (&*column.key, column.width))
            .collect();
        assert_eq!(columns, [("y", 2), ("x", 7)]);
        assert_eq!(facts("[[column]]\nkey = 'x'\n").unwrap().column.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_and_field() {
        for (own, said) in [
            (
                "\n[span]\ntoo = 5\n",
                "city.toml:3:1: error: `span.too`: unknown field `too`",
            ),
            (
                "[span]\nto = 'x'\n",
                "city.toml:2:6: error: `span.to`: invalid type",
            ),
            ("days = = 1\n", "city.toml:1:8: error: not valid TOML"),
            (
                "[[level]]\nkey = 'c'\n",
                "city.toml:1:1: error: `level[3]`: missing field `zh`",
            ),
            (
                "[[level]]\nkey = 'q'\nremove = true\n",
                "city.toml:1:1: error: there is no shipped `q` in `level` to take out",
            ),
            (
                "[[level]]\nkey = 'a'\n[[level]]\nkey = 'a'\n",
                "city.toml:3:1: error: `a` is there twice in `level`",
            ),
            (
                "[[column]]\nkey = 'x'\nwidth = 99\n",
                "city.toml:3:9: error: `column[1].width`: too wide",
            ),
            (
                "[span]\nconfidence = 'sure'\n",
                "city.toml:2:14: error: `sure` is no confidence",
            ),
        ] {
            let error = facts(own).unwrap_err();
            assert!(error.starts_with(said), "{own:?}:\n{error}");
        }
    }
}
