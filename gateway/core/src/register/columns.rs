//! Which column of a file is which fact.

use super::field::Field;
use super::text::tidy;

/// How sure a match is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sureness {
    /// Nothing fits.
    None,
    /// It looks alike: a person should look.
    Unsure,
    /// It is one of the words for the fact.
    Certain,
}

/// What a column was taken for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ColumnMatch {
    /// As it stands in the file.
    pub header: String,
    /// The fact.
    pub field: Option<Field>,
    /// How sure that is.
    pub sureness: Sureness,
    /// The unit the head names, such as `t` in `额定载重(t)`.
    pub unit: Option<String>,
}

/// Rows looked at for the head of the table.
const HEAD_WITHIN: usize = 20;

/// The row that is the head: the one with most words for facts, at least two.
#[must_use]
pub fn header_row<'r>(rows: impl IntoIterator<Item = &'r [String]>) -> Option<usize> {
    let certain = |cells: &[String]| {
        let matched = cells.iter().filter(|cell| exact(&bare(cell).0).is_some());
        matched.count()
    };
    let counted = rows.into_iter().take(HEAD_WITHIN).map(certain).enumerate();
    // Of two that are as good, the upper.
    counted
        .filter(|(_, count)| *count >= 2)
        .max_by_key(|(row, count)| (*count, usize::MAX - row))
        .map(|(row, _)| row)
}

/// What each column is. No fact is given to two columns: the surer one has it, of equals the first.
#[must_use]
pub fn match_columns(headers: &[String]) -> Vec<ColumnMatch> {
    let mut found: Vec<ColumnMatch> = headers.iter().map(|header| of_header(header)).collect();
    for at in 0..found.len() {
        let Some(field) = found.get(at).and_then(|one| one.field) else {
            continue;
        };
        let mine = found.get(at).map(|one| one.sureness);
        let better = found.iter().enumerate().any(|(other, one)| {
            other != at
                && one.field == Some(field)
                && (Some(one.sureness) > mine || (Some(one.sureness) == mine && other < at))
        });
        if better && let Some(one) = found.get_mut(at) {
            one.field = None;
            one.sureness = Sureness::None;
        }
    }
    found
}

fn of_header(header: &str) -> ColumnMatch {
    let (word, unit) = bare(header);
    let (field, sureness) = match exact(&word) {
        Some(field) => (Some(field), Sureness::Certain),
        None => match alike(&word) {
            Some(field) => (Some(field), Sureness::Unsure),
            None => (None, Sureness::None),
        },
    };
    ColumnMatch {
        header: tidy(header).chars().take(100).collect(),
        field,
        sureness,
        unit: unit.filter(|_| field.is_some_and(|field| !field.unit().is_empty())),
    }
}

/// A head without stars, colons, numbers and brackets; and what stood in the brackets.
fn bare(header: &str) -> (String, Option<String>) {
    let text = tidy(header).to_lowercase();
    let (text, unit) = match (text.find('('), text.rfind(')')) {
        (Some(open), Some(close)) if open > 0 && open < close => {
            let inside = text.get(open + 1..close).unwrap_or_default().trim().to_owned();
            let around = format!(
                "{}{}",
                text.get(..open).unwrap_or_default(),
                text.get(close + 1..).unwrap_or_default()
            );
            (around, Some(inside).filter(|inside| !inside.is_empty()))
        }
        _ => (text, None),
    };
    (squeezed(&text), unit)
}

fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !"*:：#.、_".contains(*c))
        .collect::<String>()
        .to_lowercase()
}

fn words(field: Field) -> impl Iterator<Item = String> {
    let own = [field.key(), field.title_zh(), field.title_en()];
    own.into_iter()
        .chain(field.synonyms().iter().copied())
        .map(|word| squeezed(&tidy(word)))
}

fn exact(word: &str) -> Option<Field> {
    if word.is_empty() {
        return None;
    }
    // A word for a fact may itself hold brackets (125%…, 改造(修理)单位): compared without them.
    Field::ALL
        .iter()
        .copied()
        .find(|field| words(*field).any(|known| known == word || bare(&known).0 == word))
}

/// The fact whose word is most like this one, if it is much like it.
fn alike(word: &str) -> Option<Field> {
    if word.chars().count() < 2 {
        return None;
    }
    let likeness = |field: Field| {
        let of = |known: String| {
            let (long, short) = (
                known.chars().count().max(word.chars().count()),
                known.chars().count().min(word.chars().count()),
            );
            let contained = short >= 3 && (known.contains(word) || word.contains(known.as_str()));
            let near = strsim::normalized_levenshtein(&known, word);
            if contained {
                near.max(0.6 + 0.3 * short as f64 / long as f64)
            } else {
                near
            }
        };
        words(field).map(of).fold(0.0, f64::max)
    };
    let (field, best) = Field::ALL
        .iter()
        .map(|&field| (field, likeness(field)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (best >= 0.66).then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn heads_are_matched_by_all_their_words_and_what_is_unsure_is_marked() {
        for (head, field, sureness) in [
            ("设备代码*", Some(Field::EquipmentCode), Sureness::Certain),
            ("使用登记证编号", Some(Field::RegistrationNo), Sureness::Certain),
            ("Registration No.", Some(Field::RegistrationNo), Sureness::Certain),
            ("额定载重量（kg）", Some(Field::RatedLoad), Sureness::Certain),
            (" 下次检验\n日期 ", Some(Field::NextInspection), Sureness::Certain),
            ("125%制动试验日期", Some(Field::BrakeTested), Sureness::Certain),
            ("使用单位名称（全称）", Some(Field::UseUnit), Sureness::Certain),
            ("设备使用地点", Some(Field::Location), Sureness::Unsure),
            ("序号", None, Sureness::None),
            ("", None, Sureness::None),
            ("天气", None, Sureness::None),
        ] {
            let found = match_columns(&strings(&[head]));
            assert_eq!(
                (found[0].field, found[0].sureness),
                (field, sureness),
                "{head}: {found:?}"
            );
        }
        assert_eq!(
            match_columns(&strings(&["额定载重(t)"]))[0].unit.as_deref(),
            Some("t")
        );
    }

    #[test]
    fn every_word_for_a_fact_finds_it() {
        for &field in Field::ALL {
            for word in [field.key(), field.title_zh(), field.title_en()]
                .iter()
                .chain(field.synonyms())
            {
                let found = match_columns(&strings(&[word]));
                assert_eq!(found[0].field, Some(field), "{word}");
            }
        }
    }

    #[test]
    fn a_fact_has_one_column_and_the_surer_one_has_it() {
        let found = match_columns(&strings(&["设备使用地点", "使用地点", "安装地点"]));
        let fields: Vec<_> = found.iter().map(|one| one.field).collect();
        assert_eq!(fields, [None, Some(Field::Location), None]);
    }

    #[test]
    fn the_head_is_found_below_titles_and_notes() {
        let rows = [
            strings(&["特种设备台账", "", ""]),
            strings(&["填表单位：", "某某公司", "2026"]),
            strings(&["序号", "设备代码", "使用单位"]),
            strings(&["1", "31101001920150001", "某某公司"]),
        ];
        assert_eq!(header_row(rows.iter().map(Vec::as_slice)), Some(2));
        assert_eq!(header_row(rows[..2].iter().map(Vec::as_slice)), None);
    }
}
