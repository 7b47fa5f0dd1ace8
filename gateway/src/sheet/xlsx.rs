//! XLSX: unpacked once to count, then read cell by cell.

use super::{Limits, Rows, Sheet, SheetError};
use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use std::io::{Cursor, Read};
use vigil_core::register::Cell;
use zip::ZipArchive;

pub(super) fn read(bytes: &[u8], wanted: Option<&str>, limits: &Limits) -> Result<Sheet, SheetError> {
    measure(bytes, limits)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let sheets = book.sheet_names();
    let candidates: Vec<String> = match wanted {
        Some(name) if sheets.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(name) => return Err(SheetError::NoSheet(name.to_owned())),
        None => sheets.clone(),
    };
    for name in candidates {
        let rows = match cells(&mut book, &name, limits) {
            // A chart has no cells.
            Err(SheetError::Damaged(_)) if wanted.is_none() && sheets.len() > 1 => continue,
            rows => rows?,
        };
        if !rows.is_empty() {
            return Ok(Sheet { sheets, name, rows });
        }
    }
    Err(SheetError::Empty)
}

type Found = Vec<(u32, Vec<Cell>)>;

fn cells(book: &mut Xlsx<Cursor<&[u8]>>, name: &str, limits: &Limits) -> Result<Found, SheetError> {
    let mut reader = book.worksheet_cells_reader(name).map_err(damaged)?;
    let mut rows = Rows::new(limits);
    while let Some(cell) = reader.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let value = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::String(text) => Cell::Text(text.clone()),
            DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
            DataRef::Int(number) => Cell::Number(*number as f64),
            DataRef::Float(number) => Cell::Number(*number),
            DataRef::Bool(yes) => Cell::Text(if *yes { "是" } else { "否" }.to_owned()),
            DataRef::DateTime(date) if date.is_datetime() => {
                let (year, month, day, ..) = date.to_ymd_hms_milli();
                let civil = jiff::civil::Date::new(year as i16, month as i8, day as i8);
                civil.map_or(Cell::Number(date.as_f64()), Cell::Date)
            }
            DataRef::DateTime(duration) => Cell::Number(duration.as_f64()),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
            DataRef::Error(error) => Cell::Error(error.to_string()),
        };
        rows.put(row, column, value)?;
    }
    Ok(rows.rows)
}

/// Unpacks everything once, into nothing: a file that says it is small may not be.
fn measure(bytes: &[u8], limits: &Limits) -> Result<(), SheetError> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| SheetError::Damaged(error.to_string()))?;
    if archive.len() > limits.parts {
        return Err(SheetError::TooLarge {
            of: "parts",
            is: archive.len() as u64,
            limit: limits.parts as u64,
        });
    }
    if archive.index_for_name("xl/workbook.xml").is_none() {
        return Err(SheetError::Kind("a packed file that is no .xlsx workbook"));
    }
    let mut left = limits.unpacked;
    for at in 0..archive.len() {
        let part = archive
            .by_index(at)
            .map_err(|error| SheetError::Damaged(error.to_string()))?;
        let name = part
            .name()
            .map_err(|error| SheetError::Damaged(error.to_string()))?;
        let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        // Sheets are read as they are unpacked; everything else is held.
        let allowed = if name.starts_with("xl/worksheets/") {
            left
        } else {
            left.min(limits.part)
        };
        let unpacked = std::io::copy(&mut part.take(allowed + 1), &mut std::io::sink())
            .map_err(|error| SheetError::Damaged(format!("{name}: {error}")))?;
        if unpacked > allowed {
            return Err(SheetError::Bomb {
                part: name,
                limit: allowed >> 20,
            });
        }
        left -= unpacked;
    }
    Ok(())
}

fn damaged(error: XlsxError) -> SheetError {
    match error {
        XlsxError::Password => SheetError::Kind("a workbook with a password"),
        error => SheetError::Damaged(error.to_string()),
    }
}
