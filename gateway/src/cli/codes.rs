//! `vigil codes`: what a controller's code means, and which code tables there are.

use super::{complain, print};
use crate::config::Config;
use clap::Subcommand;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use vigil_core::catalog::{Catalog, CodeRow, Controller, Firmware, code_rows, models_of, scheme_of};
use vigil_core::diagnostic::suggestion;
use vigil_core::sample::RawCode;
use vigil_protocol::vocabulary::{FaultKey, bare_code};

#[derive(Debug, clap::Args)]
pub(super) struct CodesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What a code means in a scheme: 0 = known, 1 = not known.
    Lookup(LookupArgs),
    /// The schemes there are.
    Schemes(SchemesArgs),
}

#[derive(Debug, clap::Args)]
struct LookupArgs {
    /// Scheme, such as gbt24476-2017.
    scheme: String,
    /// Code, as the controller shows or sends it (E05, 05 and 5 are one).
    code: String,
    /// Controller model.
    #[arg(long)]
    model: Option<String>,
    /// Controller firmware, such as 33.10.
    #[arg(long)]
    firmware: Option<String>,
    /// Configuration whose catalog may add schemes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct SchemesArgs {
    /// Configuration whose catalog may add schemes.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

pub(super) fn main(args: CodesArgs) -> ExitCode {
    let done = match args.what {
        What::Lookup(args) => lookup(&args),
        What::Schemes(args) => schemes(&args),
    };
    done.unwrap_or_else(|error| {
        complain(&format!("vigil: {error}"));
        ExitCode::FAILURE
    })
}

/// What is known of a code.
#[derive(Debug, Serialize)]
struct Found<'a> {
    scheme: &'a str,
    code: &'a str,
    known: bool,
    /// Fault key.
    key: Option<&'static str>,
    title_zh: Option<&'static str>,
    title_en: Option<&'static str>,
    /// A catalog file says so; `false`: a shipped table.
    own: bool,
    /// The shipped row.
    row: Option<Row>,
    /// Other schemes that have this code: no more than a hint.
    elsewhere: Vec<Elsewhere>,
}

/// A row of a shipped table.
#[derive(Debug, Serialize)]
struct Row {
    name_zh: &'static str,
    name_en: &'static str,
    severity: &'static str,
    severity_occupied: &'static str,
    applies_to: &'static str,
    model: Option<&'static str>,
    firmware: &'static str,
    source: &'static str,
    confidence: &'static str,
}

#[derive(Debug, Serialize)]
struct Elsewhere {
    scheme: &'static str,
    key: &'static str,
    name_zh: &'static str,
    name_en: &'static str,
}

impl From<&CodeRow<'static>> for Row {
    fn from(row: &CodeRow<'static>) -> Self {
        Self {
            name_zh: row.name_zh,
            name_en: row.name_en,
            severity: row.severity,
            severity_occupied: row.severity_occupied,
            applies_to: row.applies_to,
            model: row.model,
            firmware: row.firmware_text,
            source: row.source,
            confidence: row.confidence,
        }
    }
}

fn lookup(args: &LookupArgs) -> Result<ExitCode, String> {
    let catalog = catalog(args.config.as_ref())?;
    let Some(scheme) = catalog.schemes.get(&*args.scheme) else {
        let names = catalog.schemes.keys().map(|name| &**name);
        let help = suggestion(&args.scheme, names).unwrap_or_default();
        return Err(format!("unknown scheme `{}`; {help}", args.scheme));
    };
    let firmware = match &args.firmware {
        None => None,
        Some(text) => {
            let version = Firmware::parse(text);
            Some(version.ok_or_else(|| format!("`{text}` is not a firmware version, such as 33.10"))?)
        }
    };
    let controller = Controller {
        model: args.model.as_deref().map(Into::into),
        firmware,
    };
    let code = RawCode::new(args.code.trim());
    let shipped = scheme_of(code_rows().iter(), &args.scheme, &controller);
    // What a catalog adds is for every controller.
    let key = match scheme.own {
        true => scheme.lookup(code),
        false => shipped.lookup(code),
    };
    let same = |row: &&CodeRow<'static>| bare_code(row.code) == bare_code(&args.code);
    let row = code_rows()
        .iter()
        .filter(same)
        .find(|row| row.scheme == args.scheme && Some(row.key) == key);
    let elsewhere = code_rows()
        .iter()
        .filter(same)
        .filter(|row| row.scheme != args.scheme);
    let found = Found {
        scheme: &args.scheme,
        code: &args.code,
        known: key.is_some(),
        key: key.map(FaultKey::key),
        title_zh: key.map(FaultKey::title_zh),
        title_en: key.map(FaultKey::title_en),
        own: scheme.own && row.is_none() && key.is_some(),
        row: row.map(Row::from),
        elsewhere: elsewhere
            .map(|row| Elsewhere {
                scheme: row.scheme,
                key: row.key.key(),
                name_zh: row.name_zh,
                name_en: row.name_en,
            })
            .collect(),
    };
    if args.json {
        print(&serde_json::json!(found).to_string());
    } else {
        print(&text(&found));
    }
    Ok(ExitCode::from(u8::from(!found.known)))
}

fn text(found: &Found<'_>) -> String {
    let mut lines = Vec::new();
    match (found.key, found.title_zh, found.title_en) {
        (Some(key), Some(zh), Some(en)) => {
            lines.push(format!("{} {}: {key} {zh} / {en}", found.scheme, found.code));
        }
        _ => lines.push(format!("{} does not know {}", found.scheme, found.code)),
    }
    if let Some(row) = &found.row {
        let unverified = if row.confidence == "memory-low" {
            ", unverified 未核实"
        } else {
            ""
        };
        lines.push(format!(
            "  as the source names it: {} / {}",
            row.name_zh, row.name_en
        ));
        lines.push(format!(
            "  severity {} (with a passenger {}), {}",
            row.severity, row.severity_occupied, row.applies_to
        ));
        lines.push(format!("  {} ({}{unverified})", row.source, row.confidence));
    } else if found.own {
        lines.push("  from a catalog file".to_owned());
    }
    if !found.known && !found.elsewhere.is_empty() {
        lines.push("  elsewhere the same code means (a hint only):".to_owned());
        let other = |other: &Elsewhere| {
            format!(
                "    {}: {} {} / {}",
                other.scheme, other.key, other.name_zh, other.name_en
            )
        };
        lines.extend(found.elsewhere.iter().map(other));
    }
    lines.join("\n")
}

/// A scheme, for the list.
#[derive(Debug, Serialize)]
struct Scheme {
    id: String,
    codes: usize,
    /// A catalog file defines it or adds to it.
    own: bool,
    models: Vec<&'static str>,
}

fn schemes(args: &SchemesArgs) -> Result<ExitCode, String> {
    let catalog = catalog(args.config.as_ref())?;
    let mut schemes: Vec<_> = catalog
        .schemes
        .values()
        .map(|scheme| Scheme {
            id: scheme.id.to_string(),
            codes: scheme.codes.len(),
            own: scheme.own,
            models: models_of(&scheme.id),
        })
        .collect();
    schemes.sort_by(|a, b| a.id.cmp(&b.id));
    if args.json {
        print(&serde_json::json!({"schemes": schemes}).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    for scheme in schemes {
        let models = match scheme.models.is_empty() {
            true => String::new(),
            false => format!("  of {}", scheme.models.join(", ")),
        };
        let own = if scheme.own { "  from the catalog" } else { "" };
        print(&format!(
            "{:<26}{:>4} codes{models}{own}",
            scheme.id, scheme.codes
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The catalog of a configuration, or an empty one with the shipped schemes.
fn catalog(config: Option<&PathBuf>) -> Result<Catalog, String> {
    let loaded = match config {
        None => Config::default().load_catalog(),
        Some(path) => Config::load(Some(path)).and_then(|(config, _)| config.load_catalog()),
    };
    match loaded {
        Ok((catalog, _)) => Ok(catalog),
        Err(findings) => Err(findings
            .first()
            .map_or_else(|| "the catalog cannot be read".to_owned(), ToString::to_string)),
    }
}
