//! What a device's metrics mean: alias → channel, with datatype and unit conversion, ready to apply.

use super::birth::Birth;
use crate::catalog::{Channel, Equipment};
use crate::hash::ContentHash;
use crate::sample::ChannelIx;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use vigil_protocol::journal as names;
use vigil_protocol::sparkplug::DataType;
use vigil_protocol::vocabulary::{Atmosphere, Conversion, Dimension, PressureKind, Unit};

/// What a metric is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Target {
    /// A channel of the equipment.
    Channel(ChannelIx),
    /// `Journal/Seq`.
    JournalSeq,
    /// `Journal/Dropped`.
    JournalDropped,
    /// `Journal/First`.
    JournalFirst,
    /// `Journal/Boot`.
    JournalBoot,
    /// Nothing the gateway uses. The number is its place among an unregistered device's metrics.
    Other(u16),
}

/// One alias.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) alias: u64,
    pub(crate) target: Target,
    pub(crate) datatype: Option<DataType>,
}

/// How a channel's values are declared, and how they become canonical.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Declaration {
    /// Whether the birth names the channel's metric.
    pub(crate) declared: bool,
    pub(crate) datatype: Option<DataType>,
    pub(crate) scale: Scale,
}

/// From the unit as sent to the quantity's canonical unit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Scale {
    /// Sent in the canonical unit.
    Same,
    /// Another unit.
    Convert(Conversion),
    /// An absolute pressure: converted, then less the standard atmosphere. Not exact at altitude.
    Absolute(Conversion),
    /// Milliamperes: through the channel's current loop to its unit, then on.
    Loop {
        /// From the channel's unit.
        to: Conversion,
        /// The loop measures absolute pressure.
        absolute: bool,
    },
    /// Unit or pressure kind cannot be made to fit.
    Conflict(Conflict),
}

/// Why a unit does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Conflict {
    Unknown,
    OtherDimension,
}

/// What one birth says about one device's metrics. Shared between devices with the same layout.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// Ascending by alias.
    entries: Box<[Entry]>,
    /// By channel index.
    channels: Box<[Declaration]>,
    /// Aliases that are not in it may well be declared: what nobody uses is not kept of strangers.
    partial: bool,
}

impl Table {
    /// The table of a registered device; without a birth only names can be resolved.
    pub(crate) fn of_equipment(equipment: &Equipment, birth: Option<&Birth<'_>>) -> Self {
        let mut channels: Box<[Declaration]> = equipment
            .channels
            .iter()
            .map(|channel| Declaration {
                declared: false,
                datatype: None,
                scale: scale_of(channel, None),
            })
            .collect();
        let mut entries = Vec::new();
        for metric in birth.map_or(&[][..], |birth| &birth.metrics) {
            let target = special(metric.name)
                .or_else(|| equipment.channel_of_metric(metric.name).map(Target::Channel))
                .unwrap_or(Target::Other(u16::MAX));
            if let Target::Channel(ix) = target {
                let ix = usize::from(ix.0);
                channels[ix] = Declaration {
                    declared: true,
                    datatype: metric.datatype,
                    scale: scale_of(&equipment.channels[ix], metric.unit),
                };
            }
            entries.extend(metric.alias.map(|alias| Entry {
                alias,
                target,
                datatype: metric.datatype,
            }));
        }
        Self::sorted(entries, channels, false)
    }

    /// The table of an unregistered device whose metrics `place` puts somewhere.
    pub(crate) fn of_unregistered(birth: &Birth<'_>, mut place: impl FnMut(&str) -> Option<u16>) -> Self {
        let mut entries = Vec::new();
        for metric in &birth.metrics {
            let target =
                special(metric.name).unwrap_or_else(|| Target::Other(place(metric.name).unwrap_or(u16::MAX)));
            // Only what is shown is kept: births of strangers may be large.
            if target != Target::Other(u16::MAX) {
                entries.extend(metric.alias.map(|alias| Entry {
                    alias,
                    target,
                    datatype: metric.datatype,
                }));
            }
        }
        Self::sorted(entries, Box::default(), true)
    }

    fn sorted(mut entries: Vec<Entry>, channels: Box<[Declaration]>, partial: bool) -> Self {
        entries.sort_unstable_by_key(|entry| entry.alias);
        Self {
            entries: entries.into_boxed_slice(),
            channels,
            partial,
        }
    }

    /// What an alias stands for.
    #[inline]
    pub(crate) fn get(&self, alias: u64) -> Option<&Entry> {
        // Most nodes number contiguously: then the place is known.
        let base = self.entries.first()?.alias;
        let guess = alias.wrapping_sub(base);
        if let Some(entry) = usize::try_from(guess)
            .ok()
            .and_then(|guess| self.entries.get(guess))
            && entry.alias == alias
        {
            return Some(entry);
        }
        self.entries
            .binary_search_by_key(&alias, |entry| entry.alias)
            .ok()
            .map(|at| &self.entries[at])
    }

    /// What an alias is for; `None` if no birth declares it.
    #[inline]
    pub(crate) fn resolve(&self, alias: u64) -> Option<(Target, Option<DataType>)> {
        match self.get(alias) {
            Some(entry) => Some((entry.target, entry.datatype)),
            None if self.partial => Some((Target::Other(u16::MAX), None)),
            None => None,
        }
    }

    /// How a channel is declared.
    #[inline]
    pub(crate) fn channel(&self, ix: ChannelIx) -> Option<&Declaration> {
        self.channels.get(usize::from(ix.0))
    }

    /// Channels whose unit cannot be used: (unknown units, units of another dimension).
    pub(crate) fn conflicts(&self) -> (u32, u32) {
        let count = |wanted| {
            self.channels
                .iter()
                .filter(|channel| channel.scale == Scale::Conflict(wanted))
                .count() as u32
        };
        (count(Conflict::Unknown), count(Conflict::OtherDimension))
    }
}

/// Metrics with a meaning of their own, whoever sends them.
pub(crate) fn special(name: &str) -> Option<Target> {
    match name {
        names::METRIC_SEQ => Some(Target::JournalSeq),
        names::METRIC_DROPPED => Some(Target::JournalDropped),
        names::METRIC_FIRST => Some(Target::JournalFirst),
        names::METRIC_BOOT => Some(Target::JournalBoot),
        _ => None,
    }
}

/// How values sent in `unit` (as the node declares it) or else in the channel's own unit become canonical.
pub(crate) fn scale_of(channel: &Channel, unit: Option<&str>) -> Scale {
    let canonical = channel.quantity.unit();
    let declared = match unit.map(str::trim).filter(|unit| !unit.is_empty()) {
        None => None,
        Some(text) => match parse_unit(text) {
            Some(parsed) => Some(parsed),
            // A unit beside a code or a switch says nothing worth refusing it for.
            None if canonical.dimension() == Dimension::None_ => None,
            None => return Scale::Conflict(Conflict::Unknown),
        },
    };
    if canonical.dimension() == Dimension::None_ {
        return Scale::Same;
    }
    // A node that declares another unit than milliamperes has done the scaling itself.
    let milliampere = declared.is_none_or(|(unit, _)| unit == Unit::Milliampere);
    let in_loop = channel.current_loop.is_some() && milliampere;
    let (unit, kind) = declared.filter(|_| !in_loop).unwrap_or((channel.unit, None));
    let Some(conversion) = unit.conversion(canonical) else {
        return Scale::Conflict(Conflict::OtherDimension);
    };
    let absolute = match (kind.or(channel.pressure), channel.quantity.pressure_kind()) {
        (Some(PressureKind::Absolute), Some(PressureKind::Gauge)) => true,
        (Some(sent), Some(wanted)) if sent != wanted => return Scale::Conflict(Conflict::OtherDimension),
        _ => false,
    };
    match (in_loop, absolute) {
        (true, absolute) => Scale::Loop {
            to: conversion,
            absolute,
        },
        (false, true) => Scale::Absolute(conversion),
        (false, false) if unit == canonical => Scale::Same,
        (false, false) => Scale::Convert(conversion),
    }
}

fn parse_unit(text: &str) -> Option<(Unit, Option<PressureKind>)> {
    PressureKind::parse_unit(text).or_else(|| Unit::parse(text).map(|unit| (unit, None)))
}

/// The standard atmosphere in `unit`.
pub(crate) fn standard_atmosphere(unit: Unit) -> f64 {
    Unit::Pascal
        .convert(Atmosphere::STANDARD.pascal(), unit)
        .unwrap_or(0.0)
}

/// Keeps one copy of equal tables: most devices of a site have one of a few layouts.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    by_hash: HashMap<u64, Weak<Table>>,
    /// Size at which dead entries are swept out.
    sweep_at: usize,
}

impl Tables {
    /// The shared copy of `table`.
    pub(crate) fn share(&mut self, table: Table) -> Arc<Table> {
        // The debug text of a table is its whole content; births are rare enough to spend it.
        let hash = ContentHash::of(format!("{table:?}").as_bytes()).short();
        if let Some(known) = self.by_hash.get(&hash).and_then(Weak::upgrade)
            && *known == table
        {
            return known;
        }
        let table = Arc::new(table);
        self.by_hash.insert(hash, Arc::downgrade(&table));
        if self.by_hash.len() > self.sweep_at {
            self.by_hash.retain(|_, table| table.strong_count() > 0);
            self.sweep_at = self.by_hash.len() * 2 + 64;
        }
        table
    }
}
