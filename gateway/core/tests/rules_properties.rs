//! What must hold for any stream of readings, whatever is cut, doubled, lost or broken on the way.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod rules_story;
mod rules_support;

use proptest::prelude::*;
use rules_story::{Run, Said, Saying, Step, Value, lift, steps, story};
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::equipment::{EquipmentState, Link};
use vigil_core::hazard::{HazardEventKind, HazardId, HazardStatus, verify_chain};
use vigil_core::output::Output;
use vigil_core::sample::Sample;
use vigil_protocol::vocabulary::Quantity;

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
