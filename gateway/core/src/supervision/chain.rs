//! The chain of a case's events: sealing a new link, folding all of them, finding a broken one.

use super::{Case, CaseEvent, CaseEventKind};
use crate::hash::ContentHash;
use crate::people::Person;
use serde::Serialize;
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// What is wrong with a chain, and at which link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verifying case event {seq}: {what}")]
pub struct CaseError {
    /// The link as counted, 0 for the first.
    pub seq: u32,
    /// What is wrong with it.
    pub what: CaseFault,
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseFault {
    /// There is no event at all.
    #[error("the chain is empty")]
    Empty,
    /// A link is missing, doubled or out of order, or of another case.
    #[error("a link is missing or in the wrong place")]
    Sequence,
    /// It does not continue the link before.
    #[error("it does not carry the hash of the link before")]
    Previous,
    /// Its content is not what was sealed.
    #[error("its hash does not match its content")]
    Content,
    /// A step that the state before it does not allow.
    #[error("this step is not possible in the state before it")]
    Step,
    /// The clock did what only a person may, or the other way round.
    #[error("this step is not this actor's to take")]
    Actor,
}

/// Everything that is hashed: a [`CaseEvent`] without its hash, in this order.
#[derive(Serialize)]
struct Sealed<'a> {
    case: &'a str,
    seq: u32,
    at: UtcMillis,
    who: Option<&'a Person>,
    kind: &'a CaseEventKind,
    prev: ContentHash,
}

impl CaseEvent {
    /// The link after `before` (`None`: the first). Nothing happens before what has happened: a clock that was set
    /// back does not turn the order round.
    pub(super) fn after(
        before: Option<&Case>,
        case: Arc<str>,
        who: Option<Person>,
        at: UtcMillis,
        kind: CaseEventKind,
    ) -> Self {
        let (seq, prev, at) = before.map_or((0, ContentHash::default(), at), |case| {
            (case.events, case.head, at.max(case.changed))
        });
        let mut event = Self {
            case,
            seq,
            at,
            who,
            kind,
            prev,
            hash: ContentHash::default(),
        };
        event.hash = event.digest();
        event
    }

    fn digest(&self) -> ContentHash {
        let sealed = Sealed {
            case: &self.case,
            seq: self.seq,
            at: self.at,
            who: self.who.as_ref(),
            kind: &self.kind,
            prev: self.prev,
        };
        // Plain data: writing it cannot fail.
        ContentHash::of(&serde_json::to_vec(&sealed).unwrap_or_default())
    }
}

/// Folds a whole chain and proves every link.
///
/// # Errors
/// The first link that does not hold.
pub fn verify(events: &[CaseEvent]) -> Result<Case, CaseError> {
    let mut case: Option<Case> = None;
    for (seq, event) in (0..).zip(events) {
        let wrong = |what| CaseError { seq, what };
        let (number, prev) = case
            .as_ref()
            .map_or((&event.case, ContentHash::default()), |case| {
                (&case.number, case.head)
            });
        if event.seq != seq || event.case != *number {
            return Err(wrong(CaseFault::Sequence));
        }
        if event.prev != prev {
            return Err(wrong(CaseFault::Previous));
        }
        if event.hash != event.digest() {
            return Err(wrong(CaseFault::Content));
        }
        case = Some(match case {
            None => Case::opened(event).map_err(wrong)?,
            Some(mut case) => {
                case.apply(event).map_err(wrong)?;
                case
            }
        });
    }
    case.ok_or(CaseError {
        seq: 0,
        what: CaseFault::Empty,
    })
}
