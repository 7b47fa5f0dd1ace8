//! The store: what goes in comes out, once, whole or not at all, and stays as it was.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::*;
use sqlx::{Connection as _, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use vigil_core::alarm::AlarmState;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardId, HazardStatus};
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_core::pack::{Grade, Severity};
use vigil_gateway::store::{
    self, AlarmFilter, Batch, HazardCursor, HazardFilter, Indexed, Logged, Reader, Retention, StoreError,
    StoreOptions,
};
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
async fn the_log_reads_back_in_order_with_actions_between_messages_across_pages() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    writer
        .commit(&log((4..=9).map(|at| entry(at, "s/n2", None, None))))
        .await
        .unwrap();
    for limit in [1, 2, 3, 100] {
        let (mut after, mut seen) = (Position(0), Vec::new());
        loop {
            let page = reader.log_after(after, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.position;
            seen.extend(page);
        }
        let positions: Vec<_> = seen.iter().map(|input| input.position.0).collect();
        assert_eq!(positions, [1, 3, 4, 5, 6, 7, 8, 9], "pages of {limit}");
        assert!(matches!(&seen[1].what, Logged::Action(action) if **action == comment(Some("key-1"))));
        assert_eq!(&*seen[1].node, "s/n1");
        assert!(
            matches!(&seen[0].what, Logged::Message { topic, retained: true, .. } if topic == "spBv1.0/s/DDATA/n1/b")
        );
        assert!(matches!(&seen[2].what, Logged::Message { topic, .. } if topic == "spBv1.0/s/NDATA/n2"));
    }
}

#[tokio::test]
async fn a_journaled_message_that_slipped_through_twice_is_found_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer
        .commit(&log([entry(1, "s/n1", Some("b"), Some((7, 1)))]))
        .await
        .unwrap();
    assert_eq!(
        writer.index().await.unwrap(),
        Indexed {
            messages: 1,
            repeated: 0
        }
    );
    let again = log([
        entry(2, "s/n1", Some("b"), Some((7, 1))),
        entry(3, "s/n1", Some("b"), Some((7, 2))),
        entry(4, "s/n1", Some("b"), Some((8, 1))),
        entry(5, "s/n2", None, Some((7, 1))),
        entry(6, "s/n1", Some("b"), None),
        entry(7, "s/n1", Some("b"), None),
        entry(8, "s/n1", Some("b"), Some((8, 1))),
    ]);
    writer.commit(&again).await.unwrap();
    assert_eq!(
        writer.index().await.unwrap(),
        Indexed {
            messages: 5,
            repeated: 2
        }
    );
    let left = reader.log_after(Position(0), 10).await.unwrap();
    assert_eq!(
        left.iter().map(|input| input.position.0).collect::<Vec<_>>(),
        [1, 3, 4, 5, 6, 7]
    );
    assert_eq!(writer.index().await.unwrap(), Indexed::default());
}

#[tokio::test]
async fn searching_by_time_finds_the_same_whatever_part_of_the_log_is_indexed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let at = |position: u64| {
        let mut entry = entry(
            position,
            "s/n1",
            Some(if position.is_multiple_of(3) { "l" } else { "b" }),
            None,
        );
        // Every fifth is history and stands under its own time.
        entry.historical = position.is_multiple_of(5);
        entry.published = Some(UtcMillis(
            T0 + position as i64 * if entry.historical { 2 } else { 10 },
        ));
        entry.received = UtcMillis(T0 + position as i64 * 10);
        entry
    };
    let mut expected: Option<Vec<u64>> = None;
    for part in 0..4_u64 {
        writer
            .commit(&log((part * 2_500 + 1..=(part + 1) * 2_500).map(at)))
            .await
            .unwrap();
    }
    while {
        let all = |limit| {
            reader.messages(
                "s/n1",
                Some("b"),
                UtcMillis(T0 + 500),
                UtcMillis(T0 + 90_000),
                limit,
            )
        };
        let found: Vec<_> = all(100_000)
            .await
            .unwrap()
            .iter()
            .map(|message| message.entry.position.0)
            .collect();
        assert!(found.len() > 5_000);
        assert_eq!(all(100).await.unwrap().len(), 100);
        let device = ("s/n1", Some("b"));
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let range = (UtcMillis(T0 + 500), UtcMillis(T0 + 90_000));
            let (page, end) = reader.message_page(device, range, after, 999).await.unwrap();
            paged.extend(page.iter().map(|message| message.entry.position.0));
            after = end;
            if after.is_none() {
                break;
            }
        }
        paged.sort_unstable();
        assert_eq!(paged, found);
        assert_eq!(*expected.get_or_insert_with(|| found.clone()), found);
        writer.index().await.unwrap().messages > 0
    } {}
}

#[tokio::test]
async fn no_second_open_hazard_for_the_same_cause_and_nothing_of_such_a_batch_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let mut batch = log([entry(1, "s/n1", Some("b"), None)]);
    batch.outputs.push(opened("HZ-1", "boiler", "R"));
    writer.commit(&batch).await.unwrap();
    let mut batch = log([entry(2, "s/n9", Some("new"), None)]);
    batch.outputs.push(opened("HZ-22", "boiler", "R"));
    let error = writer.commit(&batch).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(count(&reader).await, 1);
    assert!(reader.hazard("HZ-22").await.unwrap().is_none());
    // The same rule on another lift, and another rule on the same boiler, are other hazards.
    let mut batch = log([entry(2, "s/n9", Some("new"), None)]);
    batch.outputs.push(opened("HZ-22", "lift", "R"));
    batch.outputs.push(opened("HZ-333", "boiler", "Q"));
    writer.commit(&batch).await.unwrap();
    assert_eq!(count(&reader).await, 2);
    let at = UtcMillis(T0 + 7);
    assert_eq!(
        reader
            .messages("s/n9", Some("new"), at, at, 9)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn an_event_that_does_not_follow_the_one_before_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    let first = event("HZ-1", 0, ContentHash::default());
    let with = |event| {
        let summary = Box::new(summary("HZ-1", "boiler", "R", HazardStatus::Suspected));
        Batch {
            outputs: vec![Output::Hazard {
                event: Box::new(event),
                summary,
            }],
            position: Position(4),
            ..Batch::default()
        }
    };
    for wrong in [
        event("HZ-1", 1, ContentHash::of(b"another")),
        event("HZ-1", 2, first.hash),
        event("HZ-1", 0, ContentHash::default()),
    ] {
        let error = writer.commit(&with(wrong)).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
    }
    writer.commit(&with(event("HZ-1", 1, first.hash))).await.unwrap();
    assert_eq!(reader.hazard_events("HZ-1").await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_database_itself_refuses_tampering() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _reader) = open(dir.path()).await;
    let mut batch = everything();
    batch.outputs.push(Output::Log(entry(4, "s/n1", Some("b"), None)));
    writer.commit(&batch).await.unwrap();
    let mut stranger = stranger(dir.path()).await;
    for sql in [
        "UPDATE hazard_events SET json = '{}'",
        "DELETE FROM hazard_events",
        "DELETE FROM hazards",
        "UPDATE hazards SET equipment = 'other'",
        "UPDATE hazards SET episode = 0",
        "UPDATE hazards SET events = 0",
        "UPDATE messages SET payload = x'00'",
        "UPDATE messages SET received = 0",
        "INSERT INTO hazard_events (hazard, seq, at, position, prev, hash, json) VALUES ('HZ-1', 9, 0, 0, '', '', '{}')",
        "INSERT INTO hazard_events (hazard, seq, at, position, prev, hash, json) VALUES ('none', 0, 0, 0, '', '', '{}')",
    ] {
        assert!(sqlx::query(sql).execute(&mut stranger).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn readers_can_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = open(dir.path()).await;
    // Whatever a query is tricked into: the connection is read-only.
    assert!(reader.hazard("'; DELETE FROM meta; --").await.unwrap().is_none());
}

#[tokio::test]
async fn a_second_writer_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let (writer, _reader) = open(dir.path()).await;
    let options = StoreOptions::new(dir.path().join("vigil.db"));
    let refused = store::open(&options).await.unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }));
    assert!(refused.to_string().contains("another vigil process"), "{refused}");
    writer.close().await.unwrap();
    let (writer, _reader) = store::open(&options).await.unwrap();
    drop(writer);
}

#[tokio::test]
async fn a_full_disk_is_an_error_to_try_again_after_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions::new(dir.path().join("vigil.db"));
    let (writer, reader) = store::open(&options).await.unwrap();
    writer.close().await.unwrap();
    let pages = reader.size().await.unwrap().file / 4096;
    options.page_limit.set(pages as u32 + 10);
    let (mut writer, reader) = store::open(&options).await.unwrap();
    let mut failed = 0;
    let mut next = 1;
    while next <= 2_000 {
        let batch = log((next..next + 100).map(|at| entry(at, "s/n1", Some("b"), Some((1, at)))));
        match writer.commit(&batch).await {
            Ok(_) => next += 100,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                assert_eq!(count(&reader).await as u64, next - 1, "whole batches only");
                failed += 1;
                if failed == 3 {
                    options.page_limit.set(0);
                }
            }
        }
    }
    assert_eq!(failed, 3);
    assert_eq!(count(&reader).await, 2_000);
}

#[tokio::test]
async fn a_commit_cut_off_anywhere_leaves_all_of_the_batch_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let mut written = 0;
    for patience in 0..60 {
        let first = patience * 10 + 1;
        let mut batch = log((first..first + 10).map(|at| entry(at, "s/n1", Some("b"), None)));
        batch
            .outputs
            .push(Output::Context(context(&patience.to_string())));
        let patience = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::select! {
            biased;
            done = writer.commit(&batch) => { done.unwrap(); true }
            () = patience => false,
        };
        let now = count(&reader).await;
        assert!(
            now == written || now == written + 10,
            "{now} rows after {written}"
        );
        assert!(!done || now == written + 10);
        written = now;
        if !done {
            // Whatever was cut off, the next one is whole: only the numbers it gives may not clash.
            let again = log((first + 100_000..first + 100_010).map(|at| entry(at, "s/n1", Some("b"), None)));
            writer.commit(&again).await.unwrap();
            written = count(&reader).await;
        }
    }
}

#[tokio::test]
async fn a_batch_that_was_committed_although_it_looked_otherwise_is_not_written_twice() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let mut written = 0;
    for patience in 0..60 {
        let mut batch = log([entry(patience + 1, "s/n1", Some("b"), None)]);
        batch.outputs.push(node_hour(1));
        batch.id = patience + 1;
        let patience = async {
            for _ in 0..patience {
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::select! {
            biased;
            done = writer.commit(&batch) => Some(done),
            () = patience => None,
        };
        if done.is_none() {
            writer.commit(&batch).await.unwrap();
        }
        written += 1;
        assert_eq!(count(&reader).await, written);
    }
    let hours = reader
        .node_hours(None, UtcMillis(T0), UtcMillis(T0 + 1))
        .await
        .unwrap();
    assert_eq!(hours[0].received, 60, "what is added up was added once");
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
async fn events_are_resumed_behind_the_last_one_seen() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    writer.commit(&everything()).await.unwrap();
    assert_eq!(reader.server_events(0, 10).await.unwrap().len(), 1);
    assert!(reader.server_events(1, 10).await.unwrap().is_empty());
}

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

#[tokio::test]
async fn what_is_open_is_listed_and_counted_from_indexes_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (_writer, reader) = open(dir.path()).await;
    assert!(reader.open_hazards(Some("boiler")).await.unwrap().is_empty());
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
