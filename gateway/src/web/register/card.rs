//! One piece of equipment in the register: all its facts, what is due, what is wrong, what was changed.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use super::{finding_of, views};
use crate::desk::register::{self, ACCESSORY_KINDS, AccessoryFacts, CONTACT_FIELDS, Entry, RegisterError};
use crate::desk::watch::{self, FindingFilter};
use crate::view::register::{FindingView, RegisterChange, RegisterEntry, StateFindingView, grouped};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::Date;
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::register::{Field, Group};

#[derive(Template)]
#[template(path = "register/card.html")]
struct CardPage<'p> {
    page: &'p Page,
    entry: Entry,
    one: RegisterEntry,
    findings: Vec<FindingView>,
    groups: Vec<(Group, Vec<Field>)>,
    states: Vec<StateFindingView>,
    runs: Vec<(Date, f64, f64)>,
    changes: Vec<RegisterChange>,
    personal: bool,
    /// Whom to ask, with what was typed.
    contact: Vec<(Field, String)>,
    kinds: &'static [(&'static str, &'static str, &'static str)],
    refused: Option<String>,
}

/// `GET /register/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id, None, &[]).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    id: &str,
    refused: Option<String>,
    typed: &[(Field, String)],
) -> Result<CardPage<'p>, Fault> {
    let (desk, today) = (&site.app.desk, site.today());
    let reader = site.reader(page);
    let entry = register::entry(desk, &reader, &site.app.rules.schedules(), id, today)
        .await?
        .ok_or(Fault::NotFound)?;
    let personal = page.access.signed_in();
    let filter = FindingFilter {
        equipment: id.to_owned(),
        all: true,
        limit: 20,
    };
    let states = watch::findings(desk, &reader, &filter).await?;
    let changes = register::change_history(desk, &format!("equipment:{id}"), None, 50, personal).await?;
    Ok(CardPage {
        page,
        one: RegisterEntry::of(&site.app, &entry, today, personal),
        findings: views(&entry.findings),
        groups: grouped(&entry.record),
        states: states.into_iter().map(StateFindingView::from).collect(),
        runs: watch::run_days(desk, id, 31).await?,
        changes: changes.into_iter().map(RegisterChange::from).collect(),
        contact: CONTACT_FIELDS
            .into_iter()
            .map(|field| {
                let typed = typed.iter().find(|(known, _)| *known == field);
                let text = typed.map_or_else(|| entry.record.text(field), |(_, text)| text.as_str());
                (field, text.to_owned())
            })
            .collect(),
        entry,
        personal,
        kinds: ACCESSORY_KINDS,
        refused,
    })
}

/// The page again, with what was typed of whom to ask and why it was not taken.
pub(super) async fn refused(
    site: &Site,
    page: Page,
    id: &str,
    typed: Vec<(Field, String)>,
    error: &RegisterError,
) -> Response {
    let page = Page {
        path: format!("/register/{}", page.segment(id)),
        ..page
    };
    let made = make(site, &page, id, Some(error.to_string()), &typed).await;
    respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
}

impl CardPage<'_> {
    /// Whether the reader may change whom to ask, and has no other form to do so.
    fn asks_contact(&self) -> bool {
        self.page.sends("/register/{id}/contact") && !self.page.opens("/register/{id}/edit")
    }

    /// Facts of a group that are known, or that something is wrong with.
    fn known<'f>(&self, fields: &'f [Field]) -> Vec<&'f Field> {
        let shown = |field: &&Field| {
            (self.personal || !field.is_personal())
                && (self.entry.record.get(**field).is_some() || self.wrong(field).is_some())
        };
        fields.iter().filter(shown).collect()
    }

    fn fact(&self, field: &Field) -> String {
        self.entry
            .record
            .get(*field)
            .map_or_else(|| "—".to_owned(), |text| self.page.fact_text(field, text))
    }

    fn wrong(&self, field: &Field) -> Option<&FindingView> {
        finding_of(&self.findings, field)
    }

    fn group(&self, group: &Group) -> &'static str {
        let (zh, en) = group.titles();
        self.page.pick(zh, en)
    }

    fn accessory_kind(&self, key: &str) -> &'static str {
        self.kinds
            .iter()
            .find(|(known, ..)| *known == key)
            .map_or("", |(_, zh, en)| self.page.pick(zh, en))
    }

    fn hours(&self, hours: &f64) -> String {
        format!("{hours:.1}")
    }

    fn name(&self) -> &str {
        let name = self.entry.record.text(Field::Name);
        if name.is_empty() { &self.entry.id } else { name }
    }
}

/// What the form for an accessory sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AccessoryForm {
    csrf: String,
    kind: String,
    number: String,
    model: String,
    set_pressure_mpa: String,
    done: String,
    due: String,
}

/// `POST /register/{id}/accessories`
pub(crate) async fn add_accessory(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<AccessoryForm>, FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let act = match site.writer_about(&page, &form.csrf, &id).await {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    let done = match accessory_facts(&form, &page) {
        Ok(facts) => register::save_accessory(
            &site.app.desk,
            &act,
            &site.app.rules.schedules(),
            &id,
            None,
            &facts,
        )
        .await
        .map(drop)
        .map_err(|error| error.to_string()),
        Err(wrong) => Err(wrong),
    };
    match done {
        Ok(()) => Redirect::to(&format!("/register/{}#accessories", page.segment(&id))).into_response(),
        Err(why) => {
            let page = Page {
                path: format!("/register/{}", page.segment(&id)),
                ..page
            };
            let made = make(&site, &page, &id, Some(why), &[]).await;
            respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made)
        }
    }
}

fn accessory_facts(form: &AccessoryForm, page: &Page) -> Result<AccessoryFacts, String> {
    let date = |text: &str| match text.trim() {
        "" => Ok(None),
        text => vigil_core::register::read_date(text, true)
            .map(|read| Some(read.date))
            .map_err(|_| format!("{} {text}", page.pick("不是日期：", "this is no date:"))),
    };
    let pressure = match form.set_pressure_mpa.trim() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| format!("{} {text}", page.pick("不是数值：", "this is no number:")))?,
        ),
    };
    Ok(AccessoryFacts {
        kind: form.kind.clone(),
        number: form.number.clone(),
        model: form.model.clone(),
        place: String::new(),
        set_pressure_mpa: pressure,
        done: date(&form.done)?,
        due: date(&form.due)?,
    })
}
