//! Creations that are done once however often they are asked for.

use super::error::{reading, writing};
use super::{Act, RiskError};
use crate::store::Desk;
use serde::Serialize;
use sqlx::{Row as _, SqliteConnection};
use vigil_core::hash::ContentHash;

/// A creation with its key, and what it asks for.
pub(super) struct Once {
    key: Option<String>,
    hash: String,
}

impl Once {
    /// `request` is everything that was asked for. Keys of different persons have nothing to do with each other.
    pub(super) fn of(act: &Act, request: &impl Serialize) -> Self {
        Self {
            key: act.key.as_ref().map(|key| format!("{} {key}", act.person.login)),
            hash: ContentHash::of(serde_json::to_string(request).unwrap_or_default().as_bytes()).to_string(),
        }
    }

    /// What it made before.
    pub(super) async fn before(&self, desk: &Desk) -> Result<Option<i64>, RiskError> {
        let Some(key) = &self.key else { return Ok(None) };
        let row = sqlx::query("SELECT hash, answer FROM risk_requests WHERE key = $1")
            .bind(key)
            .fetch_optional(desk.reading())
            .await
            .map_err(reading("requests"))?;
        match row {
            None => Ok(None),
            Some(row) if row.get::<&str, _>("hash") == self.hash => Ok(Some(row.get("answer"))),
            Some(_) => Err(RiskError::KeyReused),
        }
    }

    /// Remembers what it made, in the transaction that makes it.
    pub(super) async fn done(
        &self,
        connection: &mut SqliteConnection,
        act: &Act,
        answer: i64,
    ) -> Result<(), RiskError> {
        let Some(key) = &self.key else { return Ok(()) };
        let done = sqlx::query(
            "INSERT INTO risk_requests (key, at, hash, answer) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING",
        )
        .bind(key)
        .bind(act.now.0)
        .bind(&self.hash)
        .bind(answer)
        .execute(connection)
        .await
        .map_err(writing("requests"))?;
        if done.rows_affected() == 1 {
            Ok(())
        } else {
            Err(RiskError::Refused {
                code: "in_progress",
                zh: "同一请求刚刚办理过，请再次查询结果",
                en: "the same request was handled just now; ask again for its answer",
            })
        }
    }
}
