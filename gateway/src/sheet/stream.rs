//! Long tables, written row by row: what is in memory does not grow with them.

use rust_xlsxwriter::{Format, FormatAlign, FormatBorder, Workbook, XlsxError};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use vigil_core::register::defused;

/// What stands above a table that is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heading {
    /// Name of the sheet; what a sheet's name cannot hold is taken out.
    pub sheet: String,
    /// Title.
    pub title: String,
    /// Lines below it: period, number, hash.
    pub lines: Vec<String>,
    /// Left in the foot of every page.
    pub foot: String,
    /// `Page &P of &N`, in the reader's language.
    pub pages: String,
    /// Heads of the columns, with their width in characters.
    pub columns: Vec<(String, u16)>,
}

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A row could not be read, or the file not be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The workbook could not be made.
    #[error("making the workbook: {0}")]
    Xlsx(#[from] XlsxError),
}

/// A row on its way into a file.
pub type Row = io::Result<Vec<String>>;

/// Most characters of a cell that spreadsheets read.
const LONGEST: usize = 32_000;
/// Longest text in the foot of a page, of the 255 characters there are for all of it.
const LONGEST_FOOT: usize = 160;

/// Writes a workbook that prints on A4, landscape: title and lines above, the head on every page, numbered pages. Rows go
/// to a temporary file below `temporary` as they come.
///
/// # Errors
/// A row cannot be read or the file cannot be written.
pub fn xlsx(
    path: &Path,
    temporary: &Path,
    heading: &Heading,
    rows: impl Iterator<Item = Row>,
) -> Result<(), WriteError> {
    let mut book = Workbook::new();
    book.set_tempdir(temporary)?;
    let title = Format::new().set_bold().set_font_size(16);
    let line = Format::new().set_font_size(10);
    let head = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter);
    let text = Format::new()
        .set_num_format("@")
        .set_text_wrap()
        .set_border(FormatBorder::Thin)
        .set_align(FormatAlign::Top);
    let sheet = book.add_worksheet_with_constant_memory()?;
    sheet.set_name(sheet_name(&heading.sheet))?;
    for (at, (_, width)) in (0..).zip(&heading.columns) {
        sheet.set_column_width(at, f64::from(*width))?;
    }
    let top = heading.lines.len() as u32 + 1;
    sheet.set_freeze_panes(top + 1, 0)?;
    sheet.set_repeat_rows(top, top)?;
    sheet.set_landscape();
    sheet.set_paper_size(9);
    sheet.set_margins(0.4, 0.4, 0.5, 0.6, 0.3, 0.3);
    sheet.set_print_fit_to_pages(1, 0);
    let foot: String = heading.foot.chars().take(LONGEST_FOOT).collect();
    // An ampersand begins a command there.
    sheet.set_footer(format!("&L&8{}&R&8{}", foot.replace('&', "&&"), heading.pages));
    sheet.write_string_with_format(0, 0, defused(&heading.title), &title)?;
    for (row, said) in (1..).zip(&heading.lines) {
        sheet.write_string_with_format(row, 0, defused(said), &line)?;
    }
    for (at, (column, _)) in (0..).zip(&heading.columns) {
        sheet.write_string_with_format(top, at, defused(column), &head)?;
    }
    for (at, cells) in (top + 1..).zip(rows) {
        for (column, cell) in (0..).zip(&cells?) {
            // Written as text, and defused too: it may be saved as CSV and opened again.
            let cell = defused(cell);
            let cell = match cell.char_indices().nth(LONGEST) {
                Some((end, _)) => &cell[..end],
                None => &cell,
            };
            sheet.write_string_with_format(at, column, cell, &text)?;
        }
    }
    book.save(path)?;
    Ok(())
}

/// Writes UTF-8 with the mark spreadsheets need to see that it is; a text is never a formula.
///
/// # Errors
/// A row cannot be read or the file cannot be written.
pub fn csv(
    file: impl Write,
    columns: &[(String, u16)],
    rows: impl Iterator<Item = Row>,
) -> Result<(), WriteError> {
    let mut file = BufWriter::new(file);
    file.write_all(b"\xef\xbb\xbf")?;
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(file);
    let failed = |error: csv::Error| io::Error::other(error);
    writer
        .write_record(columns.iter().map(|(title, _)| defused(title)))
        .map_err(failed)?;
    for row in rows {
        writer
            .write_record(row?.iter().map(|cell| defused(cell)))
            .map_err(failed)?;
    }
    writer.flush()?;
    Ok(())
}

/// At most 31 characters, none of which has a meaning in the name of a sheet.
fn sheet_name(name: &str) -> String {
    let kept = name
        .chars()
        .filter(|c| !matches!(c, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\''));
    let name: String = kept.take(31).collect();
    if name.trim().is_empty() {
        "1".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::{Heading, csv, sheet_name, xlsx};
    use crate::sheet::{Limits, read};
    use std::io::Read as _;
    use vigil_core::register::Cell;

    fn heading() -> Heading {
        Heading {
            sheet: "隐患/问题".to_owned(),
            title: "隐患和问题清单".to_owned(),
            lines: vec!["2026-05".to_owned(), "=1+1".to_owned()],
            foot: "A & B".to_owned(),
            pages: "第 &P 页，共 &N 页".to_owned(),
            columns: vec![("序号".to_owned(), 5), ("=描述".to_owned(), 30)],
        }
    }

    fn rows() -> impl Iterator<Item = super::Row> {
        [["1", "超压"], ["2", "=HYPERLINK(\"http://x\")"]]
            .into_iter()
            .map(|row| Ok(row.map(str::to_owned).to_vec()))
    }

    #[test]
    fn a_long_table_is_read_back_as_it_was_written_and_nothing_in_it_is_a_formula() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.xlsx");
        xlsx(&path, dir.path(), &heading(), rows()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let found = read(&bytes, None, &Limits::default()).unwrap();
        assert_eq!(found.name, "隐患问题");
        let texts: Vec<String> = found
            .rows
            .iter()
            .flat_map(|(_, cells)| cells)
            .map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            texts,
            [
                "隐患和问题清单",
                "2026-05",
                "'=1+1",
                "序号",
                "'=描述",
                "1",
                "超压",
                "2",
                "'=HYPERLINK(\"http://x\")"
            ]
        );
        let mut book = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        let mut sheet = String::new();
        let mut part = book.by_name("xl/worksheets/sheet1.xml").unwrap();
        part.read_to_string(&mut sheet).unwrap();
        for wanted in [
            "orientation=\"landscape\"",
            "paperSize=\"9\"",
            "fitToHeight=\"0\"",
            "第 &amp;P 页，共 &amp;N 页",
            "A &amp;&amp; B",
        ] {
            assert!(sheet.contains(wanted), "{wanted}: {sheet}");
        }
        drop(part);
        let mut names = String::new();
        let mut part = book.by_name("xl/workbook.xml").unwrap();
        part.read_to_string(&mut names).unwrap();
        assert!(names.contains("Print_Titles"), "{names}");
    }

    #[test]
    fn csv_begins_with_its_mark_and_ends_its_lines_as_spreadsheets_do() {
        let mut bytes = Vec::new();
        csv(&mut bytes, &heading().columns, rows()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            text,
            "\u{feff}序号,'=描述\r\n1,超压\r\n2,\"'=HYPERLINK(\"\"http://x\"\")\"\r\n"
        );
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error_and_no_short_table() {
        let broken = || rows().chain([Err(std::io::Error::other("gone"))]);
        let dir = tempfile::tempdir().unwrap();
        assert!(xlsx(&dir.path().join("a.xlsx"), dir.path(), &heading(), broken()).is_err());
        assert!(csv(Vec::new(), &heading().columns, broken()).is_err());
    }

    #[test]
    fn a_sheet_has_a_name_spreadsheets_take() {
        assert_eq!(sheet_name("a[b]:c*?/\\'d"), "abcd");
        assert_eq!(sheet_name("[]"), "1");
        assert_eq!(sheet_name(&"长".repeat(40)).chars().count(), 31);
    }
}
