//! Recognizes redelivered messages of nodes without a journal.

use serde::{Deserialize, Serialize};

const KEPT: usize = 16;

/// Fingerprints of a node's last messages, oldest overwritten first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent {
    seen: Vec<u64>,
    at: u8,
}

impl Recent {
    /// True if it was seen lately; otherwise remembers it.
    pub(crate) fn is_repeat(&mut self, fingerprint: u64) -> bool {
        if self.seen.contains(&fingerprint) {
            return true;
        }
        if self.seen.len() < KEPT {
            self.seen.push(fingerprint);
        } else {
            self.seen[usize::from(self.at) % KEPT] = fingerprint;
            self.at = (self.at + 1) % KEPT as u8;
        }
        false
    }
}

/// 64-bit fingerprint of a message: device and bytes. Not cryptographic: who can publish as the node can do
/// worse than make one of its own messages look like a repeat.
pub(crate) fn fingerprint(device: &str, payload: &[u8]) -> u64 {
    let mut hash = mix(
        0x9E37_79B9_7F4A_7C15,
        device.len() as u64 ^ ((payload.len() as u64) << 32),
    );
    for bytes in [device.as_bytes(), payload] {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            hash = mix(
                hash,
                chunk
                    .iter()
                    .rev()
                    .fold(0, |word, byte| word << 8 | u64::from(*byte)),
            );
        }
        hash = mix(
            hash,
            chunks
                .remainder()
                .iter()
                .fold(1, |word, byte| word << 8 | u64::from(*byte)),
        );
    }
    hash
}

#[inline]
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word) * u128::from(0xA076_1D64_78BD_642F_u64);
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Recent, fingerprint};

    #[test]
    fn a_repeat_is_known_among_the_last_sixteen() {
        let mut recent = Recent::default();
        let prints: Vec<u64> = (0..40_u8).map(|n| fingerprint("lift-1", &[n; 20])).collect();
        for (n, print) in prints.iter().enumerate() {
            assert!(!recent.is_repeat(*print));
            assert!(
                prints[(n + 1).saturating_sub(KEPT)..=n]
                    .iter()
                    .all(|seen| recent.clone().is_repeat(*seen))
            );
        }
        assert!(!recent.is_repeat(prints[0]));
    }

    #[test]
    fn device_length_and_every_byte_count() {
        let base = fingerprint("a", b"0123456789");
        for (device, bytes) in [
            ("b", &b"0123456789"[..]),
            ("a", b"012345678"),
            ("a", b"0123456788"),
            ("a0", b"123456789"),
        ] {
            assert_ne!(fingerprint(device, bytes), base);
        }
    }
}
