//! What a file would change: every row with its findings and its difference to the register.

use super::super::error::{corrupt, reading};
use super::super::prepare::new_id;
use super::super::write::{duplicate, settle_state, version};
use super::super::{Act, RegisterError};
use super::store::{Choice, file, import};
use crate::sheet::{self, Limits, Sheet, SheetError};
use crate::store::Desk;
use sqlx::{Row as _, SqliteConnection};
use std::collections::{HashMap, HashSet};
use vigil_core::register::{
    Cell, Change, ColumnMatch, Field, Finding, Level, Outcome, Record, Sureness, check, compare, header_row,
    identities, match_columns, merge, read_row, score,
};

/// Pieces of equipment missing in the file that are named.
const MISSING_NAMED: i64 = 1_000;

/// What a file would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its sheets.
    pub sheets: Vec<String>,
    /// The one that is read.
    pub sheet: String,
    /// Row of the head, as numbered in the file.
    pub header: u32,
    /// What each column is.
    pub columns: Vec<ColumnMatch>,
    /// First words of each column, for people to recognise it.
    pub samples: Vec<Vec<String>>,
    /// Rows, in the order of the file.
    pub rows: Vec<PlannedRow>,
    /// Counts.
    pub counts: Counts,
    /// What the register has of the same use units and the file has not.
    pub missing: Missing,
    /// Version of the register the plan was made for.
    pub(super) version: String,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRow {
    /// As numbered in the file.
    pub row: u32,
    /// Equipment id; empty if the row names nothing.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// 0 to 100.
    pub score: u8,
    /// As it would be.
    pub record: Record,
    /// As it is: revision and facts.
    pub(super) old: Option<(i64, Record)>,
}

/// Counts of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows.
    pub rows: u64,
    /// New equipment.
    pub new: u64,
    /// Equipment with other facts than the register has.
    pub changed: u64,
    /// Equipment the register has exactly so.
    pub unchanged: u64,
    /// Rows that cannot be taken as they are.
    pub refused: u64,
    /// Findings to be put right.
    pub wrong: u64,
    /// Findings to look at.
    pub unsure: u64,
    /// What was certain, and corrected.
    pub corrected: u64,
    /// Mean score of the rows.
    pub score: u64,
}

/// Equipment of the use units of the file that is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// How many, counted to 1001.
    pub total: u64,
    /// Id and name.
    pub named: Vec<(String, String)>,
}

impl PlannedRow {
    /// Whether it can be taken.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.level == Level::Refused)
    }

    /// Facts that differ.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match &self.outcome {
            Outcome::Changed(changes) => changes,
            _ => &[],
        }
    }
}

/// Plans an import that waits.
///
/// # Errors
/// It has been decided; the file cannot be read; the database cannot be read.
pub async fn plan(desk: &Desk, act: &Act, n: i64) -> Result<Plan, RegisterError> {
    let kept = import(desk, n).await?;
    let bytes = file(desk, n).await?;
    let choice = kept.choice;
    plan_file(desk, act, &choice, bytes).await
}

/// Plans a file that is not kept.
///
/// # Errors
/// The file cannot be read; the database cannot be read.
pub async fn plan_file(
    desk: &Desk,
    act: &Act,
    choice: &Choice,
    bytes: Vec<u8>,
) -> Result<Plan, RegisterError> {
    let wanted = choice.sheet.clone();
    let read =
        tokio::task::spawn_blocking(move || sheet::read(&bytes, wanted.as_deref(), &Limits::default()));
    // A library that fails on a file fails alone.
    let read = read
        .await
        .map_err(|_| SheetError::Damaged("it cannot be read".to_owned()))??;
    let mut connection = desk.reading().acquire().await.map_err(reading("the register"))?;
    of_sheet(&mut connection, act, choice, read).await
}

/// Plans a table that was read.
pub(super) async fn of_sheet(
    connection: &mut SqliteConnection,
    act: &Act,
    choice: &Choice,
    read: Sheet,
) -> Result<Plan, RegisterError> {
    let Sheet { sheets, name, rows } = read;
    let head = match choice.header {
        Some(wanted) => rows.iter().position(|(row, _)| *row == wanted),
        None => {
            let texts: Vec<Vec<String>> = rows
                .iter()
                .take(20)
                .map(|(_, cells)| cells.iter().map(Cell::text).collect())
                .collect();
            header_row(texts.iter().map(Vec::as_slice))
        }
    };
    let Some((header, heads)) = head.and_then(|at| rows.get(at)) else {
        return Err(RegisterError::Refused(
            "no row was found that is the head of a register: at least two of its words must be known, such as 设备代码, 使用登记证编号, 使用单位".to_owned(),
        ));
    };
    let header = *header;
    let texts: Vec<String> = heads.iter().map(Cell::text).collect();
    let mut columns = match_columns(&texts);
    if let Some(chosen) = &choice.columns {
        for (at, column) in columns.iter_mut().enumerate() {
            column.field = chosen.get(at).copied().flatten();
            column.sureness = if column.field.is_some() {
                Sureness::Certain
            } else {
                Sureness::None
            };
            column.unit = column
                .unit
                .take()
                .filter(|_| column.field.is_some_and(|field| !field.unit().is_empty()));
        }
    }
    let below: Vec<&(u32, Vec<Cell>)> = rows.iter().filter(|(row, _)| *row > header).collect();
    let samples = (0..columns.len())
        .map(|at| {
            let said = below
                .iter()
                .filter_map(|(_, cells)| cells.get(at))
                .map(Cell::text);
            said.filter(|text| !text.is_empty())
                .take(3)
                .map(|text| text.chars().take(40).collect())
                .collect()
        })
        .collect();
    let version = version(connection).await?;
    let mut planned: Vec<PlannedRow> = below
        .iter()
        .map(|(row, cells)| read_planned(*row, cells, &columns))
        .collect();
    match_known(connection, &mut planned).await?;
    for row in &mut planned {
        settle(row, act);
    }
    find_duplicates(connection, &mut planned).await?;
    for row in &mut planned {
        row.score = score(&row.record, &row.findings);
    }
    let missing = missing(connection, &planned).await?;
    Ok(Plan {
        counts: count(&planned),
        sheets,
        sheet: name,
        header,
        columns,
        samples,
        rows: planned,
        missing,
        version,
    })
}

fn read_planned(row: u32, cells: &[Cell], columns: &[ColumnMatch]) -> PlannedRow {
    let matched = columns
        .iter()
        .zip(cells)
        .filter_map(|(column, cell)| Some((column.field?, column.unit.as_deref(), cell)));
    let read = read_row(matched);
    PlannedRow {
        row,
        id: String::new(),
        name: String::new(),
        outcome: Outcome::New,
        findings: read.findings,
        score: 0,
        record: read.record,
        old: None,
    }
}

/// Finds the record of each row by its surest number that belongs to one piece of equipment only.
async fn match_known(
    connection: &mut SqliteConnection,
    rows: &mut [PlannedRow],
) -> Result<(), RegisterError> {
    let keys: HashSet<String> = rows
        .iter()
        .flat_map(|row| identities(&row.record))
        .filter(|(identity, _)| identity.identifies())
        .map(|(_, key)| key)
        .collect();
    let found =
        sqlx::query("SELECT k.key, k.id FROM json_each($1) v JOIN equipment_keys k ON k.key = v.value")
            .bind(serde_json::to_string(&keys).unwrap_or_default())
            .fetch_all(&mut *connection)
            .await
            .map_err(reading("the register"))?;
    let mut of_key: HashMap<String, Vec<String>> = HashMap::new();
    for row in &found {
        of_key.entry(row.get(0)).or_default().push(row.get(1));
    }
    let ids: HashSet<&String> = of_key.values().flatten().collect();
    let rows_found = sqlx::query(
        "SELECT e.id, e.revision, f.json FROM json_each($1) v JOIN equipment e ON e.id = v.value \
         JOIN equipment_facts f ON f.id = e.id",
    )
    .bind(serde_json::to_string(&ids).unwrap_or_default())
    .fetch_all(connection)
    .await
    .map_err(reading("the register"))?;
    let mut known: HashMap<String, (i64, Record)> = HashMap::with_capacity(rows_found.len());
    for row in &rows_found {
        let json: String = row.get("json");
        let record = serde_json::from_str(&json).map_err(|error| corrupt("record", &error))?;
        known.insert(row.get("id"), (row.get("revision"), record));
    }
    for row in rows {
        let own = identities(&row.record);
        let known_id = own
            .iter()
            .filter(|(identity, _)| identity.identifies())
            .find_map(|(_, key)| match of_key.get(key).map(Vec::as_slice) {
                Some([only]) => Some(only.clone()),
                _ => None,
            });
        match known_id {
            Some(id) => {
                row.old = known.get(&id).cloned();
                row.id = id;
            }
            None => row.id = new_id(&row.record).unwrap_or_default(),
        }
    }
    Ok(())
}

/// What the row becomes, and what is wrong with it then.
fn settle(row: &mut PlannedRow, act: &Act) {
    if row.id.is_empty() {
        row.findings.push(nameless());
    }
    let old = row.old.as_ref().map(|(_, record)| record.clone());
    let mut becomes = match &old {
        Some(old) => merge(old, &row.record),
        None => row.record.clone(),
    };
    becomes.set(Field::Id, "");
    let before = old.unwrap_or_default();
    if row.old.is_some() || becomes.get(Field::State).is_some() {
        settle_state(&before, &mut becomes, act);
    }
    if becomes.get(Field::Category).is_none()
        && !row.findings.iter().any(|one| one.field == Some(Field::Category))
    {
        row.findings.push(without_category());
    }
    row.findings.extend(check(&becomes, act.today));
    row.outcome = match &row.old {
        None => Outcome::New,
        Some((_, old)) => match compare(old, &becomes) {
            changes if changes.is_empty() => Outcome::Unchanged,
            changes => Outcome::Changed(changes),
        },
    };
    row.name = becomes.text(Field::Name).to_owned();
    row.record = becomes;
}

fn nameless() -> Finding {
    use vigil_core::register::{Rule, Words};
    Finding::new(
        Rule::Cell,
        Level::Refused,
        Field::EquipmentCode,
        "",
        Words::new(
            "无法识别是哪台设备",
            "it cannot be told which piece of equipment this is",
        ),
        Words::new(
            "填写设备代码、使用登记证编号，或出厂编号与制造单位",
            "give the equipment code, the registration number, or factory number and manufacturer",
        ),
    )
}

fn without_category() -> Finding {
    use vigil_core::register::{Rule, Words};
    Finding::new(
        Rule::Cell,
        Level::Refused,
        Field::Category,
        "",
        Words::new("缺少类别代码", "there is no category code"),
        Words::new(
            "填写四位类别代码，如 3110",
            "enter the four characters of the catalogue, such as 3110",
        ),
    )
}

/// DQ10: two rows of the file for one piece of equipment cannot both be right; a number somebody else has must be
/// looked at.
async fn find_duplicates(
    connection: &mut SqliteConnection,
    rows: &mut [PlannedRow],
) -> Result<(), RegisterError> {
    let mut first: HashMap<String, u32> = HashMap::new();
    let mut of_key: HashMap<String, Vec<(u32, String)>> = HashMap::new();
    for row in rows.iter_mut() {
        if !row.id.is_empty()
            && let Some(before) = first.insert(row.id.clone(), row.row)
        {
            let mut finding = duplicate(
                vigil_core::register::Identity::EquipmentCode,
                &format!("#{before}"),
            );
            finding.level = Level::Refused;
            finding.field = None;
            finding.what = vigil_core::register::Words::new(
                format!("与第 {before} 行是同一台设备"),
                format!("the same equipment as row {before}"),
            );
            finding.fix = vigil_core::register::Words::new("保留其中一行", "keep one of them");
            row.findings.push(finding);
        }
        for (_, key) in identities(&row.record) {
            of_key.entry(key).or_default().push((row.row, row.id.clone()));
        }
    }
    let keys: Vec<&String> = of_key.keys().collect();
    let found =
        sqlx::query("SELECT k.key, k.id FROM json_each($1) v JOIN equipment_keys k ON k.key = v.value")
            .bind(serde_json::to_string(&keys).unwrap_or_default())
            .fetch_all(connection)
            .await
            .map_err(reading("duplicates"))?;
    let mut known: HashMap<String, Vec<String>> = HashMap::new();
    for row in &found {
        known.entry(row.get(0)).or_default().push(row.get(1));
    }
    for row in rows {
        for (identity, key) in identities(&row.record) {
            let in_file = of_key
                .get(&key)
                .into_iter()
                .flatten()
                .filter(|(_, id)| *id != row.id);
            let in_file = in_file.map(|(other, _)| format!("#{other}"));
            let elsewhere = known
                .get(&key)
                .into_iter()
                .flatten()
                .filter(|id| **id != row.id)
                .cloned();
            let others: Vec<String> = in_file.chain(elsewhere).take(3).collect();
            if !others.is_empty() {
                row.findings.push(duplicate(identity, &others.join(", ")));
            }
        }
    }
    Ok(())
}

async fn missing(connection: &mut SqliteConnection, rows: &[PlannedRow]) -> Result<Missing, RegisterError> {
    let units: HashSet<&str> = rows
        .iter()
        .filter_map(|row| row.record.get(Field::UseUnit))
        .collect();
    let ids: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let found = sqlx::query(
        "SELECT e.id, e.name FROM json_each($1) v JOIN units u ON u.name = v.value \
         JOIN equipment e ON e.use_unit = u.code WHERE e.id NOT IN (SELECT value FROM json_each($2)) \
         AND e.state IN ('in_use', 'out_of_use') LIMIT $3",
    )
    .bind(serde_json::to_string(&units).unwrap_or_default())
    .bind(serde_json::to_string(&ids).unwrap_or_default())
    .bind(MISSING_NAMED + 1)
    .fetch_all(connection)
    .await
    .map_err(reading("the register"))?;
    Ok(Missing {
        total: found.len() as u64,
        named: found
            .iter()
            .take(MISSING_NAMED as usize)
            .map(|row| (row.get(0), row.get(1)))
            .collect(),
    })
}

fn count(rows: &[PlannedRow]) -> Counts {
    let mut counts = Counts {
        rows: rows.len() as u64,
        ..Counts::default()
    };
    let mut scores = 0;
    for row in rows {
        scores += u64::from(row.score);
        if row.is_refused() {
            counts.refused += 1;
        } else {
            match row.outcome {
                Outcome::New => counts.new += 1,
                Outcome::Changed(_) => counts.changed += 1,
                Outcome::Unchanged => counts.unchanged += 1,
            }
        }
        for finding in &row.findings {
            match finding.level {
                Level::Wrong => counts.wrong += 1,
                Level::Unsure => counts.unsure += 1,
                Level::Corrected => counts.corrected += 1,
                Level::Refused => {}
            }
        }
    }
    counts.score = scores.checked_div(counts.rows).unwrap_or(0);
    counts
}
