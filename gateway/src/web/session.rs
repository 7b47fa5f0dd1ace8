//! Who is signed in. A session is a random token in an HttpOnly, SameSite=Strict cookie; the gateway
//! keeps its digest only. A form carries a second token derived from the first, so that no other page
//! can post in the reader's name.

use super::page::cookie;
use crate::secrets::{SecretError, random_hex};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use vigil_protocol::time::UtcMillis;

/// Name of the cookie.
pub(crate) const COOKIE: &str = "vigil_session";
/// A working day with some to spare.
const LASTS_MS: i64 = 12 * 3_600_000;
/// The oldest goes when there are more.
const MOST: usize = 256;

/// Somebody who has shown the admin token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// Name for the record.
    pub(crate) name: String,
    /// What its forms carry.
    pub(crate) csrf: String,
}

#[derive(Debug)]
struct Kept {
    name: String,
    until: UtcMillis,
}

/// All sessions; they end with the process.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Kept>>);

impl Sessions {
    /// Opens a session and gives the cookie's value.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(crate) fn open(&self, name: &str, now: UtcMillis) -> Result<String, SecretError> {
        let token = random_hex()?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, session| session.until > now);
        if kept.len() >= MOST
            && let Some(oldest) = kept
                .iter()
                .min_by_key(|(_, session)| session.until)
                .map(|(key, _)| *key)
        {
            kept.remove(&oldest);
        }
        kept.insert(
            digest(&token),
            Kept {
                name: name.to_owned(),
                until: now.saturating_add_ms(LASTS_MS),
            },
        );
        Ok(token)
    }

    /// The session a `Cookie` header names.
    pub(crate) fn of_cookies(&self, header: &str, now: UtcMillis) -> Option<Session> {
        let token = cookie(header, COOKIE)?;
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = kept.get(&digest(token)).filter(|session| session.until > now)?;
        Some(Session {
            name: session.name.clone(),
            csrf: csrf(token),
        })
    }

    /// Ends the session a `Cookie` header names.
    pub(crate) fn close(&self, header: &str) {
        if let Some(token) = cookie(header, COOKIE) {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&digest(token));
        }
    }
}

impl Session {
    /// Whether a form came from one of our pages. Digests are compared, so the time taken says nothing.
    pub(crate) fn vouches_for(&self, offered: &str) -> bool {
        digest(offered) == digest(&self.csrf)
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn csrf(token: &str) -> String {
    let hash: [u8; 32] = Sha256::new()
        .chain_update(b"form of ")
        .chain_update(token)
        .finalize()
        .into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{COOKIE, LASTS_MS, MOST, Sessions};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_session_lasts_its_time_and_no_longer() {
        let sessions = Sessions::default();
        let token = sessions.open("admin", UtcMillis(0)).unwrap();
        let header = format!("x=y; {COOKIE}={token}");
        let session = sessions.of_cookies(&header, UtcMillis(LASTS_MS - 1)).unwrap();
        assert!(
            session.vouches_for(&session.csrf) && !session.vouches_for(&token) && !session.vouches_for("")
        );
        assert_eq!(sessions.of_cookies(&header, UtcMillis(LASTS_MS)), None);
        assert_eq!(sessions.of_cookies("vigil_session=0", UtcMillis(0)), None);
        sessions.close(&header);
        assert_eq!(sessions.of_cookies(&header, UtcMillis(1)), None);
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.open("a", UtcMillis(0)).unwrap();
        for at in 0..MOST {
            sessions.open("b", UtcMillis(1 + at as i64)).unwrap();
        }
        assert_eq!(
            sessions.of_cookies(&format!("{COOKIE}={first}"), UtcMillis(2)),
            None
        );
    }
}
