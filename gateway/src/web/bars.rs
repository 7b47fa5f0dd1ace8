//! Bars side by side, as SVG: numbers by month. Dark and light, not colours: nothing here is abnormal.

use super::markup::{Markup, escape};
use std::fmt::Write as _;

/// One kind of bar.
pub(super) struct Series<'s> {
    name: &'s str,
    values: Vec<Option<f64>>,
}

/// A picture.
pub(super) struct Bars<'s> {
    /// What it shows.
    pub(super) title: &'s str,
    /// Below each group of bars.
    pub(super) labels: &'s [String],
    /// What stands side by side: at most two.
    pub(super) series: Vec<Series<'s>>,
    /// Top of the axis; the largest value if nobody says.
    pub(super) most: Option<f64>,
    /// What a missing value is called.
    pub(super) none: &'s str,
}

const LEFT: f64 = 44.0;
const TOP: f64 = 26.0;
const HEIGHT: f64 = 150.0;
const BELOW: f64 = 22.0;

impl<'s> Series<'s> {
    pub(super) const fn new(name: &'s str, values: Vec<Option<f64>>) -> Self {
        Self { name, values }
    }
}

/// The next round number that is not below.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * unit >= value);
    (step.unwrap_or(10.0) * unit).max(1.0)
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

impl Bars<'_> {
    /// The picture, for a column and for a phone.
    pub(super) fn draw(&self) -> Markup {
        Markup(format!(
            "<div class=\"wide\">{}</div><div class=\"phone\">{}</div>",
            self.svg(640.0, 1),
            self.svg(340.0, 3)
        ))
    }

    /// `every` how many labels one is written.
    fn svg(&self, width: f64, every: usize) -> String {
        let every = every.max(self.labels.len().div_ceil(12) * every);
        let largest = self
            .series
            .iter()
            .flat_map(|series| series.values.iter().flatten())
            .fold(0.0, |most: f64, value| most.max(*value));
        let top = self.most.unwrap_or_else(|| round_up(largest));
        let groups = self.labels.len().max(1) as f64;
        let step = (width - LEFT - 8.0) / groups;
        let bar = step * 0.72 / self.series.len().max(1) as f64;
        let y = |value: f64| TOP + HEIGHT * (1.0 - (value / top).clamp(0.0, 1.0));
        let mut out = format!(
            "<svg class=\"bars\" role=\"img\" aria-label=\"{}\" viewBox=\"0 0 {width} {}\">",
            escape(&self.described()),
            TOP + HEIGHT + BELOW
        );
        // Writing to a String cannot fail.
        let mut put = |text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap_or_default();
        for line in [0.0, 0.5, 1.0] {
            let at = y(top * line);
            put(format_args!(
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{width}\"/><text class=\"axis end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                plain(top * line)
            ));
        }
        for (n, series) in self.series.iter().enumerate() {
            let x = LEFT + 8.0 + n as f64 * (width - LEFT) / 2.5;
            put(format_args!(
                "<rect class=\"bar b{n}\" x=\"{x:.1}\" y=\"4\" width=\"12\" height=\"12\"/><text class=\"axis\" x=\"{:.1}\" y=\"14\">{}</text>",
                x + 17.0,
                escape(series.name)
            ));
        }
        for (at, label) in self.labels.iter().enumerate() {
            let left = LEFT + step * (at as f64 + 0.14);
            for (n, series) in self.series.iter().enumerate() {
                let x = left + bar * n as f64;
                let value = series.values.get(at).copied().flatten();
                let said = value.map_or_else(|| self.none.to_owned(), plain);
                let title = format!("{label} {} {said}", series.name);
                let title = escape(&title);
                match value {
                    Some(value) => put(format_args!(
                        "<rect class=\"bar b{n}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{bar:.1}\" height=\"{:.1}\"><title>{title}</title></rect>",
                        y(value),
                        (y(0.0) - y(value)).max(0.5)
                    )),
                    // Not known is not zero.
                    None => put(format_args!(
                        "<path class=\"unknown\" d=\"M{:.1} {:.1}h{:.1}\"><title>{title}</title></path>",
                        x + 1.0,
                        y(0.0) - 3.0,
                        (bar - 2.0).max(1.0)
                    )),
                }
            }
            if at % every == 0 {
                let month = label.get(2..).unwrap_or(label);
                put(format_args!(
                    "<text class=\"axis mid\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    LEFT + step * (at as f64 + 0.5),
                    TOP + HEIGHT + 15.0,
                    escape(month)
                ));
            }
        }
        out.push_str("</svg>");
        out
    }

    /// The numbers in words, for who cannot see the picture.
    fn described(&self) -> String {
        let mut text = self.title.to_owned();
        for (at, label) in self.labels.iter().enumerate() {
            for series in &self.series {
                let value = series.values.get(at).copied().flatten();
                let value = value.map_or_else(|| self.none.to_owned(), plain);
                write!(text, "; {label} {} {value}", series.name).unwrap_or_default();
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Bars, Series, round_up};

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (value, top) in [
            (0.0, 1.0),
            (0.3, 1.0),
            (1.0, 1.0),
            (3.0, 5.0),
            (12.0, 20.0),
            (501.0, 1000.0),
        ] {
            assert!((round_up(value) - top).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn what_is_not_known_is_drawn_as_not_known_and_names_are_escaped() {
        let labels = ["2026-05".to_owned(), "2026-06".to_owned()];
        let bars = Bars {
            title: "<b>",
            labels: &labels,
            series: vec![Series::new("a&b", vec![Some(2.0), None])],
            most: None,
            none: "no data",
        };
        let svg = bars.draw().0;
        assert!(
            svg.contains("2026-06 a&amp;b no data") && !svg.contains("<b>"),
            "{svg}"
        );
        assert_eq!(
            svg.matches("class=\"unknown\"").count(),
            2,
            "once wide, once on a phone"
        );
    }
}
