//! How hazards are found by words. Chinese is written without spaces: each character stands for itself, and what is
//! looked for is a row of them.

use vigil_core::hazard::HazardSummary;

/// Terms of one search at most.
const TERMS: usize = 8;

/// Everything a hazard can be found by.
pub(super) fn words_of(hazard: &HazardSummary) -> String {
    apart(&format!(
        "{} {} {} {} {} {} {}",
        hazard.id.0,
        hazard.equipment,
        hazard.rule,
        hazard.title_zh,
        hazard.title_en,
        hazard.clause,
        hazard.handling.description
    ))
}

/// Characters of the CJK blocks apart, the rest as it is.
fn apart(text: &str) -> String {
    let mut words = String::with_capacity(text.len() * 2);
    for character in text.chars() {
        if character >= '\u{2E80}' {
            words.extend([' ', character, ' ']);
        } else {
            words.push(character);
        }
    }
    words
}

/// The search expression for what a person typed: all terms, the last of a Latin one by its beginning. `None` if
/// there is nothing to look for.
pub(super) fn search(text: &str) -> Option<String> {
    let terms: Vec<String> = text
        .split_whitespace()
        .filter(|term| term.chars().any(char::is_alphanumeric))
        .take(TERMS)
        .map(|term| {
            let beginning = term.ends_with(|last: char| last < '\u{2E80}' && last.is_alphanumeric());
            let quoted = apart(term).replace('"', "\"\"");
            format!("\"{quoted}\"{}", if beginning { " *" } else { "" })
        })
        .collect();
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::{apart, search};

    #[test]
    fn chinese_is_looked_for_character_by_character_and_latin_by_its_beginning() {
        assert_eq!(apart("超压 BLR"), " 超  压  BLR");
        assert_eq!(search("超压").as_deref(), Some("\" 超  压 \""));
        assert_eq!(
            search("boiler-1 超").as_deref(),
            Some("\"boiler-1\" * AND \" 超 \"")
        );
        assert_eq!(
            search("a\" OR b").as_deref(),
            Some("\"a\"\"\" AND \"OR\" * AND \"b\" *")
        );
        assert_eq!(search(" -- * "), None);
    }
}
