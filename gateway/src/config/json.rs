//! `[json]`: which mapping profiles are in force.

use super::Config;
use super::files::{read_text, toml_files};
use serde::{Serialize, Serializer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_core::diagnostic::document::{Table, Value};
use vigil_core::diagnostic::{Diagnostic, Place, has_errors, suggestion};
use vigil_core::json::{Profile, Profiles, builtin_names, builtin_text, check_together};

/// `[json]`: messages of third parties.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Json {
    /// Mapping profiles; the first that fits a topic reads it.
    pub profiles: Vec<ProfileSource>,
}

/// Where profiles come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileSource {
    /// A shipped one.
    Builtin(String),
    /// A file, or a directory of `*.toml` files.
    Path(PathBuf),
}

impl Serialize for ProfileSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Builtin(name) => serializer.collect_str(&format_args!("builtin:{name}")),
            Self::Path(path) => serializer.collect_str(&path.display()),
        }
    }
}

/// Reads `[json]`.
pub(super) fn read(table: &Table<'_, '_>, json: &mut Json, base: &Path) {
    if let Some(list) = table.get("profiles").and_then(|v| v.list()) {
        json.profiles = list.iter().filter_map(|v| read_source(v, base)).collect();
        for (ix, source) in json.profiles.iter().enumerate() {
            if json.profiles[..ix].contains(source) {
                table.error("a profile is there twice", None);
            }
        }
    }
    table.finish();
}

fn read_source(value: &Value<'_, '_>, base: &Path) -> Option<ProfileSource> {
    let text = value.text()?;
    if let Some(name) = text.strip_prefix("builtin:") {
        if builtin_text(name).is_none() {
            value.error(
                format!("no shipped profile is called `{name}`"),
                suggestion(name, builtin_names()),
            );
            return None;
        }
        return Some(ProfileSource::Builtin(name.to_owned()));
    }
    let path = PathBuf::from(text);
    let full = base.join(&path);
    if !full.exists() {
        let meant = builtin_text(text).map(|_| format!("did you mean `builtin:{text}`?"));
        let looked = || {
            format!(
                "looked for {}; `builtin:NAME` means a shipped profile",
                full.display()
            )
        };
        value.error(
            format!("`{text}` is neither a file nor a directory"),
            Some(meant.unwrap_or_else(looked)),
        );
        return None;
    }
    Some(ProfileSource::Path(path))
}

/// Loads and compiles the profiles.
pub(super) fn load(config: &Config) -> Result<(Profiles, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let mut profiles = Vec::new();
    let mut take = |name: String, text: &str, findings: &mut Vec<Diagnostic>| {
        let (profile, found) = Profile::parse(&name, text);
        findings.extend(found);
        profiles.extend(profile.map(|profile| (name, Arc::new(profile))));
    };
    for source in &config.json.profiles {
        match source {
            ProfileSource::Builtin(name) => {
                let text = builtin_text(name).unwrap_or_default();
                take(format!("builtin:{name}"), text, &mut findings);
            }
            ProfileSource::Path(path) => {
                let path = config.resolve(path);
                let files = toml_files(&path, &mut findings);
                if files.is_empty() {
                    let place = Place::whole(&path.display().to_string());
                    findings.push(place.warning("there is no profile in this directory"));
                }
                for file in files {
                    if let Some(text) = read_text(&file, &mut findings) {
                        take(file.display().to_string(), &text, &mut findings);
                    }
                }
            }
        }
    }
    findings.extend(check_together(&profiles));
    if has_errors(&findings) {
        return Err(findings);
    }
    let profiles = profiles.into_iter().map(|(_, profile)| profile).collect();
    Ok((Profiles::new(profiles), findings))
}
