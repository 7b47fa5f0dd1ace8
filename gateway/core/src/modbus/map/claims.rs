//! Which register, and which bits of it, is whose: two values that claim the same bits are a mistake of the map.

use super::{Function, Point, What};
use crate::diagnostic::Place;
use std::collections::HashMap;
use vigil_protocol::signal::RegisterType;

/// What has been claimed so far.
#[derive(Debug, Default)]
pub(super) struct Claims {
    taken: HashMap<(Function, u16), Vec<Claim>>,
    metrics: HashMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Claim {
    bits: u16,
    metric: Box<str>,
    line: usize,
}

impl Claims {
    /// Takes the registers of a point, which stands at `place`.
    ///
    /// # Errors
    /// What is claimed twice, and where the other claim stands.
    pub(super) fn take(&mut self, point: &Point, place: &Place) -> Result<(), (String, String)> {
        if let Some(line) = self.metrics.insert(point.metric.clone(), place.line) {
            let message = format!("`{}` is there twice", point.metric);
            return Err((message, format!("the other one is in line {line}")));
        }
        let mask = mask(point);
        for address in point.address..=point.address.saturating_add(point.width().saturating_sub(1)) {
            let claims = self.taken.entry((point.function, address)).or_default();
            if let Some(other) = claims.iter().find(|claim| claim.bits & mask != 0) {
                let what = if mask == u16::MAX || point.function.is_bits() {
                    format!("the {} {address:#06x}", point.function.title_en())
                } else {
                    format!("bit {} of {address:#06x}", (other.bits & mask).trailing_zeros())
                };
                let message = format!("`{}` and `{}` both claim {what}", point.metric, other.metric);
                return Err((message, format!("the other one is in line {}", other.line)));
            }
            claims.push(Claim {
                bits: mask,
                metric: point.metric.clone(),
                line: place.line,
            });
        }
        Ok(())
    }
}

fn mask(point: &Point) -> u16 {
    let field = |start: u8, len: u8| (u16::MAX >> (16 - len.clamp(1, 16))) << start.min(15);
    match &point.what {
        What::Bit { bit, .. } => 1 << (*bit).min(15),
        What::Number { codec, .. } | What::States { codec, .. } => match codec.kind {
            RegisterType::Bits { start, len } => field(start, len),
            _ => u16::MAX,
        },
        What::Faults { .. } => u16::MAX,
    }
}
