//! The rules the desk works by, as people have them: shipped facts, and what a city's own files change of them.
//!
//! ```text
//! shipped file ┐
//! own file ────┴─► document (file and line of each) ─► checked type ─► DeskRules ─► pipeline, cases, lists, pages
//! ```
//! Names of lists, deadlines and levels differ between cities. What is decided by the rules of the hazard loop is
//! decided inside the pipeline: [`crate::Pipeline::work_by`].

use crate::areas::{self, Areas};
use crate::calendar::{self, Schedules};
use crate::diagnostic::sheet::{OwnFile, Sheet};
use crate::diagnostic::{Diagnostic, Place, has_errors, suggestion};
use crate::duty::{self, DutyPolicy};
use crate::hazard::calendar::{self as days, Calendar};
use crate::hazard::policy::{self, Policy};
use crate::lists::{self, FourLists};
use crate::risk::{self, Scheme};
use crate::supervision::policy::{self as supervision, SupervisionPolicy};
use std::sync::Arc;

/// All rules of the desk.
#[derive(Clone, Debug, PartialEq)]
pub struct DeskRules {
    /// Periods and categories of the closed loop (闭环管理), and the days people work on.
    pub hazards: Arc<Policy>,
    /// Levels, numbers and timers of supervision (挂牌督办).
    pub supervision: Arc<SupervisionPolicy>,
    /// Risk grading (风险分级管控).
    pub risk: Arc<Scheme>,
    /// Daily control, weekly check, monthly dispatch (日管控、周排查、月调度).
    pub duty: Arc<DutyPolicy>,
    /// The four lists (四个清单).
    pub lists: Arc<FourLists>,
    /// When what is due by law.
    pub schedules: Arc<Schedules>,
    /// Names of areas.
    pub areas: Arc<Areas>,
    /// Names of the people's own files in force.
    pub own: Vec<&'static str>,
}

/// The shipped files, with what each is about, Chinese and English.
const SHEETS: [(&Sheet, &str, &str); 8] = [
    (
        &policy::SHEET,
        "隐患闭环的期限、提醒与类别",
        "deadlines, reminders and categories of the hazard loop",
    ),
    (
        &supervision::SHEET,
        "挂牌督办、约谈、通报的级别、编号与期限",
        "levels, numbers and timers of supervision",
    ),
    (
        &risk::SHEET,
        "风险评价方法、分级、管控层级与排序权重",
        "methods, levels, tiers and weights of risk grading",
    ),
    (
        &duty::SHEET,
        "日管控、周排查、月调度",
        "daily control, weekly check, monthly dispatch",
    ),
    (
        &lists::SHEET,
        "四个清单的名称、栏目与编号",
        "names, columns and numbers of the four lists",
    ),
    (&days::SHEET, "节假日与调休", "holidays and weekends worked"),
    (
        &calendar::SHEET,
        "法定检验、校验周期",
        "schedules of statutory inspections",
    ),
    (&areas::SHEET, "区划名称", "names of areas"),
];

/// A shipped file, for people who want to change something of it.
#[derive(Clone, Copy, Debug)]
pub struct DeskFile {
    /// File name.
    pub name: &'static str,
    /// What it is about, Chinese.
    pub zh: &'static str,
    /// What it is about, English.
    pub en: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// The shipped files.
pub fn desk_files() -> impl Iterator<Item = DeskFile> {
    SHEETS.iter().map(|(sheet, zh, en)| DeskFile {
        name: sheet.name,
        zh,
        en,
        text: sheet.text,
    })
}

/// A file of people's own, by the shipped file it changes.
#[derive(Clone, Copy, Debug)]
pub struct OwnDeskFile<'t> {
    /// Its file name without folder.
    pub name: &'t str,
    /// What findings call it.
    pub path: &'t str,
    /// Its text.
    pub text: &'t str,
}

impl Default for DeskRules {
    fn default() -> Self {
        Self::builtin()
    }
}

impl DeskRules {
    /// Those that come with the gateway.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            hazards: Policy::builtin().clone(),
            supervision: SupervisionPolicy::builtin().clone(),
            risk: Scheme::builtin().clone(),
            duty: DutyPolicy::builtin().clone(),
            lists: FourLists::builtin(),
            schedules: Arc::new(Schedules::builtin()),
            areas: Arc::new(Areas::over(None).unwrap_or_default()),
            own: Vec::new(),
        }
    }

    /// The shipped ones with people's own files over them.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files, file by file.
    pub fn over(own: &[OwnDeskFile<'_>]) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        for file in own {
            if !SHEETS.iter().any(|(sheet, ..)| sheet.name == file.name) {
                findings.push(
                    Place::whole(file.path)
                        .error(format!("no file of the desk is called `{}`", file.name))
                        .maybe_help(suggestion(file.name, SHEETS.iter().map(|(sheet, ..)| sheet.name))),
                );
            }
        }
        let of = |sheet: &Sheet| {
            let file = own.iter().find(|file| file.name == sheet.name);
            file.map(|file| OwnFile {
                name: file.path,
                text: file.text,
            })
        };
        let calendar = taken(Calendar::over(of(&days::SHEET)), &mut findings);
        let calendar = calendar.map_or_else(|| Calendar::builtin().clone(), Arc::new);
        let hazards = taken(Policy::over(of(&policy::SHEET)), &mut findings);
        let supervision = taken(SupervisionPolicy::over(of(&supervision::SHEET)), &mut findings);
        let risk = taken(Scheme::over(of(&risk::SHEET)), &mut findings);
        let duty = taken(DutyPolicy::over(of(&duty::SHEET)), &mut findings);
        let lists = taken(FourLists::over(of(&lists::SHEET)), &mut findings);
        let schedules = taken(Schedules::over(of(&calendar::SHEET)), &mut findings);
        let areas = taken(Areas::over(of(&areas::SHEET)), &mut findings);
        let whole = || {
            Some(Self {
                hazards: Arc::new(hazards?.counted_by(calendar.clone())),
                supervision: Arc::new(supervision?.counted_by(calendar)),
                risk: Arc::new(risk?),
                duty: Arc::new(duty?),
                lists: Arc::new(lists?),
                schedules: Arc::new(schedules?),
                areas: Arc::new(areas?),
                own: SHEETS
                    .iter()
                    .map(|(sheet, ..)| sheet.name)
                    .filter(|name| own.iter().any(|file| file.name == *name))
                    .collect(),
            })
        };
        match whole() {
            Some(rules) if !has_errors(&findings) => Ok(rules),
            _ => Err(findings),
        }
    }
}

fn taken<T>(read: Result<T, Vec<Diagnostic>>, findings: &mut Vec<Diagnostic>) -> Option<T> {
    read.map_err(|found| findings.extend(found)).ok()
}

#[cfg(test)]
mod tests {
    use super::{DeskRules, OwnDeskFile, desk_files};
    use crate::hazard::policy::Length;

    fn file<'t>(name: &'t str, text: &'t str) -> OwnDeskFile<'t> {
        OwnDeskFile {
            name,
            path: name,
            text,
        }
    }

    #[test]
    fn the_shipped_rules_are_those_of_no_own_files_and_of_own_files_that_say_the_same() {
        let shipped = DeskRules::over(&[]).unwrap();
        assert_eq!(shipped, DeskRules::builtin());
        let copies: Vec<_> = desk_files().map(|one| file(one.name, one.text)).collect();
        let copied = DeskRules::over(&copies).unwrap_or_else(|found| panic!("{found:#?}"));
        assert_eq!(copied.own.len(), copies.len());
        let own = Vec::new();
        assert_eq!(DeskRules { own, ..copied }, shipped);
    }

    #[test]
    fn days_off_count_for_every_deadline() {
        let own = "[[year]]\nyear = 2026\noff = [['2026-06-08', '2026-06-12']]\n";
        let rules = DeskRules::over(&[file("holidays.toml", own)]).unwrap();
        let shipped = DeskRules::builtin();
        let friday = crate::UtcMillis(1_780_617_600_000); // 2026-06-05 08:00 in China
        let filing = |rules: &DeskRules| rules.supervision.end(&rules.supervision.filing, friday);
        assert_eq!(filing(&rules).since(filing(&shipped)), 7 * 86_400_000);
        let asked = |rules: &DeskRules| rules.hazards.end(&rules.hazards.extension_decision, friday);
        assert!(asked(&rules) > asked(&shipped));
        assert_eq!(rules.own, ["holidays.toml"]);
    }

    #[test]
    fn everything_wrong_with_all_files_is_said_at_once() {
        let found = DeskRules::over(&[
            file("hazard-loop.toml", "[general]\nlasts = 'soon'\n"),
            file("risk.toml", "[reassess]\ndays = 0\n"),
            file("four-list.toml", ""),
        ])
        .unwrap_err();
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        let said = said.join("\n");
        for part in [
            "hazard-loop.toml:2:9: error: `general.lasts`",
            "risk.toml:2:8: error: `days` must be between",
            "four-list.toml: error: no file of the desk is called `four-list.toml` (help: did you mean `four-lists.toml`?)",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let fine = DeskRules::over(&[file("hazard-loop.toml", "[general]\nlasts = '1 hour'\n")]).unwrap();
        assert_eq!(fine.hazards.general.lasts, Length::Minutes(60));
    }
}
