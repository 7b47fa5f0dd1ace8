//! Periods without trustworthy data: as records for people, and as holes in the coverage.

use super::{EquipmentState, Moment, Rare};
use crate::catalog::Equipment;
use crate::output::{GapReason, GapRecord, Output, Outputs};
use crate::sample::ChannelIx;
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// Closed gaps and holes kept for data that may still come.
pub(super) const KEPT: usize = 8;
/// Filling is written in steps of this much source time, and at the end.
const FILL_STEP_MS: i64 = 60_000;

/// A gap with how far it is filled; the record follows in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gap {
    record: GapRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    filled: Option<UtcMillis>,
}

impl Gap {
    pub(crate) fn record(&self) -> &GapRecord {
        &self.record
    }

    fn is_open_whole(&self) -> bool {
        self.record.quantity.is_none() && self.record.to.is_none()
    }

    fn write_fill(&mut self, out: &mut Outputs) {
        if self.filled != self.record.filled_to {
            self.record.filled_to = self.filled;
            out.push(Output::Gap(self.record.clone()));
        }
    }
}

impl Rare {
    fn open_gap(&mut self, record: GapRecord, out: &mut Outputs) {
        out.push(Output::Gap(record.clone()));
        self.gaps.push(Gap { record, filled: None });
        // Only whole gaps are kept once they are closed; channels' go at once.
        let closed = |gap: &Gap| gap.record.to.is_some();
        while self.gaps.iter().filter(|gap| closed(gap)).count() > KEPT {
            match self.gaps.iter().position(closed) {
                Some(oldest) => drop(self.gaps.remove(oldest)),
                None => break,
            }
        }
    }

    /// Late data reached source time `to`.
    pub(super) fn fill(&mut self, to: i64, out: &mut Outputs) {
        let fillable =
            |gap: &&mut Gap| gap.record.quantity.is_none() && gap.record.reason != GapReason::Dropped;
        for gap in self.gaps.iter_mut().filter(fillable) {
            let from = gap.record.from.0;
            let end = gap.record.to.map_or(i64::MAX, |end| end.0);
            if to < from || gap.filled.is_some_and(|filled| filled.0 >= to.min(end)) {
                continue;
            }
            // Data from after the gap's end says nothing about the gap.
            if to > end {
                continue;
            }
            gap.filled = Some(UtcMillis(to));
            let written = gap.record.filled_to.map_or(from, |filled| filled.0);
            if to - written >= FILL_STEP_MS || to == end {
                gap.write_fill(out);
            }
        }
    }

    pub(super) fn write_fills(&mut self, out: &mut Outputs) {
        for gap in &mut self.gaps {
            gap.write_fill(out);
        }
    }
}

impl EquipmentState {
    pub(super) fn has_open_gap(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.gaps.iter().any(Gap::is_open_whole))
    }

    /// The whole equipment is out of sight from the last word on.
    pub(super) fn open_gap(
        &mut self,
        equipment: &Equipment,
        from: UtcMillis,
        reason: GapReason,
        out: &mut Outputs,
    ) {
        if self.has_open_gap() {
            return;
        }
        let record = GapRecord {
            equipment: equipment.id.clone(),
            quantity: None,
            from,
            to: None,
            reason,
            filled_to: None,
        };
        self.rare().open_gap(record, out);
    }

    /// The equipment is in sight again as of source time `to`.
    pub(super) fn close_gap(&mut self, to: i64, out: &mut Outputs) {
        let Some(rare) = &mut self.rare else { return };
        for gap in rare.gaps.iter_mut().filter(|gap| gap.is_open_whole()) {
            gap.record.to = Some(UtcMillis(to.max(gap.record.from.0)));
            out.push(Output::Gap(gap.record.clone()));
        }
    }

    /// Live words left out the time from `from` to `to`.
    pub(super) fn note_hole(&mut self, equipment: &Equipment, from: i64, to: i64, out: &mut Outputs) {
        if !self.broken {
            self.take_seed();
        }
        if !self.has_open_gap() {
            // The words came close together, but what they tell of lies far apart.
            self.open_gap(equipment, UtcMillis(from), GapReason::Silent, out);
        }
        let rare = self.rare();
        if rare.holes.len() == KEPT {
            rare.holes.remove(0);
        }
        rare.holes.push((from, to));
        self.irregular = true;
    }

    /// A channel became unusable, or usable again.
    pub(super) fn note_quality(
        &mut self,
        equipment: &Equipment,
        channel: ChannelIx,
        usable: bool,
        at: UtcMillis,
        out: &mut Outputs,
    ) {
        let Some(quantity) = equipment
            .channels
            .get(usize::from(channel.0))
            .map(|channel| channel.quantity)
        else {
            return;
        };
        let mine = |gap: &Gap| gap.record.quantity == Some(quantity);
        if !usable {
            let open = self.rare.as_ref().is_some_and(|rare| rare.gaps.iter().any(mine));
            if !open {
                let record = channel_gap(equipment, quantity, at);
                self.rare().open_gap(record, out);
            }
        } else if let Some(rare) = &mut self.rare
            && let Some(index) = rare.gaps.iter().position(mine)
        {
            let mut gap = rare.gaps.remove(index);
            gap.record.to = Some(at);
            out.push(Output::Gap(gap.record));
        }
    }

    /// The node's journal dropped messages before they could be sent.
    pub fn on_dropped(&mut self, equipment: &Equipment, moment: &Moment, messages: u64, out: &mut Outputs) {
        if messages == 0 {
            return;
        }
        // They are from the time the node was away: now, or just before it came back.
        let hole = self
            .rare
            .as_ref()
            .and_then(|rare| rare.holes.last())
            .map(|(from, _)| *from);
        let away = if self.broken {
            self.live.watermark
        } else {
            hole.or(self.live.watermark)
        };
        let from = away.map_or(moment.published, UtcMillis).min(moment.published);
        let record = GapRecord {
            equipment: equipment.id.clone(),
            quantity: None,
            from,
            to: Some(moment.published),
            reason: GapReason::Dropped,
            filled_to: None,
        };
        self.rare().open_gap(record, out);
    }
}

fn channel_gap(equipment: &Equipment, quantity: Quantity, from: UtcMillis) -> GapRecord {
    GapRecord {
        equipment: equipment.id.clone(),
        quantity: Some(quantity),
        from,
        to: None,
        reason: GapReason::BadQuality,
        filled_to: None,
    }
}
