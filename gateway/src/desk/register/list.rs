//! Lists of equipment: filtered inside an index, paged by key, counted up to a bound.

use super::RegisterError;
use super::error::reading;
use crate::desk::listing::{NO_CURSOR, counted, counting, cut, page_length, push_limit, push_words};
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use jiff::civil::Date;
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::calendar::Standing;
use vigil_core::people::Person;
use vigil_core::register::UseState;

/// Which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By id.
    #[default]
    Id,
    /// What is due first comes first; what owes nothing is not in this list.
    Due,
}

/// What is asked for. Empty texts do not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListFilter {
    /// In name, numbers, place or use unit.
    pub text: String,
    /// Beginning of the category code.
    pub category: String,
    /// Beginning of the area code.
    pub area: String,
    /// Code of a unit that uses, maintains or inspects it.
    pub unit: String,
    /// State.
    pub state: Option<UseState>,
    /// How the first thing due stands.
    pub standing: Option<Standing>,
    /// With findings to be put right, or without.
    pub wrong: Option<bool>,
    /// Order.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When ordered by due date: that date.
    pub due: Option<Date>,
    /// Id of the last row.
    pub id: String,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRow {
    /// Equipment id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Catalogue code.
    pub category: String,
    /// Area code.
    pub area: String,
    /// State.
    pub state: UseState,
    /// Where it stands.
    pub location: String,
    /// Registration number.
    pub registration_no: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// The first thing due.
    pub next_due: Option<Date>,
    /// Inspection due.
    pub inspection_due: Option<Date>,
    /// 0 to 100.
    pub score: u8,
    /// Findings to be put right.
    pub wrong: u32,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPage {
    /// Lines.
    pub rows: Vec<ListRow>,
    /// Where the next page starts.
    pub next: Option<Cursor>,
    /// Matches, counted to [`COUNTED`](crate::desk::listing::COUNTED) + 1.
    pub total: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.due {
            Some(due) => write!(f, "{due}.{}", self.id),
            None => write!(f, ".{}", self.id),
        }
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (due, id) = text.split_once('.').ok_or(NO_CURSOR)?;
        let due = match due {
            "" => None,
            due => Some(due.parse().map_err(|_| NO_CURSOR)?),
        };
        Ok(Self {
            due,
            id: id.to_owned(),
        })
    }
}

/// A page of what `person` may see.
///
/// # Errors
/// The database cannot be read.
pub async fn list(
    desk: &Desk,
    person: &Person,
    filter: &ListFilter,
    today: Date,
) -> Result<ListPage, RegisterError> {
    let limit = page_length(filter.limit);
    let mut query = QueryBuilder::<Db>::new(
        "SELECT e.*, u.name AS use_unit_name FROM equipment e LEFT JOIN units u ON u.code = e.use_unit \
         WHERE e.n IN (SELECT n FROM ",
    );
    push_matching(&mut query, person, filter, today);
    let (after, order) = match filter.order {
        Order::Id => ("id", "id"),
        Order::Due => ("(next_due, id)", "next_due, id"),
    };
    if let Some(cursor) = &filter.after {
        query.push(format!(" AND {after} > "));
        match (filter.order, cursor.due) {
            (Order::Due, Some(due)) => {
                query
                    .push("(")
                    .push_bind(due.to_string())
                    .push(", ")
                    .push_bind(cursor.id.clone())
                    .push(")");
            }
            (Order::Due, None) => drop(query.push("('', '')")),
            (Order::Id, _) => drop(query.push_bind(cursor.id.clone())),
        }
    }
    query.push(format!(" ORDER BY {order}"));
    push_limit(&mut query, limit);
    query.push(format!(
        ") ORDER BY {}",
        if filter.order == Order::Id {
            "e.id"
        } else {
            "e.next_due, e.id"
        }
    ));
    let found = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("the register"))?;
    let (rows, next) = cut(found.iter().map(line).collect(), limit, |last: &ListRow| Cursor {
        due: (filter.order == Order::Due).then_some(last.next_due).flatten(),
        id: last.id.clone(),
    });
    let mut count = counting();
    push_matching(&mut count, person, filter, today);
    let total = counted(desk, "the register", count).await?;
    Ok(ListPage { rows, next, total })
}

/// `equipment INDEXED BY … WHERE …`: every filter is a column of the index, so a page costs at most one walk over it.
fn push_matching(query: &mut QueryBuilder<Db>, person: &Person, filter: &ListFilter, today: Date) {
    query.push(match filter.order {
        Order::Id => "equipment INDEXED BY equipment_by_id WHERE true",
        Order::Due => "equipment INDEXED BY equipment_by_due WHERE next_due IS NOT NULL",
    });
    push_scope(query, person, "");
    for (column, prefix) in [("category", &filter.category), ("area", &filter.area)] {
        if !prefix.is_empty() {
            query.push(" AND ");
            push_prefix(query, "", column, prefix);
        }
    }
    if !filter.unit.is_empty() {
        query.push(" AND ").push_bind(filter.unit.clone());
        query.push(" IN (use_unit, maintenance_unit, inspection_body)");
    }
    if let Some(state) = filter.state {
        query.push(" AND state = ").push_bind(state.key());
    }
    if let Some(wrong) = filter.wrong {
        query.push(if wrong { " AND wrong > 0" } else { " AND wrong = 0" });
    }
    if let Some(standing) = filter.standing {
        let (from, to) = standing.range(today);
        if let Some(from) = from {
            query.push(" AND next_due >= ").push_bind(from.to_string());
        }
        if let Some(to) = to {
            query.push(" AND next_due <= ").push_bind(to.to_string());
        }
    }
    push_words(query, "equipment_text", &filter.text);
}

fn line(row: &sqlx::sqlite::SqliteRow) -> ListRow {
    let date = |column: &str| {
        row.get::<Option<String>, _>(column)
            .and_then(|text| text.parse().ok())
    };
    ListRow {
        id: row.get("id"),
        name: row.get("name"),
        category: row.get("category"),
        area: row.get("area"),
        state: UseState::from_key(row.get("state")).unwrap_or(UseState::InUse),
        location: row.get("location"),
        registration_no: row.get("registration_no"),
        use_unit: row.get("use_unit"),
        use_unit_name: row.get("use_unit_name"),
        next_due: date("next_due"),
        inspection_due: date("inspection_due"),
        score: u8::try_from(row.get::<i64, _>("score")).unwrap_or(0),
        wrong: u32::try_from(row.get::<i64, _>("wrong")).unwrap_or(0),
    }
}
