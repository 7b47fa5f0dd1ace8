//! What people type, made comparable: widths, spaces, words for "nothing".

/// Ways to say that there is nothing to say.
const NOTHING: &[&str] = &[
    "-", "--", "—", "——", "/", "\\", "无", "暂无", "不详", "n/a", "na", "none", "null", "#n/a",
];

/// Full-width letters, digits and signs become half-width, every kind of space becomes one, what cannot be seen goes,
/// and so does the apostrophe spreadsheets put before what is not a formula.
#[must_use]
pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = false;
    for c in text.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{200b}'..='\u{200f}'
            | '\u{2060}'
            | '\u{feff}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => continue,
            c if c.is_whitespace() || c.is_control() => ' ',
            c => c,
        };
        if c == ' ' {
            space = !out.is_empty();
        } else {
            if space {
                out.push(' ');
                space = false;
            }
            out.push(c);
        }
    }
    match out.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\'']) => rest.to_owned(),
        _ => out,
    }
}

/// Whether a tidied cell says that there is nothing to say.
#[must_use]
pub fn is_nothing(text: &str) -> bool {
    text.is_empty() || NOTHING.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A text for a cell of a spreadsheet or CSV: never a formula, whatever somebody called his lift.
#[must_use]
pub fn defused(text: &str) -> String {
    // Some spreadsheets take the wide forms for the narrow ones.
    if text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{defused, is_nothing, tidy};
    use proptest::prelude::*;

    #[test]
    fn widths_spaces_and_what_cannot_be_seen_are_evened_out() {
        for (typed, tidied) in [
            ("  ３１１０ ", "3110"),
            ("梯11宁A12345（22）", "梯11宁A12345(22)"),
            ("海城　 市\u{a0}街", "海城 市 街"),
            ("\u{feff}锅炉\u{200b}", "锅炉"),
            ("a\r\n b\t", "a b"),
            ("'=1+1", "=1+1"),
            ("O'Neil", "O'Neil"),
            ("", ""),
        ] {
            assert_eq!(tidy(typed), tidied, "{typed:?}");
        }
    }

    #[test]
    fn words_for_nothing_are_nothing() {
        assert!(["", "—", "N/A", "无", "/"].iter().all(|text| is_nothing(text)));
        assert!(!is_nothing("0") && !is_nothing("无锡"));
    }

    proptest! {
        #[test]
        fn tidying_twice_changes_nothing_more(text in any::<String>()) {
            let once = tidy(&text);
            // An apostrophe is taken once per reading; what it hid may begin with another.
            prop_assume!(!once.starts_with('\''));
            prop_assert_eq!(tidy(&once), once.clone());
            prop_assert!(!once.contains(['\r', '\n', '\t']));
        }

        #[test]
        fn nothing_defused_is_a_formula(text in any::<String>()) {
            let starts = ['=', '+', '-', '@', '\t', '\r'];
            prop_assert!(!defused(&text).starts_with(starts));
        }
    }
}
