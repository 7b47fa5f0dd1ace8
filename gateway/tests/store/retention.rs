//! What is kept, and what goes.

use super::stranger;
use crate::harness::*;
use vigil_core::input::Position;
use vigil_gateway::store::{Logged, Retention};
use vigil_protocol::time::UtcMillis;

#[tokio::test]
async fn old_messages_go_in_chunks_and_those_that_speak_for_a_hazard_are_kept_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    let mut batch = log((10..200).map(|at| {
        let mut entry = entry(at, "s/n1", Some(if at % 2 == 0 { "b" } else { "l" }), None);
        entry.received = UtcMillis(T0 + at as i64 * 10_000);
        entry.published = None;
        entry
    }));
    batch.watermark = Some(Position(150));
    writer.commit(&batch).await.unwrap();
    writer.index().await.unwrap();
    let retention = Retention {
        max_age_ms: Some(60_000),
        chunk: 50,
        ..Retention::default()
    };
    let now = UtcMillis(T0 + 1_860_000);
    let (mut removed, mut copied) = (0, 0);
    loop {
        let report = writer.retain(&retention, now).await.unwrap();
        (removed, copied) = (removed + report.removed, copied + report.copied);
        if report.removed == 0 {
            break;
        }
    }
    // Positions 1 and 10..=150: what a restart needs stays, old as it is.
    assert_eq!(removed, 142);
    let left = reader.log_after(Position(0), 1_000).await.unwrap();
    assert_eq!(
        left.iter()
            .filter(|input| matches!(input.what, Logged::Message { .. }))
            .count(),
        49
    );
    // The boiler's device up to five minutes behind the trip: position 1 and 10, 12, … 30.
    let kept = reader.evidence_messages("HZ-1").await.unwrap();
    let positions: Vec<_> = kept.iter().map(|message| message.entry.position.0).collect();
    let expected: Vec<u64> = [1].into_iter().chain((10..=30).step_by(2)).collect();
    assert_eq!(positions, expected);
    assert_eq!(copied, expected.len() as u64);
    assert!(
        kept.iter()
            .all(|message| message.entry.device.as_deref() == Some("b"))
    );
    assert_eq!(kept[0].entry.context, Some(context("birth").hash));
    let mut stranger = stranger(dir.path()).await;
    assert!(
        sqlx::query("DELETE FROM hazard_evidence_messages")
            .execute(&mut stranger)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_database_above_its_size_loses_its_oldest_messages_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    // Tables without rows have pages too; they are not what retention can give back.
    let empty = reader.size().await.unwrap().used;
    let mut batch = log((1..=3_000).map(|at| entry(at, "s/n1", Some("b"), None)));
    batch.watermark = Some(Position(3_000));
    writer.commit(&batch).await.unwrap();
    writer.index().await.unwrap();
    let used = reader.size().await.unwrap().used;
    let mut retention = Retention {
        max_age_ms: None,
        max_bytes: Some(used * 2),
        chunk: 500,
        ..Retention::default()
    };
    let now = UtcMillis(T0);
    assert!(!writer.retain(&retention, now).await.unwrap().above_watermark);
    retention.max_bytes = Some(used + used / 10);
    let report = writer.retain(&retention, now).await.unwrap();
    assert!(report.above_watermark && report.removed == 0, "{report:?}");
    let less = empty + (used - empty) * 2 / 3;
    retention.max_bytes = Some(less);
    while writer.retain(&retention, now).await.unwrap().removed > 0 {}
    let left = reader.log_after(Position(0), 10_000).await.unwrap();
    assert!(left.len() >= 500 && left.len() < 2_500, "{} left", left.len());
    assert_eq!(
        left.last().map(|input| input.position),
        Some(Position(3_000)),
        "the newest stay"
    );
    assert!(reader.size().await.unwrap().used <= less);
}

#[tokio::test]
async fn dead_letters_and_events_are_kept_up_to_a_number() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    let retention = Retention {
        dead_letters: 0,
        unknown_codes: 0,
        server_events: 0,
        ..Retention::default()
    };
    writer.retain(&retention, UtcMillis(T0)).await.unwrap();
    assert_eq!(reader.dead_letters(10).await.unwrap().total, 0);
    assert_eq!(reader.unknown_codes(10).await.unwrap(), []);
    assert!(reader.server_events(0, 10).await.unwrap().is_empty());
}
