//! The register of risks (风险分级管控): risk points with their assessments, control measures and checks; and which
//! equipment and units an inspection should go to first.
//!
//! ```text
//! page, API ─► vigil_core::risk (score, colour, tier) ─► points, assessments, measures, checks
//! check that fails ─► episode ─► engine: one suspected hazard per episode
//! points, hazards, calendar, findings, alarms ─► counts ─► vigil_core::risk::Weights ─► ranks
//! ```

mod assess;
mod changes;
mod check;
mod episode;
mod error;
mod measure;
mod order;
mod point;
mod points;
mod rank;
mod ranks;

pub use assess::{Assessing, AssessmentRow, assess, assessments};
pub use changes::{PointChange, point_changes};
pub use check::{CheckFacts, CheckRow, Checked, check, checks};
pub use episode::{EpisodeRow, episodes, of_rule, open_waiting};
pub use error::RiskError;
pub use measure::{
    Measure, MeasureCursor, MeasureFacts, MeasureFilter, MeasurePage, MeasureRow, add_measure,
    change_measure, measure, measures_due, measures_of,
};
pub use point::{Owner, Point, PointFacts, change, create, id_of, number_of, point};
pub use points::{Order, PointCursor, PointFilter, PointPage, PointRow, points};
pub use rank::{every_minute, refresh, soon};
pub use ranks::{MapFilter, MapRow, RankCursor, RankFilter, RankPage, RankRow, map, ranked_at, ranks};

use crate::people::Access;
use jiff::civil::Date;
use vigil_core::people::{Person, Role, Scope};
use vigil_core::risk::Scheme;
use vigil_protocol::time::UtcMillis;

/// Who writes, and when.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who.
    pub person: Person,
    /// Now.
    pub now: UtcMillis,
    /// Today, where the gateway stands.
    pub today: Date,
    /// What the client calls a creation, so that it is done once.
    pub key: Option<String>,
    /// Risks are graded by this.
    pub scheme: &'static Scheme,
}

impl Act {
    /// Of whoever asks.
    #[must_use]
    pub fn of(app: &crate::app::App, access: &Access, key: Option<String>) -> Self {
        Self {
            person: access.person.clone(),
            now: app.clock.now(),
            today: super::today(&app.clock, &app.config.web.timezone),
            key,
            scheme: app.rules.scheme(),
        }
    }
}

/// The area a list is narrowed to, if it is: that of the filter, or the one a person is responsible for, whichever is
/// the smaller. Beside the scope it changes nothing, but an index can serve it.
fn narrowed<'a>(person: &'a Person, area: &'a str) -> &'a str {
    match (person.role, &*person.areas) {
        (Role::Regulator | Role::Department, [own]) if own.len() > area.len() => own,
        _ => area,
    }
}

/// Whose a row is.
fn scope_of_row(row: &sqlx::sqlite::SqliteRow) -> Scope {
    use sqlx::Row as _;
    let unit = |column: &str| row.get::<Option<String>, _>(column).map(Into::into);
    Scope {
        use_unit: unit("use_unit"),
        maintenance_unit: unit("maintenance_unit"),
        inspection_body: unit("inspection_body"),
        area: row.get::<String, _>("area").into(),
    }
}

/// A date of a column of dates; `None` where there is none.
fn date_of(row: &sqlx::sqlite::SqliteRow, column: &str) -> Option<Date> {
    use sqlx::Row as _;
    row.get::<Option<String>, _>(column)
        .and_then(|text| text.parse().ok())
}
