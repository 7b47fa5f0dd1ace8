//! What the register says against what the equipment did: evidence only telemetry can give.

use super::check::life_ends;
use super::field::Field;
use super::finding::Words;
use super::record::Record;
use super::words::{Conclusion, UseState};
use crate::pack::{Grade, Severity};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Something the register forbids, while the equipment runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Out of use, and runs.
    OutOfUse,
    /// Scrapped or cancelled, and runs.
    Scrapped,
    /// Runs for more than 30 days and is not registered.
    Unregistered,
    /// Its inspection is overdue, and it runs.
    InspectionOverdue,
    /// It failed its inspection, and runs.
    InspectionFailed,
    /// It is past its design life without an assessment, and runs.
    BeyondDesignLife,
}

/// What is known about running.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunningEvidence {
    /// First day it was seen running.
    pub first_running: Option<Date>,
    /// Days, ascending: hours it ran, hours it was observed.
    pub days: Vec<(Date, f64, f64)>,
}

/// A condition that holds, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateFinding {
    /// What is wrong.
    pub condition: Condition,
    /// From when it may not run: names the episode.
    pub since: Date,
    /// Hours it ran since then, as far as was seen.
    pub hours: f64,
    /// Days it ran since then.
    pub days: u32,
    /// The last day it ran.
    pub last: Date,
    /// How much of the time since then was observed, percent: what the hours are worth.
    pub observed_percent: f64,
    /// In words.
    pub what: Words,
}

/// Less than this in a day may be a test or noise, hours.
const RAN_H: f64 = 0.05;
/// Days in which registration must be done (特种设备安全法 art. 33).
const REGISTER_WITHIN_DAYS: i32 = 30;

impl Condition {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OutOfUse,
        Self::Scrapped,
        Self::Unregistered,
        Self::InspectionOverdue,
        Self::InspectionFailed,
        Self::BeyondDesignLife,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::OutOfUse => "out_of_use",
            Self::Scrapped => "scrapped",
            Self::Unregistered => "unregistered",
            Self::InspectionOverdue => "inspection_overdue",
            Self::InspectionFailed => "inspection_failed",
            Self::BeyondDesignLife => "beyond_design_life",
        }
    }

    /// By its key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// Name of the rule a hazard of it is opened under.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::OutOfUse => "REG-OUT-OF-USE",
            Self::Scrapped => "REG-SCRAPPED",
            Self::Unregistered => "REG-UNREGISTERED",
            Self::InspectionOverdue => "REG-INSPECTION-OVERDUE",
            Self::InspectionFailed => "REG-INSPECTION-FAILED",
            Self::BeyondDesignLife => "REG-DESIGN-LIFE",
        }
    }

    /// In Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::OutOfUse => ("停用设备仍在运行", "runs while out of use"),
            Self::Scrapped => ("报废或注销设备仍在运行", "runs although scrapped or cancelled"),
            Self::Unregistered => (
                "投用三十日未办理使用登记",
                "runs for more than 30 days without registration",
            ),
            Self::InspectionOverdue => ("超期未检仍在运行", "runs while its inspection is overdue"),
            Self::InspectionFailed => ("检验不合格仍在运行", "runs although it failed its inspection"),
            Self::BeyondDesignLife => ("超设计使用年限运行", "runs past its design life"),
        }
    }

    /// What it breaks.
    #[must_use]
    pub const fn clause(self) -> &'static str {
        match self {
            Self::OutOfUse => "特种设备安全法 第四十条；TSG 08 停用",
            Self::Scrapped => "GB 45067-2024 4.1 a)；特种设备安全法 第四十八条",
            Self::Unregistered => "特种设备安全法 第三十三条",
            Self::InspectionOverdue => "特种设备安全法 第四十条、第八十四条",
            Self::InspectionFailed => "GB 45067-2024（定期检验不合格）",
            Self::BeyondDesignLife => "特种设备安全法 第四十八条",
        }
    }

    /// How bad it is when it is true; a machine only suspects.
    #[must_use]
    pub const fn grade(self) -> Grade {
        match self {
            Self::Scrapped | Self::InspectionFailed => Grade::Major,
            _ => Grade::General,
        }
    }

    /// How urgent it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Scrapped | Self::InspectionFailed => Severity::S1,
            Self::OutOfUse | Self::InspectionOverdue => Severity::S2,
            Self::Unregistered | Self::BeyondDesignLife => Severity::S3,
        }
    }

    /// From which day a record of this kind may not run; `None` when it may.
    #[must_use]
    pub fn forbidden_since(
        self,
        record: &Record,
        inspection_due: Option<Date>,
        first_running: Option<Date>,
        today: Date,
    ) -> Option<Date> {
        let after = |date: Date, days: i32| date.checked_add(jiff::Span::new().days(days)).ok();
        let state = record.state();
        // Nobody wrote down since when: the day it was last known to be used is the latest that is certain.
        let state_since = || record.date(Field::StateSince);
        let since = match self {
            Self::OutOfUse => (state == UseState::OutOfUse).then(state_since).flatten(),
            Self::Scrapped => matches!(state, UseState::Scrapped | UseState::Cancelled)
                .then(state_since)
                .flatten(),
            // What may not run at all is said by the two above.
            _ if !state.may_run() => None,
            Self::Unregistered => {
                let registered = [Field::RegistrationNo, Field::RegistrationCode, Field::Registered]
                    .iter()
                    .any(|field| record.get(*field).is_some());
                (!registered)
                    .then(|| first_running.and_then(|first| after(first, REGISTER_WITHIN_DAYS + 1)))
                    .flatten()
            }
            Self::InspectionOverdue => inspection_due.and_then(|due| after(due, 1)),
            Self::InspectionFailed => (record.text(Field::InspectionConclusion) == Conclusion::Failed.key())
                .then(|| record.date(Field::LastInspection))
                .flatten()
                // The day of the inspection itself it was run for the inspection.
                .and_then(|date| after(date, 1)),
            Self::BeyondDesignLife => {
                let end = life_ends(record)?;
                let end = record
                    .date(Field::LifeAssessedUntil)
                    .map_or(end, |until| until.max(end));
                after(end, 1)
            }
        };
        since.filter(|since| *since <= today)
    }
}

/// What the record forbids and the equipment did nevertheless.
#[must_use]
pub fn judge(
    record: &Record,
    inspection_due: Option<Date>,
    evidence: &RunningEvidence,
    today: Date,
) -> Vec<StateFinding> {
    let found = Condition::ALL.into_iter().filter_map(|condition| {
        let since = condition.forbidden_since(record, inspection_due, evidence.first_running, today)?;
        let of_time: Vec<_> = evidence.days.iter().filter(|(day, ..)| *day >= since && *day <= today).collect();
        let ran: Vec<_> = of_time.iter().filter(|(_, hours, _)| *hours >= RAN_H).collect();
        let last = ran.last().map(|(day, ..)| *day)?;
        let hours: f64 = ran.iter().map(|(_, hours, _)| hours).sum();
        let observed: f64 = of_time.iter().map(|(_, _, observed)| observed).sum();
        let possible = 24.0 * f64::from((today - since).get_days() + 1);
        let observed_percent = (observed / possible * 100.0).clamp(0.0, 100.0);
        let (zh, en) = condition.titles();
        let what = Words::new(
            format!("{zh}：自 {since} 起运行 {hours:.1} 小时（{} 天，最近 {last}；监测覆盖 {observed_percent:.0}%）", ran.len()),
            format!(
                "{en}: {hours:.1} h since {since} ({} days, last on {last}; {observed_percent:.0} % of the time observed)",
                ran.len()
            ),
        );
        Some(StateFinding {
            condition,
            since,
            hours,
            days: ran.len() as u32,
            last,
            observed_percent,
            what,
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const TODAY: Date = date(2026, 6, 30);

    fn june() -> RunningEvidence {
        let days = (1..=30).map(|day| (date(2026, 6, day), if day % 2 == 0 { 2.0 } else { 0.0 }, 24.0));
        RunningEvidence {
            first_running: Some(date(2026, 1, 1)),
            days: days.collect(),
        }
    }

    fn record(facts: &[(Field, &str)]) -> Record {
        let mut record: Record = [(Field::RegistrationNo, "梯11辽C00012(20)")]
            .into_iter()
            .collect();
        for (field, text) in facts {
            record.set(*field, *text);
        }
        record
    }

    #[test]
    fn each_condition_needs_the_register_to_forbid_and_the_equipment_to_run() {
        use Condition::*;
        let due = Some(date(2026, 12, 1));
        for (facts, due, expected) in [
            (vec![], due, vec![]),
            (
                vec![(Field::State, "out_of_use"), (Field::StateSince, "2026-06-11")],
                due,
                vec![(OutOfUse, 20.0)],
            ),
            (
                vec![(Field::State, "scrapped"), (Field::StateSince, "2026-06-21")],
                due,
                vec![(Scrapped, 10.0)],
            ),
            (
                vec![(Field::State, "cancelled"), (Field::StateSince, "2026-07-01")],
                due,
                vec![],
            ),
            (vec![(Field::State, "out_of_use")], due, vec![]),
            (vec![(Field::RegistrationNo, "")], due, vec![(Unregistered, 30.0)]),
            (vec![], Some(date(2026, 6, 10)), vec![(InspectionOverdue, 20.0)]),
            (
                vec![(Field::State, "out_of_use")],
                Some(date(2026, 6, 10)),
                vec![],
            ),
            (
                vec![
                    (Field::InspectionConclusion, "failed"),
                    (Field::LastInspection, "2026-06-20"),
                ],
                due,
                vec![(InspectionFailed, 10.0)],
            ),
            (
                vec![(Field::Installed, "2006-06-19"), (Field::DesignLife, "20")],
                due,
                vec![(BeyondDesignLife, 12.0)],
            ),
            (
                vec![
                    (Field::Installed, "2006-06-19"),
                    (Field::DesignLife, "20"),
                    (Field::LifeAssessedUntil, "2028-01-01"),
                ],
                due,
                vec![],
            ),
        ] {
            let found = judge(&record(&facts), due, &june(), TODAY);
            let found: Vec<_> = found.iter().map(|one| (one.condition, one.hours)).collect();
            assert_eq!(found, expected, "{facts:?} {due:?}");
        }
    }

    #[test]
    fn what_stood_still_is_no_finding_and_what_was_not_seen_is_said() {
        let overdue = Some(date(2026, 6, 10));
        let still = RunningEvidence {
            days: june()
                .days
                .into_iter()
                .map(|(day, _, observed)| (day, 0.0, observed))
                .collect(),
            ..june()
        };
        assert_eq!(judge(&record(&[]), overdue, &still, TODAY), []);
        let half = RunningEvidence {
            days: june()
                .days
                .into_iter()
                .map(|(day, hours, _)| (day, hours, 12.0))
                .collect(),
            ..june()
        };
        let found = judge(&record(&[]), overdue, &half, TODAY);
        assert_eq!(found[0].observed_percent, 50.0);
        assert!(
            found[0].what.en.contains("50 % of the time observed"),
            "{}",
            found[0].what.en
        );
    }

    #[test]
    fn a_new_machine_has_thirty_days_to_be_registered() {
        let unregistered = record(&[(Field::RegistrationNo, "")]);
        let since = |today| {
            Condition::Unregistered.forbidden_since(&unregistered, None, Some(date(2026, 6, 1)), today)
        };
        assert_eq!(since(date(2026, 7, 1)), None);
        assert_eq!(since(date(2026, 7, 2)), Some(date(2026, 7, 2)));
    }

    proptest! {
        #[test]
        fn an_episode_keeps_its_name_from_day_to_day(later in 0_i32..30) {
            let today = TODAY.checked_add(jiff::Span::new().days(later)).unwrap();
            let overdue = Some(date(2026, 6, 10));
            let found = judge(&record(&[]), overdue, &june(), today);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].since, date(2026, 6, 11));
        }
    }
}
