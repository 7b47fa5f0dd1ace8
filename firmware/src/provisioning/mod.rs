//! Who the node is and what it reads: set once, kept in flash.

mod settings;

pub use settings::{
    Address, Calibration, Channel, MAX_CHANNELS, MAX_DEVICES, Network, Port, Secret, Settings, SettingsError,
};
