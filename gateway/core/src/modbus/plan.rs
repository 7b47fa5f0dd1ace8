//! From what is wanted to as few requests as may be.

use super::{Block, Function};

/// Requests that read all that is wanted: what lies near enough is read in one go, together with what lies between.
///
/// Nothing wanted is split over two requests, no request mixes functions or is larger than the protocol allows, and at
/// most `max_gap` registers (or 16 times as many bits) in a row are read that nobody wants.
#[must_use]
pub fn plan(wanted: &[Block], max_gap: u16) -> Vec<Block> {
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    let mut blocks: Vec<Block> = Vec::new();
    for want in wanted {
        match blocks
            .last_mut()
            .and_then(|last| Some((joined(*last, want, max_gap)?, last)))
        {
            Some((joined, last)) => *last = joined,
            None => blocks.push(want),
        }
    }
    blocks
}

/// Both in one request, if that can be; `next` begins at or after `block`.
fn joined(block: Block, next: Block, max_gap: u16) -> Option<Block> {
    let gap = u32::from(next.start).saturating_sub(block.end());
    let most = u32::from(max_gap) * if block.function.is_bits() { 16 } else { 1 };
    if block.function != next.function || gap > most {
        return None;
    }
    let count = block.end().max(next.end()) - u32::from(block.start);
    Block::new(block.function, block.start, u16::try_from(count).ok()?)
}

impl Function {
    /// A request for one of something, for who only asks whether anybody is there.
    #[must_use]
    pub const fn one(self, start: u16) -> Block {
        Block {
            function: self,
            start,
            count: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Block, Function, plan};
    use proptest::prelude::*;

    fn holding(start: u16, count: u16) -> Block {
        Block::new(Function::HoldingRegisters, start, count).unwrap()
    }

    #[test]
    fn near_registers_are_read_together_and_far_ones_are_not() {
        let wanted = [holding(10, 2), holding(0, 1), holding(4, 2), holding(40, 1)];
        assert_eq!(
            plan(&wanted, 0),
            [holding(0, 1), holding(4, 2), holding(10, 2), holding(40, 1)]
        );
        assert_eq!(plan(&wanted, 3), [holding(0, 6), holding(10, 2), holding(40, 1)]);
        assert_eq!(plan(&wanted, 4), [holding(0, 12), holding(40, 1)]);
        assert_eq!(plan(&wanted, 28), [holding(0, 41)]);
        assert_eq!(plan(&[], 8), []);
    }

    #[test]
    fn a_request_ends_at_125_registers_and_a_value_is_never_split() {
        let wanted: Vec<Block> = (0..100).map(|n| holding(n * 4, 4)).collect();
        let blocks = plan(&wanted, 8);
        assert_eq!(
            blocks,
            [
                holding(0, 124),
                holding(124, 124),
                holding(248, 124),
                holding(372, 28)
            ]
        );
    }

    #[test]
    fn functions_are_never_mixed() {
        let wanted = Function::ALL.map(|function| function.one(7));
        assert_eq!(plan(&wanted, 100), wanted);
    }

    fn any_block() -> impl Strategy<Value = Block> {
        (0..4_usize, any::<u16>(), 1..=64_u16).prop_filter_map("fits", |(function, start, count)| {
            Block::new(Function::ALL[function], start, count)
        })
    }

    fn near_block() -> impl Strategy<Value = Block> {
        (0..4_usize, 0..600_u16, 1..=8_u16)
            .prop_map(|(function, start, count)| Block::new(Function::ALL[function], start, count).unwrap())
    }

    proptest! {
        #[test]
        fn everything_wanted_is_read_once_and_whole_within_the_limits(
            wanted in prop::collection::vec(prop_oneof![any_block(), near_block()], 0..60),
            max_gap in 0..200_u16,
        ) {
            let blocks = plan(&wanted, max_gap);
            for want in &wanted {
                let covering = blocks.iter().filter(|block| block.covers(want.function, want.start, want.count));
                prop_assert!(covering.count() >= 1, "{want} is in none of {blocks:?}");
            }
            for block in &blocks {
                prop_assert_eq!(Block::new(block.function, block.start, block.count), Some(*block));
                let holds = |at: u32| wanted.iter().any(|want| {
                    want.function == block.function && (u32::from(want.start)..want.end()).contains(&at)
                });
                prop_assert!(holds(u32::from(block.start)) && holds(block.end() - 1), "{block} is wider than wanted");
                let most = u32::from(max_gap) * if block.function.is_bits() { 16 } else { 1 };
                let mut gap = 0;
                for at in u32::from(block.start)..block.end() {
                    gap = if holds(at) { 0 } else { gap + 1 };
                    prop_assert!(gap <= most, "{block} reads {gap} nobody wants");
                }
            }
            prop_assert!(blocks.len() <= wanted.len());
        }
    }
}
