//! The catalogue of special equipment (特种设备目录, 2014) and the lift codes from before it.

use jiff::civil::Date;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One line of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Category {
    /// Four characters, such as `3110` or `4D00`.
    pub code: &'static str,
    /// The line above; empty for a kind (种类).
    pub parent: &'static str,
    /// 1 种类, 2 类别, 3 品种.
    pub level: u8,
    /// Name in the catalogue.
    pub name_zh: &'static str,
    /// The same in English.
    pub name_en: &'static str,
    /// How sure we are of the line.
    pub confidence: &'static str,
}

static CATALOGUE: LazyLock<BTreeMap<&'static str, Category>> = LazyLock::new(|| {
    let lines = include_str!("../../rules/equipment-categories.tsv")
        .lines()
        .skip(1);
    let line = |line: &'static str| {
        let mut cells = line.split('\t');
        let mut next = || cells.next().unwrap_or_default();
        let (code, parent, level) = (next(), next(), next());
        let (name_zh, name_en, confidence) = (next(), next(), next());
        let level = level.parse().unwrap_or(0);
        let category = Category {
            code,
            parent,
            level,
            name_zh,
            name_en,
            confidence,
        };
        (code, category)
    };
    lines.map(line).collect()
});

/// All lines, ascending by code.
pub fn categories() -> impl Iterator<Item = &'static Category> {
    CATALOGUE.values()
}

/// The line of a code.
#[must_use]
pub fn category(code: &str) -> Option<&'static Category> {
    CATALOGUE.get(code)
}

/// The line with this name, if there is one only.
#[must_use]
pub fn category_named(name: &str) -> Option<&'static Category> {
    let bare = name.trim_end_matches(|c: char| c == '类' || c.is_whitespace());
    let mut found = categories().filter(|one| one.name_zh == bare || one.name_en.eq_ignore_ascii_case(name));
    found.next().filter(|_| found.next().is_none())
}

/// Kind (种类) of a code: its first character, such as `'3'` for lifts.
#[must_use]
pub fn kind_of(code: &str) -> Option<char> {
    code.chars()
        .next()
        .filter(|kind| category(&format!("{kind}000")).is_some())
}

/// The character that starts a registration number of equipment of this category.
#[must_use]
pub fn registration_word(code: &str) -> Option<char> {
    Some(match kind_of(code)? {
        '1' => '锅',
        '2' if code.starts_with("23") => '瓶',
        '2' => '容',
        '3' => '梯',
        '4' => '起',
        '5' => '车',
        '6' => '游',
        '8' => '管',
        '9' => '索',
        _ => return None,
    })
}

/// What becomes of a lift's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiftCode {
    /// It is a code of today, and nothing speaks against that.
    Current,
    /// It is an old code, and there is one code of today it can be.
    Migrated(&'static str),
    /// It may be an old code; a person must look at the machine.
    Doubtful(Vec<&'static str>),
}

/// The catalogue of 2014 is in force since then; earlier records carry the old codes.
const CATALOGUE_SINCE: Date = jiff::civil::date(2014, 10, 30);

/// What a lift's code means today. Old and new codes overlap (3120 was a passenger lift and is a goods lift), so the
/// name of the product and its date decide where the code alone cannot.
#[must_use]
pub fn lift_code(code: &str, name: &str, manufactured: Option<Date>) -> LiftCode {
    let says = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let by_name = if says(&["扶梯"]) {
        Some("3310")
    } else if says(&["人行道"]) {
        Some("3320")
    } else if says(&["杂物", "餐梯"]) {
        Some("3430")
    } else if says(&["防爆"]) {
        Some("3410")
    } else if says(&["消防员"]) {
        Some("3420")
    } else if says(&["液压"]) && says(&["载货", "货梯"]) {
        Some("3220")
    } else if says(&["液压"]) {
        Some("3210")
    } else if says(&["强制驱动"]) {
        Some("3130")
    } else if says(&["载货", "货梯"]) {
        Some("3120")
    } else if says(&["乘客", "客梯", "病床", "住宅", "观光"]) {
        Some("3110")
    } else {
        None
    };
    let old: &[&'static str] = match code {
        "3140" | "3150" | "3160" | "3170" => &["3110"],
        "3230" | "3240" | "3250" => &["3120", "3130"],
        "3330" | "3340" | "3350" => &["3210", "3220"],
        "3500" | "3510" | "3520" => &["3310"],
        "3600" | "3610" | "3620" => &["3320"],
        _ if category(code).is_some() => {
            // A code of today. An old one only if name and date both say so.
            let before = manufactured.is_some_and(|date| date < CATALOGUE_SINCE);
            return match by_name {
                Some(meant) if before && meant != code && !meant.starts_with("34") => {
                    LiftCode::Doubtful(vec![meant])
                }
                _ => LiftCode::Current,
            };
        }
        _ => return LiftCode::Doubtful(by_name.into_iter().collect()),
    };
    match (old, by_name) {
        ([only], _) => LiftCode::Migrated(only),
        (several, Some(meant)) if several.contains(&meant) => LiftCode::Migrated(meant),
        (several, _) => LiftCode::Doubtful(several.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_line_of_the_catalogue_has_its_parent_above_it() {
        assert_eq!(categories().count(), 127);
        for one in categories() {
            let parent = category(one.parent);
            match one.level {
                1 => assert_eq!(parent, None, "{}", one.code),
                level => assert!(
                    parent.is_some_and(|parent| parent.level < level),
                    "{} hangs in the air",
                    one.code
                ),
            }
            assert!(!one.name_zh.is_empty() && !one.name_en.is_empty() && !one.confidence.is_empty());
        }
    }

    #[test]
    fn old_lift_codes_become_those_of_today_where_that_is_certain() {
        use LiftCode::{Current, Doubtful, Migrated};
        let old = Some(date(2009, 6, 1));
        for (code, name, made, expected) in [
            ("3110", "曳引驱动乘客电梯", old, Current),
            ("3120", "载货电梯", None, Current),
            ("3120", "客梯", old, Doubtful(vec!["3110"])),
            ("3120", "客梯", None, Current),
            ("3140", "", None, Migrated("3110")),
            ("3230", "载货电梯", None, Migrated("3120")),
            ("3230", "", None, Doubtful(vec!["3120", "3130"])),
            ("3330", "液压载货电梯", None, Migrated("3220")),
            ("3500", "", old, Migrated("3310")),
            ("3600", "自动人行道", None, Migrated("3320")),
            ("3990", "自动扶梯", None, Doubtful(vec!["3310"])),
            ("3430", "杂物电梯", old, Current),
        ] {
            assert_eq!(lift_code(code, name, made), expected, "{code} {name}");
        }
    }

    #[test]
    fn a_category_is_found_by_its_name_if_the_name_is_one_only() {
        assert_eq!(category_named("叉车").map(|one| one.code), Some("5110"));
        assert_eq!(
            category_named("traction passenger lift").map(|one| one.code),
            Some("3110")
        );
        assert_eq!(category_named("锅"), None);
        assert_eq!(registration_word("2310"), Some('瓶'));
        assert_eq!(registration_word("2170"), Some('容'));
        assert_eq!(registration_word("7310"), None);
    }
}
