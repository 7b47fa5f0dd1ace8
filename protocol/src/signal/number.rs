//! Float helpers that `core` does not have without an operating system's maths library.

/// Nearest integer, halves away from zero. Values of 2⁵² and more are integers already; NaN and the
/// infinities come back unchanged.
pub(super) fn round(value: f64) -> f64 {
    const ALL_INTEGERS: f64 = 4_503_599_627_370_496.0;
    if !value.is_finite() || value.abs() >= ALL_INTEGERS {
        return value;
    }
    let whole = value as i64 as f64;
    let rest = value - whole;
    if rest.abs() < 0.5 {
        whole
    } else {
        whole + 1.0_f64.copysign(value)
    }
}

/// A scale factor kept as multiplier and divisor, so that 0.1 scales by dividing by 10: a register that reads 3
/// then means 0.3 and not 0.30000000000000004.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    mul: f64,
    div: f64,
}

impl Scale {
    /// `None` for zero and for what is not finite.
    pub(super) fn new(scale: f64) -> Option<Scale> {
        if !scale.is_finite() || scale == 0.0 {
            return None;
        }
        let inverse = round(1.0 / scale);
        let exact = scale.abs() < 1.0 && inverse.is_finite() && 1.0 / inverse == scale;
        Some(if exact {
            Scale {
                mul: 1.0,
                div: inverse,
            }
        } else {
            Scale { mul: scale, div: 1.0 }
        })
    }

    pub(super) fn apply(self, raw: f64) -> f64 {
        raw * self.mul / self.div
    }

    pub(super) fn invert(self, value: f64) -> f64 {
        value * self.div / self.mul
    }
}
