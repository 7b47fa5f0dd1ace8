//! `[desk]`: the rules of the desk, as a city has them.

use super::Config;
use super::files::{read_text, toml_files};
use serde::Serialize;
use std::path::{Path, PathBuf};
use vigil_core::desk::{DeskRules, OwnDeskFile};
use vigil_core::diagnostic::document::Table;
use vigil_core::diagnostic::{Diagnostic, Place, has_errors};

/// `[desk]`: names, deadlines and levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Desk {
    /// Folder of files that go over the shipped ones of their name.
    pub folder: Option<PathBuf>,
}

/// Reads `[desk]`.
pub(super) fn read(table: &Table<'_, '_>, desk: &mut Desk, base: &Path) {
    if let Some(value) = table.get("folder") {
        desk.folder = value.text().map(PathBuf::from);
        if let Some(folder) = desk.folder.as_ref().filter(|folder| !base.join(folder).is_dir()) {
            value.error(
                format!("`{}` is no folder", folder.display()),
                Some(format!(
                    "looked for {}; `vigil desk` lists the files it can hold",
                    base.join(folder).display()
                )),
            );
        }
    }
    table.finish();
}

/// Loads the rules.
pub(super) fn load(config: &Config) -> Result<(DeskRules, Vec<Diagnostic>), Vec<Diagnostic>> {
    let Some(folder) = &config.desk.folder else {
        return Ok((DeskRules::builtin(), Vec::new()));
    };
    let folder = config.resolve(folder);
    // Said where it is named.
    if !folder.is_dir() {
        return Ok((DeskRules::builtin(), Vec::new()));
    }
    let mut findings = Vec::new();
    let mut files = Vec::new();
    for path in toml_files(&folder, &mut findings) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        if let (Some(name), Some(text)) = (name, read_text(&path, &mut findings)) {
            files.push((name, path.display().to_string(), text));
        }
    }
    if files.is_empty() && findings.is_empty() {
        let place = Place::whole(&folder.display().to_string());
        findings.push(
            place
                .warning("there is no file of the desk in this folder")
                .help("`vigil desk NAME` prints a shipped one"),
        );
    }
    let own: Vec<OwnDeskFile<'_>> = files
        .iter()
        .map(|(name, path, text)| OwnDeskFile { name, path, text })
        .collect();
    match DeskRules::over(&own) {
        Ok(rules) if !has_errors(&findings) => Ok((rules, findings)),
        Ok(_) => Err(findings),
        Err(found) => {
            findings.extend(found);
            Err(findings)
        }
    }
}
