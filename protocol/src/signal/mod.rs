//! From field signals to values and back: loop current, Modbus registers, a common transmitter.

mod codec;
pub mod current_loop;
mod number;
pub mod register;
pub mod transmitter;

pub use current_loop::{CurrentLoop, LoopReading, Ne43, scale_microamps};
pub use register::{RawRegister, RegisterCodec, RegisterError, RegisterType, WordOrder};
pub use transmitter::{TransmitterError, read_transmitter, transmitter_unit};
