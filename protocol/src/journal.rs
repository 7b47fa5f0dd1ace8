//! The arithmetic of the journal, used by node and gateway alike.
