//! The mapping profiles in force, and the routes they give.

use crate::ingest::FieldRoute;
use std::sync::Arc;
use tokio::sync::watch;
use vigil_core::json::Profiles;

/// The profiles in force; cheap to clone, every clone sees a replacement.
#[derive(Clone, Debug)]
pub struct Mappings(watch::Sender<Arc<Profiles>>);

impl Mappings {
    /// Begins with these.
    #[must_use]
    pub fn new(profiles: Profiles) -> Self {
        Self(watch::Sender::new(Arc::new(profiles)))
    }

    /// Those in force now.
    #[must_use]
    pub fn current(&self) -> Arc<Profiles> {
        Arc::clone(&self.0.borrow())
    }

    /// Puts others in force, from the next message on; gives those that were. A session with an external broker must
    /// be told ([`super::Topics::changed`]).
    pub fn replace(&self, profiles: Profiles) -> Arc<Profiles> {
        self.0.send_replace(Arc::new(profiles))
    }

    /// Whose a message under this topic is, and how it is read; `None` if no profile reads it.
    pub(super) fn route(&self, topic: &str) -> Option<FieldRoute> {
        let profiles = self.0.borrow();
        let profile = profiles.of(topic)?;
        let address = profile.address(topic);
        Some(FieldRoute {
            node: address.node.into(),
            device: address.device.map(Into::into),
            decoder: Arc::clone(profile) as _,
        })
    }
}
