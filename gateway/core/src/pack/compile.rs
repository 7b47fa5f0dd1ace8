//! [`RuleSource`] → [`Rule`] for the channels and nameplate of one piece of equipment.
//!
//! A rule that cannot be right there is not applied: silently when the equipment does not measure
//! what the rule looks at, with a word when its nameplate lacks a value.

use super::source::{Formula, KindSource, QualityScope, RulePack, RuleSource};
mod condition;

use super::{Direction, Rule, RuleKind, text};
use crate::catalog::Channel;
use crate::diagnostic::Diagnostic;
use crate::expr::EvalError;
use crate::sample::ChannelIx;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vigil_protocol::vocabulary::Quantity;

/// What compiling packs for one piece of equipment gave.
#[derive(Debug, Default)]
pub struct Compilation {
    /// The rules that apply.
    pub rules: Vec<Rule>,
    /// Rules that do not, or only in part, because the nameplate lacks values.
    pub skipped: Vec<SkippedRule>,
    /// Rules that are wrong for these numbers.
    pub findings: Vec<Diagnostic>,
}

/// A rule that lacks nameplate values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRule {
    /// Rule id.
    pub rule: Arc<str>,
    /// The missing keys.
    pub missing: BTreeSet<String>,
    /// The rule is applied with the alternatives that need no missing value.
    pub partly: bool,
}

/// Why a condition has no compiled form.
enum Gap {
    /// The equipment does not measure it.
    NoChannel,
    /// The nameplate does not say.
    Missing,
    /// Reported as a finding.
    Wrong,
}

impl RulePack {
    /// Adds the nameplate values that follow from those there are.
    pub fn derive(&self, nameplate: &mut BTreeMap<String, f64>) {
        // Derived values may use each other in any order: as many rounds as there are values.
        for _ in &self.derived {
            for derived in &self.derived {
                if !nameplate.contains_key(&*derived.key)
                    && let Ok(value) = derived.value.expr.eval(&|name| nameplate.get(name).copied())
                {
                    nameplate.insert(derived.key.to_string(), value);
                }
            }
        }
    }

    /// Compiles the rules that speak about `category`; `equipment` is named in findings.
    pub fn compile(
        &self,
        equipment: &str,
        category: &str,
        channels: &[Channel],
        nameplate: &BTreeMap<String, f64>,
        into: &mut Compilation,
    ) {
        if !self.applies_to(category) {
            return;
        }
        for source in self.rules.iter().filter(|rule| rule.applies_to(category)) {
            let mut compiler = Compiler {
                equipment,
                channels,
                nameplate,
                source,
                missing: BTreeSet::new(),
                findings: Vec::new(),
            };
            let rule = compiler.rule(self);
            let Compiler {
                missing, findings, ..
            } = compiler;
            into.findings.extend(findings);
            if !missing.is_empty() {
                into.skipped.push(SkippedRule {
                    rule: Arc::clone(&source.id),
                    missing,
                    partly: rule.is_some(),
                });
            }
            into.rules.extend(rule);
        }
    }
}

struct Compiler<'a> {
    equipment: &'a str,
    channels: &'a [Channel],
    nameplate: &'a BTreeMap<String, f64>,
    source: &'a RuleSource,
    missing: BTreeSet<String>,
    findings: Vec<Diagnostic>,
}

impl Compiler<'_> {
    fn rule(&mut self, pack: &RulePack) -> Option<Rule> {
        let source = self.source;
        let (kind, words) = self.kind().ok()?;
        let absent = source
            .requires
            .iter()
            .filter(|key| !self.nameplate.contains_key(*key));
        let absent: Vec<_> = absent.cloned().collect();
        if !absent.is_empty() {
            self.missing.extend(absent);
            return None;
        }
        let severity_when = source.severity_when.iter();
        let severity_when = severity_when
            .filter_map(|(c, severity)| Some((self.condition(c).ok()?.condition, *severity)))
            .collect();
        let suppress_when = source
            .suppress_when
            .as_ref()
            .and_then(|c| Some(self.condition(c).ok()?.condition));
        Some(Rule {
            id: Arc::clone(&source.id),
            pack: Arc::clone(&pack.info),
            title_zh: Arc::clone(&source.title_zh),
            title_en: Arc::clone(&source.title_en),
            kind,
            on_delay_ms: source.on_delay_ms,
            off_delay_ms: source.off_delay_ms,
            severity: source.severity,
            severity_when,
            suppress_when,
            opens: source.opens,
            latched: source.latched,
            clause: Arc::clone(&source.clause),
            source: Arc::clone(&source.source),
            confidence: Arc::clone(&source.confidence),
            condition_text: words.into(),
        })
    }

    fn kind(&mut self) -> Result<(RuleKind, String), Gap> {
        let delay = text::for_delay(self.source.on_delay_ms);
        match &self.source.kind {
            KindSource::Limit {
                quantity,
                direction,
                trip,
                clear,
            } => {
                let channel = self.channel(*quantity)?;
                let trip_at = self.number(trip, None)?;
                let clear_at = self.number(clear, Some(trip_at))?;
                self.check_levels(*quantity, *direction, (trip, trip_at), (clear, clear_at))?;
                let level = text::number(*quantity, trip_at);
                let words = format!("{quantity} {} {level}{delay}", text::limit(*direction));
                let kind = RuleKind::Limit {
                    channel,
                    direction: *direction,
                    trip: trip_at,
                    clear: clear_at,
                };
                Ok((kind, words))
            }
            KindSource::Rate {
                quantity,
                direction,
                trip,
                clear,
                window_ms,
            } => {
                let channel = self.channel(*quantity)?;
                let trip_per_minute = self.number(trip, None)?;
                let clear_per_minute = self.number(clear, Some(trip_per_minute))?;
                if !(trip_per_minute > 0.0 && clear_per_minute < trip_per_minute) {
                    return self.wrong(
                        clear,
                        format!("a change of {trip_per_minute} per minute that clears at {clear_per_minute}"),
                        "the trip must be positive and the clear level below it, for falling values too",
                    );
                }
                let verb = match direction {
                    Direction::High => "rises",
                    Direction::Low => "falls",
                };
                let rate = text::number(*quantity, trip_per_minute);
                let window = text::duration(*window_ms);
                let words = format!("{quantity} {verb} >= {rate} per min over {window}{delay}");
                let kind = RuleKind::Rate {
                    channel,
                    direction: *direction,
                    trip_per_minute,
                    clear_per_minute,
                    window_ms: *window_ms,
                };
                Ok((kind, words))
            }
            KindSource::Code {
                quantity,
                keys,
                count,
                window_ms,
            } => {
                let channel = self.channel(*quantity)?;
                let set = text::set(&keys.iter().map(|key| key.key()).collect::<Vec<_>>());
                let words = match count {
                    1 => format!("{quantity} {set}{delay}"),
                    count => format!(
                        "{quantity} {set} {count} times within {}{delay}",
                        text::duration(*window_ms)
                    ),
                };
                let kind = RuleKind::Code {
                    channel,
                    keys: keys.clone(),
                    count: *count,
                    window_ms: *window_ms,
                };
                Ok((kind, words))
            }
            KindSource::Count {
                quantity,
                value,
                count,
                window_ms,
            } => {
                let channel = self.channel(*quantity)?;
                let state = if *value { "" } else { "not " };
                let window = text::duration(*window_ms);
                let words = format!("{state}{quantity} {count} times within {window}{delay}");
                let kind = RuleKind::Count {
                    channel,
                    value: *value,
                    count: *count,
                    window_ms: *window_ms,
                };
                Ok((kind, words))
            }
            KindSource::Silence { after_ms } => {
                let words = format!("not heard for {}", text::duration(*after_ms));
                Ok((RuleKind::Silence { after_ms: *after_ms }, words))
            }
            KindSource::Quality(scope) => {
                let watched = |channel: &Channel| match scope {
                    QualityScope::Quantities(quantities) => quantities.contains(&channel.quantity),
                    QualityScope::CurrentLoops => channel.current_loop.is_some(),
                };
                let watched: Vec<_> = self
                    .channels
                    .iter()
                    .enumerate()
                    .filter(|(_, channel)| watched(channel))
                    .collect();
                if watched.is_empty() {
                    return Err(Gap::NoChannel);
                }
                let names: Vec<_> = watched
                    .iter()
                    .map(|(_, channel)| channel.quantity.key().to_owned())
                    .collect();
                let words = format!("{} bad or missing{delay}", text::joined(&names, "or"));
                let channels = watched.iter().map(|(ix, _)| ChannelIx(*ix as u16)).collect();
                Ok((RuleKind::Quality { channels }, words))
            }
            KindSource::Interlock(condition) => {
                let compiled = self.condition(condition)?;
                let words = match compiled
                    .words
                    .strip_prefix('(')
                    .and_then(|words| words.strip_suffix(')'))
                {
                    // The outermost parentheses say nothing unless a delay follows.
                    Some(inner) if delay.is_empty() => inner.to_owned(),
                    _ => format!("{}{delay}", compiled.words),
                };
                Ok((
                    RuleKind::Interlock {
                        condition: compiled.condition,
                    },
                    words,
                ))
            }
        }
    }

    fn channel(&self, quantity: Quantity) -> Result<ChannelIx, Gap> {
        let found = self
            .channels
            .iter()
            .position(|channel| channel.quantity == quantity);
        found.map(|ix| ChannelIx(ix as u16)).ok_or(Gap::NoChannel)
    }

    fn wrong<T>(&mut self, formula: &Formula, what: String, help: &str) -> Result<T, Gap> {
        let message = format!("rule `{}` for `{}`: {what}", self.source.id, self.equipment);
        self.findings.push(formula.place.error(message).help(help));
        Err(Gap::Wrong)
    }

    /// The value of an expression; every missing nameplate key is noted, not only the first.
    fn number(&mut self, formula: &Formula, trip: Option<f64>) -> Result<f64, Gap> {
        let lookup = |name: &str| match name {
            "trip" if trip.is_some() => trip,
            name => self.nameplate.get(name).copied(),
        };
        match formula.expr.eval(&lookup) {
            Ok(value) => Ok(value),
            Err(EvalError::Missing(first)) => {
                let names = formula.expr.names().into_iter();
                let absent = names.filter(|name| lookup(name).is_none()).map(str::to_owned);
                let absent: Vec<_> = absent.chain([first]).collect();
                self.missing.extend(absent);
                Err(Gap::Missing)
            }
            Err(error @ EvalError::NotANumber(_)) => {
                self.wrong(formula, error.to_string(), "check the nameplate values it uses")
            }
        }
    }

    fn check_levels(
        &mut self,
        quantity: Quantity,
        direction: Direction,
        (trip_formula, trip): (&Formula, f64),
        (clear_formula, clear): (&Formula, f64),
    ) -> Result<(), Gap> {
        let (apart, side) = match direction {
            Direction::High => (clear < trip, "below"),
            Direction::Low => (clear > trip, "above"),
        };
        let (trip_text, clear_text) = (text::number(quantity, trip), text::number(quantity, clear));
        if !apart {
            return self.wrong(
                clear_formula,
                format!("it trips at {trip_text} and clears at {clear_text}"),
                &format!("the clear level must lie {side} the trip level, or the alarm flaps"),
            );
        }
        if !quantity.is_plausible(trip) {
            let message = format!(
                "rule `{}` for `{}` can never trip: {trip_text} is not plausible for {quantity}",
                self.source.id, self.equipment
            );
            self.findings.push(
                trip_formula
                    .place
                    .warning(message)
                    .help("check the nameplate values it uses"),
            );
        }
        Ok(())
    }
}
