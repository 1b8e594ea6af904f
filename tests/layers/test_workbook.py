"""Workbooks written quickly: every cell comes back as it stood, to several readers."""

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import python_calamine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.writers.workbook import MOST_COMMENTS, Mark, Page, write_book

SLACK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLACK
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.none(),
                st.booleans(),
                st.integers(-(2**53), 2**53),
                st.floats(allow_nan=False, allow_infinity=False),
                st.text(
                    st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"), min_size=1, max_size=9
                ),
                st.dates(date(1900, 3, 1), date(2100, 1, 1)),
                st.datetimes(datetime(1900, 3, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(microsecond=0)),
            ),
            min_size=2,
            max_size=2,
        ),
        max_size=4,
    )
)
def test_cells_come_back_as_they_stood(tmp_path: Path, rows: list[list[Any]]) -> None:
    path = write_book([Page("a", ["one", "two"], rows, as_stood=True)], tmp_path / "a.xlsx")
    sheet = openpyxl.load_workbook(path)["a"]
    for k, row in enumerate(rows, start=2):
        for i, value in enumerate(row, start=1):
            got = sheet.cell(k, i).value
            if isinstance(value, str):
                assert got == re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd", value)
            elif isinstance(value, date) and not isinstance(value, datetime):
                assert got == datetime(value.year, value.month, value.day)
            else:
                assert got == value
                assert isinstance(got, bool) == isinstance(value, bool)


def test_another_reader_agrees_about_the_workbook(tmp_path: Path) -> None:
    rows = [
        ["007", 3, 2.5, True, date(2012, 12, 31), None, "=1+1"],
        ["Hướng Hóa", -1, 1e-9, False, None, "a\nb", " x "],
    ]
    pages = [Page("Mã/số", list("abcdefg"), rows, {(0, 1): Mark("yellow", "xem lại")}), Page("mã số", ["a"], [])]
    book = python_calamine.load_workbook(str(write_book(pages, tmp_path / "a.xlsx")))
    assert book.sheet_names == ["Mã số", "mã số 2"]
    assert book.get_sheet_by_index(0).to_python() == [
        list("abcdefg"),
        ["007", 3.0, 2.5, True, date(2012, 12, 31), "", "'=1+1"],
        ["Hướng Hóa", -1.0, 1e-9, False, "", "a\nb", " x "],
    ]


def test_comments_are_limited_colours_are_not(tmp_path: Path) -> None:
    count = MOST_COMMENTS + 20
    marks = {(i, 0): Mark("red", f"số {i}") for i in range(count)}
    path = write_book([Page("a", ["one"], [["x"]] * count, marks, as_stood=True)], tmp_path / "a.xlsx")
    cells = [row[0] for row in openpyxl.load_workbook(path)["a"].iter_rows(min_row=2)]
    assert [cell.comment.text if cell.comment else None for cell in cells] == [
        f"số {i}" if i < MOST_COMMENTS else None for i in range(count)
    ]
    assert all(cell.fill.fgColor.rgb == "FFF8C9C9" for cell in cells)


def test_headings_stand_as_they_stood_without_acting(tmp_path: Path) -> None:
    heads = ["- Nữ", "=1+1", "+84", "Mã"]
    for as_stood, shown in ((True, heads), (False, ["'- Nữ", "'=1+1", "'+84", "Mã"])):
        path = write_book([Page("a", heads, [["x"] * 4], as_stood=as_stood)], tmp_path / "a.xlsx")
        cells = openpyxl.load_workbook(path)["a"][1]
        assert [cell.value for cell in cells] == shown
        assert {cell.data_type for cell in cells} == {"s"}
        assert [cell.quotePrefix for cell in cells] == [as_stood] * 3 + [False]
        assert all(cell.font.b for cell in cells)


@pytest.mark.parametrize("text", ["_x0041_", "a_x000D_b", "_x005F_x0041_", "_x41_", "__x0041__", "x_"])
def test_a_text_like_an_escape_is_not_read_as_one(tmp_path: Path, text: str) -> None:
    path = write_book([Page("a", [text], [[text]], as_stood=True)], tmp_path / "a.xlsx")
    assert python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python() == [[text], [text]]


def test_names_of_sheets_are_short_as_office_programs_count(tmp_path: Path) -> None:
    """31 characters of UTF-16, of which a sign beyond the basic plane takes two."""
    book = openpyxl.load_workbook(write_book([Page("\U0001f4e1" * 40, ["a"], [])] * 2, tmp_path / "a.xlsx"))
    assert all(len(name.encode("utf-16-le")) <= 2 * 31 for name in book.sheetnames)
    assert len(set(book.sheetnames)) == 2
