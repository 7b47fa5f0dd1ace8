//! Passwords become argon2id hashes, a few at a time and off the threads that answer.

use crate::secrets::{SecretError, random_hex};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use vigil_core::sign_in::LONGEST_PASSWORD;

/// Hashes at a time; each takes 19 MiB.
const AT_ONCE: usize = 2;
/// Who has not had his turn by then is sent away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a password could not be hashed or compared.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many at once.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    /// No randomness for the salt.
    #[error(transparent)]
    Random(#[from] SecretError),
    /// The library refuses.
    #[error("hashing a password: {0}")]
    Hash(argon2::password_hash::Error),
    /// The worker ended.
    #[error("hashing a password: the worker ended")]
    Worker,
}

/// Hashes and compares passwords.
#[derive(Debug)]
pub(super) struct Hasher {
    permits: Arc<Semaphore>,
    /// A hash no password fits: comparing with it costs an unknown login what a known one costs.
    nobody: OnceCell<String>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: OnceCell::new(),
        }
    }
}

impl Hasher {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let turn = Arc::clone(&self.permits).acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(HashError::Busy),
        }
    }

    /// The hash of a password, as PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, HashError> {
        let permit = self.permit().await?;
        let salt = random_hex()?;
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let salt = salt.as_bytes().get(..32).unwrap_or_default();
            Argon2::default()
                .hash_password_with_salt(password.as_bytes(), salt)
                .map(|hash| hash.to_string())
        });
        work.await
            .map_err(|_| HashError::Worker)?
            .map_err(HashError::Hash)
    }

    /// Whether a password fits a hash; without a hash it takes as long, and does not.
    pub(super) async fn fits(&self, password: &str, hash: Option<String>) -> Result<bool, HashError> {
        let known = hash.is_some() && password.len() <= LONGEST_PASSWORD;
        let hash = match hash {
            Some(hash) => hash,
            None => self
                .nobody
                .get_or_try_init(async || self.hash(random_hex()?).await)
                .await?
                .clone(),
        };
        let permit = self.permit().await?;
        let mut password = password.to_owned();
        if !known {
            password.truncate(password.floor_char_boundary(LONGEST_PASSWORD));
        }
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            PasswordHash::new(&hash).is_ok_and(|hash| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &hash)
                    .is_ok()
            })
        });
        Ok(work.await.map_err(|_| HashError::Worker)? && known)
    }
}
