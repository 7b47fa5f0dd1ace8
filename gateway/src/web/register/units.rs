//! Units, one by one with their people's certificates and their equipment.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use crate::desk::register::{self, CertificateFacts, RegisterError, UNIT_KINDS, Unit, UnitFacts};
use crate::desk::scope::of_unit;
use crate::view::register::{CertificateView, RegisterChange, UnitView};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "register/units.html")]
struct UnitsPage<'p> {
    page: &'p Page,
    units: Vec<UnitView>,
    older: Option<String>,
    filtered: bool,
}

/// `GET /units?q=…&area=…&after=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_list(&site, &page).await;
    respond(&page, made)
}

async fn make_list<'p>(site: &Site, page: &'p Page) -> Result<UnitsPage<'p>, Fault> {
    let (q, area, after) = (
        page.asked("q").trim(),
        page.asked("area").trim(),
        page.asked("after"),
    );
    let mut found = register::units(&site.app.desk, &site.reader(page), q, area, after, ROWS + 1).await?;
    let more = found.len() > ROWS as usize;
    found.truncate(ROWS as usize);
    let older = found
        .last()
        .filter(|_| more)
        .map(|last| page.with("after", &last.code));
    Ok(UnitsPage {
        page,
        units: found.into_iter().map(|unit| UnitView::of(unit, false)).collect(),
        older,
        filtered: !q.is_empty() || !area.is_empty(),
    })
}

#[derive(Template)]
#[template(path = "register/unit.html")]
struct UnitPage<'p> {
    page: &'p Page,
    /// `None`: a new one.
    code: Option<String>,
    revision: i64,
    facts: UnitFacts,
    kinds: &'static [(&'static str, &'static str, &'static str)],
    certificates: Vec<CertificateView>,
    changes: Vec<RegisterChange>,
    refused: Option<String>,
    typed: CertificateForm,
    /// Names and phones are shown.
    personal: bool,
}

impl UnitPage<'_> {
    /// What was changed: here a name is the unit's.
    fn changed(&self, field: &str) -> String {
        match field {
            "name" => self.page.pick("名称", "name").to_owned(),
            field => self.page.fact_key(field),
        }
    }

    /// Whether the reader keeps the whole unit, not only whom to ask there.
    fn edits(&self) -> bool {
        self.page.sends("/units/{code}")
    }

    fn kind(&self) -> &'static str {
        self.kinds
            .iter()
            .find(|(key, ..)| *key == self.facts.kind)
            .map_or("", |(_, zh, en)| self.page.pick(zh, en))
    }
}

impl UnitsPage<'_> {
    fn kind(&self, key: &str) -> &'static str {
        UNIT_KINDS
            .iter()
            .find(|(known, ..)| *known == key)
            .map_or("", |(_, zh, en)| self.page.pick(zh, en))
    }
}

/// `GET /units/{code}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(code): Path<String>) -> Response {
    let made = make(&site, &page, &code, None, None).await;
    respond(&page, made)
}

/// `GET /units/new`
pub(crate) async fn new(page: Page) -> Response {
    if page.session.is_none() {
        return Redirect::to(&format!("/sign-in?next={}", page.here())).into_response();
    }
    respond(
        &page,
        Ok(blank(
            &page,
            UnitFacts {
                kind: "use_unit".to_owned(),
                ..UnitFacts::default()
            },
            None,
        )),
    )
}

fn blank(page: &Page, facts: UnitFacts, refused: Option<String>) -> UnitPage<'_> {
    UnitPage {
        page,
        code: None,
        revision: 0,
        facts,
        kinds: UNIT_KINDS,
        certificates: Vec::new(),
        changes: Vec::new(),
        refused,
        typed: CertificateForm::default(),
        personal: true,
    }
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    code: &str,
    typed: Option<(UnitFacts, i64)>,
    refused: Option<String>,
) -> Result<UnitPage<'p>, Fault> {
    let (desk, reader) = (&site.app.desk, site.reader(page));
    let personal = page.access.signed_in();
    let Unit {
        revision, mut facts, ..
    } = of_unit(desk, &reader, code).await?;
    if !personal {
        (facts.contact, facts.phone) = (String::new(), String::new());
    }
    let (facts, revision) = match typed {
        Some((facts, _)) => (facts, revision),
        None => (facts, revision),
    };
    let certificates = register::certificates(desk, &reader, Some(code), None, 200).await?;
    let changes = register::change_history(desk, &format!("unit:{code}"), None, 50, personal).await?;
    let today = site.today();
    Ok(UnitPage {
        page,
        code: Some(code.to_owned()),
        revision,
        facts,
        kinds: UNIT_KINDS,
        certificates: certificates
            .into_iter()
            .map(|row| CertificateView::of(row, today, personal))
            .collect(),
        changes: changes.into_iter().map(RegisterChange::from).collect(),
        refused,
        typed: CertificateForm::default(),
        personal,
    })
}

/// The page again, with what was typed and why it was not taken.
pub(super) async fn refused(
    site: &Site,
    page: Page,
    code: &str,
    typed: UnitFacts,
    error: &RegisterError,
) -> Response {
    let page = Page {
        path: format!("/units/{}", page.segment(code)),
        ..page
    };
    let made = make(site, &page, code, Some((typed, 0)), Some(error.to_string())).await;
    respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
}

/// What the form for a unit sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnitForm {
    csrf: String,
    revision: i64,
    name: String,
    kind: String,
    uscc: String,
    area: String,
    address: String,
    contact: String,
    phone: String,
}

impl From<&UnitForm> for UnitFacts {
    fn from(form: &UnitForm) -> Self {
        Self {
            name: form.name.clone(),
            kind: form.kind.clone(),
            uscc: Some(form.uscc.clone()).filter(|text| !text.trim().is_empty()),
            area: form.area.clone(),
            address: form.address.clone(),
            contact: form.contact.clone(),
            phone: form.phone.clone(),
        }
    }
}

/// `POST /units/new`
pub(crate) async fn create(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Form<UnitForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let facts = UnitFacts::from(&form);
    let done = match site.writer_in(&page, &form.csrf, &form.area) {
        Ok(act) => register::save_unit(&site.app.desk, &act, None, &facts)
            .await
            .map_err(|error| error.to_string()),
        Err(fault) => Err(fault.to_string()),
    };
    match done {
        Ok(unit) => Redirect::to(&format!("/units/{}", page.segment(&unit.code))).into_response(),
        Err(why) => respond_with(
            &page,
            StatusCode::UNPROCESSABLE_ENTITY,
            Ok(blank(&page, facts, Some(why))),
        ),
    }
}

/// `POST /units/{code}`
pub(crate) async fn change(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(code): Path<String>,
    form: Result<Form<UnitForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let facts = UnitFacts::from(&form);
    let act = match site.writer(&page, &form.csrf) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    if let Err(error) = of_unit(&site.app.desk, &site.reader(&page), &code).await {
        return Fault::from(error).respond(&page);
    }
    match register::save_unit(&site.app.desk, &act, Some((&code, form.revision)), &facts).await {
        Ok(_) => Redirect::to(&format!("/units/{}", page.segment(&code))).into_response(),
        Err(RegisterError::NotFound { .. }) => Fault::NotFound.respond(&page),
        Err(error) => {
            let made = make(
                &site,
                &page,
                &code,
                Some((facts, form.revision)),
                Some(error.to_string()),
            )
            .await;
            respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
        }
    }
}

/// What the form for a certificate sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CertificateForm {
    csrf: String,
    person: String,
    kind: String,
    number: String,
    issued: String,
    expires: String,
}

/// `POST /units/{code}/certificates`
pub(crate) async fn add_certificate(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(code): Path<String>,
    form: Result<Form<CertificateForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let act = match site.writer(&page, &form.csrf) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    if let Err(error) = of_unit(&site.app.desk, &site.reader(&page), &code).await {
        return Fault::from(error).respond(&page);
    }
    if let Err(error) = of_unit(&site.app.desk, &site.reader(&page), &code).await {
        return Fault::from(error).respond(&page);
    }
    let date = |text: &str| vigil_core::register::read_date(text, true).map(|read| read.date);
    let done = match date(&form.expires) {
        Err(error) => Err(format!("{}: {error}", page.pick("有效期至", "expires"))),
        Ok(expires) => {
            let facts = CertificateFacts {
                unit: code.clone(),
                person: form.person.clone(),
                kind: form.kind.clone(),
                number: form.number.clone(),
                issued: date(&form.issued).ok(),
                expires,
            };
            register::save_certificate(&site.app.desk, &act, None, &facts)
                .await
                .map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(_) => Redirect::to(&format!("/units/{}#certificates", page.segment(&code))).into_response(),
        Err(why) => {
            let page = Page {
                path: format!("/units/{}", page.segment(&code)),
                ..page
            };
            let made = make(&site, &page, &code, None, Some(why)).await;
            let made = made.map(|made| UnitPage { typed: form, ..made });
            respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
        }
    }
}
