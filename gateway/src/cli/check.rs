//! `vigil check`: everything that is wrong with configuration, catalog, rule packs and the desk's rules, at once.

use crate::config::Config;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use vigil_core::catalog::Catalog;
use vigil_core::diagnostic::{Diagnostic, Level, has_errors};
use vigil_core::json::Profiles;

/// What was checked, and what was found.
#[derive(Debug, Default, Serialize)]
pub struct CheckReport {
    /// All findings, file by file in reading order.
    pub findings: Vec<Diagnostic>,
    /// What the gateway would run with; `None` if it would not start.
    pub summary: Option<Summary>,
}

/// What the gateway would run with.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Pieces of equipment.
    pub equipment: usize,
    /// Rules over all equipment.
    pub rules: usize,
    /// Devices polled over Modbus.
    pub polled: usize,
    /// The packs in force.
    pub packs: Vec<PackSummary>,
    /// The mapping profiles in force.
    pub profiles: Vec<ProfileSummary>,
    /// Files of the desk's rules that differ from the shipped ones.
    pub desk: Vec<&'static str>,
}

/// A mapping profile in force.
#[derive(Debug, Serialize)]
pub struct ProfileSummary {
    /// Profile id.
    pub id: String,
    /// The topics it reads, as an MQTT filter.
    pub topic: String,
}

/// A pack in force.
#[derive(Debug, Serialize)]
pub struct PackSummary {
    /// Pack id.
    pub id: String,
    /// Version.
    pub version: String,
    /// Content hash.
    pub hash: String,
    /// Pieces of equipment with at least one rule of it.
    pub equipment: usize,
}

/// Checks the configuration at `path` (or the default one) and all files it names.
#[must_use]
pub fn check(path: Option<&Path>) -> CheckReport {
    let (config, mut findings) = Config::examine(path);
    let config_ok = !has_errors(&findings);
    let maps = config.load_modbus();
    let (polled, found) = match &maps {
        Ok((lines, warnings)) => (lines.iter().map(|line| line.devices.len()).sum(), warnings),
        Err(errors) => (0, errors),
    };
    let wanted = |finding: &&Diagnostic| config_ok || finding.level == Level::Error;
    let of_maps: Vec<Diagnostic> = found.iter().filter(wanted).cloned().collect();
    let maps_ok = maps.is_ok();
    findings.extend(of_maps);
    let profiles = match config.load_profiles() {
        Ok((profiles, warnings)) => {
            findings.extend(warnings);
            Some(profiles)
        }
        Err(found) => {
            findings.extend(found);
            None
        }
    };
    let desk = match config.load_desk() {
        Ok((desk, warnings)) => {
            findings.extend(warnings);
            Some(desk)
        }
        Err(found) => {
            findings.extend(found);
            None
        }
    };
    match config.load_catalog() {
        Ok((catalog, warnings)) if config_ok => {
            findings.extend(warnings);
            CheckReport {
                findings,
                summary: profiles
                    .zip(desk)
                    .filter(|_| maps_ok)
                    .map(|(profiles, desk)| summarize(&catalog, polled, &profiles, desk.own)),
            }
        }
        // With half a configuration only what is wrong in the files themselves is worth saying.
        Ok(_) => CheckReport {
            findings,
            summary: None,
        },
        Err(found) => {
            findings.extend(
                found
                    .into_iter()
                    .filter(|finding| config_ok || finding.level == Level::Error),
            );
            CheckReport {
                findings,
                summary: None,
            }
        }
    }
}

fn summarize(catalog: &Catalog, polled: usize, profiles: &Profiles, desk: Vec<&'static str>) -> Summary {
    let packs = catalog.packs.iter().map(|pack| PackSummary {
        id: pack.id.to_string(),
        version: pack.version.to_string(),
        hash: pack.hash.to_string(),
        equipment: catalog
            .equipment
            .iter()
            .filter(|e| e.rules.iter().any(|rule| rule.pack.id == pack.id))
            .count(),
    });
    Summary {
        equipment: catalog.equipment.len(),
        rules: catalog
            .equipment
            .iter()
            .map(|equipment| equipment.rules.len())
            .sum(),
        polled,
        packs: packs.collect(),
        profiles: profiles
            .all()
            .iter()
            .map(|profile| ProfileSummary {
                id: profile.id().to_owned(),
                topic: profile.topic().filter().to_owned(),
            })
            .collect(),
        desk,
    }
}

impl CheckReport {
    /// Errors found; the gateway does not start with any.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.level == Level::Error)
            .count()
    }

    /// 0 if the gateway would start, else 1.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(self.errors() > 0)
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({"ok": self.errors() == 0, "findings": self.findings, "summary": self.summary})
    }
}

/// For people: a line per finding, then what the gateway would run with.
impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        let errors = self.errors();
        let warnings = self.findings.len() - errors;
        if let Some(summary) = &self.summary {
            writeln!(
                f,
                "{} pieces of equipment, {} rules",
                summary.equipment, summary.rules
            )?;
            if summary.polled > 0 {
                writeln!(f, "{} polled over Modbus", count(summary.polled, "device"))?;
            }
            for pack in &summary.packs {
                let short = pack.hash.get(..12).unwrap_or(&pack.hash);
                writeln!(
                    f,
                    "  {} {} ({short}): {} pieces of equipment",
                    pack.id, pack.version, pack.equipment
                )?;
            }
            for profile in &summary.profiles {
                writeln!(f, "  profile {}: {}", profile.id, profile.topic)?;
            }
            for file in &summary.desk {
                writeln!(f, "  desk {file}: own")?;
            }
        }
        match (errors, warnings) {
            (0, 0) => write!(f, "ok"),
            (0, warnings) => write!(f, "ok, {warnings} to look at"),
            (errors, 0) => write!(f, "{}", count(errors, "error")),
            (errors, warnings) => write!(f, "{}, {}", count(errors, "error"), count(warnings, "warning")),
        }
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
