//! Alarms: what stands, who has not seen it, and the journal.

use super::fault::{Fault, respond, respond_with};
use super::page::Page;
use super::parts::Choice;
use super::{Site, terms};
use crate::app::{ActError, AlarmFilter};
use crate::view;
use crate::view::Card;
use crate::view::{Alarm, AlarmChange};
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use vigil_core::alarm::AlarmClass;
use vigil_core::input::{Action, OperatorAction};

/// Rows of the journal shown.
const JOURNAL: u32 = 100;

#[derive(Template)]
#[template(path = "alarms.html")]
struct AlarmsPage<'p> {
    page: &'p Page,
    /// Only those of this one.
    of: Option<Card>,
    shows: Vec<Choice>,
    severities: Vec<Choice>,
    alarms: Vec<Alarm>,
    journal: Vec<AlarmChange>,
    filtered: bool,
    /// Why a step was not taken.
    refused: Option<String>,
}

/// What a form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Step {
    step: String,
    csrf: String,
}

/// `GET /alarms?show=…&severity=…&equipment=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page, None).await;
    respond(&page, made)
}

/// `POST /alarms/{equipment}/{rule}/actions`: for who is signed in.
pub(crate) async fn act(
    State(site): State<Arc<Site>>,
    page: Page,
    Path((equipment, rule)): Path<(String, String)>,
    form: Result<Form<Step>, FormRejection>,
) -> Response {
    let step = match form {
        Ok(Form(step)) => step,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    match take(&site, &page, equipment, rule, &step).await {
        Ok(()) => Redirect::to("/alarms").into_response(),
        Err((status, why)) => {
            // What follows is the list: its links and the other language lead to that.
            let page = Page {
                path: "/alarms".to_owned(),
                ..page
            };
            let made = make(&site, &page, Some(why)).await;
            respond_with(&page, status, made)
        }
    }
}

async fn take(
    site: &Site,
    page: &Page,
    equipment: String,
    rule: String,
    step: &Step,
) -> Result<(), (StatusCode, String)> {
    let refused = |status, zh, en| Err((status, page.pick(zh, en).to_owned()));
    let vouched = |session: &crate::people::Session| session.vouches_for(&step.csrf);
    if !page.session.as_ref().is_some_and(vouched) {
        return refused(
            StatusCode::FORBIDDEN,
            "请先登录，再提交一次。",
            "Sign in first, then send it again.",
        );
    }
    if !site.app.sees(&page.sight(), &equipment) {
        return refused(
            StatusCode::NOT_FOUND,
            "没有这台设备的报警。",
            "There is no such alarm.",
        );
    }
    let scope = site.app.scope_of(&equipment);
    let action = match step.step.as_str() {
        "acknowledge" => Action::AcknowledgeAlarm { equipment, rule },
        "unshelve" => Action::UnshelveAlarm { equipment, rule },
        "reset" => Action::ResetAlarm { equipment, rule },
        _ => {
            return refused(
                StatusCode::BAD_REQUEST,
                "没有这一步骤。",
                "There is no such step.",
            );
        }
    };
    let action = OperatorAction {
        actor: page.access.login().to_owned(),
        reason: String::new(),
        idempotency_key: None,
        who: Some(page.access.person.clone()),
        scope: Some(scope),
        action,
    };
    match site.app.engine.act(action).await {
        Ok(_) => Ok(()),
        Err(ActError::Refused(_)) => refused(
            StatusCode::CONFLICT,
            "报警状态已变，此步骤不再适用；下面是现在的状态。",
            "The alarm has changed and the step no longer applies; below is how it is now.",
        ),
        Err(ActError::Gone) => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "网关正在停止。请稍后重试。",
            "The gateway is stopping. Try again in a moment.",
        ),
        Err(ActError::Store(_)) => refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "数据库不可写，步骤未记录。请通知管理员。",
            "The database cannot be written; the step was not recorded. Tell the administrator.",
        ),
    }
}

async fn make<'p>(site: &Site, page: &'p Page, refused: Option<String>) -> Result<AlarmsPage<'p>, Fault> {
    let equipment = Some(page.asked("equipment")).filter(|id| !id.is_empty());
    let of = match equipment {
        Some(id) => Some(site.card(page, id).ok_or(Fault::NotFound)?),
        None => None,
    };
    let filter = AlarmFilter {
        standing: true,
        equipment: equipment.map(str::to_owned),
        ..AlarmFilter::default()
    };
    let standing = view::alarms(&site.app, &page.sight(), &filter).await?;
    let journal = view::alarm_changes(&site.app, &page.sight(), equipment, JOURNAL).await?;
    let show = page.asked("show");
    let severity = page.asked("severity");
    let choice = |key: &str, zh: &str, en: &str| Choice {
        href: page.with("show", key),
        label: page.pick(zh, en).to_owned(),
        count: Some(standing.iter().filter(|alarm| is_shown(alarm, key)).count() as u64),
        current: show == key,
    };
    let shows = vec![
        choice("", "全部未恢复正常", "all not back to normal"),
        choice("unacknowledged", "未确认", "unacknowledged"),
        choice("active", "条件仍成立", "condition holds"),
        choice("equipment", "设备报警", "about the equipment"),
        choice("monitoring", "监测中断", "about our sight of it"),
    ];
    let severities = terms::SEVERITIES
        .into_iter()
        .map(|level| Choice {
            href: page.with(
                "severity",
                if severity == terms::severity_key(level) {
                    ""
                } else {
                    terms::severity_key(level)
                },
            ),
            label: terms::severity(page.language, level).to_owned(),
            count: Some(
                standing
                    .iter()
                    .filter(|alarm| is_shown(alarm, show) && alarm.severity == level)
                    .count() as u64,
            ),
            current: severity == terms::severity_key(level),
        })
        .collect();
    let alarms: Vec<Alarm> = standing
        .into_iter()
        .filter(|alarm| is_shown(alarm, show))
        .filter(|alarm| severity.is_empty() || terms::severity_key(alarm.severity) == severity)
        .collect();
    Ok(AlarmsPage {
        page,
        of,
        shows,
        severities,
        alarms,
        journal,
        filtered: !(show.is_empty() && severity.is_empty()),
        refused,
    })
}

fn is_shown(alarm: &Alarm, show: &str) -> bool {
    match show {
        "unacknowledged" => terms::is_unseen(alarm.state),
        "active" => alarm.active,
        "equipment" => alarm.class == AlarmClass::Process,
        "monitoring" => alarm.class == AlarmClass::MonitoringGap,
        _ => true,
    }
}

impl AlarmsPage<'_> {
    fn state(&self, state: &vigil_core::alarm::AlarmState) -> &'static str {
        terms::alarm_state(self.page.language, *state)
    }

    fn class(&self, class: &AlarmClass) -> &'static str {
        terms::alarm_class(self.page.language, *class)
    }

    fn is_unseen(&self, alarm: &Alarm) -> bool {
        terms::is_unseen(alarm.state)
    }

    /// What can be done about an alarm here, with its words.
    fn steps(&self, alarm: &Alarm) -> Vec<(&'static str, &'static str)> {
        [
            (self.is_unseen(alarm), "acknowledge", "确认报警", "Acknowledge"),
            (alarm.shelved_until.is_some(), "unshelve", "取消搁置", "Unshelve"),
            (alarm.latched && !alarm.active, "reset", "复位", "Reset"),
        ]
        .into_iter()
        .filter(|(possible, ..)| *possible)
        .map(|(_, step, zh, en)| (step, self.page.pick(zh, en)))
        .collect()
    }
}
