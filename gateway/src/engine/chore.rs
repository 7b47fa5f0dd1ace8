//! Changes of the outbox that come from outside of a batch: one writer makes them all.

use crate::store::{OutboxChange, Writer};
use tokio::sync::oneshot;

/// Why changes of the outbox were not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeepError {
    /// They could not be committed.
    #[error("the store does not work: {0}")]
    Store(String),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

/// Changes, and who waits for them.
#[derive(Debug)]
pub(super) struct Chore {
    pub(super) changes: Vec<OutboxChange>,
    pub(super) answer: oneshot::Sender<Result<Vec<u64>, KeepError>>,
}

/// Makes all of them in one transaction. Whoever asked decides whether to ask again.
pub(super) async fn make(writer: &mut Writer, chores: &mut Vec<Chore>) {
    let parts: Vec<usize> = chores.iter().map(|chore| chore.changes.len()).collect();
    let changes: Vec<_> = chores
        .iter_mut()
        .flat_map(|chore| std::mem::take(&mut chore.changes))
        .collect();
    let mut made = writer.outbox(&changes).await;
    for (chore, part) in chores.drain(..).zip(parts) {
        let answer = match &mut made {
            Ok(concerned) => Ok(concerned.drain(..part).collect()),
            Err(error) => Err(KeepError::Store(error.to_string())),
        };
        // Whoever asked may have gone away.
        drop(chore.answer.send(answer));
    }
}
