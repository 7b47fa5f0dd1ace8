//! The clock of a session: readings taken before the time was known are corrected when it is.

use vigil_protocol::sparkplug::PayloadView;
use vigil_protocol::time::UtcMillis;

use super::Session;
use super::report::RECORD_HEAD;
use crate::storage::Storage;
use crate::time::BootId;

/// What is told of a stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Told {
    /// As it is.
    Stamp(UtcMillis),
    /// The clock was set since: the time it stands for.
    Corrected(UtcMillis),
    /// It was taken in an earlier boot, which never knew the time: no time stands for it.
    Unknown,
}

impl<S: Storage, const METRICS: usize, const DEVICES: usize> Session<'_, S, METRICS, DEVICES> {
    /// Sets the node's clock: `now` of its own stands for `utc`. The same as `Node Control/Time`.
    ///
    /// A node that does not know the time sets its clock to [`BootId::stamp`]: boot and uptime. When it is set to a
    /// time later, what was measured in this boot gets the time it was measured at, and its messages say so
    /// (property `TimeCorrected` of their `Journal/Seq`). What is left of an earlier boot that never knew the time is
    /// sent as stale, with the time of sending. What is sent before the time is known is not sent again: wait for the
    /// time, for as long as that is reasonable, before connecting.
    pub fn set_clock(&mut self, now: UtcMillis, utc: UtcMillis) {
        let (old, new) = (self.clock_offset_ms, utc.since(now));
        let known = BootId::of_stamp(utc).is_none();
        if let (Some((boot, _)), true) = (BootId::of_stamp(self.utc(now)), known) {
            self.before_sync = Some((boot, old));
            let shift = |at: &mut Option<UtcMillis>| {
                *at = at.map(|at| at.saturating_add_ms(new - old));
            };
            for slot in &mut self.slots {
                shift(&mut slot.at);
            }
            for device in &mut self.devices {
                shift(&mut device.said);
            }
            shift(&mut self.node_said);
        }
        self.clock_offset_ms = new;
    }

    /// Whether the clock shows a time, and not boot and uptime.
    pub(crate) fn is_time_known(&self, now: UtcMillis) -> bool {
        BootId::of_stamp(self.utc(now)).is_none()
    }

    /// What is told of `stamp` at `now`.
    pub(crate) fn told(&self, now: UtcMillis, stamp: UtcMillis) -> Told {
        match (BootId::of_stamp(stamp), self.before_sync) {
            (None, _) => Told::Stamp(stamp),
            _ if !self.is_time_known(now) => Told::Stamp(stamp),
            (Some((boot, _)), Some((own, offset))) if boot == own => {
                Told::Corrected(stamp.saturating_add_ms(self.clock_offset_ms - offset))
            }
            (Some(_), _) => Told::Unknown,
        }
    }

    /// Whether a record must be told otherwise than it was written.
    pub(crate) fn is_stamped_otherwise(&self, now: UtcMillis, record: &[u8]) -> bool {
        let payload = record.get(RECORD_HEAD..).map(PayloadView::parse);
        match payload {
            Some(Ok(payload)) => {
                let stamp = payload.timestamp;
                stamp.is_some_and(|stamp| self.told(now, stamp) != Told::Stamp(stamp))
            }
            _ => false,
        }
    }
}
