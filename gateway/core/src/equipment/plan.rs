//! Which rules a reading can change: computed once per layout, shared by all equipment of it.

use crate::catalog::{Channel, Equipment};
use crate::hash::ContentHash;
use crate::hazard::policy::Policy;
use crate::pack::{Rule, RuleKind};
use crate::rules;
use crate::sample::ChannelIx;
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A set of rules by index. The last bit stands for all rules from there on, so that any number of
/// rules is handled correctly and the first 63 quickly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RuleSet(u64);

impl RuleSet {
    const LAST: usize = 63;

    pub(crate) fn insert(&mut self, rule: usize) {
        self.0 |= 1 << rule.min(Self::LAST);
    }

    /// Rules that share the last bit cannot be taken out one by one: the caller rebuilds the set.
    pub(crate) fn remove(&mut self, rule: usize) {
        if rule < Self::LAST {
            self.0 &= !(1 << rule);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The indices below `rules`, ascending.
    pub(crate) fn iter(self, rules: usize) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        let mut tail = 0..0;
        std::iter::from_fn(move || {
            if rest != 0 {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if bit < Self::LAST {
                    return (bit < rules).then_some(bit);
                }
                tail = Self::LAST..rules;
            }
            tail.next()
        })
    }
}

/// What is the same for all equipment of one layout.
#[derive(Debug)]
pub struct Plan {
    /// Rules whose truth or suppression reads the channel, by channel.
    by_channel: Box<[RuleSet]>,
    /// The rules driven by arrival time.
    pub(crate) sight: RuleSet,
    /// Rules to which every reading matters, even if it says the same as the one before.
    pub(crate) ageing: RuleSet,
    /// See [`Plan::prints`].
    prints: OnceLock<Box<[u64]>>,
    /// Words further apart than this leave a hole in the coverage.
    pub(crate) max_gap_ms: i64,
    /// The shortest time without a word after which something may be due.
    pub(crate) quiet_ms: i64,
    /// Channels older than their interval times this …
    stale_intervals: i64,
    /// … and at least this old are stale, when the equipment is not heard.
    stale_min_ms: i64,
    /// Periods of the closed loop.
    pub(crate) policy: Arc<Policy>,
}

impl Plan {
    /// The plan of one piece of equipment, with the staleness of `settings`.
    #[must_use]
    pub fn new(equipment: &Equipment, settings: &Settings) -> Self {
        let mut by_channel = vec![RuleSet::default(); equipment.channels.len()];
        let (mut sight, mut ageing) = (RuleSet::default(), RuleSet::default());
        for (index, rule) in equipment.rules.iter().enumerate() {
            for channel in rules::channels(rule, false) {
                if let Some(set) = by_channel.get_mut(usize::from(channel.0)) {
                    set.insert(index);
                }
            }
            if rules::is_about_sight(&rule.kind) {
                sight.insert(index);
            }
            if rules::ages(rule) {
                ageing.insert(index);
            }
        }
        let mut plan = Self {
            by_channel: by_channel.into(),
            sight,
            ageing,
            prints: OnceLock::new(),
            max_gap_ms: 0,
            quiet_ms: 0,
            stale_intervals: i64::from(settings.stale_intervals),
            stale_min_ms: settings.stale_min_ms,
            policy: settings.policy.clone(),
        };
        // The channel repeated most often: when it is missed, something is wrong.
        plan.max_gap_ms = equipment
            .channels
            .iter()
            .map(|channel| plan.stale_after_ms(channel))
            .min()
            .unwrap_or(settings.stale_min_ms);
        let due = |rule: &Rule| match rule.kind {
            RuleKind::Silence { after_ms } => Some(after_ms.saturating_add(rule.on_delay_ms)),
            _ => None,
        };
        plan.quiet_ms = equipment
            .rules
            .iter()
            .filter_map(due)
            .fold(plan.max_gap_ms, i64::min)
            .max(1);
        plan
    }

    /// A short hash of each rule, and at the end one of all: tells whether they are what they were.
    pub(crate) fn prints(&self, rules: &[Rule]) -> &[u64] {
        self.prints.get_or_init(|| {
            let mut all = String::new();
            let mut prints: Vec<u64> = Vec::with_capacity(rules.len() + 1);
            for rule in rules {
                let delays = [rule.on_delay_ms, rule.off_delay_ms];
                let text = format!("{} {:?} {delays:?} {:?}", rule.id, rule.kind, rule.suppress_when);
                prints.push(ContentHash::of(text.as_bytes()).short());
                all.push_str(&text);
            }
            prints.push(ContentHash::of(all.as_bytes()).short());
            prints.into()
        })
    }

    pub(crate) fn rules_of(&self, channel: ChannelIx) -> RuleSet {
        self.by_channel
            .get(usize::from(channel.0))
            .copied()
            .unwrap_or_default()
    }

    /// How long a channel's reading holds without any word from its equipment.
    pub(crate) fn stale_after_ms(&self, channel: &Channel) -> i64 {
        channel
            .interval_ms
            .saturating_mul(self.stale_intervals)
            .max(self.stale_min_ms)
    }
}

/// Plans by layout: equipment that shares its channel and rule lists shares its plan.
#[derive(Debug, Default)]
pub struct Plans {
    settings: Settings,
    /// The lists are kept beside the plan, so that their addresses stay theirs.
    by_layout: HashMap<(usize, usize), Kept>,
}

#[derive(Debug)]
struct Kept {
    plan: Arc<Plan>,
    _channels: Arc<[Channel]>,
    _rules: Arc<[Rule]>,
}

impl Plans {
    /// No plans yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            by_layout: HashMap::new(),
        }
    }

    /// The plan of this equipment's layout.
    pub fn plan_of(&mut self, equipment: &Equipment) -> Arc<Plan> {
        let key = (
            equipment.channels.as_ptr() as usize,
            equipment.rules.as_ptr() as usize,
        );
        let settings = &self.settings;
        let kept = self.by_layout.entry(key).or_insert_with(|| Kept {
            plan: Arc::new(Plan::new(equipment, settings)),
            _channels: equipment.channels.clone(),
            _rules: equipment.rules.clone(),
        });
        kept.plan.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::RuleSet;

    #[test]
    fn a_rule_set_gives_back_what_was_put_in_and_at_the_end_everything_beyond() {
        let mut set = RuleSet::default();
        for rule in [5, 0, 62] {
            set.insert(rule);
        }
        assert_eq!(set.iter(100).collect::<Vec<_>>(), [0, 5, 62]);
        assert_eq!(set.iter(6).collect::<Vec<_>>(), [0, 5]);
        set.remove(5);
        set.insert(80);
        assert_eq!(set.iter(66).collect::<Vec<_>>(), [0, 62, 63, 64, 65]);
    }
}
