//! Codes of controllers that nobody has said the meaning of yet.

use super::ViewError;
use super::card::{Card, card};
use super::time::Time;
use super::words::Word;
use crate::app::App;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use utoipa::ToSchema;
use vigil_core::catalog::{Catalog, code_rows};
use vigil_core::sample::RawCode;
use vigil_protocol::vocabulary::bare_code;

/// Codes no scheme explains, latest first, and what to write so that they are.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnknownCodes {
    /// The codes.
    pub codes: Vec<UnknownCode>,
    /// Per scheme: the lines that make them known.
    pub add: Vec<CodeLines>,
}

/// A code that the scheme of its equipment does not know.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnknownCode {
    /// The equipment; `null` if the catalog no longer has it.
    pub equipment: Option<Card>,
    /// Its id.
    pub equipment_id: String,
    /// Its scheme; `null` if it names none.
    pub scheme: Option<String>,
    /// As the controller sent it.
    pub code: String,
    /// First reported.
    pub first_seen: Time,
    /// Last reported (to the minute).
    pub last_seen: Time,
    /// How often it appeared.
    pub count: u64,
    /// What the same code means elsewhere: no more than a hint.
    pub elsewhere: Vec<Elsewhere>,
}

/// What a code means in another scheme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Elsewhere {
    /// Scheme.
    pub scheme: &'static str,
    /// Meaning.
    pub fault: Word,
}

/// What to write into a catalog file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CodeLines {
    /// Scheme; `null`: the equipment must name one first.
    pub scheme: Option<String>,
    /// A catalog file has this scheme already: the lines go into its `codes`.
    pub has_section: bool,
    /// The lines. `OTHER` stands where the meaning belongs.
    pub lines: String,
}

/// Codes that are still unknown under the catalog in force.
///
/// # Errors
/// The store cannot be read.
pub async fn unknown_codes(app: &App, limit: u32) -> Result<UnknownCodes, ViewError> {
    let rows = app.store.unknown_codes(limit).await?;
    let codes: Vec<UnknownCode> = rows
        .into_iter()
        .filter(|row| !is_known(&app.catalog, &row.equipment, &row.code))
        .map(|row| UnknownCode {
            equipment: card(app, &row.equipment),
            equipment_id: row.equipment,
            scheme: Some(row.scheme).filter(|scheme| !scheme.is_empty()),
            elsewhere: elsewhere(&row.code),
            code: row.code,
            first_seen: row.first_seen.into(),
            last_seen: row.last_seen.into(),
            count: row.count,
        })
        .collect();
    let add = lines(&app.catalog, &codes);
    Ok(UnknownCodes { codes, add })
}

/// Somebody has said since what it means.
fn is_known(catalog: &Catalog, equipment: &str, code: &str) -> bool {
    let ix = catalog.by_id.get(equipment);
    let equipment = ix.and_then(|ix| catalog.equipment.get(ix.0 as usize));
    let scheme = equipment.and_then(|equipment| equipment.scheme.as_ref());
    scheme.is_some_and(|scheme| scheme.lookup(RawCode::new(code)).is_some())
}

fn elsewhere(code: &str) -> Vec<Elsewhere> {
    let rows = code_rows()
        .iter()
        .filter(|row| bare_code(row.code) == bare_code(code));
    let meaning = |row: &vigil_core::catalog::CodeRow<'static>| Elsewhere {
        scheme: row.scheme,
        fault: row.key.into(),
    };
    rows.map(meaning).collect()
}

fn lines(catalog: &Catalog, codes: &[UnknownCode]) -> Vec<CodeLines> {
    let mut by_scheme: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
    for code in codes {
        let list = by_scheme.entry(code.scheme.as_deref()).or_default();
        if !list.contains(&code.code.as_str()) {
            list.push(&code.code);
        }
    }
    let of_scheme = |(scheme, mut codes): (Option<&str>, Vec<&str>)| {
        codes.sort_unstable();
        let Some(scheme) = scheme else {
            return CodeLines {
                scheme: None,
                has_section: false,
                lines: "scheme = \"…\"  # in the equipment; see: vigil codes schemes".to_owned(),
            };
        };
        let has_section = catalog.schemes.get(scheme).is_some_and(|known| known.own);
        let mut lines = String::new();
        if !has_section {
            lines = format!("[scheme.{scheme}]\nbase = \"{scheme}\"\n[scheme.{scheme}.codes]\n");
        }
        for code in codes {
            // A JSON string is a TOML string.
            let quoted = serde_json::Value::from(code).to_string();
            let _infallible = writeln!(lines, "{quoted} = \"OTHER\"");
        }
        CodeLines {
            scheme: Some(scheme.to_owned()),
            has_section,
            lines,
        }
    };
    by_scheme.into_iter().map(of_scheme).collect()
}
