//! Hazards that lists are made of, written where the engine would have written them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use crate::api_site::Site;
use crate::harness::{T0, summary};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{
    Actor, Assignment, Handling, HazardEvent, HazardEventKind, HazardId, HazardSource, HazardStatus,
    HazardSummary, Report,
};
use vigil_core::input::Position;
use vigil_core::pack::{Grade, Severity};
use vigil_protocol::time::UtcMillis;

pub const DAY_MS: i64 = 86_400_000;

/// A hazard of a unit, found on day `day` after the start.
#[derive(Clone, Debug)]
pub struct Seed {
    pub n: usize,
    pub day: i64,
    pub status: HazardStatus,
    pub unit: &'static str,
    pub area: &'static str,
    pub description: String,
}

impl Seed {
    pub fn new(n: usize) -> Self {
        Self {
            n,
            day: 0,
            status: HazardStatus::Rectifying,
            unit: "acme",
            area: "210381",
            description: format!("第{n}条"),
        }
    }

    pub fn id(&self) -> String {
        format!("HZ-{:016x}", self.n)
    }

    fn summary(&self) -> HazardSummary {
        let opened_at = UtcMillis(T0 + self.day * DAY_MS + self.n as i64);
        let struck_off = matches!(
            self.status,
            HazardStatus::StruckOff | HazardStatus::LookedBack | HazardStatus::Closed
        );
        HazardSummary {
            opened_at,
            episode: UtcMillis(self.n as i64),
            late: false,
            handling: Box::new(Handling {
                source: HazardSource::Patrol,
                category: "management".into(),
                description: self.description.as_str().into(),
                assignment: Some(Assignment {
                    unit: Some(self.unit.into()),
                    person: "王工".to_owned(),
                    measures: "更换".to_owned(),
                    ..Assignment::default()
                }),
                deadline: Some(UtcMillis(T0 + 20 * DAY_MS)),
                percent: if struck_off { 100 } else { 40 },
                struck_off_at: struck_off.then_some(opened_at),
                strike_off: struck_off.then(|| format!("XH-{}", self.n).into()),
                ..Handling::default()
            }),
            ..summary(&self.id(), "boiler", &format!("MANUAL-{}", self.n), self.status)
        }
    }

    fn reported(&self) -> HazardEvent {
        let hazard = self.summary();
        let report = Report {
            owner: hazard.equipment.clone(),
            rule: hazard.rule.clone(),
            episode: hazard.episode,
            source: HazardSource::Patrol,
            category: "management".into(),
            title_zh: hazard.title_zh.clone(),
            title_en: hazard.title_en.clone(),
            description: self.description.clone(),
            severity: Severity::S3,
            grade: Grade::General,
            clause: "".into(),
            found_at: hazard.opened_at,
            reporter: Some("赵工".to_owned()),
            unit: None,
            attachments: Vec::new(),
            related: Vec::new(),
            repeat: None,
        };
        HazardEvent {
            hazard: HazardId(self.id().into()),
            seq: 0,
            at: hazard.opened_at,
            actor: Actor::Person("li".to_owned()),
            kind: HazardEventKind::Reported {
                report: Box::new(report),
            },
            position: Position(1),
            prev: ContentHash::default(),
            hash: ContentHash::of(self.id().as_bytes()),
            who: None,
            scope: None,
        }
    }
}

/// Writes them and their first events, many at a time.
pub async fn seed(site: &Site, seeds: impl IntoIterator<Item = Seed>) {
    let mut write = site.app.desk.begin().await.unwrap();
    for seed in seeds {
        let hazard = seed.summary();
        sqlx::query(
            "INSERT INTO hazards (id, equipment, rule, episode, status, grade, severity, opened_at, late, condition_active, \
             trips, events, changed, head, title_zh, title_en, clause, source, category, unit, deadline, struck_off_at, \
             use_unit, area, fold) VALUES ($1, $2, $3, $4, $5, 'general', 'S3', $6, 0, 0, 1, 1, $6, $7, $8, $9, $10, \
             'patrol', 'management', $11, $12, $13, $11, $14, $15)",
        )
        .bind(seed.id())
        .bind(&*hazard.equipment)
        .bind(&*hazard.rule)
        .bind(hazard.episode.0)
        .bind(serde_json::to_value(seed.status).unwrap().as_str().unwrap().to_owned())
        .bind(hazard.opened_at.0)
        .bind(hazard.head.to_string())
        .bind(&*hazard.title_zh)
        .bind(&*hazard.title_en)
        .bind(&*hazard.clause)
        .bind(seed.unit)
        .bind(hazard.handling.deadline.map(|at| at.0))
        .bind(hazard.handling.struck_off_at.map(|at| at.0))
        .bind(seed.area)
        .bind(serde_json::to_string(&hazard).unwrap())
        .execute(write.connection().unwrap())
        .await
        .unwrap();
        // Whose the equipment is does not matter here: each has its own unit.
        sqlx::query("UPDATE hazards SET use_unit = $2, area = $3 WHERE id = $1")
            .bind(seed.id())
            .bind(seed.unit)
            .bind(seed.area)
            .execute(write.connection().unwrap())
            .await
            .unwrap();
        let event = seed.reported();
        sqlx::query(
            "INSERT INTO hazard_events (hazard, seq, at, position, prev, hash, json) VALUES ($1, 0, $2, 1, $3, $4, $5)",
        )
        .bind(seed.id())
        .bind(event.at.0)
        .bind(event.prev.to_string())
        .bind(event.hash.to_string())
        .bind(serde_json::to_string(&event).unwrap())
        .execute(write.connection().unwrap())
        .await
        .unwrap();
    }
    write.commit().await.unwrap();
}
