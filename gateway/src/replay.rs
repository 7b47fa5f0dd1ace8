//! The message log through the core again: with the rules in force, or with others.

use crate::relive::{Policies, Relive};
use crate::store::{self, StoreError, StoreOptions};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_core::catalog::Catalog;
use vigil_core::hazard::{HazardId, HazardSummary};
use vigil_core::input::{Input, Position};
use vigil_core::{Output, Pipeline, Settings, UtcMillis};

/// Log rows read at once.
const PAGE: u32 = 5_000;

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no database there.
    #[error("{path} is no database file")]
    Missing {
        /// As named.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a log makes of a set of rules.
#[derive(Debug, Serialize)]
pub struct Replayed {
    /// Messages and actions handled.
    pub inputs: u64,
    /// The hazards, as they stand after the last input, in order of opening.
    pub hazards: Vec<HazardSummary>,
}

/// What other rules would change.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Opened by the rules in force only.
    pub only_old: Vec<HazardSummary>,
    /// Opened by the other rules only.
    pub only_new: Vec<HazardSummary>,
    /// Opened by both (as the other rules have them).
    pub same: Vec<HazardSummary>,
}

/// Runs the log of `database` through a fresh core. The hazard loop works by the policies the log was written under,
/// each from where it was in force: what is in `settings` does not count.
///
/// # Errors
/// The database cannot be read.
pub async fn replay(
    database: &Path,
    catalog: Arc<Catalog>,
    settings: &Settings,
) -> Result<Replayed, ReplayError> {
    if !database.is_file() {
        return Err(ReplayError::Missing {
            path: database.to_owned(),
        });
    }
    let reader = store::open_reader(&StoreOptions::new(database));
    let mut pipeline = Pipeline::new(catalog, settings.clone());
    let mut relive = Relive::default();
    let mut policies = Policies::begin(&mut pipeline, &reader).await?;
    let mut hazards: BTreeMap<HazardId, HazardSummary> = BTreeMap::new();
    let mut keep = |outputs: &mut Vec<Output>| {
        for output in outputs.drain(..) {
            if let Output::Hazard { summary, .. } = output {
                hazards.insert(summary.id.clone(), *summary);
            }
        }
    };
    let (mut outputs, mut after, mut now, mut inputs) = (Vec::new(), Position(0), UtcMillis(i64::MIN), 0);
    loop {
        let page = reader.log_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        relive.learn(&reader, &page).await?;
        for input in &page {
            now = now.max(input.received);
            policies.before(&mut pipeline, input.position, &mut outputs);
            relive.feed(&mut pipeline, input, now, &mut outputs);
            inputs += 1;
        }
        keep(&mut outputs);
    }
    policies.rest(&mut pipeline, &mut outputs);
    if let Some(last_now) = reader.restorable().await?.last_now {
        pipeline.handle(Input::Tick, after, now.max(last_now), &mut outputs);
        keep(&mut outputs);
    }
    reader.close().await;
    let mut hazards: Vec<_> = hazards.into_values().collect();
    hazards.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
    Ok(Replayed { inputs, hazards })
}

/// What the rules behind `new` change against those behind `old`: hazards are the same if their
/// equipment, rule and episode are.
#[must_use]
pub fn difference(old: Replayed, new: Replayed) -> Difference {
    let known: BTreeMap<_, _> = old
        .hazards
        .into_iter()
        .map(|hazard| (hazard.id.clone(), hazard))
        .collect();
    let (same, only_new): (Vec<_>, Vec<_>) = new
        .hazards
        .into_iter()
        .partition(|hazard| known.contains_key(&hazard.id));
    let mut only_old: Vec<_> = known
        .into_values()
        .filter(|hazard| same.iter().all(|other| other.id != hazard.id))
        .collect();
    only_old.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
    Difference {
        only_old,
        only_new,
        same,
    }
}

impl Replayed {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

impl Difference {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for hazard in &self.hazards {
            writeln!(f, "{}", Line(' ', hazard))?;
        }
        write!(f, "{} hazards from {} inputs", self.hazards.len(), self.inputs)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mark, hazards) in [('-', &self.only_old), ('+', &self.only_new), (' ', &self.same)] {
            for hazard in hazards {
                writeln!(f, "{}", Line(mark, hazard))?;
            }
        }
        let (old, new, same) = (self.only_old.len(), self.only_new.len(), self.same.len());
        write!(
            f,
            "{old} only with the rules in force (-), {new} only with the other rules (+), {same} with both"
        )
    }
}

struct Line<'a>(char, &'a HazardSummary);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(mark, hazard) = self;
        let at = jiff::Timestamp::from_millisecond(hazard.episode.0)
            .map_or_else(|_| hazard.episode.0.to_string(), |t| t.to_string());
        write!(
            f,
            "{mark} {at}  {}  {:?}  {}  {}  {}{}",
            hazard.id.0,
            hazard.severity,
            hazard.equipment,
            hazard.rule,
            hazard.title_en,
            if hazard.late { "  (late)" } else { "" }
        )
    }
}
