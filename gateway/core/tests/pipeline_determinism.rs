//! What everything rests on: the same inputs give the same outputs, whatever happens in between: restarts at
//! any point, ticks at any time, messages that come again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use proptest::prelude::*;
use support::*;
use vigil_core::hazard::HazardId;
use vigil_core::{Action, OperatorAction, Output, Outputs, Pipeline, Position, Settings, UtcMillis};
use vigil_protocol::sparkplug::{Metric, MetricValue};

/// Something that happens at the site. `plain`: at `s/n2`, which keeps no journal.
#[derive(Clone, Debug)]
enum Op {
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
    Death {
        plain: bool,
    },
    Fault {
        code: u8,
    },
    Act {
        reject: bool,
    },
    Odd {
        what: u8,
    },
}

fn ops(odd: bool) -> impl Strategy<Value = Vec<Op>> {
    let one = prop_oneof![
        6 => prop_oneof![1..2_000_i64, 1_000..90_000_i64, Just(3_600_000)].prop_map(Op::Wait),
        // Around the limits of a boiler rated 1.0 MPa.
        12 => (any::<bool>(), 70..125_u8, -100..100_i8).prop_map(|(plain, centi, level)| Op::Reading { plain, centi, level }),
        2 => (any::<bool>(), 70..125_u8).prop_map(|(plain, centi)| Op::Lose { plain, centi }),
        2 => Just(Op::Recover),
        2 => (70..125_u8).prop_map(|centi| Op::Swap { centi }),
        2 => any::<bool>().prop_map(|plain| Op::Heartbeat { plain }),
        1 => any::<bool>().prop_map(|plain| Op::Birth { plain }),
        1 => any::<bool>().prop_map(|plain| Op::Death { plain }),
        2 => (0..12_u8).prop_map(|code| Op::Fault { code }),
        1 => any::<bool>().prop_map(|reject| Op::Act { reject }),
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
    lost: Vec<(u64, i64, f64)>,
}

impl Sender {
    fn next(&mut self) -> u8 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }
}

/// Plays a script; what went in and came out is in the site.
struct Script {
    site: Site,
    journaling: Sender,
    plain: Sender,
}

impl Script {
    fn play(ops: &[Op]) -> Site {
        let mut script = Self {
            site: Site::new(),
            journaling: Sender::default(),
            plain: Sender::default(),
        };
        script.birth(false);
        script.birth(true);
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

    fn birth(&mut self, plain: bool) {
        let sender = if plain {
            &mut self.plain
        } else {
            &mut self.journaling
        };
        sender.bd_seq = (sender.bd_seq + 1) % 256;
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
        let epoch = named("Journal/Epoch", MetricValue::UInt64(9));
        self.send(
            NBIRTH,
            0,
            &[bd_seq, epoch, named("Journal/First", MetricValue::UInt64(first))],
        );
        let mut boiler = boiler_birth().to_vec();
        boiler.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(99));
        let mut lift = lift_birth().to_vec();
        lift.push(named("Journal/Seq", MetricValue::UInt64(0)).with_alias(199));
        let (b, l) = (self.journaling.next(), self.journaling.next());
        self.send(DBIRTH, b, &boiler);
        self.send("spBv1.0/s/DBIRTH/n1/l", l, &lift);
    }

    fn reading(&mut self, plain: bool, mpa: f64, level: f32) {
        let at = UtcMillis(self.site.now);
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
                self.reading(plain, f64::from(centi) / 100.0, f32::from(level));
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
                self.birth(plain);
                self.site.now += 1;
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
            Op::Act { reject } => {
                let Some(hazard) = last_hazard(&self.site) else {
                    return;
                };
                let action = if reject {
                    Action::RejectHazard { hazard }
                } else {
                    Action::ConfirmHazard { hazard }
                };
                let action = OperatorAction {
                    actor: "wang".into(),
                    reason: "seen".into(),
                    idempotency_key: None,
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
}

fn last_hazard(site: &Site) -> Option<HazardId> {
    site.fed
        .iter()
        .rev()
        .flat_map(|(_, out)| out.iter().rev())
        .find_map(|output| match output {
            Output::Hazard { summary, .. } => Some(summary.id.clone()),
            _ => None,
        })
}

fn is_logged(out: &Outputs) -> bool {
    out.iter()
        .any(|output| matches!(output, Output::Log(_) | Output::LogAction(_)))
}

/// Outputs that say what is true; the rest (commands, counts) may depend on what was not logged.
fn lasting(out: &Outputs) -> Vec<String> {
    out.iter()
        .filter(|output| {
            !matches!(
                output,
                Output::Command(_)
                    | Output::NodeHour(_)
                    | Output::Unregistered(_)
                    | Output::Duplicate { .. }
                    | Output::Refused(_)
            )
        })
        .map(|output| format!("{output:?}"))
        .collect()
}

fn all(out: &Outputs) -> Vec<String> {
    out.iter().map(|output| format!("{output:?}")).collect()
}

/// Snapshots taken after input `at`, as an adapter stores them.
struct Stored(Vec<(String, Vec<u8>)>);

/// A pipeline as it stands after a crash: snapshots of two moments, and the log since.
fn restored(site: &Site, early: usize, late: usize, cut: usize) -> Pipeline {
    let mut fresh = Pipeline::new(site.pipeline.catalog().clone(), Settings::default());
    let mut stored = Stored(Vec::new());
    for (at, (fed, _)) in site.fed.iter().enumerate().take(late + 1) {
        feed(&mut fresh, fed, &mut Outputs::new());
        // A rolling pass: some nodes are stored early, the others late.
        let budget = if at == late {
            usize::MAX
        } else if at == early {
            2
        } else {
            0
        };
        for key in fresh.take_dirty(budget) {
            stored.0.retain(|(known, _)| **known != *key);
            stored.0.push((key.to_string(), fresh.snapshot(&key).unwrap()));
        }
    }
    let mut pipeline = Pipeline::new(site.pipeline.catalog().clone(), Settings::default());
    for (_, out) in &site.fed[..=late] {
        for context in contexts(out) {
            pipeline.restore_context(context);
        }
    }
    for (key, bytes) in stored.0.iter().rev() {
        pipeline.restore_node(key, bytes).unwrap();
    }
    // Replay from the oldest snapshot: every node skips what its own already holds.
    let mut discarded = Outputs::new();
    for (fed, out) in &site.fed[early..=cut] {
        if is_logged(out) {
            feed(&mut pipeline, fed, &mut discarded);
        }
    }
    let last = Fed {
        position: Position(0),
        now: site.fed[cut].0.now,
        input: Kept::Tick,
    };
    feed(&mut pipeline, &last, &mut discarded);
    pipeline
}

/// After a crash behind input `cut`, what comes says the same as if nothing had happened.
fn goes_on(site: &Site, early: usize, late: usize, cut: usize) -> Result<(), TestCaseError> {
    let mut pipeline = restored(site, early, late, cut);
    for (fed, expected) in &site.fed[cut + 1..] {
        let mut out = Outputs::new();
        feed(&mut pipeline, fed, &mut out);
        prop_assert_eq!(
            all(&out),
            all(expected),
            "cut {} snapshots {} {} at {:?}",
            cut,
            early,
            late,
            fed
        );
    }
    Ok(())
}

/// Fewer cases than usual, because each is many messages, unless `PROPTEST_CASES` says otherwise.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig { cases: 96, ..config },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn after_a_crash_anywhere_everything_goes_on_as_if_nothing_had_happened(
        ops in ops(false), early in any::<prop::sample::Index>(), late in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()
    ) {
        let site = Script::play(&ops);
        let cut = cut.index(site.fed.len());
        let late = late.index(cut + 1);
        let early = early.index(late + 1);
        goes_on(&site, early, late, cut)?;
    }

    #[test]
    fn after_a_crash_inputs_that_were_not_logged_are_not_missed(
        ops in ops(true), late in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>()
    ) {
        let site = Script::play(&ops);
        let cut = cut.index(site.fed.len());
        let late = late.index(cut + 1);
        let mut pipeline = restored(&site, late, late, cut);
        for (fed, expected) in &site.fed[cut + 1..] {
            let mut out = Outputs::new();
            feed(&mut pipeline, fed, &mut out);
            prop_assert_eq!(lasting(&out), lasting(expected), "cut {} snapshot {} at {:?}", cut, late, fed);
        }
    }

    #[test]
    fn how_often_ticks_come_changes_nothing(ops in ops(true), ticks in proptest::collection::vec(0.0..1.0_f64, 0..40)) {
        let site = Script::play(&ops);
        let (first, last) = (site.fed[0].0.now.0, site.fed.last().unwrap().0.now.0);
        let mut ticks: Vec<i64> = ticks.into_iter().map(|part| first + ((last - first) as f64 * part) as i64).collect();
        ticks.sort_unstable();
        let mut ticks = ticks.into_iter().peekable();
        let mut pipeline = Pipeline::new(site.pipeline.catalog().clone(), Settings::default());
        let (mut with, mut without) = (Outputs::new(), Outputs::new());
        for (fed, out) in &site.fed {
            while let Some(now) = ticks.next_if(|now| *now < fed.now.0 && *now > first) {
                let tick = Fed { position: Position(0), now: UtcMillis(now), input: Kept::Tick };
                feed(&mut pipeline, &tick, &mut with);
            }
            feed(&mut pipeline, fed, &mut with);
            without.extend(out.iter().cloned());
        }
        prop_assert_eq!(all(&with), all(&without));
    }

    #[test]
    fn messages_that_come_again_change_nothing(
        ops in ops(false), again in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12)
    ) {
        let site = Script::play(&ops);
        // After which input which earlier one comes again.
        let mut repeats: Vec<(usize, usize)> = again
            .into_iter()
            .filter_map(|(which, after)| {
                let which = which.index(site.fed.len());
                let Kept::Message { topic, .. } = &site.fed[which].0.input else { return None };
                let reach = match topic.as_str() {
                    // The journal knows them for ever.
                    DDATA | "spBv1.0/s/DDATA/n1/l" => site.fed.len() - which,
                    // A plain node's last few messages are known.
                    "spBv1.0/s/NDATA/n2" => (site.fed.len() - which).min(12),
                    _ => return None,
                };
                Some((which + after.index(reach), which))
            })
            .collect();
        repeats.sort_unstable();
        let mut pipeline = Pipeline::new(site.pipeline.catalog().clone(), Settings::default());
        let (mut with, mut without) = (Outputs::new(), Outputs::new());
        for (at, (fed, out)) in site.fed.iter().enumerate() {
            feed(&mut pipeline, fed, &mut with);
            for (n, (_, which)) in repeats.iter().filter(|(after, _)| *after == at).enumerate() {
                let position = Position(fed.position.0 + 1 + n as u64);
                let repeat = Fed { position, now: fed.now, input: site.fed[*which].0.input.clone() };
                feed(&mut pipeline, &repeat, &mut with);
            }
            without.extend(out.iter().cloned());
        }
        prop_assert_eq!(lasting(&with), lasting(&without), "repeated: {:?}", repeats);
    }
}

/// Crashes that once were noticed, each with a snapshot behind input `late`.
#[test]
fn after_these_crashes_everything_goes_on_as_if_nothing_had_happened() {
    use Op::*;
    let (plain, centi, level) = (false, 70, 0);
    let reading = Reading { plain, centi, level };
    let scripts = [(
        "between the births of a session whose predecessor's death was not heard",
        vec![Birth { plain }, Wait(3_600_000), reading],
        4,
    )];
    for (what, ops, late) in scripts {
        let site = Script::play(&ops);
        for cut in late..site.fed.len() {
            if let Err(error) = goes_on(&site, 0, late, cut) {
                panic!("{what}: {error}");
            }
        }
    }
}

#[test]
fn the_scripts_open_hazards_raise_alarms_and_leave_gaps() {
    // Otherwise the properties above would say little.
    let mut ops = Vec::new();
    for n in 0..60_u8 {
        ops.extend([
            Op::Reading {
                plain: n % 2 == 0,
                centi: 70 + n,
                level: -100,
            },
            Op::Wait(5_000),
        ]);
    }
    ops.extend([Op::Act { reject: true }, Op::Wait(3_600_000)]);
    // The next hour's first readings close the roll-ups of the one before.
    for plain in [true, false] {
        let (centi, level) = (70, -100);
        ops.extend([Op::Reading { plain, centi, level }, Op::Wait(5_000)]);
    }
    let site = Script::play(&ops);
    let kinds = |wanted: fn(&Output) -> bool| {
        site.fed
            .iter()
            .flat_map(|(_, out)| out)
            .filter(|output| wanted(output))
            .count()
    };
    assert!(kinds(|output| matches!(output, Output::Hazard { .. })) > 2);
    assert!(kinds(|output| matches!(output, Output::AlarmEvent(_))) > 2);
    assert!(kinds(|output| matches!(output, Output::Gap(_))) > 1);
    assert!(kinds(|output| matches!(output, Output::Rollup(_))) > 1);
    assert!(kinds(|output| matches!(output, Output::LogAction(_))) == 1);
}
