//! The register of risks: points, measures, checks, ranks, the map.

pub(super) mod changes;
pub(super) mod measures;
pub(super) mod points;
pub(super) mod ranks;

use super::problem::ApiError;
use crate::desk::risk::{RiskError, number_of};

/// The number of a risk point.
fn point_number(id: &str) -> Result<i64, ApiError> {
    let missing = || RiskError::NotFound {
        what: "risk point",
        id: id.chars().take(64).collect(),
    };
    number_of(id).ok_or_else(|| missing().into())
}

/// The number of a measure.
fn measure_number(id: &str) -> Result<i64, ApiError> {
    let missing = || RiskError::NotFound {
        what: "control measure",
        id: id.chars().take(64).collect(),
    };
    id.parse().map_err(|_| missing().into())
}

/// The beginning of an area code.
fn area(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text)
    } else {
        Err(ApiError::bad_parameter(
            "area: the beginning of a GB/T 2260 code, at most 6 digits",
        ))
    }
}

/// A text to look for, not longer than it can be.
fn short(name: &str, text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() <= 100 {
        Ok(text)
    } else {
        Err(ApiError::bad_parameter(format!("{name}: at most 100 characters")))
    }
}
