//! Times in scenario files: `200ms`, `12s`, `1m30s`, `-2h`.

/// Milliseconds of a time such as `1m30s`; units ms, s, m, h, d, largest first or not, with an optional sign.
///
/// # Errors
/// A sentence saying what is wrong and what would be right.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is no time: write `12s`, `1m30s`, `200ms`, `2h`");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        rest = &rest[letters..];
        total = number
            .checked_mul(unit)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(wrong)?;
    }
    Ok(sign * total)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn times_are_read() {
        for (text, ms) in [
            ("200ms", 200),
            ("12s", 12_000),
            ("1m30s", 90_000),
            ("2h", 7_200_000),
            ("-2h", -7_200_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "-",
            "12",
            "s",
            "1.5s",
            "12 s",
            "12sec",
            "99999999999999999999s",
            "9223372036854775807h",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
