//! Whether the events are those under the heads that were signed day by day.

use super::{Holds, Report};
use crate::evidence::bundle::{Bundle, BundleError, HEADS, HeadRecord, PROOFS, ProofRecord};
use crate::evidence::heads::day_of;
use crate::evidence::key::PublicKey;
use vigil_core::hazard::HazardEvent;

impl Report {
    pub(super) fn heads(&mut self, bundle: &Bundle, events: &[HazardEvent], key: Option<&PublicKey>) {
        let read = || -> Result<(Vec<HeadRecord>, Vec<ProofRecord>), BundleError> {
            Ok((bundle.lines(HEADS)?, bundle.lines(PROOFS)?))
        };
        let (heads, proofs) = match read() {
            Ok(read) => read,
            Err(error) => return self.unreadable(&error),
        };
        for pair in heads.windows(2) {
            if pair[1].head.prev != pair[0].head.hash() {
                let day = &pair[1].head.day;
                self.say(
                    "heads",
                    Holds::No,
                    format!("{day} 的链头不接前一日"),
                    format!("the head of {day} does not continue the day before"),
                );
            }
        }
        for signed in &heads {
            let genuine = key.is_some_and(|key| key.verifies(&signed.head.canonical(), &signed.signature));
            if !genuine {
                let day = &signed.head.day;
                self.say(
                    "heads",
                    Holds::No,
                    format!("{day} 的链头不是该密钥签的"),
                    format!("the head of {day} is not signed with this key"),
                );
            }
        }
        self.proofs(&heads, &proofs, events);
    }

    fn proofs(&mut self, heads: &[HeadRecord], proofs: &[ProofRecord], events: &[HazardEvent]) {
        // Events up to here are under a head.
        let mut covered = 0;
        for proof in proofs {
            let standing = &proof.inclusion.standing;
            let signed = heads.iter().find(|signed| *signed.head.day == *proof.day);
            let event = events.get(standing.seq as usize);
            let proven = signed.is_some_and(|signed| signed.head.includes(&proof.inclusion))
                && event
                    .is_some_and(|event| (&event.hazard, event.hash) == (&standing.hazard, standing.hash));
            if !proven {
                let day = &proof.day;
                self.say(
                    "heads",
                    Holds::No,
                    format!("事件与 {day} 的签名链头不符：此后被改动、删除或截断"),
                    format!("the events are not those under the head signed for {day}: changed, dropped or cut off since"),
                );
                return;
            }
            let until = standing.seq as usize + 1;
            for late in events.iter().take(until).skip(covered) {
                let dated = day_of(late.at).to_string();
                if dated < proof.day && heads.iter().any(|signed| *signed.head.day == *dated) {
                    self.written_later(late.seq, &dated);
                }
            }
            covered = until;
        }
        if covered > 0 {
            self.say(
                "heads",
                Holds::Yes,
                format!("{covered} 个事件在 {} 日的签名链头之下", proofs.len()),
                format!(
                    "{covered} events are under the signed heads of {} days",
                    proofs.len()
                ),
            );
        }
        let Some(open) = events.get(covered) else {
            return;
        };
        let (seq, dated) = (open.seq, day_of(open.at).to_string());
        if heads.iter().any(|signed| *signed.head.day == *dated) {
            self.written_later(seq, &dated);
        } else {
            self.say(
                "heads",
                Holds::Unchecked,
                format!("第 {seq} 号起的事件尚无每日链头（次日生成）"),
                format!("there is no head for the events from {seq} on yet: it is made on the day after"),
            );
        }
    }

    /// The machine may date an event at a moment when it was off; a forger may, too.
    fn written_later(&mut self, seq: u32, dated: &str) {
        self.say(
            "heads",
            Holds::Unchecked,
            format!("第 {seq} 号事件日期为 {dated}，但不在当日链头之下：事后补记"),
            format!(
                "event {seq} is dated {dated}, but is not under the head of that day: it was written later"
            ),
        );
    }
}
