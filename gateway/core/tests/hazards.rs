//! The chain of a hazard's events: whatever is changed in it is found.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod rules_support;

use rules_support::Timeline;
use rules_support::run::Runner;
use vigil_core::UtcMillis;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{
    Actor, ChainFault, HazardEvent, HazardEventKind, HazardId, HazardStatus, verify_chain,
};
use vigil_core::pack::Severity;

const CATALOG: &str = r#"
[[equipment]]
id = "lift-1"
category = "3110"
node = "g/n"
device = "lift-1"
interval = "10s"
"#;

const PACK: &str = r#"
[pack]
id = "test"
version = "1.2.3"
title_zh = "试验"
title_en = "Test"
applies_to = [""]
[[rule]]
id = "FAST"
title_zh = "超速"
title_en = "Too fast"
kind = "limit"
quantity = "car_speed"
direction = "high"
trip = 2.0
clear = 1.8
on_delay = "5s"
severity = "S3"
severity_when = [{ when = { quantity = "passenger_present", is = true }, severity = "S1" }]
opens = "general"
clause = "GB/T 1"
source = "test"
confidence = "proposal"
"#;

/// Opened, returned, recurred with somebody in the car, commented, confirmed.
const INPUT: &str = "
0s  lift-1 birth car_speed=1.0 passenger_present=false
10s lift-1 car_speed=2.1000000000000005
20s lift-1 car_speed=0.30000000000000004
30s lift-1 passenger_present=true
40s lift-1 car_speed=2.5
50s lift-1 hb
60s comment lift-1 FAST by li: 到现场
70s confirm lift-1 FAST by wang
";

fn chain() -> Vec<HazardEvent> {
    let timeline = Timeline::parse(CATALOG, Some(PACK), INPUT).unwrap();
    let run = Runner::all(&timeline);
    assert_eq!(run.chains.len(), 1);
    run.chains.into_values().next().unwrap()
}

/// What a forger would do who knows how hashes are made.
fn seal(event: &mut HazardEvent) {
    event.hash = event.content_hash();
}

#[test]
fn a_chain_folds_into_what_the_list_shows() {
    let chain = chain();
    let kinds: Vec<&str> = chain.iter().map(|event| event.kind.key()).collect();
    assert_eq!(
        kinds,
        ["opened", "returned", "recurred", "commented", "confirmed"]
    );
    let summary = verify_chain(&chain).unwrap();
    assert_eq!((&*summary.equipment, &*summary.rule), ("lift-1", "FAST"));
    assert_eq!((&*summary.title_zh, &*summary.clause), ("超速", "GB/T 1"));
    assert_eq!((summary.trips, summary.events), (2, 5));
    assert_eq!(summary.severity, Severity::S1, "the highest so far");
    assert_eq!(summary.status, HazardStatus::Confirmed);
    assert!(summary.condition_active);
    assert_eq!(summary.head, chain[4].hash);
    assert_eq!(chain[0].prev, ContentHash::default());
}

#[test]
fn a_chain_survives_its_json_to_the_last_bit_of_every_number() {
    let chain = chain();
    let json = serde_json::to_string(&chain).unwrap();
    let back: Vec<HazardEvent> = serde_json::from_str(&json).unwrap();
    assert_eq!(back, chain);
    assert_eq!(verify_chain(&back), verify_chain(&chain));
    assert!(json.contains("2.1000000000000005"), "as sent, not rounded");
}

#[test]
fn any_changed_byte_is_found() {
    let chain = chain();
    let json = serde_json::to_vec(&chain).unwrap();
    let (mut parsed, mut found) = (0, 0);
    for at in 0..json.len() {
        for to in [json[at] ^ 1, json[at].wrapping_add(1), b'0', b'a', b' '] {
            let mut changed = json.clone();
            changed[at] = to;
            let Ok(events) = serde_json::from_slice::<Vec<HazardEvent>>(&changed) else {
                continue;
            };
            parsed += 1;
            if events != chain {
                found += 1;
                assert!(
                    verify_chain(&events).is_err(),
                    "byte {at} as {:?}: {}",
                    char::from(to),
                    String::from_utf8_lossy(&changed[at.saturating_sub(40)..(at + 20).min(json.len())])
                );
            }
        }
    }
    assert!(found > 1_000 && parsed > found, "{found} changes of {parsed}");
}

#[test]
fn a_link_that_is_missing_doubled_or_moved_is_found() {
    let whole = chain();
    for (what, change) in [
        (
            "first gone",
            (|chain: &mut Vec<HazardEvent>| drop(chain.remove(0))) as fn(&mut Vec<HazardEvent>),
        ),
        ("middle gone", |chain| drop(chain.remove(2))),
        ("doubled", |chain| chain.insert(2, chain[1].clone())),
        ("swapped", |chain| chain.swap(2, 3)),
        ("empty", Vec::clear),
    ] {
        let mut chain = whole.clone();
        change(&mut chain);
        assert!(verify_chain(&chain).is_err(), "{what}");
    }
    // Only the head, kept elsewhere, tells that the end was cut off.
    let cut = verify_chain(&whole[..4]).unwrap();
    assert_ne!(cut.head, whole[4].hash);
}

#[test]
fn a_forged_link_with_a_right_hash_breaks_the_next_one() {
    let mut chain = chain();
    if let HazardEventKind::Opened { severity, .. } = &mut chain[0].kind {
        *severity = Severity::S4;
    }
    seal(&mut chain[0]);
    let error = verify_chain(&chain).unwrap_err();
    assert_eq!((error.seq, error.what), (1, ChainFault::Previous));
}

#[test]
fn no_step_is_taken_by_whom_it_is_not_for() {
    let whole = chain();
    for (seq, actor) in [(0, Actor::Person("wang".into())), (4, Actor::Machine)] {
        let mut chain = whole.clone();
        chain[seq].actor = actor;
        for at in seq..chain.len() {
            if at > 0 {
                chain[at].prev = chain[at - 1].hash;
            }
            seal(&mut chain[at]);
        }
        let error = verify_chain(&chain).unwrap_err();
        assert_eq!((error.seq, error.what), (seq as u32, ChainFault::Actor));
    }
}

#[test]
fn a_hazard_is_confirmed_once_and_not_rejected_after() {
    let mut chain = chain();
    let mut again = chain[4].clone();
    again.seq = 5;
    again.prev = chain[4].hash;
    again.kind = HazardEventKind::Rejected { text: "no".into() };
    seal(&mut again);
    chain.push(again);
    assert_eq!(verify_chain(&chain).unwrap_err().what, ChainFault::Step);
}

#[test]
fn the_id_follows_from_equipment_rule_and_episode() {
    let id = HazardId::derive("lift-1", "FAST", UtcMillis(1_767_600_010_000));
    assert_eq!(chain()[0].hazard, id);
    assert_eq!(
        &*id.0, "HZ-0a419a0ed4b1e57e",
        "ids stand in other people's records: they must not change"
    );
    for (equipment, rule, episode) in [
        ("lift-2", "FAST", 1_767_600_010_000),
        ("lift-1", "FASTER", 1_767_600_010_000),
        ("lift-1", "FAST", 0),
    ] {
        assert_ne!(HazardId::derive(equipment, rule, UtcMillis(episode)), id);
    }
    // And a chain that carries another one is not believed.
    let mut chain = chain();
    for at in 0..chain.len() {
        chain[at].hazard = HazardId("HZ-0000000000000000".into());
        if at > 0 {
            chain[at].prev = chain[at - 1].hash;
        }
        seal(&mut chain[at]);
    }
    assert_eq!(verify_chain(&chain).unwrap_err().what, ChainFault::Id);
}
