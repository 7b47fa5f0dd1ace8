//! Coming in with a password, going out, and who a cookie or a token stands for.

use super::access::{Access, Session, Via};
use super::hasher::HashError;
use super::{People, SessionRow, TokenScope};
use crate::desk::people::{sessions, tokens, users};
use crate::secrets::{SecretError, random_hex};
use crate::store::StoreError;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::PoisonError;
use vigil_core::hash::ContentHash;
use vigil_core::people::{Person, Role};
use vigil_protocol::time::UtcMillis;

/// Name of whoever holds the admin token, in the record.
pub const ADMIN: &str = "admin";
/// Name of the session's cookie.
pub const COOKIE: &str = "vigil_session";
/// A session that is not used ends after this time …
const IDLE_MS: i64 = 2 * 3_600_000;
/// … and at the latest after a working day with some to spare.
const LASTS_MS: i64 = 12 * 3_600_000;
/// Uses are noted so often: not every page view is worth a write.
const NOTED_MS: i64 = 60_000;
/// Longest name a browser has for itself, characters.
const AGENT: usize = 200;

/// Why somebody did not come in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Login or password is wrong; which, is not said.
    #[error("login or password is wrong")]
    Wrong,
    /// Too many failures before.
    #[error("too many failed attempts; try again in {} s", (.0 + 999) / 1_000)]
    Wait(i64),
    /// The password could not be compared.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No randomness for the cookie.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The value of a cookie in a `Cookie` header.
#[must_use]
pub fn cookie<'c>(header: &'c str, name: &str) -> Option<&'c str> {
    header
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Who it was, for the record: everybody with the admin token is `admin`, the name is what he says.
#[must_use]
pub fn admin_name(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    if name.is_empty() {
        ADMIN.to_owned()
    } else {
        format!("{ADMIN}: {name}")
    }
}

fn csrf(cookie: &str) -> String {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(b"form of ")
        .chain_update(cookie)
        .finalize()
        .into();
    ContentHash(hash).to_string()
}

fn administrator(name: &str) -> Person {
    Person {
        login: name.into(),
        role: Role::Administrator,
        unit: None,
        areas: Vec::new(),
    }
}

impl People {
    /// Signs in with login and password; gives the cookie's value. A login that does not exist costs the same time
    /// and is slowed down the same way.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in(
        &self,
        login: &str,
        password: &str,
        address: Option<IpAddr>,
        agent: &str,
    ) -> Result<String, SignInError> {
        let login = login.trim().to_ascii_lowercase();
        // What is no login at all is counted too, by as much of it as one could have.
        let counted: String = login.chars().take(64).collect();
        let from = address.map(|address| address.to_string()).unwrap_or_default();
        self.begin_attempt(&counted, &from)?;
        let pool = self.0.desk.reading();
        let hash = users::password(pool, &login).await?;
        if !self.0.hasher.fits(password, hash).await? {
            return Err(SignInError::Wrong);
        }
        let Some(user) = users::find(pool, &login).await?.filter(|user| user.facts.active) else {
            return Err(SignInError::Wrong);
        };
        self.end_attempt(&counted, &from);
        self.open_session(Some(&user.login), &user.facts.name, address, agent)
            .await
    }

    fn begin_attempt(&self, login: &str, address: &str) -> Result<(), SignInError> {
        let now = self.0.clock.now();
        let mut throttles = self.0.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = throttles.0.wait(login, now).max(throttles.1.wait(address, now));
        if wait > 0 {
            return Err(SignInError::Wait(wait));
        }
        throttles.0.begin(login, now).map_err(SignInError::Wait)?;
        throttles.1.begin(address, now).map_err(SignInError::Wait)
    }

    fn end_attempt(&self, login: &str, address: &str) {
        let mut throttles = self.0.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        throttles.0.succeeded(login);
        throttles.1.succeeded(address);
    }

    /// Opens a session for whoever has shown the admin token; `name` is what he calls himself.
    ///
    /// # Errors
    /// No randomness, or the database cannot be written.
    pub async fn sign_in_admin(
        &self,
        name: &str,
        address: Option<IpAddr>,
        agent: &str,
    ) -> Result<String, SignInError> {
        self.open_session(None, &admin_name(name), address, agent).await
    }

    async fn open_session(
        &self,
        login: Option<&str>,
        name: &str,
        address: Option<IpAddr>,
        agent: &str,
    ) -> Result<String, SignInError> {
        let cookie = random_hex()?;
        let now = self.0.clock.now();
        let session = SessionRow {
            digest: ContentHash::of(cookie.as_bytes()),
            login: login.map(str::to_owned),
            name: name.to_owned(),
            created: now,
            used: now,
            until: now.saturating_add_ms(LASTS_MS),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            agent: agent.chars().filter(|c| !c.is_control()).take(AGENT).collect(),
        };
        let mut write = self.0.desk.begin().await?;
        sessions::insert(write.connection()?, &session).await?;
        write.commit().await?;
        Ok(cookie)
    }

    /// Ends the session of a cookie.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn sign_out(&self, digest: ContentHash) -> Result<(), StoreError> {
        let mut write = self.0.desk.begin().await?;
        sessions::end(write.connection()?, digest).await?;
        write.commit().await
    }

    /// Whose cookie this is, if his session still holds.
    pub(super) async fn of_cookie(&self, cookie: &str) -> Result<Option<Access>, StoreError> {
        let now = self.0.clock.now();
        let digest = ContentHash::of(cookie.as_bytes());
        let Some((session, user)) = sessions::get(self.0.desk.reading(), digest).await? else {
            return Ok(None);
        };
        if session.until <= now || now.since(session.used) > IDLE_MS {
            return Ok(None);
        }
        let (person, language) = match (&session.login, user) {
            (None, _) => (administrator(&session.name), None),
            (Some(_), Some(user)) if user.facts.active => (user.person(), user.facts.language),
            (Some(_), _) => return Ok(None),
        };
        if now.since(session.used) >= NOTED_MS {
            self.noted(async |people| {
                let mut write = people.0.desk.begin().await?;
                sessions::touch(write.connection()?, digest, now).await?;
                write.commit().await
            })
            .await;
        }
        let mut access = Access::new(person, Via::Session);
        access.language = language;
        access.session = Some(Session {
            name: session.name,
            csrf: csrf(cookie),
            digest,
        });
        Ok(Some(access))
    }

    /// Whose bearer token this is, and what it may be used for (`None`: everything).
    pub(super) async fn of_bearer(
        &self,
        token: &str,
    ) -> Result<Option<(Access, Option<Vec<TokenScope>>)>, StoreError> {
        if self.0.token.matches(token) {
            return Ok(Some((Access::new(administrator(ADMIN), Via::AdminToken), None)));
        }
        let now = self.0.clock.now();
        let digest = ContentHash::of(token.as_bytes());
        let Some((token, owner)) = tokens::get(self.0.desk.reading(), digest).await? else {
            return Ok(None);
        };
        if token.revoked.is_some() || token.until <= now || !owner.facts.active {
            return Ok(None);
        }
        if token.used.is_none_or(|used| now.since(used) >= NOTED_MS) {
            let id = token.id.clone();
            self.noted(async |people| {
                let mut write = people.0.desk.begin().await?;
                tokens::touch(write.connection()?, &id, now).await?;
                write.commit().await
            })
            .await;
        }
        let via = Via::Token { id: token.id.into() };
        let mut access = Access::new(owner.person(), via);
        access.language = owner.facts.language;
        Ok(Some((access, Some(token.scopes))))
    }

    /// When something was used is worth knowing, not worth refusing for.
    async fn noted(&self, write: impl AsyncFnOnce(&Self) -> Result<(), StoreError>) {
        if let Err(error) = write(self).await {
            tracing::warn!(%error, "the use of a session or token was not noted");
        }
    }

    /// The time, for whoever decides about what is kept here.
    pub(super) fn now(&self) -> UtcMillis {
        self.0.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::{admin_name, cookie};

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        assert_eq!(cookie("a=1; vigil_lang=en; b=2", "vigil_lang"), Some("en"));
        assert_eq!(cookie("xvigil_lang=en", "vigil_lang"), None);
    }

    #[test]
    fn the_record_says_who_it_claims_to_be() {
        assert_eq!(admin_name("  "), "admin");
        assert_eq!(admin_name("张工\n"), "admin: 张工");
    }
}
