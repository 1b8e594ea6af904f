"""Which rows of an office sheet name its columns: one or several, with units and column numbers below them."""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from phusong.layers.readers.sheets import Cell

LOOKED_THROUGH = 60
"""Rows from the top in which headings are looked for."""
LEAST_NAMED = 0.6
"""Share of a usual row's cells that a row of headings must name to be taken for one."""
SAMPLED_ROWS = 200
"""Rows that tell how many cells a usual row has, and the encoding."""
_LONGEST_HEADING = 250
LOOKED_BELOW = 20
"""Rows below a row of words that tell whether it names them."""
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(19|20)\d\d")
_ANGLE = re.compile(r"\d+(\.\d+)?\s*[°º]")
_PLACE = re.compile(r"(\()?\s*([0-9]{1,3}|[A-Z])\s*\)?(\s*=[0-9()+\-*/:x\s]*)?")
_TITLE = re.compile(
    r"cong hoa xa hoi|doc lap|uy ban nhan dan|ubnd\b|bo (thong tin|khoa hoc)|so (thong tin|khoa hoc|ban nganh)|so\s*:|"
    r"phu luc|bieu( so| mau)?\b|mau (so|bieu)|danh sach|bang (tong hop|so)|bao cao|thong ke|kem theo|ban hanh|dvt\b|"
    r"don vi( tinh)?\s*:|unit\s*:|tinh den|thoi diem|.*\bngay .{1,6} thang .{1,6} nam "
)
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
class Page:
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


def find_headings(here: Page) -> Headings | None:
    """The first rows that name the columns, None if no row does so well enough.

    A row that names two columns or fewer gives way to a later one that names more (an office and its motto stand side
    by side above many a table). The search ends at the first row of values wider than half the widest row.
    """
    counts = here.filled.sum(axis=1)
    widest = int(counts[: LOOKED_THROUGH + SAMPLED_ROWS].max())
    best: Headings | None = None
    for r in np.flatnonzero(counts[:LOOKED_THROUGH]).tolist():
        cells = here.row(r)
        if any(cell_kind(cell) == "value" for cell in cells.values()) or is_data(here, r):
            if 2 * counts[r] > widest:
                break
            continue
        plain = [here.plain(cell) for cell in cells.values()]
        if best is None and any(map(_TITLE.match, plain)) and 2 * counts[r] <= max(widest, 4):
            continue
        found = _headings_at(here, r)
        if found is None or (found.leaves < 2 and widest > 1):
            continue
        below = counts[found.last + 1 : found.last + 1 + SAMPLED_ROWS]
        usual = float(np.median(below[below > 0])) if below.any() else 0.0
        if found.leaves < LEAST_NAMED * usual:
            continue
        if best is None or found.leaves > best.leaves:
            best = found
        if best.leaves > 2 or best.leaves >= widest:
            break
    return best


def is_data(here: Page, r: int) -> bool:
    """Whether a row holds words with digits (QTI001) over a column of the like: a row of data and no headings."""
    below = slice(r + 1, r + 1 + LOOKED_BELOW)
    for c, cell in here.row(r).items():
        if isinstance(cell, str) and _DIGIT.search(cell):
            like = [word for word in here.columns[c][below] if word is not None]
            shape = _shape(cell)
            if 2 * sum(cell_kind(word) == "heading" and _shape(word) == shape for word in like) > len(like):
                return True
    return False


def _shape(word: str) -> str:
    """A word's runs of letters and of digits, each as one sign: QTI001 and T1 are alike, code_2012 is not."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "A", word.strip()))


def cell_kind(cell: Any) -> str:
    """Whether a cell could be a heading, a year over a column of figures, or is a value."""
    if isinstance(cell, str):
        line = cell.strip()
        if _YEAR.fullmatch(line):
            return "year"
        value = not any(map(str.isalpha, line)) or _ANGLE.match(line) or len(line) > _LONGEST_HEADING
        return "value" if value else "heading"
    number = isinstance(cell, int | float) and not isinstance(cell, bool)
    return "year" if number and 1900 <= cell <= 2100 and cell == int(cell) else "value"


def _headings_at(here: Page, r: int) -> Headings | None:
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
        if groups and len(under) >= 2 and len(under) == len(below) and only_words(below):
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
    if not all(only_words(here.row(i)) for i in rows if here.filled[i].any()):
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


def only_words(cells: dict[int, Any]) -> bool:
    """Whether no cell of a row is a value."""
    return all(cell_kind(cell) != "value" for cell in cells.values())


def _complete(here: Page, r: int) -> bool:
    """Whether row ``r + 1`` holds the headings that the groups of row ``r`` lack, and nothing else."""
    if r + 2 >= len(here.filled) or not only_words(here.row(r + 1)):
        return False
    top, below = here.filled[r], here.filled[r + 1]
    edge = int(np.flatnonzero(top | below)[-1]) + 1
    blanks = ~top[:edge]
    if not top[0] or not blanks.any() or below.sum() < 2 or not (below[:edge][blanks]).all() or below[:edge].all():
        return False
    group = np.append(blanks[1:], False) & top[:edge]  # heads a run of blanks
    return bool((~below[:edge] | blanks | group).all()) and bool(here.filled[r + 2, :edge][blanks].any())


def numbers_columns(here: Page, r: int, names: list[str]) -> bool:
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
        if words and 2 * sum(cell_kind(word) == "heading" for word in words) > len(words):
            return True
    return False


def states_units(here: Page, cells: dict[int, Any]) -> bool:
    plain = [here.plain(cell) for cell in cells.values()]
    bracketed = any(word.startswith("(") for word in plain)
    return all(word.strip("() ") in _UNITS for word in plain) and (len(plain) > 1 or bracketed)


def with_unit(name: str, unit: Any) -> str:
    bare = str(unit).strip().strip("()").strip() if unit is not None else ""
    return name if not bare or not name or f"({bare})" in name else f"{name} ({bare})"
