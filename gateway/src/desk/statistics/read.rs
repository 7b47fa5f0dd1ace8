//! Reading the sums.

use super::count::WHOLE;
use crate::desk::scope::{push_prefix, push_scope};
use crate::desk::{corrupt, read};
use crate::store::{Db, Desk, StoreError};
use jiff::civil::Date;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use std::collections::BTreeMap;
use vigil_core::people::{Person, Role};
use vigil_core::statistics::{Figures, Measure};

const WHAT: &str = "statistics";
/// Lines by area or by category, at most.
const MOST_LINES: usize = 200;

/// What is asked for, as far as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whose sums: empty for everybody's, or `u:`, `m:`, `i:` and a code.
    pub who: String,
    /// Beginnings of area codes, none within another; an empty one is everywhere.
    pub areas: Vec<String>,
    /// Key of a category; `None`: all.
    pub category: Option<String>,
    /// Keys of all categories, with the empty one.
    pub categories: Vec<String>,
    /// First month.
    pub from: i64,
    /// Last month.
    pub to: i64,
}

/// Sums by something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Area, two digits deeper than what is asked for.
    Area,
    /// Category.
    Category,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Area code, or key of a category.
    pub key: String,
    /// Its sums.
    pub figures: Figures,
}

/// How much was watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watched {
    /// Pieces of equipment under telemetry, on the last day that is known.
    pub equipment: u64,
    /// Days that are known.
    pub days: u64,
    /// Time looked at, summed over equipment, seconds.
    pub elapsed_s: u64,
    /// Of that, watched.
    pub covered_s: u64,
    /// Gaps.
    pub gaps: u64,
}

/// Equipment of the register in use: how far inspected in time and insured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// In use.
    pub in_use: u64,
    /// Of those, registered.
    pub registered: u64,
    /// Of those registered, inspected on time.
    pub inspected: u64,
    /// Of those in use, insured today.
    pub insured: u64,
}

/// Whose sums somebody may ask for, narrowed to a unit and an area; `None`: he sees nothing of it.
#[must_use]
pub fn who_of(person: &Person, unit: &str, area: &str) -> Option<(String, Vec<String>)> {
    let own = match person.role {
        Role::Site => Some("u:"),
        Role::Maintainer => Some("m:"),
        Role::InspectionBody => Some("i:"),
        _ => None,
    };
    if let Some(kind) = own {
        let code = person.unit.as_deref()?;
        if !unit.is_empty() && unit != code {
            return None;
        }
        return Some((format!("{kind}{code}"), vec![area.to_owned()]));
    }
    let seen: Vec<&str> = match person.role {
        Role::Administrator => vec![""],
        _ => person.areas.iter().map(|area| &**area).collect(),
    };
    let mut areas: Vec<String> = if seen.iter().any(|prefix| area.starts_with(prefix)) {
        vec![area.to_owned()]
    } else {
        seen.iter()
            .filter(|prefix| prefix.starts_with(area))
            .map(|prefix| (*prefix).to_owned())
            .collect()
    };
    areas.sort();
    areas.dedup();
    // What lies in another is counted with it.
    let all = areas.clone();
    areas.retain(|one| {
        !all.iter()
            .any(|other| other != one && one.starts_with(other.as_str()))
    });
    let who = if unit.is_empty() {
        String::new()
    } else {
        format!("u:{unit}")
    };
    (!areas.is_empty()).then_some((who, areas))
}

impl Asked {
    /// Digits of the area sums are kept for that hold this area, and whether its code is one of them.
    fn level(&self, area: &str) -> (usize, bool) {
        if self.who.is_empty() {
            match area.len() {
                digits @ (0 | 2 | 4 | 6) => (digits, true),
                _ => (6, false),
            }
        } else if area.is_empty() && self.who.starts_with("i:") {
            (0, true)
        } else {
            (WHOLE, false)
        }
    }

    fn push_category(&self, query: &mut QueryBuilder<Db>, level: usize) {
        match &self.category {
            Some(category) => {
                query.push(" AND category = ").push_bind(category.clone());
            }
            None if level == WHOLE => self.push_categories(query),
            None => drop(query.push(" AND category = '*'")),
        }
    }

    fn push_categories(&self, query: &mut QueryBuilder<Db>) {
        let keys = self
            .category
            .as_ref()
            .map_or(&*self.categories, std::slice::from_ref);
        query
            .push(" AND category IN (SELECT value FROM json_each(")
            .push_bind(serde_json::to_string(keys).unwrap_or_default())
            .push("))");
    }

    fn push_area(&self, query: &mut QueryBuilder<Db>, area: &str) {
        let (level, whole) = self.level(area);
        query.push(" AND level = ").push_bind(level as i64);
        if whole {
            query.push(" AND area = ").push_bind(area.to_owned());
        } else if !area.is_empty() {
            query.push(" AND ");
            push_prefix(query, "", "area", area);
        }
    }
}

/// The sums of all that is asked for.
///
/// # Errors
/// The database cannot be read.
pub async fn figures(desk: &Desk, asked: &Asked) -> Result<Figures, StoreError> {
    let mut sum = Figures::default();
    for figures in by_month(desk, asked).await?.into_values() {
        for (measure, bucket, n) in figures {
            sum.add(measure, bucket, n);
        }
    }
    Ok(sum)
}

/// The sums of each month, from the first to the last, also of months without anything.
///
/// # Errors
/// The database cannot be read.
pub async fn months(desk: &Desk, asked: &Asked) -> Result<Vec<(i64, Figures)>, StoreError> {
    let mut found = by_month(desk, asked).await?;
    Ok((asked.from..=asked.to)
        .map(|month| {
            let mut sum = Figures::default();
            for (measure, bucket, n) in found.remove(&month).unwrap_or_default() {
                sum.add(measure, bucket, n);
            }
            (month, sum)
        })
        .collect())
}

type Counts = Vec<(Measure, u16, u64)>;

async fn by_month(desk: &Desk, asked: &Asked) -> Result<BTreeMap<i64, Counts>, StoreError> {
    let mut months: BTreeMap<i64, Counts> = BTreeMap::new();
    for area in &asked.areas {
        for measure in Measure::ALL {
            let mut query =
                QueryBuilder::<Db>::new("SELECT month, bucket, SUM(n) AS n FROM stat_counts WHERE who = ");
            query.push_bind(asked.who.clone());
            asked.push_category(&mut query, asked.level(area).0);
            asked.push_area(&mut query, area);
            push_when(&mut query, asked, measure);
            query.push(" GROUP BY month, bucket");
            let rows = query
                .build()
                .fetch_all(desk.reading())
                .await
                .map_err(read(WHAT))?;
            for row in &rows {
                let (bucket, n) = bucket_of(row)?;
                months
                    .entry(row.get("month"))
                    .or_default()
                    .push((measure, bucket, n));
            }
        }
    }
    Ok(months)
}

/// The bucket of a row, and what was counted in it.
fn bucket_of(row: &SqliteRow) -> Result<(u16, u64), StoreError> {
    let bucket =
        u16::try_from(row.get::<i64, _>("bucket")).map_err(|error| corrupt(WHAT)(error.to_string()))?;
    Ok((bucket, row.get::<i64, _>("n").max(0).unsigned_abs()))
}

fn push_when(query: &mut QueryBuilder<Db>, asked: &Asked, measure: Measure) {
    query.push(" AND measure = ").push_bind(measure.key());
    if measure.is_now() {
        query.push(" AND month = 0");
    } else {
        query.push(" AND month BETWEEN ").push_bind(asked.from);
        query.push(" AND ").push_bind(asked.to);
    }
}

/// The sums by area or by category, most opened first. Times are not broken down.
///
/// # Errors
/// The database cannot be read.
pub async fn lines(desk: &Desk, asked: &Asked, by: By) -> Result<Vec<Line>, StoreError> {
    let mut sums: BTreeMap<String, Figures> = BTreeMap::new();
    let counted = Measure::ALL
        .into_iter()
        .filter(|measure| !matches!(measure, Measure::Acknowledged | Measure::Rectified));
    for area in &asked.areas {
        for measure in counted.clone() {
            let (key, deeper) = match by {
                By::Category => ("category", 0),
                By::Area if asked.who.is_empty() && area.len() < 6 => ("area", area.len() / 2 * 2 + 2),
                By::Area if asked.who.is_empty() => ("area", 6),
                By::Area => ("area", WHOLE),
            };
            let mut query = QueryBuilder::<Db>::new(format!(
                "SELECT {key} AS key, bucket, SUM(n) AS n FROM stat_counts WHERE who = "
            ));
            query.push_bind(asked.who.clone());
            match by {
                By::Category => {
                    asked.push_categories(&mut query);
                    asked.push_area(&mut query, area);
                }
                By::Area => {
                    asked.push_category(&mut query, deeper);
                    query.push(" AND level = ").push_bind(deeper as i64);
                    if !area.is_empty() {
                        query.push(" AND ");
                        push_prefix(&mut query, "", "area", area);
                    }
                }
            }
            push_when(&mut query, asked, measure);
            query.push(" GROUP BY key, bucket");
            let rows = query
                .build()
                .fetch_all(desk.reading())
                .await
                .map_err(read(WHAT))?;
            for row in &rows {
                let (bucket, n) = bucket_of(row)?;
                sums.entry(row.get("key")).or_default().add(measure, bucket, n);
            }
        }
    }
    let mut lines: Vec<Line> = sums
        .into_iter()
        .map(|(key, figures)| Line { key, figures })
        .filter(|line| line.figures != Figures::default())
        .collect();
    lines.sort_by(|a, b| (b.figures.opened, &a.key).cmp(&(a.figures.opened, &b.key)));
    lines.truncate(MOST_LINES);
    Ok(lines)
}

/// How much of these days was watched.
///
/// # Errors
/// The database cannot be read.
pub async fn watched(desk: &Desk, asked: &Asked, (from, to): (Date, Date)) -> Result<Watched, StoreError> {
    let (from, to) = (super::day_number(from), super::day_number(to));
    let mut query = QueryBuilder::<Db>::new(
        "SELECT day, SUM(equipment) AS equipment, SUM(elapsed_s) AS elapsed_s, SUM(covered_s) AS covered_s, \
         SUM(gaps) AS gaps FROM stat_watched WHERE who = ",
    );
    query
        .push_bind(asked.who.clone())
        .push(" AND day BETWEEN ")
        .push_bind(from);
    query.push(" AND ").push_bind(to).push(" AND (0");
    for area in &asked.areas {
        query.push(" OR ");
        push_prefix(&mut query, "", "area", area);
    }
    query.push(") GROUP BY day ORDER BY day");
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let mut sum = Watched::default();
    for row in &rows {
        let number = |column| row.get::<i64, _>(column).max(0).unsigned_abs();
        sum.equipment = number("equipment");
        sum.days += 1;
        sum.elapsed_s += number("elapsed_s");
        sum.covered_s += number("covered_s");
        sum.gaps += number("gaps");
    }
    Ok(sum)
}

/// Equipment in use, as the register has it today.
///
/// # Errors
/// The database cannot be read.
pub async fn coverage(
    desk: &Desk,
    person: &Person,
    (unit, area): (&str, &str),
    today: Date,
) -> Result<Coverage, StoreError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT COUNT(*) AS in_use, SUM(registration_no <> '') AS registered, \
         SUM(registration_no <> '' AND inspection_due >= ",
    );
    query
        .push_bind(today.to_string())
        .push(") AS inspected, SUM(insured_to >= ")
        .push_bind(today.to_string());
    query.push(") AS insured FROM equipment INDEXED BY equipment_coverage WHERE state = 'in_use'");
    push_scope(&mut query, person, "");
    if !area.is_empty() {
        query.push(" AND ");
        push_prefix(&mut query, "", "area", area);
    }
    if !unit.is_empty() {
        query.push(" AND ").push_bind(unit.to_owned());
        query.push(" IN (use_unit, maintenance_unit, inspection_body)");
    }
    let row = query
        .build()
        .fetch_one(desk.reading())
        .await
        .map_err(read(WHAT))?;
    let number = |column: &str| {
        row.get::<Option<i64>, _>(column)
            .unwrap_or_default()
            .unsigned_abs()
    };
    Ok(Coverage {
        in_use: number("in_use"),
        registered: number("registered"),
        inspected: number("inspected"),
        insured: number("insured"),
    })
}

#[cfg(test)]
mod tests {
    use super::who_of;
    use vigil_core::people::{Person, Role};

    #[test]
    fn sums_are_asked_for_within_ones_sight() {
        let person = |role, unit: Option<&str>, areas: &[&str]| Person {
            login: "li".into(),
            role,
            unit: unit.map(Into::into),
            areas: areas.iter().map(|area| (*area).into()).collect(),
        };
        let site = person(Role::Site, Some("acme"), &[]);
        let some = |who: &str, areas: &[&str]| {
            let areas = areas.iter().map(|area| (*area).to_owned()).collect();
            Some((who.to_owned(), areas))
        };
        assert_eq!(who_of(&site, "", ""), some("u:acme", &[""]));
        assert_eq!(who_of(&site, "other", ""), None, "another's are not his");
        assert_eq!(who_of(&person(Role::Site, None, &[]), "", ""), None);
        let regulator = person(Role::Regulator, None, &["21", "2103", "11"]);
        assert_eq!(who_of(&regulator, "", ""), some("", &["11", "21"]), "none twice");
        assert_eq!(who_of(&regulator, "acme", "210381"), some("u:acme", &["210381"]));
        assert_eq!(who_of(&regulator, "", "1"), some("", &["11"]));
        assert_eq!(who_of(&regulator, "", "31"), None);
        assert_eq!(who_of(&person(Role::Regulator, None, &[]), "", ""), None);
        assert_eq!(
            who_of(&person(Role::Administrator, None, &[]), "", ""),
            some("", &[""])
        );
    }
}
