//! What one quantity of one piece of equipment did over time, with everything a chart needs.

use super::ViewError;
use super::card::seen;
use super::completeness::{Gap, hour_of};
use super::log;
use super::rules::{Limit, limits};
use super::series::{MAX_POINTS, Point, points};
use super::time::Time;
use super::words::{HazardStatusWords, SeverityWords, Word};
use crate::app::{App, HazardFilter, RollupRow};
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::catalog::Equipment;
use vigil_core::hazard::HazardStatus;
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quantity, QuantityKind};

/// Longer ranges are shown from hourly roll-ups.
const LOG_RANGE_MS: i64 = 26 * 3_600_000;
/// The longest range of one answer: its roll-ups are thinned to whole days at most.
const LONGEST_MS: i64 = 5 * 366 * 86_400_000;
/// Range shown when none is asked for.
const DEFAULT_RANGE_MS: i64 = 3_600_000;

/// A trend.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Trend {
    /// Equipment id.
    pub equipment: String,
    /// What is measured.
    pub quantity: Word,
    /// `analog`, `binary`, `code`, `counter` or `text`.
    pub kind: &'static str,
    /// Unit of all values.
    pub unit: &'static str,
    /// Start of the range.
    pub from: Time,
    /// End of the range.
    pub to: Time,
    /// Where the points come from.
    pub source: TrendSource,
    /// Nothing of the range is left out: the log reaches back far enough, and nothing was cut. Times without
    /// data are `gaps`, not incompleteness.
    pub complete: bool,
    /// In the order of time; a value holds until the next point, except across a gap.
    pub points: Vec<Point>,
    /// Levels at which rules trip, worst first.
    pub limits: Vec<Limit>,
    /// Hazards of the equipment whose condition began in the range.
    pub hazards: Vec<HazardMark>,
    /// Times without trustworthy data.
    pub gaps: Vec<Gap>,
}

/// Where the points of a trend come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrendSource {
    /// Every reading of the message log, thinned if there are many.
    Log,
    /// Hourly roll-ups: mean, smallest and largest.
    Rollup,
}

/// A hazard's beginning in a chart.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardMark {
    /// Hazard id.
    pub id: String,
    /// Rule id.
    pub rule: String,
    /// Title of the rule, Chinese.
    pub title_zh: String,
    /// Title of the rule, English.
    pub title_en: String,
    /// Source time at which the condition began.
    pub at: Time,
    /// Highest seriousness so far.
    #[schema(value_type = SeverityWords)]
    pub severity: Severity,
    /// Where it stands.
    #[schema(value_type = HazardStatusWords)]
    pub status: HazardStatus,
}

/// Reads the trend of `quantity` (a key) of equipment `id` over `from..to`; without a range the last hour.
///
/// # Errors
/// Unknown equipment or quantity, an impossible range, or the store cannot be read.
pub async fn trend(
    app: &App,
    sight: &Sight,
    id: &str,
    quantity: &str,
    from: Option<Time>,
    to: Option<Time>,
) -> Result<Trend, ViewError> {
    let (_, equipment) = seen(app, sight, id)?;
    let known = || equipment.channels.iter().map(|channel| channel.quantity.key());
    let unknown = || ViewError::not_found("quantity of this equipment", quantity, known());
    let quantity = Quantity::from_key(quantity).ok_or_else(unknown)?;
    let channel = equipment.channel_of(quantity).ok_or_else(unknown)?;
    let (from, to) = range(app.clock.now(), from, to)?;

    let log_start = app.store.log_start().await?;
    let numbers = !matches!(quantity.kind(), QuantityKind::Code | QuantityKind::Text);
    let in_log = log_start.is_some_and(|start| start <= from) || !numbers;
    let mut source = if to.since(from) <= LOG_RANGE_MS || !numbers {
        TrendSource::Log
    } else {
        TrendSource::Rollup
    };
    let mut complete = true;
    let mut shown = Vec::new();
    if source == TrendSource::Log && !in_log {
        // The log begins later than the range: either everything began then, or its beginning has aged out.
        let aged_out = app
            .store
            .rollups(id, quantity, UtcMillis(0), hour_of(log_start.unwrap_or(to)))
            .await?;
        if !aged_out.is_empty() {
            source = TrendSource::Rollup;
        }
    }
    if source == TrendSource::Log {
        let mut readings = log::readings(app, equipment, &[channel], (from, to)).await?;
        if readings.cut && numbers {
            source = TrendSource::Rollup;
        } else {
            complete = !readings.cut;
            let dots = readings.dots.remove(&channel).unwrap_or_default();
            shown = points(quantity, dots, from, to);
        }
    }
    if source == TrendSource::Rollup {
        let rows = app.store.rollups(id, quantity, hour_of(from), to).await?;
        shown = of_rollups(&rows, to.since(from));
    }
    Ok(Trend {
        equipment: id.to_owned(),
        quantity: quantity.into(),
        kind: quantity.kind().key(),
        unit: quantity.unit().symbol(),
        from: from.into(),
        to: to.into(),
        source,
        complete,
        points: shown,
        limits: limits(equipment, channel),
        hazards: hazards(app, equipment, from, to).await?,
        gaps: gaps(app, id, Some(quantity), from, to).await?,
    })
}

fn range(now: UtcMillis, from: Option<Time>, to: Option<Time>) -> Result<(UtcMillis, UtcMillis), ViewError> {
    let to = to.map_or(now, |to| to.0);
    let from = from.map_or_else(|| to.saturating_sub_ms(DEFAULT_RANGE_MS), |from| from.0);
    if from >= to {
        return Err(ViewError::Range(format!(
            "`from` ({}) must lie before `to` ({})",
            Time(from),
            Time(to)
        )));
    }
    if to.since(from) > LONGEST_MS {
        return Err(ViewError::Range(
            "the range is longer than five years; ask for a shorter one".to_owned(),
        ));
    }
    Ok((from, to))
}

/// One point an hour; when that is too many, several hours make one.
fn of_rollups(rows: &[RollupRow], span_ms: i64) -> Vec<Point> {
    let hours = (span_ms / 3_600_000 / MAX_POINTS as i64 + 1).max(1);
    let group = |row: &RollupRow| row.hour.0.div_euclid(3_600_000 * hours);
    rows.chunk_by(|a, b| group(a) == group(b))
        .filter_map(|rows| {
            let first = rows.first()?;
            let good: u32 = rows.iter().map(|row| row.numbers.good).sum();
            let bad: u32 = rows.iter().map(|row| row.numbers.bad).sum();
            let filled = || {
                rows.iter()
                    .filter(|row| row.numbers.good > 0)
                    .map(|row| &row.numbers)
            };
            Some(Point {
                at: first.hour.into(),
                value: (good > 0).then(|| filled().map(|numbers| numbers.sum).sum::<f64>() / f64::from(good)),
                low: filled().map(|numbers| numbers.min).reduce(f64::min),
                high: filled().map(|numbers| numbers.max).reduce(f64::max),
                code: None,
                no_data: None,
                quality: if good > 0 { "good" } else { "stale" },
                usable: good > 0,
                late: false,
                readings: good + bad,
                held: false,
            })
        })
        .collect()
}

/// Hazards of `equipment` whose condition began in `from..to`, earliest first.
pub(super) async fn hazards(
    app: &App,
    equipment: &Equipment,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<Vec<HazardMark>, ViewError> {
    // None is opened before its condition begins (but for a clock that is a little off); late ones long after.
    let filter = HazardFilter {
        equipment: Some(equipment.id.to_string()),
        from: Some(from.saturating_sub_ms(600_000)),
        limit: 1_000,
        ..HazardFilter::default()
    };
    let found = app.store.hazards(&filter).await?;
    let mut marks: Vec<_> = found
        .iter()
        .filter(|hazard| (from..=to).contains(&hazard.episode))
        .map(|hazard| HazardMark {
            id: hazard.id.0.to_string(),
            rule: hazard.rule.to_string(),
            title_zh: hazard.title_zh.to_string(),
            title_en: hazard.title_en.to_string(),
            at: hazard.episode.into(),
            severity: hazard.severity,
            status: hazard.status,
        })
        .collect();
    marks.sort_by_key(|mark| mark.at);
    Ok(marks)
}

/// Gaps of a piece of equipment that touch the range: of the whole, and of one channel or all.
pub(super) async fn gaps(
    app: &App,
    id: &str,
    quantity: Option<Quantity>,
    from: UtcMillis,
    to: UtcMillis,
) -> Result<Vec<Gap>, ViewError> {
    let now = app.clock.now();
    let found = app.store.gaps(id, from, to).await?;
    let concerns = |of: Option<Quantity>| quantity.is_none() || of.is_none() || of == quantity;
    Ok(found
        .iter()
        .filter(|gap| concerns(gap.quantity))
        .map(|gap| Gap::of(gap, now))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::{MAX_POINTS, Time, of_rollups, range};
    use crate::app::RollupRow;
    use vigil_core::output::RollupNumbers;
    use vigil_protocol::time::UtcMillis;

    fn row(hour: i64, good: u32, min: f64, max: f64, sum: f64) -> RollupRow {
        let numbers = RollupNumbers {
            good,
            bad: 1,
            min,
            max,
            sum,
            last: max,
            last_at: UtcMillis(0),
        };
        RollupRow {
            hour: UtcMillis(hour * 3_600_000),
            numbers,
        }
    }

    #[test]
    fn an_hour_shows_its_mean_and_extremes_and_an_hour_without_good_values_breaks_the_line() {
        let nan = f64::NAN;
        let found = of_rollups(&[row(1, 4, 1.0, 3.0, 8.0), row(2, 0, nan, nan, 0.0)], 7_200_000);
        assert_eq!(
            (found[0].value, found[0].low, found[0].high),
            (Some(2.0), Some(1.0), Some(3.0))
        );
        assert_eq!((found[1].value, found[1].low, found[1].readings), (None, None, 1));
    }

    #[test]
    fn years_are_thinned_and_keep_their_extremes() {
        let rows: Vec<_> = (0..5 * 8_784)
            .map(|hour| row(hour, 1, -(hour as f64), hour as f64, 0.0))
            .collect();
        let found = of_rollups(&rows, 5 * 366 * 86_400_000);
        assert!(found.len() <= MAX_POINTS + 1, "{}", found.len());
        assert_eq!(
            found.last().and_then(|point| point.high),
            Some(5.0 * 8_784.0 - 1.0)
        );
    }

    #[test]
    fn a_range_is_an_hour_unless_given_and_never_backwards() {
        let now = UtcMillis(10_000_000);
        assert_eq!(range(now, None, None).unwrap(), (UtcMillis(6_400_000), now));
        assert_eq!(
            range(now, None, Some(Time(UtcMillis(5_000_000)))).unwrap().0,
            UtcMillis(1_400_000)
        );
        assert!(range(now, Some(Time(now)), None).is_err());
        assert!(range(now, Some(Time(UtcMillis(i64::MIN))), None).is_err());
    }
}
