//! Several channels together.

use super::condition::evaluate;
use crate::equipment::Values;
use crate::pack::{Condition, Truth};

/// Kleene truth of the whole condition.
pub(super) fn truth(condition: &Condition, values: Values<'_>) -> Truth {
    evaluate(condition, values)
}
