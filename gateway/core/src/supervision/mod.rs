//! Listed supervision (挂牌督办), interviews (约谈), circulars (通报): what an authority asks of a unit, and keeps after.
//!
//! ```text
//! listed     issued ─► published ─► accepted ─► delisted
//! interview  issued ─► held ─► closed
//! circular   issued ─► published ─► closed
//!               └───────┴─► withdrawn
//! ```
//! A case is an append-only, hash-chained list of events; its state is a fold over them. What people may do is one
//! table ([`CaseStepKind::guard`]), what the clock says is in [`next`].

mod case;
mod chain;
mod decide;
mod due;
mod event;
mod guards;
mod number;
pub mod policy;

pub use case::{Acceptance, Case, CaseStatus, Ending, Extension, Meeting, Notice};
pub use chain::{CaseError, CaseFault, verify};
pub use decide::{Asking, allowed, blocked, issue, may, step};
pub use due::{due, next, waiting};
pub use event::{CaseEvent, CaseEventKind, CaseKind, CaseStep, CaseStepKind, Order, Subject, Timer};
pub use guards::CaseGuard;
pub use number::{Numbering, numbering};
