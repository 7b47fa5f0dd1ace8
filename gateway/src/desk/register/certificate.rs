//! Certificates of a unit's people.

use super::entering::remember;
use super::error::{reading, same_revision, writing};
use super::text::required;
use super::unit::unit;
use super::write::{INSERT_OBLIGATIONS, run};
use super::{Act, HistoryLine, RegisterError, write_history};
use crate::desk::scope::push_scope;
use crate::store::{Db, Desk};
use jiff::civil::Date;
use serde_json::json;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _};
use vigil_core::calendar::Obligation;
use vigil_core::people::Person;

/// A person's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Number here.
    pub n: i64,
    /// Counts its changes.
    pub revision: i64,
    /// What is known.
    pub facts: CertificateFacts,
}

/// What is known about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Unit the person works for.
    pub unit: String,
    /// The person.
    pub person: String,
    /// What it allows, such as `T` or `G1`.
    pub kind: String,
    /// Number on it.
    pub number: String,
    /// Issued.
    pub issued: Option<Date>,
    /// Last day it holds.
    pub expires: Date,
}

fn certificate_row(row: &SqliteRow) -> Result<Certificate, RegisterError> {
    let expires: String = row.get("expires");
    Ok(Certificate {
        n: row.get("n"),
        revision: row.get("revision"),
        facts: CertificateFacts {
            unit: row.get("unit"),
            person: row.get("person"),
            kind: row.get("kind"),
            number: row.get("number"),
            issued: row
                .get::<Option<String>, _>("issued")
                .and_then(|text| text.parse().ok()),
            expires: expires
                .parse()
                .map_err(|error| super::error::corrupt("certificate", &error))?,
        },
    })
}

/// Certificates of a unit, or of all units `person` may see; those that expire first come first, behind the one that
/// expires that day and has that number.
///
/// # Errors
/// The database cannot be read.
pub async fn certificates(
    desk: &Desk,
    person: &Person,
    of_unit: Option<&str>,
    after: Option<(Date, i64)>,
    limit: u32,
) -> Result<Vec<Certificate>, RegisterError> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT c.* FROM certificates c JOIN (SELECT code, code AS use_unit, code AS maintenance_unit, \
         code AS inspection_body, area FROM units) u ON u.code = c.unit WHERE true",
    );
    push_scope(&mut query, person, "u.");
    if let Some(unit) = of_unit {
        query.push(" AND c.unit = ").push_bind(unit.to_owned());
    }
    if let Some((expires, n)) = after {
        query
            .push(" AND (c.expires, c.n) > (")
            .push_bind(expires.to_string());
        query.push(", ").push_bind(n).push(")");
    }
    query
        .push(" ORDER BY c.expires, c.n LIMIT ")
        .push_bind(i64::from(limit.clamp(1, 1_001)));
    let rows = query
        .build()
        .fetch_all(desk.reading())
        .await
        .map_err(reading("certificates"))?;
    rows.iter().map(certificate_row).collect()
}

/// One certificate.
///
/// # Errors
/// The database cannot be read.
pub async fn certificate(desk: &Desk, n: i64) -> Result<Option<Certificate>, RegisterError> {
    let row = sqlx::query("SELECT * FROM certificates WHERE n = $1")
        .bind(n)
        .fetch_optional(desk.reading())
        .await
        .map_err(reading("certificates"))?;
    row.as_ref().map(certificate_row).transpose()
}

/// Writes a certificate: `seen` is its number and the revision that was seen; `None` makes a new one.
///
/// # Errors
/// Values that cannot be taken; it has changed in between; the database cannot be written.
pub async fn save_certificate(
    desk: &Desk,
    act: &Act,
    seen: Option<(i64, i64)>,
    facts: &CertificateFacts,
) -> Result<Certificate, RegisterError> {
    let facts = CertificateFacts {
        person: required("person", &facts.person, 100)?,
        kind: required("kind", &facts.kind, 40)?,
        number: required("number", &facts.number, 100)?,
        ..facts.clone()
    };
    if facts.issued.is_some_and(|issued| issued > facts.expires) {
        return Err(RegisterError::Value {
            field: "expires",
            what: "is before the day it was issued".to_owned(),
        });
    }
    let of = unit(desk, &facts.unit).await?.ok_or(RegisterError::NotFound {
        what: "unit",
        id: facts.unit.clone(),
    })?;
    let mut write = desk.begin().await?;
    let connection = write.connection()?;
    let mut old = String::new();
    let mut revision = 1;
    if let Some((n, expected)) = seen {
        let row = sqlx::query("SELECT * FROM certificates WHERE n = $1")
            .bind(n)
            .fetch_optional(&mut *connection)
            .await
            .map_err(reading("certificates"))?;
        let before = row
            .as_ref()
            .map(certificate_row)
            .transpose()?
            .ok_or(RegisterError::NotFound {
                what: "certificate",
                id: n.to_string(),
            })?;
        same_revision("the certificate", before.revision, expected)?;
        revision = before.revision + 1;
        old = said(&before.facts);
    }
    let row = sqlx::query(
        "INSERT INTO certificates (n, unit, person, kind, number, issued, expires, revision, changed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (n) DO UPDATE SET unit = excluded.unit, \
         person = excluded.person, kind = excluded.kind, number = excluded.number, issued = excluded.issued, \
         expires = excluded.expires, revision = excluded.revision, changed = excluded.changed RETURNING n",
    )
    .bind(seen.map(|(n, _)| n))
    .bind(&facts.unit)
    .bind(&facts.person)
    .bind(&facts.kind)
    .bind(&facts.number)
    .bind(facts.issued.map(|date| date.to_string()))
    .bind(facts.expires.to_string())
    .bind(revision)
    .bind(act.now.0)
    .fetch_one(&mut *connection)
    .await
    .map_err(writing("a certificate"))?;
    let n: i64 = row.get(0);
    let line = HistoryLine {
        subject: format!("certificate:{n}"),
        field: "person".to_owned(),
        old,
        new: said(&facts),
    };
    write_history(connection, act, &[line]).await?;
    sqlx::query("DELETE FROM obligations WHERE equipment = '' AND part = $1")
        .bind(format!("certificate:{n}"))
        .execute(&mut *connection)
        .await
        .map_err(writing("the calendar"))?;
    let due = json!([[
        "",
        Obligation::OperatorCertificate.key(),
        format!("certificate:{n}"),
        facts.expires.to_string(),
        "stated",
        "TSG Z6001-2019",
        0,
        of.facts.area,
        "",
        facts.unit,
        facts.unit,
        facts.unit
    ]]);
    run(connection, INSERT_OBLIGATIONS, &due).await?;
    remember(connection, act, &n.to_string()).await?;
    write.commit().await?;
    Ok(Certificate { n, revision, facts })
}

fn said(facts: &CertificateFacts) -> String {
    json!({
        "unit": facts.unit, "person": facts.person, "kind": facts.kind, "number": facts.number,
        "issued": facts.issued, "expires": facts.expires,
    })
    .to_string()
}
