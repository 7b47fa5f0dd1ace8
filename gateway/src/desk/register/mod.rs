//! The register of equipment (设备台账): its tables, and the source of every [`Scope`](vigil_core::people::Scope).
//!
//! ```text
//! page, API, file ─► vigil_core::register (read, checked) ─► write (one transaction) ─► equipment, facts, obligations
//! ```

mod accessory;
mod certificate;
mod contact;
mod entering;
mod error;
mod import;
mod list;
mod prepare;
mod read;
mod text;
mod unit;
mod write;

pub use accessory::{
    ACCESSORY_KINDS, Accessory, AccessoryFacts, accessories, accessory, remove_accessory, save_accessory,
};
pub use certificate::{Certificate, CertificateFacts, certificate, certificates, save_certificate};
pub use contact::{CONTACT_FIELDS, change_contact, save_contact};
pub use entering::{FieldRequest, add_accessory, add_certificate, add_unit, change, create};
pub use error::RegisterError;
pub use import::{
    Applied, Choice, Counts, ImportRow, ImportState, Missing, Plan, PlannedRow, apply, choose, discard,
    drop_old_files, import, imports, plan, plan_file, report, send, template,
};
pub use list::{Cursor, ListFilter, ListPage, ListRow, Order, list};
pub use read::{Entry, HistoryRow, change_history, entry, known_ids, names, scope_of};
pub use unit::{UNIT_KINDS, Unit, UnitFacts, save_unit, unit, units};
pub use write::{Saved, recompute, save};

use crate::people::People;
use jiff::civil::Date;
use sqlx::SqliteConnection;
use vigil_core::people::Scope;
use vigil_protocol::time::UtcMillis;

/// Who writes, when, and by what way.
#[derive(Clone, Debug)]
pub struct Act {
    /// Login.
    pub actor: String,
    /// `page`, `api`, `command`.
    pub source: String,
    /// Now.
    pub now: UtcMillis,
    /// Today, where the gateway stands.
    pub today: Date,
    /// Key and hash of a request that is done once however often it is sent.
    pub request: Option<(String, String)>,
    /// Who keeps in mind whose each piece of equipment is.
    pub people: Option<People>,
}

impl Act {
    /// Of nobody's particular request.
    #[must_use]
    pub fn new(actor: impl Into<String>, source: &str, now: UtcMillis, today: Date) -> Self {
        Self {
            actor: actor.into(),
            source: source.to_owned(),
            now,
            today,
            request: None,
            people: None,
        }
    }

    /// The same, and those who let people in are told whose equipment is once it is committed.
    #[must_use]
    pub fn told(self, people: &People) -> Self {
        Self {
            people: Some(people.clone()),
            ..self
        }
    }

    /// What was committed says whose these pieces of equipment are.
    fn tell(&self, scopes: Vec<(String, Scope)>) {
        if let Some(people) = &self.people {
            for (id, scope) in scopes {
                people.scopes().set(&id, scope);
            }
        }
    }
}

/// One line of history, before it has a number.
pub(crate) struct HistoryLine {
    pub(crate) subject: String,
    pub(crate) field: String,
    pub(crate) old: String,
    pub(crate) new: String,
}

/// Writes history, all lines in one statement.
pub(crate) async fn write_history(
    connection: &mut SqliteConnection,
    act: &Act,
    lines: &[HistoryLine],
) -> Result<(), RegisterError> {
    if lines.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|line| [&line.subject, &line.field, &line.old, &line.new])
        .collect();
    let json = serde_json::to_string(&rows).unwrap_or_default();
    sqlx::query(
        "INSERT INTO register_changes (subject, at, actor, source, field, old, new) \
         SELECT value->>0, $2, $3, $4, value->>1, value->>2, value->>3 FROM json_each($1)",
    )
    .bind(json)
    .bind(act.now.0)
    .bind(&act.actor)
    .bind(&act.source)
    .execute(connection)
    .await
    .map_err(error::writing("the register's history"))?;
    Ok(())
}
