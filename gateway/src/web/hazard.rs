//! One hazard: what tripped, on what ground, what was done, what comes next. And the steps themselves.

use super::fault::{Fault, respond, respond_with};
use super::markup::Markup;
use super::page::Page;
use super::trends::{self, Figure, Source};
use super::{Site, terms};
use crate::app::ActError;
use crate::people::{ADMIN, admin_name};
use crate::view;
use crate::view::HazardMark;
use crate::view::{EvidenceSeries, EvidenceWindow, HazardDetail, HazardHistory, Point, Said, Word};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::hazard::HazardId;
use vigil_core::input::{Action, OperatorAction};
use vigil_core::people::Person;
use vigil_protocol::vocabulary::{CarDirection, CarDriveStatus, Quantity, ServiceMode};

#[derive(Template)]
#[template(path = "hazard.html")]
struct HazardPage<'p> {
    page: &'p Page,
    detail: HazardDetail,
    charts: Vec<Figure>,
    /// A step that was not taken.
    refused: Option<Refused>,
}

/// A step that was not taken, with what was typed.
struct Refused {
    step: String,
    text: String,
    name: String,
    why: String,
}

/// Changes of a code shown.
const CHANGES: usize = 30;

/// What a form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    step: String,
    text: String,
    csrf: String,
    token: String,
    name: String,
}

/// `GET /hazards/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id, None).await;
    respond(&page, made)
}

/// `GET /hazards/{id}/actions`: what a reload of a refused step asks for.
pub(crate) async fn back(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/hazards/{}", page.segment(&id)))
}

/// `POST /hazards/{id}/actions`
pub(crate) async fn act(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<Step>, FormRejection>,
) -> Response {
    let step = match form {
        Ok(Form(step)) => step,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    match take(&site, &page, &id, &step).await {
        Ok(()) => Redirect::to(&format!("/hazards/{}#timeline", page.segment(&id))).into_response(),
        Err((status, why)) => {
            // What follows is the hazard's page: its links and the other language lead to that.
            let page = Page {
                path: format!("/hazards/{}", page.segment(&id)),
                ..page
            };
            let refused = Refused {
                step: step.step,
                text: step.text,
                name: step.name,
                why,
            };
            let made = make(&site, &page, &id, Some(refused)).await;
            respond_with(&page, status, made)
        }
    }
}

async fn take(site: &Site, page: &Page, id: &str, step: &Step) -> Result<(), (StatusCode, String)> {
    let refused = |status, zh, en| Err((status, page.pick(zh, en).to_owned()));
    let person = match &page.session {
        Some(session) if session.vouches_for(&step.csrf) => page.access.person.clone(),
        // The token itself vouches for a form that belongs to no session.
        _ if site.app.token.matches(step.token.trim()) => Person::administrator(&admin_name(&step.name)),
        Some(_) => {
            return refused(
                StatusCode::FORBIDDEN,
                "登录已变更，请再提交一次。",
                "Your session has changed; please send it again.",
            );
        }
        None => {
            return refused(
                StatusCode::FORBIDDEN,
                "管理令牌不对。只有持有令牌的人可以执行此步骤；请粘贴令牌，或先登录。",
                "The admin token is not right. Only who holds the token can take this step; paste it, or sign in first.",
            );
        }
    };
    let found = match site.app.store.hazard(id).await {
        Ok(found) => found.filter(|hazard| site.app.sees_hazard(&person.sight(), hazard)),
        Err(error) => return Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    };
    let Some(found) = found else {
        return refused(
            StatusCode::NOT_FOUND,
            "没有这条隐患。",
            "There is no such hazard.",
        );
    };
    let scope = site.app.scope_of_hazard(&found);
    page.access.in_area(&*scope.area);
    let hazard = HazardId(id.into());
    let action = match step.step.as_str() {
        "confirm" => Action::ConfirmHazard { hazard },
        "reject" => Action::RejectHazard { hazard },
        "comment" => Action::CommentHazard { hazard },
        _ => {
            return refused(
                StatusCode::BAD_REQUEST,
                "没有这一步骤。",
                "There is no such step.",
            );
        }
    };
    let action = OperatorAction {
        actor: person.login.to_string(),
        reason: step.text.clone(),
        idempotency_key: None,
        who: Some(person),
        scope: Some(scope),
        action,
    };
    match site.app.engine.act(action).await {
        Ok(_) => Ok(()),
        Err(ActError::Refused(refusal)) => {
            let why = match refusal.code {
                "not_suspected" => page.pick("该隐患已被核实过，只有“疑似”的隐患可以确认或判为误报。刷新可看到是谁、何时处理的。", "This hazard has been decided already; only a suspected one can be confirmed or rejected. The timeline says who did, and when."),
                "reason_required" if step.step == "reject" => page.pick("判为误报必须写明理由。", "A rejection needs a reason."),
                "reason_required" => page.pick("备注不能为空。", "A comment needs a text."),
                "unknown_hazard" => page.pick("没有这条隐患，或它已被较新的一条取代。", "There is no such hazard, or a newer one has taken its place."),
                "not_in_scope" | "role_not_allowed" | "not_responsible" | "duties_not_separate" => {
                    let why = page.pick(&refusal.message_zh, &refusal.message);
                    return Err((StatusCode::FORBIDDEN, why.to_owned()));
                }
                _ => {
                    let why = page.pick(&refusal.message_zh, &refusal.message);
                    return Err((StatusCode::CONFLICT, why.to_owned()));
                }
            };
            Err((StatusCode::CONFLICT, why.to_owned()))
        }
        Err(ActError::Gone) => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "网关正在停止。请稍后重试。",
            "The gateway is stopping. Try again in a moment.",
        ),
        Err(ActError::Store(error)) => {
            let said = page.pick(
                "数据库不可写，步骤未记录。请通知管理员。",
                "The database cannot be written; the step was not recorded. Tell the administrator.",
            );
            Err((StatusCode::SERVICE_UNAVAILABLE, format!("{said} ({error})")))
        }
    }
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
    Ok(HazardPage {
        page,
        detail,
        charts,
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
    fn allows(&self, step: &str) -> bool {
        self.detail.allowed_actions.contains(&step)
    }

    fn event(&self, event: &HazardHistory) -> &'static str {
        match event.event {
            "opened" => self
                .page
                .pick("机器立案（疑似）", "opened by the machine (suspected)"),
            "recurred" => self.page.pick("条件再次成立", "the condition came back"),
            "returned" => self.page.pick(
                "条件消失（不等于销号）",
                "the condition went (this does not close it)",
            ),
            "confirmed" => self.page.pick("确认属实", "confirmed"),
            "rejected" => self.page.pick("判为误报", "rejected"),
            "commented" => self.page.pick("备注", "comment"),
            "reported" => self.page.pick("上报立案", "reported"),
            "attached" => self.page.pick("补充材料", "files added"),
            "assigned" => self.page.pick("下达整改", "assigned"),
            "interim_measure" => self.page.pick("临时管控措施", "interim measure"),
            "rectification_started" => self.page.pick("开始整改", "rectification begun"),
            "progress" => self.page.pick("整改进度", "progress"),
            "self_checked" => self.page.pick("自验", "self-check"),
            "acceptance_requested" => self.page.pick("申请验收", "acceptance asked for"),
            "accepted" => self.page.pick("验收合格", "accepted"),
            "acceptance_refused" => self.page.pick("验收不合格", "not accepted"),
            "extension_requested" => self.page.pick("申请延期", "more time asked for"),
            "extension_granted" => self.page.pick("批准延期", "more time given"),
            "extension_refused" => self.page.pick("不予延期", "no more time given"),
            "out_of_use_recommended" => self.page.pick("建议停用", "out of use recommended"),
            "grade_changed" => self.page.pick("调整等级", "graded anew"),
            "listed" => self.page.pick("挂牌督办", "listed for supervision"),
            "delisted" => self.page.pick("摘牌", "delisted"),
            "fixed_on_spot" => self.page.pick("立查立改", "fixed on the spot"),
            "struck_off" => self.page.pick("销号", "struck off"),
            "looked_back" => self.page.pick("回头看", "looked back"),
            "closed" => self.page.pick("闭环", "closed"),
            "repeated" => self.page.pick("屡查屡犯", "repeated"),
            "relapsed" => self.page.pick("销号后再次出现", "came back after strike-off"),
            "reminded" => self.page.pick("到期提醒", "reminder"),
            "overdue" => self.page.pick("逾期", "overdue"),
            "escalated" => self.page.pick("逾期上报", "escalated"),
            "look_back_due" => self.page.pick("“回头看”到期", "look-back due"),
            _ => self.page.pick("其他", "other"),
        }
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
                .and_then(|value| state_word(series.quantity.key, value)),
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

    /// What was typed into the form of `step` before it was refused.
    fn typed(&self, step: &str) -> &str {
        self.refused
            .as_ref()
            .filter(|refused| refused.step == step)
            .map_or("", |refused| &refused.text)
    }

    fn why(&self, step: &str) -> Option<&str> {
        self.refused
            .as_ref()
            .filter(|refused| refused.step == step)
            .map(|refused| refused.why.as_str())
    }

    fn typed_name(&self) -> &str {
        self.refused.as_ref().map_or("", |refused| &refused.name)
    }

    fn clause(&self) -> &str {
        self.detail
            .citation
            .as_ref()
            .map_or(&self.detail.hazard.clause, |citation| &citation.clause)
    }
}

/// The word behind a numbered state.
fn state_word(key: &str, value: f64) -> Option<Word> {
    let code = value as i64;
    macro_rules! word {
        ($type:ty) => {
            <$type>::from_code(code).map(|word| Word {
                key: word.key(),
                title_zh: word.title_zh(),
                title_en: word.title_en(),
            })
        };
    }
    match Quantity::from_key(key)? {
        Quantity::ServiceMode => word!(ServiceMode),
        Quantity::CarDriveStatus => word!(CarDriveStatus),
        Quantity::CarDirection => word!(CarDirection),
        _ => None,
    }
}
