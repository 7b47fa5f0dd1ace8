//! Files that are what they seem, and files that are not.

use super::{Column, Limits, SheetError, Table, read, to_csv, to_xlsx};
use std::io::{Cursor, Write as _};
use vigil_core::register::Cell;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn table(rows: &[&[&str]]) -> Table {
    let column = |title: &str| Column {
        title: title.to_owned(),
        ..Column::default()
    };
    Table {
        name: "台账".to_owned(),
        columns: ["设备代码", "名称"].map(column).to_vec(),
        rows: rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect(),
    }
}

/// A workbook with this sheet and these shared texts.
fn workbook(sheet: &[u8], shared: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let parts: [(&str, &[u8]); 6] = [
        ("[Content_Types].xml", br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#),
        ("_rels/.rels", br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#),
        ("xl/workbook.xml", br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
        ("xl/_rels/workbook.xml.rels", br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", shared),
    ];
    for (name, bytes) in parts {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const NO_TEXTS: &[u8] =
    br#"<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"#;

fn sheet(rows: &str) -> Vec<u8> {
    format!(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
    )
    .into_bytes()
}

#[test]
fn a_table_comes_back_as_it_was_written() {
    let table = table(&[&["31101001920150001", "1号梯"], &["", "=1+1"]]);
    for bytes in [to_xlsx(&table).unwrap(), to_csv(&table)] {
        let read = read(&bytes, None, &Limits::default()).unwrap();
        assert_eq!(read.rows[0].1, [text("设备代码"), text("名称")]);
        assert_eq!(read.rows[1], (2, vec![text("31101001920150001"), text("1号梯")]));
        assert_eq!(read.rows[2].1[1], text("'=1+1"), "a formula is text, and defused");
    }
}

#[test]
fn csv_is_read_in_the_encodings_and_with_the_signs_people_use() {
    let plain = "设备代码,名称\n1,锅炉\n";
    let gbk = encoding_rs::GB18030.encode(plain).0.into_owned();
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(plain.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    for (what, bytes) in [
        ("UTF-8", plain.as_bytes().to_vec()),
        ("UTF-8 with mark", ["\u{feff}", plain].concat().into_bytes()),
        ("GBK", gbk),
        ("UTF-16", utf16),
        ("semicolons", plain.replace(',', ";").into_bytes()),
        ("tabs", plain.replace(',', "\t").into_bytes()),
        ("CRLF", plain.replace('\n', "\r\n").into_bytes()),
        ("quotes", b"\xe8\xae\xbe\xe5\xa4\x87\xe4\xbb\xa3\xe7\xa0\x81,\"\xe5\x90\x8d\xe7\xa7\xb0\"\n1,\"\xe9\x94\x85\xe7\x82\x89\"".to_vec()),
    ] {
        let read = read(&bytes, None, &Limits::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(read.rows.len(), 2, "{what}");
        assert_eq!(read.rows[1].1, [text("1"), text("锅炉")], "{what}");
    }
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_unpacks_to_and_not_by_what_it_says() {
    let limits = Limits {
        unpacked: 8 << 20,
        part: 2 << 20,
        ..Limits::default()
    };
    let mut blank = sheet("");
    blank.extend(std::iter::repeat_n(b' ', 9 << 20));
    let bytes = workbook(&blank, NO_TEXTS);
    assert!(bytes.len() < 100_000, "packed it is small: {}", bytes.len());
    let error = read(&bytes, None, &limits).unwrap_err();
    assert!(
        matches!(&error, SheetError::Bomb { part, .. } if part.contains("sheet1")),
        "{error}"
    );

    let mut texts = NO_TEXTS.to_vec();
    texts.extend(std::iter::repeat_n(b' ', 3 << 20));
    let error = read(&workbook(&sheet(""), &texts), None, &limits).unwrap_err();
    assert!(
        matches!(&error, SheetError::Bomb { part, .. } if part.contains("sharedStrings")),
        "{error}"
    );

    // The sizes in the directory say one byte each.
    let mut lying = workbook(&blank, NO_TEXTS);
    let mut at = 0;
    while let Some(found) = lying
        .get(at..)
        .and_then(|rest| rest.windows(4).position(|window| window == b"PK\x01\x02"))
    {
        at += found;
        lying[at + 24..at + 28].copy_from_slice(&1_u32.to_le_bytes());
        at += 4;
    }
    assert!(read(&lying, None, &limits).is_err());
}

#[test]
fn a_sheet_of_a_million_rows_is_refused_with_what_is_allowed() {
    let rows: String = (1..=1_000_000)
        .map(|row| format!(r#"<row r="{row}"><c r="A{row}"><v>1</v></c></row>"#))
        .collect();
    let error = read(&workbook(&sheet(&rows), NO_TEXTS), None, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at most 20000 are read"), "{error}");
    let csv = "1\n".repeat(1_000_000);
    let error = read(csv.as_bytes(), None, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("at most 20000 are read"), "{error}");
}

#[test]
fn cells_far_away_and_cells_too_long_cost_nothing() {
    let far = sheet(r#"<row r="1048576"><c r="A1048576"><v>1</v></c></row>"#);
    let read_far = read(&workbook(&far, NO_TEXTS), None, &Limits::default()).unwrap();
    assert_eq!(read_far.rows.len(), 1);
    let wide = sheet(r#"<row r="1"><c r="XFD1"><v>1</v></c></row>"#);
    let error = read(&workbook(&wide, NO_TEXTS), None, &Limits::default()).unwrap_err();
    assert!(
        matches!(error, SheetError::TooLarge { of: "columns", .. }),
        "{error}"
    );
    let long = format!("a,{}", "长".repeat(5_000));
    let error = read(long.as_bytes(), None, &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("characters in one cell"), "{error}");
}

#[test]
fn entities_are_not_expanded_and_nothing_outside_is_read() {
    let evil = br#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&b;&f;</t></si></sst>"#;
    let sheet = sheet(r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#);
    if let Ok(read) = read(&workbook(&sheet, evil), None, &Limits::default()) {
        let Cell::Text(cell) = &read.rows[0].1[0] else {
            panic!("{read:?}")
        };
        assert!(!cell.contains("root:") && cell.len() < 64, "{cell}");
    }
}

#[test]
fn files_of_other_kinds_are_named_and_damaged_ones_do_no_harm() {
    for (bytes, word) in [
        (&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old"[..], ".xls"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n", "picture"),
        (b"PK\x03\x04 but no more", "damaged"),
        (b"\0\x01\x02\x03binary", "cannot be read"),
        (b"", "empty"),
        (b"\n\n\n", "empty"),
    ] {
        let error = read(bytes, None, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{bytes:?}: {error}");
    }
    let whole = to_xlsx(&table(&[&["1", "2"]])).unwrap();
    for cut in (0..whole.len()).step_by(97) {
        drop(read(&whole[..cut], None, &Limits::default()));
        let mut changed = whole.clone();
        changed[cut] ^= 0x55;
        drop(read(&changed, None, &Limits::default()));
    }
}

#[test]
fn a_sheet_is_chosen_by_name() {
    let bytes = to_xlsx(&table(&[])).unwrap();
    assert_eq!(
        read(&bytes, Some("台账"), &Limits::default()).unwrap().name,
        "台账"
    );
    assert!(matches!(
        read(&bytes, Some("x"), &Limits::default()),
        Err(SheetError::NoSheet(_))
    ));
}
