//! One file over another: what people change of a shipped file, and nothing else of it.
//!
//! A table goes over a table key by key; a value replaces a value. Lists of tables with a name ([`Merge`]) go over each
//! other entry by entry, any other list is replaced. Findings name the file and line of whichever of the two said it.

use super::{Document, Lines, syntax_errors};
use crate::diagnostic::Diagnostic;
use serde::de::DeserializeOwned;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// How a list of tables goes over the shipped one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Entries with a known name change what they name; new ones come behind; `remove = true` takes one out.
    Behind(&'static str),
    /// The same, but new ones come in front: the first that fits counts.
    Front(&'static str),
    /// What is named is the list, in this order; an entry takes what it does not say from the shipped one of its name.
    Ordered(&'static str),
    /// Not a list: a table that only makes sense as a whole.
    Whole,
}

type Findings = Vec<(usize, String)>;

impl<'i> Document<'i> {
    /// Parses `own` over `shipped`, each with the name findings carry. `how` says of the places of lists, such as
    /// `list.column`, how they are merged.
    #[must_use]
    pub fn over(shipped: (&str, &'i str), own: (&str, &'i str), how: &[(&'static str, Merge)]) -> Self {
        let mut document = Self::parse(shipped.0, shipped.1);
        // A byte between them belongs to neither.
        let begin = document.lines.text.len() + 1;
        let lines = Lines::new(own.0, own.1, 0, begin);
        let (table, errors) = DeTable::parse_recoverable(lines.text);
        let mut findings = syntax_errors(&lines, &errors);
        if findings.is_empty()
            && let Some(root) = &mut document.root
        {
            let span = shifted(table.span(), begin);
            let mut said = Vec::new();
            let merging = Merging { name: own.0, how };
            let table = moved_table(table.into_inner(), begin);
            merging.table(root.get_mut(), table, ("", ""), &mut said);
            *root = Spanned::new(span, std::mem::take(root.get_mut()));
            findings = said
                .into_iter()
                .map(|(at, message)| lines.place(at).error(message))
                .collect();
        } else {
            document.root = None;
        }
        document.over = Some(lines);
        for finding in findings {
            document.report(finding);
        }
        document
    }

    /// The whole as a type. What does not fit is reported with its place and field.
    pub fn typed<T: DeserializeOwned>(&self) -> Option<T> {
        let root = self.root.clone()?;
        let whole = root.span();
        match T::deserialize(toml::de::Deserializer::from(root)) {
            Ok(value) => Some(value),
            Err(error) => {
                let at = error.span().unwrap_or(whole).start;
                let field = self
                    .root
                    .as_ref()
                    .and_then(|root| narrowest(root.get_ref(), "", at))
                    .map_or_else(String::new, |(_, field)| format!("`{field}`: "));
                let message = error.message().trim().replace('\n', ", ");
                self.report(self.place(at).error(format!("{field}{message}")));
                None
            }
        }
    }

    /// Reports an error at a value by its path, such as `list.2.width`; at as much of the path as there is.
    pub fn error_at(&self, path: &str, message: impl Into<String>) {
        let finding = |place: crate::diagnostic::Place| -> Diagnostic {
            place.error(format!("`{}`: {}", shown(path), message.into()))
        };
        let Some(root) = &self.root else { return };
        let mut at = root.span().start;
        let mut value: Option<&Spanned<DeValue<'i>>> = None;
        for part in path.split('.') {
            let next = match (value.map(Spanned::get_ref), part.parse::<usize>()) {
                (None, _) => root.get_ref().get(part),
                (Some(DeValue::Array(list)), Ok(index)) => list.get(index),
                (Some(DeValue::Table(table)), _) => table.get(part),
                _ => None,
            };
            let Some(next) = next else { break };
            at = next.span().start;
            value = Some(next);
        }
        self.report(finding(self.place(at)));
    }

    /// Every `key` anywhere in the file with its text, and what to do about it.
    pub fn each_text(&self, key: &str, mut look: impl FnMut(&str) -> Option<String>) {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            each(root.get_ref(), key, &mut |at, text: &str| {
                found.extend(look(text).map(|message| (at, message)));
            });
        }
        for (at, message) in found {
            self.report(self.place(at).error(message));
        }
    }
}

/// `list.2.width` as people write it: `list[3].width`.
fn shown(path: &str) -> String {
    let mut shown = String::new();
    for part in path.split('.') {
        match part.parse::<usize>() {
            Ok(index) => shown.push_str(&format!("[{}]", index + 1)),
            Err(_) if shown.is_empty() => shown.push_str(part),
            Err(_) => {
                shown.push('.');
                shown.push_str(part);
            }
        }
    }
    shown
}

fn each(table: &DeTable<'_>, key: &str, look: &mut impl FnMut(usize, &str)) {
    for (name, value) in table {
        match value.get_ref() {
            DeValue::String(text) if name.get_ref() == key => look(value.span().start, text),
            DeValue::Table(table) => each(table, key, look),
            DeValue::Array(list) => {
                for value in list {
                    if let DeValue::Table(table) = value.get_ref() {
                        each(table, key, look);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The narrowest value or key at an offset: how long it is, and its field.
fn narrowest(table: &DeTable<'_>, path: &str, at: usize) -> Option<(usize, String)> {
    let length = |span: Range<usize>| span.contains(&at).then(|| span.len());
    let mut found: Option<(usize, String)> = None;
    let mut offer = |offered: Option<(usize, String)>| {
        if let Some(offered) = offered
            && found.as_ref().is_none_or(|found| offered.0 <= found.0)
        {
            found = Some(offered);
        }
    };
    for (key, value) in table {
        let here = joined(path, key.get_ref());
        offer(length(key.span()).map(|length| (length, here.clone())));
        offer(length(value.span()).map(|length| (length, here.clone())));
        match value.get_ref() {
            DeValue::Table(table) => offer(narrowest(table, &here, at)),
            DeValue::Array(list) => {
                for (index, one) in list.iter().enumerate() {
                    let here = format!("{here}[{}]", index + 1);
                    offer(length(one.span()).map(|length| (length, here.clone())));
                    if let DeValue::Table(table) = one.get_ref() {
                        offer(narrowest(table, &here, at));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn shifted(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

fn moved_table(table: DeTable<'_>, by: usize) -> DeTable<'_> {
    let moved = table.into_iter().map(|(key, value)| {
        let span = shifted(key.span(), by);
        (Spanned::new(span, key.into_inner()), moved_value(value, by))
    });
    moved.collect()
}

fn moved_value(value: Spanned<DeValue<'_>>, by: usize) -> Spanned<DeValue<'_>> {
    let span = shifted(value.span(), by);
    let inner = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved_table(table, by)),
        DeValue::Array(list) => {
            DeValue::Array(list.into_iter().map(|value| moved_value(value, by)).collect())
        }
        other => other,
    };
    Spanned::new(span, inner)
}

struct Merging<'h> {
    /// Name of the own file.
    name: &'h str,
    how: &'h [(&'static str, Merge)],
}

impl Merging<'_> {
    fn how(&self, path: &str) -> Option<Merge> {
        let known = self.how.iter().find(|(at, _)| *at == path);
        known.map(|(_, how)| *how)
    }

    /// `named_by`: the key that only says which entry of a list it is.
    fn table<'i>(
        &self,
        base: &mut DeTable<'i>,
        own: DeTable<'i>,
        (path, named_by): (&str, &str),
        said: &mut Findings,
    ) {
        let (mut changed, mut sourced) = (None, false);
        for (key, value) in own {
            sourced |= key.get_ref() == "source";
            let here = joined(path, key.get_ref());
            let how = self.how(&here);
            let span = value.span();
            let name: &str = key.get_ref();
            let old = base.remove(name).map(Spanned::into_inner);
            let merged = match (old, value.into_inner()) {
                (Some(DeValue::Table(mut base)), DeValue::Table(own)) if how != Some(Merge::Whole) => {
                    self.table(&mut base, own, (&here, ""), said);
                    DeValue::Table(base)
                }
                (Some(DeValue::Array(base)), DeValue::Array(own))
                    if how.is_some_and(|how| how != Merge::Whole) =>
                {
                    DeValue::Array(self.list(base, own, (&here, how), said))
                }
                (_, own) => {
                    let name: &str = key.get_ref();
                    if name != named_by && !matches!(name, "source" | "confidence") {
                        changed = Some(span.start);
                    }
                    own
                }
            };
            base.insert(key, Spanned::new(span, merged));
        }
        // Another value is not the shipped source's any more: unless the file says whose it is, it is the file's.
        if let (Some(at), false, true) = (changed, sourced, base.contains_key("source")) {
            let source = DeValue::String(Cow::Owned(self.name.to_owned()));
            base.insert(
                Spanned::new(at..at, Cow::Borrowed("source")),
                Spanned::new(at..at, source),
            );
        }
    }

    fn list<'i>(
        &self,
        base: DeArray<'i>,
        own: DeArray<'i>,
        (path, how): (&str, Option<Merge>),
        said: &mut Findings,
    ) -> DeArray<'i> {
        let (Some(Merge::Behind(key) | Merge::Front(key) | Merge::Ordered(key)), ordered) =
            (how, matches!(how, Some(Merge::Ordered(_))))
        else {
            return own;
        };
        let mut rest: Vec<Spanned<DeValue<'i>>> = base.into_iter().collect();
        let (mut fresh, mut seen) = (Vec::new(), Vec::new());
        for entry in own {
            let span = entry.span();
            let name = name_of(entry.get_ref(), key);
            let DeValue::Table(table) = entry.into_inner() else {
                said.push((span.start, format!("`{path}` is a list of tables")));
                continue;
            };
            let removes = table
                .get("remove")
                .is_some_and(|value| value.get_ref().as_bool() == Some(true));
            if let Some(name) = &name {
                if seen.contains(name) {
                    said.push((span.start, format!("`{name}` is there twice in `{path}`")));
                    continue;
                }
                seen.push(name.clone());
            }
            let at = name.as_ref().and_then(|name| {
                let known = |one: &Spanned<DeValue<'_>>| name_of(one.get_ref(), key).as_ref() == Some(name);
                rest.iter().position(known)
            });
            match at {
                Some(at) if removes => drop(rest.remove(at)),
                None if removes => {
                    let name = name.unwrap_or_default();
                    said.push((
                        span.start,
                        format!("there is no shipped `{name}` in `{path}` to take out"),
                    ));
                }
                Some(at) => {
                    let mut old = rest.remove(at);
                    if let DeValue::Table(base) = old.get_mut() {
                        self.table(base, table, (path, key), said);
                    }
                    let merged = Spanned::new(span, old.into_inner());
                    if ordered {
                        fresh.push(merged);
                    } else {
                        rest.insert(at, merged);
                    }
                }
                None => fresh.push(Spanned::new(span, DeValue::Table(table))),
            }
        }
        match how {
            Some(Merge::Front(_)) => fresh.into_iter().chain(rest).collect(),
            Some(Merge::Behind(_)) => rest.into_iter().chain(fresh).collect(),
            _ => fresh.into_iter().collect(),
        }
    }
}

/// What an entry of a list is called.
fn name_of(value: &DeValue<'_>, key: &str) -> Option<String> {
    match value.as_table()?.get(key)?.get_ref() {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(digits) => Some(digits.as_str().to_owned()),
        _ => None,
    }
}
