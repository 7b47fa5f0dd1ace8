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

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use serde::Deserialize;
use std::sync::{Arc, LazyLock};

/// The file they are read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "four-lists.toml",
    text: include_str!("../../rules/desk/four-lists.toml"),
    merge: &[
        ("list", Merge::Behind("key")),
        ("list.column", Merge::Ordered("key")),
    ],
};

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

impl FourLists {
    /// Those that come with the gateway.
    #[must_use]
    pub fn builtin() -> Arc<Self> {
        // A test reads them; were they damaged, there would be no lists.
        static BUILTIN: LazyLock<Arc<FourLists>> = LazyLock::new(|| {
            Arc::new(FourLists::over(None).unwrap_or_else(|_| FourLists {
                number: Pattern::default(),
                keep_files_hours: 72,
                list: Vec::new(),
            }))
        });
        Arc::clone(&BUILTIN)
    }

    /// The shipped ones, with people's own file over them.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        sheet::read(SHEET.document(own), Self::check)
    }

    fn check(&mut self, document: &Document<'_>) {
        for key in ListKey::ALL {
            if self.list.iter().filter(|list| list.key == key).count() != 1 {
                document.error_at("list", format!("`{}` must be there once", key.key()));
            }
        }
        for (at, list) in self.list.iter().enumerate() {
            check(list, at, document);
        }
        if self.keep_files_hours == 0 {
            document.error_at("keep_files_hours", "at least an hour");
        }
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

fn check(list: &List, at: usize, document: &Document<'_>) {
    let (name, known) = (list.key.key(), list.key.columns());
    if list.column.is_empty() {
        document.error_at(&format!("list.{at}.column"), format!("`{name}` has no columns"));
    }
    if list.code.is_empty() || !list.code.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        document.error_at(&format!("list.{at}.code"), "letters and digits");
    }
    for (nth, column) in list.column.iter().enumerate() {
        let path = |field: &str| format!("list.{at}.column.{nth}.{field}");
        if !known.contains(&&*column.key) {
            let message = format!(
                "the list `{name}` has no column `{}`; it can have {}",
                column.key,
                known.join(", ")
            );
            document.error_at(&path("key"), message);
        }
        if list.column.iter().take(nth).any(|other| other.key == column.key) {
            let message = format!("the list `{name}` has the column `{}` twice", column.key);
            document.error_at(&path("key"), message);
        }
        if !(3..=80).contains(&column.width) {
            document.error_at(&path("width"), "widths are 3 to 80 characters");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FourLists, ListKey};
    use crate::diagnostic::sheet::OwnFile;

    fn own(text: &str) -> Result<FourLists, String> {
        let file = OwnFile {
            name: "four-lists.toml",
            text,
        };
        FourLists::over(Some(file)).map_err(|found| {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            lines.join("\n")
        })
    }

    #[test]
    fn the_lists_that_come_with_the_gateway_have_every_column_there_is() {
        let lists = FourLists::over(None).unwrap();
        for key in ListKey::ALL {
            let list = lists.get(key).unwrap();
            let columns: Vec<&str> = list.column.iter().map(|column| &*column.key).collect();
            assert_eq!(columns, key.columns());
            assert_eq!(ListKey::from_key(key.key()), Some(key));
        }
    }

    #[test]
    fn names_and_order_are_free_but_nothing_is_made_up() {
        let lists = own(
            "number = '{code}{year}-{seq:4}'\n[[list]]\nkey = 'hazards'\nzh = '问题隐患清单'\n\
             [[list.column]]\nkey = 'grade'\nzh = '级别'\n[[list.column]]\nkey = 'hazard_no'\n",
        )
        .unwrap();
        let hazards = lists.get(ListKey::Hazards).unwrap();
        assert_eq!((&*hazards.zh, &*hazards.code), ("问题隐患清单", "YH"));
        let columns: Vec<_> = hazards
            .column
            .iter()
            .map(|column| (&*column.key, &*column.zh, column.width))
            .collect();
        assert_eq!(columns, [("grade", "级别", 12), ("hazard_no", "隐患编号", 21)]);
        assert_eq!(
            lists.get(ListKey::Results),
            FourLists::builtin().get(ListKey::Results)
        );
        let list = "[[list]]\nkey = 'hazards'\n[[list.column]]\nkey = 'grade'\n";
        for (text, said) in [
            (
                list.replace("grade", "colour")
                    + "zh = 'x'\nen = 'x'\nwidth = 9\nsource = 's'\nconfidence = 'sourced'\n",
                "four-lists.toml:4:7: error: `list[2].column[1].key`: the list `hazards` has no column `colour`",
            ),
            (
                list.to_owned() + "width = 0\n",
                "four-lists.toml:5:9: error: `list[2].column[1].width`: widths are",
            ),
            (
                list.to_owned() + "[[list.column]]\nkey = 'grade'\n",
                "`grade` is there twice",
            ),
            (
                "[[list]]\nkey = 'results'\nremove = true\n".to_owned(),
                "`results` must be there once",
            ),
            (
                "number = '{code}-{month}'\n".to_owned(),
                "four-lists.toml:1:10: error: `number`: a pattern holds `{seq}`",
            ),
            ("x = 1\n".to_owned(), "unknown field `x`"),
        ] {
            let error = own(&text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
