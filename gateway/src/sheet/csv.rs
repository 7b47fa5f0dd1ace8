//! CSV as spreadsheets write it: UTF-8 with or without mark, GB18030 (what Chinese spreadsheets write), UTF-16; comma,
//! semicolon or tab.

use super::{Limits, Rows, Sheet, SheetError};
use encoding_rs::{Encoding, GB18030, UTF_8, UTF_16BE, UTF_16LE};
use std::borrow::Cow;
use vigil_core::register::Cell;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Sheet, SheetError> {
    let text = decode(bytes)?;
    // The reader counts a line at its line feed, so that of two characters the second would begin the next record.
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        text
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let mut rows = Rows::new(limits);
    let mut record = csv::StringRecord::new();
    let damaged = |error: csv::Error| SheetError::Damaged(error.to_string());
    let mut next = 0;
    while reader.read_record(&mut record).map_err(damaged)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = u32::try_from(line.saturating_sub(1))
            .unwrap_or(u32::MAX - 1)
            .max(next);
        next = row.saturating_add(1);
        for (column, text) in record.iter().enumerate() {
            rows.put(row, column as u32, Cell::Text(text.to_owned()))?;
        }
    }
    if rows.rows.is_empty() {
        return Err(SheetError::Empty);
    }
    Ok(Sheet {
        sheets: vec![String::new()],
        name: String::new(),
        rows: rows.rows,
    })
}

fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, SheetError> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(mark..).unwrap_or_default();
        let (text, failed) = encoding.decode_without_bom_handling(rest);
        return if failed || !is_text(&text) {
            Err(SheetError::Kind("a file of another kind"))
        } else {
            Ok(text)
        };
    }
    // Every second byte zero: UTF-16 without a mark.
    let zeros = |odd: usize| {
        bytes
            .iter()
            .skip(odd)
            .step_by(2)
            .take(200)
            .filter(|byte| **byte == 0)
            .count()
    };
    let encodings = if zeros(1) > zeros(0) + 20 {
        [UTF_16LE, UTF_16LE]
    } else if zeros(0) > zeros(1) + 20 {
        [UTF_16BE, UTF_16BE]
    } else {
        [UTF_8, GB18030]
    };
    for encoding in encodings {
        let (text, failed) = encoding.decode_without_bom_handling(bytes);
        if !failed && is_text(&text) {
            return Ok(text);
        }
    }
    Err(SheetError::Kind("a file that is neither UTF-8 nor GB18030 text"))
}

/// Nothing a person has written holds these.
fn is_text(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{1a}'))
}

/// What stands between cells: what the first lines have most of, outside of quotes.
fn delimiter(text: &str) -> u8 {
    let count = |wanted: char| {
        let mut quoted = false;
        let lines = text.lines().take(20).flat_map(str::chars);
        lines
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted && *c == wanted
            })
            .count()
    };
    [(',', b','), (';', b';'), ('\t', b'\t')]
        .into_iter()
        .max_by_key(|(wanted, byte)| (count(*wanted), u8::from(*byte == b',')))
        .map_or(b',', |(_, byte)| byte)
}
