"""Tables in: CSV of any common separator and the sheets of workbooks (XLSX, XLSM, XLS, ODS), each found on its page."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import python_calamine as calamine

from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import Text
from phusong.layers.readers.guard import LONGEST_LINE_BYTES, guard, kind
from phusong.layers.readers.layout import laid_out
from phusong.layers.readers.ods import is_ods, read_ods
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.sheets import Cell, Sheet, cell_name, column_name, limits, row_names
from phusong.layers.readers.xls import xls_facts
from phusong.layers.readers.xlsx import xlsx_facts
from phusong.layers.vietnamese import text as texts  # as a module: it reads RawTable from this package

SEPARATORS = (",", ";", "\t", "|")
TEXT_FILES = (".csv", ".tsv", ".txt")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".xlsb")
_SAMPLED_ROWS = 200
_CHECKED_EVERY = 10_000
_TOLD_CELLS = 10
_SEPARATOR_LINE = re.compile(r"sep=(.?)\r?\n", re.IGNORECASE)


def read_tables(path: str | Path, *, encoding: str | None = None, sheet: str | None = None) -> list[RawTable]:
    """The tables of a CSV file (one) or of every visible sheet of a workbook that holds one, as they stand.

    ``encoding`` is the user's word for the bytes of a CSV file; ``sheet`` picks one sheet, hidden or not. What was
    passed over or read otherwise than it stands is in each table's faults (see ``laid_out``); a sheet whose formulas
    were never computed bears a fatal fault. InputError, MissingError as for ``guard``; InputError too if nothing in the
    file is a table, or the sheet asked for is not there.
    """
    path = Path(path)
    guard(path)
    if kind(path) == "other" and path.suffix.lower() not in WORKBOOKS:
        return [_read_csv(path, encoding=encoding)]
    sheets, hidden = _sheets(path, only=sheet)
    tables: list[RawTable] = []
    notes = [Fault("note.hidden_sheet", file=path.name, sheet=name) for name in hidden]
    failed: InputError | None = None
    for each in sheets:
        try:
            tables.append(_table(each, file=path.name))
        except InputError as error:
            if error.code not in ("read.no_header", "read.no_heading_row", "read.heading_twice", "read.second_table"):
                raise
            if error.code != "read.no_header":
                failed = failed or error
                reason = {"reason": Text(error.code, error.params)}
                notes.append(Fault("note.sheet_passed_over", file=path.name, sheet=each.name, params=reason))
    if not tables:
        if hidden and failed is None:
            raise InputError("read.hidden_sheets", file=path.name, names=", ".join(hidden))
        raise failed or InputError("read.no_header", file=path.name)
    return [replace(tables[0], faults=(*notes, *tables[0].faults)), *tables[1:]]


def read_table(path: Path, *, sheet: str | None = None, wanted: str = "", crs: str | None = None) -> RawTable:
    """One table, with the CRS the user declares: of the sheet named, else the one named ``wanted``, else the only one.

    InputError too if its formulas were never computed, which a plain reading would take for empty cells.
    """
    tables = read_tables(path, sheet=sheet)
    named = [table for table in tables if table.sheet == wanted] or tables
    if len(named) > 1:
        raise InputError("read.which_sheet", file=path.name, names=", ".join(table.sheet for table in tables))
    for fault in named[0].faults:
        if fault.code == "fault.formula_without_value":
            raise InputError("read.formula_without_value", file=path.name, sheet=fault.sheet, **fault.params)
    return replace(named[0], crs=crs)


def _read_csv(path: Path, *, encoding: str | None) -> RawTable:
    """A CSV file: its encoding, its separator, its table; rows count as a spreadsheet shows them."""
    _short_lines(path)
    decoded = texts.decode_bytes(path.read_bytes(), encoding=encoding, file=path.name)
    text, skipped = decoded.text, 0
    if "\0" in text:
        raise InputError("guard.zero_bytes", file=path.name)
    said = _SEPARATOR_LINE.match(text)
    if said:
        text, skipped = text[said.end() :], 1
    mark = said[1] if said and _usable(said[1]) else separator(text)
    rows: list[list[Any]] = []
    broken: list[int] = []  # rows of several lines
    widest = lines = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        for row in reader:
            if reader.line_num - lines > 1:
                broken.append(len(rows))
            lines = reader.line_num
            rows.append([cell if cell.strip() else None for cell in row])
            if len(row) > widest or len(rows) % _CHECKED_EVERY == 0:
                widest = max(widest, len(row))
                limits(len(rows), widest, file=path.name)
    except csv.Error as error:
        raise InputError("read.broken_csv", file=path.name, reason=str(error)) from error
    limits(len(rows), widest, file=path.name)
    lengths = [0] * skipped + [len(row) for row in rows]
    usual = max(Counter(lengths).items(), key=lambda one: one[1], default=(0, 0))[0]
    swallowed = {r + skipped + 1: count for r in broken if (count := _rows_in_a_cell(rows[r], mark, usual))}
    empty = [None] * widest
    rows = [[None] * widest] * skipped + [row if len(row) == widest else (row + empty)[:widest] for row in rows]
    raw = laid_out(rows, file=path.name, lengths=lengths)
    faults = [] if (converted := decoded.fault(path.name)) is None else [converted]
    for r in raw.rows.tolist():
        if r in swallowed:
            faults.append(Fault("fault.rows_in_a_cell", file=path.name, row=r, params={"count": swallowed[r]}))
    return replace(raw, faults=(*faults, *raw.faults))


def _rows_in_a_cell(row: list[Any], mark: str, usual: int) -> int:
    """How many rows a quotation that was not closed took into a cell of this one, 0 if none.

    Then the cell ends as many rows further down in the column it began in, and its lines hold their separators. A sign
    with a blank behind it is one of a text, such as of an address.
    """
    for c, cell in enumerate(row):
        marks = [line.count(mark) - line.count(f"{mark} ") for line in re.split(r"\r\n|\r|\n", cell or "")]
        if len(marks) > 1 and usual > 2 and marks == [usual - 1 - c, *[usual - 1] * (len(marks) - 2), c]:
            return len(marks) - 1
    return 0


def _usable(mark: str) -> bool:
    """Whether a sign can separate cells: none of those that cells are written with."""
    return mark == "\t" or not (mark in ("", '"') or mark.isspace() or mark.isalnum())


def separator(text: str) -> str:
    """The sign of , ; tab | that cuts a CSV text into columns: most of them, in most rows alike, under a row of words.

    So a decimal comma between semicolons, or a comma in a title above the table, does not decide.
    """
    sample = "".join(_first_lines(text))
    best, choice = 0.0, SEPARATORS[0]
    for mark in SEPARATORS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=mark, strict=True) if any(row)]
        except csv.Error:
            continue
        widths = Counter(len(row) for row in rows if len(row) > 1)
        for width, alike in widths.items():
            head = next(row for row in rows if len(row) == width)
            named = sum(any(map(str.isalpha, cell)) for cell in head) / width
            score = width * named * (alike / len(rows)) ** 2
            if score > best:
                best, choice = score, mark
    return choice


def _first_lines(text: str) -> Iterator[str]:
    """Whole rows from the start of a CSV text: lines, up to one where no quotation is open."""
    quotes = 0
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        yield line
        quotes += line.count('"')
        if number >= _SAMPLED_ROWS and quotes % 2 == 0:
            return


def _short_lines(path: Path) -> None:
    """InputError if a line is longer than any table's, before it is in memory."""
    length = 0
    with path.open("rb") as file:
        while chunk := file.read(LONGEST_LINE_BYTES):
            lines = re.split(rb"[\r\n]", chunk)
            lengths = [length + len(lines[0]), *map(len, lines[1:])]
            if max(lengths) > LONGEST_LINE_BYTES:
                raise InputError("guard.long_line", file=path.name, most=LONGEST_LINE_BYTES)
            length = lengths[-1]


def _sheets(path: Path, *, only: str | None) -> tuple[list[Sheet], list[str]]:
    """The sheets of a workbook that are asked for or visible, by what the file is, and the names of hidden others."""
    how = kind(path)
    if how == "other":
        raise InputError("read.no_workbook", file=path.name)
    if how == "zip" and is_ods(path):
        found, hidden = read_ods(path)
        names = [sheet.name for sheet in found]
        wanted = _wanted(names, hidden, only=only, file=path.name)
        return [sheet for sheet in found if sheet.name in wanted], [name for name in names if name in hidden - wanted]
    known = xlsx_facts(path) if how == "zip" else xls_facts(path)
    try:
        with path.open("rb") as file, calamine.CalamineWorkbook.from_filelike(file) as book:
            about = [one for one in book.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet]
            names = [one.name for one in about]
            facts = known if isinstance(known, dict) else dict(zip(book.sheet_names, known, strict=False))
            hidden = {one.name for one in about if one.visible != calamine.SheetVisibleEnum.Visible}
            wanted = _wanted(names, hidden, only=only, file=path.name)
            sheets = []
            for name in (name for name in names if name in wanted):
                if name not in facts:  # not looked through: nobody knows how large it is
                    raise InputError("read.unreadable", file=path.name)
                one, fact = book.get_sheet_by_name(name), facts[name]
                cells = one.to_python(skip_empty_area=False)
                rows = [[None if cell.__class__ is str and not cell.strip() else cell for cell in row] for row in cells]
                fact.merged = list(one.merged_cell_ranges or [])
                sheets.append(Sheet(name, rows, fact))
            return sheets, [name for name in names if name in hidden - wanted]
    except calamine.PasswordError as error:
        raise InputError("guard.password", file=path.name) from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("read.unreadable", file=path.name) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # calamine's own, on what it did not expect in a file
            raise
        raise InputError("read.unreadable", file=path.name) from error


def _wanted(names: list[str], hidden: set[str], *, only: str | None, file: str) -> set[str]:
    if only is not None and only not in names:
        raise InputError("read.no_such_sheet", file=file, sheet=only, names=", ".join(names))
    return {only} if only is not None else set(names) - hidden


def _table(sheet: Sheet, *, file: str) -> RawTable:
    """The table of one sheet, with its errors and formats brought into the cells and told."""
    rows, facts = sheet.rows, sheet.facts
    for (r, c), told in facts.errors.items():
        if r < len(rows) and c < len(rows[r]):
            rows[r][c] = told
    changed: dict[tuple[str, int], dict[str, Any]] = {}  # by code and column: how many, and the first of them
    for code, cells in (("changed.percent_format", facts.percent), ("changed.zeros_in_front", facts.padded)):
        for r, c in sorted(cells):
            number = _number_at(rows, (r, c))
            if number is None or (code == "changed.zeros_in_front" and not number.is_integer()):
                continue
            rows[r][c] = _percent(number) if cells is facts.percent else _padded(number, facts.padded[r, c])
            first: dict[str, Any] = {"count": 0, "cell": cell_name((r, c)), "found": f"{number:g}", "made": rows[r][c]}
            changed.setdefault((code, c), first)["count"] += 1
    raw = laid_out(rows, merged=facts.merged, file=file, sheet=sheet.name)
    faults = list(raw.faults)
    if facts.uncomputed is not None:
        params: dict[str, Any] = {"cell": cell_name(facts.uncomputed)}
        faults.insert(0, Fault("fault.formula_without_value", file=file, sheet=sheet.name, fatal=True, params=params))
    if facts.errors:
        there = sorted(facts.errors)
        listed = ", ".join(f"{cell_name(cell)} ({facts.errors[cell]})" for cell in there[:_TOLD_CELLS])
        params = {"count": len(there), "cells": listed + (", ..." if len(there) > _TOLD_CELLS else "")}
        faults.append(Fault("note.error_cells", file=file, sheet=sheet.name, params=params))
    hidden = [r - 1 for r in raw.rows.tolist() if r - 1 in facts.hidden]
    if hidden:
        params = {"count": len(hidden), "rows": row_names(hidden)}
        faults.append(Fault("note.hidden_rows", file=file, sheet=sheet.name, params=params))
    for (code, c), params in changed.items():
        faults.append(Fault(code, file=file, sheet=sheet.name, column=column_name(c), params=params))
    return replace(raw, faults=tuple(faults))


def _number_at(rows: list[list[Any]], cell: Cell) -> float | None:
    """The number in a cell, None if there is none or it is not one."""
    r, c = cell
    value = rows[r][c] if r < len(rows) and c < len(rows[r]) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _padded(number: float, digits: int) -> str:
    """A whole number with zeros in front, as the sheet shows it: the sign is no digit."""
    return ("-" if number < 0 else "") + f"{abs(int(number)):0{digits}d}"


def _percent(share: float) -> str:
    """A number as the sheet shows it in percent, with the 15 digits that spreadsheets keep."""
    percent = Decimal(f"{share:.15g}") * 100
    return f"{percent.normalize():f} %"
