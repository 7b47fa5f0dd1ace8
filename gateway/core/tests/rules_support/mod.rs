//! Timelines: a site written down line by line, fed to the real pipeline as real Sparkplug messages.
//!
//! A timeline is a folder with
//! - `catalog.toml`: the equipment; its first line may say `# packs: lift common` (default: all),
//! - `pack.toml` (optional): a small pack of its own, used instead of the shipped ones,
//! - `input.txt`: what happens, see [`script`],
//! - `expected.txt`: what comes of it, see [`print`]; `VIGIL_BLESS=1` writes it anew.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)] // each test crate uses its part; helpers of tests

pub(crate) mod print;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod steps;

use std::path::Path;
use std::sync::Arc;
use vigil_core::catalog::Catalog;
use vigil_core::pack::{RulePack, builtin};
use vigil_protocol::time::UtcMillis;

/// 2026-01-05 08:00 UTC, a Monday: second 0 of every timeline.
pub(crate) const START: UtcMillis = UtcMillis(1_767_600_000_000);

/// Loads a catalog with its own pack, or the shipped ones it names.
pub(crate) fn load_catalog(catalog: &str, pack: Option<&str>) -> Result<Arc<Catalog>, String> {
    let packs = match pack {
        Some(text) => {
            let (pack, findings) = RulePack::parse("pack.toml", text);
            vec![Arc::new(pack.ok_or_else(|| format!("{findings:#?}"))?)]
        }
        None => {
            let named = catalog
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("# packs:"));
            let wanted = |id: &str| named.is_none_or(|named| named.split_whitespace().any(|name| name == id));
            builtin()
                .into_iter()
                .filter(|pack| wanted(&pack.info.id))
                .map(Arc::new)
                .collect()
        }
    };
    let (catalog, findings) = Catalog::load(&[("catalog.toml", catalog)], &packs);
    catalog.map(Arc::new).ok_or_else(|| format!("{findings:#?}"))
}

/// A timeline, ready to run.
#[derive(Clone)]
pub(crate) struct Timeline {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) feeds: Vec<script::Feed>,
}

impl Timeline {
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let text = |name: &str| {
            std::fs::read_to_string(folder.join(name))
                .map_err(|error| format!("{}/{name}: {error}", folder.display()))
        };
        let pack = text("pack.toml").ok();
        Self::parse(&text("catalog.toml")?, pack.as_deref(), &text("input.txt")?)
            .map_err(|error| format!("{}: {error}", folder.display()))
    }

    pub(crate) fn parse(catalog: &str, pack: Option<&str>, input: &str) -> Result<Self, String> {
        let catalog = load_catalog(catalog, pack)?;
        let feeds = script::parse(&catalog, input)?;
        Ok(Self { catalog, feeds })
    }
}
