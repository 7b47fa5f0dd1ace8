//! How the lines and devices are, for people.

use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use vigil_protocol::time::UtcMillis;

/// All lines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ModbusStatus {
    /// In the order of the configuration.
    pub lines: Vec<LineStatus>,
}

/// A bus or connection.
#[derive(Clone, Debug, Serialize)]
pub struct LineStatus {
    /// Name of the connection.
    pub name: Arc<str>,
    /// `group/node`.
    pub node: Arc<str>,
    /// Where it is, in words.
    pub link: String,
    /// Whether it is open.
    pub open: bool,
    /// Why it could not be opened, the last time.
    pub problem: Option<String>,
    /// Its devices.
    pub devices: Vec<DeviceStatus>,
}

/// How a device is being polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Not yet.
    #[default]
    Starting,
    /// It answers.
    Polled,
    /// The last poll failed.
    Failing,
    /// It is asked rarely, because it does not answer.
    LeftAlone,
}

/// A device.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeviceStatus {
    /// Device id.
    pub id: Arc<str>,
    /// Unit address.
    pub unit: u8,
    /// Map id.
    pub map: String,
    /// How it is being polled.
    pub pace: Pace,
    /// Polls so far.
    pub polls: u64,
    /// Polls of which something could not be read.
    pub failures: u64,
    /// Periods without a poll.
    pub missed: u64,
    /// When it last answered everything.
    pub last_good: Option<UtcMillis>,
    /// What went wrong last, and when.
    pub last_failure: Option<(UtcMillis, String)>,
}

/// A status somebody writes and somebody reads.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<LineStatus>>);

impl Shared {
    pub(super) fn new(status: LineStatus) -> Self {
        Self(Arc::new(Mutex::new(status)))
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut LineStatus)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn device(&self, at: usize, change: impl FnOnce(&mut DeviceStatus)) {
        self.change(|line| {
            if let Some(device) = line.devices.get_mut(at) {
                change(device);
            }
        });
    }

    pub(super) fn read(&self) -> LineStatus {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The status of all lines there are now; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StatusReader(Arc<Mutex<Vec<Shared>>>);

impl StatusReader {
    pub(super) fn set(&self, lines: Vec<Shared>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// How all lines are.
    #[must_use]
    pub fn read(&self) -> ModbusStatus {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ModbusStatus {
            lines: lines.iter().map(Shared::read).collect(),
        }
    }
}
