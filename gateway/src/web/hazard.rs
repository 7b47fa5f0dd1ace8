//! One hazard: what tripped, on what ground, what was done, what comes next. And the steps themselves.

mod act;
mod forms;
mod story;

pub(crate) use act::{act, back, day_end, status_of};

use super::fault::{Fault, respond};
use super::inputs::concerns;
use super::markup::Markup;
use super::page::Page;
use super::sent::Sent;
use super::trends::{self, Figure, Source};
use super::{Site, terms};
use crate::people::ADMIN;
use crate::view::{
    self, EvidenceSeries, EvidenceWindow, HazardDetail, HazardHistory, HazardMark, Point, Said, state_word,
};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use forms::StepForm;
use std::sync::Arc;
use vigil_core::hazard::workflow::StepKind;
use vigil_core::output::Refusal;
use vigil_core::pack::Grade;
use vigil_core::people::{Person, Role};
use vigil_protocol::vocabulary::Quantity;

#[derive(Template)]
#[template(path = "hazard.html")]
struct HazardPage<'p> {
    page: &'p Page,
    detail: HazardDetail,
    charts: Vec<Figure>,
    /// A form for every step the reader may take.
    forms: Vec<StepForm>,
    /// A step that was not taken.
    refused: Option<Refused>,
}

/// A step that was not taken, with what was typed.
struct Refused {
    sent: Sent,
    refusal: Refusal,
    /// Why, in the reader's language.
    why: String,
}

impl Refused {
    fn new(page: &Page, sent: Sent, refusal: Refusal) -> Self {
        let why = page.pick(&refusal.message_zh, &refusal.message).to_owned();
        Self { sent, refusal, why }
    }

    fn step(&self) -> &str {
        self.sent.text("step")
    }

    fn concerns(&self, name: &str) -> bool {
        concerns(&self.refusal, name)
    }
}

/// Changes of a code shown.
const CHANGES: usize = 30;

/// `GET /hazards/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id, None).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    id: &str,
    refused: Option<Refused>,
) -> Result<HazardPage<'p>, Fault> {
    // Who has not signed in may still paste the admin token into a form.
    let holder = (!page.access.signed_in()).then(|| Person::administrator(ADMIN));
    let person = &page.access.person;
    let detail = view::hazard(&site.app, id, person, holder.as_ref().unwrap_or(person)).await?;
    let charts = detail
        .evidence
        .series
        .iter()
        .filter(|series| is_drawn(series))
        .map(|series| figure(site, page, &detail, &detail.evidence, series))
        .collect::<Result<_, _>>()?;
    let forms = forms::forms(page, &detail, &site.app.engine.policy(), refused.as_ref());
    Ok(HazardPage {
        page,
        detail,
        charts,
        forms,
        refused,
    })
}

/// Codes are words: they stand in the table of readings.
fn is_drawn(series: &EvidenceSeries) -> bool {
    matches!(series.kind, "analog" | "binary" | "counter")
}

fn figure(
    site: &Site,
    page: &Page,
    detail: &HazardDetail,
    window: &EvidenceWindow,
    series: &EvidenceSeries,
) -> Result<Figure, Fault> {
    let hazard = &detail.hazard;
    // Every trip is marked, not only the first.
    let trips: Vec<HazardMark> = detail
        .history
        .iter()
        .filter(|event| matches!(event.event, "opened" | "recurred"))
        .filter_map(|event| {
            Some(HazardMark {
                id: hazard.id.clone(),
                rule: hazard.rule.clone(),
                title_zh: hazard.title_zh.clone(),
                title_en: hazard.title_en.clone(),
                at: event.source_at?,
                severity: event.severity.unwrap_or(hazard.severity),
                status: hazard.status,
            })
        })
        .collect();
    let source = Source {
        key: series.quantity.key,
        kind: series.kind,
        from: window.from.0,
        to: window.to.0,
        points: &series.points,
        limits: trends::relevant(&series.limits, Some(&hazard.rule), |rule| {
            site.is_limit(&hazard.equipment_id, rule)
        }),
        hazards: &trips,
        gaps: &window.gaps,
    };
    Ok(Figure {
        key: series.quantity.key,
        chart: trends::draw(page, &source, (820, 250))?,
        has_values: series.points.iter().any(|point| point.value.is_some()),
        incomplete: window.cut,
    })
}

impl HazardPage<'_> {
    /// The forms that fold out.
    fn others(&self) -> impl Iterator<Item = &StepForm> {
        self.forms.iter().filter(|form| !form.main)
    }

    /// The form that takes the hazard on.
    fn main(&self) -> Option<&StepForm> {
        self.forms.iter().find(|form| form.main)
    }

    fn is_major(&self) -> bool {
        self.detail.hazard.grade == Grade::Major
    }

    fn is_assigned(&self) -> bool {
        self.detail.handling.responsible_person.is_some()
    }

    fn look_backs(&self) -> impl Iterator<Item = &HazardHistory> {
        let history = self.detail.history.iter();
        history.filter(|event| event.event == "looked_back")
    }

    /// What is wrong with the fields of a refused step: address, label.
    fn wrong(&self) -> Vec<(&str, &str)> {
        let Some(refused) = &self.refused else {
            return Vec::new();
        };
        let Some(form) = self.forms.iter().find(|form| form.key() == refused.step()) else {
            return Vec::new();
        };
        let inputs = form.inputs.iter().filter(|input| input.error.is_some());
        let files = form.files.iter().filter(|files| files.error.is_some());
        inputs
            .map(|input| (input.id.as_str(), input.label.as_str()))
            .chain(files.map(|files| (files.id.as_str(), files.label.as_str())))
            .collect()
    }

    /// Title of the step that was refused.
    fn refused_title(&self) -> &'static str {
        let key = self.refused.as_ref().map_or("", Refused::step);
        let step = StepKind::ALL.into_iter().find(|step| step.key() == key);
        step.map_or("", |step| {
            let guard = step.guard();
            self.page.pick(guard.zh, guard.en)
        })
    }

    /// What happened since a refused form was opened, if that is why it was refused.
    fn meanwhile(&self) -> &[HazardHistory] {
        let changed = self
            .refused
            .as_ref()
            .filter(|refused| refused.refusal.code == "changed");
        let seen = changed.and_then(|refused| refused.sent.text("expect").parse::<usize>().ok());
        seen.and_then(|seen| self.detail.history.get(seen..))
            .unwrap_or_default()
    }

    /// What was typed into a form that is no longer offered.
    fn orphaned(&self) -> Option<&str> {
        let refused = self.refused.as_ref()?;
        let offered = self.forms.iter().any(|form| form.key() == refused.step());
        let text = refused.sent.text("text").trim();
        (!offered && !text.is_empty()).then_some(text)
    }

    /// Roles, as words.
    fn roles(&self, keys: &[&'static str]) -> String {
        let words: Vec<&str> = keys
            .iter()
            .filter_map(|key| Role::from_key(key))
            .map(|role| terms::role(self.page.language, role))
            .collect();
        words.join(self.page.pick("、", ", "))
    }

    /// Roles that could have taken a refused step.
    fn refused_who(&self) -> String {
        let who = self.refused.as_ref().map(|refused| &refused.refusal.who);
        let keys: Vec<&'static str> = who.into_iter().flatten().map(|role| role.key()).collect();
        self.roles(&keys)
    }

    /// Codes have no curve: what was said, and when it changed.
    fn codes(&self) -> Vec<&EvidenceSeries> {
        self.detail
            .evidence
            .series
            .iter()
            .filter(|series| !is_drawn(series) && !series.points.is_empty())
            .collect()
    }

    /// The last changes of a series, oldest first.
    fn changes<'s>(&self, series: &'s EvidenceSeries) -> &'s [Point] {
        series
            .points
            .get(series.points.len().saturating_sub(CHANGES)..)
            .unwrap_or_default()
    }

    fn change(&self, series: &EvidenceSeries, point: &Point) -> Markup {
        let said = Said {
            value: point.value,
            on: None,
            state: point
                .value
                .and_then(|value| state_word(Quantity::from_key(series.quantity.key)?, value)),
            code: point.code.clone(),
            no_data: point.no_data,
        };
        self.page.said(series.quantity.key, &said)
    }

    fn confidence(&self, confidence: &str) -> &'static str {
        terms::confidence(self.page.language, confidence)
    }

    fn short(&self, hash: &str) -> String {
        hash.chars().take(12).collect()
    }

    /// The name that was typed beside a token.
    fn typed_name(&self) -> &str {
        self.refused
            .as_ref()
            .map_or("", |refused| refused.sent.text("name"))
    }

    fn clause(&self) -> &str {
        self.detail
            .citation
            .as_ref()
            .map_or(&self.detail.hazard.clause, |citation| &citation.clause)
    }
}
