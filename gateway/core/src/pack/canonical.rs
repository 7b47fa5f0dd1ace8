//! The form of a pack its content hash is taken over: what it means, not how it is laid out.
//!
//! JSON with sorted keys; durations in ms, expressions in their one canonical spelling, defaults
//! filled in. Comments, order of keys and blanks do not count; order of rules does.

use super::source::{ConditionSource, Derived, KindSource, QualityScope, RuleSource};
use super::{Opens, PackInfo};
use serde_json::{Value, json};

pub(super) fn content(info: &PackInfo, derived: &[Derived], rules: &[RuleSource]) -> String {
    let derived: Vec<_> = derived
        .iter()
        .map(|d| json!([&*d.key, d.value.expr.to_string()]))
        .collect();
    let pack = json!({
        "id": &*info.id,
        "version": &*info.version,
        "title_zh": &*info.title_zh,
        "title_en": &*info.title_en,
        "applies_to": info.applies_to,
        "derive": derived,
        "rules": rules.iter().map(rule).collect::<Vec<_>>(),
    });
    pack.to_string()
}

fn rule(rule: &RuleSource) -> Value {
    let opens = match rule.opens {
        Opens::Nothing => json!(null),
        Opens::Hazard(grade) => json!(grade),
    };
    let severity_when: Vec<_> = rule
        .severity_when
        .iter()
        .map(|(c, s)| json!([condition(c), s]))
        .collect();
    json!({
        "id": &*rule.id,
        "title_zh": &*rule.title_zh,
        "title_en": &*rule.title_en,
        "applies_to": rule.applies_to,
        "requires": rule.requires,
        "kind": kind(&rule.kind),
        "on_delay_ms": rule.on_delay_ms,
        "off_delay_ms": rule.off_delay_ms,
        "severity": rule.severity,
        "severity_when": severity_when,
        "suppress_when": rule.suppress_when.as_ref().map(condition),
        "opens": opens,
        "latched": rule.latched,
        "clause": &*rule.clause,
        "source": &*rule.source,
        "confidence": &*rule.confidence,
    })
}

fn kind(kind: &KindSource) -> Value {
    match kind {
        KindSource::Limit {
            quantity,
            direction,
            trip,
            clear,
        } => {
            json!({"limit": quantity, "direction": direction, "trip": trip.expr.to_string(), "clear": clear.expr.to_string()})
        }
        KindSource::Rate {
            quantity,
            direction,
            trip,
            clear,
            window_ms,
        } => {
            json!({"rate": quantity, "direction": direction, "trip": trip.expr.to_string(), "clear": clear.expr.to_string(), "window_ms": window_ms})
        }
        KindSource::Code {
            quantity,
            keys,
            count,
            window_ms,
        } => {
            json!({"code": quantity, "keys": keys, "count": count, "window_ms": window_ms})
        }
        KindSource::Count {
            quantity,
            value,
            count,
            window_ms,
        } => {
            json!({"count_of": quantity, "is": value, "count": count, "window_ms": window_ms})
        }
        KindSource::Silence { after_ms } => json!({"silence_ms": after_ms}),
        KindSource::Quality(QualityScope::Quantities(quantities)) => json!({"quality": quantities}),
        KindSource::Quality(QualityScope::CurrentLoops) => json!({"quality": "current_loop"}),
        KindSource::Interlock(when) => json!({"interlock": condition(when)}),
    }
}

fn condition(source: &ConditionSource) -> Value {
    let list = |members: &[ConditionSource]| members.iter().map(condition).collect::<Vec<_>>();
    match source {
        ConditionSource::All(members) => json!({"all": list(members)}),
        ConditionSource::Any(members) => json!({"any": list(members)}),
        ConditionSource::AnyKnown(members) => json!({"any_known": list(members)}),
        ConditionSource::Not(inner) => json!({"not": condition(inner)}),
        ConditionSource::Assume(inner, value) => json!({"assume": value, "of": condition(inner)}),
        ConditionSource::Number {
            quantity,
            compare,
            value,
        } => {
            json!({"quantity": quantity, "compare": compare, "value": value.expr.to_string()})
        }
        ConditionSource::Is { quantity, value } => json!({"quantity": quantity, "is": value}),
        ConditionSource::Code { quantity, keys } => json!({"quantity": quantity, "code": keys}),
        ConditionSource::Mode { quantity, modes } => json!({"quantity": quantity, "mode": modes}),
        ConditionSource::Bad { quantity, value } => json!({"quantity": quantity, "bad": value}),
    }
}
