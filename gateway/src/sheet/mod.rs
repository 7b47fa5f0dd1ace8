//! Tables people send: XLSX and CSV, read within limits. Whatever is in the file, reading it costs no more than the
//! limits say, and what is refused is refused with the reason.

mod csv;
mod stream;
mod write;
mod xlsx;

pub use stream::{Heading, Row, WriteError, csv as stream_csv, xlsx as stream_xlsx};
pub use write::{Column, Table, csv_line, to_csv, to_xlsx};

use vigil_core::register::Cell;

/// Media type of a workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// Media type of comma-separated values.
pub const CSV: &str = "text/csv; charset=utf-8";

/// What a file may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file itself.
    pub file: usize,
    /// Bytes of everything in it, unpacked.
    pub unpacked: u64,
    /// Bytes of one part that has to be held in memory whole, unpacked (texts, styles).
    pub part: u64,
    /// Parts of a packed file.
    pub parts: usize,
    /// Rows with anything in them.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Characters of a cell.
    pub cell: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file: 16 << 20,
            unpacked: 192 << 20,
            part: 48 << 20,
            parts: 1_000,
            rows: 20_000,
            columns: 200,
            cell: 4_000,
        }
    }
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// It has nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is of another kind.
    #[error("{0} cannot be read: save it as .xlsx or .csv (UTF-8 or GB18030)")]
    Kind(&'static str),
    /// It is larger than a file may be.
    #[error(
        "the file has {is} {of}; at most {limit} are read. Split it, or remove what is not part of the table"
    )]
    TooLarge {
        /// What there is too much of.
        of: &'static str,
        /// How much there is (at least).
        is: u64,
        /// How much is read.
        limit: u64,
    },
    /// It unpacks into much more than it says, or than a table needs.
    #[error("the file unpacks to more than {limit} MiB ({part}): this is no ordinary table and is not read")]
    Bomb {
        /// Which part of it.
        part: String,
        /// How much is unpacked.
        limit: u64,
    },
    /// It is damaged.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// There is no such sheet.
    #[error("there is no sheet {0:?} in the file")]
    NoSheet(String),
}

/// A table as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheet {
    /// Names of all sheets; one without a name for CSV.
    pub sheets: Vec<String>,
    /// The one that was read.
    pub name: String,
    /// Rows with anything in them: number in the file (from 1) and cells.
    pub rows: Vec<(u32, Vec<Cell>)>,
}

/// Reads a table; `wanted` is the sheet, else the first with anything in it.
///
/// # Errors
/// See [`SheetError`]. Reading takes processor time: not on a thread that serves others.
pub fn read(bytes: &[u8], wanted: Option<&str>, limits: &Limits) -> Result<Sheet, SheetError> {
    if bytes.is_empty() {
        return Err(SheetError::Empty);
    }
    if bytes.len() > limits.file {
        return Err(SheetError::TooLarge {
            of: "bytes",
            is: bytes.len() as u64,
            limit: limits.file as u64,
        });
    }
    if bytes.starts_with(b"PK") {
        return xlsx::read(bytes, wanted, limits);
    }
    for (magic, kind) in [
        (
            &b"\xd0\xcf\x11\xe0"[..],
            "an old .xls file (or one with a password)",
        ),
        (b"%PDF", "a PDF"),
        (b"\x1f\x8b", "a packed file"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"Rar!", "a packed file"),
        (b"7z\xbc\xaf", "a packed file"),
        (b"\x7fELF", "a program"),
        (b"MZ", "a program"),
    ] {
        if bytes.starts_with(magic) {
            return Err(SheetError::Kind(kind));
        }
    }
    csv::read(bytes, limits)
}

/// Keeps the limits while rows come in.
#[derive(Debug)]
struct Rows<'l> {
    limits: &'l Limits,
    rows: Vec<(u32, Vec<Cell>)>,
}

impl<'l> Rows<'l> {
    const fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            rows: Vec::new(),
        }
    }

    /// Puts a cell at row (from 0, never going back) and column.
    fn put(&mut self, row: u32, column: u32, cell: Cell) -> Result<(), SheetError> {
        if matches!(&cell, Cell::Empty) || matches!(&cell, Cell::Text(text) if text.trim().is_empty()) {
            return Ok(());
        }
        let too_large = |of, is: u64, limit: usize| {
            Err(SheetError::TooLarge {
                of,
                is,
                limit: limit as u64,
            })
        };
        let column = column as usize;
        if column >= self.limits.columns {
            return too_large("columns", column as u64 + 1, self.limits.columns);
        }
        if let Cell::Text(text) = &cell {
            let long = text.len() > self.limits.cell && text.chars().count() > self.limits.cell;
            if long {
                return too_large(
                    "characters in one cell",
                    text.chars().count() as u64,
                    self.limits.cell,
                );
            }
        }
        if self.rows.last().is_none_or(|(last, _)| *last != row + 1) {
            if self.rows.len() >= self.limits.rows {
                return too_large("rows or more", self.rows.len() as u64 + 1, self.limits.rows);
            }
            self.rows.push((row + 1, Vec::new()));
        }
        if let Some((_, cells)) = self.rows.last_mut() {
            if cells.len() <= column {
                cells.resize(column + 1, Cell::Empty);
            }
            if let Some(place) = cells.get_mut(column) {
                *place = cell;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
