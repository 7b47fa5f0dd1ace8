//! What may be asked.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Most registers one request reads. The specification allows 125; no part here needs more than this, and buffers stay
/// small.
pub const MAX_WORDS: usize = 32;

/// Which of a slave's two register tables.
///
/// The specification's other tables (coils) and every writing function are left out on purpose:
///
/// ```compile_fail
/// use vigil_firmware::modbus::Table;
/// let table = Table::Coils;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Table {
    /// Holding registers, function 0x03.
    Holding,
    /// Input registers, function 0x04.
    Input,
}

impl Table {
    /// The function code; there are two.
    #[must_use]
    pub const fn function(self) -> u8 {
        match self {
            Table::Holding => 0x03,
            Table::Input => 0x04,
        }
    }
}

/// A request to read registers.
///
/// It is the only type the master sends, its fields are private, and it knows two function codes. Writing to
/// equipment does not compile:
///
/// ```compile_fail,E0599
/// use vigil_firmware::modbus::{Request, Table};
/// // 0x6003 on a NICE3000+: factory reset.
/// let reset = Request::write_single(1, 0x6003, 1);
/// ```
///
/// ```compile_fail,E0451
/// use vigil_firmware::modbus::{Request, Table};
/// let forged = Request { unit: 1, table: Table::Holding, address: 0x6003, count: 1 };
/// ```
///
/// Reading does:
///
/// ```
/// use vigil_firmware::modbus::{Request, Table};
/// let fault = Request::new(1, Table::Holding, 0x8000, 1).unwrap();
/// assert_eq!(fault.table().function(), 0x03);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Request {
    unit: u8,
    table: Table,
    address: u16,
    count: u8,
}

/// Why a request cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestError {
    /// Unit 0 is a broadcast: nobody answers it.
    Broadcast,
    /// No registers, or more than [`MAX_WORDS`].
    Count(u8),
    /// The last register would be above 0xFFFF.
    PastEnd {
        /// First register.
        address: u16,
        /// Registers asked for.
        count: u8,
    },
}

impl Request {
    /// Registers `address..address + count` of `table` of slave `unit`.
    ///
    /// # Errors
    /// [`RequestError`]
    pub const fn new(unit: u8, table: Table, address: u16, count: u8) -> Result<Self, RequestError> {
        if unit == 0 {
            return Err(RequestError::Broadcast);
        }
        if count == 0 || count as usize > MAX_WORDS {
            return Err(RequestError::Count(count));
        }
        if address as u32 + count as u32 > 0x1_0000 {
            return Err(RequestError::PastEnd { address, count });
        }
        Ok(Self {
            unit,
            table,
            address,
            count,
        })
    }

    /// Slave address, 1–255 (some slaves go beyond the specification's 247).
    #[must_use]
    pub const fn unit(&self) -> u8 {
        self.unit
    }

    /// Register table.
    #[must_use]
    pub const fn table(&self) -> Table {
        self.table
    }

    /// First register.
    #[must_use]
    pub const fn address(&self) -> u16 {
        self.address
    }

    /// Registers, 1..=[`MAX_WORDS`].
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.count
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "unit {} function {:#04x} register {:#06x} x{}",
            self.unit,
            self.table.function(),
            self.address,
            self.count
        )
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broadcast => f.write_str("unit 0 is a broadcast, nobody answers it"),
            Self::Count(count) => write!(f, "{count} registers asked for, 1 to {MAX_WORDS} may be"),
            Self::PastEnd { address, count } => {
                write!(f, "registers {address:#06x} and {count} on pass 0xffff")
            }
        }
    }
}

impl core::error::Error for RequestError {}
