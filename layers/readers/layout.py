"""Where the table is on an office sheet: titles, headings of several rows, units, numbered columns, totals, signatures.

Nothing is left out in silence: every row passed over is told with its reason, every merged or joined cell too.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import Text
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.sheets import Cell, column_name, row_names
from phusong.layers.vietnamese import text as texts  # as a module: it reads RawTable from this package
from phusong.layers.vietnamese.encodings import converted

LOOKED_THROUGH = 60
"""Rows from the top in which headings are looked for."""
LEAST_NAMED = 0.6
"""Share of a usual row's cells that a row of headings must name to be taken for one."""
MOST_FOOT_ROWS = 20
_SAMPLE = 200
_LONGEST_HEADING = 250
_CODES_BELOW = 20
_LONGEST_LABEL = 60
_LONGEST_ORDER = 6
_LABEL_COLUMNS = 4  # the first ones, where totals and sections say what they are
_LABEL = re.compile(r"\W*(\w{1,4}[.)]\s*)?([Tt]([Rr][Uu]|[^RrHh])|[Cc]|[Gg][Rr]|[Ss][Uu]|[Bb])")
"""How words for totals begin, in any encoding of Vietnamese."""
_NUMBER = re.compile(r"[-+]?[\d\s.,\u00a0]+%?")
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(19|20)\d\d")
_ANGLE = re.compile(r"\d+(\.\d+)?\s*[°º]")
_PLACE = re.compile(r"(\()?\s*([0-9]{1,3}|[A-Z])\s*\)?(\s*=[0-9()+\-*/:x\s]*)?")
_TITLE = re.compile(
    r"cong hoa xa hoi|doc lap|uy ban nhan dan|ubnd\b|bo (thong tin|khoa hoc)|so (thong tin|khoa hoc|ban nganh)|so\s*:|"
    r"phu luc|bieu( so| mau)?\b|mau (so|bieu)|danh sach|bang (tong hop|so)|bao cao|thong ke|kem theo|ban hanh|dvt\b|"
    r"don vi( tinh)?\s*:|unit\s*:|tinh den|thoi diem|.*\bngay .{1,6} thang .{1,6} nam "
)
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
_UNITS = frozenset(
    (
        *("m", "km", "km2", "km²", "m2", "m²", "ha", "ft", "do", "deg", "°", "%", "w", "kw", "gio", "phut"),
        *("dbm", "db", "dbi", "dbd", "khz", "mhz", "ghz", "kbit/s", "mbit/s", "gbit/s", "mbps"),
        *("nguoi", "khau", "ho", "thue bao", "thue bao/100 dan", "tram", "diem", "cot", "cai", "chiec", "thon"),
        *("dong", "nghin dong", "1000 dong", "trieu dong", "ty dong", "vnd"),
        *("persons", "people", "households", "subscribers"),
    )
)


class Headings(NamedTuple):
    """Rows ``first`` to ``last`` (from 0) name the columns; ``names`` has "" where a column has none."""

    first: int
    last: int
    names: list[str]
    leaves: int


@dataclass
class _Sheet:
    """One sheet while its table is looked for: cells by column, which are filled, merged blocks in their order."""

    columns: list[list[Any]]
    filled: NDArray[np.bool_]
    merged: list[tuple[Cell, Cell]]
    say: Callable[[str], str]

    def row(self, r: int) -> dict[int, Any]:
        """The filled cells of a row by column."""
        return {int(c): self.columns[c][r] for c in np.flatnonzero(self.filled[r])}

    def plain(self, cell: Any) -> str:
        """A text in small letters without tones and with single blanks, "" for anything else."""
        if not isinstance(cell, str):
            return ""
        bare = unicodedata.normalize("NFD", self.say(cell).casefold().replace("đ", "d"))
        return " ".join("".join(letter for letter in bare if not unicodedata.combining(letter)).split())


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
    there are headings bears a fault, those with fewer a note. InputError if no row names the columns well enough, or
    one heading stands twice.
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
    here = _Sheet(columns, filled, sorted(within), _legacy(columns))
    headings = find_headings(here)
    place = f"{file}, {sheet}" if sheet else file
    if headings is None:
        raise InputError("read.no_heading_row", file=place, most=LOOKED_THROUGH)
    passed: dict[str, list[int]] = {"title": [r for r in range(headings.first) if filled[r].any()]}
    start = headings.last + 1
    names = headings.names
    while start < count:
        row = here.row(start)
        if row and _numbered(here, start, names):
            passed.setdefault("numbers", []).append(start)
        elif row and _units(here, row):
            names = [_with_unit(name, row.get(c)) for c, name in enumerate(names)]
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
    for reason, at in passed.items():
        if at:
            tell("note.rows_passed_over", rows=row_names(at), what=Text(f"rows.{reason}"), count=len(at))
    width = max(c for c, name in enumerate(names) if name) + 1
    if lengths is not None:
        for r in kept[filled[kept, width:].any(axis=1)].tolist():
            found = int(np.flatnonzero(filled[r])[-1]) + 1
            tell("fault.too_many_cells", row=r + 1, found=found, expected=width)
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
    found = {cell for column in columns for cell in column[:_SAMPLE] if isinstance(cell, str) and not cell.isascii()}
    if found:
        detected = texts.detect(found)
        if detected.sure and detected.encoding != "unicode":
            encoding = detected.encoding
            # a sheet may hold both: what cannot be in the encoding is plain already
            return lambda cell: cell if cell.isascii() else converted(cell, encoding) or cell
    return lambda cell: cell


def find_headings(here: _Sheet) -> Headings | None:
    """The first rows that name the columns, None if no row does so well enough.

    A row that names two columns or fewer gives way to a later one that names more (an office and its motto stand side
    by side above many a table). The search ends at the first row of values wider than half the widest row.
    """
    counts = here.filled.sum(axis=1)
    widest = int(counts[: LOOKED_THROUGH + _SAMPLE].max())
    best: Headings | None = None
    for r in np.flatnonzero(counts[:LOOKED_THROUGH]).tolist():
        cells = here.row(r)
        if any(_what(cell) == "value" for cell in cells.values()) or _codes(here, r):
            if 2 * counts[r] > widest:
                break
            continue
        plain = [here.plain(cell) for cell in cells.values()]
        if best is None and any(map(_TITLE.match, plain)) and 2 * counts[r] <= max(widest, 4):
            continue
        found = _headings_at(here, r)
        if found is None or (found.leaves < 2 and widest > 1):
            continue
        below = counts[found.last + 1 : found.last + 1 + _SAMPLE]
        usual = float(np.median(below[below > 0])) if below.any() else 0.0
        if found.leaves < LEAST_NAMED * usual:
            continue
        if best is None or found.leaves > best.leaves:
            best = found
        if best.leaves > 2 or best.leaves >= widest:
            break
    return best


def _codes(here: _Sheet, r: int) -> bool:
    """Whether a row holds words with digits (QTI001) over a column of the like: a row of data and no headings."""
    below = slice(r + 1, r + 1 + _CODES_BELOW)
    for c, cell in here.row(r).items():
        if isinstance(cell, str) and _DIGIT.search(cell):
            like = [word for word in here.columns[c][below] if word is not None]
            shape = _shape(cell)
            if 2 * sum(_what(word) == "heading" and _shape(word) == shape for word in like) > len(like):
                return True
    return False


def _shape(word: str) -> str:
    """A word's runs of letters and of digits, each as one sign: QTI001 and T1 are alike, code_2012 is not."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", word.strip()))


def _what(cell: Any) -> str:
    """Whether a cell could be a heading, a year over a column of figures, or is a value."""
    if isinstance(cell, str):
        line = cell.strip()
        if _YEAR.fullmatch(line):
            return "year"
        value = not any(map(str.isalpha, line)) or _ANGLE.match(line) or len(line) > _LONGEST_HEADING
        return "value" if value else "heading"
    number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return "year" if number and 1900 <= cell <= 2100 and cell == int(cell) else "value"


def _headings_at(here: _Sheet, r: int) -> Headings | None:
    """What row ``r``, with the rows that belong to it, names; None if it cannot be headings."""
    count, width = here.filled.shape
    from_here, beyond = (bisect_left(here.merged, ((row, 0),)) for row in (r, r + 6))
    blocks = dict(here.merged[from_here:beyond])
    last = r
    grown = True
    while grown and last < min(count - 1, r + 5):
        grown = False
        for first, end in blocks.items():
            if first[0] <= last < end[0] <= r + 5 and here.filled[first]:
                last, grown = end[0], True
        groups = [(a[1], b[1]) for a, b in blocks.items() if a[0] == last and b[0] == last and b[1] > a[1]]
        below = here.row(last + 1) if last + 1 < count else {}
        under = [c for c in below if any(a <= c <= b for a, b in groups)]
        if groups and len(under) >= 2 and len(under) == len(below) and _texts(below):
            last, grown = last + 1, True
    owner: dict[Cell, Cell] = {}
    for first, end in blocks.items():
        if first not in owner:  # blocks that overlap are not a sheet's own
            places = product(range(first[0], min(end[0], last) + 1), range(first[1], end[1] + 1))
            owner.update(dict.fromkeys(places, first))
    if last == r and not any(first[0] == r for first in blocks) and _complete(here, r):
        last = r + 1
        edge = None
        for c in range(width):  # a group reaches over the blanks to its right that have a heading below
            edge = (r, c) if here.filled[r, c] else edge
            if edge is not None and not here.filled[r, c] and here.filled[last, c]:
                owner[r, c] = edge
    rows = range(r, last + 1)
    if not all(_texts(here.row(i)) for i in rows if here.filled[i].any()):
        return None
    names, leaves = [], 0
    for c in range(width):
        parts: list[str] = []
        leaf = False
        for i in rows:
            at = owner.get((i, c), (i, c))
            cell = here.columns[at[1]][at[0]]
            if cell is None:
                continue
            word = str(int(cell)) if isinstance(cell, float) else str(cell).strip()
            if not parts or parts[-1] != word:
                parts.append(word)
            leaf = at[1] == c
        if not leaf:
            parts = []  # only a group reaches here: it names its first column
        names.append(" / ".join(parts))
        leaves += bool(parts)
    return Headings(r, last, names, leaves) if leaves else None


def _texts(cells: dict[int, Any]) -> bool:
    kinds = [_what(cell) for cell in cells.values()]
    return "value" not in kinds


def _complete(here: _Sheet, r: int) -> bool:
    """Whether row ``r + 1`` holds the headings that the groups of row ``r`` lack, and nothing else."""
    if r + 2 >= len(here.filled) or not _texts(here.row(r + 1)):
        return False
    top, below = here.filled[r], here.filled[r + 1]
    edge = int(np.flatnonzero(top | below)[-1]) + 1
    blanks = ~top[:edge]
    if not top[0] or not blanks.any() or below.sum() < 2 or not (below[:edge][blanks]).all() or below[:edge].all():
        return False
    group = np.append(blanks[1:], False) & top[:edge]  # heads a run of blanks
    return bool((~below[:edge] | blanks | group).all()) and bool(here.filled[r + 2, :edge][blanks].any())


def _numbered(here: _Sheet, r: int, names: list[str]) -> bool:
    """Whether a row only numbers the columns: (1) (2) (3), A B 1 2 3, (5)=(3)+(4)."""
    cells = here.row(r)
    named = sum(map(bool, names))
    if len(cells) < 3 or len(cells) < LEAST_NAMED * named:
        return False
    brackets, letters, numbers = 0, 0, []
    for cell in cells.values():
        number = isinstance(cell, int | float) and not isinstance(cell, bool)
        whole = number and math.isfinite(cell) and cell == int(cell)
        match = _PLACE.fullmatch(str(int(cell)) if whole else cell.strip() if isinstance(cell, str) else "")
        if match is None:
            return False
        brackets += match[1] is not None
        if match[2].isdigit():
            numbers.append(int(match[2]))
        else:
            letters += 1
    if not numbers or numbers != list(range(numbers[0], numbers[0] + len(numbers))) or numbers[0] > letters + 1:
        return False
    if 2 * brackets > len(cells) or letters:
        return True
    below = range(r + 1, min(r + 21, len(here.filled)))
    for c in cells:  # a bare 1 2 3 4 is a row of data unless it stands over words
        words = [here.columns[c][i] for i in below if here.filled[i, c]]
        if words and 2 * sum(_what(word) == "heading" for word in words) > len(words):
            return True
    return False


def _units(here: _Sheet, cells: dict[int, Any]) -> bool:
    plain = [here.plain(cell) for cell in cells.values()]
    bracketed = any(word.startswith("(") for word in plain)
    return all(word.strip("() ") in _UNITS for word in plain) and (len(plain) > 1 or bracketed)


def _with_unit(name: str, unit: Any) -> str:
    bare = str(unit).strip().strip("()").strip() if unit is not None else ""
    return name if not bare or not name or f"({bare})" in name else f"{name} ({bare})"


def _fill_down(here: _Sheet, start: int, names: list[str], tell: Callable[..., None]) -> None:
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


def _data_rows(here: _Sheet, start: int, headings: Headings, passed: dict[str, list[int]]) -> NDArray[np.int64]:
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
    heads = {
        c: {here.columns[c][i] for i in range(headings.first, headings.last + 1)} for c in range(len(headings.names))
    }
    wide = {first[0] for first, last in here.merged if 2 * (last[1] - first[1] + 1) > usual and first[0] == last[0]}

    single = set(np.flatnonzero(counts == 1).tolist()) if usual >= 3 else set()

    def reason(r: int, c: int, cell: str) -> str:
        if cell in heads[c] and counts[r] > 1 and all(value in heads[k] for k, value in here.row(r).items()):
            return "repeated"
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
            if (c == order or cell in heads[c] or r in single or _LABEL.match(cell)) and (why := reason(r, c, cell)):
                out[r] = why
    foot = _foot(here, rows, counts, few, usual)
    for r in rows[rows >= foot].tolist():
        out[r] = "foot"
    for r, why in sorted(out.items()):
        passed.setdefault(why, []).append(r)
    return rows[~np.isin(rows, list(out))].astype(np.int64) if out else rows.astype(np.int64)


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


def _foot(here: _Sheet, rows: NDArray[np.int64], counts: NDArray[Any], few: float, usual: float) -> int:
    """The first row of what stands below the table (remarks, date, signatures), or one past the last row.

    Among the last rows, upwards, those with few cells all of which are words belong to it, up to the highest that says
    so by what it says, or that is a single remark after a blank row where a usual row has three cells or more.
    """
    foot = len(here.filled)
    for r in rows[: -MOST_FOOT_ROWS - 1 : -1].tolist():
        words = list(here.row(r).values())
        if counts[r] > few or not all(isinstance(word, str) and _what(word) == "heading" for word in words):
            break
        remark = counts[r] == 1 and usual >= 3 and r > 0 and not counts[r - 1] and " " in words[0].strip()
        if remark or any(_FOOT.match(here.plain(word)) for word in words):
            foot = r
        elif counts[r] > 1 and usual < 3:
            break
    return foot
