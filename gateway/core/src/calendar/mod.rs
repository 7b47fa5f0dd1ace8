//! The statutory calendar: what is due when, computed from the register's facts by schedules that are data.

mod obligation;
mod schedule;

pub use obligation::{Obligation, Standing};
pub(crate) use schedule::SHEET;
pub use schedule::{Basis, Due, Schedule, Schedules};
