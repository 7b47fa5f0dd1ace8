//! Sans-IO core of the gateway: what the equipment is ([`catalog`]), what it said ([`sample`]),
//! what that means ([`rules`]), and what must be done about it ([`alarm`], [`hazard`]).
//!
//! No clock, no randomness, no runtime, no log: time is an argument, and the same inputs give the
//! same outputs to the byte. That is what makes replay, back-testing and crash recovery possible:
//! the adapter writes inputs and outputs in one transaction, and after a crash feeds the logged
//! inputs again with the outputs thrown away.
//!
//! ```text
//! Message ─► host (births, aliases, order) ─► normalize ─► equipment ─► rules ─► alarms ─► hazards
//! ```
#![forbid(unsafe_code)]

pub mod alarm;
pub mod areas;
pub mod calendar;
pub mod catalog;
pub mod decode;
pub mod desk;
pub mod diagnostic;
pub mod duty;
pub mod equipment;
pub mod expr;
pub mod field;
pub mod hash;
pub mod hazard;
mod host;
pub mod input;
mod journal;
pub mod json;
pub mod lists;
pub mod modbus;
mod normalize;
pub mod output;
pub mod pack;
pub mod people;
pub mod phrase;
pub mod pipeline;
pub mod proof;
pub mod register;
pub mod risk;
pub mod rules;
pub mod sample;
pub mod settings;
pub mod sign_in;
pub mod statistics;
pub mod status;
pub mod supervision;

pub use input::{Action, FieldMessage, Input, Message, OperatorAction, Position};
pub use output::{Output, Outputs};
pub use pipeline::Pipeline;
pub use settings::Settings;
pub use vigil_protocol::time::UtcMillis;
