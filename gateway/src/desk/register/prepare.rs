//! From a record to the rows that stand for it: everything a list or a count needs, computed once.

use super::accessory::Accessory;
use jiff::civil::Date;
use serde_json::{Value, json};
use vigil_core::calendar::{Basis, Due, Obligation, Schedules};
use vigil_core::hash::ContentHash;
use vigil_core::people::Scope;
use vigil_core::register::{Field, Finding, Level, Record, check, identities, score};

/// Units of a record, as codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) used: Option<String>,
    pub(super) maintained: Option<String>,
    pub(super) inspected: Option<String>,
}

/// A record ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) id: String,
    pub(super) record: Record,
    pub(super) units: Units,
    pub(super) findings: Vec<Finding>,
    pub(super) revision: i64,
    pub(super) dues: Vec<(Due, String)>,
}

/// The id of new equipment: from its surest number, so that the same row gives the same id.
pub(super) fn new_id(record: &Record) -> Option<String> {
    if let Some(id) = record.get(Field::Id) {
        return Some(id.to_owned());
    }
    let plain = |field| {
        record
            .get(field)
            .filter(|text| text.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if let Some(code) = plain(Field::EquipmentCode).or_else(|| plain(Field::RegistrationCode)) {
        return Some(code.to_owned());
    }
    let (_, key) = identities(record)
        .into_iter()
        .find(|(identity, _)| identity.identifies())?;
    let hash = ContentHash::of(key.as_bytes()).to_string();
    Some(format!("EQ-{}", hash.get(..12)?))
}

/// What is due for a record: accessories kept one by one count instead of what the record itself says of its first.
pub(super) fn dues(
    record: &Record,
    accessories: &[Accessory],
    schedules: &Schedules,
    today: Date,
) -> Vec<(Due, String)> {
    let own = |obligation| accessories.iter().any(|one| one.obligation() == Some(obligation));
    let mut found: Vec<(Due, String)> = schedules
        .dues(record, today)
        .into_iter()
        .filter(|due| !own(due.obligation))
        .map(|due| (due, String::new()))
        .collect();
    if record.state().may_run() {
        for one in accessories {
            if let (Some(obligation), Some(due)) = (one.obligation(), one.due_date(schedules)) {
                let stated = one.facts.due.is_some();
                let due = Due {
                    obligation,
                    due,
                    basis: if stated { Basis::Stated } else { Basis::SinceLast },
                    source: "accessory".to_owned(),
                    unverified: false,
                };
                found.push((due, one.n.to_string()));
            }
        }
    }
    found
}

impl Prepared {
    pub(super) fn new(
        id: String,
        record: Record,
        units: Units,
        revision: i64,
        accessories: &[Accessory],
        schedules: &Schedules,
        today: Date,
    ) -> Self {
        let dues = dues(&record, accessories, schedules, today);
        Self {
            findings: check(&record, today),
            dues,
            id,
            record,
            units,
            revision,
        }
    }

    /// Values of the table `equipment`, in the order of the statement.
    pub(super) fn columns(&self, now: i64) -> Value {
        let text = |field| self.record.text(field);
        let wrong = self
            .findings
            .iter()
            .filter(|finding| finding.level <= Level::Wrong)
            .count();
        let inspection = self.due_of(Obligation::PeriodicInspection);
        // The end of a design life is decades away: what has to be done next is asked for.
        let next = self.dues.iter().map(|(due, _)| due.due).min();
        json!([
            self.id,
            text(Field::Name),
            text(Field::Category),
            text(Field::Area),
            self.record.state().key(),
            text(Field::PlaceType),
            text(Field::Location),
            text(Field::RegistrationNo),
            self.units.used,
            self.units.maintained,
            self.units.inspected,
            next.map(|date| date.to_string()),
            inspection.map(|date| date.to_string()),
            self.record.get(Field::InsuredTo),
            score(&self.record, &self.findings),
            wrong,
            self.revision,
            now,
        ])
    }

    /// Whose it is and where.
    pub(super) fn scope(&self) -> Scope {
        let unit = |unit: &Option<String>| unit.as_deref().map(Into::into);
        Scope {
            use_unit: unit(&self.units.used),
            maintenance_unit: unit(&self.units.maintained),
            inspection_body: unit(&self.units.inspected),
            area: self.record.text(Field::Area).into(),
        }
    }

    pub(super) fn due_of(&self, obligation: Obligation) -> Option<Date> {
        self.dues
            .iter()
            .find(|(due, _)| due.obligation == obligation)
            .map(|(due, _)| due.due)
    }

    /// What a search finds it by.
    pub(super) fn text(&self) -> String {
        let fields = [
            Field::Name,
            Field::RegistrationNo,
            Field::EquipmentCode,
            Field::RegistrationCode,
            Field::FactoryNo,
            Field::InternalNo,
            Field::RescueCode,
            Field::Location,
            Field::Estate,
            Field::UseUnit,
        ];
        let mut text = self.id.clone();
        for field in fields {
            if let Some(fact) = self.record.get(field) {
                text.push(' ');
                text.push_str(fact);
            }
        }
        text.to_lowercase()
    }

    pub(super) fn obligations(&self) -> impl Iterator<Item = Value> {
        self.dues.iter().map(|(due, part)| {
            json!([
                self.id,
                due.obligation.key(),
                part,
                due.due.to_string(),
                basis_key(due.basis),
                due.source,
                i64::from(due.unverified),
                self.record.text(Field::Area),
                self.record.text(Field::Category),
                self.units.used,
                self.units.maintained,
                self.units.inspected,
            ])
        })
    }
}

pub(super) const fn basis_key(basis: Basis) -> &'static str {
    match basis {
        Basis::Stated => "stated",
        Basis::SinceLast => "since_last",
        Basis::SinceAnchor => "since_anchor",
    }
}
