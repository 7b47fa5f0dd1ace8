//! TOML → [`RegisterMap`]: everything that is wrong, at once.

use super::canonical::ORDERS;
use super::claims::Claims;
use super::value::{Defaults, read_function, read_value};
use super::{Confidence, Context, RegisterMap};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Table, Value};

/// Largest `max_gap`: a request is not longer.
pub const MAX_GAP: i64 = 124;
/// What lies closer is read along: a request costs more than a few registers.
const DEFAULT_GAP: u16 = 8;

/// A poll counts its requests in one byte.
const MAX_BLOCKS: usize = 255;

const CONFIDENCES: &[(&str, Confidence)] = &[
    ("verified", Confidence::Verified),
    ("sourced", Confidence::Sourced),
    ("memory-high", Confidence::MemoryHigh),
    ("memory-low", Confidence::MemoryLow),
];

pub(super) fn read(file: &str, text: &str) -> (Option<RegisterMap>, Vec<Diagnostic>) {
    let document = Document::parse(file, text);
    let map = document.root().and_then(|root| read_map(&root));
    (map, document.into_findings())
}

pub(super) fn read_confidence(table: &Table<'_, '_>) -> Option<Confidence> {
    table.get("confidence").and_then(|v| v.choice(CONFIDENCES))
}

fn read_map(root: &Table<'_, '_>) -> Option<RegisterMap> {
    let id = root.require("id").and_then(|v| read_id(&v));
    let text = |key| root.get(key).and_then(|v| v.str()).unwrap_or_default().into();
    let (title_zh, title_en, source) = (text("title_zh"), text("title_en"), text("source"));
    // Said outright or not at all: a map nobody vouches for is not one somebody has verified.
    let confidence = read_confidence(root).unwrap_or(Confidence::MemoryLow);
    let max_gap = root.get("max_gap").and_then(|v| v.whole(0..=MAX_GAP));
    let mut defaults = Defaults {
        function: None,
        order: None,
        confidence,
    };
    if let Some(table) = root.get("defaults").and_then(|v| v.table("[defaults]")) {
        defaults.function = table.get("function").and_then(|v| read_function(&v));
        defaults.order = table.get("order").and_then(|v| v.choice(ORDERS));
        table.finish();
    }
    let mut points = Vec::new();
    let mut claims = Claims::default();
    let values = root.require("value").and_then(|v| v.tables("a value"));
    for table in values.iter().flatten() {
        for (point, place) in read_value(table, &defaults) {
            match claims.take(&point, &place) {
                Ok(()) => points.push(point),
                Err((message, help)) => root.report(place.error(message).help(help)),
            }
        }
    }
    if values.as_ref().is_some_and(Vec::is_empty) {
        root.error("a map without values says nothing", None);
    }
    root.finish();
    let map = RegisterMap {
        id: id?,
        title_zh,
        title_en,
        source,
        confidence,
        max_gap: max_gap.map_or(DEFAULT_GAP, |gap| gap as u16),
        points,
        blocks: Vec::new(),
        context: Context::default(),
    };
    let map = map.complete();
    if map.blocks.len() > MAX_BLOCKS {
        let message = format!(
            "the map needs {} requests for one poll, at most {MAX_BLOCKS} are made",
            map.blocks.len()
        );
        root.error(
            message,
            Some("a larger `max_gap`, or two devices with a part of it each".into()),
        );
    }
    Some(map)
}

fn read_id(value: &Value<'_, '_>) -> Option<Box<str>> {
    let text = value.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.len() > 64 || !text.chars().all(fits) {
        let help = "ASCII letters, digits, `-`, `_` and `.`, at most 64";
        value.error(format!("`{text}` is not a map id"), Some(help.into()));
        return None;
    }
    Some(text.into())
}
