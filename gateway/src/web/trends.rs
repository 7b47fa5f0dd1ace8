//! From what a series says to its picture.

use super::chart::{self, Gap, Limit, Mark, Point, Trend};
use super::fault::Fault;
use super::markup::Markup;
use super::page::Page;
use crate::view::Gap as GapView;
use crate::view::HazardMark;
use crate::view::Limit as LimitView;
use crate::view::Point as PointView;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quantity, Unit};

/// A chart with what stands around it.
pub(crate) struct Figure {
    /// Key of the quantity.
    pub(crate) key: &'static str,
    /// The picture.
    pub(crate) chart: Markup,
    /// There is at least one value in it.
    pub(crate) has_values: bool,
    /// Not everything of the range is shown.
    pub(crate) incomplete: bool,
}

/// What a chart is drawn from.
pub(crate) struct Source<'v> {
    pub(crate) key: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) from: UtcMillis,
    pub(crate) to: UtcMillis,
    pub(crate) points: &'v [PointView],
    pub(crate) limits: &'v [LimitView],
    pub(crate) hazards: &'v [HazardMark],
    pub(crate) gaps: &'v [GapView],
}

/// Points as the chart draws them.
pub(crate) fn points(points: &[PointView]) -> Vec<Point> {
    let dot = |point: &PointView| {
        let value = point.value;
        let or = |bound: Option<f64>| bound.or(value).unwrap_or(f64::NAN);
        Point {
            at: point.at.0,
            value,
            low: or(point.low),
            high: or(point.high),
            late: point.late,
        }
    };
    points.iter().map(dot).collect()
}

/// Draws it for a column `wide` pixels across.
///
/// # Errors
/// The drawing failed.
pub(crate) fn draw(page: &Page, source: &Source<'_>, wide: (u32, u32)) -> Result<Markup, Fault> {
    let quantity = Quantity::from_key(source.key);
    let binary = source.kind == "binary";
    let limit = |limit: &LimitView| Limit {
        label: limit.rule.clone(),
        value: limit.value,
        severity: limit.severity,
    };
    let mark = |mark: &HazardMark| Mark {
        at: mark.at.0,
        label: mark.rule.clone(),
        severity: mark.severity,
    };
    let mut trend = Trend {
        from: source.from,
        to: source.to,
        unit: quantity.map_or("", |quantity| super::terms::unit(page.language, quantity.unit())),
        points: points(source.points),
        limits: source.limits.iter().map(limit).collect(),
        marks: source.hazards.iter().map(mark).collect(),
        gaps: gaps(source),
        binary,
        label: page.quantity(source.key).to_owned(),
    };
    if quantity.is_some_and(|quantity| quantity.unit() == Unit::None_) {
        trend.unit = "";
    }
    let span = source.to.since(source.from);
    let label = |at: UtcMillis| page.times.axis(at, span);
    chart::responsive(&trend, wide, page.language, &label).map_err(|error| Fault::Broken(error.to_string()))
}

/// A gap that was filled halfway is two.
fn gaps(source: &Source<'_>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for gap in source.gaps {
        let (from, to) = (gap.from.0, gap.to.map_or(source.to, |to| to.0));
        // What began before the picture and was filled up to somewhere is known from there back.
        let filled = gap.filled_to.map_or(from, |filled| filled.0.min(to));
        if filled > from {
            gaps.push(Gap {
                from,
                to: filled,
                filled: true,
            });
        }
        if filled < to {
            gaps.push(Gap {
                from: filled,
                to,
                filled: false,
            });
        }
    }
    gaps
}
