//! Pages of a list, with everything a line needs: a few questions to the database, however many lines.

use super::supervision::supervisions;
use super::{ListCursor, ListError, ListFilter};
use crate::desk::read;
use crate::store::{Db, ListedHazard, StoreError, count_listed, events_of_kinds, listed_hazards};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::{Row as _, SqliteConnection};
use std::collections::{BTreeSet, HashMap};
use vigil_core::catalog::Catalog;
use vigil_core::desk::DeskRules;
use vigil_core::lists::{Civil, HazardFacts, List, ListKey, Tongue, quoted};
use vigil_core::people::Person;
use vigil_protocol::time::UtcMillis;

/// A line: its cells in the order of the columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Id of the hazard, or of the risk point.
    pub id: String,
    /// Its texts.
    pub cells: Vec<String>,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPage {
    /// Lines.
    pub rows: Vec<ListRow>,
    /// Where the next page starts.
    pub next: Option<ListCursor>,
}

/// A list as somebody reads it.
#[derive(Clone, Debug)]
pub struct ListReader<'r> {
    /// The list.
    pub list: &'r List,
    /// What categories, methods and levels are called.
    pub rules: &'r DeskRules,
    /// Who reads.
    pub person: &'r Person,
    /// What of it.
    pub filter: &'r ListFilter,
    /// In which language.
    pub tongue: Tongue,
    /// In whose days.
    pub zone: TimeZone,
    /// Names of what the register does not have.
    pub catalog: &'r Catalog,
}

/// Times in a zone.
struct Local<'z>(&'z TimeZone);

impl Local<'_> {
    fn format(&self, at: UtcMillis, format: &str) -> String {
        let instant = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        instant
            .to_zoned_datetime(self.0.clone())
            .strftime(format)
            .to_string()
    }
}

impl Civil for Local<'_> {
    fn minute(&self, at: UtcMillis) -> String {
        self.format(at, "%Y-%m-%d %H:%M")
    }

    fn day(&self, at: UtcMillis) -> String {
        self.format(at, "%Y-%m-%d")
    }
}

/// The day of an instant in a zone.
pub(super) fn local_day(zone: &TimeZone, at: UtcMillis) -> String {
    Local(zone).day(at)
}

/// What the register calls things.
#[derive(Default)]
struct Names {
    units: HashMap<String, String>,
    equipment: HashMap<String, (String, String)>,
}

impl ListReader<'_> {
    /// The lines behind `after`, at most so many.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn page(
        &self,
        connection: &mut SqliteConnection,
        after: Option<&ListCursor>,
        limit: u32,
    ) -> Result<ListPage, ListError> {
        if self.list.key == ListKey::Risk {
            return super::risk::page(self, connection, after, limit).await;
        }
        let (by, filter) = self
            .filter
            .hazards(self.list.key, Some(self.person.sight()), &self.zone);
        let behind = after.map(|after| (after.at, after.id.as_str()));
        let found = listed_hazards(&mut *connection, by, &filter, behind, limit).await?;
        let rows = self
            .lines(connection, &found, after.map_or(0, |after| after.no))
            .await?;
        let full = found.len() as u64 == u64::from(limit);
        let next = found.last().filter(|_| full).map(|last| ListCursor {
            at: last.at,
            no: after.map_or(0, |after| after.no) + found.len() as u64,
            id: last.hazard.id.0.to_string(),
        });
        Ok(ListPage { rows, next })
    }

    /// How many lines there are, counted up to `most`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn count(&self, connection: &mut SqliteConnection, most: u32) -> Result<u64, ListError> {
        if self.list.key == ListKey::Risk {
            return super::risk::count(self, connection, most).await;
        }
        let (by, filter) = self
            .filter
            .hazards(self.list.key, Some(self.person.sight()), &self.zone);
        Ok(count_listed(connection, by, &filter, most).await?)
    }

    async fn lines(
        &self,
        connection: &mut SqliteConnection,
        found: &[ListedHazard],
        before: u64,
    ) -> Result<Vec<ListRow>, ListError> {
        let ids: Vec<&str> = found.iter().map(|one| &*one.hazard.id.0).collect();
        let events = events_of_kinds(&mut *connection, &ids, quoted(self.list.key)).await?;
        let cases = supervisions(&mut *connection, found).await?;
        let names = self.names(connection, found).await?;
        let policy = &self.rules.hazards;
        let categories: HashMap<&str, &str> = policy
            .category
            .iter()
            .map(|one| (&*one.key, self.tongue.pick(&one.zh, &one.en)))
            .collect();
        let civil = Local(&self.zone);
        let lines = (before + 1..).zip(found).map(|(no, one)| {
            let hazard = &one.hazard;
            let id = &*hazard.id.0;
            let category = match &*hazard.handling.category {
                "" => policy.category_of(&hazard.rule),
                key => key,
            };
            let equipment = names.equipment(self, &hazard.equipment);
            let case = cases.get(id);
            let facts = HazardFacts {
                hazard,
                events: events.get(id).map_or(&[], Vec::as_slice),
                equipment_name: &equipment.0,
                registration_no: &equipment.1,
                use_unit: names.unit(one.use_unit.as_deref()),
                maintenance_unit: names.unit(one.maintenance_unit.as_deref()),
                responsible_unit: names.unit(one.unit.as_deref()),
                category: categories.get(category).copied().unwrap_or(category),
                case: case.map_or("", |case| &case.case),
                supervisor: case.map_or("", |case| &case.issuer),
            };
            ListRow {
                id: id.to_owned(),
                cells: facts.row(self.list, no, self.tongue, &civil),
            }
        });
        Ok(lines.collect())
    }

    async fn names(
        &self,
        connection: &mut SqliteConnection,
        found: &[ListedHazard],
    ) -> Result<Names, StoreError> {
        let mut units = BTreeSet::new();
        let mut equipment = BTreeSet::new();
        for one in found {
            let codes = [&one.use_unit, &one.maintenance_unit, &one.unit];
            units.extend(codes.into_iter().filter_map(|code| code.as_deref()));
            match one.hazard.equipment.strip_prefix("unit:") {
                Some(code) => drop(units.insert(code)),
                None => drop(equipment.insert(&*one.hazard.equipment)),
            }
        }
        Ok(Names {
            units: unit_names(connection, &units).await?,
            equipment: equipment_names(connection, &equipment).await?,
        })
    }
}

impl Names {
    /// What a unit is called; its code where the register does not have it.
    fn unit<'n>(&'n self, code: Option<&'n str>) -> &'n str {
        let code = code.unwrap_or_default();
        self.units.get(code).map_or(code, String::as_str)
    }

    /// Name and registration number.
    fn equipment(&self, reader: &ListReader<'_>, id: &str) -> (String, String) {
        if let Some(code) = id.strip_prefix("unit:") {
            return (self.unit(Some(code)).to_owned(), String::new());
        }
        let known = self.equipment.get(id).cloned();
        let known = known.filter(|(name, _)| !name.is_empty());
        known.unwrap_or_else(|| {
            let ix = reader.catalog.by_id.get(id);
            let one = ix.and_then(|ix| reader.catalog.equipment.get(ix.0 as usize));
            one.map_or_else(Default::default, |one| {
                (
                    reader.tongue.pick(&one.name_zh, &one.name_en).to_owned(),
                    one.register.get("registration_no").unwrap_or_default().to_owned(),
                )
            })
        })
    }
}

fn json(texts: &BTreeSet<&str>) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// Names of units by code.
pub(in crate::desk) async fn unit_names(
    connection: &mut SqliteConnection,
    codes: &BTreeSet<&str>,
) -> Result<HashMap<String, String>, StoreError> {
    let rows = sqlx::query::<Db>(
        "SELECT u.code, u.name FROM json_each($1) v CROSS JOIN units u ON u.code = v.value",
    )
    .bind(json(codes))
    .fetch_all(connection)
    .await
    .map_err(read("units"))?;
    Ok(rows
        .iter()
        .map(|row| (row.get("code"), row.get("name")))
        .collect())
}

/// Names and registration numbers of equipment by id.
pub(in crate::desk) async fn equipment_names(
    connection: &mut SqliteConnection,
    ids: &BTreeSet<&str>,
) -> Result<HashMap<String, (String, String)>, StoreError> {
    let rows = sqlx::query::<Db>(
        "SELECT e.id, e.name, e.registration_no FROM json_each($1) v CROSS JOIN equipment e ON e.id = v.value",
    )
    .bind(json(ids))
    .fetch_all(connection)
    .await
    .map_err(read("the register"))?;
    Ok(rows
        .iter()
        .map(|row| (row.get("id"), (row.get("name"), row.get("registration_no"))))
        .collect())
}
