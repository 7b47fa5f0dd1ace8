//! Sending a file: of what cannot be read only the hash is kept, and what was sent twice is kept once.

use super::super::entering::{done_before, for_request, hash_of};
use super::super::{Act, RegisterError};
use super::plan::{Plan, plan, plan_file};
use super::store::{Choice, ImportRow, discard, import, keep};
use crate::store::Desk;
use vigil_core::hash::ContentHash;

/// Keeps a file that can be read, once per key, and says what it would change; nothing of it is in the register yet.
///
/// # Errors
/// It cannot be read; it was sent with this key before and has been decided since; the key was used for something else;
/// the database cannot be read or written.
pub async fn send(
    desk: &Desk,
    act: &Act,
    file_name: &str,
    bytes: &[u8],
    key: Option<&str>,
) -> Result<(ImportRow, Plan), RegisterError> {
    let hash = hash_of(&("import", file_name, ContentHash::of(bytes).to_string()));
    if let Some(n) = done_before(desk, act, key, &hash).await? {
        let kept = import(desk, n.parse().unwrap_or(-1)).await?;
        let plan = plan(desk, act, kept.n).await?;
        return Ok((kept, plan));
    }
    let plan = match plan_file(desk, act, &Choice::default(), bytes.to_vec()).await {
        Ok(plan) => plan,
        Err(error) => {
            // That it was sent stays on record, with its hash; its bytes do not.
            let refused = keep(desk, act, file_name, bytes).await?;
            discard(desk, act, refused.n, None).await?;
            return Err(error);
        }
    };
    let kept = keep(desk, &for_request(act, key, hash), file_name, bytes).await?;
    Ok((kept, plan))
}
