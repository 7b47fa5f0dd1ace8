//! What a session refuses, and why.

use core::fmt;

use vigil_protocol::sparkplug::DataType;

use crate::definition::DefinitionError;
use crate::journal::JournalError;

/// Why a session could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError<'d, E> {
    /// The definition is not valid.
    Definition(DefinitionError<'d>),
    /// The journal's medium failed.
    Storage(E),
}

/// Why a report was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportError<E> {
    /// No such device.
    UnknownDevice,
    /// No such metric.
    UnknownMetric {
        /// As given in the sample.
        metric: u16,
    },
    /// A value of another datatype than defined.
    WrongType {
        /// As given in the sample.
        metric: u16,
        /// As defined.
        defined: DataType,
        /// As given in the sample.
        given: DataType,
    },
    /// A text longer than [`crate::TEXT_CAPACITY`].
    TextTooLong {
        /// As given in the sample.
        metric: u16,
    },
    /// One metric alone does not fit the buffer.
    BufferTooSmall,
    /// Not journaled. What was to be sent stays due: the next sample of the same metrics sends it.
    Journal(JournalError<E>),
}

impl<E: fmt::Debug> fmt::Display for ReportError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDevice => f.write_str("reporting on a device that is not defined"),
            Self::UnknownMetric { metric } => write!(f, "reporting metric {metric}, which is not defined"),
            Self::WrongType {
                metric,
                defined,
                given,
            } => write!(
                f,
                "reporting metric {metric}: defined as {}, given a {}",
                defined.name(),
                given.name()
            ),
            Self::TextTooLong { metric } => {
                write!(
                    f,
                    "reporting metric {metric}: text longer than {} bytes",
                    crate::TEXT_CAPACITY
                )
            }
            Self::BufferTooSmall => f.write_str("reporting: a single metric does not fit the buffer"),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug> fmt::Display for OpenError<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Definition(error) => write!(f, "opening a session: {error}"),
            Self::Storage(error) => write!(f, "opening a session: the journal's medium failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for ReportError<E> {}
impl<E: fmt::Debug> core::error::Error for OpenError<'_, E> {}
