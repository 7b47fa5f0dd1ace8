//! Statistics, as the page and the API show them.

use super::time::Time;
use crate::app::{App, StoreError};
use crate::desk::statistics::{self, Asked, By, Coverage, Watched, first_of, who_of};
use crate::desk::today;

use crate::sheet::{Column, Table};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::people::Person;
use vigil_core::statistics::{Figures, Times};

/// Months at most in one answer.
pub const MOST_MONTHS: i64 = 60;

/// What is asked for, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatisticsFilter {
    /// First month.
    pub from: i64,
    /// Last month.
    pub to: i64,
    /// Beginning of the area code.
    pub area: String,
    /// Code of the unit that uses the equipment; of a maintainer or an inspection body its own.
    pub unit: String,
    /// Key of a category of hazards.
    pub category: String,
}

/// Times from one step to another. They are kept in buckets 9 % wide: a rank is right to within 4.5 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StepTimes {
    /// How many.
    pub count: u64,
    /// Half of them took no longer, seconds; `null` when there are none.
    pub median_s: Option<f64>,
    /// Nine of ten took no longer, seconds.
    pub p90_s: Option<f64>,
}

impl From<&Times> for StepTimes {
    fn from(times: &Times) -> Self {
        Self {
            count: times.count(),
            median_s: times.rank(0.5),
            p90_s: times.rank(0.9),
        }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct HazardFigures {
    /// Opened in the period.
    pub opened: u64,
    /// Of those, (suspected) major.
    pub opened_major: u64,
    /// Of those opened, the same was struck off before (屡查屡犯).
    pub repeated: u64,
    /// Percent of those opened that are repeated; `null` when none was opened.
    pub repeat_percent: Option<f64>,
    /// Struck off in the period.
    pub closed: u64,
    /// Found to be none in the period.
    pub rejected: u64,
    /// Open now, whenever they were opened.
    pub open: u64,
    /// Of those open, by seriousness: S1 to S4.
    pub open_by_severity: [u64; 4],
    /// Of those open, (suspected) major.
    pub open_major: u64,
    /// Of those open, behind their deadline.
    pub overdue: u64,
    /// With a deadline in the period, and rectified by then.
    pub due_on_time: u64,
    /// With a deadline in the period, and rectified later or not at all.
    pub due_late: u64,
    /// With a deadline in the period that has not passed.
    pub due_under_way: u64,
    /// 按期整改率: percent rectified on time of those whose deadline has been decided; `null` when there are none.
    pub on_time_percent: Option<f64>,
    /// From opening to somebody's decision, of those decided in the period.
    pub acknowledge: StepTimes,
    /// From opening to rectification, of those rectified in the period.
    pub rectify: StepTimes,
}

impl From<&Figures> for HazardFigures {
    fn from(sum: &Figures) -> Self {
        Self {
            opened: sum.opened,
            opened_major: sum.opened_major,
            repeated: sum.repeated,
            repeat_percent: sum.repeat_percent(),
            closed: sum.closed,
            rejected: sum.rejected,
            open: sum.open_all(),
            open_by_severity: sum.open,
            open_major: sum.open_major,
            overdue: sum.overdue,
            due_on_time: sum.on_time,
            due_late: sum.late,
            due_under_way: sum.under_way,
            on_time_percent: sum.on_time_percent(),
            acknowledge: (&sum.acknowledged).into(),
            rectify: (&sum.rectified).into(),
        }
    }
}

/// One month.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MonthFigures {
    /// Such as `2026-05`.
    pub month: String,
    /// What was counted; what is open now is not of a month and stands at 0.
    pub figures: HazardFigures,
    /// Percent of the month that was watched; `null`: nothing is known of it.
    pub watched_percent: Option<f64>,
}

/// One area, or one category.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FiguresOf {
    /// Area code, or key of the category; empty: not given.
    pub key: String,
    /// Name of a category, Chinese; of an area its code.
    pub zh: String,
    /// Name of a category, English.
    pub en: String,
    /// What was counted. Times are told of all together only.
    pub figures: HazardFigures,
}

/// How much was watched: without it "no hazards" means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct WatchedShare {
    /// Pieces of equipment under telemetry.
    pub equipment: u64,
    /// Days of the period that are known.
    pub days: u64,
    /// Days of the period that have begun.
    pub days_of_period: u64,
    /// Time looked at, summed over equipment, seconds.
    pub elapsed_s: u64,
    /// Of that, watched, seconds.
    pub covered_s: u64,
    /// Percent watched; `null`: nothing is known.
    pub percent: Option<f64>,
    /// Gaps.
    pub gaps: u64,
}

/// How far the register's equipment in use is inspected and insured, today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct CoverageShare {
    /// In use.
    pub in_use: u64,
    /// Of those, registered.
    pub registered: u64,
    /// Of those registered, inspected on time.
    pub inspected: u64,
    /// Percent of the registered inspected on time.
    pub inspection_percent: Option<f64>,
    /// Of those in use, insured today.
    pub insured: u64,
    /// Percent of those in use insured.
    pub insurance_percent: Option<f64>,
}

/// Statistics of a period.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Statistics {
    /// First month, such as `2026-01`.
    pub from: String,
    /// Last month.
    pub to: String,
    /// When this was put together.
    pub now: Time,
    /// Hazards that have changed and are not counted yet, up to 10,001.
    pub not_counted: u64,
    /// All together.
    pub total: HazardFigures,
    /// Month by month.
    pub months: Vec<MonthFigures>,
    /// By category, most first.
    pub categories: Vec<FiguresOf>,
    /// By area, most first.
    pub areas: Vec<FiguresOf>,
    /// How much was watched.
    pub watched: WatchedShare,
    /// How far equipment is inspected and insured.
    pub coverage: CoverageShare,
}

/// The last twelve months.
#[must_use]
pub fn default_months(app: &App) -> (i64, i64) {
    let this = statistics::month_of(today(&app.clock, &app.config.web.timezone));
    (this - 11, this)
}

/// A month as text.
#[must_use]
pub fn month_text(month: i64) -> String {
    let first = first_of(month);
    format!("{:04}-{:02}", first.year(), first.month())
}

/// A month from its text.
#[must_use]
pub fn read_month(text: &str) -> Option<i64> {
    let date: Date = format!("{text}-01").parse().ok()?;
    (1970..=2999)
        .contains(&date.year())
        .then(|| statistics::month_of(date))
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64 * 100.0)
}

/// Puts the statistics of a period together.
///
/// # Errors
/// The database cannot be read.
pub async fn statistics(
    app: &App,
    person: &Person,
    filter: &StatisticsFilter,
) -> Result<Statistics, StoreError> {
    let desk = &app.desk;
    let now = app.clock.now();
    let today = today(&app.clock, &app.config.web.timezone);
    let mut answer = Statistics {
        from: month_text(filter.from),
        to: month_text(filter.to),
        now: now.into(),
        not_counted: statistics::pending(desk).await?,
        total: HazardFigures::default(),
        months: Vec::new(),
        categories: Vec::new(),
        areas: Vec::new(),
        watched: WatchedShare::default(),
        coverage: CoverageShare::default(),
    };
    let Some((who, areas)) = who_of(person, &filter.unit, &filter.area) else {
        answer.months = (filter.from..=filter.to)
            .map(|month| MonthFigures {
                month: month_text(month),
                figures: HazardFigures::default(),
                watched_percent: None,
            })
            .collect();
        return Ok(answer);
    };
    let policy = app.engine.policy();
    let known = policy.category.iter().map(|one| one.key.to_string());
    let asked = Asked {
        who,
        areas,
        category: Some(filter.category.clone()).filter(|category| !category.is_empty()),
        categories: known.chain([String::new()]).collect(),
        from: filter.from,
        to: filter.to,
    };
    answer.total = (&statistics::figures(desk, &asked).await?).into();
    for (month, figures) in statistics::months(desk, &asked).await? {
        let span = (first_of(month), first_of(month).last_of_month());
        let watched = statistics::watched(desk, &asked, span).await?;
        answer.months.push(MonthFigures {
            month: month_text(month),
            figures: (&figures).into(),
            watched_percent: percent(watched.covered_s, watched.elapsed_s),
        });
    }
    let category = |key: &str| policy.category(key);
    for line in statistics::lines(desk, &asked, By::Category).await? {
        answer.categories.push(FiguresOf {
            zh: category(&line.key).map_or("未分类", |known| &known.zh).to_owned(),
            en: category(&line.key)
                .map_or("not said", |known| &known.en)
                .to_owned(),
            key: line.key,
            figures: (&line.figures).into(),
        });
    }
    let areas_named = app.rules.now();
    for line in statistics::lines(desk, &asked, By::Area).await? {
        let shown =
            |name: Option<&str>| name.map_or_else(|| line.key.clone(), |name| format!("{} {name}", line.key));
        let name = areas_named.areas.name(&line.key);
        answer.areas.push(FiguresOf {
            zh: shown(name.map(|(zh, _)| zh)),
            en: shown(name.map(|(_, en)| en)),
            key: line.key,
            figures: (&line.figures).into(),
        });
    }
    let (first, last) = (first_of(filter.from), first_of(filter.to).last_of_month());
    let watched = statistics::watched(desk, &asked, (first, last)).await?;
    answer.watched = share(&watched, first, last.min(today));
    let found = statistics::coverage(desk, person, (&filter.unit, &filter.area), today).await?;
    answer.coverage = covered(&found);
    Ok(answer)
}

fn share(watched: &Watched, first: Date, last: Date) -> WatchedShare {
    let days = statistics::day_number(last) - statistics::day_number(first) + 1;
    WatchedShare {
        equipment: watched.equipment,
        days: watched.days,
        days_of_period: days.max(0).unsigned_abs(),
        elapsed_s: watched.elapsed_s,
        covered_s: watched.covered_s,
        percent: percent(watched.covered_s, watched.elapsed_s),
        gaps: watched.gaps,
    }
}

fn covered(found: &Coverage) -> CoverageShare {
    CoverageShare {
        in_use: found.in_use,
        registered: found.registered,
        inspected: found.inspected,
        inspection_percent: percent(found.inspected, found.registered),
        insured: found.insured,
        insurance_percent: percent(found.insured, found.in_use),
    }
}

/// The same as a table: one line for all, each month, category and area.
#[must_use]
pub fn statistics_table(found: &Statistics, zh: bool) -> Table {
    let pick = |zh_text: &str, en: &str| if zh { zh_text } else { en }.to_owned();
    let column = |title: String| Column {
        title,
        width: 14,
        ..Column::default()
    };
    let heads = [
        ("范围", "of"),
        ("代码或月份", "key"),
        ("名称", "name"),
        ("新增隐患", "opened"),
        ("其中重大", "of those, major"),
        ("屡查屡犯", "repeated"),
        ("屡查屡犯率 %", "repeated %"),
        ("销号", "struck off"),
        ("误报", "rejected"),
        ("现存隐患", "open now"),
        ("现存重大", "open now, major"),
        ("逾期", "overdue now"),
        ("按期整改", "rectified on time"),
        ("逾期整改", "rectified late or not"),
        ("按期整改率 %", "on time %"),
        ("确认用时中位数 h", "to decision, median, h"),
        ("确认用时 P90 h", "to decision, p90, h"),
        ("整改用时中位数 h", "to rectification, median, h"),
        ("整改用时 P90 h", "to rectification, p90, h"),
        ("监测覆盖率 %", "watched %"),
    ];
    let mut rows = vec![line(
        &pick("全部", "all"),
        "",
        "",
        &found.total,
        found.watched.percent,
    )];
    for month in &found.months {
        let of = pick("月份", "month");
        rows.push(line(&of, &month.month, "", &month.figures, month.watched_percent));
    }
    for (of, lines) in [
        (pick("类别", "category"), &found.categories),
        (pick("区划", "area"), &found.areas),
    ] {
        for one in lines {
            let name = if zh { &one.zh } else { &one.en };
            rows.push(line(&of, &one.key, name, &one.figures, None));
        }
    }
    Table {
        name: pick("隐患统计", "statistics"),
        columns: heads.into_iter().map(|(zh, en)| column(pick(zh, en))).collect(),
        rows,
    }
}

fn line(of: &str, key: &str, name: &str, figures: &HazardFigures, watched: Option<f64>) -> Vec<String> {
    let share = |share: Option<f64>| share.map_or_else(String::new, |share| format!("{share:.1}"));
    let hours = |seconds: Option<f64>| seconds.map_or_else(String::new, |s| format!("{:.2}", s / 3_600.0));
    vec![
        of.to_owned(),
        key.to_owned(),
        name.to_owned(),
        figures.opened.to_string(),
        figures.opened_major.to_string(),
        figures.repeated.to_string(),
        share(figures.repeat_percent),
        figures.closed.to_string(),
        figures.rejected.to_string(),
        figures.open.to_string(),
        figures.open_major.to_string(),
        figures.overdue.to_string(),
        figures.due_on_time.to_string(),
        figures.due_late.to_string(),
        share(figures.on_time_percent),
        hours(figures.acknowledge.median_s),
        hours(figures.acknowledge.p90_s),
        hours(figures.rectify.median_s),
        hours(figures.rectify.p90_s),
        share(watched),
    ]
}
