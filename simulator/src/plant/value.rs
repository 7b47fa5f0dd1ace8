//! What a sensor on the equipment shows.

use std::borrow::Cow;

use vigil_protocol::vocabulary::{NoData, Quantity};

/// A value in the canonical unit of its quantity, or the reason there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum PlantValue {
    /// Analog values, counters and small enumerations (service mode, direction, floor).
    Number(f64),
    /// Contacts and states.
    Bool(bool),
    /// A raw controller code, as the controller writes it.
    Code(Cow<'static, str>),
    /// No value, and why.
    NoData(NoData),
}

/// A quantity and what was read for it.
pub type Reading = (Quantity, PlantValue);

impl PlantValue {
    /// The number, when it is one.
    #[must_use]
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bool(_) | Self::Code(_) | Self::NoData(_) => None,
        }
    }

    /// Whether a report by exception has to send `self` after `sent`: numbers move by the dead band, others at all.
    #[must_use]
    pub fn differs(&self, sent: &Self, dead_band: f64) -> bool {
        match (self, sent) {
            (Self::Number(now), Self::Number(before)) => (now - before).abs() > dead_band,
            (now, before) => now != before,
        }
    }
}
