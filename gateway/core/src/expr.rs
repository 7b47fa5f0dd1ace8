//! Threshold expressions over the nameplate.
