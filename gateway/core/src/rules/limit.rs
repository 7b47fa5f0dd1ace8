//! A number past a limit, with its own clear level.

use crate::pack::{Direction, Truth};

/// True from the trip level on until the clear level is reached; in between it stays what it was last
/// known to be (`held`).
pub(super) fn truth(number: Option<f64>, direction: Direction, trip: f64, clear: f64, held: bool) -> Truth {
    let Some(number) = number else {
        return Truth::Unknown;
    };
    let (past, back) = match direction {
        Direction::High => (number >= trip, number <= clear),
        Direction::Low => (number <= trip, number >= clear),
    };
    Truth::from(past || (held && !back))
}

#[cfg(test)]
mod tests {
    use super::truth;
    use crate::pack::{Direction, Truth};

    #[test]
    fn between_trip_and_clear_it_stays_what_it_was() {
        for (direction, trip, clear, values) in [
            (Direction::High, 1.3, 1.2, [1.29, 1.3, 1.25, 1.21, 1.2, 1.25]),
            (
                Direction::Low,
                -50.0,
                -40.0,
                [-49.0, -50.0, -45.0, -41.0, -40.0, -45.0],
            ),
        ] {
            let mut held = false;
            let seen = values.map(|value| {
                let now = truth(Some(value), direction, trip, clear, held);
                held = now == Truth::True;
                held
            });
            assert_eq!(seen, [false, true, true, true, false, false], "{direction:?}");
        }
    }

    #[test]
    fn no_number_is_unknown_whatever_was_before() {
        assert_eq!(truth(None, Direction::High, 1.0, 0.9, true), Truth::Unknown);
        assert_eq!(truth(None, Direction::High, 1.0, 0.9, false), Truth::Unknown);
    }
}
