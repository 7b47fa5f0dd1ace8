//! Conditions: quantities become channels, expressions numbers, and what the equipment does not
//! measure disappears.

use super::{Compiler, Gap};
use crate::pack::source::ConditionSource;
use crate::pack::{Condition, text};
use crate::sample::ChannelIx;
use std::collections::BTreeSet;

/// A compiled condition, its words, and the channels it reads other than for being bad.
pub(super) struct Compiled {
    pub(super) condition: Condition,
    pub(super) words: String,
    channels: BTreeSet<ChannelIx>,
}

impl Compiler<'_> {
    pub(super) fn condition(&mut self, source: &ConditionSource) -> Result<Compiled, Gap> {
        match source {
            ConditionSource::All(members) => {
                let members = members.iter().map(|member| self.condition(member));
                // All are compiled, so that all missing keys are known.
                let members: Vec<_> = members.collect();
                let members = members.into_iter().collect::<Result<Vec<_>, _>>()?;
                Ok(combine(members, "and", Condition::All))
            }
            ConditionSource::Any(members) => Ok(combine(self.alternatives(members)?, "or", Condition::Any)),
            ConditionSource::AnyKnown(members) => Ok(any_known(self.alternatives(members)?)),
            ConditionSource::Not(inner) => {
                let Compiled {
                    condition,
                    words,
                    channels,
                } = self.condition(inner)?;
                Ok(Compiled {
                    condition: Condition::Not(Box::new(condition)),
                    words: format!("not {words}"),
                    channels,
                })
            }
            ConditionSource::Assume(inner, value) => match self.condition(inner) {
                Ok(compiled) => Ok(assume(compiled, *value)),
                Err(Gap::Wrong) => Err(Gap::Wrong),
                Err(Gap::NoChannel | Gap::Missing) => Ok(constant(*value)),
            },
            ConditionSource::Number {
                quantity,
                compare,
                value,
            } => {
                let channel = self.channel(*quantity)?;
                let value = self.number(value, None)?;
                let level = text::number(*quantity, value);
                let words = format!("{quantity} {} {level}", text::comparison(*compare));
                Ok(leaf(
                    channel,
                    words,
                    Condition::Number {
                        channel,
                        compare: *compare,
                        value,
                    },
                ))
            }
            ConditionSource::Is { quantity, value } => {
                let channel = self.channel(*quantity)?;
                let words = if *value {
                    quantity.to_string()
                } else {
                    format!("not {quantity}")
                };
                Ok(leaf(
                    channel,
                    words,
                    Condition::Is {
                        channel,
                        value: *value,
                    },
                ))
            }
            ConditionSource::Code { quantity, keys } => {
                let channel = self.channel(*quantity)?;
                let set = text::set(&keys.iter().map(|key| key.key()).collect::<Vec<_>>());
                let condition = Condition::Code {
                    channel,
                    keys: keys.clone(),
                };
                Ok(leaf(channel, format!("{quantity} {set}"), condition))
            }
            ConditionSource::Mode { quantity, modes } => {
                let channel = self.channel(*quantity)?;
                let set = text::set(&modes.iter().map(|mode| mode.key()).collect::<Vec<_>>());
                let condition = Condition::Mode {
                    channel,
                    modes: modes.clone(),
                };
                Ok(leaf(channel, format!("{quantity} {set}"), condition))
            }
            ConditionSource::Bad { quantity, value } => {
                let channel = self.channel(*quantity)?;
                let bad = Condition::Bad { channel };
                let (condition, words) = if *value {
                    (bad, format!("{quantity} bad or missing"))
                } else {
                    (Condition::Not(Box::new(bad)), format!("{quantity} good"))
                };
                // Never unknown: it needs no guard of its own.
                Ok(Compiled {
                    condition,
                    words,
                    channels: BTreeSet::new(),
                })
            }
        }
    }

    /// The alternatives the equipment can see; what it does not measure is no alternative.
    fn alternatives(&mut self, members: &[ConditionSource]) -> Result<Vec<Compiled>, Gap> {
        let mut seen = Vec::new();
        let mut gap = Gap::NoChannel;
        for member in members {
            match self.condition(member) {
                Ok(compiled) => seen.push(compiled),
                Err(Gap::Wrong) => return Err(Gap::Wrong),
                Err(Gap::Missing) => gap = Gap::Missing,
                Err(Gap::NoChannel) => {}
            }
        }
        if seen.is_empty() { Err(gap) } else { Ok(seen) }
    }
}

fn leaf(channel: ChannelIx, words: String, condition: Condition) -> Compiled {
    Compiled {
        condition,
        words,
        channels: [channel].into(),
    }
}

fn combine(mut members: Vec<Compiled>, word: &str, make: fn(Vec<Condition>) -> Condition) -> Compiled {
    if members.len() == 1
        && let Some(only) = members.pop()
    {
        return only;
    }
    let words = members
        .iter()
        .map(|member| member.words.clone())
        .collect::<Vec<_>>();
    let channels = members
        .iter()
        .flat_map(|member| member.channels.iter().copied())
        .collect();
    let conditions = members.into_iter().map(|member| member.condition).collect();
    Compiled {
        condition: make(conditions),
        words: text::joined(&words, word),
        channels,
    }
}

/// An empty `all` holds, an empty `any` does not.
fn constant(value: bool) -> Compiled {
    let condition = if value {
        Condition::All(Vec::new())
    } else {
        Condition::Any(Vec::new())
    };
    Compiled {
        condition,
        words: value.to_string(),
        channels: BTreeSet::new(),
    }
}

/// Whether any channel a condition reads is bad: true or false, never unknown.
fn any_bad(channels: &BTreeSet<ChannelIx>) -> Condition {
    Condition::Any(
        channels
            .iter()
            .map(|channel| Condition::Bad { channel: *channel })
            .collect(),
    )
}

fn assume(compiled: Compiled, value: bool) -> Compiled {
    let bad = any_bad(&compiled.channels);
    let condition = if value {
        Condition::Any(vec![bad, compiled.condition])
    } else {
        Condition::All(vec![Condition::Not(Box::new(bad)), compiled.condition])
    };
    // Decided either way: nothing above needs to guard it.
    Compiled {
        condition,
        words: compiled.words,
        channels: BTreeSet::new(),
    }
}

/// `any` over the alternatives whose channels are good; unknown when there is none. The last member
/// says so: it is unknown when every alternative is bad, and false otherwise.
fn any_known(mut alternatives: Vec<Compiled>) -> Compiled {
    if alternatives.len() == 1
        && let Some(only) = alternatives.pop()
    {
        return only;
    }
    let words = alternatives
        .iter()
        .map(|alternative| alternative.words.clone())
        .collect::<Vec<_>>();
    let channels = alternatives
        .iter()
        .flat_map(|alternative| alternative.channels.iter().copied())
        .collect();
    let mut nothing_known: Vec<_> = alternatives
        .iter()
        .map(|alternative| any_bad(&alternative.channels))
        .collect();
    nothing_known.push(Condition::NoChannel);
    let mut members: Vec<_> = alternatives
        .into_iter()
        .map(|alternative| assume(alternative, false).condition)
        .collect();
    members.push(Condition::All(nothing_known));
    Compiled {
        condition: Condition::Any(members),
        words: text::joined(&words, "or"),
        channels,
    }
}
