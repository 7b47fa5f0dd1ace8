//! The four lists (四个清单): risks, hazards and problems, tasks and measures, results. They are views over the records;
//! which columns they have, and what those are called, is data.
//!
//! ```text
//! four-lists.toml ─► FourLists (names, columns, numbers) ┐
//! hazard, its events, the register ─► HazardFacts ───────┴─► cells ─► page, file, frozen copy
//! ```

mod cells;
mod number;
mod words;

pub use cells::{Civil, HazardFacts, quoted};
pub use number::{Numbered, Pattern, PatternError};
pub use words::{Tongue, grade, source, status};

use serde::Deserialize;
use std::sync::{Arc, LazyLock};

const TEXT: &str = include_str!("../../rules/desk/four-lists.toml");

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListKey {
    /// 风险清单.
    Risk,
    /// 隐患和问题清单: what was found in the period.
    Hazards,
    /// 任务和措施清单: what is to be done about what was found in the period.
    Tasks,
    /// 成果清单: what was struck off in the period.
    Results,
}

impl ListKey {
    /// All four, in their order.
    pub const ALL: [Self; 4] = [Self::Risk, Self::Hazards, Self::Tasks, Self::Results];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Hazards => "hazards",
            Self::Tasks => "tasks",
            Self::Results => "results",
        }
    }

    /// The list behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.key() == key)
    }

    /// What can stand in its columns.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Risk => &[
                "no",
                "risk_point",
                "place",
                "equipment_class",
                "hazard_source",
                "accident_type",
                "method",
                "value",
                "level",
                "tier",
                "measures",
                "responsible_unit",
                "responsible_person",
                "identified",
                "updated",
                "basis",
            ],
            Self::Hazards => &[
                "no",
                "hazard_no",
                "found_at",
                "found_by_way",
                "found_by",
                "inspected_unit",
                "equipment",
                "description",
                "category",
                "grade",
                "clause",
                "evidence",
                "repeated",
                "listed",
                "responsible_unit",
                "deadline",
                "status",
            ],
            Self::Tasks => &[
                "no",
                "hazard_no",
                "task",
                "measures",
                "interim",
                "lead_unit",
                "other_units",
                "leader",
                "person",
                "funds",
                "started",
                "deadline",
                "progress",
                "supervisor",
                "emergency_plan",
            ],
            Self::Results => &[
                "no",
                "hazard_no",
                "rectified_at",
                "result",
                "accepted_by",
                "accepted_at",
                "opinion",
                "struck_off",
                "look_backs",
                "rules_made",
                "proof",
            ],
        }
    }
}

/// A column of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// What stands in it: one of [`ListKey::columns`].
    pub key: Arc<str>,
    /// Its head, Chinese.
    pub zh: Arc<str>,
    /// Its head, English.
    pub en: Arc<str>,
    /// Width in a table that is printed, characters.
    pub width: u16,
    /// Where it comes from.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` (shown as unverified) or `proposal`.
    pub confidence: String,
}

impl Column {
    /// Whether it still has to be checked against its source.
    #[must_use]
    pub fn unverified(&self) -> bool {
        self.confidence == "memory-low"
    }
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Which.
    pub key: ListKey,
    /// What its numbers begin with.
    pub code: Arc<str>,
    /// Its name, Chinese.
    pub zh: Arc<str>,
    /// Its name, English.
    pub en: Arc<str>,
    /// Where the name comes from.
    pub source: String,
    /// How sure that is.
    pub confidence: String,
    /// Its columns, in order.
    pub column: Vec<Column>,
}

/// The four lists as they are configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FourLists {
    /// How frozen copies are numbered.
    pub number: Pattern,
    /// Files made on request are kept so long, hours.
    pub keep_files_hours: u32,
    /// The lists.
    list: Vec<List>,
}

/// Why a description of the lists cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListsError {
    /// It is not TOML of this form.
    #[error("reading the four lists: {0}")]
    Toml(#[from] toml::de::Error),
    /// A list is missing, or there twice.
    #[error("the list `{0}` must be there once")]
    Once(&'static str),
    /// A column that nothing can be put into.
    #[error("the list `{list}` has no column `{key}`; it can have {}", .known.join(", "))]
    Column {
        /// Of which list.
        list: &'static str,
        /// As written.
        key: String,
        /// Those there are.
        known: &'static [&'static str],
    },
    /// A column that is there twice.
    #[error("the list `{list}` has the column `{key}` twice")]
    Twice {
        /// Of which list.
        list: &'static str,
        /// Which.
        key: String,
    },
    /// A list without columns or with a width nobody can print.
    #[error("the list `{list}`: {what}")]
    Shape {
        /// Which.
        list: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}

impl FourLists {
    /// Those that come with the gateway.
    #[must_use]
    pub fn builtin() -> Arc<Self> {
        // A test reads them; were they damaged, there would be no lists.
        static BUILTIN: LazyLock<Arc<FourLists>> = LazyLock::new(|| {
            Arc::new(FourLists::parse(TEXT).unwrap_or_else(|_| FourLists {
                number: Pattern::default(),
                keep_files_hours: 72,
                list: Vec::new(),
            }))
        });
        Arc::clone(&BUILTIN)
    }

    /// Reads a description.
    ///
    /// # Errors
    /// See [`ListsError`].
    pub fn parse(text: &str) -> Result<Self, ListsError> {
        let lists: Self = toml::from_str(text)?;
        for key in ListKey::ALL {
            if lists.list.iter().filter(|list| list.key == key).count() != 1 {
                return Err(ListsError::Once(key.key()));
            }
        }
        for list in &lists.list {
            check(list)?;
        }
        Ok(lists)
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, key: ListKey) -> Option<&List> {
        self.list.iter().find(|list| list.key == key)
    }

    /// All, in the order they are configured in.
    pub fn iter(&self) -> impl Iterator<Item = &List> {
        self.list.iter()
    }
}

fn check(list: &List) -> Result<(), ListsError> {
    let (name, known) = (list.key.key(), list.key.columns());
    if list.column.is_empty() {
        return Err(ListsError::Shape {
            list: name,
            what: "has no columns",
        });
    }
    for (at, column) in list.column.iter().enumerate() {
        if !known.contains(&&*column.key) {
            return Err(ListsError::Column {
                list: name,
                key: column.key.to_string(),
                known,
            });
        }
        if list
            .column
            .iter()
            .skip(at + 1)
            .any(|other| other.key == column.key)
        {
            return Err(ListsError::Twice {
                list: name,
                key: column.key.to_string(),
            });
        }
        if !(3..=80).contains(&column.width) {
            return Err(ListsError::Shape {
                list: name,
                what: "widths are 3 to 80 characters",
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{FourLists, ListKey, ListsError, TEXT};

    #[test]
    fn the_lists_that_come_with_the_gateway_have_every_column_there_is() {
        let lists = FourLists::parse(TEXT).unwrap();
        for key in ListKey::ALL {
            let list = lists.get(key).unwrap();
            let columns: Vec<&str> = list.column.iter().map(|column| &*column.key).collect();
            assert_eq!(columns, key.columns());
            assert_eq!(ListKey::from_key(key.key()), Some(key));
        }
    }

    #[test]
    fn names_and_order_are_free_but_nothing_is_made_up() {
        let renamed = TEXT.replace("隐患和问题清单", "问题隐患清单");
        assert_eq!(
            &*FourLists::parse(&renamed)
                .unwrap()
                .get(ListKey::Hazards)
                .unwrap()
                .zh,
            "问题隐患清单"
        );
        for (from, to, expected) in [
            ("key = \"grade\"", "key = \"colour\"", "no column `colour`"),
            ("key = \"grade\"", "key = \"clause\"", "`clause` twice"),
            ("width = 28", "width = 0", "widths are"),
            ("key = \"results\"", "key = \"tasks\"", "must be there once"),
            ("{month}-{seq:3}\"", "{month}\"", "{seq}"),
        ] {
            let error = FourLists::parse(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(expected), "{from}: {error}");
        }
        assert!(matches!(FourLists::parse("x = 1"), Err(ListsError::Toml(_))));
    }
}
