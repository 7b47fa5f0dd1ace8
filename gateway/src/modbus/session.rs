//! Single reads over one connection, for tools: with the same care as the lines of the gateway.

use super::counts::Counts;
use super::link::Link;
use super::setup::LineSetup;
use super::status::Shared;
use super::wire::{Asked, Wire};
use std::time::Duration;
use vigil_core::modbus::{Block, Data, ReadFailure};

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No connection.
    #[error("cannot open {link}: {reason}")]
    Open {
        /// Where.
        link: String,
        /// In the system's words.
        reason: String,
    },
    /// The request.
    #[error("unit {unit}, {block}: {failure}")]
    Read {
        /// Who was asked.
        unit: u8,
        /// For what.
        block: Block,
        /// What came of it.
        failure: ReadFailure,
    },
}

/// A connection, or a serial port, for a few reads.
#[derive(Debug)]
pub struct Session {
    setup: LineSetup,
    wire: Wire,
    status: Shared,
}

impl Session {
    /// Nothing is opened yet. After a request that nobody answered nothing is said on a serial line for `quiet`.
    #[must_use]
    pub fn new(link: Link, connect: Duration, quiet: Duration) -> Self {
        let setup = LineSetup {
            name: "tool".into(),
            node: "tool/tool".into(),
            link,
            shared: true,
            connect,
            quiet,
            late: Duration::ZERO,
            devices: Vec::new(),
        };
        let status = Shared::new(setup.first_status());
        let counts = Counts::new(&std::sync::Arc::default(), &setup.name);
        Self {
            wire: Wire::new(&setup, counts, status.clone()),
            setup,
            status,
        }
    }

    /// Opens the connection, if it is not open.
    ///
    /// # Errors
    /// [`ReadError::Open`]
    pub async fn open(&mut self) -> Result<(), ReadError> {
        if self.wire.connect(&self.setup).await {
            return Ok(());
        }
        Err(ReadError::Open {
            link: self.setup.link.to_string(),
            reason: self
                .status
                .read()
                .problem
                .unwrap_or_else(|| "it was closed again".to_owned()),
        })
    }

    /// Reads a block of a unit.
    ///
    /// # Errors
    /// What went wrong; a refusal is a failure too.
    pub async fn read(&mut self, unit: u8, block: Block, deadline: Duration) -> Result<Data, ReadError> {
        self.open().await?;
        let failed = |failure| ReadError::Read { unit, block, failure };
        match self.wire.ask(&self.setup, unit, block, deadline).await {
            Asked::Data(data) => Ok(data),
            Asked::Refused(code) => Err(failed(ReadFailure::Exception(code))),
            Asked::Unanswered(failure) => Err(failed(failure)),
            Asked::NotSent => Err(failed(ReadFailure::Closed)),
        }
    }
}
