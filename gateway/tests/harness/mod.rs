//! What the tests of the gateway share: a small site, its messages, rows of every kind.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use vigil_core::alarm::{AlarmClass, AlarmEvent, AlarmFlags, AlarmRecord, AlarmState};
use vigil_core::catalog::Catalog;
use vigil_core::field::Source;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{Actor, HazardEvent, HazardEventKind, HazardId, HazardStatus, HazardSummary};
use vigil_core::input::{Action, OperatorAction, Position};
use vigil_core::output::{
    ActionEntry, DeadLetter, DecodeContext, GapReason, GapRecord, LogEntry, NodeHour, Output, Rollup,
    RollupNumbers, UnknownCode, UnregisteredDevice,
};
use vigil_core::pack::{Grade, Severity, builtin};
use vigil_core::sample::RawCode;
use vigil_gateway::store::{
    self, Batch, HazardWindow, Payload, Reader, ServerEvent, Snapshot, StoreOptions, Writer,
};
use vigil_protocol::sparkplug::{Encoder, MessageType, Metric, MetricValue};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// 2026-06-01T00:00:00Z.
pub const T0: i64 = 1_780_272_000_000;

/// Long enough for a machine with other work; only reached when something is broken.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub const CATALOG: &str = r#"
[[equipment]]
id = "boiler"
category = "1100"
node = "s/n1"
device = "b"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
low_water_limit = "-75 mm"
low_water_alarm = "-50 mm"
high_water_alarm = "50 mm"
high_water_limit = "75 mm"
rated_evaporation = "4 t/h"

[[equipment]]
id = "lift"
category = "3110"
node = "s/n1"
device = "l"

[[equipment]]
id = "solo"
category = "1100"
node = "s/n2"
[equipment.nameplate]
rated_pressure = "1.0 MPa"
"#;

pub const NBIRTH: &str = "spBv1.0/s/NBIRTH/n1";
pub const NDEATH: &str = "spBv1.0/s/NDEATH/n1";
pub const DBIRTH: &str = "spBv1.0/s/DBIRTH/n1/b";
pub const DDATA: &str = "spBv1.0/s/DDATA/n1/b";

pub fn catalog() -> Catalog {
    let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
    let (catalog, findings) = Catalog::load(&[("equipment.toml", CATALOG)], &packs);
    catalog.unwrap_or_else(|| panic!("{findings:#?}"))
}

/// Waits for `what`, which must happen; never for time.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {DEADLINE:?}"),
    }
}

/// Asks every moment until the answer is there: for what has no event of its own.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    within(what, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
}

// ── Messages ────────────────────────────────────────────────────────────────────────────────────

pub fn payload(at: i64, seq: Option<u8>, metrics: &[Metric<'_>]) -> Vec<u8> {
    let mut buffer = vec![0; 64 * 1024];
    let mut encoder = Encoder::new(&mut buffer);
    encoder.timestamp(UtcMillis(at)).unwrap();
    for metric in metrics {
        encoder.metric(metric).unwrap();
    }
    if let Some(seq) = seq {
        encoder.seq(seq).unwrap();
    }
    let written = encoder.finish();
    buffer.truncate(written);
    buffer
}

pub fn named<'a>(name: &'a str, value: MetricValue<'a>) -> Metric<'a> {
    Metric::named(name, value).typed()
}

pub fn node_birth(at: i64, bd_seq: i64, epoch: u64) -> Vec<u8> {
    payload(
        at,
        Some(0),
        &[
            named("bdSeq", MetricValue::Int64(bd_seq)),
            named("Journal/Epoch", MetricValue::UInt64(epoch)),
            named("Journal/First", MetricValue::UInt64(0)),
        ],
    )
}

pub fn boiler_birth(at: i64) -> Vec<u8> {
    payload(
        at,
        Some(1),
        &[
            named("steam_pressure", MetricValue::Double(0.8))
                .with_alias(1)
                .at(UtcMillis(at)),
            named("drum_level", MetricValue::Float(5.0))
                .with_alias(2)
                .at(UtcMillis(at)),
            named("burner_firing", MetricValue::Bool(true))
                .with_alias(3)
                .at(UtcMillis(at)),
            named("Journal/Seq", MetricValue::UInt64(0)).with_alias(99),
        ],
    )
}

/// A reading of the boiler's pressure, with its place in the node's journal.
pub fn pressure(at: i64, seq: u8, journal: u64, mpa: f64, historical: bool) -> Vec<u8> {
    let mut metric = Metric::aliased(1, MetricValue::Double(mpa)).at(UtcMillis(at));
    if historical {
        metric = metric.historical();
    }
    payload(
        at,
        Some(seq),
        &[metric, Metric::aliased(99, MetricValue::UInt64(journal))],
    )
}

// ── Rows ────────────────────────────────────────────────────────────────────────────────────────

pub async fn open(dir: &Path) -> (Writer, Reader) {
    store::open(&StoreOptions::new(dir.join("vigil.db")))
        .await
        .unwrap()
}

pub fn entry(position: u64, node: &str, device: Option<&str>, journal: Option<(u64, u64)>) -> LogEntry {
    LogEntry {
        position: Position(position),
        node: node.into(),
        device: device.map(Into::into),
        message: if device.is_some() {
            MessageType::DData
        } else {
            MessageType::NData
        },
        source: Source::Sparkplug,
        journal,
        published: Some(UtcMillis(T0 + position as i64)),
        received: UtcMillis(T0 + position as i64 + 5),
        historical: false,
        context: None,
    }
}

/// A batch of log rows with small payloads.
pub fn log(entries: impl IntoIterator<Item = LogEntry>) -> Batch {
    let mut batch = Batch {
        now: UtcMillis(T0),
        ..Batch::default()
    };
    for entry in entries {
        batch.position = entry.position;
        batch.now = batch.now.max(entry.received);
        batch.payloads.push(Payload {
            position: entry.position,
            bytes: format!("payload {}", entry.position.0).into_bytes().into(),
            retained: false,
        });
        batch.outputs.push(Output::Log(entry));
    }
    batch
}

pub fn context(text: &str) -> DecodeContext {
    DecodeContext {
        hash: ContentHash::of(text.as_bytes()),
        topic: "spBv1.0/s/DBIRTH/n1/b".into(),
        payload: Arc::from(text.as_bytes()),
    }
}

pub fn alarm(equipment: &str, rule: &str, state: AlarmState) -> AlarmRecord {
    AlarmRecord {
        equipment: equipment.into(),
        rule: rule.into(),
        class: AlarmClass::Process,
        severity: Severity::S2,
        flags: AlarmFlags {
            active: state != AlarmState::Normal,
            acked: false,
            latched: true,
            shelved_until: Some(UtcMillis(T0 + 99)),
            suppressed: false,
            out_of_service: false,
        },
        state,
        since: UtcMillis(T0 + 1),
        changed: UtcMillis(T0 + 2),
        count: 3,
        hazard: Some("HZ-1".into()),
        detail: "1.05 MPa ≥ 1.00 MPa".to_owned(),
    }
}

pub fn alarm_event(equipment: &str, at: i64) -> AlarmEvent {
    AlarmEvent {
        equipment: equipment.into(),
        rule: "R".into(),
        at: UtcMillis(at),
        source_at: UtcMillis(at - 10),
        state: AlarmState::Unacknowledged,
        severity: Severity::S3,
        actor: Some("刘工".to_owned()),
        detail: "detail".to_owned(),
    }
}

pub fn summary(id: &str, equipment: &str, rule: &str, status: HazardStatus) -> HazardSummary {
    HazardSummary {
        id: HazardId(id.into()),
        equipment: equipment.into(),
        rule: rule.into(),
        episode: UtcMillis(T0 + id.len() as i64),
        status,
        grade: Grade::Major,
        severity: Severity::S1,
        opened_at: UtcMillis(T0 + 7),
        late: true,
        condition_active: true,
        trips: 2,
        events: 1,
        changed: UtcMillis(T0 + 8),
        head: ContentHash::of(id.as_bytes()),
        title_zh: "超压".into(),
        title_en: "Overpressure".into(),
        handling: Box::default(),
        clause: "GB 45067-2024 4.2 c".into(),
    }
}

/// A comment as the `seq`-th event; the store looks at the chain, not at the fold.
pub fn event(hazard: &str, seq: u32, prev: ContentHash) -> HazardEvent {
    HazardEvent {
        hazard: HazardId(hazard.into()),
        seq,
        at: UtcMillis(T0 + 8),
        actor: Actor::Person("刘工".to_owned()),
        kind: HazardEventKind::Commented {
            text: format!("comment {seq}"),
        },
        position: Position(3),
        prev,
        hash: ContentHash::of(format!("{hazard} {seq}").as_bytes()),
        who: None,
        scope: None,
    }
}

pub fn opened(hazard: &str, equipment: &str, rule: &str) -> Output {
    Output::Hazard {
        event: Box::new(event(hazard, 0, ContentHash::default())),
        summary: Box::new(summary(hazard, equipment, rule, HazardStatus::Suspected)),
    }
}

pub fn gap(equipment: &str, quantity: Option<Quantity>, from: i64, to: Option<i64>) -> GapRecord {
    GapRecord {
        equipment: equipment.into(),
        quantity,
        from: UtcMillis(from),
        to: to.map(UtcMillis),
        reason: GapReason::Silent,
        filled_to: Some(UtcMillis(from + 1)),
    }
}

pub fn rollup(hour: i64, good: u32, values: (f64, f64, f64), last_at: i64) -> Output {
    let (min, max, last) = values;
    Output::Rollup(Rollup {
        equipment: "boiler".into(),
        quantity: Quantity::SteamPressure,
        hour: UtcMillis(hour),
        numbers: RollupNumbers {
            good,
            bad: 1,
            min,
            max,
            sum: (min + max) * f64::from(good) / 2.0,
            last,
            last_at: UtcMillis(last_at),
        },
    })
}

pub fn node_hour(received: u64) -> Output {
    Output::NodeHour(NodeHour {
        node: "s/n1".into(),
        hour: UtcMillis(T0),
        expected: received + 1,
        received,
        late: 2,
        dropped: 3,
        duplicate: 4,
    })
}

pub fn comment(key: Option<&str>) -> OperatorAction {
    OperatorAction {
        actor: "刘工".to_owned(),
        reason: "看过了".to_owned(),
        idempotency_key: key.map(str::to_owned),
        who: None,
        scope: None,
        action: Action::CommentHazard {
            hazard: HazardId("HZ-1".into()),
        },
    }
}

/// One row of every kind, at positions 1 to 3.
pub fn everything() -> Batch {
    let birth = context("birth");
    let mut first = entry(1, "s/n1", Some("b"), Some((u64::MAX, 17)));
    first.context = Some(birth.hash);
    first.historical = true;
    let mut batch = Batch {
        position: Position(3),
        now: UtcMillis(T0 + 50),
        ..Batch::default()
    };
    for position in 1..=2 {
        batch.payloads.push(Payload {
            position: Position(position),
            bytes: vec![position as u8; 3].into(),
            retained: position == 1,
        });
    }
    batch.outputs = vec![
        Output::Context(birth),
        Output::Log(first),
        Output::DeadLetter(DeadLetter {
            position: Position(2),
            topic: "spBv1.0/s/DDATA/n1/b".into(),
            reason: "truncated at byte 3".to_owned(),
            received: UtcMillis(T0 + 2),
        }),
        Output::LogAction(ActionEntry {
            position: Position(3),
            received: UtcMillis(T0 + 3),
            action: comment(Some("key-1")),
        }),
        Output::Unregistered(UnregisteredDevice {
            node: "x/y".into(),
            device: None,
            first_seen: UtcMillis(T0),
            last_seen: UtcMillis(T0 + 1),
            messages: 12,
            metrics: vec![("温度".to_owned(), "21.5".to_owned())],
        }),
        unknown_code(T0 + 60_000, false),
        unknown_code(T0, true),
        Output::Alarm(alarm("boiler", "R", AlarmState::Unacknowledged)),
        Output::AlarmEvent(alarm_event("boiler", T0 + 2)),
        opened("HZ-1", "boiler", "R"),
        Output::Gap(gap("boiler", Some(Quantity::SteamPressure), T0, None)),
        Output::Gap(gap("boiler", None, T0 - 500, Some(T0 - 400))),
        rollup(T0, 2, (0.5, 0.75, 0.5), T0 + 9),
        node_hour(10),
    ];
    batch.action_nodes = vec![(Position(3), "s/n1".into())];
    batch.windows = vec![HazardWindow {
        hazard: "HZ-1".into(),
        node: "s/n1".into(),
        device: Some("b".into()),
        from: UtcMillis(T0 - 300_000),
        to: UtcMillis(T0 + 300_000),
    }];
    batch.events = vec![Arc::new(ServerEvent {
        id: 1,
        at: UtcMillis(T0 + 3),
        kind: "hazard",
        json: "{\"hazard\":{}}".to_owned(),
    })];
    batch.snapshots = vec![Snapshot {
        node: "s/n1".into(),
        position: Position(3),
        json: b"{\"node\":1}".to_vec(),
    }];
    batch.watermark = Some(Position(2));
    batch
}

/// A lift whose scheme does not know what it says.
pub fn unknown_code(at: i64, appeared: bool) -> Output {
    Output::UnknownCode(UnknownCode {
        equipment: "lift".into(),
        scheme: Some("s".into()),
        code: RawCode::new("E99"),
        at: UtcMillis(at),
        appeared,
    })
}
