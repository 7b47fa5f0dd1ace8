//! The form for an assessment: choose a value for each factor, see score, colour and tier, then save. Without scripts
//! the score is shown by asking for it.

use super::super::Site;
use super::super::fault::{Fault, answer, respond, respond_with};
use super::super::page::Page;
use super::Refusal;
use crate::desk::risk::{self, Assessing, Point, id_of, number_of};
use crate::view::Word;
use crate::view::risk::{MethodView, SchemeView, colour_word, risk_scheme};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "risk/assess.html")]
struct AssessPage<'p> {
    page: &'p Page,
    id: String,
    name: String,
    revision: i64,
    scheme: SchemeView,
    /// Place of the chosen method in the scheme.
    chosen: usize,
    /// Value by factor, as text.
    values: BTreeMap<String, String>,
    tier: String,
    reason: String,
    /// It has been assessed before: a reason is needed.
    again: bool,
    was: Option<Word>,
    /// What it would come to.
    preview: Option<Preview>,
    refused: Option<Refusal>,
}

/// What the chosen values come to.
struct Preview {
    formula: String,
    colour: Option<Word>,
    tier: String,
}

impl AssessPage<'_> {
    fn method(&self) -> Option<&MethodView> {
        self.scheme.methods.get(self.chosen)
    }

    fn is_chosen(&self, factor: &Word, score: &f64) -> bool {
        let value = self.values.get(factor.key);
        value.and_then(|text| text.parse::<f64>().ok()) == Some(*score)
    }

    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> Option<&str> {
        Refusal::at(&self.refused, field)
    }

    fn wrong_factor(&self, factor: &Word) -> Option<&str> {
        self.wrong(&format!("factors.{}", factor.key))
    }
}

fn form_of(page: &Page, point: &Point, values: BTreeMap<String, String>, method: &str) -> AssessPageParts {
    let scheme = risk_scheme(page.scheme);
    let place = |key: &str| scheme.methods.iter().position(|method| method.method.key == key);
    let chosen = place(method)
        .or_else(|| place(page.asked("method")))
        .or_else(|| place(&point.method))
        .unwrap_or(0);
    AssessPageParts {
        scheme,
        chosen,
        values,
    }
}

struct AssessPageParts {
    scheme: SchemeView,
    chosen: usize,
    values: BTreeMap<String, String>,
}

fn made<'p>(page: &'p Page, point: &Point, parts: AssessPageParts) -> AssessPage<'p> {
    AssessPage {
        page,
        id: id_of(point.n),
        name: point.facts.name.clone(),
        revision: point.revision,
        scheme: parts.scheme,
        chosen: parts.chosen,
        values: parts.values,
        tier: String::new(),
        reason: String::new(),
        again: point.colour.is_some(),
        was: point.colour.map(|colour| colour_word(page.scheme, colour)),
        preview: None,
        refused: None,
    }
}

/// `GET /risk/points/{id}/assess?method=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    if page.session.is_none() {
        return page.sign_in_first();
    }
    let Some(n) = number_of(&id) else {
        return Fault::NotFound.respond(&page);
    };
    let form = match risk::point(&site.app.desk, &page.access.person, n).await {
        Ok(point) => {
            // What it was assessed by last is where one starts from.
            let values = point
                .factors
                .iter()
                .map(|(key, value)| (key.clone(), value.to_string()))
                .collect();
            let parts = form_of(&page, &point, values, "");
            Ok(made(&page, &point, parts))
        }
        Err(error) => Err(Fault::from(error)),
    };
    respond(&page, form)
}

/// `POST /risk/points/{id}/assess`: `do=preview` or `do=save`.
pub(crate) async fn assess(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    sent: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Response {
    let assessed = async {
        let Form(sent) = sent?;
        let sent: HashMap<String, String> = sent.into_iter().collect();
        let text = |key: &str| sent.get(key).map_or("", String::as_str);
        let act = site.risk_writer(&page, text("csrf"))?;
        let n = number_of(&id).ok_or(Fault::NotFound)?;
        let point = risk::point(&site.app.desk, &page.access.person, n).await?;
        let values: BTreeMap<String, String> = sent
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("f-")?.to_owned(), value.clone())))
            .collect();
        let assessing = Assessing {
            method: text("method").to_owned(),
            factors: values
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), value.parse().ok()?)))
                .collect(),
            tier: text("tier").to_owned(),
            reason: text("reason").to_owned(),
        };
        let revision: i64 = text("revision").parse().unwrap_or(0);
        let scheme = page.scheme;
        let judged = assessing.judge(scheme);
        let error = if text("do") == "save" {
            let done = risk::assess(&site.app.desk, &act, scheme, n, revision, &assessing).await;
            match done {
                Ok(_) => {
                    risk::soon(&site.app).await;
                    return Ok(Redirect::to(&format!("/risk/points/{}", id_of(n))).into_response());
                }
                Err(error) => Some(error),
            }
        } else {
            None
        };
        let parts = form_of(&page, &point, values, &assessing.method);
        let mut form = made(&page, &point, parts);
        form.revision = revision;
        let error = match judged {
            Ok((assessed, tier)) => {
                let method = Some(assessing.method);
                form.preview = Some(Preview {
                    formula: page.risk_formula(&assessing.factors, &method, &Some(assessed.score)),
                    colour: Some(colour_word(scheme, assessed.colour)),
                    tier: scheme
                        .tier(&tier)
                        .map_or(tier.clone(), |tier| page.pick(&tier.zh, &tier.en).to_owned()),
                });
                error
            }
            Err(wrong) => error.or(Some(wrong)),
        };
        form.tier = assessing.tier;
        form.reason = assessing.reason;
        let mut status = StatusCode::OK;
        if let Some(error) = error {
            let refused = Refusal::of(&page, error)?;
            status = refused.status;
            form.revision = refused.is.unwrap_or(form.revision);
            form.refused = Some(refused);
        }
        Ok(respond_with(&page, status, Ok(form)))
    };
    let assessed = assessed.await;
    answer(&page, assessed)
}
