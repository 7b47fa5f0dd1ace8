//! Curves as small as a word.

use super::chart::Point;
use super::markup::Markup;
use std::fmt::Write as _;
use vigil_core::UtcMillis;

/// A small curve without axes; it breaks where there was no value. Empty without at least two values.
pub(crate) fn spark(points: &[Point], from: UtcMillis, to: UtcMillis) -> Markup {
    const WIDTH: f64 = 120.0;
    const HEIGHT: f64 = 26.0;
    let values = || points.iter().filter_map(|point| point.value);
    if values().count() < 2 || to.0 <= from.0 {
        return Markup::default();
    }
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    // A steady value is a line in the middle, not the noise of its last digit.
    let span = (high - low).max(high.abs().max(low.abs()) * 0.01).max(1e-9);
    let middle = f64::midpoint(low, high);
    let mut path = String::new();
    let mut pen = false;
    for point in points {
        let Some(value) = point.value else {
            pen = false;
            continue;
        };
        let x = point.at.since(from) as f64 / to.since(from) as f64 * WIDTH;
        let y = HEIGHT / 2.0 - (value - middle) / span * (HEIGHT - 6.0);
        // Writing to a String cannot fail.
        write!(path, "{}{x:.1} {y:.1}", if pen { 'L' } else { 'M' }).unwrap_or_default();
        pen = true;
    }
    Markup(format!(
        "<svg class=\"spark\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Point, spark};
    use vigil_core::UtcMillis;

    #[test]
    fn a_small_curve_breaks_where_there_was_no_value_and_is_nothing_without_values() {
        let point = |at, value: Option<f64>| Point {
            at: UtcMillis(at),
            value,
            low: 0.0,
            high: 0.0,
            late: false,
        };
        let points = [
            point(0, Some(1.0)),
            point(10, Some(2.0)),
            point(20, None),
            point(30, Some(1.0)),
        ];
        let svg = spark(&points, UtcMillis(0), UtcMillis(40)).0;
        assert_eq!(svg.matches('M').count(), 2, "{svg}");
        assert_eq!(spark(&points[..1], UtcMillis(0), UtcMillis(40)).0, "");
    }
}
