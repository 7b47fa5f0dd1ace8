//! Statistics of hazards.

use super::answer::table;
use super::params::Params;
use super::problem::{ApiError, Reading};
use crate::app::App;
use crate::people::Access;
use crate::view::statistics::{
    MOST_MONTHS, Statistics, StatisticsFilter, default_months, read_month, statistics, statistics_table,
};
use crate::view::{ViewError, nearest};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StatisticsParams {
    /// First month, such as `2026-01`; eleven months before the last, if it is missing.
    from: Option<String>,
    /// Last month; this one, if it is missing.
    to: Option<String>,
    /// Beginning of the area code, such as `2103`.
    area: Option<String>,
    /// Code of the unit that uses the equipment; maintainers and inspection bodies may give their own.
    unit: Option<String>,
    /// Key of a category of hazards.
    category: Option<String>,
}

impl StatisticsParams {
    fn filter(self, app: &App) -> Result<StatisticsFilter, ApiError> {
        let month = |name: &str, text: &Option<String>, usual: i64| match text.as_deref() {
            None | Some("") => Ok(usual),
            Some(text) => read_month(text)
                .ok_or_else(|| ApiError::bad_parameter(format!("{name}: a month, such as 2026-05"))),
        };
        let to = month("to", &self.to, default_months(app).1)?;
        let from = month("from", &self.from, to - 11)?;
        if from > to || to - from >= MOST_MONTHS {
            return Err(ApiError::bad_parameter(format!(
                "from: not after `to`, and at most {MOST_MONTHS} months in all"
            )));
        }
        let area = self.area.unwrap_or_default();
        if area.len() > 6 || !area.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::bad_parameter(
                "area: the beginning of a GB/T 2260 code, at most 6 digits",
            ));
        }
        let category = self.category.unwrap_or_default();
        let policy = app.engine.policy();
        if !category.is_empty() && policy.category(&category).is_none() {
            let near = nearest(&category, policy.category.iter().map(|known| &*known.key));
            let error = ApiError::bad_parameter(format!("category: there is no {category:?}"));
            return Err(error.suggest(near.map(str::to_owned)));
        }
        Ok(StatisticsFilter {
            from,
            to,
            area,
            unit: self.unit.unwrap_or_default(),
            category,
        })
    }
}

/// What was opened, closed and is open, how fast and how completely, in a period of whole months.
///
/// Read from sums that follow the hazards within seconds; `not_counted` says how far they are behind. No count of
/// hazards means anything without `watched`.
#[utoipa::path(
    get, path = "/api/v1/statistics", tag = "statistics", operation_id = "getStatistics",
    params(StatisticsParams),
    responses((status = 200, description = "The statistics.", body = Statistics), Reading),
)]
pub(super) async fn one(
    State(app): State<App>,
    access: Access,
    Params(params): Params<StatisticsParams>,
) -> Result<Json<Statistics>, ApiError> {
    let filter = params.filter(&app)?;
    let found = statistics(&app, &access.person, &filter).await;
    Ok(Json(found.map_err(ViewError::from)?))
}

/// The same as a table.
#[utoipa::path(
    get, path = "/api/v1/statistics/export", tag = "statistics", operation_id = "exportStatistics",
    params(StatisticsParams),
    responses((status = 200, description = "A table.", content_type = "text/csv", body = String), Reading),
)]
pub(super) async fn export(
    State(app): State<App>,
    access: Access,
    Params(params): Params<StatisticsParams>,
) -> Result<Response, ApiError> {
    let filter = params.filter(&app)?;
    let found = statistics(&app, &access.person, &filter).await;
    let found = found.map_err(ViewError::from)?;
    table("statistics", &statistics_table(&found, true), false)
}
