//! A site for tests: a pipeline, a clock, and nodes whose messages are written in one line.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "helpers of tests; not every test file uses all of them"
)]

use std::sync::{Arc, OnceLock};
use vigil_core::catalog::{Catalog, EquipmentIx};
use vigil_core::equipment::Latest;
use vigil_core::hazard::policy::Policy;
use vigil_core::output::{CommandKind, DecodeContext, LogEntry};
use vigil_core::pack::builtin;
use vigil_core::sample::Reading;
use vigil_core::status::NodeStatus;
use vigil_core::{Input, Message, OperatorAction, Output, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Encoder, Metric, MetricValue};
use vigil_protocol::vocabulary::{Quality, Quantity};

/// 2026-06-01T00:00:00Z.
pub const T0: i64 = 1_780_272_000_000;

/// A boiler and a lift behind `s/n1`, a boiler that is its own node `s/n2`.
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

pub fn catalog(text: &str) -> Arc<Catalog> {
    // Parsing the packs takes longer than most tests.
    static SITE: OnceLock<Arc<Catalog>> = OnceLock::new();
    if text == CATALOG {
        return SITE.get_or_init(|| load(text)).clone();
    }
    load(text)
}

fn load(text: &str) -> Arc<Catalog> {
    let packs: Vec<_> = builtin().into_iter().map(Arc::new).collect();
    let (catalog, findings) = Catalog::load(&[("equipment.toml", text)], &packs);
    Arc::new(catalog.unwrap_or_else(|| panic!("{findings:#?}")))
}

/// A payload.
pub fn payload(at: Option<i64>, seq: Option<u8>, metrics: &[Metric<'_>]) -> Vec<u8> {
    let mut size = 256;
    loop {
        let mut buffer = vec![0; size];
        let mut encoder = Encoder::new(&mut buffer);
        let mut fits = at.is_none_or(|at| encoder.timestamp(UtcMillis(at)).is_ok());
        fits &= metrics.iter().all(|metric| encoder.metric(metric).is_ok());
        fits &= seq.is_none_or(|seq| encoder.seq(seq).is_ok());
        if fits {
            let written = encoder.finish();
            buffer.truncate(written);
            return buffer;
        }
        size *= 2;
    }
}

pub fn named<'a>(name: &'a str, value: MetricValue<'a>) -> Metric<'a> {
    Metric::named(name, value).typed()
}

/// One input as it is kept by the adapter.
#[allow(clippy::large_enum_variant, reason = "a few hundred at a time, in tests")]
#[derive(Clone, Debug)]
pub enum Kept {
    Message {
        topic: String,
        payload: Vec<u8>,
        retained: bool,
    },
    Action(OperatorAction),
    /// From here on by another policy.
    Policy(Arc<Policy>),
    Tick,
}

#[derive(Clone, Debug)]
pub struct Fed {
    pub position: Position,
    pub now: UtcMillis,
    pub input: Kept,
}

pub fn feed(pipeline: &mut Pipeline, fed: &Fed, out: &mut Outputs) {
    let input = match &fed.input {
        Kept::Message {
            topic,
            payload,
            retained,
        } => Input::Message(Message {
            topic,
            payload,
            retained: *retained,
        }),
        Kept::Action(action) => Input::Action(action),
        Kept::Policy(policy) => {
            pipeline.work_by(policy.clone(), fed.now, out);
            return;
        }
        Kept::Tick => Input::Tick,
    };
    pipeline.handle(input, fed.position, fed.now, out);
}

/// A pipeline with its clock and everything that went in and came out.
pub struct Site {
    pub pipeline: Pipeline,
    pub now: i64,
    pub position: u64,
    /// Everything fed, with the outputs of each.
    pub fed: Vec<(Fed, Outputs)>,
}

impl Site {
    pub fn new() -> Self {
        Self::with(CATALOG, Settings::default())
    }

    pub fn with(text: &str, settings: Settings) -> Self {
        Self {
            pipeline: Pipeline::new(catalog(text), settings),
            now: T0,
            position: 0,
            fed: Vec::new(),
        }
    }

    pub fn input(&mut self, input: Kept) -> &Outputs {
        self.position += 1;
        let fed = Fed {
            position: Position(self.position),
            now: UtcMillis(self.now),
            input,
        };
        let mut out = Outputs::new();
        feed(&mut self.pipeline, &fed, &mut out);
        self.fed.push((fed, out));
        &self.fed.last().unwrap().1
    }

    pub fn raw(&mut self, topic: &str, payload: Vec<u8>) -> &Outputs {
        self.input(Kept::Message {
            topic: topic.to_owned(),
            payload,
            retained: false,
        })
    }

    /// A message with the payload time of now.
    pub fn send(&mut self, topic: &str, seq: u8, metrics: &[Metric<'_>]) -> &Outputs {
        self.raw(topic, payload(Some(self.now), Some(seq), metrics))
    }

    pub fn wait(&mut self, ms: i64) -> &Outputs {
        self.now += ms;
        self.input(Kept::Tick)
    }

    pub fn node(&self, key: &str) -> NodeStatus {
        self.pipeline.node(key).unwrap()
    }

    pub fn ix(&self, equipment: &str) -> EquipmentIx {
        self.pipeline.catalog().by_id[equipment]
    }

    pub fn latest(&self, equipment: &str, quantity: Quantity) -> Option<Latest> {
        let view = self.pipeline.equipment(self.ix(equipment));
        view.state
            .latest(view.equipment.channel_of(quantity).unwrap())
            .copied()
    }

    pub fn reading(&self, equipment: &str, quantity: Quantity) -> Option<Reading> {
        self.latest(equipment, quantity).map(|latest| latest.reading)
    }

    pub fn quality(&self, equipment: &str, quantity: Quantity) -> Option<Quality> {
        self.latest(equipment, quantity).map(|latest| latest.quality)
    }

    /// Births of `s/n1` (bdSeq 0, seq 0, 1, 2) with aliases 1… for the boiler and 100… for the lift.
    pub fn births(&mut self) {
        self.send(NBIRTH, 0, &[named("bdSeq", MetricValue::Int64(0))]);
        self.send(DBIRTH, 1, &boiler_birth());
        self.send("spBv1.0/s/DBIRTH/n1/l", 2, &lift_birth());
    }

    /// The same, with a journal.
    pub fn journal_births(&mut self, epoch: u64, first: u64) {
        let mut boiler = boiler_birth().to_vec();
        boiler.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(99));
        self.send(
            NBIRTH,
            0,
            &[
                named("bdSeq", MetricValue::Int64(0)),
                named("Journal/Epoch", MetricValue::UInt64(epoch)),
                named("Journal/First", MetricValue::UInt64(first)),
            ],
        );
        self.send(DBIRTH, 1, &boiler);
    }

    /// A journaled reading of the boiler's pressure taken at `at`.
    pub fn journaled(&mut self, seq: u8, journal: u64, at: i64, mpa: f64, historical: bool) -> &Outputs {
        let mut pressure = Metric::aliased(1, MetricValue::Double(mpa)).at(UtcMillis(at));
        if historical {
            pressure = pressure.historical();
        }
        self.send(
            DDATA,
            seq,
            &[pressure, Metric::aliased(99, MetricValue::UInt64(journal))],
        )
    }
}

pub const NBIRTH: &str = "spBv1.0/s/NBIRTH/n1";
pub const NDEATH: &str = "spBv1.0/s/NDEATH/n1";
pub const NDATA: &str = "spBv1.0/s/NDATA/n1";
pub const DBIRTH: &str = "spBv1.0/s/DBIRTH/n1/b";
pub const DDEATH: &str = "spBv1.0/s/DDEATH/n1/b";
pub const DDATA: &str = "spBv1.0/s/DDATA/n1/b";

pub fn boiler_birth() -> [Metric<'static>; 4] {
    [
        named("steam_pressure", MetricValue::Double(0.8)).with_alias(1),
        named("drum_level", MetricValue::Float(5.0)).with_alias(2),
        named("burner_firing", MetricValue::Bool(true)).with_alias(3),
        named("steam_temperature", MetricValue::Int16(175)).with_alias(4),
    ]
}

pub fn lift_birth() -> [Metric<'static>; 3] {
    [
        named("service_mode", MetricValue::Int32(1)).with_alias(100),
        named("fault_code", MetricValue::Str("0")).with_alias(101),
        named("door_closed", MetricValue::Bool(true)).with_alias(102),
    ]
}

pub fn pressure(mpa: f64) -> Metric<'static> {
    Metric::aliased(1, MetricValue::Double(mpa))
}

pub fn commands(out: &Outputs) -> Vec<CommandKind> {
    out.iter()
        .filter_map(|output| match output {
            Output::Command(command) => Some(command.kind),
            _ => None,
        })
        .collect()
}

pub fn rebirths(out: &Outputs) -> usize {
    commands(out)
        .iter()
        .filter(|kind| **kind == CommandKind::Rebirth)
        .count()
}

pub fn logged(out: &Outputs) -> Vec<&LogEntry> {
    out.iter()
        .filter_map(|output| match output {
            Output::Log(entry) => Some(entry),
            _ => None,
        })
        .collect()
}

pub fn contexts(out: &Outputs) -> Vec<DecodeContext> {
    out.iter()
        .filter_map(|output| match output {
            Output::Context(context) => Some(context.clone()),
            _ => None,
        })
        .collect()
}

pub fn has_oddity(node: &NodeStatus, key: &str) -> bool {
    node.oddities.iter().any(|oddity| oddity.key == key)
}
