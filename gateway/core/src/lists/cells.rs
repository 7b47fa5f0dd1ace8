//! What stands in a cell: one function per list, of facts alone.

use super::words::{self, Tongue};
use super::{List, ListKey};
use crate::hazard::{Actor, Attachment, HazardEvent, HazardEventKind, HazardSummary};
use crate::phrase::readable;
use vigil_protocol::time::UtcMillis;

/// Times as people there read them.
pub trait Civil {
    /// Day and minute, `2026-05-01 08:30`.
    fn minute(&self, at: UtcMillis) -> String;
    /// Day, `2026-05-01`.
    fn day(&self, at: UtcMillis) -> String;
}

/// Everything a line about a hazard is made of.
#[derive(Clone, Copy, Debug)]
pub struct HazardFacts<'f> {
    /// The hazard.
    pub hazard: &'f HazardSummary,
    /// Those of its events that [`quoted`] names, in order.
    pub events: &'f [HazardEvent],
    /// Name of the equipment; empty when the register has none.
    pub equipment_name: &'f str,
    /// Its registration number.
    pub registration_no: &'f str,
    /// The unit that uses it.
    pub use_unit: &'f str,
    /// The unit that maintains it.
    pub maintenance_unit: &'f str,
    /// The unit made responsible.
    pub responsible_unit: &'f str,
    /// What it is about, in words.
    pub category: &'f str,
    /// Number of the case it is supervised under.
    pub case: &'f str,
    /// Who supervises it.
    pub supervisor: &'f str,
}

/// Keys of the events a list quotes: no others need to be read.
#[must_use]
pub const fn quoted(list: ListKey) -> &'static [&'static str] {
    match list {
        ListKey::Risk => &[],
        ListKey::Hazards => &["opened", "reported"],
        ListKey::Tasks => &["assigned", "rectification_started"],
        ListKey::Results => &[
            "self_checked",
            "fixed_on_spot",
            "accepted",
            "struck_off",
            "looked_back",
            "attached",
        ],
    }
}

impl HazardFacts<'_> {
    /// The line of a list; `no` is its number in the list. Times as `civil` has them, words in `tongue`.
    #[must_use]
    pub fn row(&self, list: &List, no: u64, tongue: Tongue, civil: &dyn Civil) -> Vec<String> {
        let cells = list.column.iter().map(|column| match &*column.key {
            "no" => no.to_string(),
            "hazard_no" => self.hazard.id.0.to_string(),
            key => match list.key {
                ListKey::Risk => String::new(),
                ListKey::Hazards => self.of_hazards(key, tongue, civil),
                ListKey::Tasks => self.of_tasks(key, tongue, civil),
                ListKey::Results => self.of_results(key, tongue, civil),
            },
        });
        cells.collect()
    }

    fn of_hazards(&self, key: &str, tongue: Tongue, civil: &dyn Civil) -> String {
        let (hazard, handling) = (self.hazard, &self.hazard.handling);
        match key {
            "found_at" => civil.minute(self.found_at()),
            "found_by_way" => words::source(tongue, handling.source).to_owned(),
            "found_by" => self.found_by(tongue),
            "inspected_unit" => self.use_unit.to_owned(),
            "equipment" => self.equipment(),
            "description" => self.what(tongue),
            "category" => self.category.to_owned(),
            "grade" => words::grade(tongue, hazard.grade, hazard.status).to_owned(),
            "clause" => hazard.clause.to_string(),
            "evidence" => self.evidence(tongue, civil),
            "repeated" => match &handling.repeat {
                Some(repeat) => match tongue {
                    Tongue::Zh => format!("是（第{}次）", repeat.count + 1),
                    Tongue::En => format!("yes ({} times before)", repeat.count),
                },
                None => tongue.pick("否", "no").to_owned(),
            },
            "listed" => match (self.case, &handling.listed) {
                ("", None) => tongue.pick("否", "no").to_owned(),
                ("", Some(case)) => format!("{} {case}", tongue.pick("是", "yes")),
                (case, _) => format!("{} {case}", tongue.pick("是", "yes")),
            },
            "responsible_unit" => self.responsible_unit.to_owned(),
            "deadline" => self.deadline(civil),
            "status" => {
                let status = words::status(tongue, hazard.status);
                if handling.overdue {
                    format!("{status}{}", tongue.pick("（逾期）", " (overdue)"))
                } else {
                    status.to_owned()
                }
            }
            _ => String::new(),
        }
    }

    fn of_tasks(&self, key: &str, tongue: Tongue, civil: &dyn Civil) -> String {
        let handling = &self.hazard.handling;
        let assigned = handling.assignment.as_ref();
        match key {
            "task" => {
                let what = self.what(tongue);
                match tongue {
                    Tongue::Zh => format!("整改：{what}"),
                    Tongue::En => format!("rectify: {what}"),
                }
            }
            "measures" => assigned.map_or("", |one| &one.measures).to_owned(),
            "interim" => handling.interim.join("；"),
            "lead_unit" => self.responsible_unit.to_owned(),
            "other_units" => {
                if self.maintenance_unit == self.responsible_unit {
                    String::new()
                } else {
                    self.maintenance_unit.to_owned()
                }
            }
            "leader" => assigned.map_or("", |one| &one.leader).to_owned(),
            "person" => assigned.map_or("", |one| &one.person).to_owned(),
            "funds" => assigned.map_or("", |one| &one.funds).to_owned(),
            "started" => {
                let begun = |key: &str| self.events.iter().find(|event| event.kind.key() == key);
                let begun = begun("rectification_started").or_else(|| begun("assigned"));
                begun.map_or_else(String::new, |event| civil.day(event.at))
            }
            "deadline" => self.deadline(civil),
            "progress" => handling.percent.to_string(),
            "supervisor" => self.supervisor.to_owned(),
            "emergency_plan" => assigned.map_or("", |one| &one.emergency_plan).to_owned(),
            _ => String::new(),
        }
    }

    fn of_results(&self, key: &str, tongue: Tongue, civil: &dyn Civil) -> String {
        let handling = &self.hazard.handling;
        let minute = |at: Option<UtcMillis>| at.map_or_else(String::new, |at| civil.minute(at));
        // Of several, what was said last counts.
        let last = |keys: &[&str]| {
            let mut events = self.events.iter().rev();
            let event = events.find(|event| keys.contains(&event.kind.key()));
            event.and_then(|event| event.kind.text()).unwrap_or_default()
        };
        match key {
            "rectified_at" => minute(handling.rectified_at),
            "result" => last(&["self_checked", "fixed_on_spot"]).to_owned(),
            "accepted_by" => {
                let mut events = self.events.iter().rev();
                let event = events.find(|event| matches!(event.kind.key(), "accepted" | "fixed_on_spot"));
                let unit = event
                    .and_then(|event| event.who.as_ref())
                    .and_then(|who| who.unit.as_deref());
                let login = handling.accepted_by.as_deref().unwrap_or_default();
                joined(" / ", [login, unit.unwrap_or_default()])
            }
            "accepted_at" => minute(handling.accepted_at),
            "opinion" => last(&["accepted"]).to_owned(),
            "struck_off" => joined(
                " ",
                [
                    minute(handling.struck_off_at).as_str(),
                    handling.strike_off.as_deref().unwrap_or_default(),
                ],
            ),
            "look_backs" => self.look_backs(tongue, civil),
            "rules_made" => self.rules_made().to_owned(),
            "proof" => self.proof(tongue),
            _ => String::new(),
        }
    }

    fn found_at(&self) -> UtcMillis {
        let reported = self.events.iter().find_map(|event| match &event.kind {
            HazardEventKind::Reported { report } => Some(report.found_at),
            _ => None,
        });
        reported.unwrap_or(self.hazard.opened_at)
    }

    fn found_by(&self, tongue: Tongue) -> String {
        let first = self.events.first();
        let reporter = first.and_then(|event| match &event.kind {
            HazardEventKind::Reported { report } => report.reporter.as_deref(),
            _ => None,
        });
        let unit = first
            .and_then(|event| event.who.as_ref())
            .and_then(|who| who.unit.as_deref())
            .unwrap_or_default();
        match (reporter, first.map(|event| &event.actor)) {
            (Some(reporter), _) => joined(" / ", [reporter, unit]),
            (None, Some(Actor::Person(login))) => joined(" / ", [login, unit]),
            (None, _) => tongue.pick("在线监测", "telemetry").to_owned(),
        }
    }

    /// Name, number and id: who reads the paper finds the machine by one of them.
    fn equipment(&self) -> String {
        let id = &*self.hazard.equipment;
        joined(" ", [self.equipment_name, self.registration_no, id])
    }

    fn what(&self, tongue: Tongue) -> String {
        let title = tongue.pick(&self.hazard.title_zh, &self.hazard.title_en);
        joined(
            tongue.pick("：", ": "),
            [title, &self.hazard.handling.description],
        )
    }

    fn deadline(&self, civil: &dyn Civil) -> String {
        let deadline = self.hazard.handling.deadline;
        deadline.map_or_else(String::new, |at| civil.day(at))
    }

    fn evidence(&self, tongue: Tongue, civil: &dyn Civil) -> String {
        let opened = self.events.iter().find_map(|event| match &event.kind {
            HazardEventKind::Opened {
                citation, tripped_at, ..
            } => {
                let condition = readable(tongue, &citation.condition);
                Some(joined(
                    tongue.pick("，", ", "),
                    [condition.as_str(), &civil.minute(*tripped_at)],
                ))
            }
            _ => None,
        });
        let files = match (self.hazard.handling.attachments, tongue) {
            (0, _) => String::new(),
            (files, Tongue::Zh) => format!("附件{files}个"),
            (files, Tongue::En) => format!("{files} files"),
        };
        joined("；", [opened.as_deref().unwrap_or_default(), &files])
    }

    fn look_backs(&self, tongue: Tongue, civil: &dyn Civil) -> String {
        let made = self.events.iter().filter_map(|event| match &event.kind {
            HazardEventKind::LookedBack { passed, text, .. } => {
                let said = if *passed {
                    tongue.pick("未反弹", "still rectified")
                } else {
                    tongue.pick("反弹", "it came back")
                };
                Some(joined(" ", [&civil.day(event.at), said, text]))
            }
            _ => None,
        });
        made.collect::<Vec<_>>().join("；")
    }

    /// What was said of it when it was struck off.
    fn rules_made(&self) -> &str {
        let said = self.events.iter().rev().find_map(|event| match &event.kind {
            HazardEventKind::StruckOff { rules_made, .. } => Some(rules_made.as_str()),
            _ => None,
        });
        said.unwrap_or_default()
    }

    fn proof(&self, tongue: Tongue) -> String {
        const NAMED: usize = 5;
        let files = || self.events.iter().flat_map(|event| event.kind.attachments());
        let names: Vec<&str> = files()
            .map(|file: &Attachment| file.name.as_str())
            .take(NAMED)
            .collect();
        let more = files().count().saturating_sub(NAMED);
        let mut text = names.join("；");
        if more > 0 {
            text.push_str(&match tongue {
                Tongue::Zh => format!("等{}个", more + NAMED),
                Tongue::En => format!(" and {more} more"),
            });
        }
        text
    }
}

/// Those that are not empty, with `between` between them.
fn joined<'p>(between: &str, parts: impl IntoIterator<Item = &'p str>) -> String {
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

#[cfg(test)]
mod tests {
    use super::{Civil, HazardFacts, quoted};
    use crate::hash::ContentHash;
    use crate::hazard::{
        Actor, Assignment, Attachment, Handling, HazardEvent, HazardEventKind, HazardId, HazardSource,
        HazardStatus, HazardSummary, MediaType, Repeat, RuleCitation,
    };
    use crate::input::Position;
    use crate::lists::{FourLists, ListKey, Tongue};
    use crate::pack::{Grade, Severity};
    use crate::people::{Person, Role};
    use vigil_protocol::time::UtcMillis;

    /// Milliseconds as they are: the core has no clock and no zone.
    struct Plain;

    impl Civil for Plain {
        fn minute(&self, at: UtcMillis) -> String {
            format!("minute {}", at.0)
        }

        fn day(&self, at: UtcMillis) -> String {
            format!("day {}", at.0)
        }
    }

    fn hazard() -> HazardSummary {
        HazardSummary {
            id: HazardId("HZ-1".into()),
            equipment: "boiler".into(),
            rule: "R".into(),
            episode: UtcMillis(1),
            status: HazardStatus::Closed,
            grade: Grade::Major,
            severity: Severity::S1,
            opened_at: UtcMillis(2),
            late: false,
            condition_active: false,
            trips: 1,
            events: 9,
            changed: UtcMillis(9),
            head: ContentHash::default(),
            title_zh: "超压".into(),
            title_en: "overpressure".into(),
            clause: "GB 45067-2024 4.2 c".into(),
            handling: Box::new(Handling {
                source: HazardSource::Patrol,
                description: "压力表读数偏高".into(),
                assignment: Some(Assignment {
                    unit: Some("U1".into()),
                    person: "王工".to_owned(),
                    leader: "李总".to_owned(),
                    deadline: None,
                    measures: "更换安全阀".to_owned(),
                    funds: "2万元".to_owned(),
                    emergency_plan: "停炉".to_owned(),
                }),
                deadline: Some(UtcMillis(70)),
                overdue: true,
                interim: vec!["降压".into(), "专人看护".into()],
                percent: 100,
                rectified_at: Some(UtcMillis(50)),
                accepted_by: Some("zhao".into()),
                accepted_at: Some(UtcMillis(60)),
                repeat: Some(Repeat {
                    of: HazardId("HZ-0".into()),
                    count: 1,
                }),
                listed: Some("GP-1".into()),
                strike_off: Some("XH-1".into()),
                struck_off_at: Some(UtcMillis(65)),
                attachments: 2,
                ..Handling::default()
            }),
        }
    }

    fn event(at: i64, kind: HazardEventKind) -> HazardEvent {
        HazardEvent {
            hazard: HazardId("HZ-1".into()),
            seq: 0,
            at: UtcMillis(at),
            actor: Actor::Person("zhao".to_owned()),
            kind,
            position: Position(1),
            prev: ContentHash::default(),
            hash: ContentHash::default(),
            who: Some(Box::new(Person {
                login: "zhao".into(),
                role: Role::InspectionBody,
                unit: Some("U9".into()),
                areas: Vec::new(),
            })),
            scope: None,
        }
    }

    fn photo(name: &str) -> Attachment {
        Attachment {
            name: name.to_owned(),
            size: 1,
            sha256: ContentHash::default(),
            media_type: MediaType::Jpeg,
        }
    }

    #[test]
    fn every_cell_of_a_hazard_that_went_round_is_filled() {
        let hazard = hazard();
        let events = [
            event(40, HazardEventKind::RectificationStarted { text: String::new() }),
            event(
                50,
                HazardEventKind::SelfChecked {
                    text: "已更换".to_owned(),
                    attachments: vec![photo("a.jpg")],
                },
            ),
            event(
                60,
                HazardEventKind::Accepted {
                    text: "合格".to_owned(),
                    attachments: vec![photo("b.jpg")],
                    condition_active: false,
                },
            ),
            event(
                65,
                HazardEventKind::StruckOff {
                    number: "XH-1".into(),
                    rules_made: "安全阀定期校验制度".to_owned(),
                    text: String::new(),
                },
            ),
            event(
                90,
                HazardEventKind::LookedBack {
                    round: 1,
                    last: true,
                    passed: true,
                    text: "正常".to_owned(),
                    finding: None,
                    attachments: Vec::new(),
                    successor: None,
                },
            ),
        ];
        let facts = HazardFacts {
            hazard: &hazard,
            events: &events,
            equipment_name: "1号锅炉",
            registration_no: "锅11辽C00001(20)",
            use_unit: "某厂",
            maintenance_unit: "某维保",
            responsible_unit: "某厂",
            category: "超压、安全阀",
            case: "",
            supervisor: "某局",
        };
        let lists = FourLists::builtin();
        let row = |key| {
            facts
                .row(lists.get(key).unwrap(), 3, Tongue::Zh, &Plain)
                .join("|")
        };
        assert_eq!(
            row(ListKey::Hazards),
            "3|HZ-1|minute 2|日管控、周排查、月调度|zhao / U9|某厂|1号锅炉 锅11辽C00001(20) boiler|超压：压力表读数偏高|\
             超压、安全阀|重大|GB 45067-2024 4.2 c|附件2个|是（第2次）|是 GP-1|某厂|day 70|已闭环（逾期）"
        );
        assert_eq!(
            row(ListKey::Tasks),
            "3|HZ-1|整改：超压：压力表读数偏高|更换安全阀|降压；专人看护|某厂|某维保|李总|王工|2万元|day 40|day 70|100|某局|停炉"
        );
        assert_eq!(
            row(ListKey::Results),
            "3|HZ-1|minute 50|已更换|zhao / U9|minute 60|合格|minute 65 XH-1|day 90 未反弹 正常|安全阀定期校验制度|a.jpg；b.jpg"
        );
    }

    #[test]
    fn what_tripped_is_said_in_the_language_of_the_list() {
        let hazard = hazard();
        let text: std::sync::Arc<str> = "R".into();
        let citation = RuleCitation {
            rule: text.clone(),
            title_zh: text.clone(),
            title_en: text.clone(),
            pack: text.clone(),
            pack_version: text.clone(),
            pack_hash: ContentHash::default(),
            clause: text.clone(),
            source: text.clone(),
            confidence: text,
            condition: "not heard for 24 h".to_owned(),
        };
        let opened = HazardEventKind::Opened {
            equipment: "boiler".into(),
            citation: Box::new(citation),
            episode: UtcMillis(1),
            tripped_at: UtcMillis(2),
            late: false,
            severity: Severity::S3,
            grade: Grade::General,
            evidence: Vec::new(),
        };
        let events = [event(2, opened)];
        let facts = HazardFacts {
            hazard: &hazard,
            events: &events,
            equipment_name: "",
            registration_no: "",
            use_unit: "",
            maintenance_unit: "",
            responsible_unit: "",
            category: "",
            case: "",
            supervisor: "",
        };
        assert_eq!(
            facts.evidence(Tongue::Zh, &Plain),
            "无上报已达 24 h，minute 2；附件2个"
        );
        assert_eq!(
            facts.evidence(Tongue::En, &Plain),
            "not heard for 24 h, minute 2；2 files"
        );
    }

    #[test]
    fn what_nobody_has_said_stays_empty() {
        let mut hazard = hazard();
        *hazard.handling = Handling::default();
        hazard.status = HazardStatus::Suspected;
        let facts = HazardFacts {
            hazard: &hazard,
            events: &[],
            equipment_name: "",
            registration_no: "",
            use_unit: "",
            maintenance_unit: "",
            responsible_unit: "",
            category: "",
            case: "",
            supervisor: "",
        };
        let lists = FourLists::builtin();
        let row = |key| {
            facts
                .row(lists.get(key).unwrap(), 1, Tongue::En, &Plain)
                .join("|")
        };
        assert_eq!(
            row(ListKey::Hazards),
            "1|HZ-1|minute 2|telemetry|telemetry||boiler|overpressure||major (suspected)|GB 45067-2024 4.2 c||no|no|||suspected"
        );
        assert_eq!(row(ListKey::Tasks), "1|HZ-1|rectify: overpressure||||||||||0||");
        assert_eq!(row(ListKey::Results), "1|HZ-1|||||||||");
    }

    #[test]
    fn only_events_there_are_are_quoted() {
        for list in ListKey::ALL {
            for key in quoted(list) {
                assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{key}");
            }
        }
    }
}
