//! The outbox in the database: one transaction with its cause, and what retention owes to those who are behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::*;
use vigil_core::input::Position;
use vigil_gateway::store::{
    Batch, OutboxChange, OutboxEntry, OutboxFilter, OutboxState, Reader, Receipt, Retention, Which, Writer,
};
use vigil_protocol::time::UtcMillis;

const DAY: i64 = 86_400_000;

fn outbox_entry(sink: &str, ordering: &str, n: usize) -> OutboxEntry {
    OutboxEntry {
        sink: sink.into(),
        event: "hazard.opened",
        ordering: ordering.to_owned(),
        key: format!("key {n}"),
        at: UtcMillis(T0 + n as i64),
        body: format!("{{\"n\":{n}}}"),
    }
}

fn receipt(status: u16) -> Receipt {
    Receipt {
        at: UtcMillis(T0 + 100),
        status: Some(status),
        said: "well".to_owned(),
    }
}

fn taken(position: u64) -> OutboxChange {
    OutboxChange::Taken {
        sink: "influx",
        position: Position(position),
    }
}

async fn configure(writer: &mut Writer, points: bool) {
    let configured = OutboxChange::Configured {
        points: points.then_some(("influx", Position(0))).into_iter().collect(),
        subscribers: vec!["a".to_owned(), "b".to_owned()],
        at: UtcMillis(T0),
    };
    writer.outbox(&[configured]).await.unwrap();
}

async fn messages(writer: &mut Writer, range: std::ops::RangeInclusive<u64>) {
    let mut batch = log(range.map(|position| entry(position, "s/n1", Some("b"), None)));
    batch.watermark = Some(batch.position);
    writer.commit(&batch).await.unwrap();
    while writer.index().await.unwrap().messages > 0 {}
}

async fn left(reader: &Reader) -> Vec<u64> {
    let left = reader.messages_after(Position(0), 1_000).await.unwrap();
    left.iter().map(|message| message.entry.position.0).collect()
}

#[tokio::test]
async fn entries_are_committed_with_their_cause_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let mut batch = everything();
    batch.outbox = vec![outbox_entry("a", "hazard 1", 0)];
    writer.commit(&batch).await.unwrap();
    // The same event again: the database refuses the batch, and the entry with it.
    let mut again = Batch {
        outputs: vec![opened("HZ-2", "boiler", "R")],
        ..Batch::default()
    };
    again.outbox = vec![outbox_entry("a", "hazard 2", 1)];
    writer.commit(&again).await.unwrap_err();
    let rows = reader.outbox(&OutboxFilter::default()).await.unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    assert_eq!((row.sink.as_str(), row.event.as_str()), ("a", "hazard.opened"));
    assert_eq!((row.at, row.since), (UtcMillis(T0), UtcMillis(T0)));
    assert_eq!((row.key.as_str(), row.body.as_str()), ("key 0", "{\"n\":0}"));
    assert_eq!(
        (row.state, row.attempts, row.status),
        (OutboxState::Pending, 0, None)
    );
}

#[tokio::test]
async fn of_each_ordering_only_the_first_has_its_turn_and_those_tried_least_come_first() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let batch = Batch {
        outbox: ["x", "y", "x", "z", "y"]
            .iter()
            .enumerate()
            .map(|(n, ordering)| outbox_entry("a", ordering, n))
            .chain([outbox_entry("b", "x", 9)])
            .collect(),
        watermark: Some(Position(0)),
        ..Batch::default()
    };
    writer.commit(&batch).await.unwrap();
    let next = async |limit| -> Vec<(String, String)> {
        let rows = reader.outbox_next("a", limit).await.unwrap();
        rows.into_iter().map(|row| (row.ordering, row.key)).collect()
    };
    let pair = |ordering: &str, n: usize| (ordering.to_owned(), format!("key {n}"));
    assert_eq!(next(9).await, [pair("x", 0), pair("y", 1), pair("z", 3)]);
    let rows = reader.outbox_next("a", 9).await.unwrap();
    let failed = OutboxChange::Failed {
        id: rows[0].id,
        receipt: receipt(500),
    };
    let delivered = OutboxChange::Delivered {
        id: rows[1].id,
        receipt: receipt(200),
    };
    assert_eq!(writer.outbox(&[failed, delivered]).await.unwrap(), [1, 1]);
    assert_eq!(next(9).await, [pair("z", 3), pair("y", 4), pair("x", 0)]);
    assert_eq!(next(1).await, [pair("z", 3)]);
    // Given up: the next of the hazard has its turn.
    let given_up = OutboxChange::GivenUp {
        id: rows[0].id,
        receipt: receipt(410),
    };
    writer.outbox(std::slice::from_ref(&given_up)).await.unwrap();
    assert_eq!(next(9).await, [pair("x", 2), pair("z", 3), pair("y", 4)]);
    assert_eq!(writer.outbox(&[given_up]).await.unwrap(), [0], "once is enough");
    let counts = reader.outbox_counts().await.unwrap();
    let of_a: Vec<_> = counts
        .iter()
        .filter(|count| count.sink == "a")
        .map(|count| (count.state, count.entries, count.oldest.0 - T0))
        .collect();
    let expected = [
        (OutboxState::Dead, 1, 0),
        (OutboxState::Delivered, 1, 1),
        (OutboxState::Pending, 3, 2),
    ];
    assert_eq!(of_a, expected);
    let drop_pending = OutboxChange::Drop {
        which: Which::One(rows[2].id),
    };
    let drop_delivered = OutboxChange::Drop {
        which: Which::One(rows[1].id),
    };
    assert_eq!(
        writer.outbox(&[drop_pending, drop_delivered]).await.unwrap(),
        [1, 0],
        "a receipt is not dropped by hand"
    );
}

#[tokio::test]
async fn age_waits_for_a_sink_that_is_behind_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    configure(&mut writer, true).await;
    messages(&mut writer, 1..=10).await;
    let retention = Retention {
        max_age_ms: Some(DAY),
        ..Retention::default()
    };
    writer.outbox(&[taken(4)]).await.unwrap();
    let report = writer.retain(&retention, UtcMillis(T0 + 2 * DAY)).await.unwrap();
    assert_eq!((report.removed, report.missed), (4, 0));
    assert_eq!(left(&reader).await, (5..=10).collect::<Vec<_>>());
    let report = writer.retain(&retention, UtcMillis(T0 + 30 * DAY)).await.unwrap();
    assert_eq!(report.removed, 0);
    // A month later nobody believes that it will come back.
    let report = writer.retain(&retention, UtcMillis(T0 + 32 * DAY)).await.unwrap();
    assert_eq!((report.removed, report.missed), (6, 6));
    let gaps = reader.sink_gaps(10).await.unwrap();
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        (gaps[0].from_position, gaps[0].to_position),
        (Position(5), Position(10))
    );
    assert_eq!(
        (gaps[0].from, gaps[0].to),
        (UtcMillis(T0 + 10), UtcMillis(T0 + 15))
    );
    assert_eq!((gaps[0].messages, gaps[0].at), (6, UtcMillis(T0 + 32 * DAY)));
}

#[tokio::test]
async fn size_does_not_wait_and_what_a_sink_misses_is_one_gap() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    configure(&mut writer, true).await;
    messages(&mut writer, 1..=10).await;
    writer.outbox(&[taken(2)]).await.unwrap();
    let retention = Retention {
        max_bytes: Some(1),
        chunk: 4,
        ..Retention::default()
    };
    let mut missed = Vec::new();
    for _ in 0..3 {
        missed.push(writer.retain(&retention, UtcMillis(T0)).await.unwrap().missed);
    }
    assert_eq!(missed, [2, 4, 2]);
    assert!(left(&reader).await.is_empty());
    let gaps = reader.sink_gaps(10).await.unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        (gaps[0].from_position, gaps[0].to_position, gaps[0].messages),
        (Position(3), Position(10), 8)
    );
    // It came back, and was left behind once more: another gap.
    writer.outbox(&[taken(10)]).await.unwrap();
    messages(&mut writer, 11..=14).await;
    writer.retain(&retention, UtcMillis(T0)).await.unwrap();
    let gaps = reader.sink_gaps(10).await.unwrap();
    assert_eq!(
        (gaps.len(), gaps[0].from_position, gaps[0].to_position),
        (2, Position(11), Position(14))
    );
}

#[tokio::test]
async fn a_sink_that_is_not_configured_holds_nothing_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    configure(&mut writer, true).await;
    messages(&mut writer, 1..=10).await;
    writer.outbox(&[taken(2)]).await.unwrap();
    configure(&mut writer, false).await;
    let retention = Retention {
        max_age_ms: Some(DAY),
        chunk: 5,
        ..Retention::default()
    };
    let report = writer.retain(&retention, UtcMillis(T0 + 2 * DAY)).await.unwrap();
    assert_eq!((report.removed, report.missed), (5, 0));
    configure(&mut writer, true).await;
    assert_eq!(reader.sink_cursor("influx").await.unwrap(), Some(Position(2)));
    let gaps = reader.sink_gaps(10).await.unwrap();
    assert_eq!(
        (gaps[0].from_position, gaps[0].to_position, gaps[0].messages),
        (Position(3), Position(5), 3),
        "it is told what it missed meanwhile"
    );
    let report = writer.retain(&retention, UtcMillis(T0 + 2 * DAY)).await.unwrap();
    assert_eq!(report.removed, 0);
}

#[tokio::test]
async fn the_outbox_has_a_size_and_says_when_it_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(dir.path()).await;
    let batch = Batch {
        outbox: (0..20).map(|n| outbox_entry("a", &n.to_string(), n)).collect(),
        watermark: Some(Position(0)),
        ..Batch::default()
    };
    writer.commit(&batch).await.unwrap();
    let rows = reader.outbox_next("a", 100).await.unwrap();
    let delivered = rows[..8].iter().map(|row| OutboxChange::Delivered {
        id: row.id,
        receipt: receipt(200),
    });
    writer.outbox(&delivered.collect::<Vec<_>>()).await.unwrap();
    let retention = Retention {
        receipts: 5,
        outbox: 4,
        ..Retention::default()
    };
    let report = writer.retain(&retention, UtcMillis(T0)).await.unwrap();
    // Twelve waited: eight are dead, of which four are kept.
    assert_eq!(report.overflowed, 8 + 4);
    let count = async |state| {
        let counts = reader.outbox_counts().await.unwrap();
        counts
            .iter()
            .find(|count| count.state == state)
            .map(|count| count.entries)
    };
    assert_eq!(count(OutboxState::Delivered).await, Some(5));
    assert_eq!(count(OutboxState::Pending).await, Some(4));
    assert_eq!(count(OutboxState::Dead).await, Some(4));
    assert_eq!(
        writer.retain(&retention, UtcMillis(T0)).await.unwrap().overflowed,
        0
    );
}
