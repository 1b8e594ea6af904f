"""Lists as offices use them: what is printed, what adds up, and what a workbook says to whoever opens it."""

from __future__ import annotations

import io
import math
from datetime import date
from pathlib import Path
from typing import Any, get_args

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.layers.messages import Lang, say
from phusong.layers.writers.lists import NO_DATA, ListColumn, OfficeList, office_xlsx, roman, write_office_xlsx

COLUMNS = (
    ListColumn("name", "Tên", width=20),
    ListColumn("people", "Dân số", "người", "number", total=True),
    ListColumn("share", "Tỷ lệ", "%", "plain", 2),
    ListColumn("power", "Điện lưới", kind="yes_no"),
    ListColumn("since", "Từ ngày", kind="date"),
)
ROWS = (
    ("Xã Đakrông", 1234.0, 12.5, True, date(2012, 12, 31)),
    ("Xã Tà Rụt", None, 3.125, False, None),
    ("=1+1", 20.4, 100.0, None, pd.Timestamp("2012-01-05")),
)


def made(lang: Lang = "vi", **changed: Any) -> OfficeList:
    given_: dict[str, Any] = {"title": "Danh sách xã", "columns": COLUMNS, "rows": ROWS, "lang": lang}
    return OfficeList(**given_ | changed)


def sheet_of(*lists: OfficeList) -> Any:
    return openpyxl.load_workbook(io.BytesIO(office_xlsx(lists))).worksheets[0]


def rows_of(sheet: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in sheet.iter_rows(values_only=True)]


def test_what_is_printed() -> None:
    one = made(groups=("Đakrông", "Đakrông", ""))
    assert one.headings() == ("STT", "Tên", "Dân số (người)", "Tỷ lệ (%)", "Điện lưới", "Từ ngày")
    assert one.texts() == (
        ("group", ("I", "Đakrông (2 dòng)", "1.234", "", "", "")),
        ("row", ("1", "Xã Đakrông", "1.234", "12,5", "có", "31/12/2012")),
        ("row", ("2", "Xã Tà Rụt", NO_DATA, "3,12", "không", "")),
        ("group", ("II", "Không rõ huyện (1 dòng)", "20", "", "", "")),
        ("row", ("3", "=1+1", "20", "100", NO_DATA, "05/01/2012")),
        ("total", ("", "Tổng cộng (3 dòng)", "1.254", "", "", "")),
    )
    assert [line.split(":")[0] for line in one.remarks()] == [NO_DATA, "Cột “Dân số”"]
    assert made("en").texts()[0] == ("row", ("1", "Xã Đakrông", "1,234", "12.5", "yes", "2012-12-31"))


def test_no_total_is_made_of_nothing() -> None:
    nothing = made(rows=(("a", None, None, None, None), ("b", None, None, None, None)), groups=("x", "x"))
    assert [values for role, values in nothing.texts() if role != "row"] == [
        ("I", "x (2 dòng)", NO_DATA, "", "", ""),
        ("", "Tổng cộng (2 dòng)", NO_DATA, "", "", ""),
    ]
    assert made(rows=()).texts() == ()


figures = st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(0, 10**9).map(float))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), figures), max_size=30))
def test_groups_add_up_to_the_total(found: list[tuple[str, float | None]]) -> None:
    found = sorted(found, key=lambda one: one[0])
    columns = (ListColumn("name", "Tên"), ListColumn("people", "Dân số", kind="number", total=True))
    one = OfficeList(
        title="t",
        columns=columns,
        rows=tuple(("x", value) for _, value in found),
        groups=tuple(group for group, _ in found),
        lang="en",
    )
    by_role: dict[str, list[float]] = {"group": [], "row": [], "total": []}
    for line in one.printed:
        by_role[line.role].append(0.0 if line.values[1] is None else line.values[1])
    assert [line.number for line in one.printed if line.role == "row"] == [str(n + 1) for n in range(len(found))]
    assert math.isclose(sum(by_role["group"]), sum(by_role["row"]), rel_tol=1e-9, abs_tol=1e-3)
    if len(found) > 1:
        assert math.isclose(by_role["total"][0], sum(by_role["row"]), rel_tol=1e-9, abs_tol=1e-3)
        assert (one.printed[-1].values[1] is None) == all(value is None for _, value in found)


def test_a_workbook_holds_figures_as_numbers_in_the_printed_order() -> None:
    sheet = sheet_of(made(groups=("Đakrông", "Đakrông", ""), organisation="Sở TT&TT", lines=("31/12/2012",)))
    rows = rows_of(sheet)
    assert [row[0] for row in rows[:4]] == ["SỞ TT&TT", "DANH SÁCH XÃ", "31/12/2012", "Đơn vị tính: ghi ở đầu mỗi cột"]
    assert rows[4] == ("STT", "Tên", "Dân số\n(người)", "Tỷ lệ\n(%)", "Điện lưới", "Từ ngày")
    assert rows[5][:3] == ("I", "Đakrông (2 dòng)", 1234)
    assert rows[6][:4] == ("1", "Xã Đakrông", 1234, 12.5)
    assert rows[7][2] == NO_DATA
    assert rows[9][1] == "'=1+1"
    assert rows[10][:3] == (None, "Tổng cộng (3 dòng)", 1254)
    assert sheet["C7"].number_format == "[$-42A]#,##0"
    assert sheet["D7"].number_format == "[$-42A]#,##0.0"
    assert sheet["D8"].number_format == "[$-42A]#,##0.00"
    assert sheet["F7"].number_format == "dd/mm/yyyy"
    assert sheet["B10"].data_type == "s"


@pytest.mark.parametrize("value", [1.25, 0.15, 2.675, -0.05, 999.5, 1234.5, 0.125])
@pytest.mark.parametrize("kind", ["number", "plain"])
@pytest.mark.parametrize("decimals", [0, 1, 2])
def test_a_tie_reads_alike_on_paper_and_in_the_workbook(value: float, kind: Any, decimals: int) -> None:
    """The cell holds what is said, so that no program rounds it another way."""
    one = made("en", columns=(ListColumn("x", "X", "km", kind, decimals),), rows=((value,),))
    [(_, (_, said))] = one.texts()
    cell = next(row[1] for row in rows_of(sheet_of(one)) if row[0] == "1")
    assert cell == float(said.replace(",", ""))


@pytest.mark.parametrize(("text", "lines"), [("mô hình", 1), ("mô hình truyền sóng", 2), ("a\nb\nc", 3)])
def test_a_row_is_as_high_as_its_texts(text: str, lines: int) -> None:
    """As printed by an office program: 19 letters take two lines of a column 15 wide, and none may be cut off."""
    sheet = sheet_of(made(columns=(ListColumn("x", "X", width=15),), rows=((text,),)))
    at = next(row[0].row for row in sheet.iter_rows() if row[0].value == "1")
    assert sheet.row_dimensions[at].height == pytest.approx(14.5 * lines)


def test_a_list_of_nothing_says_so() -> None:
    for lang in get_args(Lang):
        empty = say("list.note.empty", lang)
        assert made(lang, rows=()).remarks() == (empty,)
        assert empty not in made(lang).remarks()
        assert any(empty in row for row in rows_of(sheet_of(made(lang, rows=()))))


def test_it_is_set_up_for_paper() -> None:
    sheet = sheet_of(made(mark="Dữ liệu tổng hợp", lines=("Ngày & giờ",)))
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.print_title_rows == "$5:$5"
    assert sheet.freeze_panes == "C6"
    assert sheet.oddFooter.center.text == "Trang &P/&N"
    assert sheet.oddFooter.right.text == "Ngày && giờ"
    assert sheet.oddHeader.right.text == "Dữ liệu tổng hợp"
    assert sheet.auto_filter.ref == "A5:F8"
    assert sheet_of(made(groups=("a", "a", "a"))).auto_filter.ref is None


def test_the_page_numbers_of_english() -> None:
    assert sheet_of(made("en")).oddFooter.center.text == "Page &P/&N"
    assert sheet_of(made("en"))["C4"].number_format == "[$-409]#,##0"


def test_one_unit_of_measure_stands_above_the_list() -> None:
    columns = (ListColumn("name", "Tên"), ListColumn("people", "Dân số", "người", "number"))
    assert rows_of(sheet_of(made(columns=columns, rows=(("a", 1.0),))))[1][0] == "Đơn vị tính: người"


def test_the_same_list_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write_office_xlsx([made(), made("en", sheet="Hai")], tmp_path / "a.xlsx").read_bytes()
    assert first == office_xlsx([made(), made("en", sheet="Hai")])
    names = openpyxl.load_workbook(tmp_path / "a.xlsx").sheetnames
    assert names == ["Danh sách xã", "Hai"]


def test_sheets_are_named_as_workbooks_can() -> None:
    long = "Danh sách [thôn]: bản/làng còn thiếu sóng di động năm 2012"
    book = openpyxl.load_workbook(io.BytesIO(office_xlsx([made(sheet=long), made(sheet=long), made(sheet="'?'")])))
    assert book.sheetnames == ["Danh sách thôn bảnlàng còn thiế", "Danh sách thôn bảnlàng còn th 2", "-"]


@pytest.mark.parametrize("text", ["=cmd()", "+84", "-1", "@a", "\t=1", "＝1", "a\x00b", "x" * 40_000])
def test_texts_of_data_stay_texts(text: str) -> None:
    sheet = sheet_of(made(title=text, organisation=text, rows=((text, 1.0, 1.0, True, None),), groups=(text,)))
    for row in sheet.iter_rows():
        for cell in row:
            assert cell.data_type != "f"
            assert not str(cell.value or "").startswith(("=", "+", "-", "@", "\t"))


def test_values_of_frames_are_taken_as_python_has_them() -> None:
    row = ("x", np.float64("nan"), np.float32(1.5), np.bool_(True), pd.NaT)
    assert made(rows=(row,)).rows == (("x", None, 1.5, True, None),)
    assert made(rows=((None, np.inf, pd.NA, pd.NA, None),)).texts()[0][1] == ("1", "", NO_DATA, NO_DATA, NO_DATA, "")


def test_lists_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="as many values"):
        made(rows=(("a",),))
    with pytest.raises(ValueError, match="not every row"):
        made(groups=("a",))
    with pytest.raises(ValueError, match="stand together"):
        made(groups=("a", "b", "a"))


def test_as_a_table() -> None:
    table = made(groups=("b", "b", "a")).flat()
    assert list(table.columns) == [
        *("Nhóm", "Tên", "Dân số (người)", "Tỷ lệ (%)", "Điện lưới", "Từ ngày"),
    ]
    assert table.iloc[1].tolist() == ["b", "Xã Tà Rụt", None, 3.125, "không", None]


def test_roman_numbers() -> None:
    assert [roman(n) for n in (1, 4, 9, 14, 40, 63, 90, 400, 1994)] == [
        *("I", "IV", "IX", "XIV", "XL", "LXIII", "XC", "CD", "MCMXCIV"),
    ]
