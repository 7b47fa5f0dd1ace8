//! Photos and documents that show something. The bytes are files of the data directory named by their hash; what
//! people call them is only ever text.

use crate::store::{Desk, StoreError};
use sqlx::Row as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use vigil_core::hash::ContentHash;
use vigil_core::hazard::{Attachment, MediaType};
use vigil_core::people::{Person, Role, Scope};
use vigil_protocol::time::UtcMillis;

/// Largest file, bytes.
pub const MAX_SIZE: usize = 20 * 1024 * 1024;
/// Longest name, characters.
const LONGEST_NAME: usize = 200;

/// Why a file is not kept, or not found.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Nothing that is kept here.
    #[error("the file is no JPEG, PNG, WebP or PDF, whatever its name says")]
    Kind,
    /// Nothing at all.
    #[error("the file is empty")]
    Empty,
    /// Too much.
    #[error("the file has {0} bytes; at most {MAX_SIZE} are kept")]
    TooLarge(usize),
    /// The file could not be written or read.
    #[error("keeping the file {path}: {source}")]
    File {
        /// Where.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The bytes are not those that were kept.
    #[error("the file {0} has been changed on disk: its bytes no longer have its hash")]
    Changed(PathBuf),
    /// The work was broken off.
    #[error("the gateway is stopping")]
    Stopping,
    /// The database does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where the bytes of a hash are.
fn path_of(dir: &Path, hash: &ContentHash) -> PathBuf {
    let hex = hash.to_string();
    dir.join(&hex[..2]).join(&hex[2..])
}

/// What people call it: one line without anything that looks like a path.
fn tidy(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last
        .chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_NAME)
        .collect();
    match name.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Keeps a file; keeping it again changes nothing.
///
/// # Errors
/// It is not of a kind that is kept, or it could not be written.
pub async fn keep(
    desk: &Desk,
    dir: &Path,
    name: &str,
    bytes: Vec<u8>,
    by: &Person,
    now: UtcMillis,
) -> Result<Attachment, AttachmentError> {
    if bytes.is_empty() {
        return Err(AttachmentError::Empty);
    }
    if bytes.len() > MAX_SIZE {
        return Err(AttachmentError::TooLarge(bytes.len()));
    }
    let media_type = MediaType::sniff(&bytes).ok_or(AttachmentError::Kind)?;
    let size = bytes.len() as u64;
    let dir = dir.to_owned();
    // Hashing and flushing 20 MB would hold up everyone else.
    let sha256 = tokio::task::spawn_blocking(move || {
        let hash = ContentHash::of(&bytes);
        write(&path_of(&dir, &hash), &bytes).map(|()| hash)
    })
    .await
    .map_err(|_| AttachmentError::Stopping)??;
    let attachment = Attachment {
        name: tidy(name),
        size,
        sha256,
        media_type,
    };
    let mut write = desk.begin().await?;
    sqlx::query(
        "INSERT INTO attachments (sha256, size, media_type, name, uploaded_at, uploaded_by) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(sha256.to_string())
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .bind(media_type.name())
    .bind(&attachment.name)
    .bind(now.0)
    .bind(&*by.login)
    .execute(write.connection()?)
    .await
    .map_err(|source| StoreError::Write {
        what: "an attachment",
        source,
    })?;
    write.commit().await?;
    Ok(attachment)
}

/// On disk before its name is: a file is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), AttachmentError> {
    let at = |source| AttachmentError::File {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).is_ok_and(|known| known.len() == bytes.len() as u64) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(at)?;
    // Two who keep the same file at once each write their own.
    let mut number = 0;
    let (temporary, mut file) = loop {
        let temporary = path.with_extension(format!("{number}.part"));
        match File::create_new(&temporary) {
            Ok(file) => break (temporary, file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 1_000 => number += 1,
            Err(error) => return Err(at(error)),
        }
    };
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        // Nothing of it is of use; that it could not be removed either says nothing new.
        drop(fs::remove_file(&temporary));
    }
    renamed.map_err(at)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at)
}

/// What is known of a file; `None` if it was never kept.
///
/// # Errors
/// The database cannot be read.
pub async fn find(desk: &Desk, hash: &ContentHash) -> Result<Option<Attachment>, AttachmentError> {
    Ok(known(desk, hash).await?.map(|(attachment, _)| attachment))
}

async fn known(desk: &Desk, hash: &ContentHash) -> Result<Option<(Attachment, String)>, AttachmentError> {
    let row = sqlx::query("SELECT size, media_type, name, uploaded_by FROM attachments WHERE sha256 = $1")
        .bind(hash.to_string())
        .fetch_optional(desk.reading())
        .await
        .map_err(|source| StoreError::Read {
            what: "an attachment",
            source,
        })?;
    let Some(row) = row else { return Ok(None) };
    let (size, media_type): (i64, String) = (row.get(0), row.get(1));
    let media_type = serde_json::from_value(serde_json::Value::String(media_type)).map_err(|error| {
        StoreError::Corrupt {
            what: "attachment",
            detail: error.to_string(),
        }
    })?;
    let attachment = Attachment {
        name: row.get(2),
        size: size.unsigned_abs(),
        sha256: *hash,
        media_type,
    };
    Ok(Some((attachment, row.get(3))))
}

/// A file with its bytes, for who may see it: whoever uploaded it, and whoever sees a hazard or a case it was shown with.
/// `None` for everyone else.
///
/// # Errors
/// It cannot be read, or it is no longer what was kept.
pub async fn read(
    desk: &Desk,
    dir: &Path,
    hash: &ContentHash,
    person: &Person,
) -> Result<Option<(Attachment, Vec<u8>)>, AttachmentError> {
    let Some((attachment, by)) = known(desk, hash).await? else {
        return Ok(None);
    };
    if by != *person.login && !is_shown_to(desk, hash, person).await? {
        return Ok(None);
    }
    let (path, hash) = (path_of(dir, hash), *hash);
    let bytes = tokio::task::spawn_blocking(move || {
        let bytes = fs::read(&path).map_err(|source| AttachmentError::File {
            path: path.clone(),
            source,
        })?;
        if ContentHash::of(&bytes) == hash {
            Ok(bytes)
        } else {
            Err(AttachmentError::Changed(path))
        }
    })
    .await
    .map_err(|_| AttachmentError::Stopping)??;
    Ok(Some((attachment, bytes)))
}

async fn is_shown_to(desk: &Desk, hash: &ContentHash, person: &Person) -> Result<bool, AttachmentError> {
    if person.role == Role::Administrator {
        return Ok(true);
    }
    let rows = sqlx::query(
        "SELECT h.use_unit, h.maintenance_unit, h.inspection_body, h.area FROM hazard_attachments a \
         JOIN hazards h ON h.id = a.hazard WHERE a.sha256 = $1 \
         UNION ALL SELECT c.use_unit, c.maintenance_unit, c.inspection_body, c.area FROM case_files f \
         JOIN cases c ON c.id = f.case_id WHERE f.sha256 = $1",
    )
    .bind(hash.to_string())
    .fetch_all(desk.reading())
    .await
    .map_err(|source| StoreError::Read {
        what: "the hazards of an attachment",
        source,
    })?;
    let unit = |unit: Option<String>| unit.map(Into::into);
    Ok(rows.iter().any(|row| {
        person.sees(&Scope {
            use_unit: unit(row.get(0)),
            maintenance_unit: unit(row.get(1)),
            inspection_body: unit(row.get(2)),
            area: row.get::<String, _>(3).into(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::{tidy, write};

    #[test]
    fn a_name_is_never_a_path() {
        for (name, tidied) in [
            ("现场 照片.jpg", "现场 照片.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\y.png", "y.png"),
            ("..", "file"),
            ("a/", "file"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie: x"),
        ] {
            assert_eq!(tidy(name), tidied, "{name}");
        }
    }

    #[test]
    fn a_file_is_written_once_and_nothing_else_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ab").join("cdef");
        for _ in 0..2 {
            write(&path, b"bytes").unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"bytes");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
