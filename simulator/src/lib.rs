//! Lifts and boilers with ground truth, faults and scenarios.
//!
//! Data flow: a [`scenario`] names a [`site`] and a script; [`plant`] models step through simulated time;
//! [`fault`]s stand between each instrument and its edge node; [`simulation`] yields what reaches the nodes and what
//! befalls them; [`truth`] says which hazards must and must not be the result. Nothing here reads a clock, a file or
//! a socket: the same scenario gives the same bytes everywhere.

pub mod plant;
pub mod rng;
