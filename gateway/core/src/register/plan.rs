//! What an import would change: which record a row is, and how it differs.

use super::field::Field;
use super::record::Record;
use serde::Serialize;

/// What two records of the same equipment share, surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Our own id.
    Id,
    /// 设备代码.
    EquipmentCode,
    /// 使用登记证编号.
    RegistrationNo,
    /// 注册代码.
    RegistrationCode,
    /// 出厂编号 and 制造单位.
    Factory,
    /// The terminal that watches it.
    Terminal,
}

/// What identifies a record, surest first; empty when nothing does. The keys are of one space: a text of one kind
/// never equals one of another.
#[must_use]
pub fn identities(record: &Record) -> Vec<(Identity, String)> {
    let mut found = Vec::new();
    let mut add = |identity, prefix: &str, text: Option<&str>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            found.push((identity, format!("{prefix}:{text}")));
        }
    };
    add(Identity::Id, "id", record.get(Field::Id));
    add(Identity::EquipmentCode, "code", record.get(Field::EquipmentCode));
    add(Identity::RegistrationNo, "reg", record.get(Field::RegistrationNo));
    add(
        Identity::RegistrationCode,
        "old",
        record.get(Field::RegistrationCode),
    );
    if let (Some(number), Some(maker)) = (record.get(Field::FactoryNo), record.get(Field::Manufacturer)) {
        add(Identity::Factory, "made", Some(&format!("{maker}\u{1f}{number}")));
    }
    add(Identity::Terminal, "terminal", record.get(Field::TerminalSerial));
    found
}

impl Identity {
    /// Whether two records that share it are the same equipment. A terminal is what two must not share.
    #[must_use]
    pub const fn identifies(self) -> bool {
        !matches!(self, Self::Terminal)
    }

    /// In Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Id => ("系统编号", "id"),
            Self::EquipmentCode => ("设备代码", "equipment code"),
            Self::RegistrationNo => ("使用登记证编号", "registration number"),
            Self::RegistrationCode => ("注册代码", "registration code"),
            Self::Factory => ("出厂编号与制造单位", "factory no. and manufacturer"),
            Self::Terminal => ("终端序列号", "terminal"),
        }
    }
}

/// One fact that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The fact.
    pub field: Field,
    /// As it is; empty when nobody had said.
    pub old: String,
    /// As it would be; empty when it is taken away.
    pub new: String,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was none.
    New,
    /// These facts differ.
    Changed(Vec<Change>),
    /// Nothing differs.
    Unchanged,
}

/// The record after an import: what a file says replaces what was; what it does not say stays. The id stays too.
#[must_use]
pub fn merge(old: &Record, file: &Record) -> Record {
    let mut merged = old.clone();
    for (field, text) in file.iter().filter(|(field, _)| *field != Field::Id) {
        merged.set(field, text);
    }
    merged
}

/// How two records differ, fact by fact.
#[must_use]
pub fn compare(old: &Record, new: &Record) -> Vec<Change> {
    let differs = |field: &Field| old.text(*field) != new.text(*field);
    let change = |field: Field| Change {
        field,
        old: old.text(field).to_owned(),
        new: new.text(field).to_owned(),
    };
    Field::ALL.iter().copied().filter(differs).map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = Record> {
        let fact = (0..Field::ALL.len(), "[a-c]{0,2}");
        proptest::collection::vec(fact, 0..20).prop_map(|facts| {
            facts
                .iter()
                .map(|(at, text)| (Field::ALL[*at], text.as_str()))
                .collect()
        })
    }

    #[test]
    fn equipment_is_known_by_its_surest_number() {
        let record: Record = [
            (Field::FactoryNo, "7"),
            (Field::Manufacturer, "某厂"),
            (Field::EquipmentCode, "31101001920150001"),
        ]
        .into_iter()
        .collect();
        let found = identities(&record);
        assert_eq!(
            found[0],
            (Identity::EquipmentCode, "code:31101001920150001".to_owned())
        );
        assert_eq!(found[1].0, Identity::Factory);
        assert_eq!(identities(&[(Field::FactoryNo, "7")].into_iter().collect()), []);
    }

    proptest! {
        #[test]
        fn what_an_import_does_not_say_stays_and_what_it_says_counts(old in record(), file in record()) {
            let merged = merge(&old, &file);
            for &field in Field::ALL {
                let expected = match file.get(field) {
                    Some(said) if field != Field::Id => said,
                    _ => old.text(field),
                };
                prop_assert_eq!(merged.text(field), expected);
            }
            // The same file again changes nothing.
            prop_assert_eq!(merge(&merged, &file), merged.clone());
            prop_assert!(compare(&merged, &merge(&merged, &file)).is_empty());
        }

        #[test]
        fn applying_a_difference_gives_the_other_record(old in record(), new in record()) {
            let mut mended = old.clone();
            for change in compare(&old, &new) {
                mended.set(change.field, change.new);
            }
            prop_assert_eq!(mended, new);
        }
    }
}
