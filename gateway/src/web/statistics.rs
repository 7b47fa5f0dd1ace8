//! Statistics: what was opened and closed, how fast, how often again, and how much of it all was watched.

use super::Site;
use super::bars::{Bars, Series};
use super::fault::{Fault, respond};
use super::markup::Markup;
use super::page::Page;
use super::supervision::download;
use crate::view::statistics::{
    FiguresOf, HazardFigures, MOST_MONTHS, MonthFigures, Statistics, StatisticsFilter, StepTimes,
    default_months, month_text, read_month, statistics, statistics_table,
};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "statistics.html")]
struct StatisticsPage<'p> {
    page: &'p Page,
    found: Statistics,
    filter: StatisticsFilter,
    periods: Vec<(String, &'static str, bool)>,
    categories: Vec<(String, String, bool)>,
    /// Title, remark, picture.
    charts: Vec<(&'static str, &'static str, Markup)>,
    csv: String,
}

/// The period, area, unit and category of the address; what cannot be read is left out.
fn filter(site: &Site, page: &Page) -> StatisticsFilter {
    let (usual, this) = default_months(&site.app);
    let to = read_month(page.asked("to")).unwrap_or(this);
    let from = read_month(page.asked("from")).unwrap_or(if to == this { usual } else { to });
    let from = from.clamp(to - MOST_MONTHS + 1, to);
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).take(6).collect() };
    let category = page.asked("category");
    let known = site.app.engine.policy().category(category).is_some();
    StatisticsFilter {
        from,
        to,
        area: digits(page.asked("area")),
        unit: page.asked("unit").trim().to_owned(),
        category: if known { category.to_owned() } else { String::new() },
    }
}

/// `GET /statistics?from=…&to=…&area=…&unit=…&category=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page).await;
    respond(&page, made)
}

/// `GET /statistics/export.csv`
pub(crate) async fn export(State(site): State<Arc<Site>>, page: Page) -> Response {
    let zh = page.language == super::words::Language::Zh;
    match statistics(&site.app, &site.reader(&page), &filter(&site, &page)).await {
        Ok(found) => download(&page, "statistics", &statistics_table(&found, zh), false),
        Err(error) => Fault::Unavailable(error.to_string()).respond(&page),
    }
}

async fn make<'p>(site: &Site, page: &'p Page) -> Result<StatisticsPage<'p>, Fault> {
    let filter = filter(site, page);
    let found = statistics(&site.app, &site.reader(page), &filter).await;
    let found = found.map_err(|error| Fault::Unavailable(error.to_string()))?;
    let (_, this) = default_months(&site.app);
    let year = this.div_euclid(12) * 12;
    let periods = [
        (this, this, page.pick("本月", "this month")),
        (this - 1, this - 1, page.pick("上月", "last month")),
        (this.div_euclid(3) * 3, this, page.pick("本季度", "this quarter")),
        (year, this, page.pick("本年", "this year")),
        (this - 11, this, page.pick("近12个月", "12 months")),
    ];
    let periods = periods.map(|(from, to, label)| {
        let from_text = month_text(from);
        let with = page.with("from", &from_text);
        let href = format!(
            "{with}{}to={}",
            if with.contains('?') { "&" } else { "?" },
            month_text(to)
        );
        (
            without_first_to(&href),
            label,
            (from, to) == (filter.from, filter.to),
        )
    });
    let policy = site.app.engine.policy();
    let categories = policy.category.iter().map(|known| {
        let current = *known.key == *filter.category;
        (
            known.key.to_string(),
            page.name(&known.zh, &known.en).to_owned(),
            current,
        )
    });
    Ok(StatisticsPage {
        periods: periods.into(),
        categories: categories.collect(),
        charts: charts(page, &found.months),
        csv: page
            .with("after", "")
            .replacen("/statistics", "/statistics/export.csv", 1),
        page,
        filter,
        found,
    })
}

/// What changes from month to month, as pictures; the same numbers stand in the table below them.
fn charts(page: &Page, months: &[MonthFigures]) -> Vec<(&'static str, &'static str, Markup)> {
    let labels: Vec<String> = months.iter().map(|month| month.month.clone()).collect();
    let draw = |title, series: Vec<(&'static str, Vec<Option<f64>>)>, most| {
        let bars = Bars {
            title,
            labels: &labels,
            series: series
                .into_iter()
                .map(|(name, values)| Series::new(name, values))
                .collect(),
            most,
            none: page.pick("无数据", "no data"),
        };
        bars.draw()
    };
    let of = |value: fn(&HazardFigures) -> Option<f64>| -> Vec<Option<f64>> {
        months.iter().map(|month| value(&month.figures)).collect()
    };
    let hours = |seconds: Option<f64>| seconds.map(|seconds| (seconds / 360.0).round() / 10.0);
    let decided: Vec<_> = of(|one| one.acknowledge.median_s)
        .into_iter()
        .map(hours)
        .collect();
    let rectified: Vec<_> = of(|one| one.rectify.median_s).into_iter().map(hours).collect();
    vec![
        (
            page.pick("新增与销号", "Opened and struck off"),
            page.pick("条", "hazards"),
            draw(
                page.pick(
                    "每月新增与销号的隐患数",
                    "hazards opened and struck off each month",
                ),
                vec![
                    (page.pick("新增", "opened"), of(|one| Some(one.opened as f64))),
                    (page.pick("销号", "struck off"), of(|one| Some(one.closed as f64))),
                ],
                None,
            ),
        ),
        (
            page.pick("按期整改率与监测覆盖率", "On time and watched"),
            page.pick("%；虚线为无数据", "%; dashes where nothing is known"),
            draw(
                page.pick(
                    "每月按期整改率与监测覆盖率，%",
                    "rectified on time and watched each month, %",
                ),
                vec![
                    (page.pick("按期整改率", "on time"), of(|one| one.on_time_percent)),
                    (
                        page.pick("监测覆盖率", "watched"),
                        months.iter().map(|month| month.watched_percent).collect(),
                    ),
                ],
                Some(100.0),
            ),
        ),
        (
            page.pick("确认与整改用时", "Time to decide and to rectify"),
            page.pick(
                "小时，中位数；虚线为当月没有",
                "hours, median; dashes where there was none",
            ),
            draw(
                page.pick(
                    "每月发现到确认、到整改完成的用时中位数，小时",
                    "median hours from opening to decision and to rectification, each month",
                ),
                vec![
                    (page.pick("到确认", "to decision"), decided),
                    (page.pick("到整改完成", "to rectification"), rectified),
                ],
                None,
            ),
        ),
        (
            page.pick("屡查屡犯率与误报", "Repeated, and found to be none"),
            page.pick("%；虚线为当月没有", "%; dashes where there was none"),
            draw(
                page.pick(
                    "每月屡查屡犯率与误报占新增的比例，%",
                    "repeated, and found to be none, of those opened each month, %",
                ),
                vec![
                    (page.pick("屡查屡犯率", "repeated"), of(|one| one.repeat_percent)),
                    (page.pick("误报", "found to be none"), of(rejected_percent)),
                ],
                Some(100.0),
            ),
        ),
    ]
}

/// Percent of those opened; more than were opened can be found to be none in one month.
fn rejected_percent(figures: &HazardFigures) -> Option<f64> {
    (figures.opened > 0).then(|| figures.rejected as f64 / figures.opened as f64 * 100.0)
}

/// `to` stood in the address already: the one that was added at the end counts.
fn without_first_to(href: &str) -> String {
    let Some((path, query)) = href.split_once('?') else {
        return href.to_owned();
    };
    let pairs: Vec<&str> = query.split('&').collect();
    let last = pairs.iter().rposition(|pair| pair.starts_with("to="));
    let kept = pairs
        .iter()
        .enumerate()
        .filter(|(at, pair)| !pair.starts_with("to=") || Some(*at) == last);
    let kept: Vec<&str> = kept.map(|(_, pair)| *pair).collect();
    format!("{path}?{}", kept.join("&"))
}

impl StatisticsPage<'_> {
    fn hours(&self, seconds: &Option<f64>) -> String {
        seconds
            .as_ref()
            .map_or_else(|| "—".to_owned(), |seconds| self.page.seconds(seconds))
    }

    fn times(&self, times: &StepTimes) -> String {
        if times.count == 0 {
            return self.page.pick("无", "none").to_owned();
        }
        format!(
            "{} {} · P90 {} · n = {}",
            self.page.pick("中位数", "median"),
            self.hours(&times.median_s),
            self.hours(&times.p90_s),
            self.page.count(&times.count),
        )
    }

    /// How much was watched, in one sentence: what makes "no hazards" mean something.
    fn watched(&self) -> String {
        let (page, watched) = (self.page, &self.found.watched);
        let Some(percent) = watched.percent else {
            return page
                .pick(
                    "该时期没有监测数据：没有隐患记录不等于没有隐患。",
                    "Nothing of this period was watched: no hazards on record does not mean that there were none.",
                )
                .to_owned();
        };
        let share = page.percent(&percent);
        match page.language {
            super::words::Language::Zh => format!(
                "{} 台设备在遥测，监测覆盖 {share}；{} 处中断；该时期 {} 天中有 {} 天的数据。",
                watched.equipment, watched.gaps, watched.days_of_period, watched.days
            ),
            super::words::Language::En => format!(
                "Equipment under telemetry: {}, {share} watched; gaps: {}; data of {} of the period's {} days.",
                watched.equipment, watched.gaps, watched.days, watched.days_of_period
            ),
        }
    }

    /// A count of hazards; none at all stands beside how much was watched.
    fn hazards(&self, n: &u64) -> String {
        if *n > 0 {
            return self.page.count(n);
        }
        match self.found.watched.percent {
            Some(percent) => format!(
                "0 {} {}",
                self.page.pick("· 监测覆盖", "· watched"),
                self.page.percent(&percent)
            ),
            None => self.page.pick("0 · 无监测数据", "0 · not watched").to_owned(),
        }
    }

    fn lines(&self) -> [(&'static str, &'static str, &'static str, &[FiguresOf]); 2] {
        let page = self.page;
        [
            (
                "category",
                "by-category",
                page.pick("按类别", "By category"),
                &self.found.categories,
            ),
            (
                "area",
                "by-area",
                page.pick("按区划", "By area"),
                &self.found.areas,
            ),
        ]
    }

    fn month_heads(&self) -> [&'static str; 8] {
        let page = self.page;
        [
            page.pick("新增", "Opened"),
            page.pick("重大", "Major"),
            page.pick("销号", "Struck off"),
            page.pick("按期整改率", "On time"),
            page.pick("屡查屡犯率", "Repeated"),
            page.pick("到确认（中位数）", "To decision, median"),
            page.pick("到整改完成（中位数）", "To rectification, median"),
            page.pick("监测覆盖率", "Watched"),
        ]
    }

    fn month_cells(&self, month: &MonthFigures) -> [String; 8] {
        let (page, figures) = (self.page, &month.figures);
        [
            page.count(&figures.opened),
            page.count(&figures.opened_major),
            page.count(&figures.closed),
            page.share(&figures.on_time_percent),
            page.share(&figures.repeat_percent),
            self.hours(&figures.acknowledge.median_s),
            self.hours(&figures.rectify.median_s),
            month.watched_percent.map_or_else(
                || page.pick("无数据", "no data").to_owned(),
                |share| page.percent(&share),
            ),
        ]
    }

    fn none_given(&self, line: &FiguresOf) -> String {
        match line.key.as_str() {
            "" => self.page.pick("未填写", "not given").to_owned(),
            _ => self.page.name(&line.zh, &line.en).to_owned(),
        }
    }
}
