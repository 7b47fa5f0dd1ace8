//! What node and gateway must agree on, written once: the wire and the words.
//!
//! `no_std`, no heap, no `unsafe`: the same code runs on a Cortex-M3 and in the gateway.
//!
//! - [`sparkplug`]: Sparkplug B 3.0 topics and payloads. A zero-copy decoder that hands out borrowed
//!   metrics, and an encoder into a fixed buffer.
//! - [`journal`]: the arithmetic of the end-to-end journal: what is stored, sent, acknowledged, missing.
//! - [`vocabulary`]: quantities, units, pressure kinds, qualities, canonical fault keys.
//! - [`signal`]: from milliamperes and register words to engineering values, and back.
//! - [`time`]: the one time type.
//!
//! # Glossary
//!
//! | word | meaning |
//! |---|---|
//! | node | an edge board with its own MQTT session (Sparkplug *edge node*) |
//! | device | one piece of equipment behind a node: a lift, a boiler, a vessel |
//! | group | the site or district a node belongs to |
//! | host | the gateway, a Sparkplug *host application* |
//! | birth, death | the messages that declare what a node or device will send, and that it is gone |
//! | metric | one named value in a message; data messages may name it by its *alias* only |
//! | datatype | how a metric's wire value is to be read; declared in the birth |
//! | `seq` | the 0–255 counter of messages in one session; shows loss on the way |
//! | `bdSeq` | the counter that pairs a death with its birth |
//! | journal | the node's flash log; `Journal/Seq` numbers what must reach the gateway's disk |
//! | historical | a value measured earlier and sent late: recorded, never taken for the present |
//! | quality | whether a value may be believed, and if not, why |
#![no_std]
#![forbid(unsafe_code)]

pub mod journal;
pub mod signal;
pub mod sparkplug;
pub mod time;
pub mod vocabulary;
