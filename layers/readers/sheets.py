"""Sheets of a workbook as read: the values, and what the cells are beside their values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from phusong.layers.errors import InputError
from phusong.layers.readers.guard import MOST_CELLS, MOST_COLUMNS, MOST_ODD_CELLS, MOST_ROWS, MOST_SHEET_TEXT

Cell = tuple[int, int]
"""Row and column of a cell, from 0."""


@dataclass
class Facts:
    """What is known of one sheet beside its values: how far it reaches, its odd cells and rows.

    ``errors``: what the cell shows (#N/A); ``uncomputed``: the first formula without a value; ``percent``: numbers
    shown as percent; ``padded``: whole numbers shown with zeros in front, to how many digits; ``merged``: first and
    last cell of each merged block; ``hidden``: rows that the sheet does not show.
    """

    rows: int = 0
    columns: int = 0
    errors: dict[Cell, str] = field(default_factory=dict)
    uncomputed: Cell | None = None
    percent: set[Cell] = field(default_factory=set)
    padded: dict[Cell, int] = field(default_factory=dict)
    merged: list[tuple[Cell, Cell]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)

    def check(self, *, file: str, sheet: str = "", text: int = 0, more: int = 0) -> None:
        """InputError if the sheet, with so many characters and so many ``more`` odd cells, is beyond what is read."""
        limits(self.rows, self.columns, file=file, sheet=sheet, text=text)
        if len(self.errors) + len(self.percent) + len(self.padded) + more > MOST_ODD_CELLS:
            raise InputError("guard.odd_cells", file=f"{file}, {sheet}" if sheet else file, most=MOST_ODD_CELLS)


@dataclass
class Sheet:
    """One sheet: its rows from A1 on, as long as the sheet is wide, None for an empty cell, and its facts."""

    name: str
    rows: list[list[Any]]
    facts: Facts


def cell_name(cell: Cell) -> str:
    """A cell as a spreadsheet calls it: (6, 2) is C7."""
    return f"{column_name(cell[1])}{cell[0] + 1}"


def column_name(column: int) -> str:
    """A column, counted from 0, as a spreadsheet calls it: 0 is A, 26 is AA."""
    name, left = "", column + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(65 + digit) + name
    return name


def row_names(rows: Iterable[int]) -> str:
    """Rows, counted from 0, as the user sees them, runs written short: 1-3, 7."""
    parts: list[list[int]] = []
    for row in rows:
        if parts and parts[-1][1] == row:
            parts[-1][1] = row + 1
        else:
            parts.append([row + 1, row + 1])
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in parts[:20]]
    return ", ".join(shown) + (", ..." if len(parts) > 20 else "")


def whole(text: str) -> int | None:
    """The whole number of at most 9 digits that an attribute holds, None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def limits(rows: int, columns: int, *, file: str, sheet: str = "", text: int = 0) -> None:
    """InputError if a table of so many rows, columns and characters is beyond what is read."""
    place = f"{file}, {sheet}" if sheet else file
    if columns > MOST_COLUMNS:
        raise InputError("guard.columns", file=place, found=columns, most=MOST_COLUMNS)
    if rows > MOST_ROWS or rows * columns > MOST_CELLS:
        raise InputError("guard.cells", file=place, rows=rows, columns=columns, most=MOST_CELLS)
    if text > MOST_SHEET_TEXT:
        raise InputError("guard.sheet_text", file=place, most=MOST_SHEET_TEXT)


def shown(code: str) -> int:
    """What a number format shows: -1 percent, n > 1 whole numbers with zeros in front to n digits, 0 anything else.

    Texts in quotation marks, in brackets and after a backslash are not part of the number, nor is the sign whose width
    is left free (``_``) or that fills the cell (``*``). Zeros count as the first section shows them (positive numbers).
    """
    plain, k, end = "", 0, {'"': '"', "[": "]"}
    while k < len(code):
        letter = code[k]
        if letter in end:
            close = code.find(end[letter], k + 1)
            k = len(code) if close < 0 else close + 1
        elif letter in "\\_*":
            k += 2
        else:
            plain, k = plain + letter, k + 1
    if "%" in plain:
        return -1
    plain = plain.partition(";")[0].strip()
    return len(plain) if 1 < len(plain) <= 20 and set(plain) == {"0"} else 0


PERCENT_FORMATS = (9, 10)
"""Built-in number formats 0% and 0.00%, in XLS and XLSX (ECMA-376 part 1, 18.8.30)."""
