"""Workbooks made to fill the memory or the hours, and numbers that are none: refused or read in bounded time."""

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
import xlwt

from phusong.layers.errors import InputError
from phusong.layers.readers import sheets
from phusong.layers.readers.sheets import whole
from phusong.layers.readers.table import read_tables
from phusong.layers.readers.xls import xls_facts
from phusong.layers.readers.xlsx import xlsx_facts

SHEET = "xl/worksheets/sheet1.xml"


def _book(path: Path, rows: int = 20) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet, percent = book.add_worksheet("a"), book.add_format({"num_format": "0%"})
        sheet.write_row(0, 0, ["code", "share"])
        for r in range(1, rows):
            sheet.write_string(r, 0, f"k{r}")
            sheet.write_number(r, 1, r / 100, percent)
    return path


def _changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def _open(path: Path, cell: str) -> Path:
    """An OpenDocument file of one sheet: two headings and rows of one cell."""
    spaces = " ".join(f'xmlns:{name}="urn:{name}"' for name in ("office", "table", "text"))
    heads = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{word}</text:p></table:table-cell>' for word in "ab"
    )
    rows = f"<table:table-row>{heads}</table:table-row>{cell}"
    content = f'<office:document-content {spaces}><table:table table:name="a">{rows}</table:table>'
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("content.xml", content + "</office:document-content>")
    return path


def _refused(path: Path, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_tables(path)
    assert caught.value.code == code
    assert all(path.name in caught.value.say(lang) for lang in ("en", "vi"))


def test_cells_to_be_remembered_are_counted_before_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = '<table:table-cell office:value-type="percentage" office:value="1" table:number-columns-repeated="2000"/>'
    many = f'<table:table-row table:number-rows-repeated="9999">{one}</table:table-row>'  # 20 million in 200 bytes
    start = time.process_time()
    _refused(_open(tmp_path / "a.ods", many), "guard.odd_cells")
    assert time.process_time() - start < 2
    monkeypatch.setattr(sheets, "MOST_ODD_CELLS", 10)
    _refused(_book(tmp_path / "a.xlsx"), "guard.odd_cells")
    old = xlwt.Workbook()
    sheet = old.add_sheet("a")
    for r in range(20):
        sheet.write(r, 0, r / 100, xlwt.easyxf(num_format_str="0%"))
    old.save(tmp_path / "a.xls")
    _refused(tmp_path / "a.xls", "guard.odd_cells")
    monkeypatch.setattr(sheets, "MOST_ODD_CELLS", 20)
    read_tables(_book(tmp_path / "a.xlsx"))


@pytest.mark.parametrize("piece", [b'<c r="A1" t="e"', b'<row hidden="1"', b'<c r="A1" s="1"', b'<c r="A1"><f'])
def test_tags_that_never_end_take_no_time(tmp_path: Path, piece: bytes) -> None:
    book = _changed(_book(tmp_path / "a.xlsx"), SHEET, lambda text: text.replace(b"</row>", piece * 150_000, 1))
    start = time.process_time()
    with pytest.raises(InputError):
        read_tables(book)
    assert time.process_time() - start < 5


def test_hidden_rows_beyond_all_sheets_are_not_remembered(tmp_path: Path) -> None:
    far = b'<row r="9999999" hidden="1"/><row r="3" hidden="1"/></sheetData>'
    book = _changed(_book(tmp_path / "a.xlsx"), SHEET, lambda text: text.replace(b"</sheetData>", far))
    assert xlsx_facts(book)["a"].hidden == {2}
    _changed(book, SHEET, lambda text: text.replace(b' s="1"', b" s='1'", 1))  # the slow way
    assert xlsx_facts(book)["a"].hidden == {2}


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5000, "-1", "1.5", ""])
def test_attributes_that_are_no_numbers_are_no_crash(tmp_path: Path, number: str) -> None:
    assert whole(number) is None
    other = number.encode()
    for part, old, new in (
        (SHEET, b'<row r="2"', b'<row r="%s"'),
        (SHEET, b'<c r="A2" t="s"><v>2</v>', b"<c r='A2' t='s'><v>%s</v>"),
        ("xl/styles.xml", b'numFmtId="9"', b'numFmtId="%s"'),
    ):
        book = _changed(_book(tmp_path / "a.xlsx"), part, lambda text, a=old, b=new: text.replace(a, b % other))  # type: ignore[misc]
        try:
            read_tables(book)
        except InputError as error:
            assert error.code == "read.unreadable"  # noqa: PT017 (either is right)
    cell = '<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="%s"/>'
    rows = f"<table:table-row>{cell % number}</table:table-row>"
    assert len(read_tables(_open(tmp_path / "a.ods", rows))[0].frame) == 1


def test_sheets_of_an_old_workbook_that_lie_over_one_another_are_refused(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    for k in range(40):
        book.add_sheet(f"s{k:02d}").write(0, 0, "a")
    book.save(tmp_path / "a.xls")
    assert len(xls_facts(tmp_path / "a.xls")) == 40
    data = bytearray((tmp_path / "a.xls").read_bytes())
    starts, at = [], 0
    while (at := data.find(b"\x85\x00", at + 1)) >= 0:
        if data[at + 12 : at + 13] == b"s":  # a sheet's own record: its start, and its name
            starts.append(at + 4)
    assert len(starts) == 40
    for start in starts[1:]:
        data[start : start + 4] = bytes(4)  # all are the whole stream
    (tmp_path / "a.xls").write_bytes(data)
    with pytest.raises(InputError) as caught:
        xls_facts(tmp_path / "a.xls")
    assert caught.value.code == "guard.cut_off"
