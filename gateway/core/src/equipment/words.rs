//! Short English details for alarm lists. Only built when something happens.

use super::evaluator::Evaluator;
use crate::catalog::Equipment;
use crate::pack::{Rule, RuleKind};
use crate::rules;
use crate::sample::{ChannelIx, Reading};
use std::fmt::Write as _;

/// Readings named in a detail at most.
const NAMED: usize = 4;

/// What the readings that speak for the rule say now, and against what.
pub(crate) fn detail(equipment: &Equipment, rule: &Rule, evaluator: &Evaluator) -> String {
    let mut text = String::new();
    for channel in rules::speakers(rule, evaluator.values()).into_iter().take(NAMED) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        reading(&mut text, equipment, channel, evaluator);
    }
    if text.is_empty() && matches!(rule.kind, RuleKind::Quality { .. }) {
        text.push_str("stale: not heard");
    }
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(&rule.condition_text);
    text
}

/// `steam_pressure 1.35 MPa`, `fault_code E53 (DOOR_LOCK_SHORTED)`, `drum_level: no data (sensor)`.
pub(crate) fn reading(text: &mut String, equipment: &Equipment, channel: ChannelIx, evaluator: &Evaluator) {
    let Some(quantity) = equipment
        .channels
        .get(usize::from(channel.0))
        .map(|channel| channel.quantity)
    else {
        return;
    };
    text.push_str(quantity.key());
    let Some(latest) = evaluator.series.get(channel) else {
        text.push_str(": nothing reported");
        return;
    };
    let written = match latest.reading {
        Reading::Number(number) => write!(text, " {} {}", rounded(number), quantity.unit().symbol()),
        Reading::Bool(on) => write!(text, " {on}"),
        Reading::Code { key: Some(key), raw } => write!(text, " {} ({})", raw.as_str(), key.key()),
        Reading::Code { key: None, raw } => write!(text, " {} (unknown code)", raw.as_str()),
        Reading::NoData(reason) => write!(text, ": no data ({})", reason.key()),
    };
    written.unwrap_or_default();
    if !latest.quality.is_good() && !matches!(latest.reading, Reading::NoData(_)) {
        write!(text, " [{}]", latest.quality.key()).unwrap_or_default();
    }
    text.truncate(text.trim_end().len());
}

/// At most four decimals, without trailing zeros.
fn rounded(number: f64) -> f64 {
    let scaled = (number * 10_000.0).round() / 10_000.0;
    if scaled.is_finite() { scaled } else { number }
}
