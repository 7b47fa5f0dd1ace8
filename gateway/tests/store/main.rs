//! The store: what goes in comes out, once, whole or not at all, and stays as it was.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../harness/mod.rs"]
mod harness;
mod hazards;
mod log;
mod retention;
mod whole;

use harness::*;
use sqlx::{Connection as _, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use vigil_core::alarm::AlarmState;
use vigil_core::hazard::HazardId;
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_gateway::store::{AlarmFilter, Batch, Reader};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// A connection that knows nothing of the gateway: somebody with the database file.
async fn stranger(dir: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite:{}", dir.join("vigil.db").display()))
        .await
        .unwrap()
}

async fn count(reader: &Reader) -> usize {
    reader.log_after(Position(0), 100_000).await.unwrap().len()
}

#[tokio::test]
async fn a_row_of_every_kind_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let batch = everything();
    assert_eq!(writer.commit(&batch).await.unwrap().messages, 1);
    for output in &batch.outputs {
        match output {
            Output::Log(entry) => {
                let at = entry.published.unwrap();
                let found = reader.messages("s/n1", Some("b"), at, at, 10).await.unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].entry, *entry);
                assert_eq!(
                    (found[0].retained, found[0].payload.as_slice()),
                    (true, &[1, 1, 1][..])
                );
                assert_eq!(found[0].topic(), "spBv1.0/s/DDATA/n1/b");
                assert_eq!(reader.messages_at(&[entry.position]).await.unwrap(), found);
            }
            Output::Context(context) => {
                let found = reader.contexts(&BTreeSet::from([context.hash])).await.unwrap();
                assert_eq!(found.get(&context.hash), Some(context));
            }
            Output::DeadLetter(letter) => {
                let found = reader.dead_letters(10).await.unwrap();
                assert_eq!(found.total, 1);
                assert_eq!(
                    (found.recent[0].position, found.recent[0].bytes),
                    (letter.position.0, 3)
                );
                assert_eq!(found.recent[0].reason, letter.reason);
            }
            Output::LogAction(entry) => {
                let found = reader.action_by_key("key-1").await.unwrap();
                assert_eq!(
                    found,
                    Some((entry.position, entry.received, entry.action.clone()))
                );
            }
            Output::Unregistered(device) => {
                assert_eq!(
                    reader.unregistered(10).await.unwrap(),
                    std::slice::from_ref(device)
                );
            }
            Output::UnknownCode(told) => {
                let found = reader.unknown_codes(10).await.unwrap();
                let [row] = found.as_slice() else {
                    panic!("{found:?}")
                };
                assert_eq!((row.equipment.as_str(), row.scheme.as_str()), ("lift", "s"));
                assert_eq!((row.code.as_str(), row.count), (told.code.as_str(), 1));
                assert_eq!(
                    (row.first_seen, row.last_seen),
                    (UtcMillis(T0), UtcMillis(T0 + 60_000))
                );
            }
            Output::Alarm(alarm) => {
                let filter = AlarmFilter {
                    standing: true,
                    ..AlarmFilter::default()
                };
                assert_eq!(reader.alarms(&filter).await.unwrap(), std::slice::from_ref(alarm));
            }
            Output::AlarmEvent(event) => {
                assert_eq!(
                    reader.alarm_events("boiler", 10).await.unwrap(),
                    std::slice::from_ref(event)
                );
            }
            Output::Hazard { event, summary } => {
                assert_eq!(reader.hazard("HZ-1").await.unwrap().as_ref(), Some(&**summary));
                assert_eq!(
                    reader.hazard_events("HZ-1").await.unwrap(),
                    std::slice::from_ref(&**event)
                );
            }
            Output::Gap(gap) => {
                let found = reader
                    .gaps("boiler", UtcMillis(T0 - 1_000), UtcMillis(T0 + 1))
                    .await
                    .unwrap();
                assert!(found.contains(gap), "{found:?}");
            }
            Output::Rollup(rollup) => {
                let found = reader
                    .rollups(
                        "boiler",
                        Quantity::SteamPressure,
                        UtcMillis(T0),
                        UtcMillis(T0 + 1),
                    )
                    .await
                    .unwrap();
                assert_eq!((found[0].hour, found[0].numbers), (rollup.hour, rollup.numbers));
            }
            Output::NodeHour(hour) => {
                let found = reader
                    .node_hours(Some("s/n1"), UtcMillis(T0), UtcMillis(T0 + 1))
                    .await
                    .unwrap();
                assert_eq!(found, std::slice::from_ref(hour));
            }
            Output::Duplicate { .. } | Output::Command(_) | Output::Refused(_) => {}
        }
    }
    let restorable = reader.restorable().await.unwrap();
    assert_eq!(restorable.snapshots, batch.snapshots);
    assert_eq!(
        (restorable.watermark, restorable.last_position),
        (Position(2), Position(3))
    );
    assert_eq!(restorable.last_now, Some(batch.now));
    assert_eq!(
        reader.server_events(0, 10).await.unwrap(),
        [(*batch.events[0]).clone()]
    );
    assert_eq!(reader.last_event_id().await.unwrap(), 1);
    let overview = reader
        .overview(&vigil_core::people::Sight::Everything)
        .await
        .unwrap();
    assert_eq!(
        (overview.open_hazards, overview.suspected, overview.major),
        ([1, 0, 0, 0], 1, 1)
    );
    assert_eq!(
        (overview.alarms, overview.open_gaps, overview.unregistered),
        ([0, 1, 0, 0], 1, 1)
    );
    assert!(reader.size().await.unwrap().used > 0);
}

#[tokio::test]
async fn roll_ups_and_hours_add_up_within_and_across_batches() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let batch = |outputs| Batch {
        outputs,
        position: Position(1),
        ..Batch::default()
    };
    let empty = (f64::INFINITY, f64::NEG_INFINITY, f64::NAN);
    writer
        .commit(&batch(vec![rollup(T0, 0, empty, T0), node_hour(1)]))
        .await
        .unwrap();
    let parts = vec![
        rollup(T0, 2, (3.0, 5.0, 4.0), T0 + 50),
        rollup(T0, 1, (7.0, 7.0, 7.0), T0 + 10),
        node_hour(2),
    ];
    writer.commit(&batch(parts)).await.unwrap();
    let late = vec![
        rollup(T0, 4, (1.0, 2.0, 2.0), T0 + 20),
        rollup(T0, 0, empty, T0 + 99),
        node_hour(3),
    ];
    writer.commit(&batch(late)).await.unwrap();
    let rows = reader
        .rollups(
            "boiler",
            Quantity::SteamPressure,
            UtcMillis(T0),
            UtcMillis(T0 + 1),
        )
        .await
        .unwrap();
    let numbers = rows[0].numbers;
    assert_eq!((numbers.good, numbers.bad), (7, 5));
    assert_eq!(
        (numbers.min, numbers.max, numbers.sum),
        (1.0, 7.0, 8.0 + 7.0 + 6.0)
    );
    assert_eq!((numbers.last, numbers.last_at), (4.0, UtcMillis(T0 + 50)));
    let hours = reader
        .node_hours(None, UtcMillis(T0), UtcMillis(T0 + 1))
        .await
        .unwrap();
    assert_eq!(
        (hours[0].received, hours[0].expected, hours[0].duplicate),
        (6, 9, 12)
    );
}

#[tokio::test]
async fn an_alarm_and_a_gap_keep_their_last_state() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let outputs = vec![
        Output::Alarm(alarm("boiler", "R", AlarmState::Unacknowledged)),
        Output::Alarm(alarm("lift", "R", AlarmState::Normal)),
        Output::Alarm(alarm("boiler", "R", AlarmState::Acknowledged)),
        Output::Gap(gap("boiler", None, T0, None)),
        Output::Gap(gap("boiler", None, T0, Some(T0 + 5))),
    ];
    writer
        .commit(&Batch {
            outputs,
            position: Position(1),
            ..Batch::default()
        })
        .await
        .unwrap();
    let all = reader.alarms(&AlarmFilter::default()).await.unwrap();
    assert_eq!(all.len(), 2);
    let standing = AlarmFilter {
        standing: true,
        ..AlarmFilter::default()
    };
    let standing = reader.alarms(&standing).await.unwrap();
    assert_eq!(standing, [alarm("boiler", "R", AlarmState::Acknowledged)]);
    assert!(reader.open_gaps(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn events_are_resumed_behind_the_last_one_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    assert_eq!(reader.server_events(0, 10).await.unwrap().len(), 1);
    assert!(reader.server_events(1, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn names_and_certificates_are_stored_once_and_known_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    writer.close().await.unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let mut batch = log([
        entry(4, "s/n1", Some("b"), None),
        entry(5, "s/n1", Some("l"), None),
    ]);
    batch.outputs.insert(0, Output::Context(context("birth")));
    batch.outputs.insert(0, Output::Context(context("another")));
    if let Some(Output::Log(entry)) = batch.outputs.last_mut() {
        entry.context = Some(context("birth").hash);
    }
    writer.commit(&batch).await.unwrap();
    let mut stranger = stranger(dir.path()).await;
    for (sql, expected) in [
        ("SELECT COUNT(*) FROM nodes", 1_i64),
        ("SELECT COUNT(*) FROM devices", 2),
        ("SELECT COUNT(*) FROM contexts", 2),
        ("SELECT COUNT(DISTINCT context_id) FROM messages", 1),
    ] {
        let found: i64 = sqlx::query_scalar(sql).fetch_one(&mut stranger).await.unwrap();
        assert_eq!(found, expected, "{sql}");
    }
    let found = reader.messages_at(&[Position(5)]).await.unwrap();
    assert_eq!(found[0].entry.context, Some(context("birth").hash));
    assert!(reader.hazard(&HazardId("none".into()).0).await.unwrap().is_none());
}
