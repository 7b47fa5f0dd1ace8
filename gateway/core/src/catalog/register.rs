//! What the register says about a piece of equipment.

use std::sync::Arc;

/// Key and text.
type Fact = (Arc<str>, Arc<str>);

/// Facts by key, ascending. Small, because every piece of equipment has its own; the texts are shared between
/// pieces that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Register(Option<Arc<[Fact]>>);

impl Register {
    /// Of several facts under one key the last one given counts.
    pub(super) fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut sorted: Vec<Fact> = Vec::new();
        for (key, text) in facts {
            match sorted.binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(at) => sorted[at].1 = text,
                Err(at) => sorted.insert(at, (key, text)),
            }
        }
        Self((!sorted.is_empty()).then(|| sorted.into()))
    }

    /// What it says under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == key).map(|(_, text)| text)
    }

    /// Key and text, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let facts = self.0.iter().flat_map(|facts| facts.iter());
        facts.map(|(key, text)| (&**key, &**text))
    }
}

#[cfg(test)]
mod tests {
    use super::Register;

    #[test]
    fn a_register_gives_its_facts_in_order_of_their_keys_and_the_last_of_two_counts() {
        let facts = [("site", "a"), ("maker", "b"), ("site", "c")];
        let register = Register::new(facts.map(|(key, text)| (key.into(), text.into())));
        assert_eq!(
            register.iter().collect::<Vec<_>>(),
            [("maker", "b"), ("site", "c")]
        );
        assert_eq!((register.get("site"), register.get("address")), (Some("c"), None));
        assert_eq!(Register::new([]), Register::default());
    }
}
