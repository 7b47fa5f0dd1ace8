//! What a period comes to: of machines on a day, and of the records below.

use super::DutyKind;
use crate::hash::ContentHash;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Lines kept in a record; those with nothing to say are left out first.
const LINES: usize = 500;

/// What a day, or a longer time, came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Something was found.
    Found,
    /// Nothing was found, and of something there is no data: nobody can say more.
    NoData,
    /// 零风险: nothing was found, and the data was complete.
    ZeroRisk,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Found, Self::NoData, Self::ZeroRisk];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NoData => "no_data",
            Self::ZeroRisk => "zero_risk",
        }
    }

    /// The verdict behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.key() == key)
    }
}

/// Why nothing can be said of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// 未联网: no telemetry is connected.
    NotWatched,
    /// It is connected and has said nothing.
    NotHeard,
    /// More is missing than is allowed.
    Gaps,
}

/// What is known of one machine on one day.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineDay {
    /// Equipment id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Telemetry is connected.
    pub watched: bool,
    /// It said something.
    pub heard: bool,
    /// Not watched for so long, minutes; what was filled afterwards counts as watched.
    pub lost_minutes: u32,
    /// Times it was not watched.
    pub gaps: u32,
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened.
    pub hazards_opened: u32,
    /// Hazards open at the end.
    pub hazards_open: u32,
    /// Hours run; `None`: nobody knows.
    pub hours_run: Option<f64>,
    /// What is overdue by law: keys of obligations.
    pub overdue: Vec<String>,
    /// What soon will be.
    pub due_soon: Vec<String>,
}

/// A machine's line in a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What is known.
    #[serde(flatten)]
    pub machine: MachineDay,
    /// What it came to.
    pub verdict: Verdict,
    /// Why nothing can be said; beside a finding too: what else there was, nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
}

/// A record of the kind below, as it stood when the one above was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Number of the record.
    pub record: i64,
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Version.
    pub version: u32,
    /// What it came to, with what the officer found.
    pub verdict: Verdict,
    /// Hash of what was signed; `None`: nobody has signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<ContentHash>,
}

/// What telemetry and the register say of a period.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Prefill {
    /// Machines in use (of several days: the most of a day).
    pub machines: u32,
    /// Of those, with nothing found and complete data (of several days: the fewest).
    pub zero_risk: u32,
    /// Of those, with something found (of several days: the most).
    pub found: u32,
    /// Of those, without complete data (of several days: the most).
    pub no_data: u32,
    /// Alarms that came.
    pub alarms: u32,
    /// Hazards opened.
    pub hazards_opened: u32,
    /// Hazards open at the end.
    pub hazards_open: u32,
    /// Times a machine was not watched.
    pub gaps: u32,
    /// Not watched for so long, minutes over all machines.
    pub lost_minutes: u64,
    /// Hours run by all machines of which they are known.
    pub hours_run: f64,
    /// Machine-days of which the hours run are not known.
    pub hours_unknown: u32,
    /// Obligations overdue at the end.
    pub overdue: u32,
    /// Obligations due soon.
    pub due_soon: u32,
    /// What is known of each machine; of a day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
    /// Lines left out because there are too many: all of them zero risk, or behind the first that are not.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u32,
    /// Records of the kind below; of a week or a month.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Child>,
    /// How many of those there should be.
    #[serde(skip_serializing_if = "is_zero")]
    pub expected: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Prefill {
    /// Records of the kind below that are signed.
    #[must_use]
    pub fn signed(&self) -> usize {
        self.children.iter().filter(|child| child.hash.is_some()).count()
    }
}

/// What one machine's day came to.
#[must_use]
pub fn judge(machine: &MachineDay, allowed_gap_minutes: u32) -> (Verdict, Option<Missing>) {
    let missing = if !machine.watched {
        Some(Missing::NotWatched)
    } else if !machine.heard {
        Some(Missing::NotHeard)
    } else if machine.lost_minutes > allowed_gap_minutes {
        Some(Missing::Gaps)
    } else {
        None
    };
    let found = machine.alarms > 0
        || machine.hazards_opened > 0
        || machine.hazards_open > 0
        || !machine.overdue.is_empty();
    let verdict = match (found, missing) {
        (true, _) => Verdict::Found,
        (false, Some(_)) => Verdict::NoData,
        (false, None) => Verdict::ZeroRisk,
    };
    (verdict, missing)
}

/// A day's record. A unit without machines in use has found nothing, and there is nothing to watch.
#[must_use]
pub fn of_machines(machines: Vec<MachineDay>, allowed_gap_minutes: u32) -> (Prefill, Verdict) {
    let mut prefill = Prefill {
        machines: machines.len() as u32,
        ..Prefill::default()
    };
    let mut lines = Vec::with_capacity(machines.len());
    for machine in machines {
        let (verdict, missing) = judge(&machine, allowed_gap_minutes);
        match verdict {
            Verdict::Found => prefill.found += 1,
            Verdict::NoData => {}
            Verdict::ZeroRisk => prefill.zero_risk += 1,
        }
        prefill.no_data += u32::from(missing.is_some());
        prefill.alarms = prefill.alarms.saturating_add(machine.alarms);
        prefill.hazards_opened = prefill.hazards_opened.saturating_add(machine.hazards_opened);
        prefill.hazards_open = prefill.hazards_open.saturating_add(machine.hazards_open);
        prefill.gaps = prefill.gaps.saturating_add(machine.gaps);
        prefill.lost_minutes += u64::from(machine.lost_minutes);
        match machine.hours_run {
            Some(hours) => prefill.hours_run += hours,
            None => prefill.hours_unknown += 1,
        }
        prefill.overdue += machine.overdue.len() as u32;
        prefill.due_soon += machine.due_soon.len() as u32;
        lines.push(Line {
            machine,
            verdict,
            missing,
        });
    }
    // Worst first; within that, as they came.
    lines.sort_by_key(|line| line.verdict);
    prefill.left_out = lines.len().saturating_sub(LINES) as u32;
    lines.truncate(LINES);
    prefill.lines = lines;
    let verdict = if prefill.found > 0 {
        Verdict::Found
    } else if prefill.no_data > 0 {
        Verdict::NoData
    } else {
        Verdict::ZeroRisk
    };
    (prefill, verdict)
}

/// A week's or a month's record, of the records below in their order. A record that is not there is no data.
#[must_use]
pub fn of_children(kind: DutyKind, period: (Date, Date), below: Vec<(Child, Prefill)>) -> (Prefill, Verdict) {
    let mut prefill = Prefill {
        expected: kind.expects(period),
        ..Prefill::default()
    };
    let mut fewest: Option<u32> = None;
    let mut worst = Verdict::ZeroRisk;
    for (child, of) in below {
        prefill.machines = prefill.machines.max(of.machines);
        prefill.found = prefill.found.max(of.found);
        prefill.no_data = prefill.no_data.max(of.no_data);
        fewest = Some(fewest.map_or(of.zero_risk, |fewest| fewest.min(of.zero_risk)));
        prefill.alarms = prefill.alarms.saturating_add(of.alarms);
        prefill.hazards_opened = prefill.hazards_opened.saturating_add(of.hazards_opened);
        prefill.gaps = prefill.gaps.saturating_add(of.gaps);
        prefill.lost_minutes += of.lost_minutes;
        prefill.hours_run += of.hours_run;
        prefill.hours_unknown = prefill.hours_unknown.saturating_add(of.hours_unknown);
        // As of the end: the last one says it.
        prefill.hazards_open = of.hazards_open;
        prefill.overdue = of.overdue;
        prefill.due_soon = of.due_soon;
        worst = worst.min(child.verdict);
        prefill.children.push(child);
    }
    prefill.zero_risk = fewest.unwrap_or(0);
    if worst == Verdict::ZeroRisk && (prefill.children.len() as u32) < prefill.expected {
        worst = Verdict::NoData;
    }
    (prefill, worst)
}

#[cfg(test)]
mod tests {
    use super::{Child, MachineDay, Missing, Prefill, Verdict, judge, of_children, of_machines};
    use crate::duty::DutyKind;
    use jiff::civil::date;

    fn complete() -> MachineDay {
        MachineDay {
            id: "boiler".to_owned(),
            watched: true,
            heard: true,
            hours_run: Some(8.0),
            ..MachineDay::default()
        }
    }

    #[test]
    fn zero_risk_is_said_only_where_nothing_was_found_and_data_was_complete() {
        let due = || vec!["periodic_inspection".to_owned()];
        #[rustfmt::skip] // a table
        let cases = [
            (complete(), Verdict::ZeroRisk, None),
            (MachineDay { lost_minutes: 15, gaps: 1, ..complete() }, Verdict::ZeroRisk, None),
            (MachineDay { lost_minutes: 16, gaps: 1, ..complete() }, Verdict::NoData, Some(Missing::Gaps)),
            (MachineDay { heard: false, ..complete() }, Verdict::NoData, Some(Missing::NotHeard)),
            (MachineDay { watched: false, heard: false, ..complete() }, Verdict::NoData, Some(Missing::NotWatched)),
            (MachineDay { hours_run: None, ..complete() }, Verdict::ZeroRisk, None),
            (MachineDay { due_soon: due(), ..complete() }, Verdict::ZeroRisk, None),
            (MachineDay { alarms: 1, ..complete() }, Verdict::Found, None),
            (MachineDay { hazards_open: 1, ..complete() }, Verdict::Found, None),
            (MachineDay { hazards_opened: 1, ..complete() }, Verdict::Found, None),
            (MachineDay { overdue: due(), watched: false, ..complete() }, Verdict::Found, Some(Missing::NotWatched)),
        ];
        for (machine, verdict, missing) in cases {
            assert_eq!(judge(&machine, 15), (verdict, missing), "{machine:?}");
        }
    }

    #[test]
    fn one_machine_without_data_takes_zero_risk_from_the_whole_unit() {
        let blind = MachineDay {
            watched: false,
            hours_run: None,
            ..complete()
        };
        let (prefill, verdict) = of_machines(vec![complete(), blind.clone()], 15);
        assert_eq!(verdict, Verdict::NoData);
        assert_eq!((prefill.machines, prefill.zero_risk, prefill.no_data), (2, 1, 1));
        assert_eq!((prefill.hours_run, prefill.hours_unknown), (8.0, 1));
        assert_eq!(prefill.lines[0].verdict, Verdict::NoData, "worst first");
        let found = MachineDay {
            alarms: 3,
            ..complete()
        };
        assert_eq!(of_machines(vec![blind, found], 15).1, Verdict::Found);
        assert_eq!(of_machines(vec![complete()], 15).1, Verdict::ZeroRisk);
    }

    #[test]
    fn a_record_keeps_the_lines_that_matter_and_counts_the_rest() {
        let mut machines = vec![complete(); 600];
        machines[599].alarms = 1;
        let (prefill, verdict) = of_machines(machines, 15);
        assert_eq!(
            (verdict, prefill.lines.len(), prefill.left_out),
            (Verdict::Found, 500, 100)
        );
        assert_eq!(prefill.lines[0].machine.alarms, 1);
    }

    fn day(n: i8, verdict: Verdict) -> (Child, Prefill) {
        let at = date(2026, 5, 24 + n);
        (
            Child {
                record: n.into(),
                from: at,
                to: at,
                version: 1,
                verdict,
                hash: None,
            },
            Prefill {
                machines: 2,
                zero_risk: if verdict == Verdict::ZeroRisk { 2 } else { 1 },
                alarms: 1,
                hazards_open: 10 - n as u32,
                hours_run: 5.0,
                ..Prefill::default()
            },
        )
    }

    #[test]
    fn a_week_is_the_sum_of_its_days_and_no_better_than_the_worst() {
        use Verdict::{Found, NoData, ZeroRisk};
        let period = (date(2026, 5, 25), date(2026, 5, 31));
        let week = |verdicts: &[Verdict]| {
            let days = (1..).zip(verdicts).map(|(n, verdict)| day(n, *verdict)).collect();
            of_children(DutyKind::Weekly, period, days)
        };
        let (prefill, verdict) = week(&[ZeroRisk; 7]);
        assert_eq!(verdict, ZeroRisk);
        assert_eq!(
            (prefill.alarms, prefill.hazards_open, prefill.hours_run),
            (7, 3, 35.0)
        );
        assert_eq!((prefill.expected, prefill.zero_risk, prefill.signed()), (7, 2, 0));
        assert_eq!(
            week(&[ZeroRisk; 6]).1,
            NoData,
            "a day without a record is no data"
        );
        assert_eq!(week(&[]).1, NoData);
        let mut days = [ZeroRisk; 7];
        days[3] = NoData;
        assert_eq!(week(&days).1, NoData);
        days[4] = Found;
        assert_eq!(week(&days).1, Found);
    }
}
