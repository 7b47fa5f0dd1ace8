//! Grading of risks (风险分级管控): how a risk is scored, which colour a score has, who controls it, and which
//! equipment and units an inspection should go to first. All numbers are data: `rules/desk/risk.toml`.
//!
//! ```text
//! factors ─► Method::assess ─► score, colour ─► tier, period of checks, grade of the hazard a failure opens
//! counts of what is known ─► Weights::rank ─► score and its parts, largest first
//! ```

mod method;
mod rank;
mod read;
mod scheme;
#[cfg(test)]
mod tests;

pub use method::{Assessment, BandFault, Bands, Factor, FactorStep, Method, Misfit, Threshold};
pub use rank::{Counts, Part, Ranked, Scored, Subject, Weight, Weights};
pub(crate) use scheme::SHEET;
pub use scheme::{Level, Scheme, Tier, Told};

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};

/// 四色: ordered from the lowest to the worst. What nobody has assessed has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// 蓝: low.
    Blue,
    /// 黄: ordinary.
    Yellow,
    /// 橙: considerable.
    Orange,
    /// 红: major.
    Red,
}

impl Colour {
    /// The worst first.
    pub const ALL: [Self; 4] = [Self::Red, Self::Orange, Self::Yellow, Self::Blue];
    /// Their keys, the worst first.
    pub const KEYS: [&'static str; 4] = ["red", "orange", "yellow", "blue"];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Blue => "blue",
        }
    }

    /// The colour behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|colour| colour.key() == key)
    }

    /// Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Red => ("红", "red"),
            Self::Orange => ("橙", "orange"),
            Self::Yellow => ("黄", "yellow"),
            Self::Blue => ("蓝", "blue"),
        }
    }
}

/// What a control measure (管控措施) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// 工程技术措施.
    Engineering,
    /// 管理措施.
    Management,
    /// 培训教育措施.
    Training,
    /// 个体防护措施.
    Ppe,
    /// 应急处置措施.
    Emergency,
}

impl MeasureKind {
    /// Every kind, in the order people list them.
    pub const ALL: [Self; 5] = [
        Self::Engineering,
        Self::Management,
        Self::Training,
        Self::Ppe,
        Self::Emergency,
    ];

    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Engineering => "engineering",
            Self::Management => "management",
            Self::Training => "training",
            Self::Ppe => "ppe",
            Self::Emergency => "emergency",
        }
    }

    /// The kind behind a key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Engineering => ("工程技术", "engineering"),
            Self::Management => ("管理", "management"),
            Self::Training => ("培训教育", "training"),
            Self::Ppe => ("个体防护", "protective equipment"),
            Self::Emergency => ("应急处置", "emergency"),
        }
    }
}

/// When a measure is to be checked next: so many days after it was last, or after it came. Never before the calendar
/// ends.
#[must_use]
pub fn next_check(last: Option<Date>, since: Date, period_days: u16) -> Date {
    last.unwrap_or(since)
        .checked_add(i32::from(period_days).days())
        .unwrap_or(Date::MAX)
}

/// A day so many days after another.
#[must_use]
pub fn days_after(day: Date, days: u16) -> Date {
    day.checked_add(Span::new().days(i32::from(days)))
        .unwrap_or(Date::MAX)
}
