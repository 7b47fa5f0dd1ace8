//! When to ask a node for its births again: rarely, ever more rarely, and not for ever.
//!
//! A request can take a third-party node off the air, so it is the last resort and a node that never
//! answers is left alone.

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;

/// A birth within this time of a request counts as its answer.
const ANSWER_MS: i64 = 60_000;
/// A death within this time of an unanswered request is blamed on it (wills come after 1.5 keep-alives).
const BLAME_MS: i64 = 180_000;

/// A node's rebirth requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rebirth {
    /// Last request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<UtcMillis>,
    /// Requests since the last birth.
    pub(crate) unanswered: u32,
    /// A birth is wanted; asked for when the time comes.
    pub(crate) wanted: bool,
    /// A request once took this node off the air.
    pub(crate) harmful: bool,
    /// Requests so far.
    pub(crate) requested: u32,
    /// Births that answered one.
    pub(crate) answered: u32,
}

impl Rebirth {
    /// Whether asking is still worth it.
    pub(crate) fn exhausted(&self, settings: &Settings) -> bool {
        self.harmful || self.unanswered >= settings.rebirth_attempts
    }

    /// A birth is needed. It is asked for at [`Self::due`].
    pub(crate) fn want(&mut self, settings: &Settings) {
        self.wanted = !self.exhausted(settings);
    }

    /// When to ask; the past if at once.
    pub(crate) fn due(&self, settings: &Settings) -> Option<UtcMillis> {
        if !self.wanted {
            return None;
        }
        Some(match self.asked {
            None => UtcMillis(i64::MIN),
            Some(asked) => {
                let doublings = self.unanswered.saturating_sub(1).min(16);
                asked.saturating_add_ms(settings.rebirth_interval_ms.saturating_mul(1 << doublings))
            }
        })
    }

    /// The request goes out.
    pub(crate) fn on_asked(&mut self, now: UtcMillis) {
        self.asked = Some(now);
        self.wanted = false;
        self.requested = self.requested.saturating_add(1);
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// The node was born.
    pub(crate) fn on_birth(&mut self, now: UtcMillis) {
        if self.unanswered > 0 && self.asked.is_some_and(|asked| now.since(asked) <= ANSWER_MS) {
            self.answered = self.answered.saturating_add(1);
        }
        self.unanswered = 0;
        self.wanted = false;
    }

    /// The node died. True when a request is to blame.
    pub(crate) fn on_death(&mut self, now: UtcMillis) -> bool {
        self.wanted = false;
        let blamed = self.unanswered > 0
            && self.answered == 0
            && self.asked.is_some_and(|asked| now.since(asked) <= BLAME_MS);
        self.harmful |= blamed;
        blamed
    }
}

#[cfg(test)]
mod tests {
    use super::Rebirth;
    use crate::settings::Settings;
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn requests_become_rarer_and_stop_until_the_node_is_born() {
        let settings = Settings::default();
        let mut rebirth = Rebirth::default();
        let mut asked_at = Vec::new();
        for second in 0..2_000 {
            let now = UtcMillis(second * 1_000);
            rebirth.want(&settings);
            if rebirth.due(&settings).is_some_and(|due| due <= now) {
                rebirth.on_asked(now);
                asked_at.push(second);
            }
        }
        assert_eq!(asked_at, [0, 10, 30, 70, 150]);
        rebirth.on_birth(UtcMillis(2_000_000));
        rebirth.want(&settings);
        assert!(rebirth.due(&settings).is_some());
        assert_eq!(rebirth.answered, 0);
    }

    #[test]
    fn a_node_that_dies_of_a_request_is_never_asked_again() {
        let settings = Settings::default();
        let mut rebirth = Rebirth::default();
        rebirth.on_asked(UtcMillis(0));
        assert!(rebirth.on_death(UtcMillis(91_000)));
        rebirth.on_birth(UtcMillis(200_000));
        rebirth.want(&settings);
        assert_eq!(rebirth.due(&settings), None);
    }
}
