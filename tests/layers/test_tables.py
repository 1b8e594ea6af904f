"""Office sheets as they come: the table is found on the page, and all that was passed over is told by row."""

import csv
import re
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import validate
from phusong.layers.errors import Fault, InputError
from phusong.layers.readers import RawTable
from phusong.layers.readers.sheets import column_name, shown
from phusong.layers.readers.table import read_tables
from phusong.layers.readers.xlsx import xlsx_facts
from phusong.layers.schema import LAYERS
from phusong.layers.vietnamese.encodings import encode_bytes

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def _book(path: Path, sheets: dict[str, Sequence[Sequence[Any]]], merges: Sequence[str] = ()) -> Path:
    """A workbook; ``merges`` on the first sheet, each with the text that stands there."""
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(r, c, cell, day)
                    elif isinstance(cell, str):
                        sheet.write_string(r, c, cell)
                    elif cell is not None:
                        sheet.write(r, c, cell)
            if name == next(iter(sheets)):
                for block in merges:
                    first = block.partition(":")[0]
                    r, c = int(first[1:]) - 1, ord(first[0]) - 65
                    sheet.merge_range(block, rows[r][c])
    return path


def _cells(raw: RawTable) -> list[list[Any]]:
    return raw.frame.to_numpy().tolist()


def _passed(raw: RawTable) -> dict[str, str]:
    """Rows passed over by reason."""
    found = [fault.params for fault in raw.faults if fault.code == "note.rows_passed_over"]
    return {params["what"].code.removeprefix("rows."): params["rows"] for params in found}


def _codes(faults: Sequence[Fault]) -> list[str]:
    return [fault.code for fault in faults]


OFFICE: list[list[Any]] = [
    ["BỘ THÔNG TIN VÀ TRUYỀN THÔNG", None, None, None, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", None, None],
    ["SỞ TTTT QUẢNG TRỊ", None, None, None, "Độc lập - Tự do - Hạnh phúc", None, None],
    [],
    ["DANH SÁCH TRẠM BTS NĂM 2012", None, None, None, None, None, None],
    ["(Kèm theo Công văn số 12/STTTT ngày 05 tháng 01 năm 2013)"],
    ["Đơn vị tính: thuê bao"],
    [],
    ["STT", "Mã trạm", "Huyện", "Toạ độ", None, "Thuê bao", "Ghi chú"],
    [None, None, None, "Kinh độ", "Vĩ độ", None, None],
    ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)"],
    ["I", "Huyện Hướng Hóa", None, None, None, 700, None],
    [1, "QTI001", "Hướng Hóa", 106.73, 16.62, 400, "trạm ghép"],
    [2, "QTI002", None, 106.75, 16.64, 300, None],
    ["II", "Huyện Cam Lộ", None, None, None, 150, None],
    ["STT", "Mã trạm", "Huyện", "Toạ độ", None, "Thuê bao", "Ghi chú"],
    [3, "QTI003", "Cam Lộ", 106.99, 16.81, 150, None],
    ["Tổng cộng", None, None, None, None, 850, None],
    [],
    ["Ghi chú: số liệu ước tính"],
    [None, None, None, None, "Đông Hà, ngày 31 tháng 12 năm 2012", None, None],
    ["NGƯỜI LẬP BIỂU", None, None, None, "GIÁM ĐỐC", None, None],
    [None, None, None, None, "Nguyễn Văn A", None, None],
]
OFFICE_MERGES = ("A1:D1", "E1:G1", "A2:D2", "E2:G2", "A4:G4", "A5:G5", "D8:E8", "C12:C13")
VERTICAL = ("A8:A9", "B8:B9", "C8:C9", "F8:F9", "G8:G9")
EXPECTED = [
    [1, "QTI001", "Hướng Hóa", 106.73, 16.62, 400, "trạm ghép"],
    [2, "QTI002", "Hướng Hóa", 106.75, 16.64, 300, None],
    [3, "QTI003", "Cam Lộ", 106.99, 16.81, 150, None],
]
HEADINGS = ["STT", "Mã trạm", "Huyện", "Toạ độ / Kinh độ", "Toạ độ / Vĩ độ", "Thuê bao", "Ghi chú"]


@pytest.mark.parametrize("merges", [OFFICE_MERGES, (*OFFICE_MERGES, *VERTICAL)])
def test_an_office_sheet_gives_its_table_and_tells_what_was_passed_over(tmp_path: Path, merges: Sequence[str]) -> None:
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"BTS": OFFICE}, merges))
    assert raw.frame.columns.tolist() == HEADINGS
    assert _cells(raw) == EXPECTED
    assert raw.rows.tolist() == [12, 13, 16]
    assert _passed(raw) == {
        "title": "1-2, 4-6",
        "numbers": "10",
        "section": "11, 14",
        "repeated": "15",
        "total": "17",
        "foot": "19-22",
    }
    merged = next(fault for fault in raw.faults if fault.code == "changed.merged_cells")
    assert (merged.column, merged.params["count"]) == ("Huyện", 1)
    for fault in raw.faults:
        assert all(fault.say(lang) for lang in ("en", "vi"))


def test_the_same_sheet_without_merges_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(OFFICE)
    (raw,) = read_tables(path)
    assert raw.frame.columns.tolist() == HEADINGS
    assert raw.frame["Mã trạm"].tolist() == ["QTI001", "QTI002", "QTI003"]
    assert raw.frame["Toạ độ / Kinh độ"].tolist() == ["106.73", "106.75", "106.99"]
    assert raw.rows.tolist() == [12, 13, 16]
    assert set(_passed(raw)) == {"title", "numbers", "section", "repeated", "total", "foot"}


def test_an_old_workbook_and_a_tcvn3_one_give_the_same_table(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("BTS")
    for r, row in enumerate(OFFICE):
        for c, cell in enumerate(row):
            if cell is not None and not (r == 7 and c == 3):
                sheet.write(r, c, cell)
    sheet.write_merge(7, 7, 3, 4, "Toạ độ")
    book.save(tmp_path / "a.xls")
    (raw,) = read_tables(tmp_path / "a.xls")
    assert raw.frame.columns.tolist() == HEADINGS
    assert raw.rows.tolist() == [12, 13, 16]
    old = [
        [encode_bytes(cell, "tcvn3").decode("cp1252", "replace") if isinstance(cell, str) else cell for cell in row]
        for row in OFFICE
    ]
    (raw,) = read_tables(_book(tmp_path / "b.xlsx", {"BTS": old}, OFFICE_MERGES))
    assert raw.rows.tolist() == [12, 13, 16]  # "Tæng céng" is a total


def test_units_below_the_headings_join_them_and_numbers_need_words_below(tmp_path: Path) -> None:
    rows = [
        ["Mã trạm", "Tên trạm", "Độ cao", "Công suất"],
        [None, None, "(m)", "dBm"],
        ["A", "B", 1, 2],
        ["QT1", "Khe Sanh", 36, 43],
    ]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}))
    assert raw.frame.columns.tolist() == ["Mã trạm", "Tên trạm", "Độ cao (m)", "Công suất (dBm)"]
    assert _passed(raw) == {"units": "2", "numbers": "3"}
    plain = [["code", "n", "m", "k"], [1, 2, 3, 4], [5, 6, 7, 8]]
    (raw,) = read_tables(_book(tmp_path / "b.xlsx", {"a": plain}))
    assert _cells(raw) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    named = [["code", "n", "name"], [1, 2, 3], [5, 6, "Khe Sanh"], [7, 8, "Lao Bảo"]]
    (raw,) = read_tables(_book(tmp_path / "c.xlsx", {"a": named}))
    assert raw.rows.tolist() == [3, 4]


def test_totals_are_told_from_communes_that_are_called_so(tmp_path: Path) -> None:
    communes = ["Cộng Hòa", "Tổng Cọt", "Cộng Hiền", "Total Access"]
    names = ["Toàn tỉnh", *communes, "Tổng số xã", "Cộng:", "TỔNG CỘNG", "Total"]
    rows = [["TT", "Tên xã", "Dân số"], *[[i, name, 100] for i, name in enumerate(names, start=1)]]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}))
    assert raw.frame["Tên xã"].tolist() == communes
    assert _passed(raw) == {"total": "2, 7-10"}


def test_years_may_be_headings_and_data_without_headings_is_refused(tmp_path: Path) -> None:
    rows = [["Xã", 2011, 2012], ["Lao Bảo", 5, 6], ["Khe Sanh", 7, 8]]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}))
    assert raw.frame.columns.tolist() == ["Xã", "2011", "2012"]
    with pytest.raises(InputError) as caught:
        read_tables(_book(tmp_path / "b.xlsx", {"a": rows[1:]}))
    assert caught.value.code == "read.no_heading_row"
    words = [["V1", "Bản A", "U1"], ["V2", "Bản B", "U1"], ["V3", "Bản C", "U2"]]
    with pytest.raises(InputError):  # words, but of the kind that stands below them
        read_tables(_book(tmp_path / "d.xlsx", {"a": words}))
    partly = [["code", "name", None], *words]
    (raw,) = read_tables(_book(tmp_path / "e.xlsx", {"a": partly}))
    assert raw.frame.columns.tolist() == ["code", "name"]
    assert raw.rows.tolist() == [2, 3, 4]
    assert _codes(raw.faults) == ["note.no_heading"]
    (tmp_path / "c.csv").write_text("1,106.7,16.6\n2,106.8,16.7\n", encoding="utf-8")
    with pytest.raises(InputError):
        read_tables(tmp_path / "c.csv")


def test_every_visible_sheet_with_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("trạm", "sector", "hướng dẫn", "danh mục", "trống"):
            book.add_worksheet(name)
        one, two, help_, hidden, _ = book.worksheets()
        one.write_column(0, 0, ["site_id", "A1"])
        one.write_column(0, 1, ["name", "Khe Sanh"])
        two.write_column(2, 1, ["sector_id", "A1_1"])
        two.write_column(2, 2, ["site_id", "A1"])
        help_.write_column(0, 0, [1, 2.5])
        hidden.hide()
        hidden.write_column(0, 0, ["a", "b"])
        hidden.write_column(0, 1, ["c", "d"])
    tables = read_tables(path)
    assert [(raw.sheet, raw.frame.columns.tolist(), raw.rows.tolist()) for raw in tables] == [
        ("trạm", ["site_id", "name"], [2]),
        ("sector", ["sector_id", "site_id"], [4]),
    ]
    notes = {(fault.code, fault.sheet) for fault in tables[0].faults}
    assert notes == {("note.hidden_sheet", "danh mục"), ("note.sheet_passed_over", "hướng dẫn")}
    (raw,) = read_tables(path, sheet="danh mục")
    assert _cells(raw) == [["b", "d"]]
    with pytest.raises(InputError) as caught:
        read_tables(path, sheet="none")
    assert caught.value.code == "read.no_such_sheet"


def test_cells_come_as_they_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("a")
        formats = {
            code: book.add_format({"num_format": code}) for code in ("0%", "0.0 %", "00000", "0.00", "dd/mm/yyyy")
        }
        sheet.write_row(0, 0, ["code", "share", "part", "n", "when", "yes", "text"])
        sheet.write_row(1, 0, ["x", None, None, None, None, True, "00461"])
        for r, share in ((1, 0.85), (2, 0.07), (3, 1.1)):
            sheet.write_number(r, 0, 460 + r, formats["00000"])
            sheet.write_number(r, 1, share, formats["0%"])
            sheet.write_number(r, 2, share / 100, formats["0.0 %"])
            sheet.write_number(r, 3, share, formats["0.00"])
            sheet.write_datetime(r, 4, datetime(2012, 12, 31), formats["dd/mm/yyyy"])
    (raw,) = read_tables(path)
    frame = raw.frame
    assert frame["code"].tolist() == ["00461", "00462", "00463"]
    assert frame["share"].tolist() == ["85 %", "7 %", "110 %"]
    assert frame["part"].tolist() == ["0.85 %", "0.07 %", "1.1 %"]
    assert frame["n"].tolist() == [0.85, 0.07, 1.1]
    assert set(frame["when"]) == {date(2012, 12, 31)}
    assert frame.loc[0, ["yes", "text"]].tolist() == [True, "00461"]
    told = {fault.column: (fault.code, fault.params) for fault in raw.faults}
    assert told["A"] == ("changed.zeros_in_front", {"count": 3, "cell": "A2", "found": "461", "made": "00461"})
    assert told["B"] == ("changed.percent_format", {"count": 3, "cell": "B2", "found": "0.85", "made": "85 %"})
    assert sorted(told) == ["A", "B", "C"]


def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    for early in (False, True):
        with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"date_1904": early}) as book:
            sheet = book.add_worksheet("a")
            sheet.write_row(0, 0, ["code", "when"])
            sheet.write(1, 0, "1")
            sheet.write_datetime(1, 1, datetime(2012, 12, 31), book.add_format({"num_format": "yyyy-mm-dd"}))
        assert read_tables(tmp_path / "a.xlsx")[0].frame["when"].tolist() == [date(2012, 12, 31)]


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_errors_are_not_taken_for_empty_cells(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("xlsx"):
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("a")
            sheet.write_row(0, 0, ["code", "name", "unit_code", "as_of", "lon", "lat", "population"])
            for r in range(1, 4):
                sheet.write_row(r, 0, [f"{r}", "bản", "U1", "2012-12-31", 106.5, 16.5, 100])
            sheet.write_formula(1, 6, "=1/0", None, "#DIV/0!")
            sheet.write_formula(2, 1, "=NA()", None, "#N/A")
    else:
        book = xlwt.Workbook()
        sheet = book.add_sheet("a")
        for c, head in enumerate(["code", "name", "unit_code", "as_of", "lon", "lat", "population"]):
            sheet.write(0, c, head)
        for r in range(1, 4):
            for c, cell in enumerate([f"{r}", "bản", "U1", "2012-12-31", 106.5, 16.5, 100]):
                if (r, c) not in ((1, 6), (2, 1)):
                    sheet.write(r, c, cell)
        sheet.row(1).set_cell_error(6, 0x07)
        sheet.row(2).set_cell_error(1, 0x2A)
        book.save(path)
    (raw,) = read_tables(path)
    note = next(fault for fault in raw.faults if fault.code == "note.error_cells")
    assert note.params == {"count": 2, "cells": "G2 (#DIV/0!), B3 (#N/A)"}
    checked = validate(raw, LAYERS["villages"], crs="EPSG:4326")
    assert checked.frame["code"].tolist() == ["3"]
    faults = {(fault.code, fault.row, fault.column) for fault in checked.faults if fault.row}
    assert faults == {("fault.error_cell", 2, "population"), ("fault.error_cell", 3, "name")}
    assert all("#N/A" in fault.say("vi") for fault in checked.faults if fault.row == 3)


@pytest.mark.parametrize("value", ["", 0])
def test_a_formula_that_was_never_computed_is_fatal_for_its_sheet_only(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:  # its formulas hold 0 until a spreadsheet program opens the file
        for name in ("good", "bad"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["code", "n"])
            sheet.write_row(1, 0, ["1", 5])
        book.worksheets()[0].write_formula("B3", "=B2*2", None, 10)
        book.worksheets()[0].write_formula("A3", '=IF(B2>9,"x","")', None, "")
        book.worksheets()[1].write_formula("B3", "=B2*2", None, value)
    good, bad = read_tables(path)
    assert good.frame["n"].tolist() == [5, 10]
    (fault,) = [fault for fault in bad.faults if fault.fatal]
    assert (fault.code, fault.sheet, fault.params) == ("fault.formula_without_value", "bad", {"cell": "B3"})
    assert "B3" in fault.say("vi")


def test_an_old_workbook_whose_formulas_were_never_computed(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for r, row in enumerate([["code", "n"], ["1", 5], ["2", xlwt.Formula("B2*2")]]):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    book.save(tmp_path / "a.xls")
    (raw,) = read_tables(tmp_path / "a.xls")
    assert [(fault.code, fault.params["cell"]) for fault in raw.faults] == [("fault.formula_without_value", "B3")]


def test_numbers_in_merged_cells_are_not_counted_twice(tmp_path: Path) -> None:
    rows = [["code", "commune", "persons"], ["1", "Lao Bảo", 500], ["2", None, None], ["3", "Khe Sanh", 700]]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}, ("B2:B3", "C2:C3")))
    assert _cells(raw) == [["1", "Lao Bảo", 500], ["2", "Lao Bảo", None], ["3", "Khe Sanh", 700]]
    assert {(fault.code, fault.column, fault.params["count"]) for fault in raw.faults} == {
        ("changed.merged_cells", "commune", 1),
        ("note.merged_numbers", "persons", 1),
    }


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9).map(float),
    st.floats(-1e12, 1e12).map(lambda number: float(f"{number:.15g}")),  # as many digits as a spreadsheet keeps
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), max_codepoint=0xFFFD), min_size=1, max_size=12),
    st.dates(date(1950, 1, 1), date(2090, 1, 1)),
)


@settings(max_examples=40, **SLOW)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_workbooks_of_every_kind_give_back_what_was_written(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    """A key and a count in each row keep it from being blank, a total or a remark."""
    heads = ["mã", "số", "một", "hai", "ba"]
    full = [[f"k{i}", float(i), *row] for i, row in enumerate(rows)]
    blank = [[None if isinstance(c, str) and not c.strip() else c for c in row] for row in full]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": [heads, *full]}))
    here = [name for name in heads if name in raw.frame.columns]
    assert here == heads
    assert _cells(raw) == blank
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for r, row in enumerate([heads, *full]):
        for c, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write(r, c, cell, xlwt.easyxf(num_format_str="YYYY-MM-DD"))
            elif cell is not None:
                sheet.write(r, c, cell)
    book.save(tmp_path / "a.xls")
    (raw,) = read_tables(tmp_path / "a.xls")
    assert _cells(raw) == blank


def test_a_workbook_is_known_by_its_content(tmp_path: Path) -> None:
    rows = [["code", "name"], ["1", "a"]]
    path = _book(tmp_path / "a.xlsx", {"a": rows})
    for name in ("a.xls", "a.csv"):
        (tmp_path / name).write_bytes(path.read_bytes())
        assert _cells(read_tables(tmp_path / name)[0]) == [["1", "a"]]


CELL = rb'<c r="([A-Z]+[0-9]+)"([^>/]*)(/?)>'


@pytest.mark.parametrize(
    ("old", "form"),
    [
        (CELL, rb'<c\2 r="\1"\3>'),
        (CELL, rb"<c r='\1'\2\3>"),
        (CELL, rb'<c  r="\1"\2 \3>'),
        (CELL, rb'<!--<c r="A1"/>--><c r="\1"\2\3>'),
        (rb"><", rb">\n  <"),
        (rb' ([st])="(\w+)"', rb" \1='\2'"),
        (rb' ([st])="(\w+)"', rb'\n\1="\2"'),
        (rb' ([st])="(\w+)"', rb' \1 = "\2"'),
        (rb"<v>", rb'<v xml:space="preserve">'),
    ],
)
def test_odd_cells_are_found_however_their_tags_are_written(tmp_path: Path, old: bytes, form: bytes) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("a")
        sheet.write_row(0, 0, ["code", "share", "n"])
        for r in range(1, 20):
            sheet.write_string(r, 0, f"k{r}")
            sheet.write_number(r, 1, r / 100, book.add_format({"num_format": "0%"}))
        sheet.write_formula(3, 2, "=NA()", None, "#N/A")
        sheet.write_formula(4, 2, "=1+1", None, "")
        sheet.write_formula(5, 2, '=""', None, "x")
        sheet.set_row(6, None, None, {"hidden": True})
    plain = read_tables(path)[0], xlsx_facts(path)["a"]
    assert (plain[1].errors, plain[1].uncomputed, len(plain[1].percent)) == ({(3, 2): "#N/A"}, (4, 2), 19)
    assert plain[1].hidden == {6}
    with zipfile.ZipFile(path) as package:
        parts = {info.filename: package.read(info) for info in package.infolist()}
    name = "xl/worksheets/sheet1.xml"
    parts[name] = re.sub(old, form, parts[name])
    with zipfile.ZipFile(path, "w") as package:
        for part, content in parts.items():
            package.writestr(part, content)
    assert xlsx_facts(path)["a"] == plain[1]
    raw = read_tables(path)[0]
    assert _cells(raw) == _cells(plain[0])
    assert raw.faults == plain[0].faults


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("0%", -1),
        ('0.0" %"', 0),
        ("[Red]0 %", -1),
        ("0;-0%", -1),
        ("0_%", 0),
        ("0*%", 0),
        ("0\\%", 0),
        ("00000", 5),
        ("0", 0),
        ('000" m"', 3),
        ("00000;-00000", 5),
        ("00000_);(00000)", 5),
        ("00000;@", 5),
        ("\\Q00000", 5),
        ("00.00", 0),
    ],
)
def test_number_formats(code: str, what: int) -> None:
    assert shown(code) == what


def test_column_names() -> None:
    openpyxl_utils = pytest.importorskip("openpyxl.utils")
    for column in (0, 25, 26, 701, 702, 16383):
        assert column_name(column) == openpyxl_utils.get_column_letter(column + 1)


def test_zeros_in_front_stand_behind_the_sign(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet, padded = book.add_worksheet("a"), book.add_format({"num_format": "00000"})
        sheet.write_row(0, 0, ["code", "name"])
        sheet.write_row(1, 0, [-5, "Lao"], padded)
        sheet.write_row(2, 0, [5, "Ba"], padded)
    (raw,) = read_tables(tmp_path / "a.xlsx")
    assert raw.frame["code"].tolist() == ["-00005", "00005"]


def test_merged_blocks_beside_and_beyond_the_table_do_no_harm(tmp_path: Path) -> None:
    rows = [["code", "name", "n"], ["1", "Lao", 5], ["2", "Ba", 6]]
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("a")
        for block in ("F1:F2", "H1:K9", "A8:C900"):
            sheet.merge_range(block, "")
        for r, row in enumerate(rows):
            sheet.write_row(r, 0, row)
    (raw,) = read_tables(path)
    assert _cells(raw) == rows[1:]
    assert raw.faults == ()


def test_text_merged_over_rows_and_columns_holds_for_each_row(tmp_path: Path) -> None:
    rows = [["code", "commune", "village", "power"], ["1", "Lao Bảo", None, True], ["2", None, None, None]]
    rows += [["3", "Khe Sanh", "Bản A", False]]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}, ("B2:C3", "D2:D3")))
    assert raw.frame["commune"].tolist() == ["Lao Bảo", "Lao Bảo", "Khe Sanh"]
    assert raw.frame["power"].tolist() == [True, True, False]
    assert [(fault.code, fault.column) for fault in raw.faults] == [
        ("changed.merged_cells", "commune"),
        ("changed.merged_cells", "power"),
    ]


def test_a_commune_called_average_is_no_average(tmp_path: Path) -> None:
    names = ["Lao Bảo", "Trung Bình", "TRUNG BÌNH", "Trung bình"]
    rows = [["STT", "Tên xã", "Dân số"], *[[i if i < 4 else None, name, 100] for i, name in enumerate(names, 1)]]
    (raw,) = read_tables(_book(tmp_path / "a.xlsx", {"a": rows}))
    assert raw.frame["Tên xã"].tolist() == names[:3]
    assert _passed(raw) == {"total": "5"}


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_hidden_rows_are_read_and_told(tmp_path: Path, name: str) -> None:
    if name.endswith("x"):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            sheet = book.add_worksheet("a")
            for r, row in enumerate([["code", "name"], ["1", "Lao"], ["2", "Ba"], ["3", "Khe"]]):
                sheet.write_row(r, 0, row)
            sheet.set_row(2, None, None, {"hidden": True})
    else:
        old = xlwt.Workbook()
        sheet = old.add_sheet("a")
        for r, row in enumerate([["code", "name"], ["1", "Lao"], ["2", "Ba"], ["3", "Khe"]]):
            for c, cell in enumerate(row):
                sheet.write(r, c, cell)
        sheet.row(2).hidden = True
        old.save(tmp_path / name)
    (raw,) = read_tables(tmp_path / name)
    assert raw.rows.tolist() == [2, 3, 4]
    (fault,) = raw.faults
    assert (fault.code, fault.params) == ("note.hidden_rows", {"count": 1, "rows": "3"})
    assert all("(3)" in fault.say(lang) for lang in ("en", "vi"))


def test_a_workbook_whose_sheets_are_all_hidden_names_them(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        book.add_worksheet("trống").activate()
        book.add_worksheet("trạm").write_column(0, 0, ["code", "1"])
        book.worksheets()[1].hide()
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path / "a.xlsx")
    assert caught.value.code == "read.hidden_sheets"
    assert all("trạm" in caught.value.say(lang) for lang in ("en", "vi"))
    (raw,) = read_tables(tmp_path / "a.xlsx", sheet="trạm")
    assert raw.faults == ()  # not "passed over"


def test_an_old_workbook_that_is_still_to_be_computed(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for r, row in enumerate([["code", "n"], ["1", 5], ["2", xlwt.Formula("B2*2")]]):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    book.save(tmp_path / "a.xls")
    data = (tmp_path / "a.xls").read_bytes()
    empty, counts = struct.pack("<Q", 0xFFFF000000000003), struct.pack("<HH", 0x0C, 2)
    assert data.count(empty) == data.count(counts) == 1
    zero = data.replace(empty, bytes(8))  # as programs write it that compute nothing
    (tmp_path / "a.xls").write_bytes(zero)
    assert read_tables(tmp_path / "a.xls")[0].frame["n"].tolist() == [5, 0]
    (tmp_path / "a.xls").write_bytes(zero.replace(counts, struct.pack("<HH", 0x5E, 2)))
    (fault,) = read_tables(tmp_path / "a.xls")[0].faults
    assert (fault.code, fault.params) == ("fault.formula_without_value", {"cell": "B3"})
