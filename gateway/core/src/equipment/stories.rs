//! What came of each rule; nothing of most rules, and of most equipment nothing at all.

use super::story::Story;
use std::ops::{Index, IndexMut};

type Slot = Option<Box<Story>>;

/// Stories by rule. Takes no room before the first one.
#[derive(Clone, Debug)]
pub(super) struct Stories {
    rules: usize,
    /// Empty, or one for each rule.
    slots: Box<[Slot]>,
}

impl Stories {
    const NONE: &Slot = &None;

    pub(super) fn new(rules: usize) -> Self {
        Self {
            rules,
            slots: Box::default(),
        }
    }

    /// Number of rules.
    pub(super) fn len(&self) -> usize {
        self.rules
    }

    /// One slot for each rule, or none if there is no story.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Slot> {
        self.slots.iter()
    }

    /// Like indexing, but takes no room if there is no story.
    pub(super) fn get_mut(&mut self, rule: usize) -> Option<&mut Story> {
        self.slots.get_mut(rule)?.as_deref_mut()
    }
}

impl Index<usize> for Stories {
    type Output = Slot;

    fn index(&self, rule: usize) -> &Slot {
        if self.slots.is_empty() {
            Self::NONE
        } else {
            &self.slots[rule]
        }
    }
}

impl IndexMut<usize> for Stories {
    fn index_mut(&mut self, rule: usize) -> &mut Slot {
        if self.slots.is_empty() {
            self.slots = vec![None; self.rules].into();
        }
        &mut self.slots[rule]
    }
}

#[cfg(test)]
mod tests {
    use super::Stories;

    #[test]
    fn stories_take_no_room_before_the_first_and_then_all_rules_have_their_place() {
        let mut stories = Stories::new(3);
        assert!(stories[2].is_none() && stories.get_mut(2).is_none());
        assert_eq!((stories.len(), stories.iter().count()), (3, 0));
        stories[2] = Some(Box::default());
        assert!(stories[0].is_none() && stories[2].is_some() && stories.get_mut(2).is_some());
        assert_eq!((stories.len(), stories.iter().count()), (3, 3));
    }
}
