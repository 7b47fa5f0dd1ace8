//! What is wrong: with the facts, and with equipment that ran although the register forbids it.

use super::Sentence;
use crate::desk::watch::FoundRow;
use crate::view::time::Time;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::register::{Field, Finding};

/// What is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FindingView {
    /// `DQ01` … `DQ13`, or `CELL`.
    pub rule: &'static str,
    /// `refused`, `wrong`, `unsure` or `corrected`.
    pub level: &'static str,
    /// Key of the fact.
    pub field: Option<&'static str>,
    /// What stands there.
    pub found: String,
    /// What stands there now, or could.
    pub proposed: Option<String>,
    /// What is wrong.
    pub what: Sentence,
    /// What to do.
    pub fix: Sentence,
}

impl From<&Finding> for FindingView {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.key(),
            level: finding.level.key(),
            field: finding.field.map(Field::key),
            found: finding.found.clone(),
            proposed: finding.proposed.clone(),
            what: finding.what.clone().into(),
            fix: finding.fix.clone().into(),
        }
    }
}

/// What the register forbids and the equipment did nevertheless.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StateFindingView {
    /// Equipment id.
    pub equipment: String,
    /// Its name.
    pub name: String,
    /// Key of the condition.
    pub condition: &'static str,
    /// Its name.
    pub title: Sentence,
    /// What it breaks.
    pub clause: &'static str,
    /// From when it may not run: names the episode.
    #[schema(value_type = String, format = Date)]
    pub since: Date,
    /// Hours it ran since then, as far as was seen.
    pub hours: f64,
    /// Days it ran.
    pub days: u32,
    /// The last day it ran.
    #[schema(value_type = String, format = Date)]
    pub last: Date,
    /// How much of the time since then was observed, percent: what the hours are worth.
    pub observed_percent: f64,
    /// When it was found.
    pub found_at: Time,
    /// When it ended; `null` while it lasts.
    pub ended_at: Option<Time>,
    /// The hazard opened for it.
    pub hazard: Option<String>,
}

impl From<FoundRow> for StateFindingView {
    fn from(row: FoundRow) -> Self {
        Self {
            equipment: row.equipment,
            name: row.name,
            condition: row.condition.key(),
            title: row.condition.titles().into(),
            clause: row.condition.clause(),
            since: row.since,
            hours: row.hours,
            days: row.days,
            last: row.last,
            observed_percent: row.observed_percent,
            found_at: row.found_at.into(),
            ended_at: row.ended_at.map(Time),
            hazard: row.hazard,
        }
    }
}
