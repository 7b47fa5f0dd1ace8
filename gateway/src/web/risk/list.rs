//! Lists: risk points, and measures that are to be checked.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::super::parts::Choice;
use super::export::{AT_A_TIME, csv};
use crate::desk::risk::{self, MeasureFilter, Order, PointFilter};
use crate::view::risk::{MeasureLine, RiskPointLine};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vigil_core::risk::{Colour, MeasureKind};

/// Rows per page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "risk/list.html")]
struct ListPage<'p> {
    page: &'p Page,
    colours: Vec<Choice>,
    states: Vec<Choice>,
    sorts: Vec<Choice>,
    tiers: Vec<(&'static str, &'p str, bool)>,
    rows: Vec<RiskPointLine>,
    total: u64,
    older: Option<String>,
    export: String,
    filtered: bool,
}

fn yes_no(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// Letters of a filter that are read.
fn short(page: &Page, key: &str) -> String {
    page.asked(key).trim().chars().take(100).collect()
}

fn point_filter(page: &Page) -> PointFilter {
    PointFilter {
        text: short(page, "q"),
        colour: match page.asked("colour") {
            "none" => Some(None),
            key => Colour::from_key(key).map(Some),
        },
        tier: short(page, "tier"),
        area: short(page, "area"),
        unit: short(page, "unit"),
        equipment: short(page, "equipment"),
        owner: short(page, "owner"),
        overdue: yes_no(page.asked("overdue")),
        failing: yes_no(page.asked("failing")),
        stale: yes_no(page.asked("stale")),
        retired: yes_no(page.asked("retired")).unwrap_or(false),
        order: Order::from_key(page.asked("sort")).unwrap_or_default(),
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    }
}

/// `GET /risk?q=…&colour=…&tier=…&area=…&unit=…&equipment=…&owner=…&overdue=…&failing=…&sort=…&after=…`
pub(crate) async fn points(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_points(&site, &page).await;
    respond(&page, made)
}

async fn make_points<'p>(site: &Site, page: &'p Page) -> Result<ListPage<'p>, Fault> {
    let today = site.today();
    let filter = point_filter(page);
    let found = risk::points(&site.app.desk, &page.access.person, &filter, today).await?;
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut colours = vec![choice("colour", "", page.pick("全部等级", "every level"))];
    let scheme = page.scheme;
    colours.extend(
        scheme
            .levels()
            .iter()
            .map(|level| choice("colour", level.colour.key(), page.pick(&level.zh, &level.en))),
    );
    colours.push(choice("colour", "none", page.pick("未评估", "not assessed")));
    let toggle = |name: &str, label: &str| {
        let on = page.asked(name) == "1";
        Choice {
            href: page.with(name, if on { "" } else { "1" }),
            label: label.to_owned(),
            count: None,
            current: on,
        }
    };
    let states = vec![
        toggle("overdue", page.pick("措施逾期未查", "check overdue")),
        toggle("failing", page.pick("措施失效", "control failed")),
        toggle("stale", page.pick("应重新评估", "to be assessed again")),
        toggle("retired", page.pick("已撤销", "retired")),
    ];
    let sort = |key: &str, label: &str| Choice {
        current: filter.order.key() == key,
        ..choice("sort", key, label)
    };
    let sorts = vec![
        sort("newest", page.pick("最新在前", "newest first")),
        sort("level", page.pick("最重在前", "worst first")),
        sort("check", page.pick("先到期在前", "first check first")),
    ];
    let tiers = scheme
        .tiers()
        .iter()
        .map(|tier| {
            let current = filter.tier == tier.key;
            (tier.key.as_str(), page.pick(&tier.zh, &tier.en), current)
        })
        .collect();
    let personal = page.access.signed_in();
    Ok(ListPage {
        page,
        colours,
        states,
        sorts,
        tiers,
        rows: found
            .rows
            .into_iter()
            .map(|row| RiskPointLine::of(&site.app, row, today, personal))
            .collect(),
        total: found.total,
        older: found.next.map(|next| page.with("after", &next.to_string())),
        export: page.with("after", "").replacen("/risk", "/risk/points.csv", 1),
        filtered: page.is_filtered(&["after", "sort"]),
    })
}

fn day(day: &Option<jiff::civil::Date>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

/// `GET /risk/points.csv`: the list as it is filtered, all of it, with the columns of the risk list (风险清单).
pub(crate) async fn points_csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    let today = site.today();
    let filter = PointFilter {
        limit: AT_A_TIME,
        after: None,
        ..point_filter(&page)
    };
    let pick = |zh: &str, en: &str| page.pick(zh, en).to_owned();
    let heads = vec![
        pick("编号", "id"),
        pick("风险点名称", "risk point"),
        pick("区划代码", "area"),
        pick("使用单位", "use unit"),
        pick("所在位置", "place"),
        pick("设备编号", "equipment"),
        pick("设备类别", "category"),
        pick("使用登记证编号", "registration no."),
        pick("危险因素", "hazard factor"),
        pick("可能导致的事故类型", "accident type"),
        pick("评价方法", "method"),
        pick("取值", "factors"),
        pick("风险值", "score"),
        pick("风险等级", "level"),
        pick("颜色", "colour"),
        pick("管控层级", "control tier"),
        pick("责任单位", "responsible unit"),
        pick("责任人", "responsible"),
        pick("电话", "phone"),
        pick("辨识时间", "identified"),
        pick("更新时间", "assessed"),
        pick("依据", "basis"),
        pick("最近应查", "next check"),
        pick("失效措施数", "failed controls"),
    ];
    let reader = page.clone();
    let done = csv("risk-points", heads, move |after| {
        let (site, page) = (Arc::clone(&site), reader.clone());
        let filter = PointFilter {
            after,
            ..filter.clone()
        };
        async move {
            let found = risk::points(&site.app.desk, &page.access.person, &filter, today).await?;
            let row = |row| {
                let row = RiskPointLine::of(&site.app, row, today, page.access.signed_in());
                let colour = row.colour.and_then(|word| Colour::from_key(word.key));
                let factors: Vec<String> = row
                    .factors
                    .iter()
                    .map(|(key, value)| format!("{} {value}", key.to_uppercase()))
                    .collect();
                vec![
                    row.id,
                    row.name,
                    row.area,
                    row.use_unit_name.or(row.use_unit).unwrap_or_default(),
                    row.place,
                    row.equipment.unwrap_or_default(),
                    row.category.unwrap_or_default(),
                    row.registration_no.unwrap_or_default(),
                    row.factor,
                    row.accident,
                    row.method
                        .as_deref()
                        .map(|key| page.risk_method(key))
                        .unwrap_or_default(),
                    factors.join(", "),
                    row.score.map(|score| score.to_string()).unwrap_or_default(),
                    row.colour.as_ref().map_or_else(
                        || page.pick("未评估", "not assessed").to_owned(),
                        |word| page.word(word).to_owned(),
                    ),
                    colour
                        .map(|colour| page.pick(colour.titles().0, colour.titles().1).to_owned())
                        .unwrap_or_default(),
                    row.tier
                        .as_ref()
                        .map(|word| page.word(word).to_owned())
                        .unwrap_or_default(),
                    row.owner_unit,
                    row.owner.unwrap_or_default(),
                    row.owner_phone.unwrap_or_default(),
                    row.identified_on.to_string(),
                    day(&row.assessed_on),
                    row.basis,
                    day(&row.next_check),
                    row.failing.to_string(),
                ]
            };
            Ok((found.rows.into_iter().map(row).collect(), found.next))
        }
    });
    match done.await {
        Ok(response) => response,
        Err(error) => Fault::from(error).respond(&page),
    }
}

#[derive(Template)]
#[template(path = "risk/checks.html")]
struct ChecksPage<'p> {
    page: &'p Page,
    standings: Vec<Choice>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<MeasureLine>,
    total: u64,
    older: Option<String>,
    export: String,
    filtered: bool,
}

fn measure_filter(page: &Page) -> MeasureFilter {
    MeasureFilter {
        kind: MeasureKind::from_key(page.asked("kind")),
        overdue: yes_no(page.asked("overdue")),
        failed: yes_no(page.asked("failed")),
        owner: short(page, "owner"),
        area: short(page, "area"),
        unit: short(page, "unit"),
        equipment: short(page, "equipment"),
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    }
}

/// `GET /risk/checks?overdue=…&failed=…&kind=…&owner=…&area=…&unit=…&equipment=…&after=…`
pub(crate) async fn measures(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_measures(&site, &page).await;
    respond(&page, made)
}

async fn make_measures<'p>(site: &Site, page: &'p Page) -> Result<ChecksPage<'p>, Fault> {
    let today = site.today();
    let filter = measure_filter(page);
    let found = risk::measures_due(&site.app.desk, &page.access.person, &filter, today).await?;
    let standing = |overdue: &str, failed: &str, label: &str| {
        let href = page.with("overdue", overdue);
        // Both are one choice: what is overdue, what has failed, or all.
        let rest: Vec<&str> = href
            .split_once('?')
            .map_or("", |(_, query)| query)
            .split('&')
            .filter(|pair| !pair.starts_with("failed=") && !pair.is_empty())
            .collect();
        let mut query = rest.join("&");
        if !failed.is_empty() {
            query.push_str(if query.is_empty() { "failed=1" } else { "&failed=1" });
        }
        Choice {
            href: if query.is_empty() {
                page.path.clone()
            } else {
                format!("{}?{query}", page.path)
            },
            label: label.to_owned(),
            count: None,
            current: page.asked("overdue") == overdue && page.asked("failed") == failed,
        }
    };
    let personal = page.access.signed_in();
    Ok(ChecksPage {
        page,
        standings: vec![
            standing("", "", page.pick("全部", "all")),
            standing("1", "", page.pick("逾期未查", "overdue")),
            standing("", "1", page.pick("已失效", "failed")),
        ],
        kinds: MeasureKind::ALL
            .into_iter()
            .map(|kind| {
                let (zh, en) = kind.titles();
                (kind.key(), page.pick(zh, en), filter.kind == Some(kind))
            })
            .collect(),
        rows: found
            .rows
            .into_iter()
            .map(|row| MeasureLine::of(page.scheme, row, today, personal))
            .collect(),
        total: found.total,
        older: found.next.map(|next| page.with("after", &next.to_string())),
        export: page
            .with("after", "")
            .replacen("/risk/checks", "/risk/checks.csv", 1),
        filtered: page.is_filtered(&["after"]),
    })
}

/// `GET /risk/checks.csv`: the list as it is filtered, all of it.
pub(crate) async fn measures_csv(State(site): State<Arc<Site>>, page: Page) -> Response {
    let today = site.today();
    let filter = MeasureFilter {
        limit: AT_A_TIME,
        after: None,
        ..measure_filter(&page)
    };
    let pick = |zh: &str, en: &str| page.pick(zh, en).to_owned();
    let heads = vec![
        pick("措施编号", "measure"),
        pick("风险点编号", "risk point"),
        pick("风险点名称", "name"),
        pick("风险等级", "level"),
        pick("设备编号", "equipment"),
        pick("使用单位", "use unit"),
        pick("区划代码", "area"),
        pick("措施类别", "kind"),
        pick("管控措施", "control measure"),
        pick("责任人", "owner"),
        pick("周期（天）", "period (days)"),
        pick("上次检查", "last check"),
        pick("结果", "result"),
        pick("下次应查", "next check"),
        pick("还有天数", "days left"),
    ];
    let reader = page.clone();
    let done = csv("control-measures", heads, move |after| {
        let (site, page) = (Arc::clone(&site), reader.clone());
        let filter = MeasureFilter {
            after,
            ..filter.clone()
        };
        async move {
            let found = risk::measures_due(&site.app.desk, &page.access.person, &filter, today).await?;
            let row = |row| {
                let row = MeasureLine::of(page.scheme, row, today, page.access.signed_in());
                vec![
                    row.measure.id.to_string(),
                    row.measure.point,
                    row.point_name,
                    row.colour.as_ref().map_or_else(
                        || page.pick("未评估", "not assessed").to_owned(),
                        |word| page.word(word).to_owned(),
                    ),
                    row.equipment.unwrap_or_default(),
                    row.use_unit.unwrap_or_default(),
                    row.area,
                    page.word(&row.measure.kind).to_owned(),
                    row.measure.text,
                    row.measure.owner.unwrap_or_default(),
                    row.measure.period_days.to_string(),
                    day(&row.measure.last_check),
                    match row.measure.failed {
                        Some(true) => page.pick("不合格", "failed"),
                        Some(false) => page.pick("合格", "passed"),
                        None => page.pick("未检查", "never checked"),
                    }
                    .to_owned(),
                    row.measure.next_check.to_string(),
                    row.measure.days.to_string(),
                ]
            };
            Ok((found.rows.into_iter().map(row).collect(), found.next))
        }
    });
    match done.await {
        Ok(response) => response,
        Err(error) => Fault::from(error).respond(&page),
    }
}
