//! What speaks for inspecting a piece of equipment or a unit.

use super::{is_watched, name_of, part_word};
use crate::app::App;
use crate::desk::risk::RankRow;
use crate::view::time::Time;
use crate::view::words::Word;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::risk::Subject;

/// A part of a rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RankPart {
    /// What it counts.
    pub what: Word,
    /// How many there are.
    pub count: u32,
    /// What they score.
    pub points: u32,
    /// More would not score more.
    pub capped: bool,
}

/// A rank, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RankView {
    /// From 1.
    pub place: u64,
    /// Equipment id, or code of the unit.
    pub id: String,
    /// Its name, as far as it is known.
    pub name: Option<String>,
    /// It is a piece of equipment telemetry is expected of.
    pub watched: bool,
    /// Area code; a unit has a rank in each area it has something in.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// Pieces of equipment.
    pub equipment: u32,
    /// Of them: no telemetry tells of them now.
    pub unheard: u32,
    /// Of them: nobody has assessed a risk.
    pub unassessed: u32,
    /// The sum of the parts.
    pub score: u32,
    /// What it consists of, most first.
    pub parts: Vec<RankPart>,
}

impl RankView {
    /// A rank as shown.
    #[must_use]
    pub fn of(app: &App, subject: Subject, row: RankRow) -> Self {
        let scheme = app.rules.scheme();
        let ranked = scheme.weights().rank(subject, &row.counts);
        Self {
            place: row.place,
            name: match subject {
                Subject::Equipment => name_of(app, &row.id, row.name),
                Subject::Unit => row.name,
            },
            watched: subject == Subject::Equipment && is_watched(app, Some(&row.id)),
            id: row.id,
            area: row.area,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
            equipment: row.pieces,
            unheard: row.unheard,
            unassessed: row.bare,
            score: row.score,
            parts: ranked
                .parts
                .iter()
                .map(|scored| RankPart {
                    what: part_word(scheme, scored.part),
                    count: scored.count,
                    points: scored.points,
                    capped: scored.capped,
                })
                .collect(),
        }
    }
}

/// Ranks, highest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Ranks {
    /// As of when all was counted; `null`: not yet.
    pub as_of: Option<Time>,
    /// A page.
    pub ranks: Vec<RankView>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
}
