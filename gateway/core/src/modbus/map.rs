//! Register maps: what the registers of a model mean, as data.
//!
//! A map is a TOML file with one `[[value]]` per thing it says. Its canonical text (titles and sources left out, defaults
//! filled in) is the decode context of the polls made with it.

mod canonical;
mod claims;
mod read;
mod shipped;
mod unit;
mod value;
mod what;

pub use read::MAX_GAP;
pub use shipped::{shipped_map, shipped_map_ids, shipped_map_text};

use super::{Block, Function, plan};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::hash::ContentHash;
use vigil_protocol::signal::RegisterCodec;
use vigil_protocol::vocabulary::{NoData, Quantity};

/// How far a map can be believed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Read against the real device.
    Verified,
    /// From a document or a program that is named.
    Sourced,
    /// From memory; likely right. To be verified before it is relied on.
    MemoryHigh,
    /// From memory, or an example: to be verified before it is relied on.
    MemoryLow,
}

impl Confidence {
    /// Whether somebody must compare it with the device before it is relied on.
    #[must_use]
    pub const fn is_unverified(self) -> bool {
        matches!(self, Self::MemoryHigh | Self::MemoryLow)
    }

    /// As written in maps.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Sourced => "sourced",
            Self::MemoryHigh => "memory-high",
            Self::MemoryLow => "memory-low",
        }
    }
}

/// What the registers of a model mean.
#[derive(Clone, PartialEq, Debug)]
pub struct RegisterMap {
    /// Name devices refer to.
    pub id: Box<str>,
    /// Chinese title; may be empty.
    pub title_zh: Box<str>,
    /// English title; may be empty.
    pub title_en: Box<str>,
    /// Where its facts are from; may be empty.
    pub source: Box<str>,
    /// How far it can be believed as a whole.
    pub confidence: Confidence,
    /// Most registers in a row that are read although nobody wants them.
    pub max_gap: u16,
    /// What it says, in order.
    pub points: Vec<Point>,
    /// The requests of one poll.
    pub blocks: Vec<Block>,
    context: Context,
}

/// Name, canonical text and hash of both.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Context {
    pub(super) name: Box<str>,
    pub(super) text: Box<str>,
    pub(super) hash: ContentHash,
}

/// One thing a map says.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// Metric name: a quantity's key, or the map's own.
    pub metric: Box<str>,
    /// The quantity, if Vigil knows it.
    pub quantity: Option<Quantity>,
    /// Chinese title; may be empty.
    pub title_zh: Box<str>,
    /// English title; may be empty.
    pub title_en: Box<str>,
    /// How it is read.
    pub function: Function,
    /// First register, or the bit.
    pub address: u16,
    /// What is there.
    pub what: What,
    /// Unit the value is in, as the map states it.
    pub unit: Option<Box<str>>,
    /// How far it can be believed.
    pub confidence: Confidence,
}

/// How registers become a value.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A number.
    Number {
        /// Type, order, scale and offset.
        codec: RegisterCodec,
        /// Raw numbers that are no value.
        no_data: Vec<NoValue>,
        /// Unit by a register of the device, read together with the value.
        unit_from: Option<UnitFrom>,
        /// Register that holds the number of decimals, read together with the value.
        decimals_from: Option<u16>,
    },
    /// Two states: a bit of a register, or a coil or input (bit 0).
    Bit {
        /// Which bit, 0 the lowest.
        bit: u8,
        /// 1 means false.
        invert: bool,
    },
    /// A number that stands for something.
    States {
        /// Type and order.
        codec: RegisterCodec,
        /// What each number stands for; others are no value.
        states: Vec<(i64, State)>,
    },
    /// A word whose bits are faults: the code of the lowest bit set, "0" when none is.
    Faults {
        /// Bit and code; a bit without one is said as `bit5`.
        bits: Vec<(u8, Box<str>)>,
    },
}

/// A raw number that is no value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NoValue {
    /// The number before scaling.
    pub raw: f64,
    /// What it says.
    pub reason: NoData,
}

/// Unit by a register of the device.
#[derive(Clone, PartialEq, Debug)]
pub struct UnitFrom {
    /// The register.
    pub address: u16,
    /// The unit of each number in it, from 0.
    pub units: Vec<Box<str>>,
}

/// What a number stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// A state by name.
    Text(Box<str>),
    /// One of two.
    Bool(bool),
}

impl RegisterMap {
    /// Reads a map; `file` is what findings call it. Without a map there is at least one error.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> (Option<Self>, Vec<Diagnostic>) {
        let (map, findings) = read::read(file, text);
        (map.filter(|_| !has_errors(&findings)), findings)
    }

    /// Makes it again from the context kept with its polls.
    ///
    /// # Errors
    /// What is wrong with the text, in words.
    pub fn from_context(name: &str, text: &str) -> Result<Self, String> {
        let (map, findings) = Self::parse(name, text);
        map.ok_or_else(|| {
            let first = findings.first().map(ToString::to_string);
            format!(
                "the register map `{name}` cannot be read again: {}",
                first.unwrap_or_default()
            )
        })
    }

    /// Points to be verified before they are relied on.
    #[must_use]
    pub fn unverified(&self) -> usize {
        self.points
            .iter()
            .filter(|point| point.confidence.is_unverified())
            .count()
    }

    pub(super) const fn context_parts(&self) -> &Context {
        &self.context
    }

    fn complete(mut self) -> Self {
        let wanted: Vec<Block> = self.points.iter().filter_map(Point::block).collect();
        self.blocks = plan(&wanted, self.max_gap);
        self.context = canonical::context(&self);
        self
    }
}

impl Point {
    /// Registers or bits the value itself takes.
    #[must_use]
    pub const fn width(&self) -> u16 {
        match &self.what {
            What::Number { codec, .. } | What::States { codec, .. } => codec.words() as u16,
            What::Bit { .. } | What::Faults { .. } => 1,
        }
    }

    /// All that must be read in one request for it: the value, and the registers that say its unit and decimals. `None`
    /// when no request can.
    #[must_use]
    pub fn block(&self) -> Option<Block> {
        let (mut first, mut end) = (
            u32::from(self.address),
            u32::from(self.address) + u32::from(self.width()),
        );
        if let What::Number {
            unit_from,
            decimals_from,
            ..
        } = &self.what
        {
            let beside = unit_from
                .as_ref()
                .map(|from| from.address)
                .into_iter()
                .chain(*decimals_from);
            for address in beside.map(u32::from) {
                first = first.min(address);
                end = end.max(address + 1);
            }
        }
        Block::new(
            self.function,
            u16::try_from(first).ok()?,
            u16::try_from(end - first).ok()?,
        )
    }
}
