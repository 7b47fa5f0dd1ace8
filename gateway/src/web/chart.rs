//! Trend charts as SVG: the value, its limits, the hazards it opened, and the times nothing is
//! known, all in one picture. Colour means abnormal; a normal line is dark grey.

mod axis;

use self::axis::{TimeAxis, ticks};
use super::markup::{Markup, escape};
use super::words::Language;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use vigil_core::UtcMillis;
use vigil_core::pack::Severity;

/// A curve to draw: raw points or hourly roll-ups.
#[derive(Clone, Debug, PartialEq)]
pub struct Trend {
    /// Left edge.
    pub from: UtcMillis,
    /// Right edge.
    pub to: UtcMillis,
    /// Unit symbol on the axis.
    pub unit: &'static str,
    /// Points in time order.
    pub points: Vec<Point>,
    /// Limits of the rules that watch this quantity.
    pub limits: Vec<Limit>,
    /// Hazards that began in this time.
    pub marks: Vec<Mark>,
    /// Times without data.
    pub gaps: Vec<Gap>,
    /// Two-state signals are drawn between "off" and "on".
    pub binary: bool,
    /// Local time minus UTC, ms: ticks stand at round local times.
    pub offset_ms: i64,
    /// What the picture shows, for who cannot see it.
    pub label: String,
}

/// One point: a single value has `low == high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Source time.
    pub at: UtcMillis,
    /// Value or mean; `None` breaks the line (bad or missing).
    pub value: Option<f64>,
    /// Smallest in the bucket.
    pub low: f64,
    /// Largest in the bucket.
    pub high: f64,
    /// Came later, out of the node's store.
    pub late: bool,
}

/// A limit line.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Side and level, as printed beside the line.
    pub label: String,
    /// Canonical unit.
    pub value: f64,
    /// Colour.
    pub severity: Severity,
}

/// A hazard's beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Source time at which the condition began.
    pub at: UtcMillis,
    /// Rule id.
    pub label: String,
    /// Colour.
    pub severity: Severity,
}

/// A time without data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// Last good word.
    pub from: UtcMillis,
    /// End, or the right edge.
    pub to: UtcMillis,
    /// Filled in later from the node's store.
    pub filled: bool,
}

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("drawing the chart of {from}..{to}: {reason}")]
pub struct ChartError {
    from: i64,
    to: i64,
    reason: String,
}

const INK: RGBColor = RGBColor(0x33, 0x3a, 0x42);
const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xea);
const QUIET: RGBColor = RGBColor(0x6b, 0x74, 0x7d);

/// The colour of a severity, darker than the badge so that it prints.
fn colour(severity: Severity) -> RGBColor {
    match severity {
        Severity::S1 => RGBColor(0xc0, 0x1c, 0x28),
        Severity::S2 => RGBColor(0xc6, 0x5d, 0x07),
        Severity::S3 => RGBColor(0x9a, 0x76, 0x00),
        Severity::S4 => RGBColor(0x1a, 0x5f, 0xb4),
    }
}

/// The shape that stands for a severity wherever colour may be lost.
const fn shape(severity: Severity) -> char {
    match severity {
        Severity::S1 => '◆',
        Severity::S2 => '▲',
        Severity::S3 => '●',
        Severity::S4 => '■',
    }
}

/// Draws the chart. `label_time` turns a time into the axis label in the reader's zone.
///
/// # Errors
/// When the drawing back end refuses, which it has no reason to.
pub fn svg(
    trend: &Trend,
    size: (u32, u32),
    language: Language,
    label_time: &dyn Fn(UtcMillis) -> String,
) -> Result<String, ChartError> {
    let mut out = String::with_capacity(16 * 1024);
    draw(trend, size, language, label_time, &mut out).map_err(|reason| ChartError {
        from: trend.from.0,
        to: trend.to.0,
        reason,
    })?;
    // Scales with the column it stands in; the numbers stay readable on a phone and on paper.
    let fixed = format!("<svg width=\"{}\" height=\"{}\"", size.0, size.1);
    Ok(out.replacen(
        &fixed,
        &format!(
            "<svg class=\"trend\" role=\"img\" aria-label=\"{}\"",
            escape(&trend.label)
        ),
        1,
    ))
}

/// The chart as inline SVG, drawn once for a column and once for a phone; the style sheet shows one.
///
/// # Errors
/// As [`svg`].
pub(crate) fn responsive(
    trend: &Trend,
    wide: (u32, u32),
    language: Language,
    label_time: &dyn Fn(UtcMillis) -> String,
) -> Result<Markup, ChartError> {
    let column = svg(trend, wide, language, label_time)?;
    let phone = svg(trend, (360, 220), language, label_time)?;
    Ok(Markup(format!(
        "<div class=\"wide\">{column}</div><div class=\"phone\">{phone}</div>"
    )))
}

/// The value axis: all points and limits near them, with a margin.
fn range(trend: &Trend) -> (f64, f64) {
    if trend.binary {
        return (-0.15, 1.25);
    }
    let mut low = f64::INFINITY;
    let mut high = f64::NEG_INFINITY;
    for point in trend.points.iter().filter(|p| p.value.is_some()) {
        low = low.min(point.low);
        high = high.max(point.high);
    }
    if !low.is_finite() {
        (low, high) = (0.0, 1.0);
    }
    let span = (high - low).max(high.abs().max(low.abs()) * 0.02).max(1e-6);
    for limit in &trend.limits {
        // A limit far away would flatten the curve: it is named in the table instead.
        if limit.value > low - 2.0 * span && limit.value < high + 2.0 * span {
            low = low.min(limit.value);
            high = high.max(limit.value);
        }
    }
    let margin = (high - low).max(span) * 0.12;
    (low - margin, high + margin)
}

fn draw(
    trend: &Trend,
    size: (u32, u32),
    language: Language,
    label_time: &dyn Fn(UtcMillis) -> String,
    out: &mut String,
) -> Result<(), String> {
    let root = SVGBackend::with_string(out, size).into_drawing_area();
    let (low, high) = range(trend);
    let (from, to) = (
        trend.from.0 as f64,
        (trend.to.0 as f64).max(trend.from.0 as f64 + 1.0),
    );
    let most = if size.0 < 480 { 4 } else { (size.0 / 95) as usize };
    let text = |px: i32, ink: RGBColor| ("sans-serif", px).into_font().color(&ink);
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(if trend.limits.is_empty() { 14 } else { 66 })
        .x_label_area_size(26)
        .y_label_area_size(62)
        .build_cartesian_2d(
            TimeAxis {
                from,
                to,
                ticks: ticks(trend, most),
            },
            low..high,
        )
        .map_err(|e| e.to_string())?;

    // Gaps first: everything else is drawn over them.
    for gap in &trend.gaps {
        let edges = [(gap.from.0 as f64).max(from), (gap.to.0 as f64).min(to)];
        if edges[1] <= edges[0] {
            continue;
        }
        let shade = if gap.filled {
            GRID.mix(0.55)
        } else {
            QUIET.mix(0.10)
        };
        chart
            .draw_series([Rectangle::new(
                [(edges[0], low), (edges[1], high)],
                shade.filled(),
            )])
            .map_err(|e| e.to_string())?;
        if !gap.filled {
            hatch(&mut chart, edges, (low, high))?;
        }
        if edges[1] - edges[0] > (to - from) * 0.06 {
            let word = if gap.filled {
                language.pick("已补传", "back-filled")
            } else {
                language.pick("无数据", "no data")
            };
            let style = text(12, QUIET).pos(Pos::new(HPos::Center, VPos::Top));
            chart
                .draw_series([Text::new(
                    word,
                    (f64::midpoint(edges[0], edges[1]), high - (high - low) * 0.02),
                    style,
                )])
                .map_err(|e| e.to_string())?;
        }
    }

    let labels = |x: &f64| label_time(UtcMillis(*x as i64));
    let decimals = decimals_for(high - low);
    let values = |y: &f64| {
        if trend.binary {
            if (*y - 1.0).abs() < 0.01 {
                language.pick("是", "on").to_owned()
            } else if y.abs() < 0.01 {
                language.pick("否", "off").to_owned()
            } else {
                String::new()
            }
        } else {
            format!("{y:.decimals$}")
        }
    };
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .x_labels(most)
        .y_labels(if trend.binary { 2 } else { 6 })
        .x_label_formatter(&labels)
        .y_label_formatter(&values)
        .label_style(text(12, QUIET))
        .y_desc(trend.unit)
        .axis_desc_style(text(12, QUIET))
        .draw()
        .map_err(|e| e.to_string())?;

    curve(&mut chart, trend)?;

    let mut used: Vec<f64> = Vec::new();
    for limit in trend.limits.iter().filter(|l| l.value > low && l.value < high) {
        let ink = colour(limit.severity);
        let dashes = DashedLineSeries::new(
            [(from, limit.value), (to, limit.value)],
            6,
            4,
            ink.stroke_width(1),
        );
        chart.draw_series(dashes).map_err(|e| e.to_string())?;
        // Two limits close together would print their names over each other.
        if used.iter().all(|y| (y - limit.value).abs() > (high - low) * 0.06) {
            used.push(limit.value);
            // Beside the picture, where no curve runs.
            let style = text(11, ink).pos(Pos::new(HPos::Left, VPos::Center));
            let name = format!("{} {}", shape(limit.severity), limit.label);
            chart
                .draw_series([Text::new(name, (to + (to - from) * 0.008, limit.value), style)])
                .map_err(|e| e.to_string())?;
        }
    }
    for mark in trend
        .marks
        .iter()
        .filter(|m| m.at >= trend.from && m.at <= trend.to)
    {
        let ink = colour(mark.severity);
        let x = mark.at.0 as f64;
        chart
            .draw_series(LineSeries::new([(x, low), (x, high)], ink.stroke_width(1)))
            .map_err(|e| e.to_string())?;
        chart
            .draw_series([TriangleMarker::new(
                (x, low + (high - low) * 0.03),
                6,
                ink.filled(),
            )])
            .map_err(|e| e.to_string())?;
    }
    root.present().map_err(|e| e.to_string())
}

/// What is drawn on.
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;

/// Slanted strokes: a gap is told from a shaded good time even in black and white.
fn hatch(chart: &mut Chart<'_, '_>, edges: [f64; 2], span: (f64, f64)) -> Result<(), String> {
    let x = chart.plotting_area().get_x_range();
    let step = (x.end - x.start) / 90.0;
    let mut x = edges[0];
    while x < edges[1] {
        let end = (x + step * 2.0).min(edges[1]);
        let height = (span.1 - span.0) * (end - x) / (step * 2.0);
        chart
            .draw_series(LineSeries::new(
                [(x, span.0), (end, span.0 + height)],
                QUIET.mix(0.22).stroke_width(1),
            ))
            .map_err(|e| e.to_string())?;
        x += step;
    }
    Ok(())
}

/// Values hold until the next word (report by exception), so the line is a staircase; it breaks
/// where the value was bad or missing.
fn curve(chart: &mut Chart<'_, '_>, trend: &Trend) -> Result<(), String> {
    let in_gap = |a: UtcMillis, b: UtcMillis| trend.gaps.iter().any(|g| !g.filled && g.from < b && g.to > a);
    let mut stair: Vec<(f64, f64)> = Vec::new();
    let mut band: Vec<[(f64, f64); 2]> = Vec::new();
    let mut before: Option<(UtcMillis, f64)> = None;
    let mut strokes: Vec<Vec<(f64, f64)>> = Vec::new();
    for point in &trend.points {
        let Some(value) = point.value else {
            if let Some((_, held)) = before.take() {
                stair.push((point.at.0 as f64, held));
            }
            strokes.push(std::mem::take(&mut stair));
            continue;
        };
        let x = point.at.0 as f64;
        if let Some((at, held)) = before {
            if in_gap(at, point.at) {
                strokes.push(std::mem::take(&mut stair));
            } else {
                stair.push((x, held));
            }
        }
        if point.high > point.low {
            band.push([(x, point.low), (x, point.high)]);
        }
        stair.push((x, value));
        before = Some((point.at, value));
    }
    strokes.push(stair);
    for [bottom, top] in band {
        chart
            .draw_series(LineSeries::new([bottom, top], INK.mix(0.25).stroke_width(3)))
            .map_err(|e| e.to_string())?;
    }
    for stroke in strokes {
        if let [only] = stroke[..] {
            chart
                .draw_series([Circle::new(only, 2, INK.filled())])
                .map_err(|e| e.to_string())?;
        } else if !stroke.is_empty() {
            chart
                .draw_series(LineSeries::new(stroke, INK.stroke_width(2)))
                .map_err(|e| e.to_string())?;
        }
    }
    let late = trend.points.iter().filter(|p| p.late);
    chart
        .draw_series(
            late.filter_map(|p| Some(Circle::new((p.at.0 as f64, p.value?), 2, QUIET.stroke_width(1)))),
        )
        .map_err(|e| e.to_string())?;
    Ok(())
}

fn decimals_for(span: f64) -> usize {
    match span {
        s if s >= 20.0 => 0,
        s if s >= 2.0 => 1,
        s if s >= 0.2 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend() -> Trend {
        let point = |at, value| Point {
            at: UtcMillis(at),
            value: Some(value),
            low: value,
            high: value,
            late: false,
        };
        Trend {
            from: UtcMillis(0),
            to: UtcMillis(100_000),
            unit: "MPa",
            points: vec![point(0, 1.0), point(10_000, 1.1), point(60_000, 1.3)],
            limits: vec![Limit {
                label: "≥ 1.25".into(),
                value: 1.25,
                severity: Severity::S3,
            }],
            marks: vec![Mark {
                at: UtcMillis(60_000),
                label: "BLR-STEAM-P-H".into(),
                severity: Severity::S3,
            }],
            gaps: vec![Gap {
                from: UtcMillis(20_000),
                to: UtcMillis(50_000),
                filled: false,
            }],
            binary: false,
            offset_ms: 0,
            label: "steam pressure".into(),
        }
    }

    #[test]
    fn a_chart_names_its_limit_its_gap_and_its_unit() {
        let svg = svg(&trend(), (900, 260), Language::Zh, &|t| {
            format!("{}s", t.0 / 1000)
        })
        .unwrap();
        for word in ["≥ 1.25", "无数据", "MPa", "class=\"trend\""] {
            assert!(svg.contains(word), "{word} is missing");
        }
    }

    #[test]
    fn an_empty_chart_is_drawn_and_a_line_never_crosses_a_gap() {
        let mut empty = trend();
        empty.points.clear();
        assert!(
            svg(&empty, (900, 260), Language::En, &|_| String::new())
                .unwrap()
                .contains("no data")
        );
    }

    #[test]
    fn a_limit_far_away_does_not_flatten_the_curve() {
        let mut far = trend();
        far.limits[0].value = 1_000.0;
        assert!(range(&far).1 < 2.0);
    }
}
