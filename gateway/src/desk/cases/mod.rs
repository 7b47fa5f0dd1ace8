//! Listed supervision, interviews, circulars: their tables, and the loop of the hazards they list.
//!
//! ```text
//! page, API ─► vigil_core::supervision (may he, what then) ─► one transaction: case, event, what the loop must be told
//!                                                                 └─► settle: engine.act, once per hazard ─► settled
//! ```
//! A hazard's own chain says that it is listed, and under which number. The two are written one after the other: what
//! the first has asked for stands in `case_hazards` until the second has been told, also after a crash in between.

mod error;
mod keep;
mod list;
mod order;
mod read;
mod settle;
mod write;

pub use error::CasesError;
pub use keep::{keep, replan, tick};
pub use list::{CaseCursor, CaseFilter, CasePage, Sort, cases, count, quarter};
pub use order::{Draft, open};
pub use read::{CaseHazard, StoredCase, case, case_events, cases_of_hazard, hazards_of_case};
pub use settle::{direct_step, settle, settle_all};
pub use write::{Issue, issue, take};
