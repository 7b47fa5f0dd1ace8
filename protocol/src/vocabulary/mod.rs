//! The words: quantities, units, qualities, fault keys.
