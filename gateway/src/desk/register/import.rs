//! Import of a table: kept as it came, planned as often as asked, applied whole or not at all.

mod apply;
mod plan;
mod report;
mod send;
mod store;

pub use apply::{Applied, apply};
pub use plan::{Counts, Missing, Plan, PlannedRow, plan, plan_file};
pub use report::{report, template};
pub use send::send;
pub use store::{Choice, ImportRow, ImportState, choose, discard, drop_old_files, import, imports};
