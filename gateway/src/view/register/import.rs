//! Imports as they are shown.

use super::FindingView;
use crate::desk::register::{Applied, Counts, ImportRow, Plan, PlannedRow};
use crate::view::Time;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::register::{Field, Outcome};

/// An import.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImportView {
    /// Number.
    pub id: i64,
    /// When it was sent.
    pub at: Time,
    /// Who sent it.
    pub actor: String,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of the file.
    pub hash: String,
    /// Bytes.
    pub size_bytes: u64,
    /// `waiting`, `applied`, `discarded`.
    pub state: &'static str,
    /// When it was decided.
    pub decided_at: Option<Time>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What it came to; empty while it waits.
    #[schema(value_type = Object)]
    pub summary: serde_json::Value,
    /// Counts choices of sheet, head and columns: the `ETag`.
    pub revision: i64,
}

impl From<&ImportRow> for ImportView {
    fn from(row: &ImportRow) -> Self {
        Self {
            id: row.n,
            at: row.at.into(),
            actor: row.actor.clone(),
            file_name: row.file_name.clone(),
            hash: row.hash.clone(),
            size_bytes: row.size,
            state: row.state.key(),
            decided_at: row.decided_at.map(Time),
            decided_by: row.decided_by.clone(),
            summary: serde_json::from_str(&row.summary).unwrap_or_default(),
            revision: row.revision,
        }
    }
}

/// Counts of an import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportCounts {
    /// Rows below the head.
    pub rows: u64,
    /// New equipment.
    pub new: u64,
    /// Equipment with other facts than the register has.
    pub changed: u64,
    /// Equipment the register has exactly so.
    pub unchanged: u64,
    /// Rows that cannot be taken as they are.
    pub refused: u64,
    /// Findings to be put right.
    pub wrong: u64,
    /// Findings to look at.
    pub unsure: u64,
    /// What was certain, and corrected.
    pub corrected: u64,
    /// Mean quality of the rows, 0 to 100.
    pub score: u64,
}

impl From<Counts> for ImportCounts {
    fn from(counts: Counts) -> Self {
        Self {
            rows: counts.rows,
            new: counts.new,
            changed: counts.changed,
            unchanged: counts.unchanged,
            refused: counts.refused,
            wrong: counts.wrong,
            unsure: counts.unsure,
            corrected: counts.corrected,
            score: counts.score,
        }
    }
}

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImportColumn {
    /// Its head in the file.
    pub header: String,
    /// Key of the fact it is taken for; `null`: it is not taken.
    pub field: Option<&'static str>,
    /// `certain`, `unsure` or `none`.
    pub sureness: &'static str,
    /// The unit the head names.
    pub unit: Option<String>,
    /// Its first words.
    pub samples: Vec<String>,
}

/// One fact that differs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FactChange {
    /// Key of the fact.
    pub field: &'static str,
    /// As it is.
    pub old: String,
    /// As it would be.
    pub new: String,
}

/// A row of a file.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImportLine {
    /// As numbered in the file.
    pub row: u32,
    /// Equipment id; empty if the row names nothing.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `new`, `changed`, `unchanged` or `refused`.
    pub outcome: &'static str,
    /// Facts that differ.
    pub changes: Vec<FactChange>,
    /// What is wrong with it.
    pub findings: Vec<FindingView>,
    /// Quality, 0 to 100.
    pub score: u8,
}

/// What becomes of a row.
#[must_use]
pub fn outcome_key(row: &PlannedRow) -> &'static str {
    match &row.outcome {
        _ if row.is_refused() => "refused",
        Outcome::New => "new",
        Outcome::Changed(_) => "changed",
        Outcome::Unchanged => "unchanged",
    }
}

impl From<&PlannedRow> for ImportLine {
    fn from(row: &PlannedRow) -> Self {
        let change = |change: &vigil_core::register::Change| FactChange {
            field: change.field.key(),
            old: change.old.clone(),
            new: change.new.clone(),
        };
        Self {
            row: row.row,
            id: row.id.clone(),
            name: row.name.clone(),
            outcome: outcome_key(row),
            changes: row.changes().iter().map(change).collect(),
            findings: row.findings.iter().map(FindingView::from).collect(),
            score: row.score,
        }
    }
}

/// A piece of equipment the register has and a file has not.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MissingEquipment {
    /// Equipment id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What a file would change.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImportPreview {
    /// The import.
    pub import: ImportView,
    /// Sheets of the file.
    pub sheets: Vec<String>,
    /// The one that is read.
    pub sheet: String,
    /// Row of the head, as numbered in the file.
    pub header_row: u32,
    /// Its columns.
    pub columns: Vec<ImportColumn>,
    /// Counts over all rows.
    pub counts: ImportCounts,
    /// Rows, from `offset` on; those with findings or differences when asked for.
    pub rows: Vec<ImportLine>,
    /// Equipment of the same use units that is not in the file, counted to 1001.
    pub missing_total: u64,
    /// The first 1000 of them.
    pub missing: Vec<MissingEquipment>,
}

/// Columns of a plan.
#[must_use]
pub fn import_columns(plan: &Plan) -> Vec<ImportColumn> {
    let samples = plan
        .samples
        .iter()
        .cloned()
        .chain(std::iter::repeat_with(Vec::new));
    let column = |(column, samples): (&vigil_core::register::ColumnMatch, Vec<String>)| ImportColumn {
        header: column.header.clone(),
        field: column.field.map(Field::key),
        sureness: match column.sureness {
            vigil_core::register::Sureness::Certain => "certain",
            vigil_core::register::Sureness::Unsure => "unsure",
            vigil_core::register::Sureness::None => "none",
        },
        unit: column.unit.clone(),
        samples,
    };
    plan.columns.iter().zip(samples).map(column).collect()
}

impl ImportPreview {
    /// A preview of some of the rows.
    #[must_use]
    pub fn of(import: &ImportRow, plan: &Plan, rows: Vec<ImportLine>) -> Self {
        let missing = plan.missing.named.iter().map(|(id, name)| MissingEquipment {
            id: id.clone(),
            name: name.clone(),
        });
        Self {
            import: import.into(),
            sheets: plan.sheets.clone(),
            sheet: plan.sheet.clone(),
            header_row: plan.header,
            columns: import_columns(plan),
            counts: plan.counts.into(),
            rows,
            missing_total: plan.missing.total,
            missing: missing.collect(),
        }
    }
}

/// What an import came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportApplied {
    /// Counts of the plan that was applied.
    pub counts: ImportCounts,
    /// Rows left out because they cannot be taken.
    pub left_out: u64,
}

impl From<Applied> for ImportApplied {
    fn from(applied: Applied) -> Self {
        Self {
            counts: applied.counts.into(),
            left_out: applied.left_out,
        }
    }
}
