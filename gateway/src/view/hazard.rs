//! One hazard with everything that proves it.

use super::ViewError;
use super::card::find;
use super::completeness::Gap;
use super::hazards::Hazard;
use super::log::{self, Decoder, Readings};
use super::rules::{Limit, is_unverified, limits};
use super::series::{Point, points};
use super::time::Time;
use super::trend::gaps;
use super::value::Evidence;
use super::words::{GradeWords, SeverityWords, Word};
use crate::app::{App, HazardFilter};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use vigil_core::catalog::Equipment;
use vigil_core::hazard::{Actor, HazardEvent, HazardEventKind, HazardSummary, RuleCitation, verify_chain};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Sight;
use vigil_core::sample::ChannelIx;
use vigil_protocol::time::UtcMillis;
use vigil_protocol::vocabulary::Quantity;

/// Time shown before the episode and behind the last trip: what the store keeps with the hazard.
const EVIDENCE_MS: i64 = 300_000;
/// A hazard that recurs for months has more evidence than a page can show.
const LONGEST_WINDOW_MS: i64 = 6 * 3_600_000;

/// One hazard with everything that proves it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardDetail {
    /// The hazard.
    #[serde(flatten)]
    pub hazard: Hazard,
    /// Which rule in which version on what ground; `null` only if its first event is damaged.
    pub citation: Option<Citation>,
    /// Whether the chain of events is whole.
    pub chain: Chain,
    /// What happened, from the first.
    pub history: Vec<HazardHistory>,
    /// The data around it.
    pub evidence: EvidenceWindow,
    /// What a person can do now: `confirm`, `reject`, `comment`.
    pub allowed_actions: Vec<&'static str>,
}

/// Which rule, in which version, on what legal ground, as it was when the hazard was opened.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Citation {
    /// Rule id.
    pub rule: String,
    /// Title, Chinese.
    pub title_zh: String,
    /// Title, English.
    pub title_en: String,
    /// Pack id.
    pub pack: String,
    /// Pack version.
    pub pack_version: String,
    /// SHA-256 of the pack's content, hex.
    pub pack_hash: String,
    /// The same pack is in force today.
    pub pack_in_force: bool,
    /// Clause.
    pub clause: String,
    /// Source of the rule's numbers.
    pub source: String,
    /// `sourced`, `memory-high`, `memory-low` or `proposal`.
    pub confidence: String,
    /// The numbers come from memory and must be checked against the source.
    pub unverified: bool,
    /// The condition with its numbers filled in.
    pub condition: String,
}

/// Whether a chain of events is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Chain {
    /// Every hash follows from its event and the one before, and the register shows what they add up to.
    pub verified: bool,
    /// Hash of the last event, hex.
    pub head: String,
    /// What is wrong.
    pub error: Option<String>,
    /// Number of the first wrong event.
    pub broken_at: Option<u32>,
}

/// An event of a hazard.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HazardHistory {
    /// 0, 1, 2 …
    pub seq: u32,
    /// When the gateway, or the person, did it.
    pub at: Time,
    /// `opened`, `recurred`, `returned`, `confirmed`, `rejected` or `commented`.
    pub event: &'static str,
    /// Who; `null` = the rule engine.
    pub actor: Option<String>,
    /// What the person said.
    pub text: Option<String>,
    /// Source time of the trip or return.
    pub source_at: Option<Time>,
    /// Found in back-filled data.
    pub late: bool,
    /// Seriousness at the trip.
    #[schema(value_type = Option<SeverityWords>)]
    pub severity: Option<Severity>,
    /// Grade at the opening.
    #[schema(value_type = Option<GradeWords>)]
    pub grade: Option<Grade>,
    /// What the rule's channels said.
    pub evidence: Vec<Evidence>,
    /// Log position of the cause.
    pub position: u64,
    /// Hash of the event before, hex.
    pub prev: String,
    /// Hash of this one, hex.
    pub hash: String,
    /// This event and all before it are as they were written.
    pub verified: bool,
}

/// The data around a hazard, decoded from the messages as received.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EvidenceWindow {
    /// Start.
    pub from: Time,
    /// End.
    pub to: Time,
    /// Messages behind it.
    pub messages: u64,
    /// Of those, kept with the hazard when the log dropped them.
    pub kept: u64,
    /// Not everything of the window is shown.
    pub cut: bool,
    /// One per quantity the rule looks at.
    pub series: Vec<EvidenceSeries>,
    /// Times without trustworthy data in the window.
    pub gaps: Vec<Gap>,
}

/// What one quantity said around a hazard.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EvidenceSeries {
    /// What is measured.
    pub quantity: Word,
    /// `analog`, `binary`, `code`, `counter` or `text`.
    pub kind: &'static str,
    /// Unit of all values.
    pub unit: &'static str,
    /// In the order of time.
    pub points: Vec<Point>,
    /// Levels at which rules trip.
    pub limits: Vec<Limit>,
}

/// Reads a hazard with its chain and its evidence.
///
/// # Errors
/// Unknown id, or the store cannot be read.
pub async fn hazard(app: &App, sight: &Sight, id: &str) -> Result<HazardDetail, ViewError> {
    let found = app.store.hazard(id).await?;
    let Some(summary) = found.filter(|hazard| app.sees(sight, &hazard.equipment)) else {
        let newest = app
            .store
            .hazards(&HazardFilter {
                limit: 1_000,
                sight: Some(sight.clone()),
                ..HazardFilter::default()
            })
            .await?;
        return Err(ViewError::not_found(
            "hazard",
            id,
            newest.iter().map(|hazard| &*hazard.id.0),
        ));
    };
    let events = app.store.hazard_events(id).await?;
    let chain = check(&events, &summary);
    Ok(HazardDetail {
        citation: events.first().and_then(|event| citation(app, event)),
        history: events
            .iter()
            .map(|event| history(event, chain.broken_at))
            .collect(),
        evidence: evidence(app, &summary, &events).await?,
        allowed_actions: allowed(&summary),
        hazard: Hazard::of(app, &summary),
        chain,
    })
}

/// Folds the events again and compares with what the register shows.
fn check(events: &[HazardEvent], summary: &HazardSummary) -> Chain {
    let head = events.last().map_or(summary.head, |event| event.hash).to_string();
    let broken = |error: String, at| Chain {
        verified: false,
        head: head.clone(),
        error: Some(error),
        broken_at: at,
    };
    match verify_chain(events) {
        Ok(folded) if folded == *summary => Chain {
            verified: true,
            head,
            error: None,
            broken_at: None,
        },
        Ok(_) => broken(
            "the register shows something else than its events add up to".to_owned(),
            None,
        ),
        Err(error) => broken(error.to_string(), Some(error.seq)),
    }
}

fn citation(app: &App, first: &HazardEvent) -> Option<Citation> {
    let HazardEventKind::Opened { citation, .. } = &first.kind else {
        return None;
    };
    let RuleCitation {
        rule,
        title_zh,
        title_en,
        pack,
        pack_version,
        pack_hash,
        clause,
        source,
        confidence,
        condition,
    } = &**citation;
    Some(Citation {
        rule: rule.to_string(),
        title_zh: title_zh.to_string(),
        title_en: title_en.to_string(),
        pack: pack.to_string(),
        pack_version: pack_version.to_string(),
        pack_hash: pack_hash.to_string(),
        pack_in_force: app.catalog.packs.iter().any(|known| known.hash == *pack_hash),
        clause: clause.to_string(),
        source: source.to_string(),
        confidence: confidence.to_string(),
        unverified: is_unverified(confidence),
        condition: condition.clone(),
    })
}

fn history(event: &HazardEvent, broken_at: Option<u32>) -> HazardHistory {
    let mut history = HazardHistory {
        seq: event.seq,
        at: event.at.into(),
        event: "",
        actor: match &event.actor {
            Actor::Machine => None,
            Actor::Person(name) => Some(name.clone()),
        },
        text: None,
        source_at: None,
        late: false,
        severity: None,
        grade: None,
        evidence: Vec::new(),
        position: event.position.0,
        prev: event.prev.to_string(),
        hash: event.hash.to_string(),
        verified: broken_at.is_none_or(|broken| event.seq < broken),
    };
    match &event.kind {
        HazardEventKind::Opened {
            tripped_at,
            late,
            severity,
            grade,
            evidence,
            ..
        } => {
            history.event = "opened";
            history.source_at = Some((*tripped_at).into());
            history.late = *late;
            history.severity = Some(*severity);
            history.grade = Some(*grade);
            history.evidence = evidence.iter().map(Evidence::from).collect();
        }
        HazardEventKind::Recurred {
            tripped_at,
            late,
            severity,
            evidence,
        } => {
            history.event = "recurred";
            history.source_at = Some((*tripped_at).into());
            history.late = *late;
            history.severity = Some(*severity);
            history.evidence = evidence.iter().map(Evidence::from).collect();
        }
        HazardEventKind::Returned { at, evidence } => {
            history.event = "returned";
            history.source_at = Some((*at).into());
            history.evidence = evidence.iter().map(Evidence::from).collect();
        }
        HazardEventKind::Confirmed { text } => {
            (history.event, history.text) = ("confirmed", Some(text.clone()))
        }
        HazardEventKind::Rejected { text } => {
            (history.event, history.text) = ("rejected", Some(text.clone()))
        }
        HazardEventKind::Commented { text } => {
            (history.event, history.text) = ("commented", Some(text.clone()))
        }
    }
    history
}

fn allowed(summary: &HazardSummary) -> Vec<&'static str> {
    use vigil_core::hazard::HazardStatus::{Confirmed, Rejected, Suspected};
    match summary.status {
        Suspected => vec!["confirm", "reject", "comment"],
        Confirmed | Rejected => vec!["comment"],
    }
}

/// From before the episode to behind the last trip.
fn window(summary: &HazardSummary, events: &[HazardEvent]) -> (UtcMillis, UtcMillis) {
    let trips = events.iter().filter_map(|event| match &event.kind {
        HazardEventKind::Opened { tripped_at, .. } | HazardEventKind::Recurred { tripped_at, .. } => {
            Some(*tripped_at)
        }
        _ => None,
    });
    let last = trips.max().unwrap_or(summary.episode);
    let from = summary.episode.saturating_sub_ms(EVIDENCE_MS);
    (from, last.saturating_add_ms(EVIDENCE_MS))
}

/// The quantities that were looked at, in the order of the evidence.
fn quantities(events: &[HazardEvent]) -> Vec<Quantity> {
    let mut seen = BTreeSet::new();
    let evidence = events.iter().flat_map(|event| match &event.kind {
        HazardEventKind::Opened { evidence, .. }
        | HazardEventKind::Recurred { evidence, .. }
        | HazardEventKind::Returned { evidence, .. } => evidence.as_slice(),
        _ => &[],
    });
    evidence
        .map(|reading| reading.quantity)
        .filter(|quantity| seen.insert(quantity.key()))
        .collect()
}

async fn evidence(
    app: &App,
    summary: &HazardSummary,
    events: &[HazardEvent],
) -> Result<EvidenceWindow, ViewError> {
    let (from, whole_to) = window(summary, events);
    let to = whole_to.min(from.saturating_add_ms(LONGEST_WINDOW_MS));
    let mut shown = EvidenceWindow {
        from: from.into(),
        to: to.into(),
        messages: 0,
        kept: 0,
        cut: to < whole_to,
        series: Vec::new(),
        gaps: gaps(app, &summary.equipment, None, from, to).await?,
    };
    let Some((_, equipment)) = find(&app.catalog, &summary.equipment) else {
        return Ok(shown);
    };
    let channels: Vec<_> = quantities(events)
        .into_iter()
        .filter_map(|quantity| equipment.channel_of(quantity))
        .collect();
    let mut readings = log::readings(app, equipment, &channels, (from, to)).await?;
    let kept = kept(app, equipment, &channels, summary).await?;
    shown.messages = (readings.messages + kept.messages) as u64;
    shown.kept = kept.messages as u64;
    shown.cut |= readings.cut;
    for (channel, dots) in kept.dots {
        readings.dots.entry(channel).or_default().extend(dots);
    }
    for channel in channels {
        let Some(of) = equipment.channels.get(usize::from(channel.0)) else {
            continue;
        };
        let dots = readings.dots.remove(&channel).unwrap_or_default();
        shown.series.push(EvidenceSeries {
            quantity: of.quantity.into(),
            kind: of.quantity.kind().key(),
            unit: of.quantity.unit().symbol(),
            points: points(of.quantity, dots, from, to),
            limits: limits(equipment, channel),
        });
    }
    Ok(shown)
}

/// What the store kept with the hazard when the log dropped it.
async fn kept(
    app: &App,
    equipment: &Equipment,
    channels: &[ChannelIx],
    summary: &HazardSummary,
) -> Result<Readings, ViewError> {
    let messages = app.store.evidence_messages(&summary.id.0).await?;
    let mut decoder = Decoder::new(app, equipment, channels);
    decoder.take(&messages).await?;
    Ok(decoder.finish())
}
