//! The shipped code tables, row by row.

use super::controller::{Controller, FirmwareRange};
use crate::catalog::CodeScheme;
use crate::sample::RawCode;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};
use vigil_protocol::vocabulary::{FaultKey, bare_code};

/// Key: scheme, controller model, firmware range, code; then what the code means, for machines and people.
const TABLE: &str = include_str!("../../../rules/fault-codes.tsv");

/// A row of a code table.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeRow<'t> {
    /// Scheme.
    pub scheme: &'t str,
    /// Controller model it is for; `None`: any.
    pub model: Option<&'t str>,
    /// Firmware it is for.
    pub firmware: FirmwareRange,
    /// As written.
    pub firmware_text: &'t str,
    /// The controller's code.
    pub code: &'t str,
    /// What it means.
    pub key: FaultKey,
    /// Suggested severity, `S0` to `S4` …
    pub severity: &'t str,
    /// … and with a passenger in the car.
    pub severity_occupied: &'t str,
    /// Class of equipment.
    pub applies_to: &'t str,
    /// The maker's or platform's words, Chinese …
    pub name_zh: &'t str,
    /// … and English.
    pub name_en: &'t str,
    /// Where it is from.
    pub source: &'t str,
    /// How sure that is.
    pub confidence: &'t str,
}

impl<'t> CodeRow<'t> {
    /// Reads a line of a table.
    #[must_use]
    pub fn parse(line: &'t str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut next = || columns.next();
        Some(Self {
            scheme: next()?,
            model: Some(next()?).filter(|model| *model != "*"),
            firmware_text: next()?,
            code: next()?,
            key: FaultKey::from_key(next()?)?,
            severity: next()?,
            severity_occupied: next()?,
            applies_to: next()?,
            name_zh: next()?,
            name_en: next()?,
            source: next()?,
            confidence: next()?,
            firmware: FirmwareRange::default(),
        })
        .and_then(|row| {
            let firmware = FirmwareRange::parse(row.firmware_text)?;
            Some(Self { firmware, ..row })
        })
    }

    /// How well it fits a controller: `None` not at all, else more is better.
    fn fits(&self, controller: &Controller) -> Option<u8> {
        let by_model = match (self.model, controller.model.as_deref()) {
            (Some(own), Some(model)) if own.eq_ignore_ascii_case(model) => 2,
            (Some(_), Some(_)) => return None,
            _ => 0,
        };
        let by_firmware = u8::from(!self.firmware.is_all());
        self.firmware
            .holds(controller.firmware.as_ref())
            .then_some(by_model + by_firmware)
    }

    /// Whether the two could be about the same code of the same controller.
    #[must_use]
    pub fn competes(&self, other: &Self) -> bool {
        let models = match (self.model, other.model) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (None, None) => true,
            // The one that names a model goes before the one that does not.
            _ => false,
        };
        self.scheme == other.scheme
            && bare_code(self.code) == bare_code(other.code)
            && models
            && self.firmware.is_all() == other.firmware.is_all()
            && self.firmware.overlaps(&other.firmware)
    }
}

/// All rows. A test holds that every one is understood.
#[must_use]
pub fn code_rows() -> &'static [CodeRow<'static>] {
    static ROWS: LazyLock<Vec<CodeRow<'static>>> =
        LazyLock::new(|| TABLE.lines().skip(1).filter_map(CodeRow::parse).collect());
    &ROWS
}

/// The codes of a scheme as a controller means them, of rows that fit it best.
#[must_use]
pub fn scheme_of<'r>(
    rows: impl Iterator<Item = &'r CodeRow<'r>>,
    scheme: &str,
    controller: &Controller,
) -> CodeScheme {
    let mut best: HashMap<RawCode, (u8, FaultKey)> = HashMap::new();
    for row in rows.filter(|row| row.scheme == scheme) {
        let Some(fit) = row.fits(controller) else {
            continue;
        };
        let code = RawCode::new(bare_code(row.code));
        let known = best.entry(code).or_insert((fit, row.key));
        if fit > known.0 {
            *known = (fit, row.key);
        }
    }
    CodeScheme {
        id: scheme.into(),
        own: false,
        codes: best.into_iter().map(|(code, (_, key))| (code, key)).collect(),
    }
}

/// All shipped schemes, by id, as controllers mean them of which nothing is known.
#[must_use]
pub fn builtin_schemes() -> BTreeMap<String, Arc<CodeScheme>> {
    let mut schemes: BTreeMap<String, Arc<CodeScheme>> = BTreeMap::new();
    for row in code_rows() {
        if !schemes.contains_key(row.scheme) {
            let scheme = scheme_of(code_rows().iter(), row.scheme, &Controller::default());
            schemes.insert(row.scheme.to_owned(), Arc::new(scheme));
        }
    }
    schemes
}

/// The models a shipped scheme has codes of; none if they are of any.
#[must_use]
pub fn models_of(scheme: &str) -> Vec<&'static str> {
    let mut models: Vec<_> = code_rows()
        .iter()
        .filter(|row| row.scheme == scheme)
        .filter_map(|row| row.model)
        .collect();
    models.sort_unstable();
    models.dedup();
    models
}

#[cfg(test)]
mod tests {
    use super::{CodeRow, scheme_of};
    use crate::catalog::schemes::controller::{Controller, Firmware};
    use crate::sample::RawCode;

    fn row(line: &str) -> CodeRow<'_> {
        CodeRow::parse(line).unwrap_or_else(|| panic!("{line}"))
    }

    #[test]
    fn the_row_that_names_the_controller_best_says_what_a_code_means() {
        let rest = "S3\tS3\tlift\t名\tname\tsource\tproposal";
        let lines = [
            format!("x\t*\t*\t58\tOTHER\t{rest}"),
            format!("x\tM1\t*\t58\tPOSITION_LOST\t{rest}"),
            format!("x\tM1\t>=2.0\t58\tTERMINAL_SLOWDOWN_FAULT\t{rest}"),
            format!("x\tM2\t*\t58\tDOOR_OPEN_FAIL\t{rest}"),
            format!("y\tM1\t*\t58\tENTRAPMENT\t{rest}"),
        ];
        let rows: Vec<_> = lines.iter().map(|line| row(line)).collect();
        let means = |model: Option<&str>, firmware: Option<&str>| {
            let controller = Controller {
                model: model.map(Into::into),
                firmware: firmware.and_then(Firmware::parse),
            };
            let scheme = scheme_of(rows.iter(), "x", &controller);
            scheme.lookup(RawCode::new("E58")).map(|key| key.key())
        };
        assert_eq!(means(Some("M3"), None), Some("OTHER"));
        assert_eq!(means(Some("m1"), None), Some("POSITION_LOST"));
        assert_eq!(means(Some("M1"), Some("1.9")), Some("POSITION_LOST"));
        assert_eq!(means(Some("M1"), Some("2.0")), Some("TERMINAL_SLOWDOWN_FAULT"));
        assert_eq!(means(Some("M2"), Some("2.0")), Some("DOOR_OPEN_FAIL"));
        // Of an unknown model the first row that could be meant, not one of a firmware nobody named.
        assert_eq!(means(None, None), Some("OTHER"));
    }
}
