//! The rules of the desk in force: whoever asks gets those of the last reload.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use vigil_core::calendar::Schedules;
use vigil_core::desk::DeskRules;
use vigil_core::lists::FourLists;
use vigil_core::risk::Scheme;

/// The rules in force; cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules(Arc<watch::Sender<InForce>>);

#[derive(Clone, Debug)]
struct InForce {
    rules: Arc<DeskRules>,
    scheme: &'static Scheme,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(DeskRules::builtin())
    }
}

impl Rules {
    /// These.
    #[must_use]
    pub fn new(rules: DeskRules) -> Self {
        Self(Arc::new(watch::Sender::new(InForce::of(rules))))
    }

    /// Those in force now: what is decided together is decided by what one call gave.
    #[must_use]
    pub fn now(&self) -> Arc<DeskRules> {
        Arc::clone(&self.0.borrow().rules)
    }

    /// The scheme of risk grading in force. Its words are quoted by pages and answers long after.
    #[must_use]
    pub fn scheme(&self) -> &'static Scheme {
        self.0.borrow().scheme
    }

    /// When what is due by law.
    #[must_use]
    pub fn schedules(&self) -> Arc<Schedules> {
        Arc::clone(&self.0.borrow().rules.schedules)
    }

    /// Names, columns, numbers of the four lists.
    #[must_use]
    pub fn lists(&self) -> Arc<FourLists> {
        Arc::clone(&self.0.borrow().rules.lists)
    }

    /// Others from now on; nobody is told of the same again.
    pub fn replace(&self, rules: DeskRules) {
        self.0.send_if_modified(|known| {
            let other = *known.rules != rules;
            if other {
                *known = InForce::of(rules);
            }
            other
        });
    }

    /// Tells whenever others are in force.
    #[must_use]
    pub fn watch(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// Tells of other rules.
#[derive(Debug)]
pub struct Changes(watch::Receiver<InForce>);

impl Changes {
    /// Resolves when the rules are replaced; never, when nobody can replace them any more.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl InForce {
    fn of(rules: DeskRules) -> Self {
        Self {
            scheme: kept(&rules.risk),
            rules: Arc::new(rules),
        }
    }
}

/// A scheme for good. There are as many as people have ever put in force, each once: a few kilobytes.
fn kept(scheme: &Arc<Scheme>) -> &'static Scheme {
    static KEPT: Mutex<Vec<&'static Scheme>> = Mutex::new(Vec::new());
    let mut known = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.iter().copied().find(|known| **known == **scheme) {
        return same;
    }
    let new: &'static Scheme = Box::leak(Box::new((**scheme).clone()));
    known.push(new);
    new
}

#[cfg(test)]
mod tests {
    use super::Rules;
    use vigil_core::desk::{DeskRules, OwnDeskFile};

    #[test]
    fn everybody_sees_the_rules_of_the_last_reload() {
        let rules = Rules::default();
        let (other, before) = (rules.clone(), rules.scheme());
        let own = OwnDeskFile {
            name: "risk.toml",
            path: "risk.toml",
            text: "[reassess]\ndays = 90\n",
        };
        rules.replace(DeskRules::over(&[own]).unwrap());
        assert_eq!(
            (other.scheme().reassess_days(), before.reassess_days()),
            (90, 365)
        );
        rules.replace(DeskRules::builtin());
        assert!(
            std::ptr::eq(other.scheme(), before),
            "the same scheme is kept once"
        );
        assert_eq!(*other.now(), DeskRules::builtin());
    }
}
