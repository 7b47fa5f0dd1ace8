//! Records of daily control, weekly check and monthly dispatch.

use super::time::Time;
use super::view_of;
use crate::desk::duty::{DutyRecord, DutyRow};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::duty::{DutyKind, Line, conclude};
use vigil_protocol::time::UtcMillis;

/// A line of a list of records.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DutyLine {
    /// Number.
    pub id: i64,
    /// `daily`, `weekly` or `monthly`.
    pub kind: &'static str,
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Area code.
    pub area: String,
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// To be signed by the end of this day.
    #[schema(value_type = String, format = Date)]
    pub due: Date,
    /// Not signed, and past that day.
    pub overdue: bool,
    /// Version.
    pub version: u32,
    /// What it came to: `found`, `no_data` or `zero_risk`.
    pub verdict: &'static str,
    /// Machines in use.
    pub machines: u32,
    /// Of those, with something found.
    pub found: u32,
    /// Of those, without complete data.
    pub no_data: u32,
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened.
    pub hazards_opened: u32,
    /// Hazards open at the end.
    pub hazards_open: u32,
    /// Who signed; `null`: nobody has, or names are not shown.
    pub signed_by: Option<String>,
    /// When.
    pub signed_at: Option<Time>,
    /// SHA-256 of what was signed.
    pub hash: Option<String>,
}

impl DutyLine {
    /// As seen on a day.
    #[must_use]
    pub fn of(row: DutyRow, today: Date) -> Self {
        let findings = if row.has_findings { "x" } else { "" };
        Self {
            id: row.n,
            kind: row.kind.key(),
            overdue: row.signed_at.is_none() && row.due < today,
            unit: row.unit,
            unit_name: row.unit_name,
            area: row.area,
            from: row.from,
            to: row.to,
            due: row.due,
            version: row.version,
            verdict: conclude(row.verdict, findings).key(),
            machines: row.machines.0,
            found: row.machines.1,
            no_data: row.machines.2,
            alarms: row.counts.0,
            hazards_opened: row.counts.1,
            hazards_open: row.counts.2,
            signed_by: row.signed_name,
            signed_at: row.signed_at.map(Time),
            hash: row.hash,
        }
    }
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DutyView {
    /// Number.
    pub id: i64,
    /// `daily`, `weekly` or `monthly`.
    pub kind: &'static str,
    /// Code of the unit.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// Area code.
    pub area: String,
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// To be signed by the end of this day.
    #[schema(value_type = String, format = Date)]
    pub due: Date,
    /// Not signed, and past that day.
    pub overdue: bool,
    /// Version.
    pub version: u32,
    /// The version it corrects.
    pub corrects: Option<i64>,
    /// What is corrected, and why.
    pub why: String,
    /// There is no later version.
    pub latest: bool,
    /// Officers the register names, the most frequent first.
    pub officers: Vec<String>,
    /// What telemetry and the register say.
    pub prefill: DutyPrefill,
    /// What those came to: `found`, `no_data` or `zero_risk`.
    pub prefill_verdict: &'static str,
    /// What it came to with what the officer found.
    pub verdict: &'static str,
    /// What the officer found.
    pub findings: String,
    /// What is done about it.
    pub measures: String,
    /// Whatever else.
    pub remarks: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// When it was made.
    pub created: Time,
    /// Last change.
    pub changed: Time,
    /// By whom.
    pub changed_by: String,
    /// Who signed it.
    pub signature: Option<DutySignature>,
    /// Versions of the same period, latest first.
    pub versions: Vec<DutyVersion>,
}

/// What telemetry and the register say of a period. Of several days: sums, and of machines the most (of zero risk the
/// fewest) of a day.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DutyPrefill {
    /// Machines in use.
    pub machines: u32,
    /// With nothing found and complete data.
    pub zero_risk: u32,
    /// With something found.
    pub found: u32,
    /// Without complete data.
    pub no_data: u32,
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened.
    pub hazards_opened: u32,
    /// Hazards open at the end.
    pub hazards_open: u32,
    /// Times a machine was not watched.
    pub gaps: u32,
    /// Not watched, minutes over all machines.
    pub lost_minutes: u64,
    /// Hours run by all machines of which they are known.
    pub hours_run: f64,
    /// Machine-days of which they are not.
    pub hours_unknown: u32,
    /// Obligations overdue at the end.
    pub overdue: u32,
    /// Obligations due soon.
    pub due_soon: u32,
    /// What is known of each machine, worst first; of a day.
    pub lines: Vec<DutyMachine>,
    /// Machines without a line, because there are too many.
    pub left_out: u32,
    /// Records of the kind below; of a week or a month.
    pub children: Vec<DutyChild>,
    /// How many of those there should be.
    pub expected: u32,
}

/// What is known of a machine.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DutyMachine {
    /// Equipment id.
    pub id: String,
    /// Name.
    pub name: String,
    /// `found`, `no_data` or `zero_risk`.
    pub verdict: &'static str,
    /// Why nothing (more) can be said: `not_watched`, `not_heard` or `gaps`.
    pub missing: Option<String>,
    /// Not watched, minutes.
    pub lost_minutes: u32,
    /// Times it was not watched.
    pub gaps: u32,
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened.
    pub hazards_opened: u32,
    /// Hazards open at the end.
    pub hazards_open: u32,
    /// Hours run; `null`: not known.
    pub hours_run: Option<f64>,
    /// Keys of obligations overdue.
    pub overdue: Vec<String>,
    /// Keys of obligations due soon.
    pub due_soon: Vec<String>,
}

impl From<&Line> for DutyMachine {
    fn from(line: &Line) -> Self {
        let machine = line.machine.clone();
        Self {
            id: machine.id,
            name: machine.name,
            verdict: line.verdict.key(),
            missing: line.missing.map(|missing| view_of(&missing)),
            lost_minutes: machine.lost_minutes,
            gaps: machine.gaps,
            alarms: machine.alarms,
            hazards_opened: machine.hazards_opened,
            hazards_open: machine.hazards_open,
            hours_run: machine.hours_run,
            overdue: machine.overdue,
            due_soon: machine.due_soon,
        }
    }
}

/// A record another one is built on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DutyChild {
    /// Number.
    pub id: i64,
    /// First day.
    #[schema(value_type = String, format = Date)]
    pub from: Date,
    /// Last day.
    #[schema(value_type = String, format = Date)]
    pub to: Date,
    /// Version.
    pub version: u32,
    /// What it came to.
    pub verdict: &'static str,
    /// SHA-256 of what was signed; `null`: nobody had signed.
    pub hash: Option<String>,
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DutySignature {
    /// When.
    pub at: Time,
    /// Login.
    pub login: String,
    /// Name.
    pub name: String,
    /// SHA-256 of what was signed.
    pub hash: String,
    /// Whether what stands there now is what was signed.
    pub holds: bool,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DutyVersion {
    /// Number of the record.
    pub id: i64,
    /// Version.
    pub version: u32,
    /// When it was signed.
    pub signed_at: Option<Time>,
}

impl DutyView {
    /// As seen on a day.
    #[must_use]
    pub fn of(record: DutyRecord, versions: Vec<(i64, u32, Option<UtcMillis>)>, today: Date) -> Self {
        let holds = record.holds().unwrap_or(false);
        let overdue = record.is_overdue(today);
        let verdict = record.conclusion().key();
        let prefill = record.prefill;
        Self {
            id: record.n,
            kind: record.kind.key(),
            unit: record.unit,
            unit_name: record.unit_name,
            area: record.area,
            from: record.from,
            to: record.to,
            due: record.due,
            overdue,
            version: record.version,
            corrects: record.corrects,
            why: record.why,
            latest: record.latest,
            officers: record.officers,
            prefill: DutyPrefill {
                machines: prefill.machines,
                zero_risk: prefill.zero_risk,
                found: prefill.found,
                no_data: prefill.no_data,
                alarms: prefill.alarms,
                hazards_opened: prefill.hazards_opened,
                hazards_open: prefill.hazards_open,
                gaps: prefill.gaps,
                lost_minutes: prefill.lost_minutes,
                hours_run: prefill.hours_run,
                hours_unknown: prefill.hours_unknown,
                overdue: prefill.overdue,
                due_soon: prefill.due_soon,
                lines: prefill.lines.iter().map(DutyMachine::from).collect(),
                left_out: prefill.left_out,
                children: prefill
                    .children
                    .iter()
                    .map(|child| DutyChild {
                        id: child.record,
                        from: child.from,
                        to: child.to,
                        version: child.version,
                        verdict: child.verdict.key(),
                        hash: child.hash.map(|hash| hash.to_string()),
                    })
                    .collect(),
                expected: prefill.expected,
            },
            prefill_verdict: record.verdict.key(),
            verdict,
            findings: record.findings,
            measures: record.measures,
            remarks: record.remarks,
            revision: record.revision,
            created: record.created.into(),
            changed: record.changed.into(),
            changed_by: record.changed_by,
            signature: record.signature.map(|signed| DutySignature {
                at: signed.at.into(),
                login: signed.login,
                name: signed.name,
                hash: signed.hash,
                holds,
            }),
            versions: versions
                .into_iter()
                .map(|(id, version, signed_at)| DutyVersion {
                    id,
                    version,
                    signed_at: signed_at.map(Time),
                })
                .collect(),
        }
    }

    /// Which of the three.
    #[must_use]
    pub fn kind(&self) -> DutyKind {
        DutyKind::from_key(self.kind).unwrap_or(DutyKind::Daily)
    }
}
