//! The risk list: a view over the register of risks. A risk stands in the list of a period if it was identified by its
//! last day and not retired before its first.

use super::rows::{equipment_names, local_day, unit_names};
use super::{ListCursor, ListError, ListPage, ListReader, ListRow};
use crate::desk::read;
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::Db;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use vigil_core::lists::Tongue;
use vigil_core::risk::{Colour, MeasureKind, Scheme};
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "the risk list";

fn matching(query: &mut QueryBuilder<Db>, reader: &ListReader<'_>) {
    let filter = reader.filter;
    query.push("risk_points p WHERE 1 = 1");
    push_scope(query, reader.person, "p.");
    if let Some(to) = filter.to {
        query.push(" AND p.identified_on <= ").push_bind(to.to_string());
    }
    match filter.from {
        Some(from) => {
            query
                .push(" AND (p.retired_at IS NULL OR p.retired_at >= ")
                .push_bind(super::filter::begin_of(from, &reader.zone).0)
                .push(")");
        }
        // No period: what stands now.
        None => drop(query.push(" AND p.retired_at IS NULL")),
    }
    if !filter.area.is_empty() {
        query.push(" AND ");
        push_prefix(query, "p.", "area", &filter.area);
    }
    if !filter.unit.is_empty() {
        query.push(" AND p.use_unit = ").push_bind(filter.unit.clone());
    }
}

pub(super) async fn count(
    reader: &ListReader<'_>,
    connection: &mut SqliteConnection,
    most: u32,
) -> Result<u64, ListError> {
    let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM ");
    matching(&mut query, reader);
    query.push(" LIMIT ").push_bind(i64::from(most)).push(")");
    let n: i64 = query
        .build_query_scalar()
        .fetch_one(connection)
        .await
        .map_err(read(WHAT))?;
    Ok(n.unsigned_abs())
}

pub(super) async fn page(
    reader: &ListReader<'_>,
    connection: &mut SqliteConnection,
    after: Option<&ListCursor>,
    limit: u32,
) -> Result<ListPage, ListError> {
    let before = after.map_or(0, |after| after.no);
    let last = after.and_then(|after| after.id.parse::<i64>().ok()).unwrap_or(0);
    let mut query = QueryBuilder::new("SELECT p.* FROM ");
    matching(&mut query, reader);
    query
        .push(" AND p.n > ")
        .push_bind(last)
        .push(" ORDER BY p.n LIMIT ")
        .push_bind(i64::from(limit));
    let found = query
        .build()
        .fetch_all(&mut *connection)
        .await
        .map_err(read(WHAT))?;
    let measures = measures(&mut *connection, &found, reader.tongue).await?;
    let maybe = |row: &SqliteRow, column: &str| row.get::<Option<String>, _>(column);
    let owned: Vec<_> = found
        .iter()
        .map(|row| {
            [
                maybe(row, "unit"),
                maybe(row, "use_unit"),
                maybe(row, "equipment"),
            ]
        })
        .collect();
    let units: BTreeSet<&str> = owned
        .iter()
        .flat_map(|[unit, use_unit, _]| [unit, use_unit])
        .filter_map(|code| code.as_deref())
        .collect();
    let equipment: BTreeSet<&str> = owned.iter().filter_map(|[.., id]| id.as_deref()).collect();
    let units = unit_names(&mut *connection, &units).await?;
    let equipment = equipment_names(connection, &equipment).await?;
    let rows = (before + 1..).zip(&found).map(|(no, row)| {
        let line = Line {
            reader,
            row,
            units: &units,
            equipment: &equipment,
            measures: measures.get(&row.get::<i64, _>("n")).map_or("", String::as_str),
        };
        let cells = reader.list.column.iter().map(|column| match &*column.key {
            "no" => no.to_string(),
            key => line.cell(key),
        });
        ListRow {
            id: crate::desk::risk::id_of(row.get("n")),
            cells: cells.collect(),
        }
    });
    let rows: Vec<ListRow> = rows.collect();
    let full = found.len() as u64 == u64::from(limit);
    let next = found.last().filter(|_| full).map(|last| ListCursor {
        at: UtcMillis(0),
        no: before + found.len() as u64,
        id: last.get::<i64, _>("n").to_string(),
    });
    Ok(ListPage { rows, next })
}

/// Measures in force of these points, each kind with its name.
async fn measures(
    connection: &mut SqliteConnection,
    points: &[SqliteRow],
    tongue: Tongue,
) -> Result<HashMap<i64, String>, ListError> {
    let ids: Vec<i64> = points.iter().map(|row| row.get("n")).collect();
    let rows = sqlx::query::<Db>(
        "SELECT m.point, m.kind, m.text FROM json_each($1) v CROSS JOIN risk_measures m ON m.point = v.value \
         WHERE m.retired_at IS NULL ORDER BY m.point, m.n",
    )
    .bind(serde_json::to_string(&ids).unwrap_or_default())
    .fetch_all(connection)
    .await
    .map_err(read(WHAT))?;
    let mut found: HashMap<i64, String> = HashMap::new();
    for row in &rows {
        let (kind, text): (&str, &str) = (row.get("kind"), row.get("text"));
        let name = MeasureKind::from_key(kind).map_or(kind, |kind| {
            let (zh, en) = kind.titles();
            tongue.pick(zh, en)
        });
        let all = found.entry(row.get("point")).or_default();
        if !all.is_empty() {
            all.push('；');
        }
        all.push_str(name);
        all.push_str(tongue.pick("：", ": "));
        all.push_str(text);
    }
    Ok(found)
}

/// A risk point with what its line needs.
struct Line<'l> {
    reader: &'l ListReader<'l>,
    row: &'l SqliteRow,
    units: &'l HashMap<String, String>,
    equipment: &'l HashMap<String, (String, String)>,
    measures: &'l str,
}

impl Line<'_> {
    fn text(&self, column: &str) -> &str {
        self.row.get::<Option<&str>, _>(column).unwrap_or_default()
    }

    fn unit(&self) -> &str {
        let code = match self.text("unit") {
            "" => self.text("use_unit"),
            code => code,
        };
        self.units.get(code).map_or(code, String::as_str)
    }

    fn pair(first: &str, second: &str) -> String {
        [first, second]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn cell(&self, key: &str) -> String {
        let tongue = self.reader.tongue;
        let scheme = &self.reader.rules.risk;
        match key {
            "risk_point" => self.text("name").to_owned(),
            "place" => Self::pair(self.unit(), self.text("place")),
            "equipment_class" => self.equipment_class(),
            "hazard_source" => self.text("factor").to_owned(),
            "accident_type" => self.text("accident").to_owned(),
            "method" => self.method(scheme),
            "value" => self
                .row
                .get::<Option<f64>, _>("score")
                .map_or_else(String::new, |score| score.to_string()),
            "level" => self.level(scheme),
            "tier" => {
                let tier = scheme.tier(self.text("tier"));
                tier.map_or_else(String::new, |tier| tongue.pick(&tier.zh, &tier.en).to_owned())
            }
            "measures" => self.measures.to_owned(),
            "responsible_unit" => match self.text("owner_unit") {
                "" => self.unit().to_owned(),
                unit => unit.to_owned(),
            },
            "responsible_person" => Self::pair(self.text("owner"), self.text("owner_phone")),
            "identified" => self.text("identified_on").to_owned(),
            "updated" => local_day(&self.reader.zone, UtcMillis(self.row.get("changed"))),
            "basis" => self.text("basis").to_owned(),
            _ => String::new(),
        }
    }

    fn equipment_class(&self) -> String {
        let id = self.text("equipment");
        let registered = self.equipment.get(id).map_or("", |(_, number)| number.as_str());
        let category = self.reader.catalog.by_id.get(id);
        let category = category.and_then(|ix| self.reader.catalog.equipment.get(ix.0 as usize));
        Self::pair(
            category.map_or("", |one| &*one.category),
            if registered.is_empty() { id } else { registered },
        )
    }

    fn method(&self, scheme: &Scheme) -> String {
        let Some(method) = scheme.method(self.text("method")) else {
            return String::new();
        };
        let given: BTreeMap<String, f64> = serde_json::from_str(self.text("factors")).unwrap_or_default();
        let values = method.factors.iter().filter_map(|factor| {
            let value = given.get(&factor.key)?;
            Some(format!("{}={value}", factor.key.to_uppercase()))
        });
        let values = values.collect::<Vec<_>>().join(" ");
        Self::pair(self.reader.tongue.pick(&method.zh, &method.en), &values)
    }

    fn level(&self, scheme: &Scheme) -> String {
        let tongue = self.reader.tongue;
        let colour = match self.row.get::<i64, _>("level") {
            4 => Colour::Red,
            3 => Colour::Orange,
            2 => Colour::Yellow,
            1 => Colour::Blue,
            _ => return tongue.pick("未评估", "not assessed").to_owned(),
        };
        let (zh, en) = colour.titles();
        let level = scheme.level(colour);
        let name = level.map_or("", |level| tongue.pick(&level.zh, &level.en));
        match tongue {
            Tongue::Zh => format!("{name}（{zh}）"),
            Tongue::En => format!("{name} ({en})"),
        }
    }
}
