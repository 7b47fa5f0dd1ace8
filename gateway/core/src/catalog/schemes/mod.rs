//! Fault-code tables: the shipped ones, and those a catalog file adds.

mod controller;
mod rows;

pub use controller::{Controller, Firmware, FirmwareRange};
pub use rows::{CodeRow, builtin_schemes, code_rows, models_of, scheme_of};

use super::CodeScheme;
use crate::diagnostic::document::{Table, Value};
use crate::diagnostic::suggestion;
use crate::sample::RawCode;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use vigil_protocol::vocabulary::{FaultKey, bare_code};

/// All schemes a catalog may name.
#[derive(Debug)]
pub(super) struct Schemes {
    /// As controllers mean them of which nothing is known.
    known: BTreeMap<String, Arc<CodeScheme>>,
    /// What the catalog files add, in their order.
    own: Vec<Own>,
    /// Those of named controllers.
    of_controllers: BTreeMap<(String, Controller), Arc<CodeScheme>>,
}

/// `[scheme.NAME]`
#[derive(Debug)]
struct Own {
    id: String,
    base: Option<String>,
    codes: HashMap<RawCode, FaultKey>,
}

impl Default for Schemes {
    fn default() -> Self {
        Self {
            known: builtin_schemes(),
            own: Vec::new(),
            of_controllers: BTreeMap::new(),
        }
    }
}

impl Schemes {
    /// Reads `[scheme.NAME]`: `base` (optional, a scheme it extends; its own name extends the shipped one) and
    /// `codes` (code = key).
    pub(super) fn read(&mut self, id: &str, table: &Table<'_, '_>) {
        let base = table.get("base").and_then(|v| {
            let name = v.str()?;
            if !self.known.contains_key(name) {
                v.error(format!("unknown scheme `{name}`"), self.suggest(name));
                return None;
            }
            Some(name.to_owned())
        });
        let mut codes = HashMap::new();
        if let Some(entries) = table.require("codes").and_then(|v| v.table("codes")) {
            for (code, value) in entries.entries() {
                if let Some(key) = value.keyed("fault key", FaultKey::KEYS, FaultKey::from_key) {
                    codes.insert(RawCode::new(bare_code(code)), key);
                }
            }
        }
        table.finish();
        self.own.push(Own {
            id: id.to_owned(),
            base,
            codes,
        });
        let scheme = self.make(id, self.own.len(), &Controller::default());
        self.known.insert(id.to_owned(), Arc::new(scheme));
    }

    /// The scheme a piece of equipment names, as its controller means it.
    pub(super) fn of(&mut self, value: &Value<'_, '_>, controller: &Controller) -> Option<Arc<CodeScheme>> {
        let name = value.str()?;
        let Some(plain) = self.known.get(name) else {
            let help = self.suggest(name);
            value.error(format!("unknown fault-code scheme `{name}`"), help);
            return None;
        };
        if *controller == Controller::default() {
            return Some(Arc::clone(plain));
        }
        let key = (name.to_owned(), controller.clone());
        if let Some(made) = self.of_controllers.get(&key) {
            return Some(Arc::clone(made));
        }
        let made = Arc::new(self.make(name, self.own.len(), controller));
        self.of_controllers.insert(key, Arc::clone(&made));
        Some(made)
    }

    /// The scheme of this name among the shipped ones and the first `among` own ones.
    fn make(&self, name: &str, among: usize, controller: &Controller) -> CodeScheme {
        let own = self.own[..among].iter().rposition(|own| own.id == name);
        let Some((at, own)) = own.and_then(|at| Some((at, self.own.get(at)?))) else {
            return scheme_of(code_rows().iter(), name, controller);
        };
        let base = own.base.as_deref().map(|base| self.make(base, at, controller));
        let mut codes = base.map(|base| base.codes).unwrap_or_default();
        codes.extend(own.codes.iter().map(|(code, key)| (*code, *key)));
        CodeScheme {
            id: name.into(),
            own: true,
            codes,
        }
    }

    fn suggest(&self, name: &str) -> Option<String> {
        suggestion(name, self.known.keys().map(String::as_str))
    }

    /// All of them.
    pub(super) fn into_known(self) -> BTreeMap<String, Arc<CodeScheme>> {
        self.known
    }
}

/// Reads `controller` and `firmware` of a piece of equipment.
pub(super) fn read_controller(
    model: Option<&Value<'_, '_>>,
    firmware: Option<&Value<'_, '_>>,
    scheme: Option<&Value<'_, '_>>,
) -> Controller {
    let firmware = firmware.and_then(|v| {
        let text = v.text()?;
        let version = Firmware::parse(text);
        if version.is_none() {
            let help = Some("numbers between dots, such as \"33.10\"".to_owned());
            v.error(format!("`{text}` is not a firmware version"), help);
        }
        version
    });
    let model = model.and_then(|v| {
        let text = v.text()?;
        let Some(scheme) = scheme else {
            let help = "it chooses among the codes of `scheme`: name one".to_owned();
            v.warning("`controller` without `scheme` says nothing", Some(help));
            return None;
        };
        let models = scheme.is_str().then(|| models_of(scheme.str().unwrap_or("")));
        let models = models.unwrap_or_default();
        if !models.is_empty() && !models.iter().any(|model| model.eq_ignore_ascii_case(text)) {
            let help = suggestion(text, models);
            v.error(format!("the scheme has no codes of a `{text}`"), help);
            return None;
        }
        Some(text.into())
    });
    Controller { model, firmware }
}
