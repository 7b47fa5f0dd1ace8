//! A session on the bench: everything it does is written down as decoded messages.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files, each of which uses a part"
)]

use vigil_firmware::{
    Action, Config, DeviceDef, MetricDef, NodeDef, Place, Qos, RamStorage, Sample, SampleQuality, Scratch,
    Session, Storage,
};
use vigil_protocol::sparkplug::{DataType, Encoder, Metric, MetricValue, PayloadView, WireValue};
use vigil_protocol::time::UtcMillis;

/// Time zero of every bench.
pub const T0: UtcMillis = UtcMillis(1_700_000_000_000);

pub const PRESSURE: u16 = 0;
pub const FIRING: u16 = 1;
pub const CODE: u16 = 2;

pub const BOILER: &[MetricDef<'static>] = &[
    MetricDef {
        name: "steam_pressure",
        datatype: DataType::Double,
        unit: Some("MPa"),
        deadband: 0.01,
    },
    MetricDef {
        name: "burner_firing",
        datatype: DataType::Boolean,
        unit: None,
        deadband: 0.0,
    },
    MetricDef {
        name: "fault_code",
        datatype: DataType::String,
        unit: None,
        deadband: 0.0,
    },
];
pub const LIFT: &[MetricDef<'static>] = &[MetricDef {
    name: "car_position",
    datatype: DataType::Int32,
    unit: None,
    deadband: 0.0,
}];
pub const BOARD: &[MetricDef<'static>] = &[MetricDef {
    name: "supply_voltage",
    datatype: DataType::Float,
    unit: Some("V"),
    deadband: 0.0,
}];

pub const NODE: NodeDef<'static> = NodeDef {
    group: "haicheng",
    node: "edge-1",
    properties: &[("Properties/Firmware", "1.2.3")],
    metrics: BOARD,
    devices: &[
        DeviceDef {
            id: "boiler-1",
            metrics: BOILER,
        },
        DeviceDef {
            id: "lift-1",
            metrics: LIFT,
        },
    ],
};

/// No waits to step over.
pub const CONFIG: Config<'static> = Config {
    reconnect_min_ms: 0,
    reconnect_max_ms: 0,
    ..Config::DEFAULT
};

pub type Ram = RamStorage<16_384, 512>;
pub type BenchSession<'d, S> = Session<'d, S, 32, 4>;

/// A metric as received.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    pub name: Option<String>,
    pub alias: Option<u64>,
    pub timestamp: Option<i64>,
    pub datatype: Option<u32>,
    pub historical: bool,
    pub null: bool,
    pub quality: Option<i32>,
    pub unit: Option<String>,
    pub value: GotValue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum GotValue {
    None,
    Number(f64),
    Bool(bool),
    Text(String),
}

/// What the session asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Did {
    Connect {
        server: u8,
        clean: bool,
        will: Box<Message>,
    },
    Subscribe {
        topic: String,
        qos: Qos,
    },
    Publish(Message),
    Disconnect,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub topic: String,
    pub kind: String,
    pub device: Option<String>,
    pub qos: Qos,
    pub retain: bool,
    pub seq: Option<u64>,
    pub timestamp: Option<i64>,
    pub metrics: Vec<Got>,
    pub payload: Vec<u8>,
}

impl Message {
    pub fn read(topic: &str, payload: &[u8], qos: Qos, retain: bool) -> Self {
        let view = PayloadView::parse(payload).unwrap();
        let metrics = view.metrics().map(|metric| {
            let metric = metric.unwrap();
            let value = match metric.wire {
                WireValue::Absent => GotValue::None,
                WireValue::Int(v) => GotValue::Number(f64::from(v as i32)),
                WireValue::Long(v) => GotValue::Number(v as i64 as f64),
                WireValue::Float(v) => GotValue::Number(f64::from(v)),
                WireValue::Double(v) => GotValue::Number(v),
                WireValue::Bool(v) => GotValue::Bool(v),
                WireValue::Str(v) => GotValue::Text(v.to_owned()),
                other => panic!("a node never writes {other:?}"),
            };
            Got {
                name: metric.name.map(str::to_owned),
                alias: metric.alias,
                timestamp: metric.timestamp.map(|t| t.0),
                datatype: metric.datatype,
                historical: metric.is_historical,
                null: metric.is_null,
                quality: metric.quality(),
                unit: metric.unit().map(str::to_owned),
                value,
            }
        });
        let levels: Vec<&str> = topic.split('/').collect();
        Message {
            topic: topic.to_owned(),
            kind: levels[2].to_owned(),
            device: levels.get(4).map(|&level| level.to_owned()),
            qos,
            retain,
            seq: view.seq,
            timestamp: view.timestamp.map(|t| t.0),
            metrics: metrics.collect(),
            payload: payload.to_vec(),
        }
    }

    pub fn metric(&self, name: &str) -> &Got {
        self.find(name)
            .unwrap_or_else(|| panic!("{} has no {name}", self.topic))
    }

    pub fn find(&self, name: &str) -> Option<&Got> {
        self.metrics
            .iter()
            .find(|metric| metric.name.as_deref() == Some(name))
    }

    pub fn number(&self, name: &str) -> f64 {
        match self.metric(name).value {
            GotValue::Number(number) => number,
            ref other => panic!("{name} is {other:?}"),
        }
    }

    pub fn by_alias(&self, alias: u64) -> Option<&Got> {
        self.metrics.iter().find(|metric| metric.alias == Some(alias))
    }

    pub fn is_data(&self) -> bool {
        self.kind.ends_with("DATA")
    }

    pub fn is_birth(&self) -> bool {
        self.kind.ends_with("BIRTH")
    }
}

pub struct Bench<'d, S: Storage = Ram> {
    pub session: BenchSession<'d, S>,
    pub scratch: Scratch<4_096>,
    pub now: UtcMillis,
    pub did: Vec<Did>,
}

impl Bench<'static, Ram> {
    pub fn new() -> Self {
        Self::with(NODE, CONFIG, Ram::new())
    }

    pub fn config(config: Config<'static>) -> Self {
        Self::with(NODE, config, Ram::new())
    }

    /// Connected and born.
    pub fn online() -> Self {
        Self::online_with(CONFIG)
    }

    pub fn online_with(config: Config<'static>) -> Self {
        let mut bench = Self::config(config);
        bench.connect();
        bench.did.clear();
        bench
    }
}

impl<'d, S: Storage> Bench<'d, S> {
    pub fn with(def: NodeDef<'d>, config: Config<'d>, storage: S) -> Self {
        let session =
            Session::open(def, config, storage, 77, T0).unwrap_or_else(|_| panic!("session does not open"));
        Bench {
            session,
            scratch: Scratch::new(),
            now: T0,
            did: Vec::new(),
        }
    }

    /// Polls until there is nothing more to do; what was done meanwhile.
    pub fn run(&mut self) -> Vec<Did> {
        let mut did = Vec::new();
        while let Some(action) = self.session.poll(self.now, &mut self.scratch) {
            did.push(match action {
                Action::Connect {
                    server,
                    will,
                    clean_session,
                } => Did::Connect {
                    server,
                    clean: clean_session,
                    will: Box::new(Message::read(will.topic, will.payload, will.qos, will.retain)),
                },
                Action::Subscribe { topic, qos } => Did::Subscribe {
                    topic: topic.to_owned(),
                    qos,
                },
                Action::Publish(publish) => Did::Publish(Message::read(
                    publish.topic,
                    publish.payload,
                    publish.qos,
                    publish.retain,
                )),
                Action::Disconnect => Did::Disconnect,
            });
            assert!(did.len() < 10_000, "the session never stops");
        }
        self.did.extend(did.iter().cloned());
        did
    }

    /// As [`Bench::run`]: only what was published.
    pub fn published(&mut self) -> Vec<Message> {
        self.run()
            .into_iter()
            .filter_map(|did| {
                if let Did::Publish(message) = did {
                    Some(message)
                } else {
                    None
                }
            })
            .collect()
    }

    /// Connects and gives birth (when no primary host is waited for).
    pub fn connect(&mut self) -> Vec<Did> {
        let mut did = self.run();
        self.session.on_connected(self.now);
        did.extend(self.run());
        did
    }

    pub fn later(&mut self, ms: i64) {
        self.now = self.now.saturating_add_ms(ms);
    }

    pub fn report(&mut self, place: Place, samples: &[Sample<'_>]) -> u16 {
        self.session
            .report(self.now, place, samples, &mut self.scratch)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The boiler's pressure, measured now.
    pub fn pressure(&mut self, value: f64) -> u16 {
        let at = self.now;
        self.report(
            Place::Device(0),
            &[sample(PRESSURE, MetricValue::Double(value), at)],
        )
    }

    /// The lift's floor, measured now.
    pub fn floor(&mut self, floor: i32) -> u16 {
        let at = self.now;
        self.report(Place::Device(1), &[sample(0, MetricValue::Int32(floor), at)])
    }

    /// An NCMD with these metrics.
    pub fn command(&mut self, metrics: &[Metric<'_>]) -> vigil_firmware::Heard {
        let payload = command(metrics);
        self.session
            .on_message(self.now, "spBv1.0/haicheng/NCMD/edge-1", &payload)
    }

    pub fn rebirth(&mut self) -> vigil_firmware::Heard {
        self.command(&[Metric::named("Node Control/Rebirth", MetricValue::Bool(true))])
    }

    pub fn ack(&mut self, epoch: u64, seq: u64) -> vigil_firmware::Heard {
        self.command(&[
            Metric::named("Journal/Epoch", MetricValue::UInt64(epoch)),
            Metric::named("Journal/Ack", MetricValue::UInt64(seq)),
        ])
    }

    pub fn resend(&mut self, epoch: u64, from: u64, to: u64) -> vigil_firmware::Heard {
        self.command(&[
            Metric::named("Journal/Epoch", MetricValue::UInt64(epoch)),
            Metric::named("Journal/Resend", MetricValue::UInt64(from)),
            Metric::named("Journal/ResendTo", MetricValue::UInt64(to)),
        ])
    }

    pub fn state(&mut self, host: &str, online: bool, timestamp: i64) -> vigil_firmware::Heard {
        let payload = format!(r#"{{"online":{online},"timestamp":{timestamp}}}"#);
        self.session
            .on_message(self.now, &format!("spBv1.0/STATE/{host}"), payload.as_bytes())
    }

    /// Everything published so far.
    pub fn all(&self) -> Vec<Message> {
        let published = self.did.iter().filter_map(|did| {
            if let Did::Publish(message) = did {
                Some(message)
            } else {
                None
            }
        });
        published.cloned().collect()
    }
}

pub fn sample(metric: u16, value: MetricValue<'_>, at: UtcMillis) -> Sample<'_> {
    Sample {
        metric,
        value,
        quality: SampleQuality::Good,
        at,
    }
}

pub fn command(metrics: &[Metric<'_>]) -> Vec<u8> {
    let mut buf = [0; 512];
    let mut encoder = Encoder::new(&mut buf);
    encoder.timestamp(T0).unwrap();
    for metric in metrics {
        encoder.metric(metric).unwrap();
    }
    encoder.as_bytes().to_vec()
}
