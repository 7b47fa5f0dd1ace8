//! From TOML to a valid scenario.

use serde::Deserialize;
use toml::Spanned;

use super::action::{self, RawEvent};
use super::{Action, Event, Problem, Scenario, ScenarioError, duration};
use crate::plant::{Plant, PlantFault};
use crate::rng::Rng;
use crate::site::Site;
use crate::truth::{Must, Pattern, Truth};

const LONGEST_STEP_MS: i64 = 1_000;
const LONGEST_HEARTBEAT_MS: i64 = 60_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    title: String,
    seed: u64,
    duration: Spanned<String>,
    step: Option<Spanned<String>>,
    heartbeat: Option<Spanned<String>>,
    site: Option<Spanned<Site>>,
    #[serde(default)]
    event: Vec<Spanned<RawEvent>>,
    #[serde(default)]
    must: Vec<Spanned<RawMust>>,
    #[serde(default)]
    must_not: Vec<Spanned<RawPattern>>,
    #[serde(default)]
    may: Vec<Spanned<RawPattern>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMust {
    equipment: String,
    rule: String,
    count: Option<u32>,
    late: Option<bool>,
    severity: Option<String>,
    why: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPattern {
    equipment: String,
    rule: String,
    why: Option<String>,
}

/// Collects problems with their lines.
struct Check<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn wrong(&mut self, at: usize, what: impl Into<String>) {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        self.problems.push(Problem {
            line,
            what: what.into(),
        });
    }

    fn time(&mut self, text: &Spanned<String>) -> i64 {
        duration::parse(text.get_ref()).unwrap_or_else(|what| {
            self.wrong(text.span().start, what);
            0
        })
    }

    fn time_within(&mut self, text: Option<&Spanned<String>>, default: i64, longest: i64) -> i64 {
        let Some(text) = text else { return default };
        let ms = self.time(text);
        if (1..=longest).contains(&ms) {
            return ms;
        }
        self.wrong(
            text.span().start,
            format!("`{}` has to be between 1ms and {longest}ms", text.get_ref()),
        );
        default
    }
}

pub(super) fn read(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let raw: RawScenario = toml::from_str(text).map_err(|error| ScenarioError::Syntax {
        name: name.to_owned(),
        message: error.to_string(),
    })?;
    let mut check = Check {
        text,
        problems: Vec::new(),
    };
    let site = site(raw.site, &mut check);
    let duration_ms = check.time(&raw.duration);
    if duration_ms <= 0 {
        check.wrong(raw.duration.span().start, "a scenario has to last some time");
    }
    let events = raw
        .event
        .into_iter()
        .filter_map(|event| self::event(event, &site, duration_ms, &mut check))
        .collect();
    let known = |id: &str| site.find(id).is_some();
    let must = raw.must.into_iter().map(|row| {
        let at = row.span().start;
        let row = row.into_inner();
        if !known(&row.equipment) {
            check.wrong(at, format!("no equipment `{}` on this site", row.equipment));
        }
        if !row
            .severity
            .as_deref()
            .is_none_or(|severity| ["S1", "S2", "S3", "S4"].contains(&severity))
        {
            check.wrong(at, "severity is one of S1, S2, S3, S4");
        }
        Must {
            equipment: row.equipment,
            rule: row.rule,
            count: row.count.unwrap_or(1),
            late: row.late,
            severity: row.severity,
            why: row.why.unwrap_or_default(),
        }
    });
    let must = must.collect();
    let mut patterns = |rows: Vec<Spanned<RawPattern>>| -> Vec<Pattern> {
        let rows = rows.into_iter().map(|row| {
            let at = row.span().start;
            let row = row.into_inner();
            if row.equipment != "*" && !known(&row.equipment) {
                check.wrong(at, format!("no equipment `{}` on this site", row.equipment));
            }
            Pattern {
                equipment: row.equipment,
                rule: row.rule,
                why: row.why.unwrap_or_default(),
            }
        });
        rows.collect()
    };
    let truth = Truth {
        must,
        must_not: patterns(raw.must_not),
        may: patterns(raw.may),
    };
    let scenario = Scenario {
        name: name.to_owned(),
        title: raw.title,
        seed: raw.seed,
        duration_ms,
        step_ms: check.time_within(raw.step.as_ref(), 200, LONGEST_STEP_MS),
        heartbeat_ms: check.time_within(raw.heartbeat.as_ref(), 5_000, LONGEST_HEARTBEAT_MS),
        site,
        events,
        truth,
    };
    if check.problems.is_empty() {
        return Ok(scenario);
    }
    check.problems.sort_by_key(|problem| problem.line);
    Err(ScenarioError::Invalid {
        name: name.to_owned(),
        problems: check.problems,
    })
}

fn site(raw: Option<Spanned<Site>>, check: &mut Check<'_>) -> Site {
    let (at, mut site) = match raw {
        Some(site) => (site.span().start, site.into_inner()),
        None => match Site::builtin() {
            Ok(site) => (0, site),
            Err(error) => {
                check.wrong(0, format!("the built-in site: {error}"));
                let none = String::new;
                (
                    0,
                    Site {
                        group: none(),
                        name: none(),
                        name_en: none(),
                        nodes: vec![],
                        equipment: vec![],
                        slaves: vec![],
                    },
                )
            }
        },
    };
    for problem in site.problems() {
        check.wrong(at, problem);
    }
    site.wire();
    site
}

fn event(raw: Spanned<RawEvent>, site: &Site, duration_ms: i64, check: &mut Check<'_>) -> Option<Event> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let from_ms = check.time(&raw.at);
    let to_ms = raw.until.as_ref().map(|until| check.time(until));
    if !(0..duration_ms).contains(&from_ms) {
        check.wrong(
            raw.at.span().start,
            format!("`at` has to lie within the {duration_ms} ms of the scenario"),
        );
    }
    if to_ms.is_some_and(|to_ms| to_ms <= from_ms) {
        check.wrong(at, "`until` has to come after `at`");
    }
    let what = raw.what.span().start;
    let action = match action::read(raw, site) {
        Ok(action) => action,
        Err(problems) => {
            problems
                .into_iter()
                .for_each(|problem| check.wrong(what, problem));
            return None;
        }
    };
    if let Err(problem) = fits(&action, site) {
        check.wrong(what, problem);
    }
    Some(Event {
        from_ms,
        to_ms,
        action,
    })
}

/// Whether the equipment can have the fault, and has the instrument.
fn fits(action: &Action, site: &Site) -> Result<(), String> {
    let built = |id: &str| site.find(id).map(|equipment| equipment.build(Rng::new(0)));
    match action {
        Action::Plant { equipment, fault } => match built(equipment) {
            Some(mut plant) => {
                plant
                    .set_fault(fault, true)
                    .map_err(|refused| refused.to_string())?;
                numbered(&plant, fault)
            }
            None => Ok(()),
        },
        Action::Sensor {
            equipment, quantity, ..
        } => {
            match built(equipment) {
                Some(plant) if !site.find(equipment).is_some_and(|own| own.measures(*quantity)) => Err(
                    format!("a {} has no instrument for `{}`", plant.class(), quantity.key()),
                ),
                _ => Ok(()),
            }
        }
        Action::Node { .. } | Action::Slave { .. } | Action::BrokerDown => Ok(()),
    }
}

/// Whether the lift's controller has a number for the code it is to show.
fn numbered(plant: &Plant, fault: &PlantFault) -> Result<(), String> {
    let (PlantFault::Entrapment(Some(key))
    | PlantFault::EntrapmentAtLevel(Some(key))
    | PlantFault::ControllerCode(key)) = fault
    else {
        return Ok(());
    };
    match plant {
        Plant::Lift(lift) if lift.scheme().number(*key).is_none() => Err(format!(
            "the scheme `{}` has no number for `{}`",
            lift.scheme().key(),
            key.key()
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
