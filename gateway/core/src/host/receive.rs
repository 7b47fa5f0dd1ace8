//! First stage: is the message new? Then it is logged, and applied when its turn has come.

use super::birth::Birth;
use super::device::Device;
use super::intake::Lens;
use super::oddity::OddityKey;
use super::sequence::{Held, Order};
use super::unregistered::Unregistered;
use super::{Host, Node};
use crate::equipment::Moment;
use crate::field::Source;
use crate::hash::ContentHash;
use crate::input::Position;
use crate::journal::Offered;
use crate::normalize::MessageTime;
use crate::output::{DecodeContext, LogEntry, Output};
use std::sync::Arc;
use vigil_protocol::sparkplug::{MessageType, PayloadView};

/// Unregistered devices kept over all nodes, and per node.
pub(crate) const MAX_STRANGERS: usize = 10_000;
const MAX_DEVICES: usize = 1_000;
const MAX_LIVE_REPEATS: u8 = 8;

/// A decodable message of a node.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) message: MessageType,
    pub(crate) device: Option<&'a str>,
    /// Where the device is in the node's list, if the caller knows.
    pub(crate) at: Option<usize>,
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) view: PayloadView<'a>,
    pub(crate) position: Position,
}

/// A message ready to be applied.
pub(super) struct Applied<'a> {
    pub(super) message: MessageType,
    pub(super) at: Option<usize>,
    pub(super) view: PayloadView<'a>,
    pub(super) position: Position,
    /// It had been given up.
    pub(super) behind: bool,
}

impl Node {
    /// A message arrived that is not retained, decodable and not seen at this position before.
    pub(crate) fn on_message(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        match incoming.message {
            MessageType::NData | MessageType::DData => self.receive_data(host, incoming),
            MessageType::NBirth | MessageType::DBirth => self.receive_birth(host, incoming),
            MessageType::NDeath => self.receive_node_death(host, incoming),
            MessageType::DDeath => self.receive_device_death(host, incoming),
            MessageType::NCmd | MessageType::DCmd => return,
        }
        self.dirty = true;
    }

    /// Where a device is in the list.
    pub(crate) fn find(&self, device: Option<&str>) -> Option<usize> {
        self.devices
            .iter()
            .position(|known| known.id.as_deref() == device)
    }

    fn receive_data(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        let at = incoming.at.or_else(|| self.find(incoming.device));
        self.read(host, at, &incoming.view, false);
        let historical = host.intake.is_historical();
        let torn = historical && self.is_torn(host.intake.journal_seq);
        let journal = match host.intake.journal_seq {
            Some(seq) => match self.offer(host, seq, historical) {
                Ok(journal) => journal,
                Err(()) => return,
            },
            None if self.journaling && host.intake.notes.unknown_alias > 0 => {
                // Its number may be behind the unknown alias; the node keeps it and sends it again after its birth.
                if !self.rebirth.exhausted(host.settings) {
                    self.note(OddityKey::UnknownAlias, host.now);
                    self.want_rebirth(host.now, host.settings);
                    self.finish_unlogged(host);
                    return;
                }
                None
            }
            None => None,
        };
        if journal.is_none() && !self.journaling && incoming.view.seq.is_some() {
            let print = match at {
                Some(at) => self.devices[at].fingerprint(incoming.payload),
                None => super::recent::fingerprint(incoming.device.unwrap_or(""), incoming.payload),
            };
            if self.recent.is_repeat(print) {
                self.repeat(host);
                return;
            }
        }
        let at = at.or_else(|| self.add_device(host, incoming.device));
        self.log(host, incoming, at, journal, host.intake.any_historical);
        // What is sent again keeps no order with what is sent as it happens.
        let live = journal.filter(|_| !historical).map(|(_, seq)| seq);
        if torn {
            self.note_torn(host);
        }
        self.in_turn(host, incoming, at, live, true);
        if journal.is_some() {
            self.filling |= historical;
            if self.filling && !historical {
                self.note_filled(host, incoming);
            }
        }
    }

    /// Once everything up to the last live word is there, the equipment hears of it; the node's own word is for all.
    fn note_filled(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        let journal = self.journal.as_deref();
        let next = self.sequence.next_journaled();
        if !journal
            .zip(next)
            .is_some_and(|(journal, next)| journal.has_all_below(next))
        {
            return;
        }
        let moment = Moment {
            position: incoming.position,
            received: host.now,
            published: incoming.view.timestamp.unwrap_or(host.now),
            historical: false,
        };
        for ix in self.devices.iter().filter_map(|device| device.equipment) {
            host.tell(ix, |state, equipment, out| {
                state.on_filled(equipment, &moment, out)
            });
        }
        self.filling = incoming.message != MessageType::NData;
    }

    /// Something before the message with this journal number is still to come.
    fn is_torn(&self, seq: Option<u64>) -> bool {
        let journal = self.journal.as_deref();
        journal
            .zip(seq)
            .is_some_and(|(journal, seq)| !journal.has_before(seq))
    }

    /// History goes on after something that is missing: nobody knows which device it is of.
    fn note_torn(&self, host: &mut Host<'_>) {
        let Some(at) = host.intake.historical.first().map(|sample| sample.at) else {
            return;
        };
        for ix in self.devices.iter().filter_map(|device| device.equipment) {
            host.tell(ix, |state, _, _| state.on_late_break(at));
        }
    }

    /// Reads a message into the intake.
    pub(super) fn read(
        &mut self,
        host: &mut Host<'_>,
        at: Option<usize>,
        view: &PayloadView<'_>,
        birth: bool,
    ) {
        let time = message_time(host, view, birth);
        let catalog = host.catalog;
        let device = at.map(|at| &mut self.devices[at]);
        let equipment = device
            .as_ref()
            .and_then(|device| device.equipment)
            .and_then(|ix| catalog.equipment.get(ix.0 as usize));
        let table = device.and_then(|device| device.table(equipment, host.tables));
        host.intake.read(
            view,
            &Lens {
                equipment,
                table,
                time,
            },
        );
    }

    /// Offers a journal number. `Err`: nothing more is to be done with the message.
    fn offer(&mut self, host: &mut Host<'_>, seq: u64, historical: bool) -> Result<Option<(u64, u64)>, ()> {
        let Some(journal) = self.journal.as_mut() else {
            // Without the epoch it could not be recognized when it comes again. The node keeps it and will send
            // it again after its birth; only a node that will not be born is taken as it is.
            if self.rebirth.exhausted(host.settings) {
                return Ok(None);
            }
            self.note(OddityKey::JournalWithoutEpoch, host.now);
            self.want_rebirth(host.now, host.settings);
            self.finish_unlogged(host);
            return Err(());
        };
        let epoch = journal.epoch();
        match journal.offer(seq, host.now, host.settings) {
            Offered::New { exist } => {
                self.live_repeats = 0;
                self.counts.add(&self.key, host.now, host.out, |totals| {
                    totals.expected += exist;
                    *(if historical {
                        &mut totals.late
                    } else {
                        &mut totals.received
                    }) += 1;
                });
                Ok(Some((epoch, seq)))
            }
            Offered::Duplicate => {
                // What is sent again says so. If it does not, the numbers may be of an epoch whose birth
                // was not heard.
                self.live_repeats = if historical {
                    0
                } else {
                    self.live_repeats.saturating_add(1)
                };
                if self.live_repeats >= MAX_LIVE_REPEATS {
                    self.live_repeats = 0;
                    self.want_rebirth(host.now, host.settings);
                }
                self.repeat(host);
                Err(())
            }
            Offered::Refused => {
                self.note(OddityKey::JournalTooFar, host.now);
                self.finish_unlogged(host);
                Err(())
            }
        }
    }

    /// The message was seen before.
    pub(super) fn repeat(&mut self, host: &mut Host<'_>) {
        self.counts
            .add(&self.key, host.now, host.out, |totals| totals.duplicate += 1);
        host.out.push(Output::Duplicate {
            node: self.key.clone(),
        });
        self.finish_unlogged(host);
    }

    /// What may be due after a message that changed nothing but counts.
    pub(crate) fn finish_unlogged(&mut self, host: &mut Host<'_>) {
        self.dirty = true;
        self.on_due(host);
    }

    fn receive_birth(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        let node_birth = incoming.message == MessageType::NBirth;
        let print = super::recent::fingerprint(incoming.device.unwrap_or(""), incoming.payload);
        let known = self.find(incoming.device);
        if let Some(device) = known.map(|at| &self.devices[at]) {
            // Without a time in it, the same bytes may well be a new birth.
            let alive = if node_birth { self.online } else { device.born };
            if alive && device.birth == print && incoming.view.timestamp.is_some_and(|at| at.0 > 0) {
                self.repeat(host);
                return;
            }
        }
        let birth = Birth::read(&incoming.view);
        let at = known.or_else(|| self.add_device(host, incoming.device));
        if let Some(at) = at {
            let device = &mut self.devices[at];
            device.birth = print;
            if device.context.is_none() || device.meaning != birth.meaning {
                let hash = ContentHash::of_parts(&[incoming.topic.as_bytes(), incoming.payload]);
                device.context = Some(hash);
                device.meaning = birth.meaning;
                host.out.push(Output::Context(DecodeContext {
                    hash,
                    topic: incoming.topic.into(),
                    payload: incoming.payload.into(),
                }));
            }
        }
        self.log(host, incoming, at, None, false);
        if node_birth {
            self.give_up_all(host);
            self.apply_node_birth(host, &incoming.view, &birth, incoming.position);
            self.on_due(host);
        } else {
            self.in_turn(host, incoming, at, None, false);
        }
    }

    fn receive_device_death(&mut self, host: &mut Host<'_>, incoming: &Incoming<'_>) {
        let at = self
            .find(incoming.device)
            .or_else(|| self.add_device(host, incoming.device));
        self.log(host, incoming, at, None, false);
        self.in_turn(host, incoming, at, None, false);
    }

    /// Applies a message now, or keeps it until the ones before it have come. `read`: it is in the intake.
    /// `journaled`: its journal number, if it was sent as it happened.
    fn in_turn(
        &mut self,
        host: &mut Host<'_>,
        incoming: &Incoming<'_>,
        at: Option<usize>,
        journaled: Option<u64>,
        read: bool,
    ) {
        let Incoming {
            message,
            view,
            position,
            ..
        } = *incoming;
        if view.seq.is_some_and(|seq| seq > 255) {
            self.note(OddityKey::SeqTooLarge, host.now);
        }
        let order = match (self.journaling, journaled) {
            (true, Some(seq)) => self.sequence.place_journaled(seq),
            (true, None) => Order::Next,
            (false, _) => self.sequence.place(view.seq),
        };
        match order {
            Order::Same => self.note(OddityKey::SeqStuck, host.now),
            Order::Restarted => {
                self.seq_gaps = self.seq_gaps.saturating_add(1);
                self.note(OddityKey::SeqRestarted, host.now);
                self.want_rebirth(host.now, host.settings);
            }
            Order::Next | Order::Ahead(_) | Order::Behind => {}
        }
        if let Order::Ahead(seq) = order {
            self.sequence.hold(Held {
                seq,
                position,
                received: host.now,
                message,
                device: incoming
                    .device
                    .map(|device| match at.and_then(|at| self.devices[at].id.clone()) {
                        Some(id) => id,
                        None => device.into(),
                    }),
                payload: incoming.payload.into(),
            });
            if self.sequence.held() > host.settings.reorder_capacity {
                self.give_up_all(host);
            }
        } else {
            let behind = order == Order::Behind;
            self.apply(
                host,
                &Applied {
                    message,
                    at,
                    view,
                    position,
                    behind,
                },
                read,
            );
            self.drain(host);
        }
        self.on_due(host);
    }

    /// Puts the message into the log.
    #[inline]
    pub(super) fn log(
        &mut self,
        host: &mut Host<'_>,
        incoming: &Incoming<'_>,
        at: Option<usize>,
        journal: Option<(u64, u64)>,
        historical: bool,
    ) {
        self.position = Some(incoming.position);
        self.last_heard = Some(host.now);
        let (device, context) = match at.map(|at| &mut self.devices[at]) {
            Some(known) => {
                known.last_heard = Some(host.now);
                (known.id.clone(), known.context)
            }
            None => (incoming.device.map(Arc::from), None),
        };
        host.out.push(Output::Log(LogEntry {
            position: incoming.position,
            node: self.key.clone(),
            device,
            message: incoming.message,
            source: Source::Sparkplug,
            journal,
            published: incoming.view.timestamp,
            received: host.now,
            historical,
            context,
        }));
    }

    /// Adds a device that the catalog does not name. `None` if there are too many.
    pub(super) fn add_device(&mut self, host: &mut Host<'_>, id: Option<&str>) -> Option<usize> {
        let id = id?;
        if self.devices.len() >= MAX_DEVICES || *host.strangers >= MAX_STRANGERS {
            self.note(OddityKey::TooManyDevices, host.now);
            return None;
        }
        let alike = |known: &Device| known.id.as_deref().is_some_and(|known| same_but_case(known, id));
        if self.devices.iter().any(alike) {
            self.note(OddityKey::CaseOnlyId, host.now);
        }
        *host.strangers += 1;
        let mut device = Device::new(Some(id.into()), None);
        device.unregistered = Some(Box::new(Unregistered::new(host.now)));
        self.devices.push(device);
        Some(self.devices.len() - 1)
    }
}

/// How the times of a message are judged.
pub(super) fn message_time(host: &Host<'_>, view: &PayloadView<'_>, birth: bool) -> MessageTime {
    MessageTime {
        now: host.now,
        payload: view.timestamp,
        skew_ms: host.settings.clock_skew_ms,
        birth,
    }
}

/// Two ids that people would take for one.
fn same_but_case(a: &str, b: &str) -> bool {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    a != b
        && if a.is_ascii() || b.is_ascii() {
            a.eq_ignore_ascii_case(b)
        } else {
            lower(a) == lower(b)
        }
}
