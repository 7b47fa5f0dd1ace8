//! Alarms: what stands, who has not seen it, and the journal.

use super::fault::{Fault, respond};
use super::page::Page;
use super::parts::Choice;
use super::{Site, terms};
use crate::app::AlarmFilter;
use crate::view;
use crate::view::Card;
use crate::view::{Alarm, AlarmChange};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::alarm::AlarmClass;

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
}

/// `GET /alarms?show=…&severity=…&equipment=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<AlarmsPage<'p>, Fault> {
    let equipment = Some(page.asked("equipment")).filter(|id| !id.is_empty());
    let of = match equipment {
        Some(id) => Some(site.card(id).ok_or(Fault::NotFound)?),
        None => None,
    };
    let filter = AlarmFilter {
        standing: true,
        equipment: equipment.map(str::to_owned),
        limit: 0,
    };
    let standing = view::alarms(&site.app, &filter).await?;
    let journal = view::alarm_changes(&site.app, equipment, JOURNAL).await?;
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
}
