//! Topic patterns: which topics a profile reads, and what their levels are called.
//!
//! `site/{site}/lift/{device}/status` is the MQTT filter `site/+/lift/+/status` whose two free levels have
//! names. `+` is a free level without a name; `#` at the end takes all that follow.

use std::fmt;

/// A topic pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPattern {
    levels: Vec<Level>,
    /// Ends with `#`.
    open: bool,
    filter: String,
}

/// One level of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Level {
    /// Exactly this text.
    Text(String),
    /// Anything; with a name if it is captured.
    Free(Option<String>),
}

/// What is wrong with a pattern, and where (byte offset).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TopicError {
    /// Byte offset into the pattern.
    pub at: usize,
    /// In words.
    pub what: String,
}

impl TopicPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// An empty pattern, a brace inside a level, a `+` or `#` that is not a level, a name used twice.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        let error = |at: usize, what: String| Err(TopicError { at, what });
        if text.is_empty() {
            return error(0, "a topic cannot be empty".into());
        }
        let (mut levels, mut open, mut at) = (Vec::new(), false, 0);
        let count = text.split('/').count();
        for (ix, part) in text.split('/').enumerate() {
            let captured = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match (part, captured) {
                ("+", _) => levels.push(Level::Free(None)),
                ("#", _) if ix + 1 == count => open = true,
                ("#", _) => return error(at, "`#` may only be the last level".into()),
                (_, Some(name)) => {
                    if !is_name(name) {
                        return error(at, format!("`{{{name}}}` is not a name: letters, digits and `_`"));
                    }
                    let twice = levels
                        .iter()
                        .any(|level| matches!(level, Level::Free(Some(other)) if other == name));
                    if twice {
                        return error(at, format!("`{{{name}}}` is there twice"));
                    }
                    levels.push(Level::Free(Some(name.to_owned())));
                }
                (part, None) => {
                    if let Some(within) = part.find(['+', '#', '{', '}']) {
                        let what = "`+`, `#` and `{name}` stand for a whole level between two `/`";
                        return error(at + within, what.into());
                    }
                    levels.push(Level::Text(part.to_owned()));
                }
            }
            at += part.len() + 1;
        }
        let filter = text
            .split('/')
            .map(|part| if part.starts_with('{') { "+" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        Ok(Self { levels, open, filter })
    }

    /// The MQTT topic filter.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Names of the captured levels, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.levels.iter().filter_map(|level| match level {
            Level::Free(Some(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it reads a topic.
    #[must_use]
    pub fn matches(&self, topic: &str) -> bool {
        // The broker's own topics are for nobody who did not ask for them by name.
        if topic.starts_with('$') && !matches!(self.levels.first(), Some(Level::Text(_))) {
            return false;
        }
        let mut parts = topic.split('/');
        for level in &self.levels {
            match (level, parts.next()) {
                (Level::Text(text), Some(part)) if text == part => {}
                (Level::Free(_), Some(_)) => {}
                _ => return false,
            }
        }
        self.open || parts.next().is_none()
    }

    /// The captured level of this number (see [`Self::names`]) in a topic it reads.
    #[must_use]
    pub fn capture<'t>(&self, topic: &'t str, number: usize) -> Option<&'t str> {
        let mut captured = self
            .levels
            .iter()
            .enumerate()
            .filter(|(_, level)| matches!(level, Level::Free(Some(_))));
        let (level, _) = captured.nth(number)?;
        topic.split('/').nth(level)
    }

    /// Whether some topic is read by both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let both = self.levels.iter().zip(&other.levels);
        let agree = both.into_iter().all(|pair| match pair {
            (Level::Text(a), Level::Text(b)) => a == b,
            _ => true,
        });
        let reaches = |open: bool, own: usize, others: usize| own == others || (open && own < others);
        agree
            && (reaches(self.open, self.levels.len(), other.levels.len())
                || reaches(other.open, other.levels.len(), self.levels.len()))
    }

    /// Whether it reads every topic the other one reads.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let both = self.levels.iter().zip(&other.levels);
        let wide = both.into_iter().all(|pair| match pair {
            (Level::Text(a), Level::Text(b)) => a == b,
            (Level::Free(_), _) => true,
            (Level::Text(_), Level::Free(_)) => false,
        });
        let long = if self.open {
            self.levels.len() <= other.levels.len()
        } else {
            self.levels.len() == other.levels.len() && !other.open
        };
        wide && long
    }

    /// Its levels, `None` for a free one, and whether `#` follows: for the tree of all patterns.
    pub(super) fn tree(&self) -> (impl Iterator<Item = Option<&str>>, bool) {
        let levels = self.levels.iter().map(|level| match level {
            Level::Text(text) => Some(text.as_str()),
            Level::Free(_) => None,
        });
        (levels, self.open)
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.filter)
    }
}

/// Whether something may be the name of a capture.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::TopicPattern;

    fn pattern(text: &str) -> TopicPattern {
        TopicPattern::parse(text).unwrap()
    }

    #[test]
    fn a_pattern_is_a_filter_whose_free_levels_have_names() {
        let lift = pattern("site/{site}/+/{device}/status/#");
        assert_eq!(lift.filter(), "site/+/+/+/status/#");
        assert_eq!(lift.names().collect::<Vec<_>>(), ["site", "device"]);
        assert!(lift.matches("site/a/b/c/status"));
        assert!(lift.matches("site/a/b/c/status/x/y"));
        assert!(!lift.matches("site/a/b/c"));
        assert!(!lift.matches("sites/a/b/c/status"));
        assert_eq!(lift.capture("site/a/b/c/status", 0), Some("a"));
        assert_eq!(lift.capture("site/a/b/c/status", 1), Some("c"));
        assert_eq!(lift.capture("site/a/b/c/status", 2), None);
    }

    #[test]
    fn wildcards_do_not_reach_the_brokers_own_topics() {
        assert!(!pattern("#").matches("$SYS/broker/uptime"));
        assert!(!pattern("+/broker/uptime").matches("$SYS/broker/uptime"));
        assert!(pattern("$SYS/#").matches("$SYS/broker/uptime"));
    }

    #[test]
    fn patterns_say_what_is_wrong_with_them_and_where() {
        for (text, at, what) in [
            ("", 0, "empty"),
            ("a/#/b", 2, "last level"),
            ("a/b+/c", 3, "whole level"),
            ("a/{b/c", 2, "whole level"),
            ("a/x{b}/c", 3, "whole level"),
            ("a/{b-c}", 2, "not a name"),
            ("a/{}", 2, "not a name"),
            ("{a}/{a}", 4, "twice"),
        ] {
            let error = TopicPattern::parse(text).unwrap_err();
            assert_eq!(error.at, at, "{text}");
            assert!(error.what.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn overlap_and_cover_are_told_apart() {
        for (a, b, overlaps, covers) in [
            ("a/b", "a/b", true, true),
            ("a/+", "a/b", true, true),
            ("a/b", "a/+", true, false),
            ("a/+/c", "a/b/+", true, false),
            ("a/#", "a/b/c", true, true),
            ("a/#", "a", true, true),
            ("a/b/c", "a/#", true, false),
            ("a/b", "a/c", false, false),
            ("a/+", "a/b/c", false, false),
            ("#", "a/#", true, true),
            ("a/+", "a/#", true, false),
            ("x/#", "a/#", false, false),
        ] {
            assert_eq!(pattern(a).overlaps(&pattern(b)), overlaps, "{a} {b}");
            assert_eq!(pattern(b).overlaps(&pattern(a)), overlaps, "{b} {a}");
            assert_eq!(pattern(a).covers(&pattern(b)), covers, "{a} {b}");
        }
    }
}
