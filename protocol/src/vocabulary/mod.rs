//! The words node and gateway share: quantities, units, pressure kinds, quality, fault keys, modes.
//!
//! Everything is a fieldless enum with a stable string key, so that the wire, the store, rule packs and
//! the API spell a thing the same way. Tables are written one line per entry by `keyed_enum!`.

#[macro_use]
mod keyed;

pub mod alias;
pub mod category;
pub mod fault;
pub mod mode;
pub mod nodata;
pub mod pressure;
pub mod quality;
pub mod quantity;
pub mod unit;

pub use category::EquipmentClass;
pub use fault::{FaultKey, FaultKind, bare_code};
pub use mode::{CarDirection, CarDriveStatus, ServiceMode};
pub use nodata::NoData;
pub use pressure::{Atmosphere, Pressure, PressureError, PressureKind};
pub use quality::{Bad, Ne107, Quality, Uncertain};
pub use quantity::{Quantity, QuantityKind};
pub use unit::{Conversion, Dimension, Unit};
