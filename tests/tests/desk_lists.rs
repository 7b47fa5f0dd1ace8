//! Whatever way the register of hazards is searched, it finds what a look at every hazard finds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test helpers"
)]

use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{Actor, HazardEvent, HazardEventKind, HazardSource, HazardStatus, HazardSummary};
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Scope, Sight};
use vigil_gateway::store::{self, Batch, HazardCursor, HazardFilter, Reader, StoreOptions};
use vigil_tests::desk::equipment::known;
use vigil_tests::desk::fill::{Size, fill};

const SIZE: Size = Size {
    hazards: 1_500,
    equipment: 120,
    users: 3,
    deeds: 10,
    alarms: 20,
    cases: 9,
    days: 5,
    at_once: 1,
};

type Scopes = HashMap<Arc<str>, Scope>;
type Set = fn(&mut HazardFilter);
type Holds = fn(&HazardSummary, &Scopes) -> bool;

/// A filter, and what it means.
fn filters() -> Vec<(&'static str, Set, Holds)> {
    vec![
        (
            "closed",
            |f| f.status = Some(HazardStatus::Closed),
            |h, _| h.status == HazardStatus::Closed,
        ),
        (
            "assigned",
            |f| f.status = Some(HazardStatus::Assigned),
            |h, _| h.status == HazardStatus::Assigned,
        ),
        (
            "major",
            |f| f.grade = Some(Grade::Major),
            |h, _| h.grade == Grade::Major,
        ),
        (
            "general",
            |f| f.grade = Some(Grade::General),
            |h, _| h.grade == Grade::General,
        ),
        (
            "S1",
            |f| f.severity = Some(Severity::S1),
            |h, _| h.severity == Severity::S1,
        ),
        (
            "S4",
            |f| f.severity = Some(Severity::S4),
            |h, _| h.severity == Severity::S4,
        ),
        ("open", |f| f.open = Some(true), |h, _| h.is_open()),
        ("not open", |f| f.open = Some(false), |h, _| !h.is_open()),
        (
            "21",
            |f| f.area = Some("21".into()),
            |h, s| s[&h.equipment].area.starts_with("21"),
        ),
        (
            "210381",
            |f| f.area = Some("210381".into()),
            |h, s| &*s[&h.equipment].area == "210381",
        ),
        (
            "province",
            |f| f.sight = Some(Sight::Areas(vec!["22".into(), "21".into()])),
            |h, s| s[&h.equipment].area.starts_with("21") || s[&h.equipment].area.starts_with("22"),
        ),
        (
            "telemetry",
            |f| f.source = Some(HazardSource::Telemetry),
            |h, _| h.handling.source == HazardSource::Telemetry,
        ),
        (
            "patrol",
            |f| f.source = Some(HazardSource::Patrol),
            |h, _| h.handling.source == HazardSource::Patrol,
        ),
        ("overdue", |f| f.overdue = Some(true), |h, _| h.handling.overdue),
        (
            "not overdue",
            |f| f.overdue = Some(false),
            |h, _| !h.handling.overdue,
        ),
        (
            "not listed",
            |f| f.listed = Some(false),
            |h, _| h.handling.listed.is_none(),
        ),
        (
            "trapped",
            |f| f.text = Some("电梯困人".into()),
            |h, _| h.title_zh.contains("电梯困人"),
        ),
        (
            "pressure",
            |f| f.text = Some("超压".into()),
            |h, _| h.title_zh.contains("超压"),
        ),
    ]
}

/// All pages of a list, a few at a time; the total is right too.
async fn listed(reader: &Reader, filter: &HazardFilter) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = HazardFilter {
            after,
            limit: 97,
            ..filter.clone()
        };
        let page = reader.hazards(&page).await.unwrap();
        found.extend(page.iter().map(|hazard| hazard.id.0.to_string()));
        after = page.last().map(HazardCursor::behind);
        if page.len() < 97 {
            break;
        }
    }
    assert_eq!(
        reader.count_hazards(filter, 10_000).await.unwrap(),
        found.len() as u64
    );
    found
}

async fn compare(reader: &Reader, scopes: &Scopes) {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = HazardFilter {
            after,
            limit: 1_000,
            ..HazardFilter::default()
        };
        let page = reader.hazards(&page).await.unwrap();
        after = page.last().map(HazardCursor::behind);
        let last = page.len() < 1_000;
        all.extend(page);
        if last {
            break;
        }
    }
    assert_eq!(all.len() as u64, SIZE.hazards);
    let filters = filters();
    for (one, set_one, holds_one) in &filters {
        for (other, set_other, holds_other) in &filters {
            let mut filter = HazardFilter::default();
            set_one(&mut filter);
            set_other(&mut filter);
            // Two values of one filter: the second stands.
            let mut second = HazardFilter::default();
            set_other(&mut second);
            let both = format!("{filter:?}") != format!("{second:?}") || one == other;
            let expected: Vec<String> = all
                .iter()
                .filter(|hazard| holds_other(hazard, scopes) && (!both || holds_one(hazard, scopes)))
                .map(|hazard| hazard.id.0.to_string())
                .collect();
            assert_eq!(listed(reader, &filter).await, expected, "{one} and {other}");
        }
    }
}

/// Somebody confirms a hazard that is suspected: everything it can be found by follows.
async fn confirm(options: &StoreOptions) {
    let (mut writer, reader) = store::open(options).await.unwrap();
    let suspected = HazardFilter {
        status: Some(HazardStatus::Suspected),
        ..HazardFilter::default()
    };
    let mut state = reader.hazards(&suspected).await.unwrap().remove(0);
    let mut event = HazardEvent {
        hazard: state.id.clone(),
        seq: state.events,
        at: state.changed.saturating_add_ms(1),
        actor: Actor::Person("li".to_owned()),
        kind: HazardEventKind::Confirmed { text: String::new() },
        position: Position(SIZE.hazards + 1),
        prev: state.head,
        hash: ContentHash::default(),
        who: None,
        scope: None,
    };
    event.hash = event.content_hash();
    state.apply(&event).unwrap();
    let output = Output::Hazard {
        event: Box::new(event),
        summary: Box::new(state),
    };
    let batch = Batch {
        outputs: vec![output],
        position: Position(SIZE.hazards + 1),
        ..Batch::default()
    };
    writer.commit(&batch).await.unwrap();
    reader.close().await;
    writer.close().await.unwrap();
}

#[tokio::test]
async fn every_two_filters_find_what_a_look_at_every_hazard_finds() {
    let dir = tempfile::tempdir().unwrap();
    let askers = fill(dir.path(), &SIZE, &|_| ()).await;
    assert_eq!(askers.len(), 6);
    let options = StoreOptions::new(dir.path().join("vigil.db"));
    let desk = store::desk(&options);
    let scopes: Scopes = known(&desk)
        .await
        .into_iter()
        .map(|piece| (piece.id, piece.scope))
        .collect();
    let reader = store::open_reader(&options);
    compare(&reader, &scopes).await;
    confirm(&options).await;
    compare(&reader, &scopes).await;
}
