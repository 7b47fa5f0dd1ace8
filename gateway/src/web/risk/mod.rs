//! Risks: list, point, assessment, measures and checks; ranking; the map; how it is all graded.

pub(crate) mod assess;
pub(crate) mod edit;
mod export;
pub(crate) mod list;
pub(crate) mod map;
pub(crate) mod measure;
pub(crate) mod point;
pub(crate) mod ranking;
pub(crate) mod scheme;

use super::Site;
use super::fault::Fault;
use super::markup::{Markup, escape};
use super::page::Page;
use super::routes::Routes;
use crate::desk::risk::{Act, RiskError};
use crate::view::Word;
use crate::view::risk::AssessmentView;
use axum::http::StatusCode;

/// Every page and form.
pub(super) fn routes() -> Routes {
    Routes::default()
        .get("/risk", list::points)
        .get("/risk/points.csv", list::points_csv)
        .get("/risk/new", edit::new)
        .post("/risk/new", edit::create)
        .get("/risk/points/{id}", point::show)
        .get("/risk/points/{id}/edit", edit::show)
        .post("/risk/points/{id}/edit", edit::change)
        .get("/risk/points/{id}/assess", assess::show)
        .post("/risk/points/{id}/assess", assess::assess)
        .get("/risk/points/{id}/measures", measure::new)
        .post("/risk/points/{id}/measures", measure::add)
        .get("/risk/measures/{id}", measure::show)
        .get("/risk/measures/{id}/edit", measure::edit)
        .post("/risk/measures/{id}/edit", measure::change)
        .get("/risk/measures/{id}/checks", measure::show)
        .post("/risk/measures/{id}/checks", measure::check)
        .get("/risk/checks", list::measures)
        .get("/risk/checks.csv", list::measures_csv)
        .get("/risk/ranking/equipment", ranking::equipment)
        .get("/risk/ranking/equipment.csv", ranking::equipment_csv)
        .get("/risk/ranking/units", ranking::units)
        .get("/risk/ranking/units.csv", ranking::units_csv)
        .get("/risk/map", map::show)
        .get("/risk/map.csv", map::csv)
        .get("/risk/scheme", scheme::show)
}

impl From<RiskError> for Fault {
    fn from(error: RiskError) -> Self {
        let said = error.to_string();
        match error {
            RiskError::NotFound { .. } => Self::NotFound,
            RiskError::Store(_) | RiskError::Engine(_) | RiskError::Act(_) => Self::Unavailable(said),
            _ => Self::BadRequest(said),
        }
    }
}

/// Why a form was not taken: what is said at the top, and at which field.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) said: String,
    /// Name of the field; empty: none in particular.
    pub(crate) field: String,
    /// The revision that is there now, when somebody else was faster.
    pub(crate) is: Option<i64>,
}

impl Refusal {
    /// What an error means to who filled in the form; errors that are no answer to it stay faults.
    fn of(page: &Page, error: RiskError) -> Result<Self, Fault> {
        let said = page.pick(&error.zh(), &error.to_string()).to_owned();
        let refusal = |status, field: &str, is| Self {
            status,
            said: said.clone(),
            field: field.to_owned(),
            is,
        };
        match &error {
            RiskError::Value { field, .. } => Ok(refusal(StatusCode::UNPROCESSABLE_ENTITY, field, None)),
            RiskError::Stale { is, .. } => Ok(refusal(StatusCode::CONFLICT, "", Some(*is))),
            RiskError::Refused { .. } => Ok(refusal(StatusCode::CONFLICT, "", None)),
            _ => Err(error.into()),
        }
    }

    /// What came of a form, for who filled it in; errors that are no answer to it are faults.
    fn or<T>(page: &Page, done: Result<T, RiskError>) -> Result<Result<T, Self>, Fault> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(error) => Self::of(page, error).map(Err),
        }
    }

    /// What is wrong with a field, if it is this one.
    fn at<'r>(refused: &'r Option<Self>, field: &str) -> Option<&'r str> {
        refused
            .as_ref()
            .filter(|refused| refused.field == field)
            .map(|refused| refused.said.as_str())
    }

    fn field(page: &Page, field: &str, zh: &str, en: &str) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            said: page.pick(zh, en).to_owned(),
            field: field.to_owned(),
            is: None,
        }
    }
}

impl Site {
    /// Who changes a risk: signed in, with a form of ours. Whether his role does that, the gate has seen to.
    fn risk_writer(&self, page: &Page, csrf: &str) -> Result<Act, Fault> {
        match &page.session {
            Some(session) if session.vouches_for(csrf) => Ok(Act::of(&self.app, &page.access, None)),
            Some(_) => Err(Fault::Forbidden("this form does not belong to your session")),
            None => Err(Fault::Forbidden("sign in first")),
        }
    }
}

impl Page {
    /// The badge of a risk's colour: colour, shape and word. What nobody has assessed is hatched, and never blue.
    pub(crate) fn risk_level(&self, colour: &Option<Word>) -> Markup {
        let Some(colour) = colour else {
            return Markup(format!(
                "<span class=\"level unknown\">{}</span>",
                self.pick("未评估", "not assessed")
            ));
        };
        let class = match colour.key {
            "red" => "s1",
            "orange" => "s2",
            "yellow" => "s3",
            _ => "s4",
        };
        Markup(format!(
            "<span class=\"level {class}\">{}</span>",
            escape(self.word(colour))
        ))
    }

    /// The badge of a colour.
    pub(crate) fn risk_badge(&self, colour: &Word) -> Markup {
        self.risk_level(&Some(*colour))
    }

    /// What an assessment came to, such as `L 3 × E 6 × C 15 = 270`.
    pub(crate) fn risk_said(&self, one: &AssessmentView) -> String {
        self.risk_formula(&one.factors, &Some(one.method.clone()), &Some(one.score))
    }

    /// The parts of a factor-by-factor score, such as `L 3 × E 6 × C 15 = 270`.
    pub(crate) fn risk_formula(
        &self,
        factors: &std::collections::BTreeMap<String, f64>,
        method: &Option<String>,
        score: &Option<f64>,
    ) -> String {
        let Some(score) = score else {
            return String::new();
        };
        let order = method.as_deref().and_then(|key| self.scheme.method(key));
        let parts: Vec<String> = match order {
            Some(method) => method
                .factors
                .iter()
                .filter_map(|factor| {
                    let value = factors.get(&factor.key)?;
                    Some(format!("{} {value}", factor.key.to_uppercase()))
                })
                .collect(),
            None => factors
                .iter()
                .map(|(key, value)| format!("{} {value}", key.to_uppercase()))
                .collect(),
        };
        format!("{} = {score}", parts.join(" × "))
    }

    /// What a method is called.
    pub(crate) fn risk_method(&self, key: &str) -> String {
        self.scheme.method(key).map_or_else(
            || key.to_owned(),
            |method| self.pick(&method.zh, &method.en).to_owned(),
        )
    }

    /// How sure a fact is.
    pub(crate) fn sureness(&self, confidence: &str) -> &'static str {
        super::terms::confidence(self.language, confidence)
    }

    /// A word, or a dash.
    pub(crate) fn maybe(&self, word: &Option<Word>) -> &'static str {
        word.as_ref().map_or("—", |word| self.word(word))
    }
}
