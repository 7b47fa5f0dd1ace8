//! The closed loop (闭环管理): who may do what, when, with which proof. One table, read by whoever decides and by
//! whoever shows what can be done next.

mod check;
mod duty;
mod field;
mod fill;
mod guards;
mod step;

pub use check::{allowed_steps, look_back_due, may};
pub use duty::{onward, waits_for, waits_for_the_responsible};
pub(crate) use field::{bad_field, required, short_enough};
pub(crate) use fill::{Filling, fill};
pub use guards::{Evidence, Guard, OPENERS, StepKind};
pub use step::{Intake, OnTheSpot, Step};
