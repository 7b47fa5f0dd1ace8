//! Hazards as lists: paged, filtered, counted.

use super::stranger;
use crate::harness::*;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::HazardStatus;
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_core::pack::{Grade, Severity};
use vigil_gateway::store::{Batch, HazardCursor, HazardFilter};
use vigil_protocol::time::UtcMillis;

#[tokio::test]
async fn hazards_are_listed_newest_first_page_by_page_and_filtered() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let outputs = (0..25)
        .map(|at| {
            let id = format!("HZ-{at:02}");
            let mut hazard = summary(&id, &format!("e{at}"), "R", HazardStatus::Suspected);
            hazard.opened_at = UtcMillis(T0 + at / 2);
            if at % 5 == 0 {
                hazard.status = HazardStatus::Rejected;
            }
            if at % 2 == 0 {
                (hazard.grade, hazard.severity) = (Grade::General, Severity::S3);
            }
            Output::Hazard {
                event: Box::new(event(&id, 0, ContentHash::default())),
                summary: Box::new(hazard),
            }
        })
        .collect();
    writer
        .commit(&Batch {
            outputs,
            position: Position(1),
            ..Batch::default()
        })
        .await
        .unwrap();
    let mut filter = HazardFilter {
        limit: 7,
        ..HazardFilter::default()
    };
    let mut seen = Vec::new();
    loop {
        let page = reader.hazards(&filter).await.unwrap();
        let Some(last) = page.last() else { break };
        filter.after = Some(HazardCursor::behind(last));
        seen.extend(page.into_iter().map(|hazard| hazard.id.0.to_string()));
    }
    let expected: Vec<_> = (0..25).rev().map(|at| format!("HZ-{at:02}")).collect();
    assert_eq!(seen, expected);
    let found = |filter: HazardFilter| {
        let reader = reader.clone();
        async move { reader.hazards(&filter).await.unwrap().len() }
    };
    let all = HazardFilter::default;
    assert_eq!(
        found(HazardFilter {
            open: Some(true),
            ..all()
        })
        .await,
        20
    );
    assert_eq!(
        found(HazardFilter {
            open: Some(false),
            ..all()
        })
        .await,
        5
    );
    assert_eq!(
        found(HazardFilter {
            status: Some(HazardStatus::Rejected),
            ..all()
        })
        .await,
        5
    );
    assert_eq!(
        found(HazardFilter {
            grade: Some(Grade::Major),
            ..all()
        })
        .await,
        12
    );
    assert_eq!(
        found(HazardFilter {
            severity: Some(Severity::S3),
            ..all()
        })
        .await,
        13
    );
    assert_eq!(
        found(HazardFilter {
            equipment: Some("e3".to_owned()),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        found(HazardFilter {
            from: Some(UtcMillis(T0 + 12)),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        found(HazardFilter {
            to: Some(UtcMillis(T0 + 1)),
            ..all()
        })
        .await,
        2
    );
}

#[tokio::test]
async fn what_is_open_is_listed_and_counted_from_indexes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = open(dir.path()).await;
    assert!(reader.open_hazards(Some(&["boiler"])).await.unwrap().is_empty());
    let mut stranger = stranger(dir.path()).await;
    const OPEN: &str = "FROM hazard_numbers WHERE status IN \
                        ('suspected', 'confirmed', 'assigned', 'rectifying', 'self_checked', 'accepted')";
    const STANDING: &str = "FROM alarms WHERE state <> 'normal'";
    for (query, index) in [
        (
            format!("SELECT equipment, COUNT(*), MIN(severity) {OPEN} GROUP BY equipment"),
            "COVERING INDEX found_open_of",
        ),
        (
            format!("SELECT severity, status, grade, COUNT(*) {OPEN} GROUP BY severity, status, grade"),
            "COVERING INDEX found_open_of",
        ),
        (
            format!("SELECT class, severity, COUNT(*) {STANDING} GROUP BY class, severity"),
            "COVERING INDEX alarms_standing",
        ),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(sql).fetch_all(&mut stranger).await.unwrap();
        assert!(plan[0].3.contains(index), "{query}: {plan:?}");
    }
}
