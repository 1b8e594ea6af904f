"""CSV and XLSX in: every cell as it stands, with its row number."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from phusong.layers.errors import Fault, InputError
from phusong.layers.readers.raw import RawTable

# what openpyxl raises on a workbook that is not whole
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, InvalidFileException, EOFError, OSError),
    *(ArithmeticError, AttributeError, LookupError, SyntaxError, TypeError, ValueError),
)
DELIMITERS = (",", ";", "\t")


def read_csv(path: Path, *, crs: str | None = None) -> RawTable:
    """A CSV file in UTF-8 (with or without BOM); the delimiter is the one of , ; tab that cuts the header most.

    A row with more filled cells than the header is a fault and left out; blank rows are passed over.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("read.not_utf8", file=path.name, byte=error.start + 1) from error
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True))
    except csv.Error as error:
        raise InputError("read.broken_csv", file=path.name, reason=str(error)) from error
    return _table([[cell if cell.strip() else None for cell in row] for row in rows], path=path, crs=crs)


def read_xlsx(path: Path, *, sheet: str | None = None, wanted: str = "", crs: str | None = None) -> RawTable:
    """One sheet of a workbook: the named one, else the one named ``wanted``, else the only one; header in row 1.

    Formulas give the value their program computed last; InputError where none was ever computed, which a plain
    reading would take for an empty cell.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # styles and validations openpyxl does not know
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                names = book.sheetnames
                name = _pick(names, asked=sheet, wanted=wanted, file=path.name)
                rows = [list(row) for row in book[name].iter_rows(values_only=True)]
            finally:
                book.close()
    except InputError:
        raise
    except _BROKEN as error:
        raise InputError("read.unreadable", file=path.name) from error
    uncomputed = _uncomputed(path, name, rows)
    if uncomputed is not None:
        raise InputError("read.formula_without_value", file=path.name, sheet=name, cell=uncomputed)
    return _table([[_blank(cell) for cell in row] for row in rows], path=path, sheet=name, crs=crs)


def _uncomputed(path: Path, sheet: str, rows: list[list[Any]]) -> str | None:
    """The first cell (such as C7) that holds a formula and no value, None if there is none."""
    with zipfile.ZipFile(path) as package:
        parts = [name for name in package.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f" in package.read(name) for name in parts):
            return None
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        for r, cells in enumerate(book[sheet].iter_rows(values_only=True)):
            for c, cell in enumerate(cells):
                if rows[r][c] is None and isinstance(cell, str) and cell.startswith("="):
                    return f"{get_column_letter(c + 1)}{r + 1}"
    finally:
        book.close()
    return None


def _pick(names: list[str], *, asked: str | None, wanted: str, file: str) -> str:
    if asked is not None and asked not in names:
        raise InputError("read.no_such_sheet", file=file, sheet=asked, names=", ".join(names))
    name = asked or (wanted if wanted in names else names[0] if len(names) == 1 else None)
    if name is None:
        raise InputError("read.which_sheet", file=file, names=", ".join(names))
    return name


def _blank(cell: Any) -> Any:
    return None if isinstance(cell, str) and not cell.strip() else cell


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))


def _table(cells: list[list[Any]], *, path: Path, sheet: str = "", crs: str | None = None) -> RawTable:
    """The first row as header, the rest as rows; a column without heading that holds something is reported."""
    header = [str(cell).strip() if cell is not None else "" for cell in (cells[0] if cells else [])]
    while header and not header[-1]:
        header.pop()
    if sheet:  # a note beside a sheet's table is no sign of a cell cut in two, as it is in CSV
        header += [""] * (max(map(len, cells), default=0) - len(header))
    if not any(header):
        raise InputError("read.no_header", file=path.name)
    named = [name for name in header if name]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InputError("read.heading_twice", file=path.name, column=twice)
    rows, numbers, faults = [], [], []
    unnamed: set[int] = set()
    for number, row in enumerate(cells[1:], start=2):
        if all(cell is None for cell in row):
            continue
        if any(cell is not None for cell in row[len(header) :]):
            filled = max(i for i, cell in enumerate(row, start=1) if cell is not None)
            params = {"found": filled, "expected": len(header)}
            faults.append(Fault("fault.too_many_cells", file=path.name, sheet=sheet, row=number, params=params))
            continue
        row = (row + [None] * len(header))[: len(header)]  # noqa: PLW2901
        unnamed.update(i for i, name in enumerate(header) if not name and row[i] is not None)
        rows.append([cell for cell, name in zip(row, header, strict=True) if name])
        numbers.append(number)
    for i in sorted(unnamed):
        faults.append(Fault("note.no_heading", file=path.name, sheet=sheet, params={"number": i + 1}))
    frame = pd.DataFrame(rows, columns=pd.Index(named, dtype=object), dtype=object)
    return RawTable(frame, np.array(numbers, dtype=np.int64), path.name, sheet, None, crs, tuple(faults))
