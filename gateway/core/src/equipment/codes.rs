//! Codes the scheme of the equipment does not know: told, so that somebody can say what they mean.

use super::series::Series;
use crate::catalog::Equipment;
use crate::output::{Output, Outputs, UnknownCode};
use crate::sample::{RawCode, Reading, Sample};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// While a code stands it is told again once a minute of source time.
const MINUTE_MS: i64 = 60_000;

/// Tells of unknown codes among `samples`, before `series` takes them.
pub(super) fn tell(equipment: &Equipment, series: &Series, samples: &[Sample], out: &mut Outputs) {
    for (ix, sample) in samples.iter().enumerate() {
        let Some(code) = unknown(&sample.reading) else {
            continue;
        };
        let channel = equipment.channels.get(usize::from(sample.channel.0));
        if channel.is_none_or(|channel| channel.quantity != Quantity::FaultCode) {
            continue;
        }
        let earlier = samples[..ix]
            .iter()
            .rev()
            .find(|earlier| earlier.channel == sample.channel);
        let before = match earlier {
            Some(earlier) => Some((earlier.at, earlier.reading)),
            None => series
                .get(sample.channel)
                .map(|latest| (latest.at, latest.reading)),
        };
        let stood_since = before
            .filter(|(_, reading)| unknown(reading) == Some(code))
            .map(|(at, _)| at);
        if stood_since.is_some_and(|at| minute(at) == minute(sample.at)) {
            continue;
        }
        out.push(Output::UnknownCode(UnknownCode {
            equipment: equipment.id.clone(),
            scheme: equipment.scheme.as_ref().map(|scheme| scheme.id.clone()),
            code,
            at: sample.at,
            appeared: stood_since.is_none(),
        }));
    }
}

fn unknown(reading: &Reading) -> Option<RawCode> {
    match reading {
        Reading::Code { key: None, raw } => Some(*raw),
        _ => None,
    }
}

const fn minute(at: UtcMillis) -> i64 {
    at.0.div_euclid(MINUTE_MS)
}
