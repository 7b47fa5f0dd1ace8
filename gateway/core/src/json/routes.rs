//! Which profile reads a topic: a tree of levels, so that many profiles cost no more than one.

use super::{Profile, TopicPattern};
use std::collections::HashMap;
use std::sync::Arc;

/// The profiles in force, in the order of the configuration: the first that fits a topic reads it.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    all: Vec<Arc<Profile>>,
    root: Branch,
}

/// A level of the tree.
#[derive(Clone, Debug, Default)]
struct Branch {
    texts: HashMap<Box<str>, Branch>,
    free: Option<Box<Branch>>,
    /// First profile that ends here.
    ends: Option<usize>,
    /// First profile that ends here with `#`.
    open: Option<usize>,
}

impl Profiles {
    /// Puts them in order.
    #[must_use]
    pub fn new(all: Vec<Arc<Profile>>) -> Self {
        let mut root = Branch::default();
        for (ix, profile) in all.iter().enumerate() {
            root.insert(profile.topic(), ix);
        }
        Self { all, root }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Arc<Profile>] {
        &self.all
    }

    /// The one that reads a topic.
    #[must_use]
    pub fn of(&self, topic: &str) -> Option<&Arc<Profile>> {
        if self.all.is_empty() {
            return None;
        }
        self.all.get(self.root.first(topic)?)
    }

    /// Topic filters that ask for all their topics, none of them covered by another: a broker may send what two
    /// filters ask for twice.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        let topic = |ix: usize| self.all[ix].topic();
        let needed = |ix: &usize| {
            !(0..self.all.len()).any(|other| {
                let wider = other != *ix && topic(other).covers(topic(*ix));
                // Of two that cover each other the first stays.
                wider && (other < *ix || !topic(*ix).covers(topic(other)))
            })
        };
        let filters = (0..self.all.len()).filter(needed);
        filters.map(|ix| topic(ix).filter().to_owned()).collect()
    }
}

impl Branch {
    fn insert(&mut self, pattern: &TopicPattern, ix: usize) {
        let (levels, open) = pattern.tree();
        let mut branch = self;
        for level in levels {
            branch = match level {
                Some(text) => branch.texts.entry(text.into()).or_default(),
                None => branch.free.get_or_insert_default(),
            };
        }
        let end = if open { &mut branch.open } else { &mut branch.ends };
        end.get_or_insert(ix);
    }

    fn first(&self, topic: &str) -> Option<usize> {
        let mut best = None;
        self.find(topic.split('/'), topic.starts_with('$'), &mut best);
        best
    }

    fn find<'t>(
        &self,
        mut levels: impl Iterator<Item = &'t str> + Clone,
        not_free: bool,
        best: &mut Option<usize>,
    ) {
        let better = |best: &mut Option<usize>, found: Option<usize>| {
            if let Some(found) = found {
                *best = Some(best.map_or(found, |best| best.min(found)));
            }
        };
        if !not_free {
            better(best, self.open);
        }
        let Some(level) = levels.next() else {
            better(best, self.ends);
            return;
        };
        if let Some(branch) = self.texts.get(level) {
            branch.find(levels.clone(), false, best);
        }
        if let Some(branch) = self.free.as_ref().filter(|_| !not_free) {
            branch.find(levels, false, best);
        }
    }
}

/// Two profiles are the same when their texts are.
impl PartialEq for Profiles {
    fn eq(&self, other: &Self) -> bool {
        self.all.len() == other.all.len()
            && self
                .all
                .iter()
                .zip(&other.all)
                .all(|(a, b)| a.hash_of_text() == b.hash_of_text())
    }
}

#[cfg(test)]
mod tests {
    use super::{Branch, Profiles};
    use crate::json::{Profile, TopicPattern};
    use std::sync::Arc;

    fn profiles(topics: &[&str]) -> Profiles {
        let profile = |(ix, topic): (usize, &&str)| {
            let text = format!("id = \"p{ix}\"\ntopic = \"{topic}\"\nnode = \"g/n\"\nvalues = \"$\"\n");
            let (profile, findings) = Profile::parse("p.toml", &text);
            Arc::new(profile.unwrap_or_else(|| panic!("{findings:?}")))
        };
        Profiles::new(topics.iter().enumerate().map(profile).collect())
    }

    #[test]
    fn the_first_profile_that_fits_reads_a_topic() {
        let profiles = profiles(&["a/+/c", "a/b/#", "a/b/c", "x/#", "x/y"]);
        for (topic, id) in [
            ("a/b/c", Some("p0")),
            ("a/b", Some("p1")),
            ("a/b/d/e", Some("p1")),
            ("x/y", Some("p3")),
            ("anything", None),
        ] {
            assert_eq!(profiles.of(topic).map(|profile| profile.id()), id, "{topic}");
        }
        assert!(Profiles::default().of("a").is_none());
    }

    #[test]
    fn nothing_is_asked_for_twice() {
        assert_eq!(
            profiles(&["a/b", "a/+", "a/{x}", "b/#", "b", "c/+/d", "c/e/+"]).filters(),
            ["a/+", "b/#", "c/+/d", "c/e/+"]
        );
    }

    #[test]
    fn a_tree_answers_like_the_patterns_themselves() {
        let texts = [
            "a/b", "a/+", "+/b", "a/#", "#", "+/+/c", "a/b/c", "$x/#", "$x/+", "+",
        ];
        let topics = [
            "a", "a/b", "a/b/c", "a/c/c", "b/b", "$x", "$x/y", "$x/y/z", "/", "",
        ];
        for first in 0..texts.len() {
            let mut patterns = texts.map(|text| TopicPattern::parse(text).unwrap());
            patterns.rotate_left(first);
            let mut tree = Branch::default();
            for (ix, pattern) in patterns.iter().enumerate() {
                tree.insert(pattern, ix);
            }
            for topic in topics {
                let wanted = patterns.iter().position(|pattern| pattern.matches(topic));
                assert_eq!(tree.first(topic), wanted, "{topic} in {patterns:?}");
            }
        }
    }
}
