"""Where the table is on an office sheet: titles, headings of several rows, units, numbered columns, totals, signatures.

Nothing is left out in silence: every row passed over is told with its reason, every merged or joined cell too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import Text
from phusong.layers.readers.heading_rows import (
    LOOKED_BELOW,
    LOOKED_THROUGH,
    SAMPLED_ROWS,
    Headings,
    Page,
    cell_kind,
    find_headings,
    is_data,
    numbers_columns,
    only_words,
    states_units,
    with_unit,
)
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.sheets import Cell, column_name, row_names
from phusong.layers.vietnamese import text as texts  # as a module: it reads RawTable from this package
from phusong.layers.vietnamese.encodings import converted

MOST_FOOT_ROWS = 20
BEYOND = " | "
"""Between the cells of a row that has more of them than there are headings, in its last column."""
_LONGEST_LABEL = 60
_LONGEST_ORDER = 6
_LABEL_COLUMNS = 4  # the first ones, where totals and sections say what they are
_LABEL = re.compile(r"\W*(\w{1,4}[.)]\s*)?([Tt]([Rr][Uu]|[^RrHh])|[Cc]|[Gg][Rr]|[Ss][Uu]|[Bb])")
"""How words for totals begin, in any encoding of Vietnamese."""
_TOTAL = re.compile(
    r"((i|ii|iii|iv|v|[a-z])[.)] )?(tong|tong (cong|so|toan)( .*)?|cong|cong (toan|chung)( .*)?|cong:.*|tong:.*|"
    r"(toan|ca) (tinh|huyen|tp|thanh pho|nuoc|quoc)|binh quan( chung)?|trung binh( chung)?|(grand |sub)?total:?|sum:?)"
)
_FOOT = re.compile(
    r"(nguoi (lap|ky|kiem tra)|lap bieu|thu truong|(pho )?giam doc|(pho )?chu tich|chanh van phong|ke toan|kt\.|tm\.|"
    r"tl\.|noi nhan|ghi chu\s*:|nguon\s*:|chu thich|luu\s*:|\(?\*+\)?\s|notes?\s*:|source\s*:|\(ky|da ky)|"
    r".*\bngay .{1,6} thang .{1,6} nam "
)
_SECTION = re.compile(
    r"([ivx]{1,5}|[a-z])[.)/ -]\s*\S.*|"
    r"(khu vuc|vung|cum|huyen|thi xa|thanh pho|tp|quan|tinh|doanh nghiep|nha mang)\b.*"
)
_ROMAN = re.compile(r"[IVX]{1,5}|[A-H]")
_ORDER = frozenset({"stt", "tt", "so tt", "so thu tu", "no", "no.", "#", "s.t.t"})


def laid_out(
    rows: list[list[Any]],
    *,
    merged: Sequence[tuple[Cell, Cell]] = (),
    file: str,
    sheet: str = "",
    lengths: Sequence[int] | None = None,
) -> RawTable:
    """The table on a sheet, whose rows are equally long and hold None for an empty cell.

    The headings are the first rows that name enough of the columns; a group over several columns is joined with each of
    its own (``Toạ độ / Kinh độ``), a row of units follows its heading in brackets. Titles, column numbers, totals,
    sections, repeated headings and what stands below the table are passed over with a note each. Text in cells merged
    downwards holds for each of their rows; numbers there are not repeated, as they would count twice.

    Cells beside the table are a note. Of a CSV file, ``lengths`` says how many cells each row has: one with more than
    there are headings bears a fault, its last cell holding the rest; those with fewer a note. InputError if no row
    names the columns well enough, one heading stands twice, or a second table with other headings stands below.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    count = len(rows)
    filled = np.zeros((count, len(columns)), dtype=bool)
    for c, column in enumerate(columns):
        filled[:, c] = [cell is not None for cell in column]
    if not filled.any():
        raise InputError("read.no_header", file=file)
    within = [
        ((top, left), (min(bottom, count - 1), min(right, len(columns) - 1)))
        for (top, left), (bottom, right) in merged
        if top < count and left < len(columns)
    ]
    here = Page(columns, filled, sorted(within), _legacy(columns))
    headings = find_headings(here)
    place = f"{file}, {sheet}" if sheet else file
    if headings is None:
        raise InputError("read.no_heading_row", file=place, most=LOOKED_THROUGH)
    passed: dict[str, list[int]] = {"title": [r for r in range(headings.first) if filled[r].any()]}
    start = headings.last + 1
    names = headings.names
    while start < count:
        row = here.row(start)
        if row and numbers_columns(here, start, names):
            passed.setdefault("numbers", []).append(start)
        elif row and states_units(here, row):
            names = [with_unit(name, row.get(c)) for c, name in enumerate(names)]
            passed.setdefault("units", []).append(start)
        elif row:
            break
        start += 1
    faults: list[Fault] = []

    def tell(code: str, *, row: int | None = None, column: str = "", **params: Any) -> None:
        faults.append(Fault(code, file=file, sheet=sheet, row=row, column=column, params=params))

    if headings.last > headings.first:
        tell("note.headings_joined", rows=row_names(range(headings.first, headings.last + 1)))
    _fill_down(here, start, names, tell)
    kept = _data_rows(here, start, headings, passed)
    other = _second_table(here, kept)
    if other is not None:
        raise InputError("read.second_table", file=place, row=other + 1)
    for reason, at in passed.items():
        if at:
            tell("note.rows_passed_over", rows=row_names(at), what=Text(f"rows.{reason}"), count=len(at))
    width = max(c for c, name in enumerate(names) if name) + 1
    if lengths is not None:
        for r in kept[filled[kept, width:].any(axis=1)].tolist():
            found = int(np.flatnonzero(filled[r])[-1]) + 1
            tell("fault.too_many_cells", row=r + 1, found=found, expected=width)
            tail = [str(column[r]) for column in columns[width - 1 : found] if column[r] is not None]
            columns[width - 1][r] = BEYOND.join(tail)  # to be mended, all its cells must be there
        short = [r for r in kept.tolist() if lengths[r] < width]
        if short:
            tell("note.too_few_cells", rows=row_names(short), count=len(short), expected=width)
    named = [name for name in names if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InputError("read.heading_twice", file=place, column=twice)
    for c in range(len(columns)):
        if not names[c] and (lengths is None or c < width) and filled[kept, c].any():
            tell("note.no_heading", number=c + 1)
    data = {}
    whole = len(kept) == count - start and bool(len(kept))
    for c, name in enumerate(names):
        if name:
            column = columns[c]
            cells = np.empty(len(kept), dtype=object)
            cells[:] = column[start:] if whole else [column[r] for r in kept]
            data[name] = pd.Series(cells, dtype=object)
    frame = pd.DataFrame(data, columns=pd.Index(named, dtype=object), index=range(len(kept)))
    return RawTable(frame, kept.astype(np.int64) + 1, file, sheet, faults=tuple(faults))


def _legacy(columns: list[list[Any]]) -> Callable[[str], str]:
    """How a text of this sheet is read when it is looked at here: out of the legacy encoding it surely is in."""
    found = {
        cell for column in columns for cell in column[:SAMPLED_ROWS] if isinstance(cell, str) and not cell.isascii()
    }
    if found:
        detected = texts.detect(found)
        if detected.sure and detected.encoding != "unicode":
            encoding = detected.encoding
            # a sheet may hold both: what cannot be in the encoding is plain already
            return lambda cell: cell if cell.isascii() else converted(cell, encoding) or cell
    return lambda cell: cell


def _fill_down(here: Page, start: int, names: list[str], tell: Callable[..., None]) -> None:
    """Give text in cells merged downwards to each of their rows; tell how many, and where a number was left alone.

    A block that is wider than one column fills its first.
    """
    left = here.filled.size  # blocks that overlap are not a sheet's own: no more work than there are cells
    filled: dict[int, int] = {}
    numbers: dict[int, int] = {}
    for (top, c), (bottom, _) in here.merged:
        if top < start or bottom <= top:
            continue
        value, rows = here.columns[c][top], range(top + 1, bottom + 1)
        left -= len(rows)
        if value is None or left < 0:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[c] = numbers.get(c, 0) + len(rows)
            continue
        for r in rows:
            if here.columns[c][r] is None and here.filled[r].any():
                here.columns[c][r], filled[c] = value, filled.get(c, 0) + 1
                here.filled[r, c] = True
    for code, found in (("changed.merged_cells", filled), ("note.merged_numbers", numbers)):
        for c, cells in sorted(found.items()):
            tell(code, column=names[c] if c < len(names) and names[c] else column_name(c), count=cells)


def _data_rows(here: Page, start: int, headings: Headings, passed: dict[str, list[int]]) -> NDArray[np.int64]:
    """The rows of the table below its headings; what is passed over goes to ``passed`` by reason."""
    counts = here.filled.sum(axis=1)
    rows = np.flatnonzero(counts)
    rows = rows[rows >= start]
    if not rows.size:
        return rows.astype(np.int64)
    usual = float(np.median(counts[rows]))
    few = max(2.0, usual / 2)
    out: dict[int, str] = {}
    order = next((c for c, name in enumerate(headings.names) if here.plain(name) in _ORDER), None)
    mostly_numbered = order is not None and _mostly_numbers([here.columns[order][r] for r in rows])
    named = range(headings.first, headings.last + 1)
    heads = [{_word(column[i]) for i in named} for column in here.columns]
    initials = [{word[:1] for word in words if isinstance(word, str)} for words in heads]
    wide = {first[0] for first, last in here.merged if 2 * (last[1] - first[1] + 1) > usual and first[0] == last[0]}

    single = set(np.flatnonzero(counts == 1).tolist()) if usual >= 3 else set()

    def repeated(r: int, c: int, cell: str) -> bool:
        return (
            _word(cell) in heads[c]
            and counts[r] > 1
            and all(_word(value) in heads[k] for k, value in here.row(r).items())
        )

    def reason(r: int, c: int, cell: str) -> str:
        if len(cell) < _LONGEST_LABEL and _TOTAL.fullmatch(here.plain(cell)):
            before = [here.columns[k][r] for k in range(c)]
            commune = here.plain(cell) == "trung binh" and (cell.strip().istitle() or any(map(_is_order, before)))
            return "total" if all(map(_is_label, before)) and not commune else ""
        if c == order and mostly_numbered and _ROMAN.fullmatch(cell.strip()):
            return "section"
        return "section" if r in single and (r in wide or (c < 2 and _SECTION.fullmatch(here.plain(cell)))) else ""

    for c in range(min(_LABEL_COLUMNS, len(here.columns))):
        column = here.columns[c]
        for r in rows.tolist():
            cell = column[r]
            if cell.__class__ is not str or r in out:
                continue
            if cell[:1].casefold() in initials[c] and repeated(r, c, cell):
                out[r] = "repeated"
                if "numbers" in passed and r + 1 < len(counts) and numbers_columns(here, r + 1, headings.names):
                    out[r + 1] = "numbers"
            elif (c == order or r in single or _LABEL.match(cell)) and (why := reason(r, c, cell)):
                out[r] = why
    foot = _foot(here, rows, counts, few, usual)
    for r in rows[rows >= foot].tolist():
        out[r] = "foot"
    for r, why in sorted(out.items()):
        passed.setdefault(why, []).append(r)
    return rows[~np.isin(rows, list(out))].astype(np.int64) if out else rows.astype(np.int64)


def _second_table(here: Page, rows: NDArray[np.int64]) -> int | None:
    """The row of data that names the columns of another table: words over figures, set off by a blank row.

    A row that says "not known" of all its figures is none.
    """
    counts = here.filled.sum(axis=1)
    candidates: list[int] = rows[(counts[rows] > 1) & (counts[rows - 1] <= 1)].tolist()
    for r in candidates:
        above = r - 1
        while above and counts[above] == 1:  # its titles
            above -= 1
        if counts[above] or not only_words(here.row(r)):
            continue
        below = list(takewhile(lambda i: i < len(counts) and counts[i] > 1, range(r + 1, r + 1 + LOOKED_BELOW)))
        over: list[Any] = []
        for c, word in here.row(r).items():
            cells = [here.columns[c][i] for i in below if here.filled[i, c]]
            if 2 * sum(cell_kind(cell) == "value" for cell in cells) > len(cells):
                over.append(word)
        if len(set(over)) >= 2 and 2 * len(over) >= counts[r] and not is_data(here, r):
            return r
    return None


def _word(cell: Any) -> Any:
    """A text without case and with single blanks, for comparing headings; anything else as it is."""
    return " ".join(cell.split()).casefold() if isinstance(cell, str) else cell


def _is_label(cell: Any) -> bool:
    """Whether what stands before "Tổng cộng" is no name of its own: empty, a number or a roman one."""
    return cell is None or not isinstance(cell, str) or bool(_ROMAN.fullmatch(cell.strip())) or cell.strip().isdigit()


def _is_order(cell: Any) -> bool:
    """Whether a cell counts its row, which a row of averages is not."""
    return cell.strip().isdigit() if isinstance(cell, str) else isinstance(cell, int | float)


def _mostly_numbers(cells: list[Any]) -> bool:
    """Whether a column counts its rows: most of its short cells that are no roman numbers are whole numbers."""
    short = [cell for cell in cells if cell is not None and len(str(cell)) <= _LONGEST_ORDER]
    plain = [cell for cell in short if not (isinstance(cell, str) and _ROMAN.fullmatch(cell.strip()))]
    return 2 * sum(not isinstance(cell, str) or cell.strip().isdigit() for cell in plain) > len(plain)


def _foot(here: Page, rows: NDArray[np.int64], counts: NDArray[Any], few: float, usual: float) -> int:
    """The first row of what stands below the table (remarks, date, signatures), or one past the last row.

    Among the last rows, upwards, those with few cells all of which are words belong to it, up to the highest that says
    so by what it says, or that is a single remark after a blank row where a usual row has three cells or more.
    """
    foot = len(here.filled)
    for r in rows[: -MOST_FOOT_ROWS - 1 : -1].tolist():
        words = list(here.row(r).values())
        if counts[r] > few or not all(isinstance(word, str) and cell_kind(word) == "heading" for word in words):
            break
        remark = counts[r] == 1 and usual >= 3 and r > 0 and not counts[r - 1] and " " in words[0].strip()
        if remark or any(_FOOT.match(here.plain(word)) for word in words):
            foot = r
        elif counts[r] > 1 and usual < 3:
            break
    return foot
