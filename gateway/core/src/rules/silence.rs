//! Nothing heard. Counted in arrival time: that is what is missing.

use vigil_protocol::time::UtcMillis;

/// When a silence of `after_ms` (and then the rule's own delay) is complete, counted from the last word.
pub(crate) fn silence_due(base: UtcMillis, after_ms: i64, on_delay_ms: i64) -> UtcMillis {
    base.saturating_add_ms(after_ms).saturating_add_ms(on_delay_ms)
}
