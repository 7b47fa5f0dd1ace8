//! One hazard with everything that proves it.

use super::ViewError;
use super::card::find;
use super::completeness::Gap;
use super::hazards::Hazard;
use super::log::{self, Decoder, Readings};
use super::risk_trace::RiskOrigin;
use super::rules::{Limit, is_unverified, limits};
use super::series::{Point, points};
use super::steps::{BlockedStep, NextStep, Party, parties, steps};
use super::time::Time;
use super::trend::gaps;
use super::value::Evidence;
use super::words::{GradeWords, SeverityWords, Word};
use crate::app::{App, HazardFilter};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use vigil_core::catalog::Equipment;
use vigil_core::hazard::{
    Actor, Assignment, Attachment, Handling, HazardEvent, HazardEventKind, HazardSummary, RuleCitation,
    verify_chain,
};
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Person, Role};
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
    /// Which rule in which version on what ground; `null` if no rule opened it.
    pub citation: Option<Citation>,
    /// Whether the chain of events is whole.
    pub chain: Chain,
    /// What happened, from the first.
    pub history: Vec<HazardHistory>,
    /// The data around it.
    pub evidence: EvidenceWindow,
    /// What has been made of it.
    pub handling: HandlingView,
    /// The control measure that failed; `null` for hazards found otherwise.
    pub risk: Option<RiskOrigin>,
    /// Whose the equipment is: who can be made responsible.
    pub parties: Vec<Party>,
    /// What who asks can do now.
    pub next_steps: Vec<NextStep>,
    /// What could be done now, but not by who asks: why not, and who could.
    pub blocked_steps: Vec<BlockedStep>,
    /// The same as keys alone.
    pub allowed_actions: Vec<&'static str>,
}

/// What has been made of a hazard.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HandlingView {
    /// 责任人.
    pub responsible_person: Option<String>,
    /// 责任领导.
    pub leader: Option<String>,
    /// 整改措施.
    pub measures: Option<String>,
    /// 资金.
    pub funds: Option<String>,
    /// 应急预案.
    pub emergency_plan: Option<String>,
    /// 临时管控措施.
    pub interim_measures: Vec<String>,
    /// When the deadline was set.
    pub deadline_set: Option<Time>,
    /// A later deadline is asked for.
    pub extension_wanted: Option<Time>,
    /// Logins of who took a hand in the rectification: none of them accepts it.
    pub rectifiers: Vec<String>,
    /// When the responsible unit said that it is rectified.
    pub rectified_at: Option<Time>,
    /// By when acceptance is due, since it was asked for.
    pub acceptance_due: Option<Time>,
    /// Who accepted it.
    pub accepted_by: Option<String>,
    /// When.
    pub accepted_at: Option<Time>,
    /// Times it was not accepted.
    pub refusals: u32,
    /// 立查立改.
    pub fixed_on_spot: bool,
    /// 销号编号.
    pub strike_off: Option<String>,
    /// Look-backs made.
    pub look_backs: u8,
    /// The last one did not pass.
    pub look_back_failed: bool,
    /// Times telemetry saw it come back after strike-off.
    pub relapses: u32,
    /// The hazard that goes on with it.
    pub successor: Option<String>,
    /// Open hazards that may be the same, when it was reported.
    pub related: Vec<String>,
    /// Files.
    pub attachments: u32,
}

/// A file, by the hash of its bytes: `/api/v1/attachments/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttachedFile {
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Name, for people.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// `image/jpeg`, `image/png`, `image/webp` or `application/pdf`.
    pub media_type: &'static str,
}

impl From<&Attachment> for AttachedFile {
    fn from(file: &Attachment) -> Self {
        Self {
            sha256: file.sha256.to_string(),
            name: file.name.clone(),
            size: file.size,
            media_type: file.media_type.name(),
        }
    }
}

impl HandlingView {
    fn of(handling: &Handling) -> Self {
        let assignment = handling.assignment.as_ref();
        let said =
            |text: fn(&Assignment) -> &String| assignment.map(text).filter(|text| !text.is_empty()).cloned();
        let texts = |texts: &[Arc<str>]| texts.iter().map(|text| text.to_string()).collect();
        Self {
            responsible_person: said(|assignment| &assignment.person),
            leader: said(|assignment| &assignment.leader),
            measures: said(|assignment| &assignment.measures),
            funds: said(|assignment| &assignment.funds),
            emergency_plan: said(|assignment| &assignment.emergency_plan),
            interim_measures: texts(&handling.interim),
            deadline_set: handling.deadline_set.map(Into::into),
            extension_wanted: handling
                .extension_request
                .as_ref()
                .map(|request| request.until.into()),
            rectifiers: texts(&handling.rectifiers),
            rectified_at: handling.rectified_at.map(Into::into),
            acceptance_due: handling.acceptance_due.map(Into::into),
            accepted_by: handling.accepted_by.as_deref().map(str::to_owned),
            accepted_at: handling.accepted_at.map(Into::into),
            refusals: handling.refusals,
            fixed_on_spot: handling.fixed_on_spot,
            strike_off: handling.strike_off.as_deref().map(str::to_owned),
            look_backs: handling.look_backs,
            look_back_failed: handling.look_back_failed,
            relapses: handling.relapses,
            successor: handling.successor.as_ref().map(|id| id.0.to_string()),
            related: handling.related.iter().map(|id| id.0.to_string()).collect(),
            attachments: handling.attachments,
        }
    }
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
    /// Key of what happened, such as `opened`, `confirmed`, `assigned`, `overdue`.
    pub event: &'static str,
    /// Who; `null` = the machine.
    pub actor: Option<String>,
    /// In which role.
    pub role: Option<&'static str>,
    /// Of which unit.
    pub unit: Option<String>,
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
    /// The files that came with it.
    pub attachments: Vec<AttachedFile>,
    /// What else it says, by the names of the chain; times in milliseconds.
    #[schema(value_type = Option<Object>)]
    pub details: Option<serde_json::Value>,
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

/// Reads a hazard with its chain and its evidence as `person` sees it, and what `acts_as` (the same, unless somebody
/// may still say who he is) can do with it.
///
/// # Errors
/// Unknown id, or one that the person does not see; or the store cannot be read.
pub async fn hazard(
    app: &App,
    id: &str,
    person: &Person,
    acts_as: &Person,
) -> Result<HazardDetail, ViewError> {
    let found = app.store.hazard(id).await?;
    // What somebody may not see does not exist for him.
    let sight = person.sight();
    let Some(summary) = found.filter(|hazard| app.sees_hazard(&sight, hazard)) else {
        let newest = app
            .store
            .hazards(&HazardFilter {
                limit: 1_000,
                sight: Some(sight),
                ..HazardFilter::default()
            })
            .await?;
        return Err(ViewError::not_found(
            "hazard",
            id,
            newest.iter().map(|hazard| &*hazard.id.0),
        ));
    };
    let (summary, events) = of_one_moment(app, summary).await?;
    let scope = app.scope_of_hazard(&summary);
    let (next_steps, blocked_steps) = steps(app, &summary, acts_as, &scope).await?;
    let chain = check(&events, &summary);
    let shown = Hazard::all(app, std::slice::from_ref(&summary)).await?.pop();
    Ok(HazardDetail {
        citation: events.first().and_then(|event| citation(app, event)),
        history: events
            .iter()
            .map(|event| history(event, chain.broken_at, person))
            .collect(),
        evidence: evidence(app, &summary, &events).await?,
        handling: HandlingView::of(&summary.handling),
        allowed_actions: next_steps.iter().map(|next| next.step.key()).collect(),
        blocked_steps,
        risk: RiskOrigin::of_rule(&summary.rule),
        parties: parties(app, &scope).await?,
        next_steps,
        hazard: shown.unwrap_or_else(|| Hazard::of(app, &summary)),
        chain,
    })
}

/// A hazard and its events, read again if something happened in between.
async fn of_one_moment(
    app: &App,
    mut summary: HazardSummary,
) -> Result<(HazardSummary, Vec<HazardEvent>), ViewError> {
    let id = summary.id.0.clone();
    let mut events = app.store.hazard_events(&id).await?;
    for _ in 0..3 {
        if events.last().is_none_or(|last| last.hash == summary.head) {
            break;
        }
        if let Some(newer) = app.store.hazard(&id).await? {
            summary = newer;
        }
        events = app.store.hazard_events(&id).await?;
    }
    Ok((summary, events))
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

fn history(event: &HazardEvent, broken_at: Option<u32>, person: &Person) -> HazardHistory {
    let who = event.who.as_deref();
    let mut history = HazardHistory {
        seq: event.seq,
        at: event.at.into(),
        event: event.kind.key(),
        actor: match &event.actor {
            Actor::Machine => None,
            Actor::Person(name) => Some(name.clone()),
        },
        role: who.map(|who| who.role.key()),
        unit: who.and_then(|who| who.unit.as_deref().map(str::to_owned)),
        text: event.kind.text().map(str::to_owned),
        source_at: None,
        late: false,
        severity: None,
        grade: None,
        evidence: Vec::new(),
        attachments: event.kind.attachments().iter().map(AttachedFile::from).collect(),
        details: None,
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
            history.source_at = Some((*tripped_at).into());
            history.late = *late;
            history.severity = Some(*severity);
            history.evidence = evidence.iter().map(Evidence::from).collect();
        }
        HazardEventKind::Returned { at, evidence } => {
            history.source_at = Some((*at).into());
            history.evidence = evidence.iter().map(Evidence::from).collect();
        }
        kind => history.details = details(kind, person),
    }
    history
}

/// What an event says besides words and files. Times are milliseconds, as in the chain.
fn details(kind: &HazardEventKind, person: &Person) -> Option<serde_json::Value> {
    let mut details = serde_json::to_value(kind).ok()?;
    let object = details.as_object_mut()?;
    for shown in ["type", "text", "attachments"] {
        object.remove(shown);
    }
    // Who reported it is for the authority alone: not for the unit that was reported.
    let authority = matches!(person.role, Role::Regulator | Role::Administrator);
    if let Some(report) = object
        .get_mut("report")
        .and_then(serde_json::Value::as_object_mut)
        && !authority
    {
        report.remove("reporter");
    }
    (!object.is_empty()).then_some(details)
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
