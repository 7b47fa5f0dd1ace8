//! The key that signs: Ed25519, made at the first start, in a file only its owner can read.

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vigil_core::hash::ContentHash;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the evidence key {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the evidence key {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{path} does not hold an Ed25519 key (PKCS#8)")]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The system gave no randomness.
    #[error("cannot make an evidence key: the system gives no random bytes")]
    Random,
    /// A public key that is none.
    #[error("{text:?} is no public key: 64 hex digits, or a file that holds them")]
    NotPublic {
        /// As given.
        text: String,
    },
}

/// Signs; cheap to clone.
#[derive(Clone)]
pub struct SigningKey(Arc<Ed25519KeyPair>);

/// Says whose signature is genuine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl SigningKey {
    /// Reads the key from `path`, or makes one there.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made =
                    Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| KeyError::Random)?;
                write_private(path, made.as_ref()).map_err(|source| KeyError::Write {
                    path: path.to_owned(),
                    source,
                })?;
                made.as_ref().to_vec()
            }
            Err(source) => {
                return Err(KeyError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| KeyError::NotAKey {
            path: path.to_owned(),
        })?;
        Ok(Self(Arc::new(pair)))
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut key = [0; 32];
        // An Ed25519 public key has 32 bytes.
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(key)
    }

    /// The signature over `message`, hex.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public()).finish()
    }
}

impl PublicKey {
    /// From 64 hex digits.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| KeyError::NotPublic {
            text: text.chars().take(80).collect(),
        })
    }

    /// From a file, or from hex digits themselves.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(argument: &str) -> Result<Self, KeyError> {
        match fs::read_to_string(argument) {
            Ok(text) => Self::parse(&text),
            Err(_) => Self::parse(argument),
        }
    }

    /// Whether `signature` (hex) over `message` is of this key.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        unhex(signature.trim()).is_some_and(|signature| {
            UnparsedPublicKey::new(&ED25519, &self.0)
                .verify(message, &signature)
                .is_ok()
        })
    }

    /// What people compare over the telephone: the first 16 hex digits of its hash, in groups.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let hash = ContentHash::of(&self.0).to_string();
        let groups: Vec<&str> = (0..4).filter_map(|n| hash.get(n * 4..n * 4 + 4)).collect();
        groups.join("-")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// The bytes behind hex digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{KeyError, PublicKey, SigningKey, hex, unhex};

    #[test]
    fn a_key_is_made_once_and_signs_the_same_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evidence.key");
        let made = SigningKey::load_or_create(&path).unwrap();
        let again = SigningKey::load_or_create(&path).unwrap();
        assert_eq!(made.public(), again.public());
        let signature = made.sign(b"what happened");
        assert!(again.public().verifies(b"what happened", &signature));
        assert!(!again.public().verifies(b"what happens", &signature));
        let other = SigningKey::load_or_create(&dir.path().join("other.key")).unwrap();
        assert!(!other.public().verifies(b"what happened", &signature));
        assert_eq!(
            PublicKey::parse(&made.public().to_string()).unwrap(),
            made.public()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("evidence.key");
        std::fs::write(&path, "not a key").unwrap();
        assert!(matches!(
            SigningKey::load_or_create(&path),
            Err(KeyError::NotAKey { .. })
        ));
        assert!(PublicKey::parse("abc").is_err());
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("abc"), None);
        assert_eq!(unhex(&hex(&[0, 171, 255])), Some(vec![0, 171, 255]));
    }
}
