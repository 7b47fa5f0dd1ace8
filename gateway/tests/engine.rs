//! The engine with a real database and no broker: what is committed, in which order things leave, and
//! that a cut anywhere changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod harness;

use harness::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use vigil_core::hazard::{HazardStatus, HazardSummary, verify_chain};
use vigil_core::input::{Action, OperatorAction, Position};
use vigil_core::output::{Command, CommandKind};
use vigil_core::{Pipeline, Settings};
use vigil_gateway::clock::Clock;
use vigil_gateway::engine::{ActError, Engine, EngineOptions, EngineParts, Outlet, restore};
use vigil_gateway::ingest::{Delivery, Incoming};
use vigil_gateway::metrics::Registry;
use vigil_gateway::store::{self, AlarmFilter, HazardFilter, PageLimit, Reader, StoreOptions};
use vigil_protocol::time::UtcMillis;

/// Keeps what leaves.
#[derive(Clone, Debug, Default)]
struct Outbox(Arc<Mutex<Vec<Command>>>);

impl Outlet for Outbox {
    fn acknowledge(&self, _delivery: Delivery) {}

    fn command(&self, command: &Command) -> bool {
        self.0.lock().unwrap().push(command.clone());
        true
    }
}

impl Outbox {
    fn acked(&self) -> Option<u64> {
        let commands = self.0.lock().unwrap();
        commands
            .iter()
            .filter_map(|command| match command.kind {
                CommandKind::JournalAck { seq, .. } => Some(seq),
                _ => None,
            })
            .max()
    }
}

/// An engine over a database file.
struct Rig {
    engine: Engine,
    messages: mpsc::Sender<Incoming>,
    reader: Reader,
    clock: Clock,
    outbox: Outbox,
    replayed: u64,
}

async fn rig(dir: &Path, options: EngineOptions, limit: &PageLimit, now: i64) -> Rig {
    let store_options = StoreOptions {
        page_limit: limit.clone(),
        ..StoreOptions::new(dir.join("vigil.db"))
    };
    // The process before may still be letting go.
    let (writer, reader) = until("the database is free", async || {
        store::open(&store_options).await.ok()
    })
    .await;
    let mut pipeline = Pipeline::new(Arc::new(catalog()), Settings::default());
    let restored = restore(&mut pipeline, &reader).await.unwrap();
    let clock = Clock::manual(UtcMillis(now));
    let (messages, from) = mpsc::channel(10_000);
    let outbox = Outbox::default();
    let engine = Engine::start(EngineParts {
        pipeline,
        restored,
        writer,
        reader: reader.clone(),
        messages: from,
        outlet: Box::new(outbox.clone()),
        clock: clock.clone(),
        metrics: Arc::new(Registry::default()),
        options,
    });
    Rig {
        engine,
        messages,
        reader,
        clock,
        outbox,
        replayed: restored.replayed,
    }
}

impl Rig {
    async fn feed(&self, step: &Step) {
        match &step.what {
            What::Message(topic, payload) => {
                let message = Incoming {
                    field: None,
                    topic: (*topic).to_owned(),
                    payload: payload.clone().into(),
                    retained: false,
                    received: UtcMillis(step.at),
                    ack: None,
                };
                self.messages.send(message).await.unwrap();
            }
            What::Confirm => {
                self.clock.set(UtcMillis(step.at));
                let hazards = self.reader.hazards(&HazardFilter::default()).await.unwrap();
                let action = OperatorAction {
                    actor: "刘工".to_owned(),
                    reason: "现场已核实".to_owned(),
                    idempotency_key: None,
                    who: None,
                    scope: None,
                    action: Action::ConfirmHazard {
                        hazard: hazards.last().unwrap().id.clone(),
                    },
                };
                self.engine.handle.act(action).await.unwrap();
            }
        }
    }

    async fn committed(&self, position: u64) {
        within("the commit", self.engine.handle.committed(Position(position))).await;
    }
}

#[derive(Clone, Debug)]
struct Step {
    at: i64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Message(&'static str, Vec<u8>),
    Confirm,
}

/// A boiler that goes over its pressure twice, is confirmed in between, falls silent and comes back
/// with history.
fn story() -> Vec<Step> {
    let mut steps = vec![
        Step {
            at: T0,
            what: What::Message(NBIRTH, node_birth(T0, 1, 77)),
        },
        Step {
            at: T0 + 10,
            what: What::Message(DBIRTH, boiler_birth(T0 + 10)),
        },
    ];
    let (mut seq, mut journal) = (1_u8, 0_u64);
    let mut say = |steps: &mut Vec<Step>, at: i64, source: i64, mpa: f64, historical: bool| {
        seq = seq.wrapping_add(1);
        steps.push(Step {
            at,
            what: What::Message(DDATA, pressure(source, seq, journal, mpa, historical)),
        });
        journal += 1;
    };
    let curve = |second: i64| match second {
        10..=30 | 60..=90 => 1.2,
        _ => 0.9,
    };
    for second in 1..=100 {
        let at = T0 + second * 1_000;
        say(&mut steps, at, at, curve(second), false);
        if second == 45 {
            steps.push(Step {
                at: at + 5,
                what: What::Confirm,
            });
        }
    }
    // Ten minutes of nothing, then what was measured meanwhile.
    let back = T0 + 700_000;
    for second in 101..=140 {
        let over = if second > 120 { 1.2 } else { 0.9 };
        say(&mut steps, back + second, T0 + second * 1_000, over, true);
    }
    for second in 701..=720 {
        let at = T0 + second * 1_000;
        say(&mut steps, at, at, 0.9, false);
    }
    steps
}

/// What is left in the database, without what may differ between runs.
#[derive(Debug, PartialEq)]
struct Register {
    hazards: Vec<HazardSummary>,
    alarms: Vec<vigil_core::alarm::AlarmRecord>,
    alarm_events: Vec<vigil_core::alarm::AlarmEvent>,
    gaps: Vec<vigil_core::output::GapRecord>,
    messages: usize,
}

async fn register(reader: &Reader) -> Register {
    let hazards = reader.hazards(&HazardFilter::default()).await.unwrap();
    for hazard in &hazards {
        let events = reader.hazard_events(&hazard.id.0).await.unwrap();
        assert_eq!(
            verify_chain(&events).unwrap(),
            *hazard,
            "the chain holds and its fold is the row"
        );
    }
    let mut gaps = Vec::new();
    for equipment in ["boiler", "lift", "solo"] {
        gaps.extend(
            reader
                .gaps(equipment, UtcMillis(0), UtcMillis(i64::MAX))
                .await
                .unwrap(),
        );
    }
    Register {
        hazards,
        alarms: reader.alarms(&AlarmFilter::default()).await.unwrap(),
        alarm_events: reader.alarm_events("boiler", 10_000).await.unwrap(),
        gaps,
        messages: reader.log_after(Position(0), 10_000).await.unwrap().len(),
    }
}

/// Runs the story, killing the process (its runtime) after each of `cuts` steps has been committed.
fn run_with_cuts(cuts: &BTreeSet<usize>, options: &EngineOptions) -> (Register, u64) {
    let dir = tempfile::tempdir().unwrap();
    let steps = story();
    let (mut from, mut replayed) = (0, 0);
    let ends: Vec<usize> = cuts.iter().copied().chain([steps.len()]).collect();
    for end in ends {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(async {
            let rig = rig(dir.path(), options.clone(), &PageLimit::default(), T0).await;
            replayed += rig.replayed;
            for (at, step) in steps.iter().enumerate().take(end).skip(from) {
                if matches!(step.what, What::Confirm) {
                    // It looks at the register, so what came before must be there.
                    rig.committed(at as u64).await;
                }
                rig.feed(step).await;
            }
            rig.committed(end as u64).await;
        });
        // Not a stop: the tasks are dropped wherever they are.
        runtime.shutdown_background();
        from = end;
    }
    let runtime = Runtime::new().unwrap();
    let left = runtime.block_on(async {
        let rig = rig(dir.path(), options.clone(), &PageLimit::default(), T0).await;
        register(&rig.reader).await
    });
    (left, replayed)
}

fn quick() -> EngineOptions {
    EngineOptions {
        linger: Duration::from_millis(1),
        ..EngineOptions::default()
    }
}

#[test]
fn killing_the_process_anywhere_leaves_the_same_register_as_an_uninterrupted_run() {
    let steps = story().len();
    let (whole, _) = run_with_cuts(&BTreeSet::new(), &quick());
    assert!(
        whole
            .hazards
            .iter()
            .any(|hazard| hazard.status == HazardStatus::Confirmed),
        "{whole:#?}"
    );
    assert!(
        !whole.gaps.is_empty() && !whole.alarm_events.is_empty(),
        "{whole:#?}"
    );
    assert_eq!(whole.messages, steps);
    // Snapshots now and then, at every chance, and never: from nothing but the log.
    let eager = EngineOptions {
        snapshot_inputs: 1,
        ..quick()
    };
    let never = EngineOptions {
        snapshot_inputs: u64::MAX,
        snapshot_every: Duration::from_secs(86_400),
        ..quick()
    };
    let sometimes = EngineOptions {
        snapshot_inputs: 23,
        ..quick()
    };
    for (options, step) in [(eager, 31), (never, 37), (sometimes, 13)] {
        let cuts = (1..steps).step_by(step).collect();
        let (cut, _) = run_with_cuts(&cuts, &options);
        assert_eq!(cut, whole, "cut every {step} steps with {options:?}");
    }
}

#[tokio::test]
async fn a_graceful_stop_leaves_nothing_to_replay() {
    let dir = tempfile::tempdir().unwrap();
    let steps = story();
    let first = rig(dir.path(), quick(), &PageLimit::default(), T0).await;
    for step in steps.iter().take(30) {
        first.feed(step).await;
    }
    let Rig { engine, reader, .. } = first;
    engine.stop(DEADLINE).await.unwrap();
    assert_eq!(
        register(&reader).await.messages,
        30,
        "what had arrived was handled"
    );
    let second = rig(dir.path(), quick(), &PageLimit::default(), T0).await;
    assert_eq!(second.replayed, 0);
    let node = second
        .engine
        .handle
        .query(|pipeline| pipeline.node("s/n1"))
        .await
        .unwrap()
        .unwrap();
    assert!(node.online);
    assert_eq!(node.journal.and_then(|journal| journal.contiguous), Some(27));
}

#[tokio::test]
async fn events_come_after_their_commit_and_resume_from_the_database() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path(), quick(), &PageLimit::default(), T0).await;
    let mut events = rig.engine.handle.subscribe();
    for step in story().iter().take(40) {
        rig.feed(step).await;
    }
    let mut seen = Vec::new();
    loop {
        let event = within("an event", events.recv()).await.unwrap();
        let stored = rig.reader.server_events(event.id - 1, 1).await.unwrap();
        assert_eq!(stored.first(), Some(&*event), "in the database when it is told");
        seen.push((*event).clone());
        let kinds: BTreeSet<_> = seen.iter().map(|event| event.kind).collect();
        if ["hazard", "alarm", "node"]
            .iter()
            .all(|kind| kinds.contains(kind))
        {
            break;
        }
    }
    let opened = &seen.iter().find(|event| event.kind == "hazard").unwrap().json;
    let opened: serde_json::Value = serde_json::from_str(opened).unwrap();
    assert_eq!(
        (&opened["event"], &opened["hazard"]["equipment"]),
        (&"opened".into(), &"boiler".into())
    );
    assert!(
        rig.reader
            .hazard(opened["hazard"]["id"].as_str().unwrap())
            .await
            .unwrap()
            .is_some()
    );
    let ids: Vec<_> = seen.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=ids.len() as i64).collect::<Vec<_>>());
    let resumed = rig
        .reader
        .server_events(ids[0], ids.len() as u32 - 1)
        .await
        .unwrap();
    assert_eq!(resumed, seen[1..]);
}

#[tokio::test]
async fn while_the_store_fails_nothing_is_acknowledged_or_taken_in_and_afterwards_nothing_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let limit = PageLimit::default();
    let first = rig(dir.path(), quick(), &limit, T0).await;
    for step in story().iter().take(2) {
        first.feed(step).await;
    }
    first.engine.stop(DEADLINE).await.unwrap();
    // A disk with room for a little more.
    limit.set((first.reader.size().await.unwrap().file / 4096) as u32 + 12);
    drop(first.reader);

    let rig = rig(dir.path(), quick(), &limit, T0).await;
    let handle = rig.engine.handle.clone();
    handle.set_mqtt_connected(true);
    assert!(handle.health().ready);
    let reading = |journal: u64| {
        let at = T0 + 1_000 + journal as i64 * 100;
        Step {
            at,
            what: What::Message(
                DDATA,
                pressure(at, (journal as u8).wrapping_add(2), journal, 0.9, false),
            ),
        }
    };
    let mut fed = 0;
    let error = within("the disk is full", async {
        loop {
            rig.feed(&reading(fed)).await;
            fed += 1;
            if let Some(error) = handle.health().store_error {
                return error;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(error.contains("full"), "{error}");
    assert!(!handle.health().ready);
    for _ in 0..3_000 {
        rig.feed(&reading(fed)).await;
        fed += 1;
    }
    let stored = rig.reader.log_after(Position(0), 100_000).await.unwrap().len() as u64;
    assert!(
        rig.outbox.acked() < Some(stored),
        "{:?} of {stored}",
        rig.outbox.acked()
    );
    let nobody = OperatorAction {
        actor: "刘工".to_owned(),
        reason: String::new(),
        idempotency_key: None,
        who: None,
        scope: None,
        action: Action::AcknowledgeAlarm {
            equipment: "boiler".to_owned(),
            rule: "R".to_owned(),
        },
    };
    assert!(matches!(handle.act(nobody).await, Err(ActError::Store(_))));
    // Questions are still answered, and the rest waits in front of the door.
    handle
        .query(|pipeline| pipeline.node("s/n1").is_some())
        .await
        .unwrap();
    assert!(rig.messages.max_capacity() - rig.messages.capacity() >= 1_000);

    limit.set(0);
    rig.committed(fed + 2).await;
    assert!(handle.health().ready);
    assert_eq!(
        rig.reader.log_after(Position(0), 100_000).await.unwrap().len() as u64,
        fed + 2
    );
    until("the acknowledgement", async || {
        rig.outbox.acked().filter(|acked| acked + 64 >= fed)
    })
    .await;
}

#[tokio::test]
async fn an_action_is_answered_after_its_commit_and_the_same_key_twice_does_it_once() {
    let dir = tempfile::tempdir().unwrap();
    let rig = rig(dir.path(), quick(), &PageLimit::default(), T0).await;
    for step in story().iter().take(40) {
        rig.feed(step).await;
    }
    rig.committed(40).await;
    let hazard = rig
        .reader
        .hazards(&HazardFilter::default())
        .await
        .unwrap()
        .remove(0);
    rig.clock.set(UtcMillis(T0 + 50_000));
    let confirm = OperatorAction {
        actor: "刘工".to_owned(),
        reason: String::new(),
        idempotency_key: Some("k".to_owned()),
        who: None,
        scope: None,
        action: Action::ConfirmHazard {
            hazard: hazard.id.clone(),
        },
    };
    let acted = rig.engine.handle.act(confirm.clone()).await.unwrap();
    let stored = rig.reader.hazard(&hazard.id.0).await.unwrap().unwrap();
    assert_eq!(
        (stored.status, acted.hazard.as_ref()),
        (HazardStatus::Confirmed, Some(&stored))
    );
    assert_eq!(rig.engine.handle.act(confirm.clone()).await.unwrap(), acted);
    let events = rig.reader.hazard_events(&hazard.id.0).await.unwrap().len();
    assert_eq!(events, stored.events as usize);
    let other = OperatorAction {
        reason: "anders".to_owned(),
        ..confirm.clone()
    };
    let refused = |result: Result<_, ActError>| match result {
        Err(ActError::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused(rig.engine.handle.act(other).await),
        "idempotency_key_reused"
    );
    let again = OperatorAction {
        idempotency_key: Some("k2".to_owned()),
        who: None,
        scope: None,
        ..confirm
    };
    assert_eq!(refused(rig.engine.handle.act(again).await), "not_suspected");
    assert_eq!(
        rig.reader.action_by_key("k2").await.unwrap(),
        None,
        "a refused action leaves nothing"
    );
    drop(rig.outbox);
}

/// A unit's hazard, which no telemetry watches and no snapshot holds.
#[test]
fn hazards_that_no_telemetry_watches_survive_a_restart_as_they_were_committed() {
    let dir = tempfile::tempdir().unwrap();
    let action = |reason: &str, action: serde_json::Value| OperatorAction {
        actor: "sun".to_owned(),
        reason: reason.to_owned(),
        idempotency_key: None,
        who: Some(vigil_core::people::Person::administrator("sun")),
        scope: Some(vigil_core::people::Scope::default()),
        action: serde_json::from_value(action).unwrap(),
    };
    let report = serde_json::json!({"do": "open_hazard", "intake": {"unit": "mall", "source": "inspection",
        "category": "management", "description": "无操作规程", "grade": "general"}});
    let step = |hazard: &HazardSummary, step: serde_json::Value| {
        let (hazard, expect) = (&hazard.id, hazard.events);
        serde_json::json!({"do": "hazard", "hazard": hazard, "expect": expect, "step": step})
    };
    let steps = [
        serde_json::json!({"step": "confirm"}),
        serde_json::json!({"step": "assign", "assignment": {"person": "王工"}}),
        serde_json::json!({"step": "start"}),
        serde_json::json!({"step": "comment"}),
    ];
    let mut hazard: Option<HazardSummary> = None;
    // Each step in a process of its own, killed behind it.
    for (n, next) in std::iter::once(None).chain(steps.iter().map(Some)).enumerate() {
        let runtime = Runtime::new().unwrap();
        let acted = runtime.block_on(async {
            let rig = rig(
                dir.path(),
                EngineOptions::default(),
                &PageLimit::default(),
                T0 + n as i64,
            )
            .await;
            let asked = match (next, &hazard) {
                (Some(next), Some(hazard)) => step(hazard, next.clone()),
                _ => report.clone(),
            };
            let acted = rig.engine.handle.act(action("because", asked)).await.unwrap();
            let stored = rig
                .reader
                .hazard(&acted.hazard.as_ref().unwrap().id.0)
                .await
                .unwrap();
            assert_eq!(stored, acted.hazard);
            let events = rig
                .reader
                .hazard_events(&stored.as_ref().unwrap().id.0)
                .await
                .unwrap();
            assert_eq!(verify_chain(&events).ok(), stored);
            stored
        });
        drop(runtime);
        hazard = acted;
    }
    let hazard = hazard.unwrap();
    assert_eq!((hazard.status, hazard.events), (HazardStatus::Rectifying, 5));
    // 15 days and one later it is overdue, whoever was there to see it.
    Runtime::new().unwrap().block_on(async {
        let rig = rig(
            dir.path(),
            EngineOptions::default(),
            &PageLimit::default(),
            T0 + 17 * 86_400_000,
        )
        .await;
        let late = until("the deadline has passed", async || {
            let hazard = rig.reader.hazard(&hazard.id.0).await.unwrap().unwrap();
            hazard.handling.overdue.then_some(hazard)
        })
        .await;
        assert_eq!(late.status, HazardStatus::Rectifying);
        rig.engine.stop(Duration::from_secs(10)).await.unwrap();
    });
}
