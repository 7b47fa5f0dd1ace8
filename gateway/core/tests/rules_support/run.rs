//! Feeds a timeline to a pipeline and writes down what comes out.

use super::Timeline;
use super::print;
use super::script::{Feed, What};
use super::steps;
use std::collections::BTreeMap;
use vigil_core::hazard::{HazardEvent, HazardId, HazardSummary, verify_chain};
use vigil_core::output::{DecodeContext, Output, Outputs};
use vigil_core::{Action, Input, Message, OperatorAction, Pipeline, Position, Settings, UtcMillis};

/// What came of a timeline.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) lines: Vec<String>,
    pub(crate) chains: BTreeMap<HazardId, Vec<HazardEvent>>,
    pub(crate) outputs: Outputs,
}

impl Run {
    /// Hazards as (equipment, rule, late), one for each, with their number of trips.
    pub(crate) fn hazards(&self) -> Vec<String> {
        let summaries = self.chains.values().map(|chain| verify_chain(chain).unwrap());
        let mut found: Vec<String> = summaries
            .map(|hazard| format!("{} {} {:?}", hazard.equipment, hazard.rule, hazard.status))
            .collect();
        found.sort();
        found
    }
}

pub(crate) struct Runner<'t> {
    timeline: &'t Timeline,
    pipeline: Pipeline,
    contexts: Vec<DecodeContext>,
    position: u64,
    now: UtcMillis,
    /// What the store would have of every hazard.
    register: BTreeMap<HazardId, HazardSummary>,
    pub(crate) run: Run,
}

impl<'t> Runner<'t> {
    pub(crate) fn new(timeline: &'t Timeline) -> Self {
        Self {
            timeline,
            pipeline: Pipeline::new(timeline.catalog.clone(), Settings::default()),
            contexts: Vec::new(),
            position: 0,
            now: UtcMillis(0),
            register: BTreeMap::new(),
            run: Run::default(),
        }
    }

    /// Runs everything.
    pub(crate) fn all(timeline: &'t Timeline) -> Run {
        let mut runner = Self::new(timeline);
        timeline.feeds.iter().for_each(|feed| runner.feed(feed));
        runner.run
    }

    pub(crate) fn feed(&mut self, feed: &Feed) {
        self.now = feed.at;
        match &feed.what {
            What::Message { topic, payload } => {
                self.position += 1;
                let message = Message {
                    topic,
                    payload,
                    retained: false,
                };
                self.input(Input::Message(message));
            }
            What::Act { .. } => {
                self.position += 1;
                let action = self.action(&feed.what);
                self.input(Input::Action(&action));
            }
            What::Tick => self.input(Input::Tick),
            What::Restart => self.restart(),
        }
    }

    pub(crate) fn tick(&mut self, now: UtcMillis) {
        self.now = now;
        self.input(Input::Tick);
    }

    fn input(&mut self, input: Input<'_>) {
        let mut out = Outputs::new();
        self.pipeline
            .handle(input, Position(self.position), self.now, &mut out);
        for output in out {
            match &output {
                Output::Context(context) => self.contexts.push(context.clone()),
                Output::Hazard { event, summary } => {
                    self.register.insert(summary.id.clone(), (**summary).clone());
                    let chain = self.run.chains.entry(event.hazard.clone()).or_default();
                    chain.push(HazardEvent::clone(event));
                    // The register never shows anything but what its events say.
                    assert_eq!(verify_chain(chain).as_ref(), Ok(&**summary));
                }
                _ => {}
            }
            self.run.lines.extend(print::line(&output, self.now));
            self.run.outputs.push(output);
        }
    }

    /// All nodes through their snapshots into a new pipeline.
    pub(crate) fn restart(&mut self) {
        self.input(Input::Tick);
        let mut keys: Vec<String> = self
            .pipeline
            .nodes()
            .map(|status| format!("{}/{}", status.group, status.node))
            .collect();
        keys.insert(0, String::new());
        let mut next = Pipeline::new(self.timeline.catalog.clone(), Settings::default());
        for context in &self.contexts {
            next.restore_context(context.clone());
        }
        for key in keys {
            if let Some(bytes) = self.pipeline.snapshot(&key) {
                next.restore_node(&key, &bytes).unwrap();
            }
        }
        self.pipeline = next;
        let mut out = Outputs::new();
        self.pipeline
            .handle(Input::Tick, Position(self.position), self.now, &mut out);
        let unknown = self.pipeline.restore_hazards(self.register.values().cloned());
        assert_eq!(unknown, [], "a snapshot holds the hazards of its equipment");
        self.pipeline
            .handle(Input::Tick, Position(self.position), self.now, &mut out);
        let told: Vec<_> = out
            .iter()
            .filter_map(|output| print::line(output, self.now))
            .collect();
        assert_eq!(
            told,
            Vec::<String>::new(),
            "a restored pipeline has nothing to say"
        );
    }

    fn desk_action(
        &self,
        verb: &str,
        equipment: &str,
        rule: &str,
        reason: &str,
        hazard: &HazardId,
    ) -> Option<Action> {
        if verb.starts_with("report") {
            let intake = steps::intake(equipment, rule, reason, verb == "report-fixed");
            return Some(Action::OpenHazard {
                intake: Box::new(intake),
            });
        }
        Some(Action::Hazard {
            hazard: hazard.clone(),
            expect: None,
            step: Box::new(steps::step(verb, self.now)?),
        })
    }

    fn action(&self, what: &What) -> OperatorAction {
        let What::Act {
            verb,
            equipment,
            rule,
            actor,
            reason,
            shelve_ms,
        } = what
        else {
            unreachable!()
        };
        // The latest hazard of the rule.
        let id = self.run.outputs.iter().rev().find_map(|output| match output {
            Output::Hazard { summary, .. }
                if *summary.equipment == **equipment && (*summary.rule == **rule || rule == "*") =>
            {
                Some(summary.id.clone())
            }
            _ => None,
        });
        let hazard = id.unwrap_or_else(|| HazardId("HZ-none".into()));
        let (equipment, rule) = (equipment.clone(), rule.clone());
        if let Some(action) = self.desk_action(verb, &equipment, &rule, reason, &hazard) {
            return OperatorAction {
                actor: actor.clone(),
                reason: reason.clone(),
                idempotency_key: None,
                who: Some(steps::person(actor)),
                scope: Some(steps::scope()),
                action,
            };
        }
        let action = match verb.as_str() {
            "confirm" => Action::ConfirmHazard { hazard },
            "reject" => Action::RejectHazard { hazard },
            "comment" => Action::CommentHazard { hazard },
            "ack" => Action::AcknowledgeAlarm { equipment, rule },
            "shelve" => Action::ShelveAlarm {
                equipment,
                rule,
                until: UtcMillis(self.now.0 + shelve_ms),
            },
            "unshelve" => Action::UnshelveAlarm { equipment, rule },
            _ => Action::ResetAlarm { equipment, rule },
        };
        OperatorAction {
            actor: actor.clone(),
            reason: reason.clone(),
            idempotency_key: None,
            who: None,
            scope: None,
            action,
        }
    }
}
