"""Where the table is on a sheet: nothing of it vanishes untold, whatever stands around it."""

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.errors import InputError
from phusong.layers.readers.layout import laid_out

WORDS = [
    *(
        "Tên",
        "Mã xã",
        "STT",
        "Tổng cộng",
        "Ghi chú: a b",
        "I",
        "(1)",
        "(2)",
        "1",
        "2",
        "m",
        "(km)",
        "Huyện A",
        "QTI001",
    ),
    *("2012", "Người lập biểu", "ngày 3 tháng 4 năm 2012", "Toạ độ", "#", "Tæng céng", "Trung bình", "Cộng:"),
]
CELLS = st.one_of(
    st.none(),
    st.sampled_from(WORDS),
    st.sampled_from([float("nan"), float("inf"), 1, 2, 3.5, True, date(2012, 1, 1), 10**30, 2012]),
)
BLOCKS = st.tuples(st.integers(0, 9), st.integers(0, 6), st.integers(0, 4), st.integers(0, 4))


def _numbers(rows: str) -> set[int]:
    """The rows that a note names: 1-3, 7."""
    ends = [part.split("-") for part in rows.split(", ")]
    return {row for end in ends for row in range(int(end[0]), int(end[-1]) + 1)}


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 5), st.lists(BLOCKS, max_size=3), st.booleans(), st.data())
def test_no_row_and_no_cell_vanishes_untold(
    width: int, blocks: list[tuple[int, int, int, int]], ragged: bool, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))
    rows.insert(data.draw(st.integers(0, min(2, len(rows)))), [f"h{c} tên" for c in range(width)])
    merged = [((r, c), (r + down, c + right)) for r, c, down, right in blocks]
    ends = [max((c + 1 for c, cell in enumerate(row) if cell is not None), default=0) for row in rows]
    try:
        raw = laid_out([list(row) for row in rows], merged=merged, file="a", lengths=ends if ragged else None)
    except InputError:
        return
    told: set[int] = set()
    for fault in raw.faults:
        if fault.code in ("note.rows_passed_over", "note.headings_joined"):
            told |= _numbers(fault.params["rows"])
    kept = set(raw.rows.tolist())
    assert not kept & told
    filled = {r for r, row in enumerate(rows, start=1) if any(cell is not None for cell in row)}
    assert len(filled - kept - told) <= 1  # the row of headings
    unnamed = {fault.params["number"] for fault in raw.faults if fault.code == "note.no_heading"}
    over = {fault.row for fault in raw.faults if fault.code == "fault.too_many_cells"}
    for k, r in enumerate(raw.rows.tolist()):
        here = list(raw.frame.iloc[k])
        for c, cell in enumerate(rows[r - 1], start=1):
            known = any(cell is other or cell == other for other in here)
            assert cell is None or known or c in unnamed or r in over


SECOND = [["code", "name", "persons"], ["1", "Lao", 5], ["2", "Ba", 6]]


@pytest.mark.parametrize("between", [[[None] * 3], [[None] * 3, ["Masts of 2012", None, None]]])
def test_a_second_table_below_with_other_headings_is_refused(between: list[list[Any]]) -> None:
    other = [["code", "lon", "households"], ["1", 106.7, 2], ["2", 106.8, 3]]
    with pytest.raises(InputError) as caught:
        laid_out([*SECOND, *between, *other], file="a.xlsx", sheet="b")
    assert caught.value.code == "read.second_table"
    row = str(len(SECOND) + len(between) + 1)
    assert all(row in caught.value.say(lang) and "a.xlsx, b" in caught.value.say(lang) for lang in ("en", "vi"))


@pytest.mark.parametrize(
    "below",
    [
        [["3", "Khe", None], ["4", "Ta", 7]],
        [["A3", "Khe", "không rõ"], ["A4", "Ta", 7]],
        [["code", "name", "persons"], ["4", "Ta", 7]],
    ],
)
def test_a_blank_row_alone_begins_no_other_table(below: list[list[Any]]) -> None:
    raw = laid_out([*SECOND, [None] * 3, *below], file="a.xlsx")
    assert raw.rows.tolist()[-1] == 6


MASTS: list[list[Any]] = [
    ["Mã trạm", "Tên", "Kinh độ", "Vĩ độ"],
    ["QTI1", "A", 106.7, 16.6],
    ["QTI2", "B", 106.8, 16.7],
]


@pytest.mark.parametrize(
    "row",
    [
        ["QTI3", "Khe", "chưa rõ", "chưa rõ"],
        ["QTI3", "Khe", "chưa rõ", "không có"],
        ["Mới", "Khe", "chưa rõ", "chưa rõ"],
    ],
)
def test_a_row_that_knows_no_figure_begins_no_other_table(row: list[Any]) -> None:
    raw = laid_out([*MASTS, [None] * 4, row, ["QTI4", "C", 106.9, 16.8]], file="a.xlsx")
    assert raw.rows.tolist() == [2, 3, 5, 6]


def test_headings_repeated_in_capitals_over_other_lines_or_with_numbers_are_no_other_table() -> None:
    numbers = ["(1)", "(2)", "(3)", "(4)"]
    shouted = [word.upper() for word in MASTS[0]]
    broken = [word.replace(" ", "\n") for word in MASTS[0]]
    rows = [MASTS[0], numbers, *MASTS[1:], [None] * 4, shouted, numbers, MASTS[1], broken, MASTS[2]]
    raw = laid_out(rows, file="a.xlsx")
    assert raw.rows.tolist() == [3, 4, 8, 10]
    told = {fault.params["what"].code: fault.params["rows"] for fault in raw.faults}
    assert told == {"rows.repeated": "6, 9", "rows.numbers": "2, 7"}


def test_merged_blocks_over_one_another_take_no_time() -> None:
    rows: list[list[Any]] = [[f"{word} {c}" for c in range(400)] for word in ("group", "name", "unit")]
    rows += [[1.5] * 400 for _ in range(20)]
    hostile = [((r, c), (10**6, 10**4)) for r in range(6) for c in range(400)]
    start = time.process_time()
    with pytest.raises(InputError):
        laid_out(rows, merged=hostile, file="a.xlsx")
    assert time.process_time() - start < 5


def test_a_number_that_is_none_may_stand_in_a_row_that_could_number_the_columns() -> None:
    for odd in (float("nan"), float("inf")):
        raw = laid_out([["a", "b", "c"], [1.0, 2.0, odd], [1.0, 2.0, 3.0]], file="a.xlsx")
        assert raw.rows.tolist() == [2, 3]
        with pytest.raises(InputError):
            laid_out([[2011.0, odd, "c"], [1.0, 2.0, 3.0]], file="a.xlsx")
