//! The register as it is shown: facts, findings, what is due, imports, coverage.

mod due;
mod entry;
mod facts;
mod finding;
mod import;
mod line;
mod unit;

pub use due::{CoverageView, DueView};
pub use entry::{AccessoryView, RegisterChange, RegisterEntry, RegisterSaved};
pub use facts::{FieldInfo, grouped, register_fields, shown_facts};
pub use finding::{FindingView, StateFindingView};
pub use import::{
    FactChange, ImportApplied, ImportColumn, ImportCounts, ImportLine, ImportPreview, ImportView,
    MissingEquipment, import_columns, outcome_key,
};
pub use line::{RegisterLine, RegisterPage};
pub use unit::{CertificateView, UnitView};

use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::register::{Words, category};

/// A sentence in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sentence {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl From<Words> for Sentence {
    fn from(words: Words) -> Self {
        Self {
            zh: words.zh,
            en: words.en,
        }
    }
}

impl From<(&str, &str)> for Sentence {
    fn from((zh, en): (&str, &str)) -> Self {
        Self {
            zh: zh.to_owned(),
            en: en.to_owned(),
        }
    }
}

/// The name of a catalogue code; the code itself when there is none.
#[must_use]
pub fn category_name(code: &str) -> Sentence {
    category(code).map_or_else(|| (code, code).into(), |one| (one.name_zh, one.name_en).into())
}
