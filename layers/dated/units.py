"""Administrative units know their date: the key is (code, valid_on), and a join across a change is refused."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError

from phusong.layers.checks.validate import Checked
from phusong.layers.columns.cells import CellError, read_cell, read_cells
from phusong.layers.errors import Fault, InputError, MissingError
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import read_vector
from phusong.layers.schema import LAYERS, Column, Layer
from phusong.layers.vietnamese.spelling import Name

KEY = ("code", "valid_on")
CODES = ("code", "gso_code", "unit_code", "census_code_old")
"""Headings under which files of units keep their code; the first that is there is taken."""
NAMES = ("name", "full_name", "unit_name", "name_vi")
WIDEST_DEG = 60.0
"""Outlines farther apart are no units of one country: most likely metres or feet taken for degrees."""
_SHOWN = 5  # examples in a message
_DAY = Column("valid_on", "date", nullable=True)
_CODE = Column("code", "text", nullable=True)


def read_units(
    path: str | Path,
    *,
    valid_on: date,
    layer: str | None = None,
    code: str | None = None,
    name: str | None = None,
) -> geopandas.GeoDataFrame:
    """The units of one date from a geographic file: ``code``, ``valid_on``, ``name`` (text, NA where empty), geometry.

    A file with a column ``valid_on`` (a study's ``units``) gives the units of that date, one without it is taken at the
    caller's word. ``code`` and ``name`` say under which headings they stand where they are not among ``CODES`` and
    ``NAMES``; a file may have no names. The CRS is the file's.

    Raises:
        InputError: no such column, a unit without code or outline, two units of one code, no CRS, or no unit of the
            date (the dates there are are named).
    """
    path = Path(path)
    raw = read_vector(path, layer=layer, wanted="units")
    if raw.geometry is None or raw.crs is None:
        raise InputError("units.no_outlines", file=path.name)
    frame = raw.frame
    codes = texts_of(frame[_heading(frame, code, CODES, wanted="code", file=path.name)])
    called = _found(frame, NAMES) if name is None else _heading(frame, name, NAMES, wanted="name", file=path.name)
    names = texts_of(frame[called]) if called is not None else pd.Series([None] * len(frame), dtype="str")
    units = geopandas.GeoDataFrame(
        {"code": codes, "valid_on": np.datetime64(valid_on, "s"), "name": names}, geometry=raw.geometry, crs=raw.crs
    )
    if "valid_on" in frame:
        try:
            days = [read_cell(cell, _DAY) for cell in frame["valid_on"]]
        except CellError as error:
            fault = Fault(error.code, path.name, column="valid_on", fatal=True, params=error.params)
            raise InputError("units.date_unreadable", faults=(fault,), file=path.name) from error
        units["valid_on"] = pd.Series(days, index=units.index, dtype="datetime64[s]")
        units = units_on(units, valid_on)
    return checked_units(units, file=path.name)


def checked_units(units: geopandas.GeoDataFrame, *, file: str = "") -> geopandas.GeoDataFrame:
    """The units as they are, if each has a code of its own and an outline, on Earth and within ``WIDEST_DEG``;
    InputError otherwise."""
    faults = []
    twice = units["code"].duplicated(keep=False) & units["code"].notna()
    shapes = np.asarray(units.geometry.array, dtype=object)
    with np.errstate(all="ignore"):  # of coordinates beyond all bounds, which are refused
        bare = pd.Series(~(shapely.area(shapes) > 0), index=units.index)  # none, empty, points and lines
    for code, odd in (
        ("fault.unit_without_code", units["code"].isna()),
        ("fault.unit_twice", twice),
        ("fault.unit_without_outline", bare),
    ):
        if odd.any():
            found = _examples(units["code"][odd].fillna("-")) if code != "fault.unit_without_code" else "-"
            faults.append(Fault(code, file=file, fatal=True, params={"count": int(odd.sum()), "found": found}))
    if faults or units.empty:
        raise InputError("units.unusable", faults=tuple(faults), file=file)
    if not _on_earth(units):
        raise InputError("units.not_on_earth", file=file, crs=units.crs.name, most_deg=f"{WIDEST_DEG:g}")
    return units.reset_index(drop=True)


def _on_earth(units: geopandas.GeoDataFrame) -> bool:
    """Whether all outlines lie where their CRS can have them, and not all over the globe."""
    try:
        to_degrees = Transformer.from_crs(units.crs, "EPSG:4326", always_xy=True)
        left, bottom, right, top = to_degrees.transform_bounds(*units.total_bounds)
    except ProjError:  # a CRS of another body, or coordinates that no projection has
        return False
    inside = -180 <= left < right <= 180 and -90 <= bottom < top <= 90  # not of what is infinite or not a number
    return inside and max(right - left, top - bottom) <= WIDEST_DEG


def dates(units: pd.DataFrame) -> list[date]:
    """The dates of the units in a frame, earliest first."""
    return sorted({pd.Timestamp(day).date() for day in units["valid_on"].dropna()})


def date_of(units: pd.DataFrame) -> date:
    """The one date of the units; InputError if there are none or several."""
    found = dates(units)
    if len(found) != 1:
        raise InputError("units.not_one_date", found=_days(found))
    return found[0]


def units_on(units: pd.DataFrame, valid_on: date) -> Any:
    """The units of one date; InputError naming the dates there are if there are none."""
    at = (units["valid_on"] == np.datetime64(valid_on, "s")).to_numpy()
    if not at.any():
        raise InputError("units.no_such_date", asked=valid_on.isoformat(), found=_days(dates(units)))
    return units[at].reset_index(drop=True)


def table_date(raw: RawTable, *, valid_on: date | None = None) -> date:
    """The date of the units that a table names: the user's word, else its column ``valid_on``.

    Raises:
        InputError: neither is there, the column is not one date throughout, or it says otherwise than the user.
    """
    found: set[date] = set()
    if "valid_on" in raw.frame:
        for row, cell in zip(raw.rows, raw.frame["valid_on"], strict=True):
            try:
                day = read_cell(cell, _DAY)
            except CellError as error:
                fault = Fault(error.code, raw.file, "", raw.sheet, int(row), "valid_on", True, error.params)
                raise InputError("units.date_unreadable", faults=(fault,), file=raw.file) from error
            if day is not None:
                found.add(pd.Timestamp(day).date())
    if valid_on is not None and found - {valid_on}:
        raise InputError("units.dates_differ", file=raw.file, asked=valid_on.isoformat(), found=_days(sorted(found)))
    if valid_on is not None:
        return valid_on
    if not found:
        raise InputError("units.date_missing", file=raw.file)
    if len(found) > 1:
        raise InputError("units.table_of_several_dates", file=raw.file, found=_days(sorted(found)))
    return found.pop()


def refuse_other_date(
    table: pd.DataFrame,
    units: pd.DataFrame,
    *,
    table_valid_on: date,
    code: str = "code",
    table_units: pd.DataFrame | None = None,
    file: str | Path = "TABLE",
    study: str | Path = "DIR",
) -> None:
    """InputError if a table's units are not those of ``units`` (one date), with what a join by bare code would do.

    It says how many of the table's codes exist in ``units`` all the same and how many of these bear another name
    there, by the names in ``table_units`` (the units of the table's own date, if the study has them) or else in the
    table's column ``unit_name`` or ``name``, and names the command that carries the table over.
    """
    there = date_of(units)
    if there == table_valid_on:
        return
    codes = texts_of(table[code]).dropna().drop_duplicates() if code in table else pd.Series(dtype="str")
    both = codes[codes.isin(units["code"])]
    known = table_units is not None and len(table_units) > 0
    words = ["phusong", "carry", str(file), "--from", str(table_valid_on), "--to", str(there), "--study", str(study)]
    words += [] if known else ["--old", f"UNITS_{table_valid_on}.gpkg"]
    params: dict[str, Any] = {
        "file": Path(file).name,
        "table_valid_on": table_valid_on.isoformat(),
        "units_valid_on": there.isoformat(),
        "both": len(both),
        "codes": len(codes),
        "command": shlex.join(words),
    }
    named = table_units.set_index("code")["name"] if table_units is not None and known else _names(table, code)
    if named is None:
        raise InputError("units.other_date", **params)
    mine, theirs = named.reindex(both).fillna(""), units.set_index("code")["name"].reindex(both).fillna("")
    differ = [c for c in both if mine[c] and theirs[c] and not same_name(mine[c], theirs[c])]
    example = f"{differ[0]}: {mine[differ[0]]} / {theirs[differ[0]]}" if differ else "-"
    raise InputError("units.other_date_named", renamed=len(differ), example=example, **params)


def same_name(one: str, other: str) -> bool:
    """Whether two names are spellings of one, without regard to kind ("Xã", "Phường") and place of the tone mark; tones
    count where both names bear some."""
    mine, theirs = Name.of(one), Name.of(other)
    marked = mine.toned != mine.key and theirs.toned != theirs.key
    return mine.toned == theirs.toned if marked else mine.key == theirs.key


def needs_date(layer: Layer) -> str | None:
    """The column of a layer that names units with nothing but a code: no place could show that the code means another
    unit now. None for layers with places of their own and those that name no unit."""
    named = [column for column, (target, _) in layer.refers.items() if target == "units"]
    return named[0] if named and layer.geometry == "none" else None


def check_dates(layers: Mapping[str, Checked], *, units_valid_on: date) -> dict[str, Checked]:
    """Layers without the rows that name units of another date by code, with a fatal fault a layer that has such rows.

    A note counts the rows that do not say the date of their unit; they are taken at the word of whoever put them there.
    """
    done = dict(layers)
    for name in (name for name in layers_by_code() if name in layers and "valid_on" in layers[name].frame):
        checked = layers[name]
        days = checked.frame["valid_on"]
        other = (days.notna() & (days != np.datetime64(units_valid_on, "s"))).to_numpy()
        faults = []
        if other.any():
            params: dict[str, Any] = {"count": int(other.sum()), "found": _days(dates(checked.frame[other]))}
            params["expected"] = units_valid_on.isoformat()
            faults.append(checked.fault("fault.units_of_other_date", column="valid_on", fatal=True, **params))
        if days.isna().any():
            params = {"count": int(days.isna().sum()), "expected": units_valid_on.isoformat()}
            faults.append(checked.fault("note.units_undated", column="valid_on", **params))
        done[name] = checked.keep(~other, faults)
    return done


def layers_by_code() -> Sequence[str]:
    """The layers whose tables join to units by code alone."""
    return [name for name, layer in LAYERS.items() if needs_date(layer)]


def _heading(frame: pd.DataFrame, asked: str | None, known: tuple[str, ...], *, wanted: str, file: str) -> str:
    found = _found(frame, known if asked is None else (asked.casefold(),))
    if found is None:
        names = ", ".join(map(str, frame.columns))
        raise MissingError("units.no_column", file=file, wanted=asked or wanted, names=names)
    return found


def _found(frame: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    """The first of the names that is a heading, without regard to case."""
    there = {str(column).casefold(): str(column) for column in frame.columns}
    return next((there[name] for name in names if name in there), None)


def texts_of(cells: pd.Series[Any]) -> pd.Series[str]:
    """Cells as the texts that codes and names are; NA where a cell is empty or no text (a formula that failed)."""
    return pd.Series(read_cells(cells.tolist(), _CODE)[0], dtype="str")


def _names(table: pd.DataFrame, code: str) -> pd.Series[str] | None:
    heading = next((name for name in ("unit_name", "name") if name in table), None)
    if heading is None or code not in table:
        return None
    return pd.Series(table[heading].to_numpy(), index=texts_of(table[code])).groupby(level=0).first()


def _examples(values: pd.Series[Any]) -> str:
    shown = [str(value) for value in values.drop_duplicates().head(_SHOWN)]
    return ", ".join(shown) + (", …" if values.nunique() > _SHOWN else "")


def _days(found: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in found) or "-"
