//! How enums stand in rows: as the words (or small numbers) the schema names.

use super::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vigil_core::field::Source;
use vigil_protocol::sparkplug::MessageType;

/// Flag bits of `messages.flags`.
pub(super) const HISTORICAL: i64 = 1;
/// See [`HISTORICAL`].
pub(super) const RETAINED: i64 = 2;

/// The number of a message kind: its place in [`MessageType::ALL`].
pub(super) const fn kind_code(kind: MessageType) -> i64 {
    match kind {
        MessageType::NBirth => 0,
        MessageType::NDeath => 1,
        MessageType::NData => 2,
        MessageType::NCmd => 3,
        MessageType::DBirth => 4,
        MessageType::DDeath => 5,
        MessageType::DData => 6,
        MessageType::DCmd => 7,
    }
}

/// The kind behind a number.
pub(super) fn kind_of(code: i64) -> Result<MessageType, StoreError> {
    usize::try_from(code)
        .ok()
        .and_then(|at| MessageType::ALL.get(at).copied())
        .ok_or_else(|| StoreError::Corrupt {
            what: "message",
            detail: format!("kind {code}"),
        })
}

/// The number of a source, as the schema has it.
pub(super) const fn source_code(source: Source) -> i64 {
    source as i64
}

/// The source behind a number.
pub(super) fn source_of(code: i64) -> Result<Source, StoreError> {
    [Source::Sparkplug, Source::Json, Source::Modbus]
        .into_iter()
        .find(|source| source_code(*source) == code)
        .ok_or_else(|| StoreError::Corrupt {
            what: "message",
            detail: format!("source {code}"),
        })
}

/// The word an enum serializes to.
pub(super) fn word<T: Serialize + std::fmt::Debug>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Unit enums serialize to a string; anything else would be a mistake in this crate.
        _ => format!("{value:?}"),
    }
}

/// The enum behind a word.
pub(super) fn from_word<T: DeserializeOwned>(what: &'static str, word: String) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| StoreError::Corrupt {
        what,
        detail: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{from_word, kind_code, kind_of, word};
    use vigil_core::alarm::AlarmState;
    use vigil_core::pack::Severity;
    use vigil_protocol::sparkplug::MessageType;

    #[test]
    fn every_message_kind_survives_its_number() {
        for kind in MessageType::ALL {
            assert_eq!(kind_of(kind_code(kind)).unwrap(), kind);
        }
        assert!(kind_of(8).is_err());
        assert!(kind_of(-1).is_err());
    }

    #[test]
    fn enums_stand_in_rows_as_their_words() {
        assert_eq!(
            word(&AlarmState::ReturnedUnacknowledged),
            "returned_unacknowledged"
        );
        assert_eq!(word(&Severity::S1), "S1");
        assert_eq!(
            from_word::<Severity>("hazard", "S3".to_owned()).unwrap(),
            Severity::S3
        );
        assert!(from_word::<Severity>("hazard", "S9".to_owned()).is_err());
    }
}
