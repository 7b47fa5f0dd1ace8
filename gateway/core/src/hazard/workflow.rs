//! The closed loop (闭环管理): who may do what, when, with which proof. One table, read by whoever decides and by
//! whoever shows what can be done next.

mod check;
mod duty;
mod guards;
mod step;

pub(crate) use check::{Filling, bad_field, fill, required, short_enough};
pub use check::{allowed_steps, look_back_due, may};
pub use duty::{onward, waits_for, waits_for_the_responsible};
pub use guards::{Evidence, Guard, OPENERS, StepKind};
pub use step::{Intake, OnTheSpot, Step};
