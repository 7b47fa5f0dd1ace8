//! Second stage: messages change what is known, in the order the node sent them.

use super::birth::Birth;
use super::oddity::OddityKey;
use super::receive::{Applied, message_time};
use super::sequence::Held;
use super::table::Table;
use super::unregistered::Unregistered;
use super::{Host, Node, REBORN_WITHIN_MS};
use crate::equipment::Moment;
use crate::input::Position;
use crate::output::{CommandKind, Output};
use vigil_protocol::sparkplug::{MessageType, PayloadView};

/// A node's clock further off than this is set right, if the node lets us.
const CLOCK_OFF_MS: i64 = 10_000;

impl Node {
    /// Applies one message. `read`: it is in the intake already.
    pub(super) fn apply(&mut self, host: &mut Host<'_>, applied: &Applied<'_>, read: bool) {
        if !self.journaling {
            self.count_plain(host, applied);
        }
        match applied.message {
            MessageType::NData | MessageType::DData => {
                if !read {
                    self.read(host, applied.at, &applied.view, false);
                }
                self.apply_data(host, applied);
            }
            MessageType::DBirth => self.apply_device_birth(host, applied),
            MessageType::DDeath => self.apply_device_death(host, applied),
            // Births and deaths of the node itself are applied when they arrive.
            MessageType::NBirth | MessageType::NDeath | MessageType::NCmd | MessageType::DCmd => {}
        }
    }

    fn count_plain(&mut self, host: &mut Host<'_>, applied: &Applied<'_>) {
        let behind = applied.behind;
        self.counts.add(&self.key, host.now, host.out, |totals| {
            if behind {
                // It was counted as expected when it was given up.
                totals.late += 1;
            } else {
                totals.expected += 1;
                totals.received += 1;
            }
        });
        if behind {
            self.note(OddityKey::LateMessage, host.now);
        }
        // Some leave the number out of device deaths; that hides no loss.
        if applied.view.seq.is_none() && applied.message != MessageType::DDeath {
            self.note(OddityKey::NoSeq, host.now);
        }
    }

    /// Applies what was waiting for the message just applied.
    pub(super) fn drain(&mut self, host: &mut Host<'_>) {
        while let Some(held) = self.sequence.take_ready() {
            self.note(OddityKey::Reordered, host.now);
            self.apply_held(host, &held);
        }
    }

    /// Waiting was in vain for the messages held too long.
    pub(super) fn give_up_due(&mut self, host: &mut Host<'_>) {
        while self
            .sequence
            .deadline(host.settings.reorder_timeout_ms)
            .is_some_and(|due| due <= host.now)
        {
            self.give_up_one(host);
            self.drain(host);
        }
    }

    /// Nothing is waited for any longer.
    pub(super) fn give_up_all(&mut self, host: &mut Host<'_>) {
        while self.sequence.held() > 0 {
            self.give_up_one(host);
        }
    }

    fn give_up_one(&mut self, host: &mut Host<'_>) {
        let Some((held, missing)) = self.sequence.take_given_up() else {
            return;
        };
        if missing > 0 {
            self.seq_gaps = self.seq_gaps.saturating_add(1);
            // A journal counts for itself, and asks for what is missing.
            if !self.journaling {
                self.note(OddityKey::SeqGap, host.now);
                // More than half the numbers there are is no gap but a new beginning.
                let missing = if missing < 128 { missing } else { 0 };
                self.counts
                    .add(&self.key, host.now, host.out, |totals| totals.expected += missing);
                self.want_rebirth(host.now, host.settings);
            }
            self.lose_track(host, held.position);
        }
        self.apply_held(host, &held);
    }

    /// Something was not heard: what was known may have changed since.
    fn lose_track(&self, host: &mut Host<'_>, position: Position) {
        for ix in self.devices.iter().filter_map(|device| device.equipment) {
            host.tell(ix, |state, equipment, _| state.on_break(equipment, position));
        }
    }

    fn apply_held(&mut self, host: &mut Host<'_>, held: &Held) {
        // It was decodable when it arrived.
        let Ok(view) = PayloadView::parse(&held.payload) else {
            return;
        };
        let at = self.find(held.device.as_deref());
        let applied = Applied {
            message: held.message,
            at,
            view,
            position: held.position,
            behind: false,
        };
        self.apply(host, &applied, false);
    }

    fn apply_data(&mut self, host: &mut Host<'_>, applied: &Applied<'_>) {
        let intake = std::mem::take(host.intake);
        let historical = intake.is_historical();
        let time = message_time(host, &applied.view, false);
        let moment = Moment {
            position: applied.position,
            received: host.now,
            published: time.published(historical),
            historical,
        };
        intake.notes.record(&mut self.oddities, host.now);
        self.clock_offset_ms = intake.notes.clock_offset.or(self.clock_offset_ms);
        self.heard_alive(host, applied.at, &moment);
        if let Some(at) = applied.at {
            if let Some(ix) = self.devices[at].equipment {
                if intake.notes.unknown_alias > 0 {
                    self.want_rebirth(host.now, host.settings);
                }
                if intake.booted {
                    let first = intake.historical.first().map(|sample| sample.at);
                    host.tell(ix, |state, equipment, _| match first {
                        Some(at) => state.on_late_break(at),
                        None => state.on_break(equipment, moment.position),
                    });
                }
                if !intake.historical.is_empty() {
                    let published = time.published(true);
                    let late = Moment {
                        historical: true,
                        published,
                        ..moment
                    };
                    host.tell(ix, |state, equipment, out| {
                        state.on_samples(equipment, &late, &intake.historical, out)
                    });
                }
                if !intake.live.is_empty() {
                    let live = Moment {
                        historical: false,
                        ..moment
                    };
                    host.tell(ix, |state, equipment, out| {
                        state.on_samples(equipment, &live, &intake.live, out)
                    });
                } else if !historical {
                    host.tell(ix, |state, equipment, out| {
                        state.on_heard(equipment, &moment, out)
                    });
                }
            } else {
                self.list_unregistered(host, at, &applied.view, false);
            }
        }
        if applied.message == MessageType::NData {
            self.journal_told(host, intake.journal_first, intake.journal_dropped, &moment);
            if !historical {
                self.heartbeat(host, &moment);
            }
        }
        *host.intake = intake;
    }

    /// The node's word also speaks for its devices: what they said last still holds.
    fn heartbeat(&mut self, host: &mut Host<'_>, moment: &Moment) {
        for device in &self.devices[1..] {
            if let Some(ix) = device.equipment.filter(|_| device.online && device.born) {
                host.tell(ix, |state, equipment, out| state.on_heard(equipment, moment, out));
            }
        }
    }

    /// Who sends is alive, whatever births and deaths say.
    fn heard_alive(&mut self, host: &mut Host<'_>, at: Option<usize>, moment: &Moment) {
        let born = at.is_none_or(|at| self.devices[at].born);
        if !self.online || !born {
            let after_death = !self.online && self.births > 0;
            let odd = if after_death {
                OddityKey::DataAfterDeath
            } else {
                OddityKey::DataBeforeBirth
            };
            self.note(odd, host.now);
            self.want_rebirth(host.now, host.settings);
            self.set_online(host.now);
        }
        if let Some(at) = at
            && !self.devices[at].online
        {
            self.set_device_online(host, at, true, moment);
        }
    }

    /// A new session of the node begins.
    pub(super) fn apply_node_birth(
        &mut self,
        host: &mut Host<'_>,
        view: &PayloadView<'_>,
        birth: &Birth<'_>,
        position: Position,
    ) {
        self.births = self.births.saturating_add(1);
        // A rebirth keeps the number of its session. The death of the old one may be lost, or have been overtaken.
        let unheard_end = self.births > 1 && self.bd_seq.is_some() && self.bd_seq != birth.bd_seq;
        self.bd_seq = birth.bd_seq;
        match birth.bd_seqs {
            0 => self.note(OddityKey::NoBdSeq, host.now),
            1 => {}
            _ => self.note(OddityKey::TwoBdSeq, host.now),
        }
        self.rebirth.on_birth(host.now);
        if let Some(firmware) = birth.firmware {
            let end = firmware
                .char_indices()
                .nth(64)
                .map_or(firmware.len(), |(end, _)| end);
            self.firmware = Some(firmware[..end].into());
        }
        self.set_online(host.now);
        if birth.takes_time && is_off(view, host) {
            self.command(host.out, CommandKind::Time);
        }
        let moment = birth_moment(host, view, position);
        self.journal_born(host, birth, &moment);
        let missed = match (self.journal.as_deref().filter(|_| self.journaling), birth.next) {
            // A journal tells: who has all of it has missed nothing between sessions, or before a rebirth.
            (Some(journal), Some(next)) => !journal.has_all_below(next),
            _ => unheard_end,
        };
        if self.journaling {
            self.sequence.start_journaled(birth.next);
        } else {
            self.sequence.start(view.seq);
        }
        if missed {
            self.lose_track(host, position);
        }
        let mut waiting = false;
        for device in &mut self.devices[1..] {
            waiting |= device.online;
            device.born = false;
        }
        self.reborn_due = waiting.then(|| host.now.saturating_add_ms(REBORN_WITHIN_MS));
        if !self.journaling {
            self.counts.add(&self.key, host.now, host.out, |totals| {
                totals.expected += 1;
                totals.received += 1;
            });
        }
        self.be_born(host, 0, view, birth, &moment);
    }

    fn apply_device_birth(&mut self, host: &mut Host<'_>, applied: &Applied<'_>) {
        let Some(at) = applied.at else { return };
        let birth = Birth::read(&applied.view);
        if !self.online {
            let odd = if self.births > 0 {
                OddityKey::DataAfterDeath
            } else {
                OddityKey::DataBeforeBirth
            };
            self.note(odd, host.now);
            self.want_rebirth(host.now, host.settings);
            self.set_online(host.now);
        }
        let moment = birth_moment(host, &applied.view, applied.position);
        self.be_born(host, at, &applied.view, &birth, &moment);
    }

    /// What a birth means for the device it is of.
    fn be_born(
        &mut self,
        host: &mut Host<'_>,
        at: usize,
        view: &PayloadView<'_>,
        birth: &Birth<'_>,
        moment: &Moment,
    ) {
        for (key, count) in [
            (OddityKey::BadMetric, birth.bad_metrics),
            (OddityKey::TooManyMetrics, birth.left_out),
            (OddityKey::DuplicateNames, birth.twice_named),
            (OddityKey::DuplicateAliases, birth.twice_aliased),
            (OddityKey::CaseOnlyNames, birth.case_only),
        ] {
            self.oddities.note_many(key, count, host.now);
        }
        self.set_table(host, at, birth);
        let device = &mut self.devices[at];
        device.born = true;
        device.metrics = birth.count;
        let equipment = device.equipment;
        if birth.booted
            && let Some(ix) = equipment
        {
            host.tell(ix, |state, equipment, _| {
                state.on_break(equipment, moment.position)
            });
        }
        self.set_device_online(host, at, true, moment);
        match equipment {
            Some(ix) => {
                self.read(host, Some(at), view, true);
                let intake = std::mem::take(host.intake);
                intake.notes.record(&mut self.oddities, host.now);
                self.clock_offset_ms = intake.notes.clock_offset.or(self.clock_offset_ms);
                if !intake.historical.is_empty() {
                    let late = Moment {
                        historical: true,
                        ..*moment
                    };
                    host.tell(ix, |state, equipment, out| {
                        state.on_samples(equipment, &late, &intake.historical, out)
                    });
                }
                if intake.live.is_empty() {
                    host.tell(ix, |state, equipment, out| state.on_heard(equipment, moment, out));
                } else {
                    host.tell(ix, |state, equipment, out| {
                        state.on_samples(equipment, moment, &intake.live, out)
                    });
                }
                *host.intake = intake;
            }
            None => self.list_unregistered(host, at, view, true),
        }
    }

    /// Makes the device's table the one its birth declares.
    pub(super) fn set_table(&mut self, host: &mut Host<'_>, at: usize, birth: &Birth<'_>) {
        let device = &mut self.devices[at];
        let table = match host.equipment(device.equipment) {
            Some(equipment) => Table::of_equipment(equipment, Some(birth)),
            None => {
                let crowd = *host.strangers;
                if device.unregistered.is_none() && device.id.is_none() && !self.known {
                    device.unregistered = Some(Box::new(Unregistered::new(host.now)));
                }
                let mut unregistered = device.unregistered.as_mut();
                Table::of_unregistered(birth, |name| unregistered.as_mut()?.place(name, crowd))
            }
        };
        device.table = Some(host.tables.share(table));
        self.note_units(host, at);
    }

    fn note_units(&mut self, host: &Host<'_>, at: usize) {
        let (unknown, wrong) = self.devices[at]
            .table
            .as_ref()
            .map_or((0, 0), |table| table.conflicts());
        self.oddities.note_many(OddityKey::UnknownUnit, unknown, host.now);
        self.oddities.note_many(OddityKey::WrongUnit, wrong, host.now);
    }

    /// Keeps and tells what a device says that the catalog does not know.
    pub(super) fn list_unregistered(
        &mut self,
        host: &mut Host<'_>,
        at: usize,
        view: &PayloadView<'_>,
        birth: bool,
    ) {
        let device = &mut self.devices[at];
        if device.unregistered.is_none() && device.id.is_none() && !self.known {
            device.unregistered = Some(Box::new(Unregistered::new(host.now)));
        }
        let Some(unregistered) = device.unregistered.as_mut() else {
            return;
        };
        unregistered.on_message(view, device.table.as_deref(), *host.strangers, host.now);
        if unregistered.take_due(birth, host.now) {
            host.out.push(Output::Unregistered(
                unregistered.describe(&self.key, device.id.as_ref()),
            ));
        }
    }
}

/// Whether a birth is dated so that its node should be told the time: it was made a moment ago.
fn is_off(view: &PayloadView<'_>, host: &Host<'_>) -> bool {
    view.timestamp
        .is_none_or(|at| at.since(host.now).saturating_abs() > CLOCK_OFF_MS)
}

fn birth_moment(host: &Host<'_>, view: &PayloadView<'_>, position: Position) -> Moment {
    let published = message_time(host, view, true).published(false);
    Moment {
        position,
        received: host.now,
        published,
        historical: false,
    }
}
