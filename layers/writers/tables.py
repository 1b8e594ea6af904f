"""Tables out: CSV and XLSX that open in an office suite, with cells that begin like a formula neutralised."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from phusong.layers.places.projection import in_degrees
from phusong.layers.writers.aside import written_aside

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_INNER_FORMULA = re.compile(r"(?<=[;\t\r\n])(?=[=@＝＠]|[+\-＋－]\D)")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def neutral(text: str) -> str:
    """The text, with a leading apostrophe if an office suite would take it for a formula.

    The first characters are those OWASP lists for CSV injection (= + - @ tab, carriage return, line feed and the
    full-width signs).
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def neutral_csv(text: str) -> str:
    """The same, and within the text where a formula could begin a cell: an office suite set to a decimal comma, as in
    Vietnam, cuts a file of commas at semicolons, and then knows no quotes."""
    return neutral(_INNER_FORMULA.sub("'", text))


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame without geometry; points without a ``lon`` column get ``lon`` and ``lat`` (WGS 84 degrees)."""
    if not isinstance(frame, geopandas.GeoDataFrame):
        return frame
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    points = frame.geometry
    if "lon" not in table and len(frame) and bool((points.geom_type == "Point").all()) and frame.crs is not None:
        degrees = in_degrees(points)
        table = table.assign(lon=degrees.x.round(6), lat=degrees.y.round(6))
    return table


def write_csv(frame: pd.DataFrame, path: str | Path) -> Path:
    """The frame as CSV: UTF-8 with BOM, commas, ISO dates, yes/no, empty cells for no data; geometry left out."""
    table = flat(frame)
    with written_aside(path) as aside, aside.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([neutral_csv(str(name)) for name in table.columns])
        rows.writerows([_csv_cell(value) for value in row] for row in _rows(table))
    return Path(path)


def write_xlsx(sheets: pd.DataFrame | Mapping[str, pd.DataFrame], path: str | Path) -> Path:
    """One frame, or frames by sheet name, as XLSX: header in row 1, typed cells; the same input gives the same bytes.

    Text cells are neutralised, characters a workbook cannot hold become U+FFFD, geometry is left out.
    """
    tables = {"data": sheets} if isinstance(sheets, pd.DataFrame) else sheets
    book = Workbook(write_only=True)
    for name, frame in tables.items():
        table = flat(frame)
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        body = [[_plain(value) for value in row] for row in _rows(table)]
        for i, width in enumerate(_widths([list(table.columns), *body]), start=1):
            sheet.column_dimensions[get_column_letter(i)].width = width
        sheet.append([_header_cell(sheet, str(column)) for column in table.columns])
        for values in body:
            sheet.append([_xlsx_cell(sheet, value) for value in values])
    with written_aside(path) as aside:
        aside.write_bytes(workbook_bytes(book))
    return Path(path)


def _rows(table: pd.DataFrame) -> Iterable[tuple[Any, ...]]:
    columns = [_cells(table.iloc[:, i]) for i in range(table.shape[1])]
    return zip(*columns, strict=True) if columns else iter(())


def _cells(column: pd.Series[Any]) -> list[Any]:
    if column.dtype == np.float32:  # its shortest digits, not those of the float64 beside it
        return [float(str(value)) for value in column.to_numpy()]
    return column.astype(object).tolist()


def _plain(value: Any) -> Any:
    """A Python value a cell can hold; None for no data (also for infinities, which no cell can hold)."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date() if (value.hour, value.minute, value.second) == (0, 0, 0) else value.replace(tzinfo=None)
    if isinstance(value, int | date):
        return value
    return neutral(ILLEGAL_CHARACTERS_RE.sub("�", str(value)))


def _csv_cell(value: Any) -> str:
    if isinstance(value, str):
        return neutral_csv(value)
    plain = _plain(value)
    return "" if plain is None else plain.isoformat() if isinstance(plain, date) else str(plain)


def _xlsx_cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value=value)
        cell.data_type = "s"
        if "\n" in value:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        return cell
    if isinstance(value, date):
        cell = WriteOnlyCell(sheet, value=value)
        cell.number_format = "yyyy-mm-dd"
        return cell
    return value


def _header_cell(sheet: Any, text: str) -> Any:
    cell = WriteOnlyCell(sheet, value=neutral(text))
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="DDE8E4")
    return cell


def _widths(rows: list[list[Any]]) -> list[float]:
    columns = zip(*rows[:200], strict=True)
    return [min(60.0, max(8.0, max(len(str(v)) for v in column if v is not None) + 2.0)) for column in columns]


def workbook_bytes(book: Workbook) -> bytes:
    """The workbook's bytes with every time stamp at 1980-01-01."""
    drawn, out = io.BytesIO(), io.BytesIO()
    book.save(drawn)
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "docProps/core.xml":
                data = _MODIFIED.sub(rb"\g<1>1980-01-01T00:00:00Z", data)
            info = zipfile.ZipInfo(name, date_time=_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, data)
    return out.getvalue()
