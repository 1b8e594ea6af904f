"""Carries one file to the units of another date: read, crossed, written beside what was listed and how it was done."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import geopandas
import numpy as np
import pandas as pd
from pyproj.exceptions import ProjError

from phusong.layers.checks.check import check_values
from phusong.layers.checks.validate import is_note
from phusong.layers.columns.cells import COUNTED, column_of, read_cells
from phusong.layers.columns.values import plain
from phusong.layers.columns.written import Mark
from phusong.layers.dated.carry import MARKS, Carried, Partial, carry
from phusong.layers.dated.crosswalk import Crosswalk, from_polygons
from phusong.layers.dated.kinds import ColumnKind, kinds_of, known_name
from phusong.layers.dated.lineage import compare, weighed
from phusong.layers.dated.overlay import Weight, counts_people, equal_area_crs
from phusong.layers.dated.units import CODES, table_date
from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.grid import MAX_CELLS, Grid, Raster
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day
from phusong.layers.rasters import read_raster
from phusong.layers.readers import read_any
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import read_vector
from phusong.layers.schema import LAYERS, Column, Layer
from phusong.layers.tiles import tiles_of, warp_tiles, without_marks
from phusong.layers.writers.tables import write_csv, write_xlsx
from phusong.layers.writers.vectors import write_gpkg

FORMATS = (".xlsx", ".csv", ".gpkg")
RASTERS = (".tif", ".tiff", ".img", ".asc")
FINEST_M = 100.0  # cells onto which a population raster in degrees is brought; WorldPop and HRSL have 30 to 100 m
_DATES = ("as_of", "valid_on")
_LAYERS = ("units", "broadband")
_PEOPLE = Column("population", "number", "persons", minimum=0.0)


class TableRead(NamedTuple):
    """A table of units with its codes in ``code`` and its cells as their kinds want them, the file's name, and what is
    to be said of how it was read."""

    frame: pd.DataFrame
    file: str
    notes: tuple[Fault, ...] = ()


def carry_file(
    source: str | Path | RawTable,
    *,
    out: str | Path,
    old: geopandas.GeoDataFrame | None = None,
    new: geopandas.GeoDataFrame | None = None,
    weight: str | Path | Weight = None,
    lineage: Crosswalk | None = None,
    kinds: Mapping[str, str] | None = None,
    partial: Partial = "none",
    code: str | None = None,
    sheet: str | None = None,
    decimal: Mark | None = None,
    day_first: bool | None = None,
    lang: Lang = "vi",
) -> Carried:
    """Carry a table (CSV, XLSX, Parquet, a geographic file, or one already read) from ``old`` units to ``new`` ones.

    ``old`` and ``new`` come from ``units.read_units`` and hold their dates; without them ``lineage`` alone is followed
    (``lineage.read_lineage``), and what divided units hold is listed. With both the lineage says which parts there are,
    the outlines how large they are. ``weight`` (or the file it is in: ``read_weight``) shares out divided units, area
    where it is None. Rows of several years (``as_of``) are carried year by year. A table that was carried before can be
    carried on: what was estimated or incomplete stays so.

    Written is, by the suffix of ``out``: .xlsx with the sheets carried, listed, columns, shares, how; .csv with files
    of those names beside it (``_listed`` ...); .gpkg with the carried figures on the outlines of all new units, ready
    for a map, and the others as tables.

    Raises:
        InputError: the table names another date, has cells that are no figures (a fault each) or no column of codes;
            neither outlines of both dates nor lineage, no outlines for a map, or a format that is none.
    """
    out = Path(out)
    if out.suffix.lower() not in FORMATS:
        raise InputError("carry.unknown_format", file=out.name)
    differing, noticed = None, list[Fault]()
    if old is not None and new is not None:
        if isinstance(weight, str | Path):
            weight, noticed = read_weight(weight, old)
        walk, differing = crosswalk_between(old, new, weight=weight, lineage=lineage)
    elif lineage is None or old is not None or (new is None and out.suffix.lower() == ".gpkg"):
        raise InputError("carry.no_crosswalk")
    elif weight is not None:
        raise InputError("carry.weight_alone")
    else:
        walk = lineage
    read = read_table(
        source,
        valid_on=walk.from_valid_on,
        kinds=kinds,
        code=code,
        sheet=sheet,
        decimal=decimal,
        day_first=day_first,
    )
    per = ("as_of",) if read.frame["code"].duplicated().any() and "as_of" in read.frame else ()
    carried = carry(read.frame, walk, kinds=_known_names(kinds), per=per, partial=partial)
    notes = (*read.notes, *noticed, *carried.report.notes)
    carried = replace(carried, report=replace(carried.report, notes=notes))
    sheets = told(carried, walk, file=read.file, lang=lang)
    if differing is not None and len(differing):
        sheets["lineage_differs"] = differing
    if out.suffix.lower() == ".xlsx":
        write_xlsx(sheets, out)
    elif out.suffix.lower() == ".csv":
        for name, frame in sheets.items():
            write_csv(frame, out if name == "carried" else out.with_name(f"{out.stem}_{name}.csv"))
    elif new is not None:
        listed = sheets["listed"]
        words = {str(name): "str" for name in listed.columns if listed[name].dtype == object}
        write_gpkg({**sheets, "carried": carried.on(new), "listed": listed.astype(words)}, out)
    return carried


def crosswalk_between(
    old: geopandas.GeoDataFrame,
    new: geopandas.GeoDataFrame,
    *,
    weight: Weight = None,
    lineage: Crosswalk | None = None,
) -> tuple[Crosswalk, pd.DataFrame | None]:
    """The crosswalk of the outlines; with a descent (in either direction) its pairs, weighed by the outlines, and where
    the two differ. InputError if the outlines have no land in common, or the descent is between other dates."""
    outlined = from_polygons(old, new, weight=weight)
    if outlined.pairs.empty:
        days = (outlined.from_valid_on.isoformat(), outlined.to_valid_on.isoformat())
        raise InputError("units.nothing_common", one=days[0], other=days[1])
    if lineage is None:
        return outlined, None
    if lineage.from_valid_on == outlined.to_valid_on:
        lineage = lineage.back()
    found = compare(lineage, outlined)
    params = {"units": found.units, "same_main": found.same_main, "same_targets": found.same_targets}
    params |= {"only_lineage": len(found.only_one), "only_outlines": len(found.only_other)}
    note = Fault("note.lineage_differs", layer="units", params=params | {"count": len(found.differing)})
    walk = weighed(lineage, outlined)
    return replace(walk, notes=(*lineage.notes, *walk.notes, note)), found.differing


def read_table(
    source: str | Path | RawTable,
    *,
    valid_on: date,
    kinds: Mapping[str, str] | None = None,
    code: str | None = None,
    sheet: str | None = None,
    decimal: Mark | None = None,
    day_first: bool | None = None,
) -> TableRead:
    """A table of units, its cells read as in an import: what may mean two things is decided by its column, or refused.

    ``valid_on``: the date of its units; a column ``valid_on`` of the table must say the same. ``code``: the heading of
    the codes where it is none of ``units.CODES``; ``sheet``: of a workbook, or the layer of a geographic file.
    ``decimal`` and ``day_first``: the user's word on what the table leaves open. Counts that are no whole numbers are
    told, but in a table that was carried before (its numbers have decimal points, as it was written here).
    """
    raw = source if isinstance(source, RawTable) else read_any(source, sheet=sheet, layer=sheet, wanted="carried")
    raw = _under_known_names(raw, code)
    own = set(MARKS) <= set(raw.frame.columns)
    known = kinds_of(map(str, raw.frame.columns), given=_known_names(kinds))
    divisors = {kind.of for kind in known.values() if kind is not None and kind.kind == "intensive"}
    wanted: dict[str, Column] = {}
    for name, kind in known.items():
        divisor = kind is None and name in divisors
        column = _column(name, ColumnKind("extensive", "people") if divisor else kind, raw.frame[name])
        if column is not None:  # what the user calls a sum may be a change, and less than nothing
            counted = column.unit in COUNTED and (name in divisors or name not in _known_names(kinds))
            wanted[name] = replace(column, minimum=0.0) if counted else column
    raw, cells = _cells(raw, wanted, decimal=decimal or ("." if own else None), day_first=day_first)
    table_date(replace(raw, frame=raw.frame.assign(**cells)), valid_on=valid_on)
    notes = list(raw.faults)
    for name, column in wanted.items():
        if own or column.unit not in COUNTED:
            continue
        odd = cells[name][cells[name] % 1 != 0].dropna()
        if len(odd):
            params = {"count": len(odd), "found": f"{odd.iloc[0]:.15g}"}
            notes.append(Fault("note.parts_of_counts", raw.file, sheet=raw.sheet, column=name, params=params))
    return TableRead(raw.frame.assign(**cells), raw.file, tuple(notes))


def read_weight(path: str | Path, units: geopandas.GeoDataFrame) -> tuple[Raster | geopandas.GeoDataFrame, list[Fault]]:
    """What divided units are weighed by: a population raster (persons a cell), or villages as points; and remarks.

    A raster in degrees, or of more cells than are read at once, is brought onto square cells of an equal-area
    projection over the units, its sum kept. InputError if it holds nobody there, fewer than nobody, or a village has a
    number of people that is none.
    """
    path = Path(path)
    if path.suffix.lower() not in RASTERS:
        raw = read_vector(path, wanted="villages")
        if raw.geometry is None or raw.crs is None:
            raise InputError("carry.weight_without_places", file=path.name)
        wanted = {"population": _PEOPLE} if "population" in raw.frame else {}
        raw, cells = _cells(raw, wanted)
        points = geopandas.GeoDataFrame(raw.frame.assign(**cells), geometry=raw.geometry, crs=raw.crs)
        points = points[points.geometry.notna() & ~points.geometry.is_empty]
        points = points.set_geometry(points.geometry.representative_point())
        try:
            points = points.to_crs(units.crs)
        except ProjError as error:  # there is no way from the one CRS to the other
            raise InputError("carry.weight_without_units", file=path.name) from error
        left, bottom, right, top = units.total_bounds
        points = points.cx[left:right, bottom:top].reset_index(drop=True)
        if points.empty or (counts_people(points) and not points["population"].sum() > 0):
            raise InputError("carry.weight_without_units", file=path.name)
        return points, list(raw.faults)
    try:
        raster = read_raster(path)
        faults = without_marks(raster.values, layer="population", file=path.name)
    except (CrsError, InputError) as error:
        if error.code not in ("error.crs_not_metric", "read.raster_not_square", "error.grid_too_large"):
            raise
        crs = equal_area_crs(units)
        left, bottom, right, top = map(float, units.to_crs(crs).total_bounds)
        cell_m = max(FINEST_M, 10 * math.ceil(math.sqrt((right - left) * (top - bottom) / (0.9 * MAX_CELLS)) / 10))
        grid = Grid.covering((left, bottom, right, top), crs=crs, cell_m=cell_m, margin_m=cell_m)
        raster, noticed = warp_tiles(tiles_of([path]), grid, layer="population")
        faults = list(noticed)
    faults += check_values(raster, layer="population", file=path.name)
    if any(fault.fatal for fault in faults):
        raise InputError("carry.table_faults", faults=tuple(faults), file=path.name)
    left, bottom, right, top = units.to_crs(raster.grid.crs).total_bounds
    half_m = raster.grid.cell_m / 2
    rows = (raster.grid.y_m > bottom - half_m) & (raster.grid.y_m < top + half_m)
    columns = (raster.grid.x_m > left - half_m) & (raster.grid.x_m < right + half_m)
    if not np.nansum(raster.values[np.ix_(rows, columns)]) > 0:
        raise InputError("carry.weight_without_units", file=path.name)
    return raster, faults


def told(carried: Carried, walk: Crosswalk, *, file: str, lang: Lang) -> dict[str, pd.DataFrame]:
    """The tables that go out: carried, listed (reasons in words), columns (sums, counts), shares (of divided units of
    which the table's new units hold a part), how (dates and rules)."""
    listed = carried.listed.assign(reason=[say(f"carry.reason.{one}", lang) for one in carried.listed["reason"]])
    columns = pd.DataFrame([vars(one) for one in carried.report.columns])
    divided = walk.pairs[walk.pairs["kind"].isin(["split", "part"]) & walk.pairs["to_code"].isin(carried.frame["code"])]
    shares = divided[["from_code", "from_name", "to_code", "to_name", "share_of_old", "old_by", "basis"]]
    how = _how(carried, walk, file, lang)
    return {"carried": carried.frame, "listed": listed, "columns": columns, "shares": shares, "how": how}


def _how(carried: Carried, walk: Crosswalk, file: str, lang: Lang) -> pd.DataFrame:
    report, counts = carried.report, walk.counts()
    lines = [
        ("table", file),
        ("from", day(report.from_valid_on, lang)),
        ("to", day(report.to_valid_on, lang)),
        ("rows", f"{report.rows_in}, {report.rows_out}"),
        ("weighting", say(f"carry.weighting.{report.weighting.replace(' ', '_')}", lang)),
        ("pairs", ", ".join(str(counts[kind]) for kind in ("whole", "renamed", "merged", "split", "part"))),
        ("unmatched", f"{len(walk.unmatched_from)}, {len(walk.unmatched_to)}"),
    ]
    told = [(say(f"carry.how.{name}", lang), text) for name, text in lines]
    told += [("", say("carry.how.estimated", lang)), *(("", note.say(lang)) for note in report.notes)]
    return pd.DataFrame(told, columns=["what", "value"])


def _under_known_names(raw: RawTable, code: str | None) -> RawTable:
    """The table with its codes in ``code`` and declared columns under their own names, whatever their case."""
    there = {str(name).casefold(): name for name in reversed(raw.frame.columns)}
    heading = next((there[name] for name in ((code.casefold(),) if code else CODES) if name in there), None)
    if heading is None:
        raise InputError("carry.no_code", names=", ".join(map(str, raw.frame.columns)))
    names = {name: "code" if name == heading else known_name(str(name)) for name in raw.frame.columns}
    other = [name for name in names if names[name] == "code" and name != heading]  # another column of codes
    frame = raw.frame.drop(columns=other).rename(columns=names)
    twice = frame.columns[frame.columns.astype(str).str.casefold().duplicated()]
    if len(twice):
        raise InputError("carry.column_twice", column=twice[0], names=", ".join(map(str, raw.frame.columns)))
    return replace(raw, frame=frame)


def _known_names(kinds: Mapping[str, str] | None) -> dict[str, str]:
    return {known_name(name): kind for name, kind in (kinds or {}).items()}


def _cells(
    raw: RawTable, wanted: Mapping[str, Column], *, decimal: Mark | None = None, day_first: bool | None = None
) -> tuple[RawTable, dict[str, pd.Series[Any]]]:
    """The cells of the columns as they are wanted, read as an import reads them; the table keeps what is to be said.

    InputError with all faults of cells and rows, those found in reading the file too.
    """
    layer = Layer("", "none", (), tuple(wanted.values()))
    raw = plain(raw, layer, decimal=decimal, day_first=day_first)
    refused = {(fault.row, fault.column) for fault in raw.faults if not is_note(fault)}
    faults = [fault for fault in raw.faults if not is_note(fault)]
    cells = {}
    for name, column in wanted.items():
        values, errors = read_cells(raw.frame[name].tolist(), column)
        for at, error in errors.items():
            row = int(raw.rows[at])
            if (row, name) not in refused:
                faults.append(Fault(error.code, raw.file, "", raw.sheet, row, name, params=error.params))
        cells[name] = column_of(values, column).set_axis(raw.frame.index)
    if faults:
        raise InputError("carry.table_faults", faults=tuple(faults), file=raw.file)
    return raw, cells


def _column(name: str, kind: ColumnKind | None, cells: pd.Series[Any]) -> Column | None:
    """How the cells of a column are read; None for those that stay as they are."""
    if name == "code":
        return Column(name, "text", nullable=False)
    if name in _DATES:
        return Column(name, "date")
    if kind is None or kind.kind == "drop":
        return None
    if kind.kind == "same":
        words = any(isinstance(cell, str) or not isinstance(cell, Hashable) for cell in cells)
        return Column(name, "text") if words else None  # else numbers or days, which stay what they are
    if kind.kind == "flag":
        return Column(name, "yes_no")
    declared = next((column for layer in _LAYERS for column in LAYERS[layer].columns if column.name == name), None)
    if declared is not None and declared.kind in ("number", "integer"):
        return replace(declared, required=False, nullable=True)
    counted = kind.kind == "places" or (kind.kind == "extensive" and kind.of != "area")
    return Column(name, "number", "persons" if counted else "")
