//! The register as it is shown: facts, findings, what is due, imports, coverage.

mod import;

pub use import::{
    FactChange, ImportApplied, ImportColumn, ImportCounts, ImportLine, ImportPreview, ImportView,
    MissingEquipment, import_columns, outcome_key,
};

use super::time::Time;
use crate::app::App;
use crate::desk::calendar::{CoverageRow, DueRow};
use crate::desk::register::{
    Accessory as AccessoryRow, Certificate as CertificateRow, Entry, HistoryRow, ListRow, Saved,
    Unit as UnitRow,
};
use crate::desk::watch::FoundRow;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use vigil_core::calendar::{Due, Standing};
use vigil_core::register::{Field, Finding, Group, Record, Words, category};

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

/// A fact the register can hold.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FieldInfo {
    /// Stable key.
    pub key: &'static str,
    /// Its name.
    pub title: Sentence,
    /// Where it stands.
    pub group: Sentence,
    /// Unit of a number; empty for everything else.
    pub unit: &'static str,
    /// Whether it says something about a person.
    pub personal: bool,
    /// Further heads of columns that mean it.
    pub synonyms: Vec<&'static str>,
}

/// All facts the register can hold.
#[must_use]
pub fn register_fields() -> Vec<FieldInfo> {
    let info = |&field: &Field| FieldInfo {
        key: field.key(),
        title: (field.title_zh(), field.title_en()).into(),
        group: field.group().titles().into(),
        unit: field.unit(),
        personal: field.is_personal(),
        synonyms: field.synonyms().to_vec(),
    };
    Field::ALL.iter().map(info).collect()
}

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

/// One line of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterLine {
    /// Equipment id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Catalogue code.
    pub category: String,
    /// Its name.
    pub category_name: Sentence,
    /// Area code.
    pub area: String,
    /// `in_use`, `out_of_use`, `scrapped`, `cancelled`.
    pub state: &'static str,
    /// Where it stands.
    pub location: String,
    /// 使用登记证编号.
    pub registration_no: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// The first thing due.
    #[schema(value_type = Option<String>, format = Date)]
    pub next_due: Option<Date>,
    /// How that stands today.
    pub standing: Option<&'static str>,
    /// Inspection due.
    #[schema(value_type = Option<String>, format = Date)]
    pub inspection_due: Option<Date>,
    /// Data quality, 0 to 100.
    pub score: u8,
    /// Findings to be put right.
    pub wrong: u32,
    /// Whether telemetry of it is taken in.
    pub watched: bool,
}

/// The name of a catalogue code; the code itself when there is none.
#[must_use]
pub fn category_name(code: &str) -> Sentence {
    category(code).map_or_else(|| (code, code).into(), |one| (one.name_zh, one.name_en).into())
}

impl RegisterLine {
    /// A line as of today.
    #[must_use]
    pub fn of(app: &App, row: ListRow, today: Date) -> Self {
        Self {
            category_name: category_name(&row.category),
            standing: row.next_due.map(|due| Standing::of(due, today).key()),
            watched: app.catalog.by_id.contains_key(row.id.as_str()),
            state: row.state.key(),
            id: row.id,
            name: row.name,
            category: row.category,
            area: row.area,
            location: row.location,
            registration_no: row.registration_no,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
            next_due: row.next_due,
            inspection_due: row.inspection_due,
            score: row.score,
            wrong: row.wrong,
        }
    }
}

/// A page of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterPage {
    /// Lines.
    pub equipment: Vec<RegisterLine>,
    /// Where the next page starts: value of `after`.
    pub next: Option<String>,
    /// Matches, counted to 10001.
    pub total: u64,
}

/// Something due.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DueView {
    /// Key of the obligation.
    pub obligation: &'static str,
    /// Its name.
    pub title: Sentence,
    /// When.
    #[schema(value_type = String, format = Date)]
    pub due: Date,
    /// How it stands today: `overdue`, `within_30`, `within_60`, `later`.
    pub standing: &'static str,
    /// Days from today; negative when overdue.
    pub days: i32,
    /// Where the date comes from: `stated`, `since_last`, `since_anchor`.
    pub basis: String,
    /// Where the schedule stands.
    pub source: String,
    /// Whether the schedule still has to be verified (未核实).
    pub unverified: bool,
    /// Equipment id; empty for a person's certificate.
    pub equipment: String,
    /// Name of the equipment; of the person only for who is signed in.
    pub name: String,
    /// Accessory or certificate it is due for.
    pub part: String,
    /// Catalogue code.
    pub category: String,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
}

impl DueView {
    /// A line of the calendar.
    #[must_use]
    pub fn of(row: DueRow, today: Date, personal: bool) -> Self {
        let person = row.equipment.is_empty();
        Self {
            obligation: row.obligation.key(),
            title: row.obligation.titles().into(),
            due: row.due,
            standing: row.standing.key(),
            days: (row.due - today).get_days(),
            basis: row.basis,
            source: row.source,
            unverified: row.unverified,
            equipment: row.equipment,
            name: if person && !personal {
                String::new()
            } else {
                row.name
            },
            part: row.part,
            category: row.category,
            area: row.area,
            use_unit: row.use_unit,
            use_unit_name: row.use_unit_name,
        }
    }

    fn of_entry(entry: &Entry, (due, part): &(Due, String), today: Date) -> Self {
        let basis = match due.basis {
            vigil_core::calendar::Basis::Stated => "stated",
            vigil_core::calendar::Basis::SinceLast => "since_last",
            vigil_core::calendar::Basis::SinceAnchor => "since_anchor",
        };
        Self {
            obligation: due.obligation.key(),
            title: due.obligation.titles().into(),
            due: due.due,
            standing: Standing::of(due.due, today).key(),
            days: (due.due - today).get_days(),
            basis: basis.to_owned(),
            source: due.source.clone(),
            unverified: due.unverified,
            equipment: entry.id.clone(),
            name: entry.record.text(Field::Name).to_owned(),
            part: part.clone(),
            category: entry.record.text(Field::Category).to_owned(),
            area: entry.record.text(Field::Area).to_owned(),
            use_unit: entry.scope.use_unit.as_deref().map(str::to_owned),
            use_unit_name: entry.record.get(Field::UseUnit).map(str::to_owned),
        }
    }
}

/// An accessory.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AccessoryView {
    /// Number here.
    pub id: i64,
    /// Counts its changes.
    pub revision: i64,
    /// `safety_valve`, `bursting_disc`, `pressure_gauge`, `governor`, `shutoff_valve`, `other`.
    pub kind: String,
    /// Number on it.
    pub number: String,
    /// Model.
    pub model: String,
    /// Where it sits.
    pub place: String,
    /// Set pressure, gauge, MPa.
    pub set_pressure_mpa: Option<f64>,
    /// Last calibration.
    #[schema(value_type = Option<String>, format = Date)]
    pub done: Option<Date>,
    /// Next calibration, if somebody has said.
    #[schema(value_type = Option<String>, format = Date)]
    pub due: Option<Date>,
}

impl From<&AccessoryRow> for AccessoryView {
    fn from(row: &AccessoryRow) -> Self {
        let facts = row.facts.clone();
        Self {
            id: row.n,
            revision: row.revision,
            kind: facts.kind,
            number: facts.number,
            model: facts.model,
            place: facts.place,
            set_pressure_mpa: facts.set_pressure_mpa,
            done: facts.done,
            due: facts.due,
        }
    }
}

/// Everything the register holds about one piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterEntry {
    /// Equipment id.
    pub id: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Facts by key, in canonical form. Facts about persons are there only for who is signed in.
    pub facts: BTreeMap<&'static str, String>,
    /// Name of the category.
    pub category_name: Sentence,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Code of the maintenance unit.
    pub maintenance_unit: Option<String>,
    /// Code of the inspection body.
    pub inspection_body: Option<String>,
    /// When it came.
    pub created: Time,
    /// Last change.
    pub changed: Time,
    /// Data quality, 0 to 100.
    pub score: u8,
    /// What is wrong with it today.
    pub findings: Vec<FindingView>,
    /// What is due.
    pub due: Vec<DueView>,
    /// Its accessories.
    pub accessories: Vec<AccessoryView>,
    /// Whether telemetry of it is taken in.
    pub watched: bool,
}

/// Facts as shown: about persons only when `personal`.
#[must_use]
pub fn shown_facts(record: &Record, personal: bool) -> BTreeMap<&'static str, String> {
    record
        .iter()
        .filter(|(field, _)| personal || !field.is_personal())
        .map(|(field, text)| (field.key(), text.to_owned()))
        .collect()
}

impl RegisterEntry {
    /// An entry as of today.
    #[must_use]
    pub fn of(app: &App, entry: &Entry, today: Date, personal: bool) -> Self {
        let unit = |unit: &Option<std::sync::Arc<str>>| unit.as_deref().map(str::to_owned);
        let mut due: Vec<DueView> = entry
            .dues
            .iter()
            .map(|due| DueView::of_entry(entry, due, today))
            .collect();
        due.sort_by_key(|due| due.due);
        Self {
            facts: shown_facts(&entry.record, personal),
            category_name: category_name(entry.record.text(Field::Category)),
            use_unit: unit(&entry.scope.use_unit),
            maintenance_unit: unit(&entry.scope.maintenance_unit),
            inspection_body: unit(&entry.scope.inspection_body),
            created: entry.created.into(),
            changed: entry.changed.into(),
            score: entry.score,
            findings: entry.findings.iter().map(FindingView::from).collect(),
            due,
            accessories: entry.accessories.iter().map(AccessoryView::from).collect(),
            watched: app.catalog.by_id.contains_key(entry.id.as_str()),
            revision: entry.revision,
            id: entry.id.clone(),
        }
    }
}

/// What a change came to.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterSaved {
    /// Equipment id.
    pub id: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// What is wrong with it now.
    pub findings: Vec<FindingView>,
}

impl From<&Saved> for RegisterSaved {
    fn from(saved: &Saved) -> Self {
        Self {
            id: saved.id.clone(),
            revision: saved.revision,
            findings: saved.findings.iter().map(FindingView::from).collect(),
        }
    }
}

/// One change of the register.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RegisterChange {
    /// Number: value of `before`.
    pub id: i64,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: String,
    /// By what way: `page`, `api`, `command`, `import:N`.
    pub source: String,
    /// Key of the fact; `*`: all of it; `accessory:N`.
    pub field: String,
    /// As it was.
    pub old: String,
    /// As it became.
    pub new: String,
}

impl From<HistoryRow> for RegisterChange {
    fn from(row: HistoryRow) -> Self {
        Self {
            id: row.n,
            at: row.at.into(),
            actor: row.actor,
            source: row.source,
            field: row.field,
            old: row.old,
            new: row.new,
        }
    }
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnitView {
    /// What persons belong to and equipment names: the credit code where there is one.
    pub code: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Name.
    pub name: String,
    /// `use_unit`, `maintenance_unit`, `inspection_body`, `other`: what it mainly is.
    pub kind: String,
    /// Unified social credit code.
    pub uscc: Option<String>,
    /// Area code; empty when nobody has said.
    pub area: String,
    /// Address.
    pub address: String,
    /// A person to ask; `null` for who is not signed in.
    pub contact: Option<String>,
    /// How to reach him; `null` for who is not signed in.
    pub phone: Option<String>,
}

impl UnitView {
    /// A unit as shown.
    #[must_use]
    pub fn of(unit: UnitRow, personal: bool) -> Self {
        let facts = unit.facts;
        Self {
            code: unit.code,
            revision: unit.revision,
            name: facts.name,
            kind: facts.kind,
            uscc: facts.uscc,
            area: facts.area,
            address: facts.address,
            contact: personal.then_some(facts.contact),
            phone: personal.then_some(facts.phone),
        }
    }
}

/// A person's certificate.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CertificateView {
    /// Number here.
    pub id: i64,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Code of the unit the person works for.
    pub unit: String,
    /// The person; `null` for who is not signed in.
    pub person: Option<String>,
    /// What it allows.
    pub kind: String,
    /// Number on it; `null` for who is not signed in.
    pub number: Option<String>,
    /// Issued.
    #[schema(value_type = Option<String>, format = Date)]
    pub issued: Option<Date>,
    /// Last day it holds.
    #[schema(value_type = String, format = Date)]
    pub expires: Date,
    /// How that stands today.
    pub standing: &'static str,
}

impl CertificateView {
    /// A certificate as shown.
    #[must_use]
    pub fn of(row: CertificateRow, today: Date, personal: bool) -> Self {
        let facts = row.facts;
        Self {
            id: row.n,
            revision: row.revision,
            unit: facts.unit,
            person: personal.then_some(facts.person),
            kind: facts.kind,
            number: personal.then_some(facts.number),
            issued: facts.issued,
            standing: Standing::of(facts.expires, today).key(),
            expires: facts.expires,
        }
    }
}

/// How far equipment in use is inspected in time and insured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CoverageView {
    /// Area code, beginning of the category code, or code of the unit; empty for all and for nobody's.
    pub key: String,
    /// Name of the class or the unit.
    pub name: Option<Sentence>,
    /// In use.
    pub in_use: u64,
    /// Of those, registered.
    pub registered: u64,
    /// Of those registered, inspected on time.
    pub inspected: u64,
    /// `inspected / registered`, percent; `null` when nothing is registered.
    pub inspection_percent: Option<f64>,
    /// Of those in use, insured today.
    pub insured: u64,
    /// `insured / in_use`, percent; `null` when nothing is in use.
    pub insurance_percent: Option<f64>,
    /// Of those in use, whose next inspection nobody knows.
    pub inspection_unknown: u64,
}

impl CoverageView {
    /// A line; `class`: its key is the beginning of a category code.
    #[must_use]
    pub fn of(row: &CoverageRow, class: bool) -> Self {
        let name = if class && !row.key.is_empty() {
            category(&format!("{:0<4}", row.key)).map(|one| (one.name_zh, one.name_en).into())
        } else {
            row.name.as_deref().map(|name| (name, name).into())
        };
        Self {
            key: row.key.clone(),
            name,
            in_use: row.in_use,
            registered: row.registered,
            inspected: row.inspected,
            inspection_percent: row.inspection_percent(),
            insured: row.insured,
            insurance_percent: row.insurance_percent(),
            inspection_unknown: row.inspection_unknown,
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

/// Facts in their groups, for a card or a form: only groups that say something about the category, or that hold facts.
#[must_use]
pub fn grouped(record: &Record) -> Vec<(Group, Vec<Field>)> {
    let code = record.text(Field::Category);
    let of = |group: &Group| {
        let fields: Vec<Field> = Field::ALL
            .iter()
            .copied()
            .filter(|field| field.group() == *group && *field != Field::Id)
            .collect();
        (*group, fields)
    };
    let shown = |(group, fields): &(Group, Vec<Field>)| {
        group.concerns(code) || fields.iter().any(|field| record.get(*field).is_some())
    };
    Group::ALL.iter().map(of).filter(shown).collect()
}
