//! Rules left out for want of nameplate values: one warning for all equipment of a type.

use crate::diagnostic::{Diagnostic, Place};
use crate::pack::SkippedRule;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Missing nameplate keys, the rules that want them, and whether these are applied in part.
pub(super) type SkipKey = (BTreeSet<String>, Vec<Arc<str>>, bool);

/// Equipment that lacks the same nameplate values for the same rules: one warning for all of it.
pub(super) struct Skipped {
    pub(super) place: Place,
    pub(super) first: Arc<str>,
    pub(super) count: usize,
}

/// Rules that lack the same keys, together.
pub(super) fn group(skipped: Vec<SkippedRule>) -> Vec<SkipKey> {
    let mut groups: BTreeMap<(BTreeSet<String>, bool), Vec<Arc<str>>> = BTreeMap::new();
    for SkippedRule {
        rule,
        missing,
        partly,
    } in skipped
    {
        groups.entry((missing, partly)).or_default().push(rule);
    }
    groups
        .into_iter()
        .map(|((missing, partly), rules)| (missing, rules, partly))
        .collect()
}

pub(super) fn skipped_warning((missing, rules, partly): &SkipKey, skipped: &Skipped) -> Diagnostic {
    let keys = missing
        .iter()
        .map(|key| format!("`{key}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let rules = rules.iter().map(|rule| &**rule).collect::<Vec<_>>().join(", ");
    let who = match skipped.count {
        1 => format!("`{}`", skipped.first),
        count => format!("`{}` and {} more", skipped.first, count - 1),
    };
    let how = if *partly { "applied in part" } else { "not applied" };
    skipped
        .place
        .warning(format!("the nameplate of {who} has no {keys}; {how}: {rules}"))
        .help("add it to [equipment.nameplate] or to the template")
}
