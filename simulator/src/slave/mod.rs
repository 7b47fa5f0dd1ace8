//! What hangs on an edge node's RS-485 lines: Modbus RTU slaves whose registers follow the plant models.
//!
//! ```text
//! simulation ─► part ─► registers ─► line ─► port
//!   plants,      which    words      RTU:     TCP,
//!   faults       register  by        bytes    pty,
//!                holds what address  in, out  UART
//! ```
//!
//! Slaves are read-only: they know functions 3 and 4 and count whatever would have written.

mod fault;
mod line;
mod part;
mod registers;
mod rtu;
mod serve;
mod site;

pub use fault::{SlaveCounts, SlaveFault, SlaveFaultKind};
pub use line::{Line, LineCounts};
pub use part::{Contact, CurrentChannel, Nice3000, Part, RemoteIo, Transmitter};
pub use registers::{Exception, Registers, answer, writes};
pub use rtu::{Frame, Framer, crc16};
pub use serve::{
    LineReport, OnSlaveNews, Port, ServeError, ServeOptions, SlaveNews, SlaveReport, SlavesReport, serve,
};
pub use site::SiteSlave;
