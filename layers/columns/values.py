"""A table's cells made plain: numbers, days, yes and no as offices write them, decided column by column.

What a cell means is decided by itself where it can mean one thing only, else by the rest of its column, else not at
all: then its row is refused and the two meanings are named. Nothing that is read otherwise than it stands goes untold.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from phusong.layers.columns import written
from phusong.layers.columns.cells import COUNTED, NO, YES, plain_heading
from phusong.layers.columns.written import Day, Mark, Number, Odd
from phusong.layers.errors import Fault
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import Column, Layer

DECIDING_SHARE = 0.05
"""Cells that admit one way of writing decide those that admit two if they are at least so many of them, and agree."""
MANY_COUNTS = 5
"""So many counts with three digits behind one mark, not all of them 0, are thousands: people are whole."""
_LINE = 80
T = TypeVar("T")
EMPTY_SAYS = frozenset({("sectors", "azimuth_deg"), ("signal_reports", "technology")})
"""Columns where an empty cell means all directions or all technologies, so that a dash is not taken for one."""


@dataclass
class _Sheet:
    """What is gathered while a table is made plain."""

    raw: RawTable
    layer: Layer
    faults: list[Fault] = field(default_factory=list)

    def refuse(self, code: str, heading: str, rows: list[int], **params: Any) -> None:
        """A fault for each row, by position."""
        for at in rows:
            row = int(self.raw.rows[at])
            self.faults.append(Fault(code, self.raw.file, self.layer.name, self.raw.sheet, row, heading, params=params))

    def tell(self, code: str, heading: str, **params: Any) -> None:
        """A remark on a column."""
        self.faults.append(Fault(code, self.raw.file, self.layer.name, self.raw.sheet, None, heading, params=params))


@dataclass
class _Cells:
    """One column: its cells, where each text stands, and what became of it."""

    sheet: _Sheet
    heading: str
    column: Column
    cells: list[Any]
    where: dict[str, list[int]] = field(default_factory=dict)
    changes: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)  # code: (found, made, cells)
    touched: bool = False

    def put(self, text: str, value: Any, *, code: str = "", made: str = "") -> None:
        """Set all cells of one text; with a code the change is told."""
        rows = self.where[text]
        self.touched = True
        for at in rows:
            self.cells[at] = value
        if code:
            self.changes.setdefault(code, []).append((_line(text), made, len(rows)))

    def refuse(self, code: str, text: str, **params: Any) -> None:
        """Refuse all rows with one text."""
        self.sheet.refuse(code, self.heading, self.where[text], found=_line(text), **params)

    def tell(self) -> None:
        """One remark for each kind of change, with its count and an example."""
        for code, done in self.changes.items():
            found, made, _ = done[0]
            params = {"count": sum(rows for _, _, rows in done), "found": found, "made": made}
            self.sheet.tell(code, self.heading, **params)


def plain(raw: RawTable, layer: Layer, *, decimal: Mark | None = None, day_first: bool | None = None) -> RawTable:
    """The table with its columns of numbers, days, yes or no in a form that ``validate`` takes.

    Columns are those that bear the schema's names; text columns and coordinates stay as they are, closed words too but
    for marks of no data. ``decimal`` and ``day_first`` are the user's word on how numbers and days are written, for
    columns that do not say it themselves. A cell that stays in doubt keeps its text and gets a ``fault.*`` with its
    row and column, which ``validate`` leaves out; what was read otherwise than it stands gets one ``changed.*`` a
    column and kind, with a count and an example.
    """
    sheet = _Sheet(raw, layer)
    columns = {column.name: column for column in layer.all_columns}
    read: dict[int, _Cells] = {}
    for position, heading in enumerate(map(str, raw.frame.columns)):
        column = columns.get(plain_heading(heading))
        if column is None or column.kind == "text":
            continue
        cells = _Cells(sheet, heading, column, raw.frame.iloc[:, position].tolist())
        for at, cell in enumerate(cells.cells):
            if isinstance(cell, str) and cell.strip():
                cells.where.setdefault(cell, []).append(at)
        _no_data(cells)
        if column.kind in ("number", "integer"):
            _numbers(cells, decimal)
        elif column.kind == "yes_no":
            _yes_no(cells)
        read[position] = cells
    _days([cells for cells in read.values() if cells.column.kind == "date"], day_first)
    frame = raw.frame.copy()
    for position, cells in read.items():
        cells.tell()
        if cells.touched:
            made: Any = pd.Series(cells.cells, index=frame.index, dtype=object)
            frame.isetitem(position, made)
    return replace(raw, frame=frame, faults=(*raw.faults, *sheet.faults))


def _line(text: str) -> str:
    """A cell's text on one short line."""
    line = " ".join(text.split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"


def _no_data(cells: _Cells) -> None:
    """Marks of no data become empty where the column may be empty and emptiness means no data."""
    if not cells.column.nullable or (cells.sheet.layer.name, cells.column.name) in EMPTY_SAYS:
        return
    for text in list(cells.where):
        if written.folded(text) in written.NO_DATA and written.folded(text) not in cells.column.words:
            cells.put(text, None, code="changed.no_data")
            del cells.where[text]


def _numbers(cells: _Cells, decimal: Mark | None) -> None:
    spelled: dict[str, Number] = {}
    for text in cells.where:
        found = written.number(text, cells.column)
        if isinstance(found, Number):
            spelled[text] = found
        elif isinstance(found, Odd):
            cells.refuse(found.code, text, **found.params)
        else:
            _no_number(cells, text)
    mark = _mark(cells, spelled, decimal)
    faults, name = cells.sheet.raw.faults, cells.column.name
    said = any(fault.code == "changed.heading_unit" and fault.params["name"] == name for fault in faults)
    units = sorted({found.unit for found in spelled.values() if found.unit and not said})
    for text, found in spelled.items():
        value = found.one if found.one is not None else found.values.get(mark) if mark else None
        if value is None:
            one, other = (f"{number:.15g}" for number in found.values.values())
            cells.refuse("fault.number_either", text, one=one, other=other)
        elif cells.column.name == "azimuth_deg" and not 0 <= value <= 360:
            cells.refuse("fault.azimuth", text)
        elif not found.unit and (meant := _unit_unsaid(cells, value, units)):
            cells.refuse("fault.unit_unsaid", text, **meant)
        elif found.how == "plain" and value == float(text):
            if cells.column.unit in COUNTED and "." in text:  # validate would take its point for one of thousands
                cells.put(text, value)
        else:
            cells.put(text, value, code=_how(found, mark), made=f"{value:.15g}")
    _typed(cells, units, decimal)
    if cells.column.unit == "%":
        _shares(cells, {text: found.one for text, found in spelled.items() if not found.unit and found.one is not None})


def _unit_unsaid(cells: _Cells, value: float, units: list[str]) -> dict[str, str] | None:
    """What else a bare number may be, where other cells of the column name a unit that is not the column's, or count
    in thousands or more what is not so many by itself."""
    for unit in units:
        made = written.otherwise(value, unit, cells.column)
        if made is not None and made != value:
            return {"unit": unit, "own": cells.column.unit, "made": f"{made:.4g}"}
    return None


def _how(found: Number, mark: Mark | None) -> str:
    if found.how in ("unit", "scale"):
        return f"changed.number_{found.how}"
    return "changed.number_decided" if len(set(found.values.values())) > 1 and mark else "changed.number_marks"


def _no_number(cells: _Cells, text: str) -> None:
    """A text that is no number in a column of numbers: some are told better than by ``validate``."""
    word = written.folded(text)
    if cells.column.name == "azimuth_deg" and word in written.OMNI:
        cells.put(text, None, code="changed.omni")
    elif cells.column.name == "azimuth_deg" and word in written.NO_DATA:
        cells.refuse("fault.azimuth", text)
    elif word in written.NONE_AT_ALL and cells.column.nullable:
        cells.refuse("fault.none_or_zero", text)


def _mark(cells: _Cells, spelled: dict[str, Number], told: Mark | None) -> Mark | None:
    """The decimal mark of the column for cells that can be read two ways, None if it is not decided.

    The cells that can be read one way only decide: they must agree with each other and with ``told``, the user's word,
    and be at least DECIDING_SHARE of the doubtful ones, or agree with the column's range too. Without such cells
    ``told`` decides; without it the cells of which one reading alone lies in the range, if they agree; and in a column
    of counts MANY_COUNTS cells that would else be parts of people.
    """
    either = {text: found for text, found in spelled.items() if found.one is None}
    if not either:
        return None
    doubtful = sum(len(cells.where[text]) for text in either)
    votes: Counter[Mark] = Counter()
    by_range: Counter[Mark] = Counter()
    for text, found in spelled.items():
        if len(found.values) == 1:
            votes[next(iter(found.values))] += len(cells.where[text])
        elif text in either and len(found.inside) == 1:
            by_range[found.inside[0]] += len(cells.where[text])
    if votes or told is not None:
        return _decided(votes + by_range if by_range.keys() == votes.keys() else votes, doubtful, told)
    if by_range:
        return _decided(by_range, doubtful, None)
    if cells.column.unit in COUNTED:
        return _counts(cells, either)
    return None


def _counts(cells: _Cells, either: dict[str, Number]) -> Mark | None:
    """The decimal mark of a column of counts, by the cells that would be no whole number if their mark were decimal."""
    parts: Counter[Mark] = Counter()
    for text, found in either.items():
        for mark, value in found.values.items():
            parts[mark] += len(cells.where[text]) * (not value.is_integer())
    point, comma = parts["."], parts[","]
    if max(point, comma) >= MANY_COUNTS and min(point, comma) == 0:
        return "," if point else "."
    return None


def _decided(votes: Counter[T], doubtful: int, told: T | None) -> T | None:
    """What all votes and the user's word say; without a word the votes must be many enough for the doubtful cells."""
    if told is not None:
        return told if set(votes) <= {told} else None
    if len(votes) != 1:
        return None
    ((way, count),) = votes.items()
    return way if count >= DECIDING_SHARE * doubtful else None


def _typed(cells: _Cells, units: list[str], decimal: Mark | None) -> None:
    """Numbers that stand as numbers: thousands lost in a column of counts (unless the user says that points stand
    before decimals), days, and numbers beside others of another unit."""
    column = cells.column
    texts = {at for rows in cells.where.values() for at in rows}
    for at, cell in enumerate(cells.cells):
        if isinstance(cell, date) and not pd.isna(cell):
            cells.sheet.refuse("fault.number_became_day", cells.heading, [at], found=f"{cell:%Y-%m-%d}")
        elif column.name == "azimuth_deg" and _is_number(cell) and not 0 <= cell <= 360:
            cells.sheet.refuse("fault.azimuth", cells.heading, [at], found=f"{cell:.15g}")
        elif units and at not in texts and _is_number(cell) and (meant := _unit_unsaid(cells, float(cell), units)):
            cells.sheet.refuse("fault.unit_unsaid", cells.heading, [at], found=f"{cell:.15g}", **meant)
    if column.unit not in COUNTED:
        return
    typed = [at for at, cell in enumerate(cells.cells) if at not in texts and _is_number(cell)]
    parts = [at for at in typed if decimal != "." and not float(cells.cells[at]).is_integer()]
    lost = [at for at in parts if _may_be_thousands(float(cells.cells[at]))]
    if len(lost) == len(parts):
        small = [at for at in typed if _may_be_thousands(float(cells.cells[at]))]
        if 2 * len(lost) >= len(small):  # then 4 may have been 4.000
            lost = small
        for at in lost:
            value = float(cells.cells[at])
            params = {"found": f"{value:.15g}", "other": f"{value * 1000:.0f}"}
            cells.sheet.refuse("fault.part_of_a_count", cells.heading, [at], **params)


def _shares(cells: _Cells, bare: dict[str, float]) -> None:
    """A column of percent whose bare numbers (by text, or standing as numbers) all look like shares of 1."""
    said = {at: value for text, value in bare.items() for at in cells.where[text]}
    texts = {at for rows in cells.where.values() for at in rows}
    said |= {at: float(cell) for at, cell in enumerate(cells.cells) if at not in texts and _is_number(cell)}
    shares = {at: value for at, value in sorted(said.items()) if value != 0}
    if all(0 < value <= 1 for value in shares.values()):
        for at, value in shares.items():
            params = {"found": f"{value:.15g}", "made": f"{value * 100:.15g}"}
            cells.sheet.refuse("fault.share_or_percent", cells.heading, [at], **params)


def _is_number(cell: Any) -> bool:
    """Whether a cell is a finite number; whole numbers of any length compare with floats."""
    if isinstance(cell, np.number):
        cell = cell.item()
    return isinstance(cell, int | float) and not isinstance(cell, bool) and -1e300 < cell < 1e300


def _is_empty(cell: Any) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def _may_be_thousands(value: float) -> bool:
    """Whether a spreadsheet may have taken a count's thousands point for a decimal point: 1 to 999, three decimals."""
    return 1 <= value < 1000 and math.isclose(value * 1000, round(value * 1000), rel_tol=1e-12)


def _yes_no(cells: _Cells) -> None:
    words = {text: written.folded(text) for text in cells.where}
    typed = {cell for cell in cells.cells if not isinstance(cell, str) and _is_number(cell)}
    other_yes = 1 in typed or any(word in written.YES for word in words.values())
    for text, word in words.items():
        if word in written.CROSS and other_yes:
            cells.refuse("fault.cross_or_yes", text)
        elif word in written.YES or word in written.CROSS:
            told = word not in YES
            cells.put(text, True, code="changed.yes_no" if told else "", made="yes")
        elif word in written.NO:
            told = word not in NO
            cells.put(text, False, code="changed.yes_no" if told else "", made="no")
    said = {bool(cell) for cell in cells.cells if isinstance(cell, bool) or (_is_number(cell) and cell in (0, 1))}
    empty = sum(map(_is_empty, cells.cells))
    if said == {True} and empty:
        cells.sheet.tell("note.only_yes", cells.heading, count=empty)


def _days(columns: list[_Cells], told: bool | None) -> None:
    """Columns of days: the order of day and month is the column's, else the one of the table's other columns."""
    read: list[dict[str, Day]] = []
    for cells in columns:
        found: dict[str, Day] = {}
        for text in cells.where:
            day = written.day(text)
            if isinstance(day, Day):
                found[text] = day
            elif isinstance(day, Odd):
                cells.refuse(day.code, text, **day.params)
        read.append(found)
    votes = [_order(cells, found) for cells, found in zip(columns, read, strict=True)]
    together = sum(votes, Counter())
    for cells, found, own in zip(columns, read, votes, strict=True):
        doubtful = sum(len(cells.where[text]) for text, day in found.items() if day.one is None)
        order = _decided(own or together, doubtful, told)
        for text, day in found.items():
            made = day.one or (None if order is None else day.day_first if order else day.month_first)
            if made is None:
                params = {"one": str(day.day_first), "other": str(day.month_first)}
                cells.refuse("fault.day_or_month", text, **params)
            else:
                turned = day.month_first == made != day.day_first
                code = "changed.day" if turned or day.how != "plain" else ""
                cells.put(text, made, code=code, made=made.isoformat())
        texts = {at for rows in cells.where.values() for at in rows}
        _typed_days(cells, texts, found, left=own)


def _order(cells: _Cells, found: dict[str, Day]) -> Counter[bool]:
    """Cells that can only be day first (True) or month first (False)."""
    votes: Counter[bool] = Counter()
    for text, day in found.items():
        if (day.day_first is None) != (day.month_first is None):
            votes[day.day_first is not None] += len(cells.where[text])
    return votes


def _typed_days(cells: _Cells, texts: set[int], found: dict[str, Day], *, left: Counter[bool]) -> None:
    """Days that stand as days or as numbers.

    Where texts such as 31/12/2012 (or 12/31/2012) are ``left`` beside days that all fall on the 12th or before, a
    spreadsheet set to the other order made days of what it could: those days may have day and month exchanged. A time
    of UTC late in the day is of the next day in Viet Nam.
    """
    typed = {
        at: cell
        for at, cell in enumerate(cells.cells)
        if at not in texts and isinstance(cell, date) and not pd.isna(cell)
    }
    if left and all(day.day <= 12 for day in typed.values()):
        for at, day in typed.items():
            if day.day != day.month:
                other = date(day.year, day.day, day.month).isoformat()
                params = {"found": f"{day:%Y-%m-%d}", "other": other}
                cells.sheet.refuse("fault.day_exchanged", cells.heading, [at], **params)
    for at, day in typed.items():
        if isinstance(day, datetime) and day.utcoffset() == timedelta(0):
            here = (day + timedelta(hours=written.HOURS_BEFORE_UTC)).date()
            if here != day.date():
                params = {"found": f"{day:%Y-%m-%dT%H:%MZ}", "other": here.isoformat()}
                cells.sheet.refuse("fault.day_of_utc", cells.heading, [at], **params)
    known = [day.date() if isinstance(day, datetime) else day for day in typed.values()]
    known += [day.one for day in found.values() if day.one is not None]
    for at, cell in enumerate(cells.cells):
        if at in texts or not _is_number(cell):
            continue
        number = f"{cell:.15g}"
        meant = written.serial(float(cell))
        if 1900 <= cell <= 2100:
            cells.sheet.refuse("fault.not_a_day", cells.heading, [at], found=number)
        elif meant is not None and known and min(known) <= meant <= max(known):
            cells.cells[at], cells.touched = meant, True
            cells.changes.setdefault("changed.day_number", []).append((number, meant.isoformat(), 1))
        elif meant is not None:
            cells.sheet.refuse("fault.day_number", cells.heading, [at], found=number, made=meant.isoformat())
