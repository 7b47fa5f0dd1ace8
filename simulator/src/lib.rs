//! Lifts and boilers with ground truth, faults and scenarios.
//!
//! Data flow: a [`scenario`] names a [`site`] and a script; [`plant`] models step through simulated time;
//! [`fault`]s stand between each instrument and its edge node; [`simulation`] yields what reaches the nodes and what
//! befalls them; [`slave`]s show it to real nodes instead, as Modbus registers; [`truth`] says which hazards must and
//! must not be the result. None of these reads a clock or a
//! socket: the same scenario gives the same bytes everywhere.

pub mod fault;
pub mod load;
pub mod mqtt;
pub mod node;
pub mod plant;
pub mod provision;
pub mod rng;
pub mod run;
pub mod scenario;
pub mod simulation;
pub mod site;
pub mod slave;
pub mod truth;
