"""Files nobody should have to read: each is written into the directory that is named, as what it does to a reader."""

import io
import struct
import sys
import zipfile
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
    "</Types>"
)
RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
BOOK_RELS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>"
)
BOOK = (
    f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets><sheet name="s" sheetId="1" r:id="rId1"/></sheets></workbook>'
)


def sheet(cells):
    row = "".join(f'<c r="{chr(65 + at)}1" t="inlineStr"><is><t>{text}</t></is></c>' for at, text in enumerate(cells))
    return f'<worksheet xmlns="{MAIN}"><sheetData><row r="1">{row}</row></sheetData></worksheet>'


def book(parts=(), workbook=BOOK, cells=("设备名称", "类别代码"), first=None, strings=None):
    """A workbook; `parts` are further ones, texts or (text, times)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("_rels/.rels", RELS)
        archive.writestr("xl/_rels/workbook.xml.rels", BOOK_RELS)
        archive.writestr("xl/workbook.xml", workbook)
        if first is None:
            archive.writestr("xl/worksheets/sheet1.xml", sheet(cells))
        if strings is not None:
            archive.writestr("xl/sharedStrings.xml", strings)
        for name, content in parts:
            if isinstance(content, tuple):
                with archive.open(name, "w", force_zip64=True) as part:
                    for piece in content:
                        part.write(piece)
            else:
                archive.writestr(name, content)
    return out.getvalue()


def much(megabytes, head="", piece=b" " * (1 << 20), tail=""):
    return (head.encode(), *([piece] * megabytes), tail.encode())


def overlapping():
    """A thousand names for the same ten megabytes."""
    data = book(parts=[("xl/media/a.xml", much(10))])
    end = data.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HII", data[end + 10 : end + 20])
    central = data[start : start + size]
    entry = central[central.rindex(b"PK\x01\x02") :]
    entries = central + b"".join(entry.replace(b"xl/media/a.xml", f"xl/media/{n:05}"[:14].encode()) for n in range(900))
    total = count + 900
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, total, total, len(entries), start, 0)
    return data[:start] + entries + tail


def lies():
    """Says that its hundred megabytes are ten bytes."""
    data = bytearray(book(parts=[("xl/theme/theme1.xml", b" " * (100 << 20))]))
    real = struct.pack("<I", 100 << 20)
    at = data.find(real)
    while at >= 0:
        data[at : at + 4] = struct.pack("<I", 10)
        at = data.find(real, at + 4)
    return bytes(data)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
GOOD = book()
FILES = {
    "bomb-strings.xlsx": book(strings=b"".join(much(300, f'<sst xmlns="{MAIN}"><si><t>', tail="</t></si></sst>"))),
    "bomb-sheet.xlsx": book(
        first=True,
        parts=[("xl/worksheets/sheet1.xml", much(400, f'<worksheet xmlns="{MAIN}"><sheetData>', tail="</sheetData></worksheet>"))],
    ),
    "many-parts.xlsx": book(parts=[(f"xl/media/{n}.xml", "x") for n in range(5000)]),
    "overlapping.xlsx": overlapping(),
    "lies.xlsx": lies(),
    "entity-file.xlsx": book(
        workbook=BOOK.replace("<workbook", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><workbook', 1).replace(
            'name="s"', 'name="&e;"'
        ),
        cells=("设备名称", "&e;"),
    ),
    "entity-laughs.xlsx": book(
        strings=f'<!DOCTYPE x [<!ENTITY l0 "haha">{LAUGHS}]><sst xmlns="{MAIN}"><si><t>&l11;</t></si></sst>',
        cells=("设备名称", "类别代码"),
    ),
    "deep.xlsx": book(first=True, parts=[("xl/worksheets/sheet1.xml", "<a>" * 3_000_000)]),
    "columns.xlsx": book(
        first=True,
        parts=[
            (
                "xl/worksheets/sheet1.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row>'
                '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>',
            )
        ],
    ),
    "cell-names.xlsx": book(
        first=True,
        parts=[
            (
                "xl/worksheets/sheet1.xml",
                f'<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="ZZZZZZZZZZ99999999999"><v>1</v></c></row></sheetData></worksheet>',
            )
        ],
    ),
    "truncated.xlsx": GOOD[: len(GOOD) // 2],
    "headless.xlsx": GOOD[len(GOOD) // 2 :],
    "only-a-name.xlsx": b"PK\x03\x04",
    "no-workbook.xlsx": (lambda out: (zipfile.ZipFile(out, "w").writestr("../../x.txt", "x"), out.getvalue())[1])(io.BytesIO()),
    "picture.xlsx": b"\x89PNG\r\n\x1a\n" + b"\0" * 1000,
    "program.csv": b"MZ" + bytes(range(256)) * 10,
    "page.csv": b"<html><script>alert(1)</script></html>",
    "columns.csv": b"," * 1_000_000 + b"x\n",
    "rows.csv": b"a,b\n" * 1_000_000,
    "cell.csv": b"x" * (10 << 20),
    "quote.csv": b'a,b\n"' + b"x\n" * (4 << 20),
    "neither.csv": b"\x80\xff\xff,\xff\x80\n" * 100,
    "half-a-character.csv": "设备名称,类别代码\n锅炉".encode("gb18030")[:-1] + b"\xff\n",
    "zeros.csv": b"\0" * 100_000,
    "empty.csv": b"",
    "blank.csv": b"\n\r\n , \n",
    "oversized.csv": b"a,b\n" * (5 << 20),
}

# A packed file within, which nobody unpacks: harmless.
inner = io.BytesIO()
with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("x", "w", force_zip64=True) as part:
    for _ in range(200):
        part.write(b"\0" * (1 << 20))
FILES["nested.xlsx"] = book(parts=[("xl/media/inner.zip", inner.getvalue())])

if __name__ == "__main__":
    for name, content in FILES.items():
        (Path(sys.argv[1]) / name).write_bytes(content)
