//! The log: read back in order, without what came twice, and found by time.

use crate::harness::*;
use vigil_core::input::Position;
use vigil_gateway::store::{Indexed, Logged};
use vigil_protocol::time::UtcMillis;

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
