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

#[cfg(test)]
mod tests {
    use super::evaluate;
    use crate::equipment::{Latest, Series, Values};
    use crate::input::Position;
    use crate::pack::{Compare, Condition, Truth};
    use crate::sample::{ChannelIx, Reading};
    use proptest::prelude::*;
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::{NoData, Quality};

    const CHANNELS: u16 = 4;

    fn series(readings: &[Option<f64>]) -> Series {
        let mut series = Series::new(usize::from(CHANNELS));
        for (channel, reading) in (0..).zip(readings) {
            let (reading, quality) = match reading {
                Some(number) => (Reading::Number(*number), Quality::Good),
                None => (Reading::NoData(NoData::Null), NoData::Null.quality()),
            };
            let at = UtcMillis(0);
            let latest = Latest {
                reading,
                raw: None,
                quality,
                at,
                since: at,
                received: at,
                position: Position(1),
            };
            series.put(ChannelIx(channel), latest, crate::equipment::Sums::default());
        }
        series
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let channel = (0..CHANNELS).prop_map(ChannelIx);
        let leaf = prop_oneof![
            (channel.clone(), 0..3_u8).prop_map(|(channel, value)| Condition::Number {
                channel,
                compare: Compare::AtLeast,
                value: f64::from(value),
            }),
            (channel, any::<bool>()).prop_map(|(channel, value)| Condition::Is { channel, value }),
            Just(Condition::NoChannel),
        ];
        leaf.prop_recursive(4, 24, 4, |part| {
            prop_oneof![
                prop::collection::vec(part.clone(), 0..4).prop_map(Condition::All),
                prop::collection::vec(part.clone(), 0..4).prop_map(Condition::Any),
                part.prop_map(|part| Condition::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_missing_reading_makes_a_condition_unknown_but_never_wrong(
            condition in condition(),
            readings in prop::collection::vec((0..3_u8, any::<bool>()), usize::from(CHANNELS)),
        ) {
            let all: Vec<_> = readings.iter().map(|(value, _)| Some(f64::from(*value))).collect();
            let some: Vec<_> =
                readings.iter().map(|(value, known)| known.then_some(f64::from(*value))).collect();
            let truth = |readings: &[Option<f64>]| {
                let series = series(readings);
                evaluate(&condition, Values { series: &series, fresh_from: Position(0) })
            };
            let (known, vague) = (truth(&all), truth(&some));
            prop_assert!(vague == Truth::Unknown || vague == known, "{vague:?} became {known:?}");
        }
    }
}
