//! Lines of a list between the database and its files: one JSON array a line, read as often as there are files to
//! make, so that all of them say the same.

use super::{Format, ListError, file_error};
use crate::sheet::{Heading, Row, stream_csv, stream_xlsx};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use vigil_core::hash::ContentHash;

/// A file that is there, with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// SHA-256 of its bytes.
    pub(super) hash: ContentHash,
    /// How many there are.
    pub(super) size: u64,
}

/// Takes lines in.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Spool {
    pub(super) fn create(path: PathBuf) -> Result<Self, ListError> {
        let file = File::create(&path).map_err(file_error(&path))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
        })
    }

    pub(super) fn put(&mut self, cells: &[String]) -> Result<(), ListError> {
        let line = serde_json::to_vec(cells).map_err(io::Error::other);
        line.and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        })
        .map_err(file_error(&self.path))
    }

    pub(super) fn finish(mut self) -> Result<(), ListError> {
        self.file.flush().map_err(file_error(&self.path))
    }
}

/// The lines of a spool as they stand there, without their ends.
fn lines(path: &Path) -> Result<impl Iterator<Item = io::Result<String>> + use<>, ListError> {
    let file = File::open(path).map_err(file_error(path))?;
    Ok(BufReader::new(file).lines())
}

/// The rows of a spool; `told` hears after each how many there were, and may end it.
pub(super) fn rows(
    path: &Path,
    mut told: impl FnMut(u64) -> io::Result<()>,
) -> Result<impl Iterator<Item = Row>, ListError> {
    let mut count = 0;
    Ok(lines(path)?.map(move |line| {
        count += 1;
        told(count)?;
        serde_json::from_str(&line?).map_err(io::Error::other)
    }))
}

/// Counts and hashes what goes through it.
struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            size: 0,
        }
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W> Hashing<W> {
    fn written(self) -> (W, Written) {
        let written = Written {
            hash: ContentHash(self.hasher.finalize().into()),
            size: self.size,
        };
        (self.inner, written)
    }
}

/// What stands before the rows of the canonical JSON: keys in the order of the alphabet, so that the same content has the
/// same bytes.
pub(super) type Head = BTreeMap<&'static str, Value>;

/// Writes the canonical JSON: `{"head":{…},"rows":[[…],…],"total":N}` without spaces, keys in order, cells in the order of
/// `head.columns`. Its SHA-256 is the content hash of the list.
fn json(out: impl Write, head: &Head, spool: &Path) -> Result<Written, ListError> {
    let mut out = Hashing::new(BufWriter::new(out));
    let mut write = || -> io::Result<()> {
        out.write_all(b"{\"head\":")?;
        out.write_all(&serde_json::to_vec(head)?)?;
        out.write_all(b",\"rows\":[")?;
        let mut total = 0_u64;
        let lines = lines(spool).map_err(io::Error::other)?;
        for line in lines {
            if total > 0 {
                out.write_all(b",")?;
            }
            out.write_all(line?.as_bytes())?;
            total += 1;
        }
        write!(out, "],\"total\":{total}}}")?;
        out.flush()
    };
    write().map_err(file_error(spool))?;
    Ok(out.written().1)
}

/// The content hash of a list, without a file.
pub(super) fn content_of(head: &Head, spool: &Path) -> Result<Written, ListError> {
    json(io::sink(), head, spool)
}

/// Makes a file of a spool. What is at `path` is whole and on disk when this returns.
pub(super) fn write(
    format: Format,
    path: &Path,
    temporary: &Path,
    head: &Head,
    heading: &Heading,
    spool: &Path,
    told: impl FnMut(u64) -> io::Result<()>,
) -> Result<Written, ListError> {
    match format {
        Format::Json => {
            let file = File::create(path).map_err(file_error(path))?;
            json(&file, head, spool)?;
        }
        Format::Csv => {
            let file = File::create(path).map_err(file_error(path))?;
            stream_csv(&file, &heading.columns, rows(spool, told)?)?;
        }
        Format::Xlsx => stream_xlsx(path, temporary, heading, rows(spool, told)?)?,
    }
    let file = File::open(path).map_err(file_error(path))?;
    file.sync_all().map_err(file_error(path))?;
    hash_of(path)
}

/// What a file holds.
pub(super) fn hash_of(path: &Path) -> Result<Written, ListError> {
    let mut file = File::open(path).map_err(file_error(path))?;
    let mut out = Hashing::new(io::sink());
    io::copy(&mut file, &mut out).map_err(file_error(path))?;
    Ok(out.written().1)
}

#[cfg(test)]
mod tests {
    use super::{Head, Spool, content_of, hash_of, rows, write};
    use crate::desk::lists::Format;
    use crate::sheet::Heading;
    use serde_json::json;
    use vigil_core::hash::ContentHash;

    #[test]
    fn the_canonical_json_has_one_form_and_its_hash_is_that_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        let mut lines = Spool::create(spool.clone()).unwrap();
        for row in [["1", "a\"b\n"], ["2", "锅炉"]] {
            lines.put(&row.map(str::to_owned)).unwrap();
        }
        lines.finish().unwrap();
        let head: Head = [("number", json!("YH-1")), ("area", json!(""))].into();
        let path = dir.path().join("a.json");
        let told = |_| Ok(());
        let written = write(
            Format::Json,
            &path,
            dir.path(),
            &head,
            &Heading::default(),
            &spool,
            told,
        )
        .unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            String::from_utf8(bytes.clone()).unwrap(),
            "{\"head\":{\"area\":\"\",\"number\":\"YH-1\"},\"rows\":[[\"1\",\"a\\\"b\\n\"],[\"2\",\"锅炉\"]],\"total\":2}"
        );
        assert_eq!(written.hash, ContentHash::of(&bytes));
        assert_eq!(written.size, bytes.len() as u64);
        assert_eq!(content_of(&head, &spool).unwrap(), written);
        assert_eq!(hash_of(&path).unwrap(), written);
    }

    #[test]
    fn whoever_listens_can_end_it() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("spool");
        let mut lines = Spool::create(spool.clone()).unwrap();
        for _ in 0..3 {
            lines.put(&["x".to_owned()]).unwrap();
        }
        lines.finish().unwrap();
        let told = |count| {
            if count < 2 {
                Ok(())
            } else {
                Err(std::io::Error::other("enough"))
            }
        };
        let read: Vec<_> = rows(&spool, told).unwrap().collect();
        assert!(read[0].is_ok() && read[1].is_err());
    }
}
