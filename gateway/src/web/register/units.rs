//! Units, one by one with their people's certificates and their equipment.

use super::super::Site;
use super::super::fault::{Fault, answer, respond, respond_with};
use super::super::page::Page;
use crate::desk::listing::cut;
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
    let found = register::units(&site.app.desk, &site.reader(page), q, area, after, ROWS + 1).await?;
    let (found, older) = cut(found, ROWS, |last| page.with("after", &last.code));
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
        return page.sign_in_first();
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
    typed: Option<UnitFacts>,
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
    // Sent again, it is meant for what is there now.
    let facts = typed.unwrap_or(facts);
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
    let made = make(site, &page, code, Some(typed), Some(error.to_string())).await;
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
    let changed = async {
        let Form(form) = form?;
        let act = site.writer(&page, &form.csrf)?;
        of_unit(&site.app.desk, &site.reader(&page), &code).await?;
        let facts = UnitFacts::from(&form);
        match register::save_unit(&site.app.desk, &act, Some((&code, form.revision)), &facts).await {
            Ok(_) => Ok(Redirect::to(&format!("/units/{}", page.segment(&code))).into_response()),
            Err(RegisterError::NotFound { .. }) => Err(Fault::NotFound),
            Err(error) => {
                let made = make(&site, &page, &code, Some(facts), Some(error.to_string())).await;
                Ok(respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made))
            }
        }
    };
    let changed = changed.await;
    answer(&page, changed)
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

impl CertificateForm {
    fn facts(&self, page: &Page, unit: &str) -> Result<CertificateFacts, String> {
        let date = |zh, en, text: &str| {
            let read = vigil_core::register::read_date(text, true);
            read.map(|read| read.date)
                .map_err(|error| format!("{}: {error}", page.pick(zh, en)))
        };
        let issued = Some(self.issued.as_str()).filter(|text| !text.trim().is_empty());
        Ok(CertificateFacts {
            unit: unit.to_owned(),
            person: self.person.clone(),
            kind: self.kind.clone(),
            number: self.number.clone(),
            issued: issued.map(|text| date("发证日期", "issued", text)).transpose()?,
            expires: date("有效期至", "expires", &self.expires)?,
        })
    }
}

/// `POST /units/{code}/certificates`
pub(crate) async fn add_certificate(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(code): Path<String>,
    form: Result<Form<CertificateForm>, FormRejection>,
) -> Response {
    let added = async {
        let Form(form) = form?;
        let act = site.writer(&page, &form.csrf)?;
        of_unit(&site.app.desk, &site.reader(&page), &code).await?;
        let done = match form.facts(&page, &code) {
            Ok(facts) => register::save_certificate(&site.app.desk, &act, None, &facts)
                .await
                .map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        let of_unit = format!("/units/{}", page.segment(&code));
        match done {
            Ok(_) => Ok(Redirect::to(&format!("{of_unit}#certificates")).into_response()),
            Err(why) => {
                let page = Page {
                    path: of_unit,
                    ..page.clone()
                };
                let made = make(&site, &page, &code, None, Some(why)).await;
                let made = made.map(|made| UnitPage { typed: form, ..made });
                Ok(respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made))
            }
        }
    };
    let added = added.await;
    answer(&page, added)
}
