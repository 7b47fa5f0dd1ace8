//! The first page: what is wrong now, and how much of the picture is there.

use super::fault::{Fault, respond};
use super::page::Page;
use super::{Site, terms};
use crate::app::AlarmFilter;
use crate::view::{self, Alarm, Hour, Node, NodeFilter, Overview, Sink, Stranger};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::alarm::AlarmState;
use vigil_core::pack::Severity;
use vigil_protocol::time::UtcMillis;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// Alarms shown.
const ALARMS: usize = 8;
/// Rows of the lists at the end.
const ROWS: u32 = 10;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage<'p> {
    page: &'p Page,
    seen: Overview,
    unacknowledged: u64,
    strip: Vec<Cell>,
    strangers: Vec<Stranger>,
    odd: Vec<Node>,
    odd_total: u64,
    /// Those something is wrong with.
    sinks: Vec<Sink>,
}

/// An hour of the last day.
struct Cell {
    class: &'static str,
    title: String,
    /// Hazards opened in it.
    opened: u64,
}

/// `GET /`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<OverviewPage<'p>, Fault> {
    let app = &site.app;
    let seen = view::overview(app, &page.sight()).await?;
    let standing = AlarmFilter {
        standing: true,
        ..AlarmFilter::default()
    };
    let unacknowledged = view::alarms(app, &page.sight(), &standing)
        .await?
        .iter()
        .filter(|alarm| terms::is_unseen(alarm.state))
        .count();
    let odd = view::nodes(
        app,
        &page.sight(),
        &NodeFilter {
            odd: Some(true),
            limit: ROWS as usize,
            ..NodeFilter::default()
        },
    )
    .await?;
    // Strangers are nobody's: they are for who sees everything.
    let strangers = match seen.unregistered {
        Some(_) => view::unregistered(app, ROWS).await?.devices,
        None => Vec::new(),
    };
    let mut sinks = match seen.store {
        Some(_) => view::sinks(app).await?.sinks,
        None => Vec::new(),
    };
    sinks.retain(|sink| !sink.ok);
    let strip = strip(page, &seen);
    Ok(OverviewPage {
        page,
        unacknowledged: unacknowledged as u64,
        strip,
        strangers,
        odd: odd.nodes,
        odd_total: odd.total,
        sinks,
        seen,
    })
}

/// The last 24 hours, one cell each, the current one last.
fn strip(page: &Page, seen: &Overview) -> Vec<Cell> {
    let now = page.times.now;
    let current = now.0 - now.0.rem_euclid(HOUR_MS);
    (0..24)
        .map(|back| {
            let start = UtcMillis(current - (23 - back) * HOUR_MS);
            let hour = seen.hours.iter().find(|hour| hour.hour.0 == start);
            cell(page, seen, start, hour)
        })
        .collect()
}

fn cell(page: &Page, seen: &Overview, start: UtcMillis, hour: Option<&Hour>) -> Cell {
    let messages = hour.map(|hour| hour.messages).unwrap_or_default();
    let opened = hour.map_or(0, |hour| hour.hazards_opened);
    let end = start.saturating_add_ms(HOUR_MS);
    let lost = messages.missing + messages.dropped;
    let class = if end <= seen.completeness.from.0 {
        "before"
    } else if messages.expected == 0 && messages.received == 0 {
        // Counts are written once a minute: the first minute of an hour is not silence.
        let fresh = page.times.now.since(start) < 2 * MINUTE_MS
            || page.times.now.since(seen.started.0) < 2 * MINUTE_MS;
        if fresh && end > page.times.now && seen.equipment.online > 0 {
            "full"
        } else {
            "none"
        }
    } else if lost > 0 {
        "part"
    } else {
        "full"
    };
    let what = match class {
        "before" => page.pick("记录开始之前", "before the record begins").to_owned(),
        "none" => page.pick("没有任何报文", "no messages at all").to_owned(),
        _ => format!(
            "{} {} / {}",
            page.pick("报文", "messages"),
            page.count(&(messages.received + messages.late)),
            page.count(&messages.expected)
        ),
    };
    let hazards = if opened == 0 {
        String::new()
    } else {
        format!(" · {} {opened}", page.pick("立案", "hazards opened"))
    };
    let title = format!(
        "{}–{} · {what}{hazards}",
        page.times.clock(start),
        page.times.clock(end)
    );
    Cell { class, title, opened }
}

/// A figure that links to the rows it counts.
struct Figure {
    href: &'static str,
    class: &'static str,
    number: u64,
    label: &'static str,
}

impl OverviewPage<'_> {
    /// Open hazards by level.
    fn levels(&self) -> Vec<Figure> {
        let counts = &self.seen.hazards.by_severity;
        [
            (Severity::S1, counts.s1, "/hazards?severity=S1"),
            (Severity::S2, counts.s2, "/hazards?severity=S2"),
            (Severity::S3, counts.s3, "/hazards?severity=S3"),
            (Severity::S4, counts.s4, "/hazards?severity=S4"),
        ]
        .map(|(severity, number, href)| Figure {
            href,
            class: terms::severity_class(severity),
            number,
            label: terms::severity(self.page.language, severity),
        })
        .into()
    }

    fn not_watched(&self) -> u64 {
        let counts = &self.seen.equipment;
        counts.silent + counts.offline + counts.never
    }

    /// What is wrong with the gateway itself, in words.
    fn gateway(&self) -> Vec<&'static str> {
        let page = self.page;
        let failed = self.seen.gateway.checks.iter().filter(|check| !check.ok);
        failed
            .map(|check| match check.name {
                "store" => page.pick("数据库不可写：新数据没有落盘，终端会保留并稍后重发。", "The database cannot be written: new data is not stored; nodes keep it and send it again."),
                "mqtt" => page.pick("与消息代理的连接中断：现在收不到任何遥测。", "The connection to the broker is down: no telemetry arrives now."),
                _ => page.pick("网关正在停止或已出错。", "The gateway is stopping or has failed."),
            })
            .collect()
    }

    /// The worst alarms somebody should look at; what is held back by design stands on the alarm page.
    fn alarms(&self) -> Vec<&Alarm> {
        let held_back = |alarm: &&Alarm| {
            matches!(
                alarm.state,
                AlarmState::SuppressedByDesign | AlarmState::Shelved | AlarmState::OutOfService
            )
        };
        self.seen
            .standing_alarms
            .iter()
            .filter(|alarm| !held_back(alarm))
            .take(ALARMS)
            .collect()
    }

    fn is_unseen(&self, alarm: &Alarm) -> bool {
        terms::is_unseen(alarm.state)
    }

    fn state(&self, state: &AlarmState) -> &'static str {
        terms::alarm_state(self.page.language, *state)
    }

    fn strangers_more(&self) -> bool {
        self.seen.unregistered > Some(self.strangers.len() as u64)
    }
}
