//! What must hold for any stream of readings, whatever is cut, doubled, lost or broken on the way.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod rules_support;

use proptest::prelude::*;
use rules_support::{START, load_catalog, print};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::equipment::{EquipmentState, Link, Moment};
use vigil_core::hazard::{HazardEvent, HazardEventKind, HazardId, HazardStatus, verify_chain};
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

const PACK: &str = r#"
[pack]
id = "test"
version = "1.0.0"
title_zh = "试验"
title_en = "Test"
applies_to = [""]
[defaults]
clause = "test"
source = "test"
confidence = "proposal"
[[rule]]
id = "FAST"
title_zh = "x"
title_en = "x"
kind = "limit"
quantity = "car_speed"
direction = "high"
trip = 2.0
clear = 1.8
on_delay = "0s"
severity = "S2"
opens = "general"
[[rule]]
id = "FAST-LONG"
title_zh = "x"
title_en = "x"
kind = "limit"
quantity = "car_speed"
direction = "high"
trip = 2.0
clear = 1.8
on_delay = "30s"
off_delay = "20s"
severity = "S2"
opens = "general"
latched = true
[[rule]]
id = "RISE"
title_zh = "x"
title_en = "x"
kind = "rate"
quantity = "car_speed"
direction = "high"
trip = 0.5
clear = 0.2
window = "60s"
on_delay = "10s"
severity = "S3"
opens = "general"
[[rule]]
id = "TRAPPED"
title_zh = "x"
title_en = "x"
kind = "code"
quantity = "fault_code"
codes = ["ENTRAPMENT"]
on_delay = "0s"
severity = "S2"
severity_when = [{ when = { quantity = "passenger_present", is = true }, severity = "S1" }]
suppress_when = { quantity = "service_mode", mode = ["inspection"] }
opens = "general"
[[rule]]
id = "OFTEN"
title_zh = "x"
title_en = "x"
kind = "code"
quantity = "fault_code"
codes = ["MOTOR_RUN_TIME_LIMIT"]
count = 3
window = "10min"
severity = "S3"
opens = "general"
[[rule]]
id = "OPEN-OFTEN"
title_zh = "x"
title_en = "x"
kind = "count"
quantity = "door_closed"
is = false
count = 3
window = "5min"
severity = "S3"
opens = "general"
[[rule]]
id = "DOOR"
title_zh = "x"
title_en = "x"
kind = "interlock"
when = { all = [{ quantity = "door_closed", is = false }, { quantity = "car_moving", is = true }] }
on_delay = "10s"
off_delay = "5s"
severity = "S1"
suppress_when = { quantity = "service_mode", mode = ["inspection"] }
opens = "major"
[[rule]]
id = "DOOR-NOW"
title_zh = "x"
title_en = "x"
kind = "interlock"
when = { all = [{ quantity = "door_closed", is = false }, { quantity = "car_moving", is = true }] }
on_delay = "0s"
severity = "S1"
opens = "general"
[[rule]]
id = "QUIET"
title_zh = "x"
title_en = "x"
kind = "silence"
after = "5min"
severity = "S3"
opens = "nothing"
[[rule]]
id = "BLIND"
title_zh = "x"
title_en = "x"
kind = "quality"
quantities = ["car_speed", "door_closed"]
on_delay = "20s"
off_delay = "5s"
severity = "S3"
opens = "nothing"
"#;

static SITE: LazyLock<Arc<Catalog>> = LazyLock::new(|| load_catalog(CATALOG, Some(PACK)).unwrap());

fn lift() -> &'static Equipment {
    &SITE.equipment[0]
}

/// A value of a channel; what it means depends on the channel.
#[derive(Clone, Copy, Debug)]
enum Value {
    Number(u8),
    Bad,
    Null,
}

/// What the lift's node says, by time since its last word.
#[derive(Clone)]
struct Said {
    after_ms: i64,
    what: Saying,
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
enum Saying {
    Data(Vec<(Quantity, Value)>),
    Alive,
    Dead,
    Born(Vec<(Quantity, Value)>),
    Person(u8, u8),
}

const CHANNELS: [Quantity; 5] = [
    Quantity::CarSpeed,
    Quantity::FaultCode,
    Quantity::DoorClosed,
    Quantity::CarMoving,
    Quantity::ServiceMode,
];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![8 => (0..4_u8).prop_map(Value::Number), 1 => Just(Value::Bad), 1 => Just(Value::Null)]
}

fn values(all: bool) -> impl Strategy<Value = Vec<(Quantity, Value)>> {
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

fn saying(people: bool) -> impl Strategy<Value = Saying> {
    prop_oneof![
        20 => values(false).prop_map(Saying::Data),
        4 => Just(Saying::Alive),
        1 => Just(Saying::Dead),
        2 => values(true).prop_map(Saying::Born),
        u32::from(people) * 2 => (0..7_u8, 0..7_u8).prop_map(|(verb, rule)| Saying::Person(verb, rule)),
    ]
}

fn story(length: usize, people: bool) -> impl Strategy<Value = Vec<Said>> {
    let after = prop_oneof![10 => 1_000..25_000_i64, 1 => 61_000..400_000_i64];
    let said = (after, saying(people)).prop_map(|(after_ms, what)| Said { after_ms, what });
    prop::collection::vec(said, 1..length)
}

fn sample(quantity: Quantity, value: Value, at: UtcMillis) -> Sample {
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
enum Step {
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
    Act {
        at: UtcMillis,
        verb: u8,
        rule: u8,
    },
}

impl Step {
    fn at(&self) -> UtcMillis {
        match self {
            Self::Samples { at, .. } | Self::Heard(at) | Self::Link { at, .. } | Self::Act { at, .. } => *at,
        }
    }
}

fn steps(story: &[Said]) -> Vec<Step> {
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
            Saying::Person(verb, rule) => steps.push(Step::Act {
                at,
                verb: *verb,
                rule: *rule,
            }),
        }
    }
    steps
}

struct Run {
    state: EquipmentState,
    outputs: Outputs,
    position: u64,
}

impl Run {
    fn new() -> Self {
        let mut state = EquipmentState::new(lift());
        state.on_start(lift(), START);
        Self {
            state,
            outputs: Outputs::new(),
            position: 0,
        }
    }

    fn all(steps: &[Step]) -> Self {
        let mut run = Self::new();
        steps.iter().for_each(|step| run.step(step));
        run
    }

    fn step(&mut self, step: &Step) {
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

    fn chains(&self) -> BTreeMap<HazardId, Vec<HazardEvent>> {
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
    fn told(&self) -> Vec<String> {
        let hazards = self
            .outputs
            .iter()
            .filter(|output| matches!(output, Output::Hazard { .. }));
        let lines = hazards.filter_map(|output| print::line(output, START));
        lines
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    fn rules_with_hazards(&self) -> BTreeSet<String> {
        let chains = self.chains();
        chains
            .values()
            .map(|chain| verify_chain(chain).unwrap().rule.to_string())
            .collect()
    }
}

/// Failing streams are long: shrinking them takes its time.
fn config() -> ProptestConfig {
    ProptestConfig {
        max_shrink_iters: 50_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_stream_cut_anywhere_and_restored_ends_the_same(story in story(60, true), cut in any::<prop::sample::Index>()) {
        let steps = steps(&story);
        let whole = Run::all(&steps);
        let mut run = Run::new();
        let cut = cut.index(steps.len());
        for (index, step) in steps.iter().enumerate() {
            if index == cut {
                let json = run.state.snapshot(lift()).to_string();
                run.state = EquipmentState::restore(lift(), serde_json::from_str(&json).unwrap()).unwrap();
            }
            run.step(step);
        }
        prop_assert_eq!(&run.outputs, &whole.outputs);
        prop_assert_eq!(run.state.snapshot(lift()), whole.state.snapshot(lift()));
    }

    #[test]
    fn repeats_of_any_message_at_any_time_tell_nothing_new(
        story in story(50, false),
        repeats in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize, any::<bool>()), 1..12),
    ) {
        let steps = steps(&story);
        let whole = Run::all(&steps);
        let mut doubled = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            doubled.push(step.clone());
            for (which, later, historical) in &repeats {
                let original = which.index(steps.len());
                // A dead node sends nothing live.
                let alive = matches!(steps[index], Step::Samples { .. } | Step::Heard(_));
                if original + later == index
                    && alive
                    && let Step::Samples { published, samples, .. } = &steps[original]
                {
                    let again = Step::Samples {
                        at: step.at(),
                        published: *published,
                        historical: *historical,
                        samples: samples.clone(),
                    };
                    doubled.push(again);
                }
            }
        }
        let run = Run::all(&doubled);
        prop_assert_eq!(run.told(), whole.told());
    }

    #[test]
    fn no_episode_has_two_hazards_and_every_chain_verifies(story in story(80, true)) {
        let run = Run::all(&steps(&story));
        let mut episodes = BTreeSet::new();
        for (id, chain) in run.chains() {
            let summary = verify_chain(&chain);
            prop_assert!(summary.is_ok(), "{id:?}: {summary:?}");
            let summary = summary.unwrap();
            prop_assert!(episodes.insert((summary.rule.clone(), summary.episode)), "twice: {summary:?}");
        }
        // Open at the same time: one for each rule at most.
        let mut open: BTreeMap<String, HazardId> = BTreeMap::new();
        for output in &run.outputs {
            let Output::Hazard { event, summary } = output else { continue };
            let rule = summary.rule.to_string();
            if matches!(event.kind, HazardEventKind::Opened { .. }) {
                prop_assert!(open.insert(rule, summary.id.clone()).is_none(), "{summary:?}");
            } else if summary.status == HazardStatus::Rejected {
                open.remove(&rule);
            }
        }
    }

    #[test]
    fn readings_that_are_bad_raise_nothing(story in story(60, false)) {
        let only_bad = |values: &[(Quantity, Value)]| -> Vec<(Quantity, Value)> {
            let worse = |value: Value| if matches!(value, Value::Null) { value } else { Value::Bad };
            values.iter().map(|(quantity, value)| (*quantity, worse(*value))).collect()
        };
        let story: Vec<Said> = story
            .into_iter()
            .map(|said| Said {
                what: match said.what {
                    Saying::Data(values) => Saying::Data(only_bad(&values)),
                    Saying::Born(values) => Saying::Born(only_bad(&values)),
                    other => other,
                },
                ..said
            })
            .collect();
        let run = Run::all(&steps(&story));
        for output in &run.outputs {
            prop_assert!(!matches!(output, Output::Hazard { .. }), "{output:?}");
            if let Output::AlarmEvent(event) = output {
                prop_assert!(["QUIET", "BLIND"].contains(&&*event.rule), "{event:?}");
            }
        }
    }

    /// Rules without a delay: what was lost and comes again leads to the same hazards, late or not.
    #[test]
    fn a_lost_stretch_sent_again_leads_to_the_same_hazards(
        story in story(50, false),
        from in any::<prop::sample::Index>(),
        length in 1..20_usize,
    ) {
        let story: Vec<Said> = story
            .into_iter()
            .filter(|said| matches!(said.what, Saying::Data(_)))
            .map(|said| Said { after_ms: said.after_ms.min(50_000), ..said })
            .collect();
        if story.len() < 2 {
            return Ok(());
        }
        let steps = steps(&story);
        let from = 1 + from.index(steps.len() - 1);
        let to = (from + length).min(steps.len());
        // Whatever was last said of each channel is what the birth at the end of the gap says.
        let mut last: BTreeMap<u16, Sample> = BTreeMap::new();
        for step in &steps[..to] {
            if let Step::Samples { samples, .. } = step {
                last.extend(samples.iter().map(|sample| (sample.channel.0, *sample)));
            }
        }
        let end = steps[to - 1].at().saturating_add_ms(500);
        let born = Step::Samples {
            at: end,
            published: end,
            historical: false,
            samples: last.values().map(|sample| Sample { at: end, ..*sample }).collect(),
        };
        let mut straight = steps.clone();
        straight.insert(to, born.clone());
        let mut broken = steps[..from].to_vec();
        broken.push(Step::Link { at: steps[from].at(), online: false });
        broken.push(Step::Link { at: end, online: true });
        broken.push(born);
        broken.extend(steps[from..to].iter().map(|step| match step {
            Step::Samples { at, samples, .. } => {
                Step::Samples { at: end, published: *at, historical: true, samples: samples.clone() }
            }
            other => other.clone(),
        }));
        broken.extend_from_slice(&steps[to..]);
        let (straight, broken) = (Run::all(&straight), Run::all(&broken));
        let at_once = |run: &Run| -> BTreeSet<String> {
            let rules = run.rules_with_hazards();
            rules.into_iter().filter(|rule| ["FAST", "TRAPPED", "DOOR-NOW"].contains(&rule.as_str())).collect()
        };
        prop_assert_eq!(at_once(&broken), at_once(&straight));
        prop_assert_eq!(broken.state.link(), Link::Online);
    }
}
