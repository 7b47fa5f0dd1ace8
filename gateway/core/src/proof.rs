//! Daily heads: one hash a day over every hazard that moved, each chained to the day before. Who keeps a head
//! elsewhere can tell later that nothing under it was changed, dropped or cut off.
//!
//! The tree has the shape of RFC 6962 (a left side of the largest power of two, leaves and nodes apart), over SHA-256
//! of length-prefixed parts.

use crate::hash::ContentHash;
use crate::hazard::HazardId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use vigil_protocol::time::UtcMillis;

/// Where the chain of a hazard stood at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which hazard.
    pub hazard: HazardId,
    /// Its last event of the day …
    pub seq: u32,
    /// … and that event's hash.
    pub hash: ContentHash,
}

/// The head of a day; what is signed is its canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyHead {
    /// UTC day, `2026-11-26`.
    pub day: Arc<str>,
    /// Hazards that moved on that day.
    pub count: u64,
    /// Root over their standings, by hazard id; all zero when there are none.
    pub root: ContentHash,
    /// Hash of the head of the day before; all zero for the first.
    pub prev: ContentHash,
    /// When it was made.
    pub made_at: UtcMillis,
}

/// That a standing is under a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Where the chain stood.
    pub standing: Standing,
    /// Its place among the day's standings.
    pub index: u64,
    /// Hashes beside the way to the root, from the leaf up.
    pub path: Vec<ContentHash>,
}

impl Standing {
    fn leaf(&self) -> ContentHash {
        ContentHash::of_parts(&[
            &[0],
            self.hazard.0.as_bytes(),
            &self.seq.to_be_bytes(),
            &self.hash.0,
        ])
    }
}

impl DailyHead {
    /// The head over `standings`, which must be in the order of their hazard ids.
    #[must_use]
    pub fn over(day: &str, standings: &[Standing], prev: ContentHash, made_at: UtcMillis) -> Self {
        let leaves: Vec<ContentHash> = standings.iter().map(Standing::leaf).collect();
        Self {
            day: day.into(),
            count: leaves.len() as u64,
            root: root(&leaves),
            prev,
            made_at,
        }
    }

    /// What is signed and hashed: fields in the order of the struct, no spaces.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        // String keys and whole numbers only: writing cannot fail; were it to, nothing would match.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Hash the next day's head carries.
    #[must_use]
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.canonical())
    }

    /// Whether a standing is under it.
    #[must_use]
    pub fn includes(&self, inclusion: &Inclusion) -> bool {
        climb(
            inclusion.standing.leaf(),
            inclusion.index,
            self.count,
            &inclusion.path,
        ) == Some(self.root)
    }
}

/// That the standing at `index` is under the head over `standings`.
#[must_use]
pub fn inclusion(standings: &[Standing], index: usize) -> Option<Inclusion> {
    let standing = standings.get(index)?.clone();
    let leaves: Vec<ContentHash> = standings.iter().map(Standing::leaf).collect();
    let mut path = Vec::new();
    walk(&leaves, index, &mut path);
    Some(Inclusion {
        standing,
        index: index as u64,
        path,
    })
}

fn node(left: ContentHash, right: ContentHash) -> ContentHash {
    ContentHash::of_parts(&[&[1], &left.0, &right.0])
}

/// The largest power of two below `count`, which is more than 1.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn root(leaves: &[ContentHash]) -> ContentHash {
    match leaves {
        [] => ContentHash::default(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(root(left), root(right))
        }
    }
}

fn walk(leaves: &[ContentHash], index: usize, path: &mut Vec<ContentHash>) {
    if leaves.len() < 2 {
        return;
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    if index < at {
        walk(left, index, path);
        path.push(root(right));
    } else {
        walk(right, index - at, path);
        path.push(root(left));
    }
}

/// The root that a leaf and the hashes beside its way lead to.
fn climb(leaf: ContentHash, index: u64, count: u64, path: &[ContentHash]) -> Option<ContentHash> {
    if index >= count {
        return None;
    }
    if count == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (beside, below) = path.split_last()?;
    let at = split(usize::try_from(count).ok()?) as u64;
    if index < at {
        Some(node(climb(leaf, index, at, below)?, *beside))
    } else {
        Some(node(*beside, climb(leaf, index - at, count - at, below)?))
    }
}

#[cfg(test)]
mod tests {
    use super::{DailyHead, Standing, inclusion};
    use crate::hash::ContentHash;
    use crate::hazard::HazardId;
    use vigil_protocol::time::UtcMillis;

    fn standings(count: usize) -> Vec<Standing> {
        (0..count)
            .map(|n| Standing {
                hazard: HazardId(format!("HZ-{n:016x}").into()),
                seq: n as u32,
                hash: ContentHash::of(&n.to_be_bytes()),
            })
            .collect()
    }

    #[test]
    fn every_standing_is_under_its_head_and_no_other_is() {
        for count in 1..40 {
            let all = standings(count);
            let head = DailyHead::over("2026-11-26", &all, ContentHash::default(), UtcMillis(1));
            for index in 0..count {
                let proof = inclusion(&all, index).expect("it is there");
                assert!(head.includes(&proof), "{index} of {count}");
                let mut cut = proof.clone();
                cut.standing.seq += 1;
                assert!(!head.includes(&cut), "another end of the chain");
                let mut moved = proof.clone();
                moved.index = (moved.index + 1) % count as u64;
                assert!(count == 1 || !head.includes(&moved), "another place");
                let mut short = proof;
                if short.path.pop().is_some() {
                    assert!(!head.includes(&short), "a shorter way");
                }
            }
        }
    }

    #[test]
    fn a_day_without_hazards_has_a_head_that_includes_nothing() {
        let head = DailyHead::over("2026-11-26", &[], ContentHash::default(), UtcMillis(1));
        assert_eq!((head.count, head.root), (0, ContentHash::default()));
        let stray = inclusion(&standings(1), 0).expect("it is there");
        assert!(!head.includes(&stray));
        assert_eq!(inclusion(&standings(3), 3), None);
    }
}
