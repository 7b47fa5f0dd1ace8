//! Units and their people's certificates.

use crate::desk::register::{Certificate as CertificateRow, Unit as UnitRow};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::calendar::Standing;

/// A unit.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UnitView {
    /// What persons belong to and equipment names: the credit code where there is one.
    pub code: String,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Name.
    pub name: String,
    /// `use_unit`, `maintenance_unit`, `inspection_body`, `other`: what it mainly is.
    pub kind: String,
    /// Unified social credit code.
    pub uscc: Option<String>,
    /// Area code; empty when nobody has said.
    pub area: String,
    /// Address.
    pub address: String,
    /// A person to ask; `null` for who is not signed in.
    pub contact: Option<String>,
    /// How to reach him; `null` for who is not signed in.
    pub phone: Option<String>,
}

impl UnitView {
    /// A unit as shown.
    #[must_use]
    pub fn of(unit: UnitRow, personal: bool) -> Self {
        let facts = unit.facts;
        Self {
            code: unit.code,
            revision: unit.revision,
            name: facts.name,
            kind: facts.kind,
            uscc: facts.uscc,
            area: facts.area,
            address: facts.address,
            contact: personal.then_some(facts.contact),
            phone: personal.then_some(facts.phone),
        }
    }
}

/// A person's certificate.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CertificateView {
    /// Number here.
    pub id: i64,
    /// Counts its changes; the `ETag`.
    pub revision: i64,
    /// Code of the unit the person works for.
    pub unit: String,
    /// The person; `null` for who is not signed in.
    pub person: Option<String>,
    /// What it allows.
    pub kind: String,
    /// Number on it; `null` for who is not signed in.
    pub number: Option<String>,
    /// Issued.
    #[schema(value_type = Option<String>, format = Date)]
    pub issued: Option<Date>,
    /// Last day it holds.
    #[schema(value_type = String, format = Date)]
    pub expires: Date,
    /// How that stands today.
    pub standing: &'static str,
}

impl CertificateView {
    /// A certificate as shown.
    #[must_use]
    pub fn of(row: CertificateRow, today: Date, personal: bool) -> Self {
        let facts = row.facts;
        Self {
            id: row.n,
            revision: row.revision,
            unit: facts.unit,
            person: personal.then_some(facts.person),
            kind: facts.kind,
            number: personal.then_some(facts.number),
            issued: facts.issued,
            standing: Standing::of(facts.expires, today).key(),
            expires: facts.expires,
        }
    }
}
