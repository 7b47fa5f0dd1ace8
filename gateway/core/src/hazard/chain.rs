//! The chain of a hazard's events: sealing a new link, folding all of them, finding a broken one.

use super::{Actor, HazardEvent, HazardEventKind, HazardId, HazardSummary};
use crate::hash::ContentHash;
use crate::input::Position;
use crate::people::{Person, Scope};
use serde::Serialize;
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// What is wrong with a chain, and at which link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verifying hazard event {seq}: {what}")]
pub struct ChainError {
    /// The link as counted, 0 for the first.
    pub seq: u32,
    /// What is wrong with it.
    pub what: ChainFault,
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// There is no event at all.
    #[error("the chain is empty")]
    Empty,
    /// A link is missing, doubled or out of order.
    #[error("its number is {found}, a link is missing or in the wrong place")]
    Sequence {
        /// The number it carries.
        found: u32,
    },
    /// It does not continue the link before.
    #[error("it does not carry the hash of the link before")]
    Previous,
    /// Its content is not what was sealed.
    #[error("its hash does not match its content")]
    Content,
    /// It is about another hazard.
    #[error("it belongs to another hazard")]
    OtherHazard,
    /// The id is not the one that equipment, rule and episode give.
    #[error("the id does not follow from equipment, rule and episode")]
    Id,
    /// The first event must open the hazard, and only the first.
    #[error("a hazard is opened by its first event and by no other")]
    Opening,
    /// A step that the state before it does not allow.
    #[error("this step is not possible in the state before it")]
    Step,
    /// The machine did what only a person may, or the other way round.
    #[error("this step is not this actor's to take")]
    Actor,
    /// Who took a hand in the rectification has judged it.
    #[error("who rectified a hazard neither accepts it nor looks back")]
    Duties,
}

impl HazardId {
    /// The id of the episode of a rule: the same cause gives the same id, wherever it is computed.
    #[must_use]
    pub fn derive(equipment: &str, rule: &str, episode: UtcMillis) -> Self {
        let hash = ContentHash::of_parts(&[equipment.as_bytes(), rule.as_bytes(), &episode.0.to_be_bytes()]);
        Self(format!("HZ-{:016x}", hash.short()).into())
    }
}

/// Everything that is hashed: a [`HazardEvent`] without its hash, in this order.
#[derive(Serialize)]
struct Sealed<'a> {
    hazard: &'a HazardId,
    seq: u32,
    at: UtcMillis,
    actor: &'a Actor,
    kind: &'a HazardEventKind,
    position: Position,
    prev: ContentHash,
    // Events of before there were people with roles have neither, and hash as they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<&'a Person>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Scope>,
}

/// Who acts, where in the log, and when.
#[derive(Clone, Debug)]
pub(crate) struct By {
    pub(crate) actor: Actor,
    pub(crate) who: Option<Box<Person>>,
    pub(crate) scope: Option<Box<Scope>>,
    pub(crate) position: Position,
    pub(crate) at: UtcMillis,
}

impl By {
    /// The rule engine, or a deadline.
    pub(crate) const fn machine(position: Position, at: UtcMillis) -> Self {
        Self {
            actor: Actor::Machine,
            who: None,
            scope: None,
            position,
            at,
        }
    }
}

impl HazardEvent {
    /// The link after `before` (`None`: the first).
    pub(crate) fn after(
        before: Option<&HazardSummary>,
        hazard: HazardId,
        by: By,
        kind: HazardEventKind,
    ) -> Self {
        let (seq, prev) = before.map_or((0, ContentHash::default()), |summary| {
            (summary.events, summary.head)
        });
        let By {
            actor,
            who,
            scope,
            position,
            at,
        } = by;
        let mut event = Self {
            hazard,
            seq,
            at,
            actor,
            kind,
            position,
            prev,
            hash: ContentHash::default(),
            who,
            scope,
        };
        event.hash = event.content_hash();
        event
    }

    /// SHA-256 over the canonical JSON (fields in the order of the struct, no spaces) of all fields
    /// but the hash.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        let Self {
            hazard,
            seq,
            at,
            actor,
            kind,
            position,
            prev,
            hash: _,
            who,
            scope,
        } = self;
        let sealed = Sealed {
            hazard,
            seq: *seq,
            at: *at,
            actor,
            kind,
            position: *position,
            prev: *prev,
            who: who.as_deref(),
            scope: scope.as_deref(),
        };
        // These types have string keys and finite numbers only, so writing them cannot fail; were it to,
        // the empty text would match no stored hash and the chain would be reported, not accepted.
        ContentHash::of(&serde_json::to_vec(&sealed).unwrap_or_default())
    }
}

/// Checks every link and gives the state after the last. That nothing was cut off at the end only a
/// comparison of [`HazardSummary::head`] with a head kept elsewhere can tell.
///
/// # Errors
/// The first broken link.
pub fn verify_chain(events: &[HazardEvent]) -> Result<HazardSummary, ChainError> {
    let fault = |index: usize, what| ChainError {
        seq: index as u32,
        what,
    };
    let (first, rest) = events.split_first().ok_or(fault(0, ChainFault::Empty))?;
    check_link(0, first, &first.hazard, ContentHash::default()).map_err(|what| fault(0, what))?;
    let mut summary = HazardSummary::open(first).ok_or(fault(0, ChainFault::Opening))?;
    if matches!(first.kind, HazardEventKind::Opened { .. }) && first.actor != Actor::Machine {
        return Err(fault(0, ChainFault::Actor));
    }
    if HazardId::derive(&summary.equipment, &summary.rule, summary.episode) != first.hazard {
        return Err(fault(0, ChainFault::Id));
    }
    for (index, event) in (1..).zip(rest) {
        check_link(index, event, &summary.id, summary.head).map_err(|what| fault(index, what))?;
        summary.apply(event).map_err(|what| fault(index, what))?;
    }
    Ok(summary)
}

fn check_link(
    index: usize,
    event: &HazardEvent,
    hazard: &HazardId,
    prev: ContentHash,
) -> Result<(), ChainFault> {
    if event.hazard != *hazard {
        Err(ChainFault::OtherHazard)
    } else if u32::try_from(index) != Ok(event.seq) {
        Err(ChainFault::Sequence { found: event.seq })
    } else if event.prev != prev {
        Err(ChainFault::Previous)
    } else if event.content_hash() != event.hash {
        Err(ChainFault::Content)
    } else {
        Ok(())
    }
}

/// Text of an action after trimming, or `None` if nothing was said.
pub(crate) fn said(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Shorthand for the ids that travel as `Arc<str>`.
impl HazardId {
    /// The id as shared text.
    #[must_use]
    pub fn as_arc(&self) -> &Arc<str> {
        &self.0
    }
}
