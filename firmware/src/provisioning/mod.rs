//! Who the node is and what it reads: set once, kept in flash.

mod console;
mod decimal;
mod row;
mod settings;

pub use console::{Console, LINE_CAPACITY, Task};
pub use settings::{
    Address, Calibration, Channel, MAX_CHANNELS, MAX_DEVICES, Network, Port, Secret, Settings, SettingsError,
};

/// Version of the layout of [`Settings`] in flash; changes with it.
pub const SETTINGS_VERSION: u16 = 1;
/// Room for settings on their way to and from flash.
pub const SETTINGS_BYTES: usize = 3_072;
