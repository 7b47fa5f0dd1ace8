//! Creations that are done once however often they are asked for: an answer that got lost is asked for again.
//!
//! What is kept of a request is a hash of what was asked for, without the password: a quick hash of one would be a way
//! to guess it. The secret of a token is kept nowhere, so its request is answered with a secret only once.

use super::{ManageError, NewToken, People, TokenScope, User, UserFacts};
use crate::desk::people::{requests, users};
use serde_json::json;
use sqlx::SqliteConnection;
use vigil_core::hash::ContentHash;

/// A creation with a key, and what it asks for.
#[derive(Clone, Debug)]
pub(super) struct Once {
    key: String,
    hash: String,
}

impl Once {
    /// Keys of different persons have nothing to do with each other.
    fn of(by: &str, key: Option<&str>, asked: &serde_json::Value) -> Option<Self> {
        key.map(|key| Self {
            key: format!("{by} {key}"),
            hash: ContentHash::of(asked.to_string().as_bytes()).to_string(),
        })
    }

    /// Remembers what it made, in the transaction that makes it.
    pub(super) async fn done(
        &self,
        people: &People,
        connection: &mut SqliteConnection,
        answer: &str,
    ) -> Result<(), ManageError> {
        if requests::insert(connection, &self.key, &self.hash, answer, people.now()).await? {
            Ok(())
        } else {
            Err(ManageError::InProgress)
        }
    }
}

impl People {
    /// What this request made before.
    pub(super) async fn made_before(&self, once: Option<&Once>) -> Result<Option<String>, ManageError> {
        let Some(once) = once else { return Ok(None) };
        match requests::find(self.0.desk.reading(), &once.key).await? {
            None => Ok(None),
            Some((hash, answer)) if hash == once.hash => Ok(Some(answer)),
            Some(_) => Err(ManageError::KeyReused),
        }
    }

    /// Makes a user, once per key of `by`: asked for again, the answer is the user as he is now.
    ///
    /// # Errors
    /// As [`People::add_user`]; the key was used for something else.
    pub async fn add_user_once(
        &self,
        by: &str,
        key: Option<&str>,
        login: &str,
        facts: &UserFacts,
        password: &str,
    ) -> Result<User, ManageError> {
        let asked = json!([
            "user",
            login,
            facts.name,
            facts.role.key(),
            facts.unit,
            facts.areas,
            facts.language,
            facts.phone,
        ]);
        let once = Once::of(by, key, &asked);
        if let Some(made) = self.made_before(once.as_ref()).await? {
            return self.same_user(&made, password).await;
        }
        match self.make_user(login, facts, password, once.as_ref()).await {
            // The same request, sent twice at once: the other one was faster.
            Err(error) => match self.made_before(once.as_ref()).await? {
                Some(made) => self.same_user(&made, password).await,
                None => Err(error),
            },
            made => made,
        }
    }

    /// The user a request made. As long as he has the password he began with, that tells another request from a repeat.
    async fn same_user(&self, login: &str, password: &str) -> Result<User, ManageError> {
        let user = self.user(login).await?.ok_or(ManageError::Missing("user"))?;
        if user.password_changed == user.created {
            let hash = users::password(self.0.desk.reading(), login).await?;
            if !self.0.hasher.fits(password, hash).await? {
                return Err(ManageError::KeyReused);
            }
        }
        Ok(user)
    }

    /// Makes a token, once per key of `login`.
    ///
    /// # Errors
    /// As [`People::add_token`]; it was made by this request before, and its secret is kept nowhere; the key was used for
    /// something else.
    pub async fn add_token_once(
        &self,
        login: &str,
        key: Option<&str>,
        name: &str,
        scopes: &[TokenScope],
        days: i64,
    ) -> Result<NewToken, ManageError> {
        let once = Once::of(login, key, &json!(["token", name, scopes, days]));
        if let Some(id) = self.made_before(once.as_ref()).await? {
            return Err(ManageError::MadeBefore { id });
        }
        self.make_token(login, name, scopes, days, once.as_ref()).await
    }
}
