//! Lists of risk points: filtered inside an index, paged by key, counted up to a bound.

use super::error::reading;
use super::point::{Owner, colour_of, level_of};
use super::{RiskError, date_of, narrowed};
use crate::desk::listing::{NO_CURSOR, counted, counting, cut, page_length, push_limit, push_words};
use crate::desk::scope::{push_prefix, push_scope};
use crate::store::{Db, Desk};
use jiff::civil::Date;
use sqlx::{QueryBuilder, Row as _};
use std::fmt;
use std::str::FromStr;
use vigil_core::people::{Person, Role};
use vigil_core::risk::Colour;

/// Which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Newest,
    /// Worst first.
    Level,
    /// What is to be checked first comes first; what has no measures is not in this list.
    Check,
}

impl Order {
    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Level => "level",
            Self::Check => "check",
        }
    }

    /// The order behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        [Self::Newest, Self::Level, Self::Check]
            .into_iter()
            .find(|order| order.key() == key)
    }
}

/// Which risk points. Empty texts do not filter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PointFilter {
    /// In name, place, factor, or its id.
    pub text: String,
    /// Of this colour; `Some(None)`: nobody has assessed it.
    pub colour: Option<Option<Colour>>,
    /// Key of the control tier.
    pub tier: String,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the use unit.
    pub unit: String,
    /// Of this equipment.
    pub equipment: String,
    /// 责任人.
    pub owner: String,
    /// A check of a measure is overdue, or none is.
    pub overdue: Option<bool>,
    /// A measure has failed, or none has.
    pub failing: Option<bool>,
    /// It should have been assessed again, or not yet.
    pub stale: Option<bool>,
    /// Those that are retired, instead of those that are not.
    pub retired: bool,
    /// Order.
    pub order: Order,
    /// Where the page before ended.
    pub after: Option<PointCursor>,
    /// Rows, 1 to 1000.
    pub limit: u32,
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointCursor {
    /// What the order goes by: a level, a date; empty for the newest.
    pub by: String,
    /// Number of the last row.
    pub n: i64,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct PointRow {
    /// Number.
    pub n: i64,
    /// What it belongs to.
    pub of: Owner,
    /// Name.
    pub name: String,
    /// Where.
    pub place: String,
    /// 危险因素.
    pub factor: String,
    /// 事故类型.
    pub accident: String,
    /// 依据.
    pub basis: String,
    /// 责任人.
    pub owner: String,
    /// His phone.
    pub owner_phone: String,
    /// 责任单位.
    pub owner_unit: String,
    /// Colour.
    pub colour: Option<Colour>,
    /// Key of the method.
    pub method: String,
    /// Its factors, as JSON.
    pub factors: String,
    /// Score.
    pub score: Option<f64>,
    /// Key of the tier.
    pub tier: String,
    /// When it was identified.
    pub identified_on: Date,
    /// When it was assessed.
    pub assessed_on: Option<Date>,
    /// When it is to be assessed again.
    pub reassess_on: Option<Date>,
    /// The first check due.
    pub next_check: Option<Date>,
    /// Measures that have failed.
    pub failing: u32,
    /// Area code.
    pub area: String,
    /// Code of the use unit.
    pub use_unit: Option<String>,
    /// Its name.
    pub use_unit_name: Option<String>,
    /// Name of the equipment, as the register has it.
    pub equipment_name: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Its registration number.
    pub registration_no: Option<String>,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct PointPage {
    /// Lines.
    pub rows: Vec<PointRow>,
    /// Where the next page starts.
    pub next: Option<PointCursor>,
    /// Matches, counted to [`COUNTED`](crate::desk::listing::COUNTED) + 1.
    pub total: u64,
}

impl fmt::Display for PointCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.by, self.n)
    }
}

impl FromStr for PointCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (by, n) = text.split_once('.').ok_or(NO_CURSOR)?;
        let fits = by.len() <= 10 && by.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        Ok(Self {
            by: if fits {
                by.to_owned()
            } else {
                return Err(NO_CURSOR);
            },
            n: n.parse().map_err(|_| NO_CURSOR)?,
        })
    }
}

/// A page of what `person` may see.
///
/// # Errors
/// The database cannot be read.
pub async fn points(
    desk: &Desk,
    person: &Person,
    filter: &PointFilter,
    today: Date,
) -> Result<PointPage, RiskError> {
    let limit = page_length(filter.limit);
    let mut query = QueryBuilder::<Db>::new(
        "SELECT p.*, u.name AS use_unit_name, e.name AS equipment_name, e.category, e.registration_no \
         FROM risk_points p LEFT JOIN units u ON u.code = p.use_unit LEFT JOIN equipment e ON e.id = p.equipment \
         WHERE p.n IN (SELECT n FROM ",
    );
    push_matching(&mut query, person, filter, today, false);
    if let Some(cursor) = &filter.after {
        let n = cursor.n;
        match filter.order {
            Order::Newest => drop(query.push(" AND n < ").push_bind(n)),
            Order::Level => {
                query.push(" AND (level, n) < (");
                let level: i64 = cursor.by.parse().unwrap_or(5);
                query.push_bind(level).push(", ").push_bind(n).push(")");
            }
            Order::Check => {
                query.push(" AND (next_check, n) > (");
                query
                    .push_bind(cursor.by.clone())
                    .push(", ")
                    .push_bind(n)
                    .push(")");
            }
        }
    }
    let (inside, outside) = match filter.order {
        Order::Newest => ("n DESC", "p.n DESC"),
        Order::Level => ("level DESC, n DESC", "p.level DESC, p.n DESC"),
        Order::Check => ("next_check, n", "p.next_check, p.n"),
    };
    query.push(format!(" ORDER BY {inside}"));
    push_limit(&mut query, limit);
    query.push(format!(") ORDER BY {outside}"));
    let found = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("risk points"))?;
    let (rows, next) = cut(found.iter().map(line).collect(), limit, |last: &PointRow| {
        PointCursor {
            by: match filter.order {
                Order::Newest => String::new(),
                Order::Level => level_of(last.colour).to_string(),
                Order::Check => last.next_check.map(|day| day.to_string()).unwrap_or_default(),
            },
            n: last.n,
        }
    });
    let mut count = counting();
    push_matching(&mut count, person, filter, today, true);
    let total = counted(desk, "risk points", count).await?;
    Ok(PointPage { rows, next, total })
}

/// `risk_points INDEXED BY … WHERE …`: the few of one equipment, owner or unit, or one walk over an index that has every
/// filter as a column. In a large area a page is soon full in the order of the list, but a count is not.
fn push_matching(
    query: &mut QueryBuilder<Db>,
    person: &Person,
    filter: &PointFilter,
    today: Date,
    counting: bool,
) {
    let area = narrowed(person, &filter.area);
    let index = if !filter.equipment.is_empty() {
        "risk_points_of_equipment"
    } else if !filter.owner.is_empty() {
        "risk_points_owned"
    } else if !filter.unit.is_empty() || person.role == Role::Site {
        "risk_points_used"
    } else if person.role == Role::Maintainer {
        "risk_points_maintained"
    } else if person.role == Role::InspectionBody {
        "risk_points_inspected"
    } else if filter.retired {
        "risk_points_retired"
    } else if filter.failing == Some(true) {
        "risk_points_failing"
    } else if filter.overdue == Some(true) {
        "risk_points_by_check"
    } else if filter.stale == Some(true) {
        "risk_points_stale"
    } else if filter.colour.is_some() && filter.order != Order::Check {
        "risk_points_by_level"
    } else if area.len() >= 4 || (counting && !area.is_empty()) {
        "risk_points_area"
    } else if !filter.tier.is_empty() && (counting || filter.order == Order::Newest) {
        "risk_points_tier"
    } else {
        match filter.order {
            Order::Newest => "risk_points_by_n",
            Order::Level => "risk_points_by_level",
            Order::Check => "risk_points_by_check",
        }
    };
    query.push(format!("risk_points INDEXED BY {index} WHERE retired_at IS "));
    query.push(if filter.retired { "NOT NULL" } else { "NULL" });
    if filter.order == Order::Check || index == "risk_points_by_check" {
        query.push(" AND next_check IS NOT NULL");
    }
    if index == "risk_points_stale" {
        query.push(" AND reassess_on IS NOT NULL");
    }
    push_scope(query, person, "");
    for (column, value) in [
        ("equipment", &filter.equipment),
        ("owner", &filter.owner),
        ("use_unit", &filter.unit),
        ("tier", &filter.tier),
    ] {
        if !value.is_empty() {
            query.push(format!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    for area in [filter.area.as_str(), area] {
        if !area.is_empty() {
            query.push(" AND ");
            push_prefix(query, "", "area", area);
        }
    }
    if let Some(colour) = filter.colour {
        query.push(" AND level = ").push_bind(level_of(colour));
    }
    if let Some(failing) = filter.failing {
        query.push(if failing {
            " AND failing > 0"
        } else {
            " AND failing = 0"
        });
    }
    for (column, wanted) in [("next_check", filter.overdue), ("reassess_on", filter.stale)] {
        match wanted {
            Some(true) => query
                .push(format!(" AND {column} < "))
                .push_bind(today.to_string()),
            Some(false) => query
                .push(format!(" AND ({column} IS NULL OR {column} >= "))
                .push_bind(today.to_string())
                .push(")"),
            None => continue,
        };
    }
    push_words(query, "risk_text", &filter.text);
}

fn line(row: &sqlx::sqlite::SqliteRow) -> PointRow {
    PointRow {
        n: row.get("n"),
        of: match row.get::<Option<String>, _>("equipment") {
            Some(equipment) => Owner::Equipment(equipment),
            None => Owner::Unit(row.get::<Option<String>, _>("unit").unwrap_or_default()),
        },
        name: row.get("name"),
        place: row.get("place"),
        factor: row.get("factor"),
        accident: row.get("accident"),
        basis: row.get("basis"),
        owner: row.get("owner"),
        owner_phone: row.get("owner_phone"),
        owner_unit: row.get("owner_unit"),
        colour: colour_of(row.get("level")),
        method: row.get("method"),
        factors: row.get("factors"),
        score: row.get("score"),
        tier: row.get("tier"),
        identified_on: date_of(row, "identified_on").unwrap_or_default(),
        assessed_on: date_of(row, "assessed_on"),
        reassess_on: date_of(row, "reassess_on"),
        next_check: date_of(row, "next_check"),
        failing: u32::try_from(row.get::<i64, _>("failing")).unwrap_or(0),
        area: row.get("area"),
        use_unit: row.get("use_unit"),
        use_unit_name: row.get("use_unit_name"),
        equipment_name: row.get("equipment_name"),
        category: row.get("category"),
        registration_no: row.get("registration_no"),
    }
}
