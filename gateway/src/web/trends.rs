//! From what a series says to its picture.

use super::chart::{self, Gap, Limit, Mark, Point, Trend};
use super::fault::Fault;
use super::format;
use super::markup::Markup;
use super::page::Page;
use crate::view::Gap as GapView;
use crate::view::HazardMark;
use crate::view::Limit as LimitView;
use crate::view::Point as PointView;
use vigil_core::pack::Direction;
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
    pub(crate) limits: Vec<&'v LimitView>,
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

/// The limits worth a line: those of limit rules and of the rule in question, and of interlocks only the
/// worst beyond them. An interlock also compares values that are not wrong by themselves.
pub(crate) fn relevant<'l>(
    limits: &'l [LimitView],
    own: Option<&str>,
    is_limit: impl Fn(&str) -> bool,
) -> Vec<&'l LimitView> {
    let plain: Vec<&LimitView> = limits
        .iter()
        .filter(|limit| is_limit(&limit.rule) || own == Some(limit.rule.as_str()))
        .collect();
    if plain.is_empty() {
        return limits.iter().collect();
    }
    let mut shown = plain.clone();
    for direction in [Direction::High, Direction::Low] {
        let beyond = |limit: &&LimitView| {
            let mut same = plain
                .iter()
                .filter(|known| known.direction == direction)
                .peekable();
            limit.direction == direction
                && same.peek().is_some()
                && same.all(|known| match direction {
                    Direction::High => limit.value > known.value,
                    Direction::Low => limit.value < known.value,
                })
        };
        // They come worst first.
        shown.extend(
            limits
                .iter()
                .find(|limit| !is_limit(&limit.rule) && beyond(limit)),
        );
    }
    shown.sort_by(|a, b| a.severity.cmp(&b.severity).then(a.value.total_cmp(&b.value)));
    shown.dedup_by(|b, a| a.value == b.value && a.severity == b.severity && a.direction == b.direction);
    shown
}

/// Draws it for a column `wide` pixels across.
///
/// # Errors
/// The drawing failed.
pub(crate) fn draw(page: &Page, source: &Source<'_>, wide: (u32, u32)) -> Result<Markup, Fault> {
    let quantity = Quantity::from_key(source.key);
    let binary = source.kind == "binary";
    let limit = |limit: &&LimitView| Limit {
        label: format!("{} {}", side(limit.direction), format::plain(limit.value)),
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
        offset_ms: page.times.offset_ms(source.to),
        label: page.quantity(source.key).to_owned(),
    };
    if quantity.is_some_and(|quantity| quantity.unit() == Unit::None_) {
        trend.unit = "";
    }
    let span = source.to.since(source.from);
    let label = |at: UtcMillis| page.times.axis(at, span);
    chart::responsive(&trend, wide, page.language, &label).map_err(|error| Fault::Broken(error.to_string()))
}

/// The sign of the wrong side.
pub(crate) const fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::High => "≥",
        Direction::Low => "≤",
    }
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

#[cfg(test)]
mod tests {
    use super::{LimitView, relevant};
    use vigil_core::pack::{Direction, Severity};

    fn limit(rule: &str, severity: Severity, value: f64, direction: Direction) -> LimitView {
        LimitView {
            rule: rule.into(),
            title_zh: String::new(),
            title_en: String::new(),
            severity,
            value,
            direction,
        }
    }

    #[test]
    fn of_interlocks_only_the_worst_level_beyond_the_limits_is_a_line() {
        let all = [
            limit("LL", Severity::S1, -75.0, Direction::Low),
            limit("DISAGREE", Severity::S2, -85.0, Direction::Low),
            limit("HH", Severity::S2, 85.0, Direction::High),
            limit("H", Severity::S3, 50.0, Direction::High),
            limit("L", Severity::S3, -50.0, Direction::Low),
            limit("NEAR", Severity::S3, 10.0, Direction::High),
        ];
        let is_limit = |rule: &str| matches!(rule, "H" | "L");
        let rules = |own| {
            relevant(&all, own, is_limit)
                .iter()
                .map(|limit| limit.rule.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(rules(None), ["LL", "HH", "L", "H"]);
        assert_eq!(rules(Some("NEAR")), ["LL", "HH", "L", "NEAR", "H"]);
        assert_eq!(
            relevant(&all[..2], None, is_limit).len(),
            2,
            "without limit rules every level is shown"
        );
    }
}
