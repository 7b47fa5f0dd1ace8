//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_core::hash::ContentHash;
use vigil_core::people::{Person, Role, Sight};

/// How somebody came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// He did not say who he is; reading is open as long as there are no users.
    Nobody,
    /// With the admin token, in the header.
    AdminToken,
    /// With a session's cookie.
    Session,
    /// With an API token.
    Token {
        /// Its id.
        id: Arc<str>,
    },
}

/// A session as pages need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Name to be shown.
    pub name: String,
    /// What its forms carry.
    pub csrf: String,
    /// Digest of its cookie.
    pub digest: ContentHash,
}

impl Session {
    /// Whether a form came from one of our pages. Digests are compared, so the time taken says nothing.
    #[must_use]
    pub fn vouches_for(&self, offered: &str) -> bool {
        ContentHash::of(offered.as_bytes()) == ContentHash::of(self.csrf.as_bytes())
    }
}

/// Who asks, as the gate found out: a handler takes it as an argument.
#[derive(Clone, Debug)]
pub struct Access {
    /// Whoever it is. Of somebody who did not say: a department that reads everywhere and does nothing.
    pub person: Person,
    /// How he came in.
    pub via: Via,
    /// His session, if he has one.
    pub session: Option<Session>,
    /// Language he chose for good.
    pub language: Option<String>,
    /// Where from.
    pub address: Option<IpAddr>,
    /// Reached over TLS, as far as is known.
    pub https: bool,
    note: Arc<Mutex<Note>>,
}

/// What a handler adds to the audit log.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    pub(super) object: Option<String>,
    pub(super) area: Option<String>,
}

impl Access {
    pub(super) fn new(person: Person, via: Via) -> Self {
        Self {
            person,
            via,
            session: None,
            language: None,
            address: None,
            https: false,
            note: Arc::default(),
        }
    }

    /// Somebody who did not say who he is, where reading is open.
    pub(super) fn nobody() -> Self {
        let person = Person {
            login: "anonymous".into(),
            role: Role::Department,
            unit: None,
            areas: vec!["".into()],
        };
        Self::new(person, Via::Nobody)
    }

    /// Somebody who sees nothing and may nothing: what a page that is not behind the gate is shown to.
    #[must_use]
    pub fn none() -> Self {
        let person = Person {
            login: "anonymous".into(),
            role: Role::Site,
            unit: None,
            areas: Vec::new(),
        };
        Self::new(person, Via::Nobody)
    }

    /// Whether he said who he is.
    #[must_use]
    pub fn signed_in(&self) -> bool {
        self.via != Via::Nobody
    }

    /// What he sees.
    #[must_use]
    pub fn sight(&self) -> Sight {
        self.person.sight()
    }

    /// Login, for the record of what is done.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.person.login
    }

    /// Says for the audit log what this request is about, where the address does not: the id of what was made.
    pub fn about(&self, object: impl Into<String>) {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).object = Some(object.into());
    }

    /// Says for the audit log where that is (GB/T 2260 code), so that who is responsible there can read the entry.
    pub fn in_area(&self, area: impl Into<String>) {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).area = Some(area.into());
    }

    pub(super) fn note(&self) -> Note {
        self.note.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // A route that is not behind the gate answers nobody.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
