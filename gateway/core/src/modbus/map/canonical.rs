//! The text a map can be made again from: what it means, not how it is laid out.

use super::{Context, Point, RegisterMap, State, What};
use crate::hash::ContentHash;
use std::fmt::Write as _;
use vigil_protocol::signal::{RegisterCodec, RegisterType, WordOrder};

pub(super) const ORDERS: &[(&str, WordOrder)] = &[
    ("big_endian", WordOrder::BigEndian),
    ("little_endian", WordOrder::LittleEndian),
    ("byte_swap", WordOrder::ByteSwap),
    ("word_swap", WordOrder::WordSwap),
    ("ABCD", WordOrder::BigEndian),
    ("DCBA", WordOrder::LittleEndian),
    ("BADC", WordOrder::ByteSwap),
    ("CDAB", WordOrder::WordSwap),
];

pub(super) const TYPES: &[(&str, RegisterType)] = &[
    ("u16", RegisterType::U16),
    ("i16", RegisterType::I16),
    ("u32", RegisterType::U32),
    ("i32", RegisterType::I32),
    ("u64", RegisterType::U64),
    ("i64", RegisterType::I64),
    ("f32", RegisterType::F32),
    ("f64", RegisterType::F64),
    ("bcd16", RegisterType::Bcd16),
];

pub(super) fn context(map: &RegisterMap) -> Context {
    let name = format!("modbus:{}", map.id);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ok = write(&mut text, map);
    Context {
        hash: ContentHash::of_parts(&[name.as_bytes(), text.as_bytes()]),
        name: name.into(),
        text: text.into(),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn write(out: &mut String, map: &RegisterMap) -> std::fmt::Result {
    writeln!(out, "id = {}", quoted(&map.id))?;
    writeln!(
        out,
        "confidence = \"{}\"\nmax_gap = {}",
        map.confidence.key(),
        map.max_gap
    )?;
    map.points.iter().try_for_each(|point| write_point(out, point))
}

fn write_point(out: &mut String, point: &Point) -> std::fmt::Result {
    writeln!(out, "\n[[value]]")?;
    if let Some(quantity) = point.quantity {
        writeln!(out, "quantity = \"{quantity}\"")?;
    }
    if point
        .quantity
        .is_none_or(|quantity| quantity.metric() != &*point.metric)
    {
        writeln!(out, "metric = {}", quoted(&point.metric))?;
    }
    writeln!(
        out,
        "function = {}\naddress = {}",
        point.function.code(),
        point.address
    )?;
    if let Some(unit) = &point.unit {
        writeln!(out, "unit = {}", quoted(unit))?;
    }
    writeln!(out, "confidence = \"{}\"", point.confidence.key())?;
    match &point.what {
        What::Number {
            codec,
            no_data,
            unit_from,
            decimals_from,
        } => {
            write_codec(out, codec)?;
            writeln!(out, "scale = {:?}\noffset = {:?}", codec.scale, codec.offset)?;
            let members: Vec<_> = no_data
                .iter()
                .map(|no| format!("\"{}\" = \"{}\"", no.raw, no.reason))
                .collect();
            if !members.is_empty() {
                writeln!(out, "no_data = {{ {} }}", members.join(", "))?;
            }
            if let Some(from) = unit_from {
                let units: Vec<_> = from.units.iter().map(|unit| quoted(unit)).collect();
                writeln!(
                    out,
                    "unit_from = {{ address = {}, units = [{}] }}",
                    from.address,
                    units.join(", ")
                )?;
            }
            if let Some(address) = decimals_from {
                writeln!(out, "decimals_from = {{ address = {address} }}")?;
            }
            Ok(())
        }
        // A coil or input has no bits to choose from.
        What::Bit { invert, .. } if point.function.is_bits() => writeln!(out, "invert = {invert}"),
        What::Bit { bit, invert } => writeln!(out, "bit = {bit}\ninvert = {invert}"),
        What::States { codec, states } => {
            write_codec(out, codec)?;
            let members: Vec<_> = states
                .iter()
                .map(|(number, state)| match state {
                    State::Text(text) => format!("\"{number}\" = {}", quoted(text)),
                    State::Bool(on) => format!("\"{number}\" = {on}"),
                })
                .collect();
            writeln!(out, "states = {{ {} }}", members.join(", "))
        }
        What::Faults { bits } => {
            let members: Vec<_> = bits
                .iter()
                .map(|(bit, code)| format!("\"{bit}\" = {}", quoted(code)))
                .collect();
            writeln!(out, "faults = {{ {} }}", members.join(", "))
        }
    }
}

fn write_codec(out: &mut String, codec: &RegisterCodec) -> std::fmt::Result {
    if let RegisterType::Bits { start, len } = codec.kind {
        return writeln!(out, "bits = \"{start}-{}\"", start + len - 1);
    }
    let kind = TYPES.iter().find(|(_, kind)| *kind == codec.kind);
    let order = ORDERS.iter().find(|(_, order)| *order == codec.order);
    writeln!(
        out,
        "type = \"{}\"\norder = \"{}\"",
        kind.map_or("u16", |(name, _)| name),
        order.map_or("big_endian", |(name, _)| name)
    )
}
