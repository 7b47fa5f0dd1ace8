//! Equal values in one allocation.

use std::collections::HashMap;

/// Values by content, so that equal ones are one allocation.
pub(super) struct Interned<T> {
    by_hash: HashMap<u64, Vec<T>>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self {
            by_hash: HashMap::new(),
        }
    }
}

impl<T: Clone> Interned<T> {
    pub(super) fn get(&mut self, hash: u64, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        let bucket = self.by_hash.entry(hash).or_default();
        if let Some(found) = bucket.iter().find(|value| same(value)) {
            return found.clone();
        }
        let made = make();
        bucket.push(made.clone());
        made
    }
}
