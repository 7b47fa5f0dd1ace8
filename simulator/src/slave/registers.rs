//! What a slave's registers hold, and its answer to a request.

use std::collections::BTreeMap;

/// Most registers one request may ask for (Modbus application protocol V1.1b3, 6.3).
const MOST: u16 = 125;

/// Why a slave refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception(pub u8);

impl Exception {
    /// The function is not there.
    pub const FUNCTION: Self = Self(1);
    /// A register is not there.
    pub const ADDRESS: Self = Self(2);
    /// A number in the request is wrong.
    pub const VALUE: Self = Self(3);
    /// The slave itself has failed.
    pub const DEVICE: Self = Self(4);
    /// The slave has no time.
    pub const BUSY: Self = Self(6);
}

/// The register tables of a slave at one moment. What is in neither is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// Holding registers, function 3.
    pub holding: BTreeMap<u16, u16>,
    /// Input registers, function 4.
    pub input: BTreeMap<u16, u16>,
}

/// Whether a function code writes to the slave.
#[must_use]
pub const fn writes(function: u8) -> bool {
    matches!(function, 5 | 6 | 15 | 16 | 21..=23)
}

/// The slave's answer to a request (function code and data), without its faults. A slave without registers has failed.
///
/// # Errors
/// The exception it answers with.
pub fn answer(registers: Option<&Registers>, pdu: &[u8]) -> Result<Vec<u8>, Exception> {
    let (function, data) = pdu.split_first().ok_or(Exception::FUNCTION)?;
    let table: fn(&Registers) -> &BTreeMap<u16, u16> = match function {
        3 => |registers| &registers.holding,
        4 => |registers| &registers.input,
        _ => return Err(Exception::FUNCTION),
    };
    let &[address_high, address_low, count_high, count_low] = data else {
        return Err(Exception::VALUE);
    };
    let address = u16::from_be_bytes([address_high, address_low]);
    let count = u16::from_be_bytes([count_high, count_low]);
    if !(1..=MOST).contains(&count) {
        return Err(Exception::VALUE);
    }
    let table = table(registers.ok_or(Exception::DEVICE)?);
    let last = address.checked_add(count - 1).ok_or(Exception::ADDRESS)?;
    let mut reply = vec![*function, (2 * count) as u8];
    for register in address..=last {
        let word = table.get(&register).ok_or(Exception::ADDRESS)?;
        reply.extend(word.to_be_bytes());
    }
    Ok(reply)
}

#[cfg(test)]
mod tests {
    use super::{Exception, Registers, answer, writes};

    fn registers() -> Registers {
        Registers {
            holding: (0x10..0x100).map(|address| (address, address * 3)).collect(),
            input: [(0, 7), (0xffff, 9)].into(),
        }
    }

    fn asked(function: u8, address: u16, count: u16) -> Result<Vec<u8>, Exception> {
        let mut pdu = vec![function];
        pdu.extend(address.to_be_bytes());
        pdu.extend(count.to_be_bytes());
        answer(Some(&registers()), &pdu)
    }

    #[test]
    fn registers_of_either_table_are_read() {
        assert_eq!(asked(3, 0x10, 2), Ok(vec![3, 4, 0, 0x30, 0, 0x33]));
        assert_eq!(asked(4, 0, 1), Ok(vec![4, 2, 0, 7]));
        assert_eq!(asked(4, 0xffff, 1), Ok(vec![4, 2, 0, 9]));
        assert_eq!(asked(3, 0x10, 125).map(|reply| reply.len()), Ok(252));
    }

    #[test]
    fn what_is_not_there_is_refused_with_the_code_for_it() {
        let cases = [
            (1, 0x10, 1, Exception::FUNCTION),
            (6, 0x10, 1, Exception::FUNCTION),
            (16, 0x10, 1, Exception::FUNCTION),
            (0x2b, 0x10, 1, Exception::FUNCTION),
            (3, 0x10, 0, Exception::VALUE),
            (3, 0x10, 126, Exception::VALUE),
            (3, 0x0f, 2, Exception::ADDRESS),
            (3, 0xff, 2, Exception::ADDRESS),
            (3, 0, 1, Exception::ADDRESS),
            (4, 0x10, 1, Exception::ADDRESS),
            (4, 0xffff, 2, Exception::ADDRESS),
        ];
        for (function, address, count, refusal) in cases {
            assert_eq!(
                asked(function, address, count),
                Err(refusal),
                "{function} {address:#x} {count}"
            );
        }
        assert_eq!(answer(Some(&registers()), &[3, 0, 0x10]), Err(Exception::VALUE));
        assert_eq!(answer(Some(&registers()), &[]), Err(Exception::FUNCTION));
        assert_eq!(answer(None, &[3, 0, 0x10, 0, 1]), Err(Exception::DEVICE));
        assert_eq!(answer(None, &[6, 0, 0x10, 0, 1]), Err(Exception::FUNCTION));
    }

    #[test]
    fn functions_that_write_are_known() {
        let all: Vec<u8> = (0..=255).filter(|function| writes(*function)).collect();
        assert_eq!(all, [5, 6, 15, 16, 21, 22, 23]);
    }
}
