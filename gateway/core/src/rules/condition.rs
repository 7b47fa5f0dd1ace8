//! Three-valued conditions over one piece of equipment's newest readings.

use crate::equipment::Values;
use crate::pack::{Compare, Condition, Truth};
use crate::sample::ChannelIx;
use vigil_protocol::vocabulary::ServiceMode;

/// Kleene truth of a condition.
pub(crate) fn evaluate(condition: &Condition, values: Values<'_>) -> Truth {
    match condition {
        Condition::All(parts) => {
            let mut truth = Truth::True;
            for part in parts {
                truth = truth.and(evaluate(part, values));
                if truth == Truth::False {
                    break;
                }
            }
            truth
        }
        Condition::Any(parts) => {
            let mut truth = Truth::False;
            for part in parts {
                truth = truth.or(evaluate(part, values));
                if truth == Truth::True {
                    break;
                }
            }
            truth
        }
        Condition::Not(part) => !evaluate(part, values),
        Condition::Number {
            channel,
            compare,
            value,
        } => Truth::from(values.number(*channel).map(|number| match compare {
            Compare::Less => number < *value,
            Compare::AtMost => number <= *value,
            Compare::Greater => number > *value,
            Compare::AtLeast => number >= *value,
        })),
        Condition::Is { channel, value } => Truth::from(values.boolean(*channel).map(|on| on == *value)),
        Condition::Code { channel, keys } => Truth::from(values.key(*channel).map(|key| keys.contains(&key))),
        Condition::Mode { channel, modes } => {
            let mode = values.mode(*channel);
            let wanted = |mode: ServiceMode| modes.contains(&mode);
            match mode {
                // The controller saying that it does not know is no answer, unless that is the question.
                Some(ServiceMode::Unknown) if !wanted(ServiceMode::Unknown) => Truth::Unknown,
                mode => Truth::from(mode.map(wanted)),
            }
        }
        Condition::Bad { channel } => Truth::from(values.is_bad(*channel)),
        Condition::NoChannel => Truth::Unknown,
    }
}

/// Adds the channels whose readings make a condition true, in its order: of alternatives only those that
/// hold. That a channel is not bad makes nothing true by itself.
pub(crate) fn speaking(condition: &Condition, values: Values<'_>, found: &mut Vec<ChannelIx>) {
    match condition {
        Condition::Any(parts) => {
            for part in parts.iter().filter(|part| evaluate(part, values) == Truth::True) {
                speaking(part, values, found);
            }
        }
        Condition::All(parts) => parts.iter().for_each(|part| speaking(part, values, found)),
        Condition::Not(part) => match &**part {
            Condition::Any(parts) if parts.iter().all(|part| matches!(part, Condition::Bad { .. })) => {}
            Condition::Bad { .. } => {}
            part => channels_of(part, found),
        },
        leaf => channels_of(leaf, found),
    }
}

/// Adds the channels a condition reads, in its order.
pub(crate) fn channels_of(condition: &Condition, found: &mut Vec<ChannelIx>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                channels_of(part, found);
            }
        }
        Condition::Not(part) => channels_of(part, found),
        Condition::Number { channel, .. }
        | Condition::Is { channel, .. }
        | Condition::Code { channel, .. }
        | Condition::Mode { channel, .. }
        | Condition::Bad { channel } => found.push(*channel),
        Condition::NoChannel => {}
    }
}
