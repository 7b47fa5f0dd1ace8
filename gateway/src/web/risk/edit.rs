//! The form for a risk point: what is said of it.

use super::super::Site;
use super::super::fault::{Fault, answer, respond, respond_with};
use super::super::page::Page;
use super::Refusal;
use crate::desk::risk::{self, Owner, PointFacts, id_of, number_of};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "risk/edit.html")]
struct EditPage<'p> {
    page: &'p Page,
    /// `None`: a new one.
    id: Option<String>,
    form: PointForm,
    refused: Option<Refusal>,
}

impl EditPage<'_> {
    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<&str> {
        Refusal::at(&self.refused, field)
    }
}

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PointForm {
    csrf: String,
    revision: i64,
    equipment: String,
    unit: String,
    name: String,
    place: String,
    factor: String,
    accident: String,
    basis: String,
    owner: String,
    owner_phone: String,
    owner_unit: String,
    retired: String,
}

impl PointForm {
    fn facts(&self) -> PointFacts {
        PointFacts {
            name: self.name.clone(),
            place: self.place.clone(),
            factor: self.factor.clone(),
            accident: self.accident.clone(),
            basis: self.basis.clone(),
            owner: self.owner.clone(),
            owner_phone: self.owner_phone.clone(),
            owner_unit: self.owner_unit.clone(),
            retired: self.retired == "1",
        }
    }
}

/// `GET /risk/new?equipment=…` or `?unit=…`
pub(crate) async fn new(page: Page) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let form = PointForm {
        equipment: page.asked("equipment").to_owned(),
        unit: page.asked("unit").to_owned(),
        ..PointForm::default()
    };
    respond(
        &page,
        Ok(EditPage {
            page: &page,
            id: None,
            form,
            refused: None,
        }),
    )
}

/// `POST /risk/new`
pub(crate) async fn create(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Form<PointForm>, FormRejection>,
) -> Response {
    let made = async {
        let Form(form) = form?;
        let act = site.risk_writer(&page, &form.csrf)?;
        let of = match (form.equipment.trim(), form.unit.trim()) {
            (equipment, "") if !equipment.is_empty() => Ok(Owner::Equipment(equipment.to_owned())),
            ("", unit) if !unit.is_empty() => Ok(Owner::Unit(unit.to_owned())),
            _ => Err(Refusal::field(
                &page,
                "equipment",
                "请填写设备编号或单位代码之一",
                "either a piece of equipment or a unit",
            )),
        };
        let done = match of {
            Ok(of) => {
                let done = risk::create(&site.app.desk, &act, &of, &form.facts()).await;
                Refusal::or(&page, done)?
            }
            Err(refused) => Err(refused),
        };
        match done {
            Ok(point) => {
                page.access.about(id_of(point.n));
                page.access.in_area(&*point.scope.area);
                risk::soon(&site.app).await;
                // Nobody has assessed it yet: that comes next.
                Ok(Redirect::to(&format!("/risk/points/{}/assess", id_of(point.n))).into_response())
            }
            Err(refused) => Ok(again(&page, None, form, refused)),
        }
    };
    let made = made.await;
    answer(&page, made)
}

/// The form as it was sent, with why it was not taken.
fn again(page: &Page, id: Option<String>, form: PointForm, refused: Refusal) -> Response {
    let status = refused.status;
    let made = EditPage {
        page,
        id,
        form,
        refused: Some(refused),
    };
    respond_with(page, status, Ok(made))
}

/// `GET /risk/points/{id}/edit`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let made = load(&site, &page, &id).await;
    respond(&page, made)
}

async fn load<'p>(site: &Site, page: &'p Page, id: &str) -> Result<EditPage<'p>, Fault> {
    let n = number_of(id).ok_or(Fault::NotFound)?;
    let point = risk::point(&site.app.desk, &page.access.person, n).await?;
    let facts = point.facts;
    Ok(EditPage {
        page,
        id: Some(id_of(n)),
        form: PointForm {
            csrf: String::new(),
            revision: point.revision,
            equipment: String::new(),
            unit: String::new(),
            name: facts.name,
            place: facts.place,
            factor: facts.factor,
            accident: facts.accident,
            basis: facts.basis,
            owner: facts.owner,
            owner_phone: facts.owner_phone,
            owner_unit: facts.owner_unit,
            retired: if facts.retired { "1" } else { "" }.to_owned(),
        },
        refused: None,
    })
}

/// `POST /risk/points/{id}/edit`
pub(crate) async fn change(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<PointForm>, FormRejection>,
) -> Response {
    let changed = async {
        let Form(mut form) = form?;
        let act = site.risk_writer(&page, &form.csrf)?;
        let n = number_of(&id).ok_or(Fault::NotFound)?;
        let done = risk::change(&site.app.desk, &act, n, form.revision, &form.facts()).await;
        match Refusal::or(&page, done)? {
            Ok(_) => {
                risk::soon(&site.app).await;
                Ok(Redirect::to(&format!("/risk/points/{}", id_of(n))).into_response())
            }
            Err(refused) => {
                form.revision = refused.is.unwrap_or(form.revision);
                Ok(again(&page, Some(id_of(n)), form, refused))
            }
        }
    };
    let changed = changed.await;
    answer(&page, changed)
}
