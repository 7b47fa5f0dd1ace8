//! Fault-code tables: the shipped ones, and those a catalog file adds.

use super::CodeScheme;
use crate::diagnostic::document::Table;
use crate::diagnostic::suggestion;
use crate::sample::RawCode;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vigil_protocol::vocabulary::{FaultKey, bare_code};

/// Columns: scheme, code, canonical_key, … (the rest is for people).
const TABLE: &str = include_str!("../../rules/fault-codes.tsv");

/// All shipped schemes, by id. A test holds that every row is understood.
#[must_use]
pub fn builtin_schemes() -> BTreeMap<String, Arc<CodeScheme>> {
    let mut schemes: BTreeMap<String, CodeScheme> = BTreeMap::new();
    for line in TABLE.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(scheme), Some(code), Some(key)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let Some(key) = FaultKey::from_key(key) else {
            continue;
        };
        let entry = schemes.entry(scheme.to_owned()).or_insert_with(|| CodeScheme {
            id: scheme.into(),
            codes: HashMap::new(),
        });
        entry.codes.insert(RawCode::new(bare_code(code)), key);
    }
    schemes
        .into_iter()
        .map(|(id, scheme)| (id, Arc::new(scheme)))
        .collect()
}

/// Reads `[scheme.NAME]`: `base` (optional, a scheme it extends) and `codes` (code = key).
pub(super) fn read(id: &str, table: &Table<'_, '_>, known: &BTreeMap<String, Arc<CodeScheme>>) -> CodeScheme {
    let base = table.get("base").and_then(|v| {
        let name = v.str()?;
        let base = known.get(name);
        if base.is_none() {
            v.error(
                format!("unknown scheme `{name}`"),
                suggestion(name, known.keys().map(String::as_str)),
            );
        }
        base
    });
    let mut codes = base.map(|scheme| scheme.codes.clone()).unwrap_or_default();
    if let Some(entries) = table.require("codes").and_then(|v| v.table("codes")) {
        for (code, value) in entries.entries() {
            if let Some(key) = value.keyed("fault key", FaultKey::KEYS, FaultKey::from_key) {
                codes.insert(RawCode::new(bare_code(code)), key);
            }
        }
    }
    table.finish();
    CodeScheme { id: id.into(), codes }
}
