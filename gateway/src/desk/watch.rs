//! The register against telemetry: hours run per day, and what the register forbids but the equipment did.
//!
//! ```text
//! roll-ups ─► run_days ─► vigil_core::register::judge ─► state_findings (one row per episode) ─► hazards
//! ```

mod daily;
mod findings;
mod running;

pub use daily::{DailyReport, HazardOpener, daily, every_day};
pub use findings::{FindingFilter, FoundRow, finding_load, findings};
pub use running::{evidence, run_days};
