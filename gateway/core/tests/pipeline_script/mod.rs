//! Scripts of what happens at a site, played into a pipeline.
#![allow(missing_docs, unreachable_pub, reason = "helpers of tests")]

use crate::support::*;
use proptest::prelude::*;
use vigil_core::{Action, OperatorAction, Output, UtcMillis};
use vigil_protocol::sparkplug::{Metric, MetricValue};

const LIFT_BIRTH: &str = "spBv1.0/s/DBIRTH/n1/l";
const LIFT_DEATH: &str = "spBv1.0/s/DDEATH/n1/l";

/// Something that happens at the site. `plain`: at `s/n2`, which keeps no journal.
#[derive(Clone, Debug)]
pub enum Op {
    Wait(i64),
    Reading {
        plain: bool,
        centi: u8,
        level: i8,
    },
    /// A message that does not arrive (now).
    Lose {
        plain: bool,
        centi: u8,
    },
    /// What was lost at the journaling node comes late.
    Recover,
    /// Two messages change places on the way.
    Swap {
        centi: u8,
    },
    Heartbeat {
        plain: bool,
    },
    Birth {
        plain: bool,
    },
    /// A birth that was asked for: the session goes on.
    Rebirth {
        plain: bool,
    },
    Death {
        plain: bool,
    },
    /// One of the journaling node's devices comes or goes by itself.
    Device {
        lift: bool,
        born: bool,
    },
    /// The journaling node says that it has no room for what was lost; maybe without saying which.
    Overflow {
        vague: bool,
    },
    /// A reading from a clock that is wrong by so much.
    WrongClock {
        plain: bool,
        centi: u8,
        by_ms: i64,
    },
    Fault {
        code: u8,
    },
    /// Somebody does something about the last hazard or alarm.
    Act {
        what: u8,
    },
    Odd {
        what: u8,
    },
}

pub fn ops(odd: bool) -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        6 => prop_oneof![1..2_000_i64, 1_000..90_000_i64, Just(3_600_000)].prop_map(Op::Wait),
        // Around the limits of a boiler rated 1.0 MPa.
        12 => (any::<bool>(), 70..125_u8, -100..100_i8).prop_map(|(plain, centi, level)| Op::Reading { plain, centi, level }),
        2 => (any::<bool>(), 70..125_u8).prop_map(|(plain, centi)| Op::Lose { plain, centi }),
        2 => Just(Op::Recover),
        2 => (70..125_u8).prop_map(|centi| Op::Swap { centi }),
        2 => any::<bool>().prop_map(|plain| Op::Heartbeat { plain }),
        1 => any::<bool>().prop_map(|plain| Op::Birth { plain }),
        1 => any::<bool>().prop_map(|plain| Op::Rebirth { plain }),
        1 => any::<bool>().prop_map(|plain| Op::Death { plain }),
        1 => any::<(bool, bool)>().prop_map(|(lift, born)| Op::Device { lift, born }),
        1 => any::<bool>().prop_map(|vague| Op::Overflow { vague }),
        1 => (any::<bool>(), 70..125_u8, -900_000..900_000_i64)
            .prop_map(|(plain, centi, by_ms)| Op::WrongClock { plain, centi, by_ms }),
        2 => (0..12_u8).prop_map(|code| Op::Fault { code }),
        2 => (0..7_u8).prop_map(|what| Op::Act { what }),
        1 => (0..5_u8).prop_map(move |what| if odd { Op::Odd { what } } else { Op::Wait(1) }),
    ];
    proptest::collection::vec(one, 1..80)
}

/// Positions are this far apart, to leave room for what is inserted.
const STRIDE: u64 = 100;

#[derive(Default)]
struct Sender {
    seq: u8,
    journal: u64,
    bd_seq: i64,
    dropped: u64,
    lost: Vec<(u64, i64, f64)>,
}

impl Sender {
    fn next(&mut self) -> u8 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }
}

/// Plays a script; what went in and came out is in the site.
pub struct Script {
    site: Site,
    journaling: Sender,
    plain: Sender,
}

impl Script {
    pub fn play(ops: &[Op]) -> Site {
        let mut script = Self {
            site: Site::new(),
            journaling: Sender::default(),
            plain: Sender::default(),
        };
        script.birth(false, true);
        script.birth(true, true);
        for op in ops {
            script.op(op);
        }
        script.site.wait(120_000);
        script.site
    }

    fn send(&mut self, topic: &str, seq: u8, metrics: &[Metric<'_>]) {
        self.site.position += STRIDE - 1;
        self.site.send(topic, seq, metrics);
    }

    /// `session`: a new one begins.
    fn birth(&mut self, plain: bool, session: bool) {
        let sender = if plain {
            &mut self.plain
        } else {
            &mut self.journaling
        };
        sender.bd_seq = (sender.bd_seq + i64::from(session)) % 256;
        sender.seq = 0;
        let (bd_seq, first) = (named("bdSeq", MetricValue::Int64(sender.bd_seq)), sender.journal);
        if plain {
            let mut metrics = vec![bd_seq];
            metrics.extend(boiler_birth());
            self.send("spBv1.0/s/NBIRTH/n2", 0, &metrics);
            return;
        }
        // What it lost is still in its flash, unless that overflowed.
        let first = self.journaling.lost.first().map_or(first, |lost| lost.0);
        let metrics = [
            bd_seq,
            named("Journal/Epoch", MetricValue::UInt64(9)),
            named("Journal/First", MetricValue::UInt64(first)),
            named("Journal/Dropped", MetricValue::UInt64(self.journaling.dropped)),
        ];
        self.send(NBIRTH, 0, &metrics);
        self.device_birth(false);
        self.device_birth(true);
    }

    fn device_birth(&mut self, lift: bool) {
        let (topic, mut metrics, alias) = if lift {
            (LIFT_BIRTH, lift_birth().to_vec(), 199)
        } else {
            (DBIRTH, boiler_birth().to_vec(), 99)
        };
        metrics.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(alias));
        let seq = self.journaling.next();
        self.send(topic, seq, &metrics);
    }

    fn reading(&mut self, plain: bool, mpa: f64, level: f32, at: i64) {
        let at = UtcMillis(at);
        let metrics = [
            pressure(mpa).at(at),
            Metric::aliased(2, MetricValue::Float(level)).at(at),
        ];
        if plain {
            let seq = self.plain.next();
            self.send("spBv1.0/s/NDATA/n2", seq, &metrics);
        } else {
            let (seq, journal) = (self.journaling.next(), self.journaling.journal);
            self.journaling.journal += 1;
            let [pressure, level] = metrics;
            self.send(
                DDATA,
                seq,
                &[pressure, level, Metric::aliased(99, MetricValue::UInt64(journal))],
            );
        }
    }

    fn op(&mut self, op: &Op) {
        match *op {
            Op::Wait(ms) => self.site.now += ms,
            Op::Reading { plain, centi, level } => {
                self.reading(plain, f64::from(centi) / 100.0, f32::from(level), self.site.now);
                self.site.now += 1;
            }
            Op::Lose { plain: true, .. } => {
                self.plain.next();
            }
            Op::Lose { plain: false, centi } => {
                self.journaling.next();
                let lost = (self.journaling.journal, self.site.now, f64::from(centi) / 100.0);
                self.journaling.lost.push(lost);
                self.journaling.journal += 1;
                self.site.now += 1;
            }
            Op::Recover => {
                for (journal, at, mpa) in std::mem::take(&mut self.journaling.lost) {
                    let seq = self.journaling.next();
                    let metric = pressure(mpa).at(UtcMillis(at)).historical();
                    self.send(
                        DDATA,
                        seq,
                        &[metric, Metric::aliased(99, MetricValue::UInt64(journal))],
                    );
                }
            }
            Op::Swap { centi } => {
                let (first, second) = (self.plain.next(), self.plain.next());
                let earlier = pressure(f64::from(centi) / 100.0).at(UtcMillis(self.site.now));
                self.site.now += 10;
                let later = pressure(0.8).at(UtcMillis(self.site.now));
                self.send("spBv1.0/s/NDATA/n2", second, &[later]);
                self.site.now += 20;
                self.send("spBv1.0/s/NDATA/n2", first, &[earlier]);
            }
            Op::Heartbeat { plain } => {
                let seq = if plain {
                    self.plain.next()
                } else {
                    self.journaling.next()
                };
                self.send(if plain { "spBv1.0/s/NDATA/n2" } else { NDATA }, seq, &[]);
            }
            Op::Birth { plain } => {
                self.birth(plain, true);
                self.site.now += 1;
            }
            // The same bytes again would be a repeat, which is counted but not logged.
            Op::Rebirth { plain } => {
                self.site.now += 1;
                self.birth(plain, false);
            }
            Op::Device { lift, born: true } => {
                self.site.now += 1;
                self.device_birth(lift);
            }
            Op::Device { lift, born: false } => {
                let seq = self.journaling.next();
                self.send(if lift { LIFT_DEATH } else { DDEATH }, seq, &[]);
            }
            Op::Overflow { vague } => {
                let dropped = std::mem::take(&mut self.journaling.lost).len() as u64;
                self.journaling.dropped += dropped;
                let mut metrics = vec![named(
                    "Journal/Dropped",
                    MetricValue::UInt64(self.journaling.dropped),
                )];
                if !vague {
                    metrics.push(named(
                        "Journal/First",
                        MetricValue::UInt64(self.journaling.journal),
                    ));
                }
                let seq = self.journaling.next();
                self.send(NDATA, seq, &metrics);
            }
            Op::WrongClock { plain, centi, by_ms } => {
                self.reading(plain, f64::from(centi) / 100.0, 0.0, self.site.now + by_ms);
            }
            Op::Death { plain } => {
                let (topic, sender) = if plain {
                    ("spBv1.0/s/NDEATH/n2", &self.plain)
                } else {
                    (NDEATH, &self.journaling)
                };
                let at = Some(self.site.now);
                let bytes = payload(at, None, &[named("bdSeq", MetricValue::Int64(sender.bd_seq))]);
                self.site.position += STRIDE - 1;
                self.site.raw(topic, bytes);
                self.site.now += 1;
            }
            Op::Fault { code } => {
                let (seq, journal) = (self.journaling.next(), self.journaling.journal);
                self.journaling.journal += 1;
                let code = code.to_string();
                let metrics = [
                    Metric::aliased(101, MetricValue::Str(&code)),
                    Metric::aliased(199, MetricValue::UInt64(journal)),
                ];
                self.send("spBv1.0/s/DDATA/n1/l", seq, &metrics);
                self.site.now += 1;
            }
            Op::Act { what } => {
                let Some(action) = self.action(what) else {
                    return;
                };
                let action = OperatorAction {
                    actor: "wang".into(),
                    reason: "seen".into(),
                    idempotency_key: None,
                    who: None,
                    scope: None,
                    action,
                };
                self.site.position += STRIDE - 1;
                self.site.input(Kept::Action(action));
            }
            Op::Odd { what } => {
                self.site.position += STRIDE - 1;
                let (topic, bytes) = match what {
                    0 => (DDATA, vec![0xFF; 9]),
                    1 => ("spBv1.0/s/NCMD/n1", vec![]),
                    2 => (
                        "spBv1.0/s/DDATA/n9/x",
                        payload(Some(self.site.now), Some(1), &[named("t", MetricValue::Int8(1))]),
                    ),
                    3 => ("spBv1.0/nonsense", vec![]),
                    _ => (
                        "spBv1.0/s/NBIRTH/n9",
                        payload(
                            Some(self.site.now),
                            Some(0),
                            &[named("t", MetricValue::Int8(1)).with_alias(3)],
                        ),
                    ),
                };
                self.site.raw(topic, bytes);
            }
        }
    }

    fn action(&self, what: u8) -> Option<Action> {
        let outputs = || self.site.fed.iter().rev().flat_map(|(_, out)| out.iter().rev());
        if what < 3 {
            let hazard = outputs().find_map(|output| match output {
                Output::Hazard { summary, .. } => Some(summary.id.clone()),
                _ => None,
            })?;
            return Some(match what {
                0 => Action::ConfirmHazard { hazard },
                1 => Action::RejectHazard { hazard },
                _ => Action::CommentHazard { hazard },
            });
        }
        let (equipment, rule) = outputs().find_map(|output| match output {
            Output::Alarm(alarm) => Some((alarm.equipment.to_string(), alarm.rule.to_string())),
            _ => None,
        })?;
        Some(match what {
            3 => Action::AcknowledgeAlarm { equipment, rule },
            4 => {
                let until = UtcMillis(self.site.now + 90_000);
                Action::ShelveAlarm {
                    equipment,
                    rule,
                    until,
                }
            }
            5 => Action::UnshelveAlarm { equipment, rule },
            _ => Action::ResetAlarm { equipment, rule },
        })
    }
}
