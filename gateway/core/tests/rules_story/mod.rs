//! Stories: what one lift's node says, and what its state makes of it.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use crate::rules_support::{START, load_catalog, print};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::equipment::{EquipmentState, Moment};
use vigil_core::hazard::{HazardEvent, HazardId, verify_chain};
use vigil_core::output::{Output, Outputs};
use vigil_core::sample::{RawCode, Reading, Sample};
use vigil_core::{Action, OperatorAction, Position, UtcMillis};
use vigil_protocol::vocabulary::{Bad, FaultKey, NoData, Quality, Quantity};

const CATALOG: &str = r#"
[[equipment]]
id = "lift-1"
category = "3110"
node = "g/n"
device = "lift-1"
scheme = "se-platform-2020"
interval = "10s"
"#;

const PACK: &str = include_str!("pack.toml");

static SITE: LazyLock<Arc<Catalog>> = LazyLock::new(|| load_catalog(CATALOG, Some(PACK)).unwrap());

pub(crate) fn lift() -> &'static Equipment {
    &SITE.equipment[0]
}

/// A value of a channel; what it means depends on the channel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Number(u8),
    Bad,
    Null,
}

/// What the lift's node says, by time since its last word.
#[derive(Clone)]
pub(crate) struct Said {
    pub(crate) after_ms: i64,
    pub(crate) what: Saying,
}

/// One line each, so that a failing story can be read.
impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "+{} {}",
            self.after_ms,
            format!("{:?}", self.what).replace('\n', " ")
        )
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Saying {
    Data(Vec<(Quantity, Value)>),
    Alive,
    Dead,
    Born(Vec<(Quantity, Value)>),
    Person(u8, u8),
    /// Readings from so long ago, marked as such or not.
    Old {
        ago_ms: i64,
        marked: bool,
        values: Vec<(Quantity, Value)>,
    },
    /// Some of its messages were lost.
    Lost,
    /// Its journal overflowed.
    Dropped,
}

const CHANNELS: [Quantity; 5] = [
    Quantity::CarSpeed,
    Quantity::FaultCode,
    Quantity::DoorClosed,
    Quantity::CarMoving,
    Quantity::ServiceMode,
];

pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![8 => (0..4_u8).prop_map(Value::Number), 1 => Just(Value::Bad), 1 => Just(Value::Null)]
}

pub(crate) fn values(all: bool) -> impl Strategy<Value = Vec<(Quantity, Value)>> {
    let said = if all {
        Just(true).boxed()
    } else {
        prop::bool::weighted(0.4).boxed()
    };
    let one = |quantity| (Just(quantity), value(), said.clone());
    let each: Vec<_> = CHANNELS.into_iter().map(one).collect();
    each.prop_map(|each| {
        each.into_iter()
            .filter(|(_, _, said)| *said)
            .map(|(quantity, value, _)| (quantity, value))
            .collect()
    })
}

/// `all`: also what people do, and what does not come as it happens.
pub(crate) fn saying(all: bool) -> impl Strategy<Value = Saying> {
    let old = (1..200_000_i64, any::<bool>(), values(false));
    prop_oneof![
        20 => values(false).prop_map(Saying::Data),
        4 => Just(Saying::Alive),
        1 => Just(Saying::Dead),
        2 => values(true).prop_map(Saying::Born),
        u32::from(all) * 2 => (0..7_u8, 0..7_u8).prop_map(|(verb, rule)| Saying::Person(verb, rule)),
        u32::from(all) * 4 => old.prop_map(|(ago_ms, marked, values)| Saying::Old { ago_ms, marked, values }),
        u32::from(all) => Just(Saying::Lost),
        u32::from(all) => Just(Saying::Dropped),
    ]
}

pub(crate) fn story(length: usize, all: bool) -> impl Strategy<Value = Vec<Said>> {
    let after = prop_oneof![10 => 1_000..25_000_i64, 1 => 61_000..400_000_i64];
    let said = (after, saying(all)).prop_map(|(after_ms, what)| Said { after_ms, what });
    prop::collection::vec(said, 1..length)
}

pub(crate) fn sample(quantity: Quantity, value: Value, at: UtcMillis) -> Sample {
    let (reading, quality) = match (value, quantity) {
        (Value::Bad, Quantity::CarSpeed) => (Reading::Number(9.0), Quality::Bad(Bad::Implausible)),
        (Value::Bad, _) => (Reading::NoData(NoData::Sensor), Quality::Bad(Bad::Sensor)),
        (Value::Null, _) => (Reading::NoData(NoData::Null), NoData::Null.quality()),
        (Value::Number(n), Quantity::CarSpeed) => (
            Reading::Number([1.0, 1.9, 2.1, 2.5][usize::from(n)]),
            Quality::Good,
        ),
        (Value::Number(n), Quantity::FaultCode) => {
            let (key, raw) = [
                (Some("NONE"), "00"),
                (Some("ENTRAPMENT"), "11"),
                (Some("MOTOR_RUN_TIME_LIMIT"), "06"),
                (None, "X7"),
            ][usize::from(n)];
            (
                Reading::Code {
                    key: key.and_then(FaultKey::from_key),
                    raw: RawCode::new(raw),
                },
                Quality::Good,
            )
        }
        (Value::Number(n), Quantity::ServiceMode) => {
            (Reading::Number(if n == 0 { 2.0 } else { 1.0 }), Quality::Good)
        }
        (Value::Number(n), _) => (Reading::Bool(n % 2 == 0), Quality::Good),
    };
    Sample {
        channel: lift().channel_of(quantity).unwrap(),
        at,
        reading,
        raw: reading.number(),
        quality,
    }
}

/// A step as the state sees it.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Samples {
        at: UtcMillis,
        published: UtcMillis,
        historical: bool,
        samples: Vec<Sample>,
    },
    Heard(UtcMillis),
    Link {
        at: UtcMillis,
        online: bool,
    },
    Break(UtcMillis),
    Dropped(UtcMillis),
    Act {
        at: UtcMillis,
        verb: u8,
        rule: u8,
    },
}

impl Step {
    pub(crate) fn at(&self) -> UtcMillis {
        match self {
            Self::Samples { at, .. } | Self::Link { at, .. } | Self::Act { at, .. } => *at,
            Self::Heard(at) | Self::Break(at) | Self::Dropped(at) => *at,
        }
    }
}

pub(crate) fn steps(story: &[Said]) -> Vec<Step> {
    let mut at = START;
    let mut steps = Vec::new();
    for said in story {
        at = at.saturating_add_ms(said.after_ms);
        let samples = |values: &[(Quantity, Value)]| {
            let samples = values
                .iter()
                .map(|(quantity, value)| sample(*quantity, *value, at))
                .collect();
            Step::Samples {
                at,
                published: at,
                historical: false,
                samples,
            }
        };
        match &said.what {
            Saying::Data(values) => steps.push(samples(values)),
            Saying::Alive => steps.push(Step::Heard(at)),
            Saying::Dead => steps.push(Step::Link { at, online: false }),
            Saying::Born(values) => {
                steps.push(Step::Link { at, online: true });
                steps.push(samples(values));
            }
            Saying::Old {
                ago_ms,
                marked,
                values,
            } => {
                let then = at.saturating_sub_ms(*ago_ms);
                let samples = values
                    .iter()
                    .map(|(quantity, value)| sample(*quantity, *value, then))
                    .collect();
                steps.push(Step::Samples {
                    at,
                    published: if *marked { then } else { at },
                    historical: *marked,
                    samples,
                });
            }
            Saying::Lost => steps.push(Step::Break(at)),
            Saying::Dropped => steps.push(Step::Dropped(at)),
            Saying::Person(verb, rule) => steps.push(Step::Act {
                at,
                verb: *verb,
                rule: *rule,
            }),
        }
    }
    steps
}

pub(crate) struct Run {
    pub(crate) state: EquipmentState,
    pub(crate) outputs: Outputs,
    position: u64,
}

impl Run {
    pub(crate) fn new() -> Self {
        let mut state = EquipmentState::new(lift());
        state.on_start(lift(), START);
        Self {
            state,
            outputs: Outputs::new(),
            position: 0,
        }
    }

    pub(crate) fn all(steps: &[Step]) -> Self {
        let mut run = Self::new();
        steps.iter().for_each(|step| run.step(step));
        run
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let (equipment, out) = (lift(), &mut self.outputs);
        let now = step.at();
        // The pipeline does what is due first, each thing at its own time.
        while let Some(due) = self.state.next_deadline().filter(|due| *due <= now) {
            self.state.on_due(equipment, due, Position(self.position), out);
        }
        self.position += 1;
        let position = Position(self.position);
        let moment = |published, historical| Moment {
            position,
            received: now,
            published,
            historical,
        };
        match step {
            Step::Samples {
                published,
                historical,
                samples,
                ..
            } => {
                self.state
                    .on_samples(equipment, &moment(*published, *historical), samples, out);
            }
            Step::Heard(at) => self.state.on_heard(equipment, &moment(*at, false), out),
            Step::Link { at, online } => self.state.on_link(equipment, *online, &moment(*at, false), out),
            Step::Break(_) => self.state.on_break(equipment, position),
            Step::Dropped(at) => self.state.on_dropped(equipment, &moment(*at, false), 3, out),
            Step::Act { verb, rule, .. } => {
                let hazards = self.state.hazards();
                let hazard = hazards.get(usize::from(*rule) % hazards.len().max(1));
                let hazard = hazard.map_or(HazardId("HZ-none".into()), |hazard| hazard.id.clone());
                let rule = equipment.rules[usize::from(*rule)].id.to_string();
                let equipment_id = equipment.id.to_string();
                let action = match verb {
                    0 => Action::ConfirmHazard { hazard },
                    1 => Action::RejectHazard { hazard },
                    2 => Action::CommentHazard { hazard },
                    3 => Action::AcknowledgeAlarm {
                        equipment: equipment_id,
                        rule,
                    },
                    4 => Action::ShelveAlarm {
                        equipment: equipment_id,
                        rule,
                        until: now.saturating_add_ms(90_000),
                    },
                    5 => Action::UnshelveAlarm {
                        equipment: equipment_id,
                        rule,
                    },
                    _ => Action::ResetAlarm {
                        equipment: equipment_id,
                        rule,
                    },
                };
                let action = OperatorAction {
                    actor: "wang".into(),
                    reason: "why".into(),
                    idempotency_key: None,
                    who: None,
                    scope: None,
                    action,
                };
                let before = out.len();
                if self
                    .state
                    .on_action(equipment, &action, position, now, out)
                    .is_err()
                {
                    assert_eq!(out.len(), before, "what is refused changes nothing");
                }
            }
        }
    }

    pub(crate) fn chains(&self) -> BTreeMap<HazardId, Vec<HazardEvent>> {
        let mut chains: BTreeMap<HazardId, Vec<HazardEvent>> = BTreeMap::new();
        for output in &self.outputs {
            if let Output::Hazard { event, .. } = output {
                chains
                    .entry(event.hazard.clone())
                    .or_default()
                    .push((**event).clone());
            }
        }
        chains
    }

    /// What was told of hazards, without when and where it arrived.
    pub(crate) fn told(&self) -> Vec<String> {
        let hazards = self
            .outputs
            .iter()
            .filter(|output| matches!(output, Output::Hazard { .. }));
        let lines = hazards.filter_map(|output| print::line(output, START));
        lines
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    pub(crate) fn rules_with_hazards(&self) -> BTreeSet<String> {
        let chains = self.chains();
        chains
            .values()
            .map(|chain| verify_chain(chain).unwrap().rule.to_string())
            .collect()
    }
}
