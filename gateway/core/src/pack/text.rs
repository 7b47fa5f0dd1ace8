//! Rules in words, with their numbers filled in, such as `steam_pressure >= 1.3180 MPa for 30 s`.

use super::{Compare, Direction};
use vigil_protocol::vocabulary::{Dimension, Quantity};

/// A number with the unit of its quantity. Pressures show four decimals (0.1 kPa), the rest as many
/// as they need, at most three.
pub(super) fn number(quantity: Quantity, value: f64) -> String {
    let unit = quantity.unit();
    let digits = match unit.dimension() {
        Dimension::Pressure => format!("{value:.4}"),
        _ => {
            let digits = format!("{value:.3}");
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    match unit.symbol() {
        "" => digits,
        symbol => format!("{digits} {symbol}"),
    }
}

/// `90 s`, `10 min`, `24 h`.
pub(super) fn duration(ms: i64) -> String {
    match ms {
        ms if ms % 3_600_000 == 0 && ms >= 2 * 3_600_000 => format!("{} h", ms / 3_600_000),
        ms if ms % 60_000 == 0 && ms >= 5 * 60_000 => format!("{} min", ms / 60_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

/// ` for 30 s`; nothing when there is no delay.
pub(super) fn for_delay(ms: i64) -> String {
    if ms == 0 {
        String::new()
    } else {
        format!(" for {}", duration(ms))
    }
}

pub(super) fn comparison(compare: Compare) -> &'static str {
    match compare {
        Compare::Less => "<",
        Compare::AtMost => "<=",
        Compare::Greater => ">",
        Compare::AtLeast => ">=",
    }
}

pub(super) fn limit(direction: Direction) -> &'static str {
    match direction {
        Direction::High => ">=",
        Direction::Low => "<=",
    }
}

/// `{A, B}`, or just `A` when there is one.
pub(super) fn set(keys: &[&str]) -> String {
    match keys {
        [only] => format!("= {only}"),
        keys => format!("in {{{}}}", keys.join(", ")),
    }
}

/// Members joined by a word; several members get parentheses.
pub(super) fn joined(members: &[String], word: &str) -> String {
    match members {
        [only] => only.clone(),
        members => format!("({})", members.join(&format!(" {word} "))),
    }
}

#[cfg(test)]
mod tests {
    use super::{duration, number};
    use vigil_protocol::vocabulary::Quantity;

    #[test]
    fn numbers_carry_the_unit_of_their_quantity() {
        let cases = [
            (Quantity::SteamPressure, 1.318, "1.3180 MPa"),
            (Quantity::DrumLevel, -75.0, "-75 mm"),
            (Quantity::ExhaustTemperature, 170.25, "170.25 °C"),
            (Quantity::CarLoad, 110.0, "110 %"),
        ];
        for (quantity, value, expected) in cases {
            assert_eq!(number(quantity, value), expected);
        }
    }

    #[test]
    fn durations_are_written_in_the_unit_people_say() {
        let cases = [
            (500, "500 ms"),
            (90_000, "90 s"),
            (60_000, "60 s"),
            (600_000, "10 min"),
            (7_200_000, "2 h"),
            (86_400_000, "24 h"),
        ];
        for (ms, expected) in cases {
            assert_eq!(duration(ms), expected);
        }
    }
}
