//! A node's journal as its births and node data tell of it.

use super::birth::Birth;
use super::oddity::OddityKey;
use super::{Host, Node};
use crate::equipment::Moment;
use crate::journal::{Journal, Lost};

impl Node {
    /// The node's birth says which epoch it writes, and what it still holds.
    pub(super) fn journal_born(&mut self, host: &mut Host<'_>, birth: &Birth<'_>, moment: &Moment) {
        self.journaling = birth.epoch.is_some();
        let Some(epoch) = birth.epoch else { return };
        let first = birth.first.unwrap_or(0);
        let lost = match self.journal.as_deref_mut() {
            Some(journal) if journal.epoch() == epoch => journal.on_first(first),
            Some(journal) => {
                let lost = journal.replace(epoch, first);
                self.note(OddityKey::JournalNewEpoch, host.now);
                lost
            }
            None => {
                self.journal = Some(Box::new(Journal::new(epoch, first)));
                Lost::default()
            }
        };
        if let Some(journal) = self.journal.as_deref_mut() {
            journal.on_birth(host.now);
            if let Some(dropped) = birth.dropped {
                journal.on_reported(dropped);
            }
        }
        self.dropped(host, lost, moment);
    }

    /// Node data tells what the journal lost meanwhile.
    pub(super) fn journal_told(
        &mut self,
        host: &mut Host<'_>,
        first: Option<u64>,
        dropped: Option<u64>,
        moment: &Moment,
    ) {
        if !self.journaling {
            return;
        }
        let Some(journal) = self.journal.as_deref_mut() else {
            return;
        };
        let lost = first.map_or(Lost::default(), |first| journal.on_first(first));
        let grew = dropped.is_some_and(|dropped| journal.on_reported(dropped));
        if grew && first.is_none() {
            // Something is gone, but not which: its birth tells what it still holds.
            self.want_rebirth(host.now, host.settings);
        }
        self.dropped(host, lost, moment);
    }

    fn dropped(&mut self, host: &mut Host<'_>, lost: Lost, moment: &Moment) {
        if lost.messages == 0 && lost.exist == 0 {
            return;
        }
        self.counts.add(&self.key, host.now, host.out, |totals| {
            totals.expected += lost.exist;
            totals.dropped += lost.messages;
        });
        if lost.messages == 0 {
            return;
        }
        self.note(OddityKey::JournalDropped, host.now);
        for device in &self.devices {
            if let Some(ix) = device.equipment {
                host.tell(ix, |state, equipment, out| {
                    state.on_dropped(equipment, moment, lost.messages, out)
                });
            }
        }
    }

    /// Sends the acknowledgement and the request that are due.
    pub(super) fn journal_due(&mut self, host: &mut Host<'_>) {
        let Some(journal) = self.journal.as_deref_mut() else {
            return;
        };
        for kind in journal.take_due(host.now, host.settings).into_iter().flatten() {
            self.command(host.out, kind);
        }
    }
}
