//! What the officer does: writes, signs, corrects.

use super::record::of_number;
use super::{DutyError, DutyRecord};
use crate::desk::{read, write};
use crate::store::{Db, Desk, DeskWrite};
use jiff::Span;
use jiff::civil::Date;
use sqlx::Row as _;
use vigil_core::duty::{DutyPolicy, Texts, may_correct, may_edit, may_sign};
use vigil_core::hash::ContentHash;
use vigil_core::people::Person;
use vigil_protocol::time::UtcMillis;

const WHAT: &str = "a record of daily control";

/// Who acts, when.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'s> {
    /// Who.
    pub person: &'s Person,
    /// His name, as his account has it.
    pub name: &'s str,
    /// Now.
    pub now: UtcMillis,
    /// Today where the gateway stands.
    pub today: Date,
}

/// Writes what the officer says.
///
/// # Errors
/// There is no such record for him, it has changed, it may not be done; the database.
pub async fn save(
    desk: &Desk,
    signer: &Signer<'_>,
    n: i64,
    seen: i64,
    texts: &Texts<'_>,
) -> Result<DutyRecord, DutyError> {
    let mut begun = desk.begin().await?;
    let record = seen_record(&mut begun, signer, n, seen).await?;
    may_edit(&record.state(), signer.person, texts)?;
    put(&mut begun, signer, n, texts).await?;
    let saved = of_number(begun.connection()?, signer.person, n).await?;
    begun.commit().await?;
    Ok(saved)
}

/// Signs; with `texts`, writes them first. From then on it does not change.
///
/// # Errors
/// There is no such record for him, it has changed, it may not be signed; the database.
pub async fn sign(
    desk: &Desk,
    signer: &Signer<'_>,
    n: i64,
    seen: i64,
    texts: Option<&Texts<'_>>,
) -> Result<DutyRecord, DutyError> {
    let mut begun = desk.begin().await?;
    let mut record = seen_record(&mut begun, signer, n, seen).await?;
    if let Some(texts) = texts {
        may_sign(&record.state(), signer.person, texts, signer.today)?;
        put(&mut begun, signer, n, texts).await?;
        record = of_number(begun.connection()?, signer.person, n).await?;
    }
    let stored = Texts {
        findings: &record.findings,
        measures: &record.measures,
        remarks: &record.remarks,
    };
    may_sign(&record.state(), signer.person, &stored, signer.today)?;
    let login = &*signer.person.login;
    let hash = record.content(login, signer.name, signer.now).hash();
    sqlx::query(
        "UPDATE duty_records SET signed_at = $2, signed_by = $3, signed_name = $4, hash = $5, revision = revision + 1, \
         changed = $2, changed_by = $3 WHERE n = $1 AND signed_at IS NULL",
    )
    .bind(n)
    .bind(signer.now.0)
    .bind(login)
    .bind(signer.name)
    .bind(hash.to_string())
    .execute(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    let signed = of_number(begun.connection()?, signer.person, n).await?;
    begun.commit().await?;
    Ok(signed)
}

/// Begins a correction: a new version that names the old one and begins with its words. With a key, once however often
/// it is asked for. `true`: it is new.
///
/// # Errors
/// There is no such record for him, it may not be corrected, the key was used for something else; the database.
pub async fn correct(
    desk: &Desk,
    policy: &DutyPolicy,
    signer: &Signer<'_>,
    n: i64,
    why: &str,
    key: Option<&str>,
) -> Result<(DutyRecord, bool), DutyError> {
    let mut begun = desk.begin().await?;
    let login = &*signer.person.login;
    let wish = ContentHash::of_parts(&[&n.to_be_bytes(), why.trim().as_bytes()]).to_string();
    let key = key.map(|key| format!("{login}\n{key}"));
    if let Some(key) = &key {
        let known = sqlx::query::<Db>("SELECT hash, record FROM duty_requests WHERE key = $1")
            .bind(key)
            .fetch_optional(begun.connection()?)
            .await
            .map_err(read(WHAT))?;
        if let Some(row) = known {
            if row.get::<&str, _>("hash") != wish {
                return Err(DutyError::KeyReused);
            }
            let known = of_number(begun.connection()?, signer.person, row.get("record")).await?;
            begun.commit().await?;
            return Ok((known, false));
        }
    }
    let record = of_number(begun.connection()?, signer.person, n).await?;
    may_correct(&record.state(), signer.person, why)?;
    let days = policy
        .get(record.kind)
        .map_or(1, |of_kind| of_kind.sign_within_days);
    let due = signer
        .today
        .checked_add(Span::new().days(i64::from(days)))
        .unwrap_or(signer.today);
    let made: i64 = sqlx::query_scalar(
        "INSERT INTO duty_records (kind, use_unit, area, period_from, period_to, due, version, corrects, why, officers, \
         prefill, verdict, findings, measures, remarks, revision, created, changed, changed_by) \
         SELECT kind, use_unit, area, period_from, period_to, $2, version + 1, n, $3, officers, prefill, verdict, findings, \
         measures, remarks, 1, $4, $4, $5 FROM duty_records WHERE n = $1 RETURNING n",
    )
    .bind(n)
    .bind(due.to_string())
    .bind(why.trim())
    .bind(signer.now.0)
    .bind(login)
    .fetch_one(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    sqlx::query("UPDATE duty_records SET latest = 0 WHERE n = $1")
        .bind(n)
        .execute(begun.connection()?)
        .await
        .map_err(write(WHAT))?;
    if let Some(key) = &key {
        sqlx::query("INSERT INTO duty_requests (key, hash, record, at) VALUES ($1, $2, $3, $4)")
            .bind(key)
            .bind(&wish)
            .bind(made)
            .bind(signer.now.0)
            .execute(begun.connection()?)
            .await
            .map_err(write(WHAT))?;
    }
    let made = of_number(begun.connection()?, signer.person, made).await?;
    begun.commit().await?;
    Ok((made, true))
}

async fn seen_record(
    begun: &mut DeskWrite,
    signer: &Signer<'_>,
    n: i64,
    seen: i64,
) -> Result<DutyRecord, DutyError> {
    let record = of_number(begun.connection()?, signer.person, n).await?;
    if record.revision == seen {
        Ok(record)
    } else {
        Err(DutyError::Stale {
            is: record.revision,
            expected: seen,
        })
    }
}

async fn put(begun: &mut DeskWrite, signer: &Signer<'_>, n: i64, texts: &Texts<'_>) -> Result<(), DutyError> {
    sqlx::query(
        "UPDATE duty_records SET findings = $2, measures = $3, remarks = $4, revision = revision + 1, changed = $5, \
         changed_by = $6 WHERE n = $1",
    )
    .bind(n)
    .bind(texts.findings.trim())
    .bind(texts.measures.trim())
    .bind(texts.remarks.trim())
    .bind(signer.now.0)
    .bind(&*signer.person.login)
    .execute(begun.connection()?)
    .await
    .map_err(write(WHAT))?;
    Ok(())
}
