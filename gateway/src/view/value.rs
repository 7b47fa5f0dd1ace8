//! Readings as they are shown: number with unit, state, code, or the reason for having none.

use super::time::Time;
use super::words::Word;
use serde::Serialize;
use utoipa::ToSchema;
use vigil_core::equipment::Latest;
use vigil_core::hazard::EvidenceReading;
use vigil_core::sample::Reading;
use vigil_protocol::vocabulary::{CarDirection, CarDriveStatus, Quality, Quantity, ServiceMode};

/// What a channel says. Exactly one of `value`, `on`, `code` and `no_data` is set; `state` names what a
/// numbered state means.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Said {
    /// A number, in the unit beside it.
    pub value: Option<f64>,
    /// A two-state signal.
    pub on: Option<bool>,
    /// A controller's code.
    pub code: Option<Code>,
    /// What a numbered state means (service mode, drive, direction).
    pub state: Option<Word>,
    /// Why there is no value.
    pub no_data: Option<Word>,
}

/// A controller's code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Code {
    /// As sent.
    pub raw: String,
    /// What it means; `null` when the scheme does not know it.
    pub fault: Option<Word>,
}

impl Said {
    /// What `reading` of `quantity` says.
    #[must_use]
    pub fn of(quantity: Quantity, reading: Reading) -> Self {
        let mut said = Self {
            value: None,
            on: None,
            code: None,
            state: None,
            no_data: None,
        };
        match reading {
            Reading::Number(number) => {
                said.value = Some(number);
                said.state = state_word(quantity, number);
            }
            Reading::Bool(on) => said.on = Some(on),
            Reading::Code { key, raw } => {
                said.code = Some(Code {
                    raw: raw.as_str().to_owned(),
                    fault: key.map(Word::from),
                });
            }
            Reading::NoData(reason) => said.no_data = Some(reason.into()),
        }
        said
    }
}

/// The word behind a numbered state.
#[must_use]
pub fn state_word(quantity: Quantity, number: f64) -> Option<Word> {
    let code = number as i64;
    match quantity {
        Quantity::ServiceMode => ServiceMode::from_code(code).map(Word::from),
        Quantity::CarDriveStatus => CarDriveStatus::from_code(code).map(Word::from),
        Quantity::CarDirection => CarDirection::from_code(code).map(Word::from),
        _ => None,
    }
}

/// The newest reading of a channel, with everything needed to judge it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Live {
    /// What it says.
    #[serde(flatten)]
    pub said: Said,
    /// How far it can be trusted now.
    pub quality: Word,
    /// Good or uncertain, and its equipment is heard: rules use it.
    pub usable: bool,
    /// The equipment is not heard any more: this is what it said last.
    pub stale: bool,
    /// Source time.
    pub at: Time,
    /// Source time since which it has said the same.
    pub since: Time,
    /// Arrival.
    pub received: Time,
    /// Time since `at`, seconds.
    pub age_s: f64,
    /// As sent, before scaling.
    pub raw: Option<f64>,
    /// The log entry it came in.
    pub position: u64,
}

impl Live {
    /// The newest reading as seen at `now`; `heard` says whether it still holds.
    #[must_use]
    pub fn of(quantity: Quantity, latest: &Latest, heard: bool, now: Time) -> Self {
        let quality = if !heard && latest.quality.is_usable() {
            Quality::Stale
        } else {
            latest.quality
        };
        Self {
            said: Said::of(quantity, latest.reading),
            quality: quality.into(),
            usable: heard && latest.is_usable(),
            stale: !heard,
            at: latest.at.into(),
            since: latest.since.into(),
            received: latest.received.into(),
            age_s: now.0.since(latest.at).max(0) as f64 / 1_000.0,
            raw: latest.raw,
            position: latest.position.0,
        }
    }
}

/// A reading that spoke for or against a hazard.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Evidence {
    /// Which quantity.
    pub quantity: Word,
    /// Unit of `value`.
    pub unit: &'static str,
    /// What it said.
    #[serde(flatten)]
    pub said: Said,
    /// How far it could be trusted.
    pub quality: Word,
    /// Source time.
    pub at: Time,
    /// As sent, before scaling.
    pub raw: Option<f64>,
    /// The log entry it came in.
    pub position: u64,
}

impl From<&EvidenceReading> for Evidence {
    fn from(reading: &EvidenceReading) -> Self {
        Self {
            quantity: reading.quantity.into(),
            unit: reading.quantity.unit().symbol(),
            said: Said::of(reading.quantity, reading.reading),
            quality: reading.quality.into(),
            at: reading.at.into(),
            raw: reading.raw,
            position: reading.position.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Said;
    use vigil_core::sample::{RawCode, Reading};
    use vigil_protocol::vocabulary::{FaultKey, NoData, Quantity};

    #[test]
    fn a_reading_says_exactly_one_thing() {
        let pressure = Said::of(Quantity::SteamPressure, Reading::Number(1.25));
        assert_eq!(
            (pressure.value, pressure.on, pressure.state),
            (Some(1.25), None, None)
        );
        let mode = Said::of(Quantity::ServiceMode, Reading::Number(2.0));
        assert_eq!(mode.state.map(|word| word.key), Some("inspection"));
        let unknown = Said::of(
            Quantity::FaultCode,
            Reading::Code {
                key: None,
                raw: RawCode::new("E99"),
            },
        );
        let code = unknown.code.unwrap();
        assert_eq!((code.raw.as_str(), code.fault), ("E99", None));
        let none = Said::of(
            Quantity::FaultCode,
            Reading::Code {
                key: Some(FaultKey::None),
                raw: RawCode::new("0"),
            },
        );
        assert_eq!(
            none.code.unwrap().fault.map(|word| word.key),
            Some(FaultKey::None.key())
        );
        let missing = Said::of(Quantity::SteamPressure, Reading::NoData(NoData::Sensor));
        assert_eq!(
            (missing.value, missing.no_data.map(|word| word.key)),
            (None, Some("sensor"))
        );
    }
}
