//! Who asks, what he may, and the record of it.
//!
//! ```text
//! request ─► gate::admit (cookie, bearer ─► Access; route ─► rules::RULES) ─► handler ─► gate::record (audit log)
//! ```
//! `api` and `web` put the gate before all their routes; a handler takes [`Access`], and gives its
//! [`Access::sight`] to whatever it lists. Until the first user exists reading is open to whoever reaches the
//! address, and the admin token is the only one who writes.

mod access;
pub mod gate;
mod hasher;
mod manage;
mod once;
pub mod rules;
mod scopes;
mod sign_in;

pub use crate::desk::people::audit::{AuditFilter, Chain, Deed, Entry};
pub use crate::desk::people::sessions::SessionRow;
pub use crate::desk::people::tokens::{ApiToken, TokenScope};
pub use crate::desk::people::users::{User, UserFacts, UserFilter};
pub use access::{Access, Session, Via};
pub use hasher::HashError;
pub use manage::{ManageError, NewToken, Wrong};
pub use scopes::Scopes;
pub use sign_in::{ADMIN, COOKIE, SignInError, admin_name, cookie};

use crate::clock::Clock;
use crate::desk::people::users;
use crate::desk::scopes as scope_table;
use crate::secrets::AdminToken;
use crate::store::{Desk, StoreError};
use hasher::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use vigil_core::catalog::Catalog;
use vigil_core::sign_in::Throttle;

/// Logins and addresses whose failures are remembered.
const GUESSERS: usize = 10_000;

/// Users, sessions, tokens and the audit log; cheap to clone.
#[derive(Clone, Debug)]
pub struct People(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    desk: Desk,
    token: Arc<AdminToken>,
    clock: Clock,
    /// There is at least one user: from then on everybody says who he is.
    closed: AtomicBool,
    hasher: Hasher,
    /// Per login; per address.
    throttles: Mutex<(Throttle, Throttle)>,
    scopes: Scopes,
}

impl People {
    /// Reads what must be known of the tables, and tells them whose the equipment of the catalog is.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub async fn open(
        desk: Desk,
        token: Arc<AdminToken>,
        clock: Clock,
        catalog: &Catalog,
    ) -> Result<Self, StoreError> {
        let closed = users::any(desk.reading()).await?;
        let people = Self(Arc::new(Inner {
            desk,
            token,
            clock,
            closed: AtomicBool::new(closed),
            hasher: Hasher::default(),
            throttles: Mutex::new((
                // Five slips are free; then 1 s, 2 s … 5 min. An address may belong to a whole office.
                Throttle::new(5, 1_000, 300_000, GUESSERS),
                Throttle::new(30, 1_000, 300_000, GUESSERS),
            )),
            scopes: Scopes::default(),
        }));
        people.follow(catalog).await?;
        Ok(people)
    }

    /// The catalog is another: so may be whose the equipment is.
    ///
    /// # Errors
    /// The database cannot be read or written.
    pub async fn follow(&self, catalog: &Catalog) -> Result<(), StoreError> {
        let mut write = self.0.desk.begin().await?;
        scope_table::sync(write.connection()?, catalog).await?;
        write.commit().await?;
        let beyond = scope_table::beyond(self.0.desk.reading(), catalog).await?;
        self.0.scopes.replace(beyond);
        Ok(())
    }

    /// Whether everybody must say who he is: there are users.
    #[must_use]
    pub fn closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }

    /// Whose equipment is where the catalog does not say.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }
}
