//! Tables we hand out, as XLSX and CSV. A text is never a formula.

use rust_xlsxwriter::{DataValidation, Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use vigil_core::register::defused;

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its head.
    pub title: String,
    /// A word about what belongs there, shown when the cell is chosen.
    pub note: String,
    /// What may be chosen; empty: anything.
    pub choices: Vec<String>,
    /// Characters.
    pub width: u16,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Name of the sheet.
    pub name: String,
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// Rows of a template people may fill in with choices.
const CHOICES_TO: u32 = 20_000;

/// A workbook of one sheet that prints on A4: head repeated, widths set, text cells throughout, so that long codes keep
/// their digits.
///
/// # Errors
/// The library refuses something: a name of a sheet with forbidden characters.
pub fn to_xlsx(table: &Table) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let head = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::VerticalCenter);
    let text = Format::new()
        .set_num_format("@")
        .set_text_wrap()
        .set_align(FormatAlign::Top);
    let sheet = book.add_worksheet();
    sheet.set_name(&table.name)?;
    for (at, column) in table.columns.iter().enumerate() {
        let at = at as u16;
        sheet.set_column_width(at, f64::from(column.width.max(8)))?;
        sheet.set_column_format(at, &text)?;
        sheet.write_string_with_format(0, at, &column.title, &head)?;
        if !column.choices.is_empty() {
            let rule = DataValidation::new().allow_list_strings(&column.choices)?;
            sheet.add_data_validation(1, at, CHOICES_TO, at, &rule)?;
        } else if !column.note.is_empty() {
            let note: String = column.note.chars().take(250).collect();
            let rule = DataValidation::new().allow_any_value().set_input_message(note)?;
            sheet.add_data_validation(1, at, CHOICES_TO, at, &rule)?;
        }
    }
    for (row, cells) in (1..).zip(&table.rows) {
        for (at, cell) in cells.iter().enumerate() {
            if !cell.is_empty() {
                // Written as text, and defused too: it may be saved as CSV and opened again.
                let cell: String = defused(cell).chars().take(32_000).collect();
                sheet.write_string_with_format(row, at as u16, cell, &text)?;
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_print_fit_to_pages(1, 0);
    book.save_to_buffer()
}

/// UTF-8 with the mark spreadsheets need to see that it is.
#[must_use]
pub fn to_csv(table: &Table) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(b"\xef\xbb\xbf".to_vec());
    let heads = table.columns.iter().map(|column| defused(&column.title));
    // Writing into memory cannot fail.
    drop(writer.write_record(heads));
    for row in &table.rows {
        let padded = row.iter().map(|cell| defused(cell));
        let missing = table.columns.len().saturating_sub(row.len());
        drop(writer.write_record(padded.chain(std::iter::repeat_n(String::new(), missing))));
    }
    writer.into_inner().unwrap_or_default()
}

/// One line of a CSV that is written piece by piece.
#[must_use]
pub fn csv_line(cells: &[String]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    // Writing into memory cannot fail.
    drop(writer.write_record(cells.iter().map(|cell| defused(cell))));
    writer.into_inner().unwrap_or_default()
}
