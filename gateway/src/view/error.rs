//! Why something cannot be shown.

use crate::app::{EngineGone, StoreError};

/// Why something cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The gateway is stopping.
    #[error("asking the engine: {0}")]
    Engine(#[from] EngineGone),
    /// The store cannot be read.
    #[error("reading the store: {0}")]
    Store(#[from] StoreError),
    /// The catalog was replaced while the answer was made.
    #[error("the configuration was just replaced; ask again")]
    Reloaded,
    /// There is no such thing.
    #[error("there is no {what} {id:?}{}", like(suggestion.as_deref()))]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// As asked for.
        id: String,
        /// What was probably meant.
        suggestion: Option<String>,
    },
    /// A range of time that holds nothing or too much.
    #[error("{0}")]
    Range(String),
}

impl ViewError {
    /// There is no `what` called `id`; the nearest of `known` is suggested.
    pub fn not_found<'a>(what: &'static str, id: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::NotFound {
            what,
            id: id.to_owned(),
            suggestion: nearest(id, known).map(str::to_owned),
        }
    }
}

/// The known word nearest to `word`, if it is near enough to be a slip of the finger.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = |known: &str| strsim::osa_distance(&word.to_lowercase(), &known.to_lowercase());
    let (distance, best) = known.into_iter().map(|known| (far(known), known)).min()?;
    (distance <= (word.chars().count() / 3).clamp(1, 3)).then_some(best)
}

fn like(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |known| format!("; did you mean {known:?}?"))
}

#[cfg(test)]
mod tests {
    use super::{ViewError, nearest};

    #[test]
    fn a_slip_of_the_finger_is_answered_with_what_was_meant() {
        let known = ["steam_pressure", "drum_level", "lift-1"];
        assert_eq!(nearest("steam_presure", known), Some("steam_pressure"));
        assert_eq!(nearest("Lift-1", known), Some("lift-1"));
        assert_eq!(nearest("voltage", known), None);
        let error = ViewError::not_found("quantity", "drum_levle", known);
        assert_eq!(
            error.to_string(),
            "there is no quantity \"drum_levle\"; did you mean \"drum_level\"?"
        );
    }
}
