//! The files a configuration names: catalog and rule packs.

use super::Config;
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_core::catalog::{Catalog, Loader};
use vigil_core::diagnostic::{Diagnostic, Place, has_errors};
use vigil_core::pack::{RulePack, builtin, builtin_named};

/// Where rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackSource {
    /// All shipped packs.
    Builtin,
    /// One shipped pack.
    BuiltinNamed(String),
    /// A file, or a directory of `*.toml` files.
    Path(PathBuf),
}

impl Serialize for PackSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Builtin => serializer.serialize_str("builtin"),
            Self::BuiltinNamed(name) => serializer.collect_str(&format_args!("builtin:{name}")),
            Self::Path(path) => serializer.collect_str(&path.display()),
        }
    }
}

type Packs = (Vec<Arc<RulePack>>, Vec<Diagnostic>);

/// Loads rule packs; relative paths start at `base`.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn load_packs(sources: &[PackSource], base: &Path) -> Result<Packs, Vec<Diagnostic>> {
    let (packs, findings) = read_packs(sources, base);
    if has_errors(&findings) {
        Err(findings)
    } else {
        Ok((packs, findings))
    }
}

fn read_packs(sources: &[PackSource], base: &Path) -> Packs {
    let mut packs: Vec<(String, Arc<RulePack>)> = Vec::new();
    let mut findings = Vec::new();
    for source in sources {
        match source {
            PackSource::Builtin => {
                packs.extend(
                    builtin()
                        .into_iter()
                        .map(|pack| ("the shipped packs".to_owned(), Arc::new(pack))),
                );
            }
            PackSource::BuiltinNamed(name) => {
                packs.extend(builtin_named(name).map(|pack| (format!("builtin:{name}"), Arc::new(pack))));
            }
            PackSource::Path(path) => {
                for file in toml_files(&base.join(path), &mut findings) {
                    let name = file.display().to_string();
                    let Some(text) = read_text(&file, &mut findings) else {
                        continue;
                    };
                    let (pack, found) = RulePack::parse(&name, &text);
                    findings.extend(found);
                    packs.extend(pack.map(|pack| (name, Arc::new(pack))));
                }
            }
        }
    }
    report_same_id(&packs, &mut findings);
    (packs.into_iter().map(|(_, pack)| pack).collect(), findings)
}

fn report_same_id(packs: &[(String, Arc<RulePack>)], findings: &mut Vec<Diagnostic>) {
    let mut first: HashMap<&str, &str> = HashMap::new();
    for (from, pack) in packs {
        if let Some(other) = first.insert(&pack.info.id, from) {
            findings.push(
                Place::whole(from)
                    .error(format!("the pack id `{}` is used twice", pack.info.id))
                    .help(format!(
                        "the other one is in {other}; a changed copy needs its own id"
                    )),
            );
        }
    }
}

/// A file as it is, a directory's `*.toml` files in the order of their names.
pub(super) fn toml_files(path: &Path, findings: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match entries {
        Ok(entries) => {
            let files = entries.into_iter().map(|entry| entry.path());
            let mut files: Vec<_> = files
                .filter(|file| file.extension().is_some_and(|e| e == "toml"))
                .collect();
            files.sort();
            files
        }
        Err(error) => {
            findings.push(unreadable(path, &error));
            Vec::new()
        }
    }
}

pub(super) fn read_text(path: &Path, findings: &mut Vec<Diagnostic>) -> Option<String> {
    read_utf8(path).map_err(|finding| findings.push(finding)).ok()
}

/// A text file, or why it is none.
pub(super) fn read_utf8(path: &Path) -> Result<String, Diagnostic> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(
            error
                .as_bytes()
                .get(..error.utf8_error().valid_up_to())
                .unwrap_or(&[]),
        );
        let line = good.rsplit('\n').next().unwrap_or_default();
        let place = Place {
            file: path.display().to_string().into(),
            line: good.matches('\n').count() + 1,
            column: line.chars().count() + 1,
        };
        place
            .error("this is not UTF-8 text")
            .help("save the file as UTF-8 (not as UTF-16, GBK or GB 18030)")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Place::whole(&path.display().to_string()).error(format!("cannot be read: {error}"))
}

pub(super) fn load_catalog(config: &Config) -> Result<(Catalog, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (packs, mut findings) = read_packs(&config.rules, &config.base);
    let mut loader = Loader::new(&packs);
    for path in &config.catalog {
        let path = config.resolve(path);
        if let Some(text) = read_text(&path, &mut findings) {
            loader.file(&path.display().to_string(), &text);
        }
    }
    let (catalog, found) = loader.finish();
    findings.extend(found);
    match catalog {
        Some(catalog) if !has_errors(&findings) => Ok((catalog, findings)),
        _ => Err(findings),
    }
}
