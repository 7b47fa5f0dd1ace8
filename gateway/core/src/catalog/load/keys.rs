//! Which nameplate keys rules use.

use crate::pack::RulePack;
use crate::pack::source::{ConditionSource, KindSource};
use std::collections::BTreeSet;

/// Every nameplate key the rules of a pack mention.
pub(super) fn keys_used(pack: &RulePack) -> BTreeSet<&str> {
    let mut keys = BTreeSet::new();
    for derived in &pack.derived {
        keys.insert(&*derived.key);
        keys.extend(derived.value.expr.names());
    }
    for rule in &pack.rules {
        keys.extend(rule.requires.iter().map(String::as_str));
        match &rule.kind {
            KindSource::Limit { trip, clear, .. } | KindSource::Rate { trip, clear, .. } => {
                keys.extend(trip.expr.names());
                keys.extend(clear.expr.names());
            }
            KindSource::Interlock(condition) => condition_keys(condition, &mut keys),
            KindSource::Code { .. }
            | KindSource::Count { .. }
            | KindSource::Silence { .. }
            | KindSource::Quality(_) => {}
        }
        let conditions = rule.severity_when.iter().map(|(condition, _)| condition);
        conditions
            .chain(&rule.suppress_when)
            .for_each(|condition| condition_keys(condition, &mut keys));
    }
    keys
}

fn condition_keys<'a>(condition: &'a ConditionSource, keys: &mut BTreeSet<&'a str>) {
    match condition {
        ConditionSource::All(members)
        | ConditionSource::Any(members)
        | ConditionSource::AnyKnown(members) => {
            members.iter().for_each(|member| condition_keys(member, keys));
        }
        ConditionSource::Not(inner) | ConditionSource::Assume(inner, _) => condition_keys(inner, keys),
        ConditionSource::Number { value, .. } => keys.extend(value.expr.names()),
        ConditionSource::Is { .. }
        | ConditionSource::Code { .. }
        | ConditionSource::Mode { .. }
        | ConditionSource::Bad { .. } => {}
    }
}
