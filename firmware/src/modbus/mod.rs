//! Modbus RTU, reading only.
//!
//! A [`Request`] has no way to say anything but function codes 0x03 and 0x04: equipment cannot be written to.
//!
//! The framing is our own, and small, because the master knows exactly which bytes may answer: unit, function and byte
//! count are fixed by the request. A general decoder takes any frame that parses and leaves those checks to the
//! caller, which is how a late reply is taken for the next value.

mod frame;
mod master;
mod request;

pub use frame::{Reply, encode_request, find_reply};
pub use master::{Master, ModbusError, Timing};
pub use request::{MAX_WORDS, Request, RequestError, Table};
