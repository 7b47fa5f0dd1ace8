//! The rules in force, with their legal ground.

use super::words::{DirectionWords, GradeWords, SeverityWords};
use crate::app::App;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::pack::{Compare, Condition, Direction, Grade, Opens, PackInfo, Rule, RuleKind, Severity};
use vigil_core::people::Sight;
use vigil_core::sample::ChannelIx;

/// Every pack in force.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Rules {
    /// In the order they were loaded.
    pub packs: Vec<Pack>,
}

/// A rule pack.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Pack {
    /// Id.
    pub id: String,
    /// Version.
    pub version: String,
    /// SHA-256 of its content, hex.
    pub hash: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// Category codes it applies to (prefixes).
    pub applies_to: Vec<String>,
    /// Its rules that watch at least one piece of equipment.
    pub rules: Vec<RuleInForce>,
}

/// A rule and how much it watches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleInForce {
    /// The rule; its condition is the one of the first piece of equipment.
    #[serde(flatten)]
    pub rule: RuleCard,
    /// Pieces of equipment it watches.
    pub equipment: u64,
}

/// A rule as it watches one piece of equipment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RuleCard {
    /// Rule id.
    pub id: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// `limit`, `rate`, `code`, `count`, `silence`, `quality` or `interlock`.
    pub kind: &'static str,
    /// The condition with its numbers filled in.
    pub condition: String,
    /// It must have held so long, seconds.
    pub on_delay_s: f64,
    /// It must have been gone so long, seconds.
    pub off_delay_s: f64,
    /// Seriousness, unless a condition says otherwise.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// Grade of the hazard it opens; `null` = an alarm only.
    #[schema(value_type = Option<GradeWords>)]
    pub opens: Option<Grade>,
    /// The alarm stays until a person resets it.
    pub latched: bool,
    /// Legal clause.
    pub clause: String,
    /// Source of its numbers.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
    /// The numbers come from memory and must be checked against the source before they are relied on.
    pub unverified: bool,
    /// Pack id.
    pub pack: String,
    /// Version of the pack.
    pub pack_version: String,
    /// Hash of the pack.
    pub pack_hash: String,
}

/// A level at which a rule trips: a line in a chart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Limit {
    /// Rule id.
    pub rule: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// Seriousness.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// The level, in the unit of the quantity.
    pub value: f64,
    /// Which side is wrong.
    #[schema(value_type = DirectionWords)]
    pub direction: Direction,
}

/// Whether a confidence word means that nobody has checked the numbers.
#[must_use]
pub(super) fn is_unverified(confidence: &str) -> bool {
    confidence == "memory-low"
}

impl From<&Rule> for RuleCard {
    fn from(rule: &Rule) -> Self {
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        Self {
            id: rule.id.to_string(),
            title_zh: rule.title_zh.to_string(),
            title_en: rule.title_en.to_string(),
            kind: match rule.kind {
                RuleKind::Limit { .. } => "limit",
                RuleKind::Rate { .. } => "rate",
                RuleKind::Code { .. } => "code",
                RuleKind::Count { .. } => "count",
                RuleKind::Silence { .. } => "silence",
                RuleKind::Quality { .. } => "quality",
                RuleKind::Interlock { .. } => "interlock",
            },
            condition: rule.condition_text.to_string(),
            on_delay_s: seconds(rule.on_delay_ms),
            off_delay_s: seconds(rule.off_delay_ms),
            severity: rule.severity,
            opens: match rule.opens {
                Opens::Nothing => None,
                Opens::Hazard(grade) => Some(grade),
            },
            latched: rule.latched,
            clause: rule.clause.to_string(),
            source: rule.source.to_string(),
            confidence: rule.confidence.to_string(),
            unverified: is_unverified(&rule.confidence),
            pack: rule.pack.id.to_string(),
            pack_version: rule.pack.version.to_string(),
            pack_hash: rule.pack.hash.to_string(),
        }
    }
}

/// The packs in force and what they watch.
#[must_use]
pub fn rules(app: &App, sight: &Sight) -> Rules {
    of_catalog(&app.catalog, |one| app.sees_one(sight, one))
}

fn of_catalog(catalog: &Catalog, seen: impl Fn(&Equipment) -> bool) -> Rules {
    let mut found: BTreeMap<(&str, &str), RuleInForce> = BTreeMap::new();
    // Equipment of one layout shares its list: count lists, then look at each once.
    let mut lists: BTreeMap<*const Rule, (&[Rule], u64)> = BTreeMap::new();
    for equipment in catalog.equipment.iter().filter(|one| seen(one)) {
        lists
            .entry(equipment.rules.as_ptr())
            .or_insert((&equipment.rules, 0))
            .1 += 1;
    }
    let mut order = Vec::new();
    let mut looked_at = HashSet::new();
    for equipment in &catalog.equipment {
        if looked_at.insert(equipment.rules.as_ptr())
            && let Some((rules, count)) = lists.get(&equipment.rules.as_ptr())
        {
            for rule in *rules {
                let key = (&*rule.pack.id, &*rule.id);
                let entry = found.entry(key).or_insert_with(|| {
                    order.push(key);
                    RuleInForce {
                        rule: rule.into(),
                        equipment: 0,
                    }
                });
                entry.equipment += count;
            }
        }
    }
    let of_pack = |pack: &Arc<PackInfo>| Pack {
        id: pack.id.to_string(),
        version: pack.version.to_string(),
        hash: pack.hash.to_string(),
        title_zh: pack.title_zh.to_string(),
        title_en: pack.title_en.to_string(),
        applies_to: pack.applies_to.clone(),
        rules: order
            .iter()
            .filter(|(id, _)| **id == *pack.id)
            .filter_map(|key| found.get(key).cloned())
            .collect(),
    };
    Rules {
        packs: catalog.packs.iter().map(of_pack).collect(),
    }
}

/// The levels of one channel at which rules trip, worst first.
#[must_use]
pub(super) fn limits(equipment: &Equipment, channel: ChannelIx) -> Vec<Limit> {
    let mut limits = Vec::new();
    for rule in equipment.rules.iter() {
        let mut levels = Vec::new();
        match &rule.kind {
            RuleKind::Limit {
                channel: of,
                direction,
                trip,
                ..
            } if *of == channel => levels.push((*trip, *direction)),
            RuleKind::Interlock { condition } => condition_levels(condition, channel, false, &mut levels),
            _ => {}
        }
        limits.extend(levels.into_iter().map(|(value, direction)| Limit {
            rule: rule.id.to_string(),
            title_zh: rule.title_zh.to_string(),
            title_en: rule.title_en.to_string(),
            severity: rule.severity,
            value,
            direction,
        }));
    }
    limits.sort_by(|a, b| a.severity.cmp(&b.severity).then(a.value.total_cmp(&b.value)));
    limits
}

fn condition_levels(
    condition: &Condition,
    channel: ChannelIx,
    negated: bool,
    levels: &mut Vec<(f64, Direction)>,
) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => {
            for part in parts {
                condition_levels(part, channel, negated, levels);
            }
        }
        Condition::Not(part) => condition_levels(part, channel, !negated, levels),
        Condition::Number {
            channel: of,
            compare,
            value,
        } if *of == channel => {
            let above = matches!(compare, Compare::Greater | Compare::AtLeast) != negated;
            levels.push((*value, if above { Direction::High } else { Direction::Low }));
        }
        _ => {}
    }
}

/// The rule of a piece of equipment by id.
pub(super) fn rule_of<'a>(equipment: &'a Equipment, rule: &str) -> Option<&'a Rule> {
    equipment.rules.iter().find(|known| &*known.id == rule)
}
