//! The admin token: made at the first start, kept in a file only its owner can read.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A secret that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The system gave no randomness.
    #[error("cannot get random bytes from the system: {0}")]
    Random(getrandom::Error),
    /// The file could not be read.
    #[error("cannot read the token file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write the token file {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error(
        "the token file {path} does not hold a token (at least 32 characters on one line); remove it to get a new one"
    )]
    NotAToken {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the file.
    #[error("the token file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}")]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// What a client must show to change anything. Only its digest is kept in memory; never printed.
#[derive(Clone)]
pub struct AdminToken {
    digest: [u8; 32],
    path: PathBuf,
}

impl AdminToken {
    /// Reads the token from `path`, or makes one there. The flag says whether it was made now.
    ///
    /// # Errors
    /// The file cannot be used: unreadable, empty, or open to others.
    pub fn load_or_create(path: &Path) -> Result<(Self, bool), SecretError> {
        match fs::read_to_string(path) {
            Ok(text) => Self::existing(path, text.trim()).map(|token| (token, false)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let token = random_hex()?;
                write_private(path, &token).map_err(|source| SecretError::Write {
                    path: path.to_owned(),
                    source,
                })?;
                Ok((
                    Self {
                        digest: Sha256::digest(&token).into(),
                        path: path.to_owned(),
                    },
                    true,
                ))
            }
            Err(source) => Err(SecretError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn existing(path: &Path, token: &str) -> Result<Self, SecretError> {
        if token.len() < 32 || token.contains(char::is_whitespace) {
            return Err(SecretError::NotAToken {
                path: path.to_owned(),
            });
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let meta = fs::metadata(path).map_err(|source| SecretError::Read {
                path: path.to_owned(),
                source,
            })?;
            let mode = meta.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(SecretError::TooOpen {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        Ok(Self {
            digest: Sha256::digest(token).into(),
            path: path.to_owned(),
        })
    }

    /// Whether `offered` is the token. Digests are compared, so the time taken says nothing about it.
    #[must_use]
    pub fn matches(&self, offered: &str) -> bool {
        <[u8; 32]>::from(Sha256::digest(offered)) == self.digest
    }

    /// The file it stands in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminToken")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// 256 random bits as hex.
///
/// # Errors
/// The system gives no randomness.
pub fn random_hex() -> Result<String, SecretError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{AdminToken, SecretError};
    use std::fs;

    #[test]
    fn the_first_start_makes_a_private_token_and_later_ones_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        let (_, made) = AdminToken::load_or_create(&path).unwrap();
        assert!(made);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 64);
        let (token, made) = AdminToken::load_or_create(&path).unwrap();
        assert!(!made);
        assert!(token.matches(text.trim()));
        assert!(!token.matches("0000"));
        assert!(!format!("{token:?}").contains(text.trim()));
    }

    #[cfg(unix)]
    #[test]
    fn a_token_others_can_read_is_refused_with_the_remedy() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        AdminToken::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = AdminToken::load_or_create(&path).unwrap_err();
        assert!(matches!(error, SecretError::TooOpen { mode: 0o644, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }

    #[test]
    fn an_empty_token_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.token");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(
            AdminToken::load_or_create(&path),
            Err(SecretError::NotAToken { .. })
        ));
    }
}
