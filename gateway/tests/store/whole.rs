//! Batches are there whole or not at all, and stay as they were.

use super::{count, stranger};
use crate::harness::*;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::HazardStatus;
use vigil_core::input::Position;
use vigil_core::output::Output;
use vigil_gateway::store::{self, Batch, StoreError, StoreOptions};
use vigil_protocol::time::UtcMillis;

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
