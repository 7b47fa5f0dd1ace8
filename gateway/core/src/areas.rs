//! Names of areas, by the beginnings of their codes (GB/T 2260).

use crate::diagnostic::Diagnostic;
use crate::diagnostic::document::Merge;
use crate::diagnostic::sheet::{self, OwnFile, Sheet};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file they are read from.
pub(crate) const SHEET: Sheet = Sheet {
    name: "areas.toml",
    text: include_str!("../rules/desk/areas.toml"),
    merge: &[("area", Merge::Behind("code"))],
};

/// Names by code: two digits, four, or six.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas(BTreeMap<String, (String, String)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    area: Vec<Area>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    code: String,
    zh: String,
    en: String,
}

impl Areas {
    /// The shipped ones, with people's own file over them.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn over(own: Option<OwnFile<'_>>) -> Result<Self, Vec<Diagnostic>> {
        let file = sheet::read(SHEET.document(own), |file: &mut File, document| {
            for (at, area) in file.area.iter().enumerate() {
                let fits = matches!(area.code.len(), 2 | 4 | 6);
                if !fits || !area.code.bytes().all(|byte| byte.is_ascii_digit()) {
                    let message = format!("`{}` is no code: two, four or six digits", area.code);
                    document.error_at(&format!("area.{at}.code"), message);
                }
                if area.zh.trim().is_empty() || area.en.trim().is_empty() {
                    document.error_at(&format!("area.{at}"), "a name in both languages");
                }
            }
        })?;
        let named = file.area.into_iter().map(|area| (area.code, (area.zh, area.en)));
        Ok(Self(named.collect()))
    }

    /// Chinese and English name of the smallest area known that a code lies in; `None`: nobody has named any.
    #[must_use]
    pub fn name(&self, code: &str) -> Option<(&str, &str)> {
        [6, 4, 2]
            .into_iter()
            .find_map(|digits| self.exactly(code.get(..digits)?))
    }

    /// Chinese and English name of the area with this very code.
    #[must_use]
    pub fn exactly(&self, code: &str) -> Option<(&str, &str)> {
        let (zh, en) = self.0.get(code)?;
        Some((zh.as_str(), en.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::Areas;
    use crate::diagnostic::sheet::OwnFile;

    fn own(text: &str) -> Result<Areas, String> {
        let file = OwnFile {
            name: "areas.toml",
            text,
        };
        Areas::over(Some(file)).map_err(|found| found[0].to_string())
    }

    #[test]
    fn provinces_are_named_and_a_city_names_its_districts() {
        let shipped = Areas::over(None).unwrap();
        assert_eq!(shipped.0.len(), 34);
        assert_eq!(shipped.name("210381"), Some(("辽宁省", "Liaoning")));
        assert_eq!(
            (shipped.name("99"), shipped.name(""), shipped.name("2")),
            (None, None, None)
        );
        let city = own("[[area]]\ncode = '2103'\nzh = '鞍山市'\nen = 'Anshan'\n").unwrap();
        assert_eq!(city.name("210381"), Some(("鞍山市", "Anshan")));
        assert_eq!(city.name("210211"), Some(("辽宁省", "Liaoning")));
        assert_eq!(
            (city.exactly("2103").is_some(), city.exactly("210381")),
            (true, None)
        );
        for (text, said) in [
            (
                "[[area]]\ncode = '210'\nzh = '甲'\nen = 'a'\n",
                "`area[35].code`: `210` is no code",
            ),
            (
                "[[area]]\ncode = '2103'\nzh = ''\nen = 'a'\n",
                "a name in both languages",
            ),
        ] {
            let error = own(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
