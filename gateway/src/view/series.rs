//! Points of a series, thinned without losing what matters: extremes, and where data is missing.

use super::time::Time;
use super::value::{Code, Said};
use super::words::Word;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::sample::{Reading, Sample};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::{Quality, Quantity, QuantityKind};

/// Thinned series have at most this many points.
pub(super) const MAX_POINTS: usize = 1_500;

/// One point of a series.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Point {
    /// Source time.
    pub at: Time,
    /// The value (of a thinned point the last of its span, of a roll-up the hour's mean); two-state
    /// signals count 0 and 1; `null` where there is none.
    pub value: Option<f64>,
    /// Smallest in the span.
    pub low: Option<f64>,
    /// Largest in the span.
    pub high: Option<f64>,
    /// A controller's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_data: Option<Word>,
    /// Key of the quality.
    pub quality: &'static str,
    /// Good or uncertain: rules used it.
    pub usable: bool,
    /// Came afterwards, from the node's journal.
    pub late: bool,
    /// Readings behind this point.
    pub readings: u32,
    /// Not read then: what an earlier reading says still held at the beginning of the range.
    pub held: bool,
}

/// One reading on its way to a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dot {
    /// Source time.
    pub at: UtcMillis,
    /// What was read.
    pub reading: Reading,
    /// How far it can be trusted.
    pub quality: Quality,
    /// Came afterwards.
    pub late: bool,
}

impl Dot {
    /// From a decoded sample.
    #[must_use]
    pub(super) const fn of(sample: &Sample, late: bool) -> Self {
        Self {
            at: sample.at,
            reading: sample.reading,
            quality: sample.quality,
            late,
        }
    }

    fn is_usable(&self) -> bool {
        self.quality.is_usable() && !matches!(self.reading, Reading::NoData(_))
    }

    /// A number that may be drawn: bad values are not.
    fn number(&self) -> Option<f64> {
        self.reading
            .number()
            .filter(|number| self.quality.is_usable() && number.is_finite())
    }

    fn point(&self, quantity: Quantity) -> Point {
        let said = Said::of(quantity, self.reading);
        let value = self.number();
        Point {
            at: self.at.into(),
            value,
            low: value,
            high: value,
            code: said.code,
            no_data: said.no_data,
            quality: self.quality.key(),
            usable: self.is_usable(),
            late: self.late,
            readings: 1,
            held: false,
        }
    }
}

/// Points of `from..=to` from the readings of one channel in any order. Of what was read before, only
/// the last is kept, as what still held at the beginning.
#[must_use]
pub(super) fn points(quantity: Quantity, mut dots: Vec<Dot>, from: UtcMillis, to: UtcMillis) -> Vec<Point> {
    dots.sort_by_key(|dot| dot.at);
    // A resent message says the same at the same time again.
    dots.dedup_by(|later, earlier| later.at == earlier.at && later.reading == earlier.reading);
    let start = dots.partition_point(|dot| dot.at < from);
    let end = dots.partition_point(|dot| dot.at <= to);
    let held = start.checked_sub(1).and_then(|last| dots.get(last)).copied();
    let inside = dots.get(start..end).unwrap_or_default();
    let mut points = Vec::with_capacity(inside.len().min(MAX_POINTS) + 1);
    if let Some(held) = held
        && inside.first().is_none_or(|first| first.at > from)
    {
        points.push(Point {
            at: from.into(),
            held: true,
            ..held.point(quantity)
        });
    }
    if matches!(quantity.kind(), QuantityKind::Code | QuantityKind::Text) {
        changes(quantity, inside, &mut points);
    } else if inside.len() <= MAX_POINTS {
        points.extend(inside.iter().map(|dot| dot.point(quantity)));
    } else {
        thin(quantity, inside, (from, to), &mut points);
    }
    points
}

/// Codes have no extremes: only changes matter, and of too many the latest.
fn changes(quantity: Quantity, dots: &[Dot], points: &mut Vec<Point>) {
    let before = points.len();
    let mut last: Option<&Dot> = None;
    for dot in dots {
        if last.is_none_or(|last| last.reading != dot.reading || last.quality != dot.quality) {
            points.push(dot.point(quantity));
        } else if let Some(point) = points.last_mut() {
            point.readings += 1;
        }
        last = Some(dot);
    }
    let surplus = (points.len() - before).saturating_sub(MAX_POINTS);
    points.drain(before..before + surplus);
}

/// A point per span with its extremes; where a span ends without a value, one more that says so.
fn thin(quantity: Quantity, dots: &[Dot], (from, to): (UtcMillis, UtcMillis), points: &mut Vec<Point>) {
    let spans = (MAX_POINTS / 2) as i64;
    let width = (to.since(from) / spans + 1).max(1);
    let span_of = |dot: &Dot| dot.at.since(from) / width;
    for span in dots.chunk_by(|a, b| span_of(a) == span_of(b)) {
        let numbers = || span.iter().filter_map(Dot::number);
        if let Some(last) = span.iter().rev().find(|dot| dot.number().is_some()) {
            let mut point = last.point(quantity);
            point.low = numbers().reduce(f64::min);
            point.high = numbers().reduce(f64::max);
            point.readings = numbers().count() as u32;
            point.late = span.iter().any(|dot| dot.late);
            points.push(point);
        }
        if let Some(last) = span.last().filter(|dot| dot.number().is_none()) {
            points.push(last.point(quantity));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Dot, MAX_POINTS, points};
    use vigil_core::sample::{RawCode, Reading};
    use vigil_protocol::time::UtcMillis;
    use vigil_protocol::vocabulary::{Bad, FaultKey, NoData, Quality, Quantity};

    fn dot(at: i64, value: f64) -> Dot {
        Dot {
            at: UtcMillis(at),
            reading: Reading::Number(value),
            quality: Quality::Good,
            late: false,
        }
    }

    fn missing(at: i64) -> Dot {
        let reading = Reading::NoData(NoData::Sensor);
        Dot {
            at: UtcMillis(at),
            reading,
            quality: Quality::Bad(Bad::Sensor),
            late: false,
        }
    }

    fn of(dots: Vec<Dot>, from: i64, to: i64) -> Vec<super::Point> {
        points(Quantity::SteamPressure, dots, UtcMillis(from), UtcMillis(to))
    }

    #[test]
    fn few_readings_are_shown_as_they_are_in_the_order_of_their_times() {
        let found = of(
            vec![dot(30, 3.0), dot(10, 1.0), dot(20, 2.0), dot(20, 2.0)],
            10,
            30,
        );
        let values: Vec<_> = found.iter().map(|p| (p.at.0.0, p.value)).collect();
        assert_eq!(values, [(10, Some(1.0)), (20, Some(2.0)), (30, Some(3.0))]);
    }

    #[test]
    fn what_was_said_before_the_range_holds_at_its_beginning() {
        let found = of(vec![dot(5, 0.5), dot(7, 0.7), dot(20, 2.0), dot(99, 9.0)], 10, 30);
        let values: Vec<_> = found.iter().map(|p| (p.at.0.0, p.value, p.held)).collect();
        assert_eq!(values, [(10, Some(0.7), true), (20, Some(2.0), false)]);
        assert!(!of(vec![dot(5, 0.5), dot(10, 1.0)], 10, 30)[0].held);
    }

    #[test]
    fn a_bad_value_is_a_point_without_a_number() {
        let implausible = Dot {
            quality: Quality::Bad(Bad::Implausible),
            ..dot(10, 99.0)
        };
        let found = of(vec![implausible, missing(20)], 0, 30);
        assert_eq!(
            (found[0].value, found[0].quality, found[0].usable),
            (None, "bad_implausible", false)
        );
        assert_eq!(found[1].no_data.map(|word| word.key), Some("sensor"));
    }

    #[test]
    fn a_thinned_series_keeps_its_extremes_and_its_holes() {
        let mut dots: Vec<_> = (0..100_000).map(|at| dot(at, (at % 10) as f64)).collect();
        dots[50_000] = dot(50_000, 77.0);
        dots[60_000] = dot(60_000, -7.0);
        for hole in &mut dots[70_000..80_000] {
            *hole = missing(hole.at.0);
        }
        let found = of(dots, 0, 99_999);
        assert!(found.len() <= MAX_POINTS, "{}", found.len());
        let high = found.iter().filter_map(|p| p.high).fold(f64::MIN, f64::max);
        let low = found.iter().filter_map(|p| p.low).fold(f64::MAX, f64::min);
        assert_eq!((low, high), (-7.0, 77.0));
        assert!(found.iter().any(|p| p.value.is_none()));
        let hole = found.iter().filter(|p| (70_200..79_800).contains(&p.at.0.0));
        assert!(hole.clone().count() > 0 && hole.clone().all(|p| p.value.is_none()));
        assert!(found.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let readings: u64 = found.iter().map(|p| u64::from(p.readings)).sum();
        assert!(readings >= 90_000);
    }

    #[test]
    fn of_codes_only_changes_are_shown() {
        let code = |at, key, raw| Dot {
            at: UtcMillis(at),
            reading: Reading::Code {
                key,
                raw: RawCode::new(raw),
            },
            quality: Quality::Good,
            late: false,
        };
        let none = Some(FaultKey::None);
        let dots = vec![
            code(1, none, "0"),
            code(2, none, "0"),
            code(3, None, "E7"),
            code(4, none, "0"),
        ];
        let found = points(Quantity::FaultCode, dots, UtcMillis(0), UtcMillis(9));
        let raws: Vec<_> = found
            .iter()
            .map(|p| p.code.as_ref().unwrap().raw.as_str())
            .collect();
        assert_eq!(raws, ["0", "E7", "0"]);
        assert_eq!(found[0].readings, 2);
    }
}
