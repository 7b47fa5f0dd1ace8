//! The signature: who holds the secret can tell that an event is ours, whole and not an old one sent again.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;

/// Shared with one subscriber; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The value of `Vigil-Signature`: `v1=` and the hex of HMAC-SHA256 over `timestamp.body`.
#[must_use]
pub fn sign(secret: &Secret, timestamp: i64, body: &[u8]) -> String {
    let mut text = "v1=".to_owned();
    // HMAC takes a key of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret.0) {
        mac.update(timestamp.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            // Writing to a string cannot fail.
            let _ok = write!(text, "{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Secret, sign};

    #[test]
    fn the_signature_is_what_other_programs_compute() {
        // printf '%s' '1795420800.{"event":"hazard.opened"}' | openssl dgst -sha256 -hmac 'whsec-0123456789abcdef'
        let secret = Secret::new(b"whsec-0123456789abcdef");
        assert_eq!(
            sign(&secret, 1_795_420_800, br#"{"event":"hazard.opened"}"#),
            "v1=e022318759f47d1b8b5216aff3ee01a20926be460f39884b5db4afb0d0e497f1"
        );
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
