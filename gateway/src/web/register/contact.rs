//! Forms for whom to ask: a site keeps right what others must know to reach it.

use super::super::Site;
use super::super::fault::Fault;
use super::super::page::Page;
use super::{card, units};
use crate::desk::register::{self, CONTACT_FIELDS, RegisterError};
use crate::desk::scope::{of_id, of_unit};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::register::Field;

/// What the form for a unit's contact sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnitContactForm {
    csrf: String,
    revision: i64,
    contact: String,
    phone: String,
}

/// `POST /units/{code}/contact`
pub(crate) async fn unit(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(code): Path<String>,
    form: Result<Form<UnitContactForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let act = match site.writer(&page, &form.csrf) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    let desk = &site.app.desk;
    let known = match of_unit(desk, &site.reader(&page), &code).await {
        Ok(known) => known,
        Err(error) => return Fault::from(error).respond(&page),
    };
    page.access.in_area(&*known.facts.area);
    let seen = (code.as_str(), form.revision);
    match register::save_contact(desk, &act, seen, &form.contact, &form.phone).await {
        Ok(_) => Redirect::to(&format!("/units/{}", page.segment(&code))).into_response(),
        Err(error @ (RegisterError::NotFound { .. } | RegisterError::Store(_))) => {
            Fault::from(error).respond(&page)
        }
        Err(error) => {
            let typed = register::UnitFacts {
                contact: form.contact,
                phone: form.phone,
                ..known.facts
            };
            units::refused(&site, page, &code, typed, &error).await
        }
    }
}

type Sent = Vec<(String, String)>;

/// `POST /register/{id}/contact`
pub(crate) async fn equipment(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let mut sent: HashMap<String, String> = match sent {
        Ok(Form(sent)) => sent.into_iter().collect(),
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let csrf = sent.remove("csrf").unwrap_or_default();
    let act = match site.writer(&page, &csrf) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    match of_id(&site.app.desk, &site.reader(&page), &id).await {
        Ok(scope) => page.access.in_area(&*scope.area),
        Err(error) => return Fault::from(error).respond(&page),
    }
    let revision = sent.get("revision").and_then(|text| text.parse().ok());
    let typed: Vec<(Field, String)> = CONTACT_FIELDS
        .iter()
        .filter_map(|field| Some((*field, sent.remove(field.key())?)))
        .collect();
    let (desk, schedules) = (&site.app.desk, &site.app.rules.schedules());
    let done = register::change_contact(desk, &act, schedules, &id, revision.unwrap_or(0), typed.clone());
    match done.await {
        Ok(_) => Redirect::to(&format!("/register/{}#contact", page.segment(&id))).into_response(),
        Err(error @ (RegisterError::NotFound { .. } | RegisterError::Store(_))) => {
            Fault::from(error).respond(&page)
        }
        Err(error) => card::refused(&site, page, &id, typed, &error).await,
    }
}
