//! Decimal numbers of the console, without the tables that reading and writing any float takes (20 KB of flash).

use core::fmt;

/// Most digits after the point.
const DECIMALS: u32 = 9;

/// Reads `-12.5`: at most 15 digits, so that the result is the float nearest to what is written.
pub(super) fn parse(text: &str) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let count = whole.len() + fraction.len();
    if count == 0 || count > 15 || fraction.len() > DECIMALS as usize {
        return None;
    }
    let mut mantissa = 0_i64;
    for byte in whole.bytes().chain(fraction.bytes()) {
        if !byte.is_ascii_digit() {
            return None;
        }
        mantissa = mantissa * 10 + i64::from(byte - b'0');
    }
    let value = mantissa as f64 / 10_i64.pow(fraction.len() as u32) as f64;
    Some(if negative { -value } else { value })
}

/// Writes a number with as many decimals as it needs, nine at most.
pub(super) struct Decimal(pub(super) f64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value.abs() >= 1e9 || !value.is_finite() {
            return f.write_str(if value.is_finite() { "(large)" } else { "(none)" });
        }
        let mut decimals = 0;
        let mut power = 1_i64;
        // Halves away from zero.
        let scaled = |power: i64| {
            let product = value * power as f64;
            (product + if product < 0.0 { -0.5 } else { 0.5 }) as i64
        };
        while decimals < DECIMALS && scaled(power) as f64 / power as f64 != value {
            decimals += 1;
            power *= 10;
        }
        let number = scaled(power);
        let (whole, fraction) = (
            number.unsigned_abs() / power as u64,
            number.unsigned_abs() % power as u64,
        );
        if number < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if decimals > 0 {
            write!(f, ".{fraction:0width$}", width = decimals as usize)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_written_and_nonsense_is_not() {
        for (text, value) in [
            ("0", 0.0),
            ("-75", -75.0),
            ("1.6", 1.6),
            (".5", 0.5),
            ("7.", 7.0),
            ("0.000001", 1e-6),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1e3",
            "1,5",
            "--1",
            "1.2.3",
            "1234567890123456",
            "0.1234567891",
            "+1",
            "٣",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(mantissa in -999_999_999_i64..999_999_999, decimals in 0_u32..7) {
            let value = mantissa as f64 / 10_f64.powi(decimals as i32);
            prop_assert_eq!(parse(&Decimal(value).to_string()), Some(value));
        }
    }
}
