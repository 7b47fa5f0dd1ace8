//! One hazard with everything that speaks for it, in one file.

use super::bundle::{
    ALARMS, ATTACHMENTS, Bundle, BundleError, CONTEXTS, ContextRecord, EQUIPMENT, EVENTS, EquipmentRecord,
    HEADS, HeadRecord, MANIFEST, MESSAGES, Manifest, MessageRecord, PACK, PROOFS, ProofRecord, README,
    SIGNATURE, SUMMARY, to_lines,
};
use super::heads::{HeadError, day_of, days_of, heads, standings};
use super::key::{SigningKey, hex};
use crate::store::{Desk, Reader, StoreError, StoredMessage};
use std::collections::{BTreeMap, BTreeSet};
use vigil_core::catalog::{Catalog, Equipment};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{HazardEvent, HazardEventKind, HazardSummary};
use vigil_core::input::Position;
use vigil_core::proof::inclusion;
use vigil_protocol::time::UtcMillis;

/// Source time before the episode and behind each trip.
const AROUND_MS: i64 = 300_000;
/// Messages of one bundle; what is left out is said in the manifest.
const MOST: u32 = 20_000;
/// Alarm events looked through.
const ALARM_EVENTS: u32 = 10_000;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no such hazard.
    #[error("there is no hazard {0:?}")]
    Unknown(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Heads.
    #[error(transparent)]
    Heads(#[from] HeadError),
    /// The database, at a pack.
    #[error("cannot read the rule pack of the hazard: {0}")]
    Pack(sqlx::Error),
    /// Packing.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// An attachment is not there any more, or not what it was.
    #[error("cannot read attachment {hash}: {source}")]
    Attachment {
        /// SHA-256.
        hash: String,
        /// Cause.
        source: std::io::Error,
    },
}

/// What a bundle is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// Messages, events, alarms.
    pub store: &'a Reader,
    /// Heads and packs.
    pub desk: &'a Desk,
    /// Equipment as it is described now.
    pub catalog: &'a Catalog,
    /// Signs.
    pub key: &'a SigningKey,
    /// Where attachments lie.
    pub attachments: &'a std::path::Path,
}

/// The bundle of a hazard, as a file.
///
/// # Errors
/// [`ExportError`]
pub async fn export(sources: &Sources<'_>, id: &str, now: UtcMillis) -> Result<Vec<u8>, ExportError> {
    let unknown = || ExportError::Unknown(id.to_owned());
    let summary = sources.store.hazard(id).await?.ok_or_else(unknown)?;
    let events = sources.store.hazard_events(id).await?;
    let mut parts = BTreeMap::new();
    parts.insert(SUMMARY.to_owned(), to_lines([&summary]));
    parts.insert(EVENTS.to_owned(), to_lines(&events));
    let alarms = sources
        .store
        .alarm_events(&summary.equipment, ALARM_EVENTS)
        .await?;
    let of_rule = alarms.iter().filter(|event| event.rule == summary.rule);
    parts.insert(ALARMS.to_owned(), to_lines(of_rule));
    let left_out = messages(sources, &summary, &events, &mut parts).await?;
    pack(sources, &events, &mut parts).await?;
    proofs(sources, &summary, &events, &mut parts).await?;
    attachments(sources, &events, &mut parts)?;
    parts.insert(README.to_owned(), readme(&summary).into_bytes());
    let manifest = Manifest {
        version: 1,
        hazard: id.to_owned(),
        events: summary.events,
        head: summary.head,
        made_at: now,
        key: sources.key.public().to_string(),
        messages_left_out: left_out,
        parts: parts
            .iter()
            .map(|(name, content)| (name.clone(), ContentHash::of(content)))
            .collect(),
    };
    let manifest = to_lines([&manifest]);
    parts.insert(SIGNATURE.to_owned(), sources.key.sign(&manifest).into_bytes());
    parts.insert(MANIFEST.to_owned(), manifest);
    Ok(Bundle { parts }.write()?)
}

/// Messages around the trips, those the evidence names, and what gives them their meaning.
async fn messages(
    sources: &Sources<'_>,
    summary: &HazardSummary,
    events: &[HazardEvent],
    parts: &mut BTreeMap<String, Vec<u8>>,
) -> Result<u64, ExportError> {
    let equipment = sources
        .catalog
        .by_id
        .get(&summary.equipment)
        .and_then(|ix| sources.catalog.equipment.get(ix.0 as usize));
    let mut found: BTreeMap<Position, StoredMessage> = BTreeMap::new();
    let mut keep = |messages: Vec<StoredMessage>| {
        found.extend(
            messages
                .into_iter()
                .map(|message| (message.entry.position, message)),
        )
    };
    keep(sources.store.evidence_messages(&summary.id.0).await?);
    keep(sources.store.messages_at(&positions(events)).await?);
    let mut left_out = 0;
    if let Some(equipment) = equipment {
        let (from, to) = window(summary, events);
        let (node, device) = (&*equipment.node, equipment.device.as_deref());
        let own = sources.store.messages(node, device, from, to, MOST).await?;
        left_out += u64::from(own.len() as u32 == MOST);
        keep(own);
        if device.is_some() {
            // Messages of the node itself that speak of its devices; Sparkplug's never do.
            let shared = sources.store.messages(node, None, from, to, MOST).await?;
            keep(
                shared
                    .into_iter()
                    .filter(|message| message.entry.source != vigil_core::field::Source::Sparkplug)
                    .collect(),
            );
        }
        parts.insert(EQUIPMENT.to_owned(), to_lines([&record(equipment)]));
    }
    let hashes: BTreeSet<ContentHash> = found
        .values()
        .filter_map(|message| message.entry.context)
        .collect();
    let contexts = sources.store.contexts(&hashes).await?;
    let mut contexts: Vec<ContextRecord> = contexts
        .into_values()
        .map(|context| ContextRecord {
            hash: context.hash,
            topic: context.topic.to_string(),
            payload: hex(&context.payload),
        })
        .collect();
    contexts.sort_by_key(|context| context.hash);
    parts.insert(CONTEXTS.to_owned(), to_lines(contexts));
    parts.insert(MESSAGES.to_owned(), to_lines(found.values().map(as_received)));
    Ok(left_out)
}

fn as_received(message: &StoredMessage) -> MessageRecord {
    let entry = &message.entry;
    MessageRecord {
        position: entry.position.0,
        node: entry.node.to_string(),
        device: entry.device.as_deref().map(str::to_owned),
        kind: entry.message.as_str().to_owned(),
        source: entry.source,
        published: entry.published,
        received: entry.received,
        historical: entry.historical,
        journal: entry.journal,
        context: entry.context,
        payload: hex(&message.payload),
    }
}

fn record(equipment: &Equipment) -> EquipmentRecord {
    EquipmentRecord {
        id: equipment.id.to_string(),
        name_zh: equipment.name_zh.to_string(),
        name_en: equipment.name_en.to_string(),
        category: equipment.category.to_string(),
        node: equipment.node.to_string(),
        device: equipment.device.as_deref().map(str::to_owned),
        register: equipment
            .register
            .iter()
            .map(|(key, text)| (key.to_owned(), text.to_owned()))
            .collect(),
        nameplate: (*equipment.nameplate).clone(),
        channels: equipment
            .channels
            .iter()
            .map(|channel| (channel.quantity.key().to_owned(), channel.metric.to_string()))
            .collect(),
    }
}

/// The log positions of every reading named as evidence.
fn positions(events: &[HazardEvent]) -> Vec<Position> {
    let named: BTreeSet<Position> = events
        .iter()
        .flat_map(|event| evidence(&event.kind))
        .map(|reading| reading.position)
        .collect();
    named.into_iter().collect()
}

/// The readings an event names.
pub(super) fn evidence(kind: &HazardEventKind) -> &[vigil_core::hazard::EvidenceReading] {
    match kind {
        HazardEventKind::Opened { evidence, .. }
        | HazardEventKind::Recurred { evidence, .. }
        | HazardEventKind::Returned { evidence, .. } => evidence,
        _ => &[],
    }
}

fn window(summary: &HazardSummary, events: &[HazardEvent]) -> (UtcMillis, UtcMillis) {
    let trips = events.iter().filter_map(|event| match &event.kind {
        HazardEventKind::Opened { tripped_at, .. } | HazardEventKind::Recurred { tripped_at, .. } => {
            Some(*tripped_at)
        }
        _ => None,
    });
    let last = trips.max().unwrap_or(summary.episode);
    (
        summary.episode.saturating_sub_ms(AROUND_MS),
        last.saturating_add_ms(AROUND_MS),
    )
}

async fn pack(
    sources: &Sources<'_>,
    events: &[HazardEvent],
    parts: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), ExportError> {
    let cited = events.iter().find_map(|event| match &event.kind {
        HazardEventKind::Opened { citation, .. } => Some(citation.pack_hash),
        _ => None,
    });
    let Some(hash) = cited else { return Ok(()) };
    let content: Option<String> = sqlx::query_scalar("SELECT json FROM packs WHERE hash = $1")
        .bind(hash.to_string())
        .fetch_optional(sources.desk.reading())
        .await
        .map_err(ExportError::Pack)?;
    if let Some(content) = content {
        parts.insert(PACK.to_owned(), content.into_bytes());
    }
    Ok(())
}

/// The heads of the days from the first event on, and where the hazard is under them.
async fn proofs(
    sources: &Sources<'_>,
    summary: &HazardSummary,
    events: &[HazardEvent],
    parts: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), ExportError> {
    // From the day of the first event on, so that what is missing under a head is missed.
    let from = events
        .first()
        .map_or_else(String::new, |event| day_of(event.at).to_string());
    let signed = heads(sources.desk.reading(), &from, "9999-12-31").await?;
    let mut proofs = Vec::new();
    let mut connection = sources
        .desk
        .reading()
        .acquire()
        .await
        .map_err(ExportError::Pack)?;
    for day in days_of(&mut connection, &summary.id.0).await? {
        let standings = standings(&mut connection, &day).await?;
        let at = standings
            .iter()
            .position(|standing| standing.hazard == summary.id);
        if let Some(inclusion) = at.and_then(|at| inclusion(&standings, at)) {
            proofs.push(ProofRecord { day, inclusion });
        }
    }
    let heads = signed.into_iter().map(|signed| HeadRecord {
        head: signed.head,
        signature: signed.signature,
    });
    parts.insert(HEADS.to_owned(), to_lines(heads));
    parts.insert(PROOFS.to_owned(), to_lines(proofs));
    Ok(())
}

fn attachments(
    sources: &Sources<'_>,
    events: &[HazardEvent],
    parts: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), ExportError> {
    for hash in attached(events) {
        let path = attachment_path(sources.attachments, &hash);
        let content = std::fs::read(path).map_err(|source| ExportError::Attachment {
            hash: hash.clone(),
            source,
        })?;
        parts.insert(format!("{ATTACHMENTS}{hash}"), content);
    }
    Ok(())
}

/// SHA-256 of every attachment the events name.
pub(super) fn attached(events: &[HazardEvent]) -> BTreeSet<String> {
    let files = events.iter().flat_map(|event| event.kind.attachments());
    files.map(|file| file.sha256.to_string()).collect()
}

/// Where the content of a hash lies below the attachments' directory.
fn attachment_path(directory: &std::path::Path, hash: &str) -> std::path::PathBuf {
    let (folder, name) = hash.split_at(hash.len().min(2));
    directory.join(folder).join(name)
}

fn readme(summary: &HazardSummary) -> String {
    format!(
        "守望 Vigil 隐患证据包 / evidence bundle\n\n{} {} / {}\n\n\
         hazard.json      现状 / where it stands\n\
         events.jsonl     全部事件（哈希链） / every event, hash-chained\n\
         alarms.jsonl     该规则的报警 / alarms of the rule\n\
         messages.jsonl   原始报文 / messages as received\n\
         contexts.jsonl   报文的含义（出生证书、映射、寄存器表） / what gives the messages their meaning\n\
         equipment.json   设备 / the equipment\n\
         rule-pack.json   当时生效的规则包 / the rule pack in force\n\
         heads.jsonl      每日签名链头 / the signed head of every day\n\
         proofs.jsonl     隐患在链头之下的证明 / proofs that the hazard is under them\n\
         attachments/     附件 / attachments\n\
         manifest.json    以上各部分的哈希 / hashes of all parts\n\
         manifest.sig     签名（Ed25519） / signature\n\n\
         验证 / verify: vigil verify FILE --key PUBLIC_KEY\n",
        summary.id.0, summary.title_zh, summary.title_en
    )
}
