//! Facts of equipment: which there are, which are shown, how they are grouped.

use super::Sentence;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use vigil_core::register::{Field, Group, Record};

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

/// Facts as shown: about persons only when `personal`.
#[must_use]
pub fn shown_facts(record: &Record, personal: bool) -> BTreeMap<&'static str, String> {
    record
        .iter()
        .filter(|(field, _)| personal || !field.is_personal())
        .map(|(field, text)| (field.key(), text.to_owned()))
        .collect()
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
