//! The first page: what is wrong now, what is silent, how complete the picture is.

use super::ViewError;
use super::alarms::Alarm;
use super::ask::ask;
use super::card::Card;
use super::completeness::{Completeness, Cover, MessageCounts, hour_of, window};
use super::equipment::{Glance, Watch};
use super::hazards::Hazard;
use super::health::Readiness;
use super::time::Time;
use crate::app::{AlarmFilter, App, HazardFilter};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;
use vigil_core::catalog::EquipmentIx;
use vigil_core::hazard::HazardSummary;
use vigil_core::output::GapRecord;
use vigil_core::pack::Severity;
use vigil_core::people::Sight;
use vigil_protocol::time::UtcMillis;

/// Rows of each list on the first page.
const ROWS: u32 = 20;
/// Gaps looked at for the completeness of a day; more are counted as they are found, oldest lost first.
const GAPS: u32 = 200_000;

/// What is wrong now, what is silent, how complete the picture is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    /// When this was put together.
    pub now: Time,
    /// When the gateway started.
    pub started: Time,
    /// Whether the gateway itself is well.
    pub gateway: Readiness,
    /// Open hazards.
    pub hazards: HazardCounts,
    /// Standing alarms about equipment, by seriousness.
    pub alarms: SeverityCounts,
    /// Standing alarms about our ability to see equipment.
    pub monitoring_alarms: u64,
    /// Equipment by whether it is watched.
    pub equipment: WatchCounts,
    /// Nodes of the catalog.
    pub nodes: NodeCounts,
    /// Devices that send but are in no catalog; `null` for who does not see everything: they are nobody's.
    pub unregistered: Option<u64>,
    /// Messages nothing could be made of; `null` for who does not see everything.
    pub dead_letters: Option<u64>,
    /// Open hazards, worst first, then newest.
    pub open_hazards: Vec<Hazard>,
    /// Standing alarms about equipment, worst first, then latest change.
    pub standing_alarms: Vec<Alarm>,
    /// Equipment that should be heard and is not, longest first.
    pub not_watched: Vec<NotWatched>,
    /// How much of the last 24 hours was watched, all equipment together.
    pub completeness: Completeness,
    /// The last 24 hours, one by one; hours without anything are left out.
    pub hours: Vec<Hour>,
    /// The database; `null` for who does not see everything.
    pub store: Option<StoreSize>,
}

/// Counts by seriousness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SeverityCounts {
    /// Red.
    pub s1: u64,
    /// Orange.
    pub s2: u64,
    /// Yellow.
    pub s3: u64,
    /// Blue.
    pub s4: u64,
    /// All.
    pub total: u64,
}

/// Open hazards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct HazardCounts {
    /// By seriousness.
    pub by_severity: SeverityCounts,
    /// Of those, nobody has confirmed or rejected yet.
    pub suspected: u64,
    /// Of those, (suspected) major.
    pub major: u64,
}

/// Equipment by whether it is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchCounts {
    /// All of the catalog.
    pub total: u64,
    /// Heard.
    pub online: u64,
    /// Alive but not heard.
    pub silent: u64,
    /// Dead.
    pub offline: u64,
    /// Never heard.
    pub never: u64,
}

/// Nodes of the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeCounts {
    /// All of the catalog.
    pub total: u64,
    /// Born, or sending.
    pub online: u64,
}

/// A piece of equipment that should be heard and is not.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotWatched {
    /// Who it is.
    #[serde(flatten)]
    pub card: Card,
    /// Never, offline or silent.
    pub watch: Watch,
    /// Since when; `null` = never heard.
    pub since: Option<Time>,
}

/// One hour of the last day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Hour {
    /// Start.
    pub hour: Time,
    /// Messages of all nodes.
    pub messages: MessageCounts,
    /// Hazards opened.
    pub hazards_opened: u64,
}

/// The database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StoreSize {
    /// In use, bytes.
    pub used_bytes: u64,
    /// On disk, bytes.
    pub file_bytes: u64,
    /// Near its limit.
    pub above_watermark: bool,
}

impl From<[u64; 4]> for SeverityCounts {
    fn from(counts: [u64; 4]) -> Self {
        let [s1, s2, s3, s4] = counts;
        Self {
            s1,
            s2,
            s3,
            s4,
            total: counts.iter().sum(),
        }
    }
}

/// Puts the first page together.
///
/// # Errors
/// The store cannot be read, or the gateway is stopping.
pub async fn overview(app: &App, sight: &Sight) -> Result<Overview, ViewError> {
    let (glances, nodes) = glances(app, sight).await?;
    let now = app.clock.now();
    let (from, to) = window(now, app.store.log_start().await?);
    let counts = app.store.overview(sight).await?;
    let hours = app.store.hour_counts(hour_of(from), to, sight).await?;
    let mut messages = MessageCounts::default();
    for hour in &hours {
        messages.add(hour.into());
    }
    let mut strip: BTreeMap<UtcMillis, Hour> = hours
        .iter()
        .map(|hour| {
            (
                hour.hour,
                Hour {
                    hour: hour.hour.into(),
                    messages: hour.into(),
                    hazards_opened: 0,
                },
            )
        })
        .collect();
    let opened = HazardFilter {
        from: Some(from),
        limit: 1_000,
        sight: Some(sight.clone()),
        ..HazardFilter::default()
    };
    for hazard in &app.store.hazards(&opened).await? {
        let hour = hour_of(hazard.opened_at);
        strip
            .entry(hour)
            .or_insert_with(|| Hour {
                hour: hour.into(),
                ..Hour::default()
            })
            .hazards_opened += 1;
    }
    let open_hazards = worst(app, sight).await?;
    let alarms = app
        .store
        .alarms(&AlarmFilter {
            standing: true,
            equipment: None,
            after: None,
            limit: 1_000,
            sight: Some(sight.clone()),
        })
        .await?;
    let about_equipment = alarms
        .iter()
        .filter(|alarm| alarm.class == vigil_core::alarm::AlarmClass::Process);
    let size = app.store.size().await?;
    let whole = sight.is_everything();
    let cover = cover(app, sight, &glances, from, to).await?;
    Ok(Overview {
        now: now.into(),
        started: app.started.into(),
        gateway: Readiness::of(app),
        hazards: HazardCounts {
            by_severity: counts.open_hazards.into(),
            suspected: counts.suspected,
            major: counts.major,
        },
        alarms: counts.alarms.into(),
        monitoring_alarms: counts.monitoring_gaps,
        equipment: watch_counts(&glances),
        nodes,
        unregistered: whole.then_some(counts.unregistered),
        dead_letters: whole.then_some(counts.dead_letters),
        open_hazards: Hazard::all(app, &open_hazards).await?,
        standing_alarms: about_equipment
            .take(ROWS as usize)
            .map(|alarm| Alarm::of(app, alarm))
            .collect(),
        not_watched: not_watched(app, &glances),
        completeness: Completeness::new(from, to, cover, messages),
        hours: strip.into_values().collect(),
        store: whole.then(|| StoreSize {
            used_bytes: size.used,
            file_bytes: size.file,
            above_watermark: app.engine.health().above_watermark,
        }),
    })
}

/// The worst open hazards, newest first among equals.
async fn worst(app: &App, sight: &Sight) -> Result<Vec<HazardSummary>, ViewError> {
    let mut worst = Vec::new();
    for severity in [Severity::S1, Severity::S2, Severity::S3, Severity::S4] {
        let limit = ROWS - worst.len() as u32;
        if limit > 0 {
            let filter = HazardFilter {
                severity: Some(severity),
                open: Some(true),
                limit,
                sight: Some(sight.clone()),
                ..HazardFilter::default()
            };
            worst.extend(app.store.hazards(&filter).await?);
        }
    }
    Ok(worst)
}

/// All equipment in sight at a glance, and how many of its nodes are online.
async fn glances(app: &App, sight: &Sight) -> Result<(Vec<Glance>, NodeCounts), ViewError> {
    let seen = ask(app, |pipeline| {
        let all = (0..pipeline.catalog().equipment.len() as u32).map(EquipmentIx);
        let seen = all.map(|ix| {
            let view = pipeline.equipment(ix);
            (Glance::of(&view), view.node_online)
        });
        seen.collect::<Vec<_>>()
    })
    .await?;
    let in_sight = |glance: &Glance| {
        let equipment = app.catalog.equipment.get(glance.ix.0 as usize);
        equipment.is_some_and(|one| app.sees_one(sight, one))
    };
    let seen: Vec<_> = seen.into_iter().filter(|(glance, _)| in_sight(glance)).collect();
    let nodes: HashMap<_, _> = seen
        .iter()
        .filter_map(|(glance, online)| {
            Some((&*app.catalog.equipment.get(glance.ix.0 as usize)?.node, *online))
        })
        .collect();
    let online = nodes.values().filter(|online| **online).count() as u64;
    let counts = NodeCounts {
        total: nodes.len() as u64,
        online,
    };
    Ok((seen.into_iter().map(|(glance, _)| glance).collect(), counts))
}

fn watch_counts(glances: &[Glance]) -> WatchCounts {
    let mut counts = WatchCounts {
        total: glances.len() as u64,
        ..WatchCounts::default()
    };
    for glance in glances {
        match glance.watch {
            Watch::Never => counts.never += 1,
            Watch::Offline => counts.offline += 1,
            Watch::Silent => counts.silent += 1,
            Watch::Online => counts.online += 1,
        }
    }
    counts
}

fn not_watched(app: &App, glances: &[Glance]) -> Vec<NotWatched> {
    let mut blind: Vec<_> = glances
        .iter()
        .filter(|glance| glance.watch != Watch::Online)
        .collect();
    let since = |glance: &Glance| glance.blind_since.or(glance.last_heard);
    // What was never heard comes last: it is usually not installed yet.
    blind.sort_by_key(|glance| (glance.watch == Watch::Never, since(glance)));
    blind
        .into_iter()
        .take(ROWS as usize)
        .filter_map(|glance| {
            let card = app.catalog.equipment.get(glance.ix.0 as usize)?.into();
            let since = since(glance).filter(|_| glance.watch != Watch::Never).map(Time);
            Some(NotWatched {
                card,
                watch: glance.watch,
                since,
            })
        })
        .collect()
}

/// Equipment in sight that is not watched: the first of it, and how much there is in all.
pub(super) async fn blind(app: &App, sight: &Sight) -> Result<(Vec<NotWatched>, u64), ViewError> {
    let (glances, _) = glances(app, sight).await?;
    let counts = watch_counts(&glances);
    Ok((not_watched(app, &glances), counts.total - counts.online))
}

/// What was covered, over all equipment.
async fn cover(
    app: &App,
    sight: &Sight,
    glances: &[Glance],
    from: UtcMillis,
    to: UtcMillis,
) -> Result<Cover, ViewError> {
    let gaps = app.store.gaps_between(from, to, GAPS, sight).await?;
    let mut of: HashMap<&str, Vec<&GapRecord>> = HashMap::new();
    for gap in &gaps {
        of.entry(&gap.equipment).or_default().push(gap);
    }
    let mut whole = Cover::default();
    for glance in glances {
        let Some(equipment) = app.catalog.equipment.get(glance.ix.0 as usize) else {
            continue;
        };
        whole.add(match glance.watch {
            Watch::Never => Cover::nothing(from, to),
            _ => Cover::of(of.remove(&*equipment.id).unwrap_or_default(), from, to),
        });
    }
    Ok(whole)
}
