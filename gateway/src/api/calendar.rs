//! What is due by law, and coverage.

use super::params::{Params, cursor, day, word};
use super::problem::{ApiError, Reading};
use super::site::limit;
use crate::app::App;
use crate::desk::calendar::{self, CalendarFilter, CoverageBy};
use crate::desk::today;
use crate::people::Access;
use crate::view::register::{CoverageView, DueView};
use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vigil_core::calendar::{Obligation, Standing};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// `overdue`, `within_30`, `within_60` or `later`.
    standing: Option<String>,
    /// Key of the obligation, such as `periodic_inspection`.
    obligation: Option<String>,
    /// From this day on, such as `2026-05-01`.
    from: Option<String>,
    /// To this day.
    to: Option<String>,
    /// Of this equipment.
    equipment: Option<String>,
    /// Beginning of the category code.
    category: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Code of a unit that uses, maintains or inspects it.
    unit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// How many stand how.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StandingCount {
    /// `overdue`, `within_30`, `within_60`.
    standing: &'static str,
    /// Counted to 10001.
    count: u64,
}

/// What is due, first come first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Calendar {
    /// Today, where the gateway stands.
    #[schema(value_type = String, format = Date)]
    today: Date,
    /// How many stand how, whatever `standing`, `from` and `to` say.
    counts: Vec<StandingCount>,
    /// A page.
    due: Vec<DueView>,
    /// Where the next page starts: value of `after`.
    next: Option<String>,
}

/// What is due when: inspections, tests, calibrations, insurance, certificates.
#[utoipa::path(
    get, path = "/api/v1/calendar", tag = "calendar", operation_id = "calendar",
    params(ListParams),
    responses((status = 200, description = "A page of it.", body = Calendar), Reading),
)]
pub(super) async fn list(
    State(app): State<App>,
    access: Access,
    Params(params): Params<ListParams>,
) -> Result<Json<Calendar>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let filter = CalendarFilter {
        standing: word("standing", params.standing.as_deref(), Standing::from_key)?,
        obligation: word("obligation", params.obligation.as_deref(), Obligation::from_key)?,
        from: day("from", params.from.as_deref())?,
        to: day("to", params.to.as_deref())?,
        equipment: params.equipment.unwrap_or_default(),
        category: params.category.unwrap_or_default(),
        area: params.area.unwrap_or_default(),
        unit: params.unit.unwrap_or_default(),
        after: cursor(params.after.as_deref())?,
        limit: limit(params.limit)?.unwrap_or(100),
    };
    let page = calendar::calendar(&app.desk, &access.person, &filter, today).await?;
    let counts = calendar::standings(&app.desk, &access.person, &filter, today).await?;
    let count = |(standing, count): (Standing, u64)| StandingCount {
        standing: standing.key(),
        count,
    };
    Ok(Json(Calendar {
        today,
        counts: counts.into_iter().map(count).collect(),
        due: page
            .rows
            .into_iter()
            .map(|row| DueView::of(row, today, false))
            .collect(),
        next: page.next.map(|next| next.to_string()),
    }))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CoverageParams {
    /// `area` (default), `class` or `unit`.
    by: Option<String>,
    /// Beginning of the area code.
    area: Option<String>,
    /// Beginning of the category code.
    category: Option<String>,
    /// At most so many, 1 to 1000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// How far equipment in use is inspected on time and insured.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Coverage {
    /// Today, where the gateway stands.
    #[schema(value_type = String, format = Date)]
    today: Date,
    /// All together.
    all: CoverageView,
    /// By area, class or unit, largest first.
    rows: Vec<CoverageView>,
}

/// Inspection and insurance coverage of equipment in use.
#[utoipa::path(
    get, path = "/api/v1/coverage", tag = "calendar", operation_id = "coverage",
    params(CoverageParams),
    responses((status = 200, description = "The coverage.", body = Coverage), Reading),
)]
pub(super) async fn coverage(
    State(app): State<App>,
    access: Access,
    Params(params): Params<CoverageParams>,
) -> Result<Json<Coverage>, ApiError> {
    let today = today(&app.clock, &app.config.web.timezone);
    let by = word("by", params.by.as_deref(), |text| match text {
        "area" => Some(CoverageBy::Area),
        "class" => Some(CoverageBy::Class),
        "unit" => Some(CoverageBy::Unit),
        _ => None,
    })?
    .unwrap_or_default();
    let limit = limit(params.limit)?.unwrap_or(100);
    let (area, category) = (
        params.area.unwrap_or_default(),
        params.category.unwrap_or_default(),
    );
    let (all, rows) =
        calendar::coverage(&app.desk, &access.person, by, (&area, &category), today, limit).await?;
    let class = by == CoverageBy::Class;
    Ok(Json(Coverage {
        today,
        all: CoverageView::of(&all, false),
        rows: rows.iter().map(|row| CoverageView::of(row, class)).collect(),
    }))
}
