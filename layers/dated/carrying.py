"""Carries one file to the units of another date: read, crossed, written beside what was listed and how it was done."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd

from phusong.layers.columns.cells import CellError, column_of, read_cell
from phusong.layers.dated.carry import Carried, Partial, carry
from phusong.layers.dated.crosswalk import Crosswalk, from_polygons
from phusong.layers.dated.kinds import ColumnKind, kinds_of
from phusong.layers.dated.lineage import compare, weighed
from phusong.layers.dated.overlay import Weight, counts_people, equal_area_crs
from phusong.layers.dated.units import CODES, table_date
from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.grid import MAX_CELLS, Grid, Raster
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day
from phusong.layers.rasters import read_raster, warp_to
from phusong.layers.readers import read_any
from phusong.layers.readers.guard import guard
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import read_vector
from phusong.layers.schema import Column
from phusong.layers.writers.tables import write_csv, write_xlsx
from phusong.layers.writers.vectors import write_gpkg

FORMATS = (".xlsx", ".csv", ".gpkg")
RASTERS = (".tif", ".tiff", ".img", ".asc")
FINEST_M = 100.0  # cells onto which a population raster in degrees is brought; WorldPop and HRSL have 30 to 100 m
_DATES = ("as_of", "observed_as_of")
_PEOPLE = Column("population", "number", "persons", minimum=0.0)


def carry_file(
    source: str | Path | RawTable,
    *,
    out: str | Path,
    old: geopandas.GeoDataFrame | None = None,
    new: geopandas.GeoDataFrame | None = None,
    weight: Weight = None,
    lineage: Crosswalk | None = None,
    kinds: Mapping[str, str] | None = None,
    partial: Partial = "none",
    code: str | None = None,
    sheet: str | None = None,
    layer: str | None = None,
    lang: Lang = "vi",
) -> Carried:
    """Carry a table (CSV, XLSX, Parquet, a geographic file, or one already read) from ``old`` units to ``new`` ones.

    ``old`` and ``new`` come from ``units.read_units`` and hold their dates; without them ``lineage`` alone is followed
    (``lineage.read_lineage``), and what divided units hold is listed. With both the lineage says which parts there are,
    the outlines how large they are. ``weight`` (see ``read_weight``) shares out divided units, area where it is None.
    Rows of several years (``as_of``) are carried year by year.

    Written is, by the suffix of ``out``: .xlsx with the sheets carried, listed, columns, shares, how; .csv with files
    of those names beside it (``_listed`` ...); .gpkg with the carried figures on the outlines of all new units, ready
    for a map, and the others as tables.

    Raises:
        InputError: the table names another date, has cells that are no figures (a fault each) or no column of codes;
            neither outlines nor lineage, no outlines for a map, or a format that is none.
    """
    out = Path(out)
    if out.suffix.lower() not in FORMATS:
        raise InputError("carry.unknown_format", file=out.name)
    differing = None
    if old is not None and new is not None:
        walk, differing = crosswalk_between(old, new, weight=weight, lineage=lineage)
    elif lineage is not None and out.suffix.lower() != ".gpkg":
        walk = lineage
    else:
        raise InputError("carry.no_crosswalk")
    table, file = read_table(source, valid_on=walk.from_valid_on, kinds=kinds, code=code, sheet=sheet, layer=layer)
    per = ("as_of",) if table["code"].duplicated().any() and "as_of" in table else ()
    carried = carry(table, walk, kinds=kinds, per=per, partial=partial)
    sheets = told(carried, walk, file=file, lang=lang)
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
    the two differ."""
    outlined = from_polygons(old, new, weight=weight)
    if lineage is None:
        return outlined, None
    if lineage.from_valid_on == outlined.to_valid_on:
        lineage = lineage.back()
    found = compare(lineage, outlined)
    params = {"units": found.units, "same_main": found.same_main, "same_targets": found.same_targets}
    note = Fault("note.lineage_differs", layer="units", params=params | {"count": len(found.differing)})
    walk = weighed(lineage, outlined)
    return replace(walk, notes=(*walk.notes, note)), found.differing


def read_table(
    source: str | Path | RawTable,
    *,
    valid_on: date,
    kinds: Mapping[str, str] | None = None,
    code: str | None = None,
    sheet: str | None = None,
    layer: str | None = None,
) -> tuple[pd.DataFrame, str]:
    """A table of units with its codes in ``code`` and its cells as their kinds want them, and the file's name.

    ``valid_on``: the date of its units; a column ``valid_on`` of the table must say the same.
    """
    raw = _raw(source, sheet=sheet, layer=layer)
    table_date(raw, valid_on=valid_on)
    there = {str(name).casefold(): str(name) for name in raw.frame.columns}
    heading = next((there[n] for n in ((code.casefold(),) if code else CODES) if n in there), None)
    if heading is None:
        raise InputError("carry.no_code", names=", ".join(map(str, raw.frame.columns)))
    other = [name for name in raw.frame.columns if str(name) == "code" != heading]
    frame = raw.frame.drop(columns=other).rename(columns={heading: "code"})
    columns: dict[str, pd.Series[Any]] = {}
    faults: list[Fault] = []
    known = kinds_of(map(str, frame.columns), given=kinds)
    divisors = {kind.of for kind in known.values() if kind is not None and kind.kind == "intensive"}
    for name, kind in known.items():
        column = _column(name, ColumnKind("extensive", "people") if kind is None and name in divisors else kind)
        if column is None:
            columns[name] = frame[name]
            continue
        columns[name], odd = _read(raw, frame[name], column)
        faults += odd
    if faults:
        raise InputError("carry.table_faults", faults=tuple(faults), file=raw.file)
    return pd.DataFrame(columns), raw.file


def read_weight(path: str | Path, units: geopandas.GeoDataFrame) -> Raster | geopandas.GeoDataFrame:
    """What divided units are weighed by: a population raster (persons a cell), or villages as points.

    A raster in degrees is brought onto square cells of an equal-area projection over the units, its sum kept.
    InputError if it holds nobody there, or a village has a number of people that is none.
    """
    path = Path(path)
    if path.suffix.lower() not in RASTERS:
        raw = read_vector(path, wanted="villages")
        if raw.geometry is None or raw.crs is None:
            raise InputError("carry.weight_without_places", file=path.name)
        frame = raw.frame
        if "population" in frame:
            people, odd = _read(raw, frame["population"], _PEOPLE)
            if odd:
                raise InputError("carry.table_faults", faults=tuple(odd), file=raw.file)
            frame = frame.assign(population=people.to_numpy())
        points = geopandas.GeoDataFrame(frame, geometry=raw.geometry, crs=raw.crs)
        points = points[points.geometry.notna()].reset_index(drop=True)
        points = points.set_geometry(points.geometry.representative_point())
        if points.empty or (counts_people(points) and not points["population"].sum() > 0):
            raise InputError("carry.weight_without_units", file=path.name)
        return points
    try:
        raster = read_raster(path)
    except (CrsError, InputError):  # in degrees, or finer than needed
        crs = equal_area_crs(units)
        bounds = tuple(map(float, units.to_crs(crs).total_bounds))
        wide_m, high_m = bounds[2] - bounds[0], bounds[3] - bounds[1]
        cell_m = max(FINEST_M, 10 * math.ceil(math.sqrt(wide_m * high_m / (0.9 * MAX_CELLS)) / 10))
        grid = Grid.covering((bounds[0], bounds[1], bounds[2], bounds[3]), crs=crs, cell_m=cell_m, margin_m=cell_m)
        raster = warp_to(path, grid, resampling="sum")
    raster = replace(raster, values=np.where(raster.values < 0, np.nan, raster.values))  # marks of no data
    if not np.nansum(raster.values) > 0:
        raise InputError("carry.weight_without_units", file=path.name)
    return raster


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


def _raw(source: str | Path | RawTable, *, sheet: str | None, layer: str | None) -> RawTable:
    if isinstance(source, RawTable):
        return source
    path = Path(source)
    if path.suffix.lower() != ".parquet":
        return read_any(path, sheet=sheet, layer=layer, wanted="carried")
    guard(path)
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own are both
        raise InputError("read.unreadable", file=path.name) from error
    frame = frame.drop(columns=[name for name in ("geometry",) if name in frame])
    return RawTable(frame, np.arange(1, len(frame) + 1, dtype=np.int64), path.name)


def _read(raw: RawTable, series: pd.Series[Any], column: Column) -> tuple[pd.Series[Any], list[Fault]]:
    """The cells of a column as it wants them, and a fault for each that is none."""
    cells, faults = [], []
    for row, cell in zip(raw.rows, series, strict=True):
        try:
            cells.append(read_cell(cell, column))
        except CellError as error:
            faults.append(Fault(error.code, raw.file, "", raw.sheet, int(row), column.name, params=error.params))
            cells.append(None)
    return column_of(cells, column), faults


def _column(name: str, kind: ColumnKind | None) -> Column | None:
    """How the cells of a column are read; None for words that stay as they are."""
    if name == "code":
        return Column(name, "text", nullable=False)
    if name in _DATES:
        return Column(name, "date")
    if kind is not None and kind.numeric:
        counted = kind.kind == "places" or (kind.kind == "extensive" and kind.of != "area")
        return Column(name, "number", "persons" if counted else "")
    return Column(name, "yes_no") if kind is not None and kind.kind == "flag" else None
