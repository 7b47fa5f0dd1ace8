//! NOR flash that loses its power: after any word written, in the middle of one, or in the middle of an erase.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by several test files, each of which uses a part"
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// What the operation during which the power fails leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Nothing: it had not begun.
    Before,
    /// Some bits of the word, some words of the erase unit.
    Torn(u32),
    /// All of it, but nobody was told.
    After,
}

/// The power is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PowerCut;

impl NorFlashError for PowerCut {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// Words written and units erased until the power fails, and how.
#[derive(Clone, Debug, Default)]
pub struct Power {
    left: Rc<Cell<Option<u32>>>,
    cut: Rc<Cell<Option<Cut>>>,
    pub operations: Rc<Cell<u32>>,
}

impl Power {
    /// Fails at the operation after `operations` more.
    pub fn fail_after(&self, operations: u32, cut: Cut) {
        self.left.set(Some(operations));
        self.cut.set(Some(cut));
    }

    /// Comes back, and stays.
    pub fn restore(&self) {
        self.left.set(None);
        self.cut.set(None);
    }

    /// What becomes of the next operation; `None`: it is done.
    fn step(&self) -> Result<Option<Cut>, PowerCut> {
        match self.left.get() {
            None => {}
            Some(0) => {
                // From here on nothing works.
                return match self.cut.take() {
                    Some(cut) => Ok(Some(cut)),
                    None => Err(PowerCut),
                };
            }
            Some(left) => self.left.set(Some(left - 1)),
        }
        self.operations.set(self.operations.get() + 1);
        Ok(None)
    }
}

/// The part. Its content is shared by its clones, as a reboot needs it. It panics when it is not treated as its
/// makers ask: whole words, written once between erases.
#[derive(Clone, Debug)]
pub struct Nor<const WORD: usize, const UNIT: usize> {
    pub bytes: Rc<RefCell<Vec<u8>>>,
    written: Rc<RefCell<Vec<bool>>>,
    pub power: Power,
}

fn noise(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

impl<const WORD: usize, const UNIT: usize> Nor<WORD, UNIT> {
    pub fn new(units: usize, power: &Power) -> Self {
        Self {
            bytes: Rc::new(RefCell::new(vec![0xff; units * UNIT])),
            written: Rc::new(RefCell::new(vec![false; units * UNIT / WORD])),
            power: power.clone(),
        }
    }

    /// As it comes from a drawer: full of something.
    pub fn used(units: usize, power: &Power, seed: u32) -> Self {
        let flash = Self::new(units, power);
        let mut state = seed | 1;
        for byte in flash.bytes.borrow_mut().iter_mut() {
            *byte = noise(&mut state) as u8;
        }
        flash.written.borrow_mut().fill(true);
        flash
    }
}

impl<const WORD: usize, const UNIT: usize> ErrorType for Nor<WORD, UNIT> {
    type Error = PowerCut;
}

impl<const WORD: usize, const UNIT: usize> ReadNorFlash for Nor<WORD, UNIT> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), PowerCut> {
        let at = offset as usize;
        bytes.copy_from_slice(&self.bytes.borrow()[at..at + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.borrow().len()
    }
}

impl<const WORD: usize, const UNIT: usize> NorFlash for Nor<WORD, UNIT> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = UNIT;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerCut> {
        let (from, to) = (from as usize, to as usize);
        assert!(
            from.is_multiple_of(UNIT) && to.is_multiple_of(UNIT),
            "erase of half a unit"
        );
        for start in (from..to).step_by(UNIT) {
            let cut = self.power.step()?;
            let unit = start..start + UNIT;
            let words = start / WORD..(start + UNIT) / WORD;
            match cut {
                Some(Cut::Before) => return Err(PowerCut),
                Some(Cut::Torn(seed)) => {
                    let mut state = seed | 1;
                    for byte in &mut self.bytes.borrow_mut()[unit] {
                        *byte |= noise(&mut state) as u8;
                    }
                    self.written.borrow_mut()[words].fill(true);
                    return Err(PowerCut);
                }
                Some(Cut::After) | None => {
                    self.bytes.borrow_mut()[unit].fill(0xff);
                    self.written.borrow_mut()[words].fill(false);
                }
            }
            if cut.is_some() {
                return Err(PowerCut);
            }
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), PowerCut> {
        let at = offset as usize;
        assert!(
            at.is_multiple_of(WORD) && bytes.len().is_multiple_of(WORD),
            "write of half a word"
        );
        for (n, word) in bytes.chunks(WORD).enumerate() {
            let start = at + n * WORD;
            assert!(
                !self.written.borrow()[start / WORD],
                "word at {start} written twice"
            );
            let cut = self.power.step()?;
            if cut == Some(Cut::Before) {
                return Err(PowerCut);
            }
            self.written.borrow_mut()[start / WORD] = true;
            let mut state = match cut {
                Some(Cut::Torn(seed)) => seed | 1,
                _ => 0,
            };
            for (old, new) in self.bytes.borrow_mut()[start..].iter_mut().zip(word) {
                let kept = if state == 0 { 0 } else { noise(&mut state) as u8 };
                *old &= new | kept;
            }
            if cut.is_some() {
                return Err(PowerCut);
            }
        }
        Ok(())
    }
}
