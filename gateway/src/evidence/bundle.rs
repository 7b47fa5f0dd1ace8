//! The file of one hazard: a ZIP whose manifest names every part with its hash and is signed.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use vigil_core::hash::ContentHash;
use vigil_core::proof::{DailyHead, Inclusion};
use vigil_protocol::time::UtcMillis;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Names of the parts.
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SIGNATURE: &str = "manifest.sig";
pub(super) const SUMMARY: &str = "hazard.json";
pub(super) const EVENTS: &str = "events.jsonl";
pub(super) const ALARMS: &str = "alarms.jsonl";
pub(super) const EQUIPMENT: &str = "equipment.json";
pub(super) const MESSAGES: &str = "messages.jsonl";
pub(super) const CONTEXTS: &str = "contexts.jsonl";
pub(super) const PACK: &str = "rule-pack.json";
pub(super) const HEADS: &str = "heads.jsonl";
pub(super) const PROOFS: &str = "proofs.jsonl";
pub(super) const README: &str = "README.txt";
pub(super) const ATTACHMENTS: &str = "attachments/";

/// More than this is not unpacked, whatever a file says of itself.
const MAX_BYTES: u64 = 512 << 20;
const MAX_PARTS: usize = 10_000;

/// What a bundle holds, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Form of the bundle.
    pub(super) version: u32,
    /// Hazard id.
    pub(super) hazard: String,
    /// Events of its chain.
    pub(super) events: u32,
    /// Hash of the last one.
    pub(super) head: ContentHash,
    /// When the bundle was made.
    pub(super) made_at: UtcMillis,
    /// Public key of the gateway that made it, hex.
    pub(super) key: String,
    /// Messages left out because there were too many.
    pub(super) messages_left_out: u64,
    /// SHA-256 of every other part, by name.
    pub(super) parts: BTreeMap<String, ContentHash>,
}

/// A message as it was received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MessageRecord {
    pub(super) position: u64,
    pub(super) node: String,
    pub(super) device: Option<String>,
    /// As in a topic: `DDATA`.
    pub(super) kind: String,
    pub(super) source: vigil_core::field::Source,
    pub(super) published: Option<UtcMillis>,
    pub(super) received: UtcMillis,
    pub(super) historical: bool,
    pub(super) journal: Option<(u64, u64)>,
    pub(super) context: Option<ContentHash>,
    /// Bytes, hex.
    pub(super) payload: String,
}

/// A birth certificate, mapping profile or register map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContextRecord {
    pub(super) hash: ContentHash,
    pub(super) topic: String,
    /// Bytes, hex.
    pub(super) payload: String,
}

/// A day's head with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HeadRecord {
    pub(super) head: DailyHead,
    pub(super) signature: String,
}

/// Which day's head the hazard is under, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProofRecord {
    pub(super) day: String,
    pub(super) inclusion: Inclusion,
}

/// The equipment the hazard is about, as the catalog describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EquipmentRecord {
    pub(super) id: String,
    pub(super) name_zh: String,
    pub(super) name_en: String,
    pub(super) category: String,
    pub(super) node: String,
    pub(super) device: Option<String>,
    pub(super) register: BTreeMap<String, String>,
    pub(super) nameplate: BTreeMap<String, f64>,
    /// Quantity key and metric name of each channel.
    pub(super) channels: Vec<(String, String)>,
}

/// A bundle in memory.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub(super) parts: BTreeMap<String, Vec<u8>>,
}

/// Why a file is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is no ZIP, or a damaged one.
    #[error("the file cannot be unpacked: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// A part cannot be read.
    #[error("part `{part}` cannot be unpacked: {source}")]
    Part {
        /// Which.
        part: String,
        /// Cause.
        source: std::io::Error,
    },
    /// It would be too large.
    #[error("the file unpacks to more than {MAX_BYTES} bytes or {MAX_PARTS} parts; it is no evidence bundle")]
    TooLarge,
    /// A part that every bundle has is missing.
    #[error("part `{part}` is missing")]
    Missing {
        /// Which.
        part: String,
    },
    /// A part is not what it should be.
    #[error("part `{part}`{}: {source}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Content {
        /// Which.
        part: String,
        /// Line, from 1.
        line: Option<usize>,
        /// Cause.
        source: serde_json::Error,
    },
}

impl Bundle {
    /// Reads a file.
    ///
    /// # Errors
    /// It is no ZIP, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut archive = ZipArchive::new(Cursor::new(bytes))?;
        if archive.len() > MAX_PARTS {
            return Err(BundleError::TooLarge);
        }
        let mut left = MAX_BYTES;
        let mut parts = BTreeMap::new();
        for index in 0..archive.len() {
            let entry = archive.by_index(index)?;
            let name = entry.name()?.into_owned();
            let mut content = Vec::new();
            // What the entry claims of its size is not believed.
            entry
                .take(left + 1)
                .read_to_end(&mut content)
                .map_err(|source| BundleError::Part {
                    part: name.clone(),
                    source,
                })?;
            left = left
                .checked_sub(content.len() as u64)
                .ok_or(BundleError::TooLarge)?;
            parts.insert(name, content);
        }
        Ok(Self { parts })
    }

    /// The file.
    ///
    /// # Errors
    /// It cannot be packed.
    pub fn write(&self) -> Result<Vec<u8>, BundleError> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in &self.parts {
            zip.start_file(name.as_str(), options)?;
            zip.write_all(content).map_err(|source| BundleError::Part {
                part: name.clone(),
                source,
            })?;
        }
        Ok(zip.finish()?.into_inner())
    }

    pub(super) fn part(&self, name: &str) -> Result<&[u8], BundleError> {
        self.parts
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| BundleError::Missing {
                part: name.to_owned(),
            })
    }

    pub(super) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, BundleError> {
        serde_json::from_slice(self.part(name)?).map_err(|source| BundleError::Content {
            part: name.to_owned(),
            line: None,
            source,
        })
    }

    pub(super) fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, BundleError> {
        let lines = self.part(name)?.split(|byte| *byte == b'\n').enumerate();
        lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| {
                serde_json::from_slice(line).map_err(|source| BundleError::Content {
                    part: name.to_owned(),
                    line: Some(index + 1),
                    source,
                })
            })
            .collect()
    }
}

/// One JSON document a line.
pub(super) fn to_lines<T: Serialize>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut text = Vec::new();
    for item in items {
        // Maps keyed by strings, no NaN: there is always a JSON.
        text.extend(serde_json::to_vec(&item).unwrap_or_default());
        text.push(b'\n');
    }
    text
}
