//! When a unit that does not answer is asked again, and what for.
//!
//! A unit that fails is left alone for longer and longer, so that it costs the others on its line little. And on a
//! serial line its answer may still come when the next request is out. Nothing in it says which request it answers; but
//! its unit, function and length are there. So until the answer can come no more, the unit is asked only for what has
//! another length: the answer to that shows that it listens again, and the late one cannot be taken for it.

use std::time::Duration;
use tokio::time::Instant;
use vigil_core::modbus::{Block, Function};

/// The longest a unit is left alone, unless its period or its lateness is longer.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Breaker {
    /// The pause after the second failure in a row; each further one doubles it.
    base: Duration,
    /// How late an answer can come; zero where a late one cannot be taken for another.
    late: Duration,
    failures: u32,
    until: Option<Instant>,
    pending: Vec<Pending>,
}

/// A request whose answer may still come.
#[derive(Clone, Copy, Debug)]
struct Pending {
    shape: (Function, u16),
    at: Instant,
}

/// What to do with a unit that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Poll it.
    Poll,
    /// Ask it for this; when that is answered, poll it.
    Probe(Block),
    /// Leave it alone.
    Wait,
}

/// What tells the answer to one request of a unit from that to another.
const fn shape(block: Block) -> (Function, u16) {
    (block.function, block.data_bytes())
}

impl Breaker {
    pub(super) fn new(period: Duration, late: Duration) -> Self {
        Self {
            base: period.max(late),
            late,
            failures: 0,
            until: None,
            pending: Vec::new(),
        }
    }

    /// One of which nobody knows what it has been asked before: by an earlier run, say, for the same.
    pub(super) fn out_of_step(period: Duration, late: Duration, blocks: &[Block], now: Instant) -> Self {
        let mut breaker = Self::new(period, late);
        if !late.is_zero() {
            let asked = |block: &Block| Pending {
                shape: shape(*block),
                at: now,
            };
            breaker.pending = blocks.iter().map(asked).collect();
        }
        breaker
    }

    pub(super) fn step(&mut self, blocks: &[Block], now: Instant) -> Step {
        if self.until.is_some_and(|until| now < until) {
            return Step::Wait;
        }
        self.pending.retain(|pending| now < pending.at + self.late);
        if self.pending.is_empty() {
            return Step::Poll;
        }
        let of_another_shape = |block: &Block| {
            let mut smaller =
                (1..=block.count).filter_map(|count| Block::new(block.function, block.start, count));
            smaller.find(|block| self.pending.iter().all(|pending| pending.shape != shape(*block)))
        };
        match blocks.iter().find_map(of_another_shape) {
            Some(block) => Step::Probe(block),
            None => Step::Wait,
        }
    }

    /// It has answered a poll's request, if only with an exception.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
        self.until = None;
    }

    /// It has answered a probe: it will answer nothing older any more.
    pub(super) fn in_step(&mut self) {
        self.answered();
        self.pending.clear();
    }

    /// It has refused a probe. That may be the late answer to something else.
    pub(super) fn refused_probe(&mut self) {
        self.failures = 0;
        self.until = self.pending.iter().map(|pending| pending.at + self.late).max();
    }

    /// A request that was sent has not been answered.
    pub(super) fn unanswered(&mut self, block: Block, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if !self.late.is_zero() {
            self.pending.push(Pending {
                shape: shape(block),
                at: now,
            });
        }
        // Once is an accident: it is asked again when it is due.
        self.until = self.failures.checked_sub(2).map(|exponent| {
            let pause = self
                .base
                .saturating_mul(1_u32.checked_shl(exponent).unwrap_or(u32::MAX));
            now + pause.min(LONGEST.max(self.base))
        });
    }

    /// It is left alone.
    pub(super) fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Step};
    use std::time::Duration;
    use tokio::time::Instant;
    use vigil_core::modbus::{Block, Function};

    const SECOND: Duration = Duration::from_secs(1);

    fn holding(start: u16, count: u16) -> Block {
        Block::new(Function::HoldingRegisters, start, count).unwrap()
    }

    #[test]
    fn a_unit_that_does_not_answer_is_left_alone_for_longer_and_longer() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(SECOND, Duration::ZERO);
        let blocks = [holding(0, 10)];
        breaker.unanswered(blocks[0], now);
        assert_eq!(breaker.step(&blocks, now), Step::Poll, "once is an accident");
        for pause in [1, 2, 4, 8, 16, 30, 30] {
            breaker.unanswered(blocks[0], now);
            assert!(breaker.is_open(now));
            let end = now + SECOND * pause;
            assert_eq!(breaker.step(&blocks, end - SECOND / 10), Step::Wait);
            assert_eq!(breaker.step(&blocks, end), Step::Poll);
            now = end;
        }
        breaker.answered();
        breaker.unanswered(blocks[0], now);
        assert_eq!(breaker.step(&blocks, now), Step::Poll, "forgotten");
    }

    #[test]
    fn while_an_answer_may_still_come_only_what_has_another_length_is_asked() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SECOND, 10 * SECOND);
        let blocks = [holding(5, 2), holding(40, 3)];
        breaker.unanswered(blocks[0], now);
        assert_eq!(breaker.step(&blocks, now + SECOND), Step::Probe(holding(5, 1)));
        breaker.in_step();
        assert_eq!(breaker.step(&blocks, now + SECOND), Step::Poll);

        breaker.unanswered(blocks[0], now);
        breaker.unanswered(holding(5, 1), now + SECOND);
        assert_eq!(
            breaker.step(&blocks, now + 10 * SECOND),
            Step::Wait,
            "for as long as an answer may be late"
        );
        // The first request is forgotten, the probe is not.
        assert_eq!(breaker.step(&blocks, now + 11 * SECOND), Step::Poll);
    }

    #[test]
    fn when_every_length_has_been_asked_for_the_unit_waits() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SECOND, 10 * SECOND);
        let blocks = [holding(5, 1)];
        breaker.unanswered(blocks[0], now);
        assert_eq!(breaker.step(&blocks, now + SECOND), Step::Wait);
        assert_eq!(breaker.step(&blocks, now + 10 * SECOND), Step::Poll);
    }

    #[test]
    fn a_refused_probe_proves_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(SECOND, 10 * SECOND);
        let blocks = [holding(5, 2)];
        breaker.unanswered(blocks[0], now);
        breaker.refused_probe();
        assert_eq!(breaker.step(&blocks, now + 9 * SECOND), Step::Wait);
        assert_eq!(breaker.step(&blocks, now + 10 * SECOND), Step::Poll);
    }
}
