//! Schedules: offsets from an anchor, then a period; and what they say about a record.

use super::obligation::Obligation;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::{Document, Merge};
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use crate::register::{Field, Record};
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};

/// The file they are read from. Of an own file, new schedules come first: the first that fits counts.
pub(crate) const SHEET: Sheet = Sheet {
    name: "inspection-schedules.toml",
    text: include_str!("../../calendar/inspection-schedules.toml"),
    merge: &[("schedule", Merge::Front("id"))],
};

/// All schedules, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedules(Vec<Schedule>);

/// How the due dates of one obligation follow for one kind of equipment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Unique name.
    pub id: String,
    /// What has to be done.
    pub obligation: Obligation,
    /// Beginnings of category codes it is for.
    pub categories: Vec<String>,
    /// Beginnings of those it is not for.
    #[serde(default)]
    pub except: Vec<String>,
    /// 安全状况等级 it is for; empty: whatever it is.
    #[serde(default)]
    pub grades: Vec<u8>,
    /// From this age on, years since the anchor.
    #[serde(default)]
    pub age_from: Option<i32>,
    /// Below this age.
    #[serde(default)]
    pub age_below: Option<i32>,
    /// The fact that names the date itself.
    #[serde(default)]
    pub stated: Option<Field>,
    /// When it was last done.
    #[serde(default)]
    pub last: Option<Field>,
    /// Where it starts, first that is known.
    #[serde(default)]
    pub anchor: Vec<Field>,
    /// Offsets from the anchor, years.
    #[serde(default)]
    pub years: Vec<i32>,
    /// Period after the last offset, months.
    #[serde(default)]
    pub then_months: Option<i32>,
    /// First time after the anchor, months.
    #[serde(default)]
    pub first_months: Option<i32>,
    /// Period, months.
    #[serde(default)]
    pub months: Option<i32>,
    /// Results hold to the end of their month.
    #[serde(default)]
    pub end_of_month: bool,
    /// Where it stands.
    pub source: String,
    /// `sourced`, `memory-high` or `memory-low`.
    pub confidence: String,
}

/// Where a date comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The register says so.
    Stated,
    /// Computed from when it was last done.
    SinceLast,
    /// Computed from the anchor: it was never done, as far as is known.
    SinceAnchor,
}

/// Something due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// What.
    pub obligation: Obligation,
    /// When.
    pub due: Date,
    /// Where the date comes from.
    pub basis: Basis,
    /// Where the schedule stands.
    pub source: String,
    /// Whether the schedule itself still has to be verified: only for computed dates.
    pub unverified: bool,
}

/// Done this much before its day, an occurrence counts as done.
const EARLY_MONTHS: i32 = 3;
/// A report has to be asked for so long before.
const REQUEST_MONTHS: i32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schedule: Vec<Schedule>,
}

impl Schedules {
    /// Those shipped with the gateway; a test holds that they can be read.
    #[must_use]
    pub fn builtin() -> Self {
        Self::over(None).unwrap_or(Self(Vec::new()))
    }

    /// The shipped ones, with people's own file over them.
    ///
    /// # Errors
    /// Everything that is wrong with it: a schedule that could never say anything, too.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        let file = sheet::read(SHEET.document(own), |file: &mut File, document| {
            for (at, one) in file.schedule.iter().enumerate() {
                if file.schedule.iter().take(at).any(|before| before.id == one.id) {
                    document.error_at(
                        &format!("schedule.{at}.id"),
                        format!("`{}` is there twice", one.id),
                    );
                }
                check(one, at, document);
            }
        })?;
        Ok(Self(file.schedule))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Schedule> {
        self.0.iter()
    }

    /// What is due for a record, one per obligation. What stands still owes nothing.
    #[must_use]
    pub fn dues(&self, record: &Record, today: Date) -> Vec<Due> {
        if !record.state().may_run() {
            return Vec::new();
        }
        let mut found: Vec<Due> = Vec::new();
        let mut settled: Vec<Obligation> = Vec::new();
        for schedule in self.0.iter().filter(|schedule| schedule.fits(record, today)) {
            if settled.contains(&schedule.obligation) {
                continue;
            }
            settled.push(schedule.obligation);
            if let Some((due, basis)) = schedule.next(record, today) {
                found.push(schedule.due(due, basis));
            }
        }
        let request = found
            .iter()
            .find(|due| due.obligation == Obligation::PeriodicInspection)
            .and_then(|inspection| {
                let due = inspection.due.checked_sub(REQUEST_MONTHS.months()).ok()?;
                Some(Due {
                    obligation: Obligation::InspectionRequest,
                    due,
                    source: "特种设备安全法 第四十条".to_owned(),
                    ..inspection.clone()
                })
            });
        found.extend(request);
        found.extend(life(record));
        found
    }
}

fn check(one: &Schedule, at: usize, document: &Document<'_>) {
    let wrong = |field: &str, what: &str| {
        document.error_at(&format!("schedule.{at}.{field}"), format!("{}: {what}", one.id));
    };
    if one.categories.is_empty() {
        wrong("categories", "no categories");
    }
    if one.years.windows(2).any(|pair| pair.first() >= pair.get(1))
        || one.years.iter().any(|years| *years < 1)
    {
        wrong("years", "at least one, and they must ascend");
    }
    let periods = [one.months, one.first_months, one.then_months];
    if one.stated.is_none() && one.months.is_none() && one.first_months.is_none() && one.years.is_empty() {
        wrong("id", "neither a stated date nor a period");
    }
    if periods
        .into_iter()
        .flatten()
        .any(|months| !(1..=1_200).contains(&months))
    {
        wrong("months", "a period is at least a month");
    }
}

/// The end of the design life, or of what an assessment allows.
fn life(record: &Record) -> Option<Due> {
    let end = crate::register::life_ends(record);
    let assessed = record.date(Field::LifeAssessedUntil);
    Some(Due {
        obligation: Obligation::DesignLife,
        due: end.max(assessed)?,
        basis: if assessed > end {
            Basis::Stated
        } else {
            Basis::SinceAnchor
        },
        source: "特种设备安全法 第四十八条".to_owned(),
        unverified: false,
    })
}

impl Schedule {
    fn due(&self, due: Date, basis: Basis) -> Due {
        Due {
            obligation: self.obligation,
            due,
            basis,
            source: self.source.clone(),
            unverified: basis != Basis::Stated && self.confidence == "memory-low",
        }
    }

    /// Whether it is for this record on this day.
    fn fits(&self, record: &Record, today: Date) -> bool {
        let code = record.text(Field::Category);
        let begins = |prefixes: &[String]| prefixes.iter().any(|prefix| code.starts_with(prefix.as_str()));
        let grade = record
            .get(Field::SafetyGrade)
            .and_then(|grade| grade.parse::<u8>().ok());
        let age = self.anchor_of(record).map(|anchor| full_years(anchor, today));
        begins(&self.categories)
            && !begins(&self.except)
            && (self.grades.is_empty() || grade.is_some_and(|grade| self.grades.contains(&grade)))
            // Nobody knows how old it is: it is taken for young, and the shorter period of the old does not count.
            && self.age_below.is_none_or(|below| age.is_none_or(|age| age < below))
            && self.age_from.is_none_or(|from| age.is_some_and(|age| age >= from))
    }

    fn anchor_of(&self, record: &Record) -> Option<Date> {
        self.anchor.iter().find_map(|field| record.date(*field))
    }

    /// The next date.
    fn next(&self, record: &Record, today: Date) -> Option<(Date, Basis)> {
        let last = self.last.and_then(|field| record.date(field));
        // A stated date that is not after the last time it was done is the one before.
        let stated = self.stated.and_then(|field| record.date(field));
        if let Some(stated) = stated.filter(|stated| last.is_none_or(|last| *stated > last)) {
            return Some((stated, Basis::Stated));
        }
        let (due, basis) = match last {
            Some(last) if self.years.is_empty() => (plus_months(last, self.months?)?, Basis::SinceLast),
            Some(last) => (
                self.after(self.anchor_of(record)?, plus_months(last, EARLY_MONTHS)?)?,
                Basis::SinceLast,
            ),
            None => (self.missed(self.anchor_of(record)?, today)?, Basis::SinceAnchor),
        };
        Some((
            if self.end_of_month {
                due.last_of_month()
            } else {
                due
            },
            basis,
        ))
    }

    /// Nobody wrote down that it was ever done: the last time it should have been, or the first if that is to come. A
    /// lift of 2006 without records is not twenty years overdue; nobody knows.
    fn missed(&self, anchor: Date, today: Date) -> Option<Date> {
        let mut due = self.occurrence(anchor, 0)?;
        for number in 1..1_000 {
            match self.occurrence(anchor, number) {
                Some(next) if next <= today => due = next,
                _ => break,
            }
        }
        Some(due)
    }

    /// The first occurrence after a day.
    fn after(&self, anchor: Date, done: Date) -> Option<Date> {
        (0..1_000)
            .map_while(|number| self.occurrence(anchor, number))
            .find(|due| *due > done)
    }

    /// Occurrences from the anchor on, the first is number 0. Counted from the anchor each time: adding months to the
    /// 31st again and again would creep to the 28th.
    fn occurrence(&self, anchor: Date, number: i32) -> Option<Date> {
        let months = match (
            usize::try_from(number).ok().and_then(|at| self.years.get(at)),
            self.years.last(),
        ) {
            (Some(years), _) => years.checked_mul(12)?,
            (None, Some(last)) => {
                let behind = number - i32::try_from(self.years.len()).ok()? + 1;
                last.checked_mul(12)?
                    .checked_add(self.then_months?.checked_mul(behind)?)?
            }
            (None, None) => {
                let first = self.first_months.or(self.months)?;
                match number {
                    0 => first,
                    number => first.checked_add(self.months?.checked_mul(number)?)?,
                }
            }
        };
        plus_months(anchor, months)
    }
}

fn plus_months(date: Date, months: i32) -> Option<Date> {
    date.checked_add(Span::new().try_months(months).ok()?).ok()
}

fn full_years(from: Date, to: Date) -> i32 {
    let years = i32::from(to.year()) - i32::from(from.year());
    years - i32::from((to.month(), to.day()) < (from.month(), from.day()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const TODAY: Date = date(2026, 6, 1);

    fn record(facts: &[(Field, &str)]) -> Record {
        facts.iter().copied().collect()
    }

    fn due(facts: &[(Field, &str)], obligation: Obligation) -> Option<(String, Basis, bool)> {
        let dues = Schedules::builtin().dues(&record(facts), TODAY);
        let found = dues.into_iter().find(|due| due.obligation == obligation)?;
        Some((found.due.to_string(), found.basis, found.unverified))
    }

    #[test]
    fn the_shipped_schedules_can_be_read_and_cover_every_kind_that_is_inspected() {
        let schedules = Schedules::over(None).unwrap();
        assert!(schedules.iter().count() >= 20);
        for kind in ['1', '2', '3', '4', '5', '6', '8', '9'] {
            assert!(
                schedules
                    .iter()
                    .any(|one| one.obligation == Obligation::PeriodicInspection
                        && one.categories.iter().any(|category| category.starts_with(kind))),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_lift_is_inspected_in_years_1_4_7_9_11_13_15_and_then_every_year() {
        use Obligation::PeriodicInspection as P;
        let lift = |last: &str| {
            due(
                &[
                    (Field::Category, "3110"),
                    (Field::Supervised, "2010-05-20"),
                    (Field::LastInspection, last),
                ],
                P,
            )
        };
        for (last, next) in [
            ("", "2026-05-20"),
            ("2011-05-01", "2014-05-20"),
            ("2014-06-10", "2017-05-20"),
            ("2017-05-20", "2019-05-20"),
            ("2023-04-30", "2025-05-20"),
            ("2025-05-10", "2026-05-20"),
            ("2026-05-10", "2027-05-20"),
            ("2031-05-10", "2032-05-20"),
        ] {
            let basis = if last.is_empty() {
                Basis::SinceAnchor
            } else {
                Basis::SinceLast
            };
            assert_eq!(lift(last), Some((next.to_owned(), basis, true)), "last {last}");
        }
    }

    #[test]
    fn what_a_report_states_counts_more_than_a_schedule_and_is_verified() {
        use Obligation::{InspectionRequest, PeriodicInspection};
        let facts = [
            (Field::Category, "3110"),
            (Field::Supervised, "2010-05-20"),
            (Field::LastInspection, "2025-05-10"),
            (Field::NextInspection, "2026-03-31"),
        ];
        assert_eq!(
            due(&facts, PeriodicInspection),
            Some(("2026-03-31".into(), Basis::Stated, false))
        );
        assert_eq!(
            due(&facts, InspectionRequest).map(|due| due.0),
            Some("2026-02-28".into())
        );
        let mut stale = facts;
        stale[3].1 = "2025-05-01";
        assert_eq!(
            due(&stale, PeriodicInspection).map(|due| due.0),
            Some("2026-05-20".into())
        );
    }

    #[test]
    fn each_kind_of_equipment_has_its_periods() {
        use Obligation::*;
        let first_use = (Field::FirstUse, "2024-02-29");
        for (facts, obligation, expected) in [
            (
                vec![(Field::Category, "1100"), first_use],
                PeriodicInspection,
                Some("2026-02-28"),
            ),
            (
                vec![(Field::Category, "1100"), first_use],
                InternalInspection,
                Some("2025-02-28"),
            ),
            (
                vec![
                    (Field::Category, "1100"),
                    first_use,
                    (Field::LastInternal, "2025-02-28"),
                ],
                InternalInspection,
                Some("2027-02-28"),
            ),
            (
                vec![(Field::Category, "2170"), first_use],
                PeriodicInspection,
                Some("2027-02-28"),
            ),
            (
                vec![
                    (Field::Category, "2170"),
                    first_use,
                    (Field::LastInspection, "2025-01-01"),
                    (Field::SafetyGrade, "2"),
                ],
                PeriodicInspection,
                Some("2031-01-01"),
            ),
            (
                vec![
                    (Field::Category, "2170"),
                    (Field::LastInspection, "2025-01-01"),
                    (Field::SafetyGrade, "3"),
                ],
                PeriodicInspection,
                Some("2028-01-01"),
            ),
            (
                vec![
                    (Field::Category, "2170"),
                    first_use,
                    (Field::LastInspection, "2025-01-01"),
                    (Field::SafetyGrade, "4"),
                ],
                PeriodicInspection,
                None,
            ),
            (
                vec![
                    (Field::Category, "2170"),
                    first_use,
                    (Field::LastInspection, "2025-01-01"),
                ],
                PeriodicInspection,
                None,
            ),
            (
                vec![(Field::Category, "5110"), first_use],
                PeriodicInspection,
                Some("2026-02-28"),
            ),
            (
                vec![(Field::Category, "4150"), first_use],
                PeriodicInspection,
                Some("2026-02-28"),
            ),
            (
                vec![(Field::Category, "4110"), first_use],
                PeriodicInspection,
                Some("2026-02-28"),
            ),
            (
                vec![(Field::Category, "3110"), first_use],
                BrakeTest,
                Some("2029-02-28"),
            ),
            (
                vec![(Field::Category, "3110"), first_use],
                GovernorCalibration,
                Some("2026-02-28"),
            ),
            (
                vec![
                    (Field::Category, "3110"),
                    (Field::FirstUse, "2008-01-01"),
                    (Field::GovernorCalibrated, "2025-08-01"),
                ],
                GovernorCalibration,
                Some("2026-08-01"),
            ),
            (
                vec![(Field::Category, "3110"), first_use],
                SelfTest,
                Some("2026-02-28"),
            ),
            (
                vec![(Field::Category, "1100"), (Field::ValveCalibrated, "2025-09-01")],
                SafetyValveCalibration,
                Some("2026-09-01"),
            ),
            (
                vec![(Field::Category, "1100"), (Field::GaugeVerified, "2026-03-31")],
                GaugeVerification,
                Some("2026-09-30"),
            ),
            (
                vec![(Field::Category, "3110"), (Field::InsuredTo, "2026-12-31")],
                Insurance,
                Some("2026-12-31"),
            ),
            (
                vec![(Field::Category, "3110"), first_use, (Field::DesignLife, "20")],
                DesignLife,
                Some("2044-02-29"),
            ),
            (
                vec![(Field::Category, "6100"), first_use],
                PeriodicInspection,
                None,
            ),
        ] {
            assert_eq!(
                due(&facts, obligation).map(|due| due.0).as_deref(),
                expected,
                "{facts:?} {obligation:?}"
            );
        }
    }

    #[test]
    fn what_stands_still_owes_nothing() {
        for state in ["out_of_use", "scrapped", "cancelled"] {
            let record = record(&[
                (Field::Category, "1100"),
                (Field::FirstUse, "2020-01-01"),
                (Field::State, state),
            ]);
            assert_eq!(Schedules::builtin().dues(&record, TODAY), []);
        }
    }

    fn own(text: &str) -> Result<Schedules, String> {
        let file = OwnFile {
            name: "inspection-schedules.toml",
            text,
        };
        Schedules::over(Some(file)).map_err(|found| found[0].to_string())
    }

    #[test]
    fn a_city_changes_a_period_or_puts_its_own_first() {
        let changed = own("[[schedule]]\nid = 'lift-brake'\nmonths = 36\n").unwrap();
        let brake = changed.iter().find(|one| one.id == "lift-brake").unwrap();
        assert_eq!(
            (brake.months, brake.source.as_str()),
            (Some(36), "inspection-schedules.toml")
        );
        assert_eq!(changed.iter().count(), Schedules::builtin().iter().count());
        let added = own(
            "[[schedule]]\nid = 'home-lifts'\nobligation = 'periodic_inspection'\ncategories = ['31']\n\
             last = 'last_inspection'\nmonths = 6\nsource = '市令'\nconfidence = 'sourced'\n",
        )
        .unwrap();
        let record = record(&[(Field::Category, "3110"), (Field::LastInspection, "2026-05-10")]);
        let due = added.dues(&record, TODAY);
        assert!(
            due.iter()
                .any(|due| due.due == date(2026, 11, 10) && due.source == "市令")
        );
    }

    #[test]
    fn schedules_that_could_never_say_anything_are_refused() {
        let head = "[[schedule]]\nid='x'\nobligation='brake_test'\nsource=''\nconfidence='sourced'\n";
        for (rest, what) in [
            ("categories=[]\nmonths=1", "no categories"),
            ("categories=['3']", "neither a stated date"),
            ("categories=['3']\nyears=[4,1]", "must ascend"),
            ("categories=['3']\nmonths=0", "at least a month"),
            ("categories=['3']\nmonths=1\nmonth=2", "unknown field"),
        ] {
            let error = own(&format!("{head}{rest}")).unwrap_err();
            assert!(error.starts_with("inspection-schedules.toml:"), "{error}");
            assert!(error.contains(what), "{rest}: {error}");
        }
        let twice = format!("{head}categories=['3']\nmonths=1\n{head}categories=['3']\nmonths=1");
        assert!(own(&twice).unwrap_err().contains("`x` is there twice"));
    }

    proptest! {
        #[test]
        fn a_next_date_is_behind_the_last_and_done_in_time_the_one_after_is_later(
            start in 0_i32..20_000, since in 0_i32..15_000, at in 0_usize..30
        ) {
            let schedules = Schedules::builtin();
            let all: Vec<_> = schedules.iter().collect();
            let schedule = all[at % all.len()];
            let Some(last) = schedule.last else { return Ok(()) };
            let anchor = date(1960, 1, 31).checked_add(start.days()).unwrap();
            let done = anchor.checked_add(since.days()).unwrap();
            let mut record = Record::default();
            for field in &schedule.anchor {
                record.set(*field, anchor.to_string());
            }
            record.set(last, done.to_string());
            if let Some((next, _)) = schedule.next(&record, TODAY) {
                prop_assert!(next > done, "{} of {anchor} done {done}: {next}", schedule.id);
                record.set(last, next.to_string());
                if let Some((after, _)) = schedule.next(&record, TODAY) {
                    prop_assert!(after > next, "{}: {next} then {after}", schedule.id);
                }
            }
        }
    }
}
