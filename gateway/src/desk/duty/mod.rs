//! Records of daily control, weekly check and monthly dispatch (日管控、周排查、月调度): filled in from telemetry and the
//! register, completed and signed by the unit's officer.
//!
//! ```text
//! day is over ─► facts (telemetry, register) ─► vigil_core::duty ─► duty_records ─► officer ─► signed, for good
//! ```

mod daily;
mod error;
mod facts;
mod list;
mod record;
mod write;

pub use daily::{Generated, every_day, generate};
pub use error::DutyError;
pub use list::{DutyCursor, DutyFilter, DutyPage, DutyRow, DutyStanding, count, list};
pub use record::{DutyRecord, Signature, record, versions};
pub use write::{Signer, correct, save, sign};
