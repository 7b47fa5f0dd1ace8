//! One piece of equipment: who it is, what it says now and did before, what was wrong with it.

use super::fault::{Fault, respond};
use super::markup::Markup;
use super::page::Page;
use super::parts::Choice;
use super::trends::{self, Figure, Source};
use super::{Site, spark, terms};
use crate::view::{self, ChannelNow, EquipmentDetail, Time, Trend, Watch};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::alarm::{AlarmClass, AlarmState};
use vigil_core::output::GapReason;
use vigil_protocol::time::UtcMillis;

/// What a range button asks for.
const RANGES: [(&str, i64, &str, &str); 5] = [
    ("15m", 900_000, "15 分", "15 min"),
    ("1h", 3_600_000, "1 小时", "1 h"),
    ("6h", 6 * 3_600_000, "6 小时", "6 h"),
    ("24h", 24 * 3_600_000, "24 小时", "24 h"),
    ("7d", 7 * 86_400_000, "7 天", "7 days"),
];
const DEFAULT_RANGE: &str = "1h";
const YOUNG_MS: i64 = 20 * 60_000;
/// Charts drawn when none is asked for.
const CHARTS: usize = 6;

#[derive(Template)]
#[template(path = "equipment.html")]
struct EquipmentPage<'p> {
    page: &'p Page,
    one: EquipmentDetail,
    ranges: Vec<Choice>,
    from: Time,
    to: Time,
    charts: Vec<Figure>,
    sparks: HashMap<&'static str, Markup>,
    /// Only this quantity was asked for.
    only: Option<&'static str>,
}

/// `GET /equipment/{id}?range=…&quantity=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id).await;
    respond(&page, made)
}

async fn make<'p>(site: &Site, page: &'p Page, id: &str) -> Result<EquipmentPage<'p>, Fault> {
    let one = view::equipment(&site.app, &page.sight(), id).await?;
    let asked = page.asked("range");
    // A young log is not shown as an hour of nothing.
    let young = one.now.0.since(one.completeness.from.0) < YOUNG_MS;
    let default = if young { RANGES[0].0 } else { DEFAULT_RANGE };
    let range = RANGES
        .iter()
        .find(|range| range.0 == asked)
        .or(RANGES.iter().find(|range| range.0 == default));
    let span = range.map_or(3_600_000, |range| range.1);
    let ranges = RANGES
        .iter()
        .map(|(key, ms, zh, en)| Choice {
            href: format!("{}#trends", page.with("range", key)),
            label: page.pick(zh, en).to_owned(),
            count: None,
            current: *ms == span,
        })
        .collect();
    let to = one.now.0;
    let from = if asked.is_empty() {
        begin(to, span, one.completeness.from.0)
    } else {
        to.saturating_sub_ms(span)
    };
    let only = one
        .channels
        .iter()
        .map(|channel| channel.quantity.key)
        .find(|key| *key == page.asked("quantity"));
    let keys: Vec<&'static str> = match only {
        Some(key) => vec![key],
        None => main_channels(&one.channels),
    };
    let mut charts = Vec::with_capacity(keys.len());
    let mut sparks = HashMap::new();
    for key in keys {
        let trend = view::trend(
            &site.app,
            &page.sight(),
            id,
            key,
            Some(from.into()),
            Some(to.into()),
        )
        .await?;
        sparks.insert(key, spark::spark(&trends::points(&trend.points), from, to));
        charts.push(figure(site, page, &trend, key, (from, to), only.is_some())?);
    }
    Ok(EquipmentPage {
        page,
        one,
        ranges,
        from: from.into(),
        to: to.into(),
        charts,
        sparks,
        only,
    })
}

/// The log may begin later than the range: what it cannot know is not drawn.
fn begin(to: UtcMillis, span: i64, log: UtcMillis) -> UtcMillis {
    let asked = to.saturating_sub_ms(span);
    let day_old = to.since(log) >= 86_400_000;
    if day_old || log <= asked {
        asked
    } else {
        log.min(to.saturating_sub_ms(60_000))
    }
}

/// Numbers first, those with limits before the others, then two-state signals with rules of their own.
fn main_channels(channels: &[ChannelNow]) -> Vec<&'static str> {
    let mut heard: Vec<&ChannelNow> = channels
        .iter()
        .filter(|channel| channel.latest.is_some() && matches!(channel.kind, "analog" | "binary"))
        .collect();
    heard.sort_by_key(|channel| (channel.kind != "analog", channel.limits.is_empty()));
    heard
        .into_iter()
        .take(CHARTS)
        .map(|channel| channel.quantity.key)
        .collect()
}

fn figure(
    site: &Site,
    page: &Page,
    trend: &Trend,
    key: &'static str,
    (from, to): (UtcMillis, UtcMillis),
    alone: bool,
) -> Result<Figure, Fault> {
    let source = Source {
        key,
        kind: trend.kind,
        from,
        to,
        points: &trend.points,
        limits: trends::relevant(&trend.limits, None, |rule| site.is_limit(&trend.equipment, rule)),
        hazards: &trend.hazards,
        gaps: &trend.gaps,
    };
    let size = match (alone, trend.kind) {
        (true, _) => (1_200, 320),
        (false, _) => (610, 210),
    };
    Ok(Figure {
        key,
        chart: trends::draw(page, &source, size)?,
        has_values: trend.points.iter().any(|point| point.value.is_some()),
        incomplete: !trend.complete,
    })
}

impl EquipmentPage<'_> {
    fn spark(&self, key: &str) -> Markup {
        self.sparks.get(key).cloned().unwrap_or_default()
    }

    fn has_spark(&self, key: &str) -> bool {
        self.sparks.get(key).is_some_and(|spark| !spark.0.is_empty())
    }

    /// Group and node as two path segments.
    fn node_path(&self) -> String {
        let (group, node) = self
            .one
            .line
            .card
            .node
            .split_once('/')
            .unwrap_or(("", &self.one.line.card.node));
        format!("{}/{}", self.page.segment(group), self.page.segment(node))
    }

    fn unit(&self, symbol: &str) -> String {
        if symbol == "次" {
            String::new()
        } else {
            symbol.to_owned()
        }
    }

    /// What was reported at least once; the rest is named in one line.
    fn heard(&self) -> Vec<&ChannelNow> {
        self.one
            .channels
            .iter()
            .filter(|channel| channel.latest.is_some())
            .collect()
    }

    fn unheard(&self) -> Vec<&'static str> {
        let never = self
            .one
            .channels
            .iter()
            .filter(|channel| channel.latest.is_none());
        never.map(|channel| self.page.word(&channel.quantity)).collect()
    }

    /// Class of the value: how it is drawn says how far it can be trusted.
    fn value_class(&self, channel: &ChannelNow) -> &'static str {
        match &channel.latest {
            Some(latest) if latest.said.no_data.is_some() => "value none",
            Some(latest) if latest.quality.key.starts_with("bad") => "value bad",
            Some(latest) if latest.stale => "value stale",
            Some(latest) if latest.quality.key.starts_with("uncertain") => "value unsure",
            _ => "value",
        }
    }

    fn reading(&self, channel: &ChannelNow) -> Markup {
        channel.latest.as_ref().map_or_else(Markup::default, |latest| {
            self.page.said(channel.quantity.key, &latest.said)
        })
    }

    /// Why a value is not simply good; empty when it is.
    fn reservation(&self, channel: &ChannelNow) -> &'static str {
        match &channel.latest {
            // The whole equipment is not seen: that is said once, above.
            Some(latest) if latest.quality.key == "stale" && self.one.line.watch != Watch::Online => "",
            Some(latest) if latest.quality.key != "good" && latest.said.no_data.is_none() => {
                self.page.word(&latest.quality)
            }
            _ => "",
        }
    }

    /// `≥ 1.250 MPa` per limit, worst first, without repeats.
    fn limits(&self, channel: &ChannelNow) -> Vec<(String, &'static str, String)> {
        let mut seen = Vec::new();
        let is_limit = |rule: &str| {
            self.one
                .rules
                .iter()
                .any(|known| known.id == rule && known.kind == "limit")
        };
        for limit in trends::relevant(&channel.limits, None, is_limit) {
            let sign = trends::side(limit.direction);
            let text = format!("{sign} {}", self.page.measure(channel.quantity.key, &limit.value));
            let class = terms::severity_class(limit.severity);
            if !seen.iter().any(|(known, of, _)| *known == text && *of == class) {
                let title = self.page.name(&limit.title_zh, &limit.title_en);
                seen.push((text, class, format!("{} · {title}", limit.rule)));
            }
        }
        seen
    }

    /// Facts of the register with their headings; the English name of a site only in English.
    fn facts(&self) -> Vec<(String, &str)> {
        let register = &self.one.register;
        let order = [
            "registration_no",
            "equipment_code",
            "internal_no",
            "site",
            "address",
            "place_type",
            "use_unit",
            "safety_director",
            "safety_officer",
            "maintenance_unit",
            "inspection_body",
            "regulator",
            "manufacturer",
            "model",
            "serial_no",
            "made",
            "installed",
            "last_inspection",
            "inspection_due",
            "floors",
            "area_code",
        ];
        let value = |key: &str| {
            let zh = register.get(key)?;
            let en = register.get(&format!("{key}_en")).unwrap_or(zh);
            Some(self.page.name(zh, en))
        };
        let heading = |key: &str| {
            terms::register_key(self.page.language, key).map_or_else(|| key.to_owned(), str::to_owned)
        };
        let mut facts: Vec<(String, &str)> = order
            .iter()
            .filter_map(|key| Some((heading(key), value(key)?)))
            .collect();
        let others = register.keys().filter(|key| !order.contains(&key.as_str()));
        let others = others.filter(|key| {
            !key.strip_suffix("_en")
                .is_some_and(|base| register.contains_key(base))
        });
        facts.extend(others.filter_map(|key| Some((heading(key), value(key)?))));
        facts
    }

    fn nameplate_key(&self, key: &str) -> String {
        terms::nameplate_key(self.page.language, key).map_or_else(|| key.to_owned(), str::to_owned)
    }

    fn gap_reason(&self, reason: &GapReason) -> &'static str {
        terms::gap_reason(self.page.language, *reason)
    }

    fn state(&self, state: &AlarmState) -> &'static str {
        terms::alarm_state(self.page.language, *state)
    }
}
