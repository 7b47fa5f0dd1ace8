//! The whole core behind one function.

/// The whole core behind one function.
#[derive(Debug, Default)]
pub struct Pipeline {}
