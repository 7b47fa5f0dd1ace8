//! Numbers with a structure: registration certificate, equipment code, legacy registration code, unit code, area.

use super::category::{category, registration_word};

/// 使用登记证编号, taken apart: `梯11宁A12345(22)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationNo {
    /// Kind of equipment.
    pub word: char,
    /// Second and third character of the category code.
    pub digits: String,
    /// As it should be written.
    pub canonical: String,
}

/// One-character names of the provinces.
const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川黔贵滇云藏陕甘青宁新兵";
/// First two digits of an area code (GB/T 2260).
const PROVINCE_CODES: &[&str] = &[
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42",
    "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "66", "71", "81",
    "82",
];

/// Takes a tidied registration number apart; `None` if it has another form.
#[must_use]
pub fn registration_no(text: &str) -> Option<RegistrationNo> {
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let chars: Vec<char> = bare.to_uppercase().chars().collect();
    let [word, d1, d2, province, city, a, b, c, d, e, open, y1, y2, close] = chars.as_slice() else {
        return None;
    };
    let digit = |c: &char| c.is_ascii_digit();
    // 4D00 (parking equipment), 6B00 and others have letters where most have digits.
    let code = |c: &char| c.is_ascii_digit() || c.is_ascii_uppercase();
    let brackets = matches!((open, close), ('(', ')') | ('（', '）'));
    (("锅容瓶管梯起索游车").contains(*word)
        && code(d1)
        && code(d2)
        && PROVINCES.contains(*province)
        && city.is_ascii_uppercase()
        && [a, b, c, d, e, y1, y2].into_iter().all(digit)
        && brackets)
        .then(|| RegistrationNo {
            word: *word,
            digits: [*d1, *d2].iter().collect(),
            canonical: format!("{word}{d1}{d2}{province}{city}{a}{b}{c}{d}{e}({y1}{y2})"),
        })
}

impl RegistrationNo {
    /// Whether it is a number of equipment of this category (rule DQ02).
    #[must_use]
    pub fn fits(&self, code: &str) -> bool {
        let own = code.get(1..3).unwrap_or_default();
        // Registered by category (类别) before the variety (品种) was known: second digit 0.
        let by_parent = code.get(1..2).map(|digit| format!("{digit}0"));
        registration_word(code) == Some(self.word)
            && (self.digits == own || by_parent.is_some_and(|parent| parent == self.digits))
    }
}

/// Whether a tidied text is an equipment code: 17 characters, or 18 when the registrar gave it.
#[must_use]
pub fn equipment_code(text: &str) -> bool {
    let year = match text.len() {
        17 => text.get(9..13),
        18 => text.get(10..14),
        _ => None,
    };
    text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && text.get(0..4).is_some_and(|base| super::kind_of(base).is_some())
        && year
            .and_then(|year| year.parse::<u16>().ok())
            .is_some_and(|year| (1950..=2100).contains(&year))
}

/// Whether a tidied text is a registration code of before 2014: 20 digits.
#[must_use]
pub fn registration_code(text: &str) -> bool {
    let number = |range| text.get(range).and_then(|part: &str| part.parse::<u32>().ok());
    text.len() == 20
        && text
            .get(4..)
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        && text
            .get(0..4)
            .is_some_and(|base| base.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()))
        && text.get(4..10).is_some_and(area_code)
        && number(10..14).is_some_and(|year| (1950..=2100).contains(&year))
        && number(14..16).is_some_and(|month| (1..=12).contains(&month))
}

/// Whether a tidied text is a six-digit area code of a province that exists.
#[must_use]
pub fn area_code(text: &str) -> bool {
    text.len() == 6
        && text.bytes().all(|b| b.is_ascii_digit())
        && text
            .get(0..2)
            .is_some_and(|province| PROVINCE_CODES.contains(&province))
}

/// What a text says as a unified social credit code (GB 32100-2015).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uscc {
    /// Its check character holds.
    Valid,
    /// It does not, but it does with letters read as the digits they look like (O as 0, I as 1).
    Mended(String),
    /// The last character should be another, if the others are right.
    CheckFails(char),
    /// It is no such code.
    Malformed,
}

/// Characters by value: no I, O, S, V, Z.
const USCC: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Judges a tidied unified social credit code.
#[must_use]
pub fn uscc(text: &str) -> Uscc {
    let upper = text.to_ascii_uppercase();
    match check_character(&upper) {
        Some(check) if upper.ends_with(check) => {
            if upper == text {
                Uscc::Valid
            } else {
                Uscc::Mended(upper)
            }
        }
        found => {
            let likely: String = upper
                .chars()
                .map(|c| match c {
                    'O' => '0',
                    'I' => '1',
                    'S' => '5',
                    'Z' => '2',
                    c => c,
                })
                .collect();
            if likely != upper && check_character(&likely).is_some_and(|check| likely.ends_with(check)) {
                return Uscc::Mended(likely);
            }
            found.map_or(Uscc::Malformed, Uscc::CheckFails)
        }
    }
}

/// The 18th character that belongs to the first 17; `None` if the text has not the form.
fn check_character(text: &str) -> Option<char> {
    let bytes = text.as_bytes();
    if bytes.len() != 18 {
        return None;
    }
    let value = |byte: &u8| USCC.iter().position(|known| known == byte);
    let values: Vec<usize> = bytes.iter().map(value).collect::<Option<_>>()?;
    let mut weight = 1;
    let mut sum = 0;
    for value in values.iter().take(17) {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    USCC.get((31 - sum % 31) % 31).map(|byte| char::from(*byte))
}

/// Whether the base of an equipment or registration code is of the same kind as a category.
pub(super) fn same_kind(base: &str, code: &str) -> bool {
    match (category(base), base.chars().next(), code.chars().next()) {
        (_, Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_registration_number_is_taken_apart_and_compared_with_the_category() {
        let number = registration_no("梯11宁A12345(22)").unwrap();
        assert_eq!((number.word, number.digits.as_str()), ('梯', "11"));
        assert!(number.fits("3110") && !number.fits("3310") && !number.fits("2110"));
        assert_eq!(
            registration_no("梯11宁a12345（22）").unwrap().canonical,
            "梯11宁A12345(22)"
        );
        assert!(registration_no("锅10辽C00012(20)").unwrap().fits("1100"));
        assert!(registration_no("容17辽C00012(20)").unwrap().fits("2170"));
        assert!(registration_no("瓶31辽C00012(20)").unwrap().fits("2310"));
        assert!(!registration_no("容31辽C00012(20)").unwrap().fits("2310"));
        assert!(registration_no("起D0辽C00012(20)").unwrap().fits("4D00"));
        for wrong in [
            "",
            "梯11宁A1234(22)",
            "梯11宁A123456(22)",
            "梯11XA12345(22)",
            "艇11宁A12345(22)",
            "梯11宁A12345",
        ] {
            assert_eq!(registration_no(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn codes_have_their_lengths_and_parts() {
        assert!(equipment_code("31101001920150001") && equipment_code("311021038120150001"));
        assert!(!equipment_code("3110100192015000") && !equipment_code("31101001903150001"));
        assert!(!equipment_code("梯1101001920150001") && !equipment_code(""));
        assert!(registration_code("31106401052014080025") && registration_code("11204418002002040219"));
        assert!(!registration_code("31106401052014130025") && !registration_code("3110640105201408002"));
        assert!(
            area_code("210381") && !area_code("990381") && !area_code("21038") && !area_code("海城市海城")
        );
    }

    #[test]
    fn a_credit_code_is_checked_and_mended_only_when_that_is_certain() {
        // A published example of the standard's form.
        assert_eq!(uscc("91350100M000100Y43"), Uscc::Valid);
        assert_eq!(
            uscc("91350100m000100y43"),
            Uscc::Mended("91350100M000100Y43".into())
        );
        assert_eq!(
            uscc("9135O100M000100Y43"),
            Uscc::Mended("91350100M000100Y43".into())
        );
        assert_eq!(uscc("91350100M000100Y44"), Uscc::CheckFails('3'));
        assert_eq!(uscc("91350100M000100Y4"), Uscc::Malformed);
        assert_eq!(uscc("统一社会信用代码"), Uscc::Malformed);
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_found(base in "[0-9A-HJ-NPQRTUWXY]{17}", at in 0_usize..17, by in 1_usize..31) {
            let check = check_character(&format!("{base}0")).unwrap();
            let right = format!("{base}{check}");
            prop_assert_eq!(uscc(&right), Uscc::Valid);
            let mut bytes = right.into_bytes();
            let value = USCC.iter().position(|known| *known == bytes[at]).unwrap();
            bytes[at] = USCC[(value + by) % 31];
            prop_assert_ne!(uscc(&String::from_utf8(bytes).unwrap()), Uscc::Valid);
        }

        #[test]
        fn no_text_breaks_a_code(text in any::<String>()) {
            let _ = (uscc(&text), registration_no(&text), equipment_code(&text), registration_code(&text), area_code(&text));
        }
    }
}
