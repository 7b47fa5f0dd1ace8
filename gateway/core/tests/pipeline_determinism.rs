//! What everything rests on: the same inputs give the same outputs, whatever happens in between: restarts at
//! any point, ticks at any time, messages that come again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod pipeline_script;
mod support;

use pipeline_script::{Op, Script, ops};
use proptest::prelude::*;
use support::*;
use vigil_core::{Output, Outputs, Pipeline, Position, Settings, UtcMillis};

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
    ops.extend([Op::Act { what: 1 }, Op::Wait(3_600_000)]);
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
