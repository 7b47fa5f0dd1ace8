//! TOML read with places: every key asked for is checked, every key not asked for is reported.
//!
//! A [`Table`] is read key by key; [`Table::finish`] then reports what nobody asked for, with a
//! suggestion. Findings collect in the [`Document`]; nothing stops at the first one. A file with
//! syntax errors reports all of these and nothing else: what follows from them would be noise.

mod over;
mod value;

pub use over::Merge;
pub use value::Value;

use super::{Diagnostic, Level, Place, in_reading_order, suggestion};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;

/// A parsed TOML file and what was found wrong with it so far.
#[derive(Debug)]
pub struct Document<'i> {
    lines: Lines<'i>,
    /// The file that goes over it.
    over: Option<Lines<'i>>,
    root: Option<Spanned<DeTable<'i>>>,
    findings: RefCell<Vec<Diagnostic>>,
    errors: Cell<usize>,
}

/// Turns byte offsets into lines and columns.
#[derive(Debug)]
struct Lines<'i> {
    file: Arc<str>,
    text: &'i str,
    starts: Vec<usize>,
    /// Lines of the file before `text`.
    before: usize,
    /// Offset at which it begins: the second of two texts begins behind the first.
    begin: usize,
}

impl<'i> Lines<'i> {
    fn new(file: &str, text: &'i str, before: usize, begin: usize) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file: file.into(),
            text,
            starts,
            before,
            begin,
        }
    }

    fn place(&self, offset: usize) -> Place {
        let offset = offset.saturating_sub(self.begin);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|ix| self.starts.get(ix))
            .copied()
            .unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        Place {
            file: Arc::clone(&self.file),
            line: self.before + line,
            column: before.chars().count() + 1,
        }
    }
}

impl<'i> Document<'i> {
    /// Parses `text`; `file` is the name findings carry.
    #[must_use]
    pub fn parse(file: &str, text: &'i str) -> Self {
        Self::parse_part(file, text, 0)
    }

    /// Parses a part of a file that makes sense alone; `before` lines of the file precede it.
    #[must_use]
    pub fn parse_part(file: &str, text: &'i str, before: usize) -> Self {
        let lines = Lines::new(file, text, before, 0);
        let (root, errors) = DeTable::parse_recoverable(lines.text);
        let findings = syntax_errors(&lines, &errors);
        let root = findings.is_empty().then_some(root);
        let errors = Cell::new(findings.len());
        Self {
            lines,
            over: None,
            root,
            findings: RefCell::new(findings),
            errors,
        }
    }

    /// The root table; `None` if the file is not TOML.
    #[must_use]
    pub fn root(&self) -> Option<Table<'_, 'i>> {
        let root = self.root.as_ref()?;
        Some(Table::new(self, root.get_ref(), root.span(), "the file"))
    }

    /// The text an offset is in.
    fn lines(&self, offset: usize) -> &Lines<'i> {
        match &self.over {
            Some(over) if offset >= over.begin => over,
            _ => &self.lines,
        }
    }

    fn place(&self, offset: usize) -> Place {
        self.lines(offset).place(offset)
    }

    /// Adds a finding.
    pub fn report(&self, finding: Diagnostic) {
        if finding.level == Level::Error {
            self.errors.set(self.errors.get() + 1);
        }
        self.findings.borrow_mut().push(finding);
    }

    /// The file as a whole.
    #[must_use]
    pub fn whole(&self) -> Place {
        Place {
            file: Arc::clone(&self.over.as_ref().unwrap_or(&self.lines).file),
            line: 0,
            column: 0,
        }
    }

    /// How many errors so far: a caller that sees no new ones knows its part was right.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings
            .borrow()
            .iter()
            .filter(|finding| finding.level == Level::Error)
            .count()
    }

    /// All findings, in reading order; what was found several times (in a template) comes once.
    #[must_use]
    pub fn into_findings(self) -> Vec<Diagnostic> {
        let mut findings = self.findings.into_inner();
        in_reading_order(&mut findings);
        findings.dedup();
        findings
    }
}

/// One for each line. After a bracket that is never closed nothing can be told any more: the first thing that does
/// not belong inside it is the last that is said.
fn syntax_errors(lines: &Lines<'_>, errors: &[toml::de::Error]) -> Vec<Diagnostic> {
    let start = |error: &toml::de::Error| error.span().map_or(lines.text.len(), |span| span.start);
    let begin = lines.begin;
    let is_inside = |error: &&toml::de::Error| error.message().contains("array elements");
    let is_unclosed = errors.iter().any(|error| error.message().starts_with("unclosed"));
    let last = errors
        .iter()
        .filter(is_inside)
        .map(start)
        .min()
        .filter(|_| is_unclosed);
    let mut findings: Vec<Diagnostic> = Vec::new();
    for error in errors
        .iter()
        .filter(|error| last.is_none_or(|last| start(error) <= last))
    {
        let place = lines.place(begin + start(error));
        if findings.iter().any(|finding| finding.line == place.line) {
            continue;
        }
        let message = error.message().trim().replace('\n', ", ");
        let named = error.span().and_then(|span| lines.text.get(span));
        let named = named
            .filter(|_| message == "duplicate key")
            .map(|key| format!(" `{key}`"));
        let finding = place.error(format!("not valid TOML: {message}{}", named.unwrap_or_default()));
        let help = (last == Some(start(error))).then(|| "is the list before it closed with `]`?".to_owned());
        findings.push(finding.maybe_help(help));
    }
    findings
}

/// A table being read.
#[derive(Debug)]
pub struct Table<'d, 'i> {
    document: &'d Document<'i>,
    table: &'d DeTable<'i>,
    span: Range<usize>,
    what: String,
    asked: RefCell<Vec<&'static str>>,
}

impl<'d, 'i> Table<'d, 'i> {
    fn new(
        document: &'d Document<'i>,
        table: &'d DeTable<'i>,
        span: Range<usize>,
        what: impl Into<String>,
    ) -> Self {
        Self {
            document,
            table,
            span,
            what: what.into(),
            asked: RefCell::new(Vec::new()),
        }
    }

    /// Where the table begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.document.place(self.span.start)
    }

    /// Adds a finding made elsewhere.
    pub fn report(&self, finding: Diagnostic) {
        self.document.report(finding);
    }

    /// Reports an error about the table as a whole.
    pub fn error(&self, message: impl Into<String>, help: Option<String>) {
        self.document.report(self.place().error(message).maybe_help(help));
    }

    /// Whether the key is there (it counts as asked for).
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// The value of an optional key.
    #[must_use]
    pub fn get(&self, key: &'static str) -> Option<Value<'d, 'i>> {
        self.asked.borrow_mut().push(key);
        self.table.get(key).map(|value| Value {
            document: self.document,
            key: key.into(),
            value,
        })
    }

    /// The value of a key that must be there.
    #[must_use]
    pub fn require(&self, key: &'static str) -> Option<Value<'d, 'i>> {
        let value = self.get(key);
        if value.is_none() {
            // A near miss is reported by `finish` as an unknown key; the suggestion there is enough.
            let near = |other: &str| strsim::damerau_levenshtein(other, key) <= key.len() / 3;
            let near = self.table.keys().any(|other| near(other.get_ref()));
            if !near {
                self.error(format!("`{key}` is missing in {}", self.what), None);
            }
        }
        value
    }

    /// All entries with free keys, in order of the file; the keys count as asked for.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'d str, Value<'d, 'i>)> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let value = |key: &'d str, value| Value {
            document: self.document,
            key: key.into(),
            value,
        };
        entries
            .into_iter()
            .map(|(key, v)| (key.get_ref().as_ref(), value(key.get_ref(), v)))
            .collect()
    }

    /// Where a key stands.
    #[must_use]
    pub fn key_place(&self, key: &str) -> Place {
        match self.table.get_key_value(key) {
            Some((key, _)) => self.document.place(key.span().start),
            None => self.place(),
        }
    }

    /// Keys nobody asked for so far.
    #[must_use]
    pub fn unknown_keys(&self) -> Vec<&'d str> {
        let asked = self.asked.borrow();
        self.table
            .keys()
            .map(|key| key.get_ref().as_ref())
            .filter(|key| !asked.contains(key))
            .collect()
    }

    /// Reports every key nobody asked for.
    pub fn finish(&self) {
        for name in self.unknown_keys() {
            let mut known = self.asked.borrow().clone();
            known.sort_unstable();
            known.dedup();
            self.document.report(
                self.key_place(name)
                    .error(format!("unknown key `{name}` in {}", self.what))
                    .maybe_help(suggestion(name, known)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn columns_count_characters_not_bytes() {
        let document = Document::parse("a.toml", "名 = 1\n\"楼层\" = { x = true, \"门\" = 3 }\n");
        assert_eq!(document.into_findings()[0].column, 1, "bare keys are ASCII");
        let document = Document::parse("a.toml", "\"楼层\" = { x = true, \"门\" = 3 }\n");
        let root = document.root().unwrap();
        let entries = root.entries();
        let inner = entries[0].1.table("floor").unwrap();
        assert_eq!(inner.key_place("门").column, 20);
    }

    #[test]
    fn every_syntax_error_of_a_file_is_reported() {
        let document = Document::parse("a.toml", "a = \nb = 1\nc = [1, \nd == 3\n");
        let findings = document.into_findings();
        assert!(findings.len() >= 2, "{findings:?}");
        assert_eq!(findings[0].line, 1);
    }

    #[test]
    fn a_list_that_is_never_closed_is_one_error() {
        let document = Document::parse("a.toml", "a = [\"x\"\n[b]\nc = 1\nd = 2\n");
        let findings = document.into_findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0]
                .to_string()
                .starts_with("a.toml:2:1: error: not valid TOML")
        );
        assert!(
            findings[0].to_string().contains("closed with `]`?"),
            "{}",
            findings[0]
        );
    }

    #[test]
    fn a_key_given_twice_is_named() {
        let document = Document::parse("a.toml", "b = 1\nb = 2\n");
        assert_eq!(
            document.into_findings()[0].to_string(),
            "a.toml:2:1: error: not valid TOML: duplicate key `b`"
        );
    }

    #[test]
    fn keys_nobody_asked_for_are_reported_with_a_suggestion() {
        let document = Document::parse("a.toml", "name = \"x\"\nnmae_en = 3\n");
        let root = document.root().unwrap();
        assert_eq!(root.get("name").and_then(|v| v.str()), Some("x"));
        assert!(!root.has("name_en"));
        root.finish();
        let findings = document.into_findings();
        assert_eq!(
            findings[0].to_string(),
            "a.toml:2:1: error: unknown key `nmae_en` in the file (help: did you mean `name_en`?)"
        );
    }
}
