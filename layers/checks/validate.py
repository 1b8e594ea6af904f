"""One layer at the door: every cell and geometry judged once, faults reported together, good rows kept as they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from phusong.layers.checks.outlines import broken
from phusong.layers.columns.cells import CellError, column_of, nearest, plain_heading, read_cell, read_cells
from phusong.layers.errors import Fault
from phusong.layers.messages import Text
from phusong.layers.places.projection import transformer
from phusong.layers.rasters import crs_text
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import Column, Layer, channels

DEGREES = (("lon", "lat"), ("longitude", "latitude"), ("long", "lat"))
METRES = (("x_m", "y_m"), ("x", "y"))
_BESIDE = frozenset({"fid", "ogc_fid", "geometry"})  # left by GIS programs beside the columns that matter
_FARTHEST_M = 1e8  # more than twice around the Earth
_KINDS = np.array(
    [
        *("Point", "LineString", "LinearRing", "Polygon"),
        *("MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection", ""),
    ]
)
"""Names of shapely's types of geometry by number; the last (-1) is for none."""
_SHAPES = {
    "point": {"Point"},
    "line": {"LineString", "MultiLineString"},
    "polygon": {"Polygon", "MultiPolygon"},
}


@dataclass(frozen=True)
class Checked:
    """A validated layer: the good rows, the row each had in its file, and all faults found."""

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    file: str = ""
    layer: str = ""
    sheet: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def fatal(self) -> bool:
        """Whether a fault stops the layer from being used."""
        return any(fault.fatal for fault in self.faults)

    def fault(
        self, code: str, *, row: int | None = None, column: str = "", fatal: bool = False, **params: Any
    ) -> Fault:
        """A fault of this layer."""
        return Fault(code, self.file, self.layer, self.sheet, row, column, fatal, params)

    def keep(self, good: NDArray[np.bool_], faults: list[Fault]) -> Checked:
        """The rows marked good, with the faults of the others added."""
        if bool(good.all()) and not faults:
            return self
        frame = self.frame[good].reset_index(drop=True)
        return replace(self, frame=frame, rows=self.rows[good], faults=(*self.faults, *faults))


@dataclass
class _Desk:
    """What is gathered while one layer is judged."""

    raw: RawTable
    layer: Layer
    faults: list[Fault] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)
    refused: set[tuple[int, str]] = field(default_factory=set)  # row and column of cells that an earlier step refused

    def say(self, code: str, *, at: int | None = None, column: str = "", fatal: bool = False, **params: Any) -> None:
        """Note a fault; ``at`` is the position of the row it spoils."""
        row = None if at is None else int(self.raw.rows[at])
        column = " ".join(column.split())  # headings of a sheet may be broken into lines
        if row is None or (row, column) not in self.refused:
            self.faults.append(
                Fault(code, self.raw.file, self.layer.name, self.raw.sheet, row, column, fatal, params),
            )
        if at is not None:
            self.bad.add(at)


def is_note(fault: Fault) -> bool:
    """Whether it is only a remark: nothing was dropped and nothing stops, though a cell may be read otherwise."""
    return fault.code.startswith(("note.", "changed."))


def validate(
    raw: RawTable, layer: Layer, *, crs: str, defaults: Mapping[str, Any] | None = None, reproject: bool = True
) -> Checked:
    """Judge a table as read against a layer's schema; the frame has exactly the schema's columns, geometry in ``crs``.

    ``defaults`` (such as as_of and source) fill columns the file lacks and empty cells of those columns, nothing else.
    Geometry in another CRS is brought to ``crs``; with ``reproject=False`` another CRS is a fatal fault. A row with a
    fault is left out of the frame and listed; a fatal fault (a missing column, no CRS, no row) spoils the layer.
    Columns are matched without regard to case and blanks; a Shapefile's ten-letter names are matched where only one
    column can be meant. Faults of earlier steps (``raw.faults``) are passed on, and rows they refuse are left out.
    """
    desk = _Desk(raw, layer)
    for fault in raw.faults:
        desk.faults.append(replace(fault, layer=layer.name))
    refused = [(f.row, " ".join(f.column.split())) for f in raw.faults if f.row is not None and not is_note(f)]
    desk.refused.update(refused)
    desk.bad.update(np.flatnonzero(np.isin(raw.rows, [row for row, _ in refused])).tolist())
    count = len(raw.frame)
    if count == 0 and not any(fault.row for fault in raw.faults):
        desk.say("fault.empty_layer", fatal=layer.required)
    headings = _headings(desk)
    columns = {c.name: _column(desk, c, headings, dict(defaults or {})) for c in layer.all_columns}
    geometry = _geometry(desk, headings, crs=crs, reproject=reproject) if layer.geometry != "none" else None
    _unknown(desk, headings)
    if not any(fault.fatal for fault in desk.faults):
        _duplicates(desk, columns)
        if layer.placeless and layer.refers:
            _placeless(desk, columns, geometry)
        if layer.name == "sectors":
            _bandwidths(desk, columns, headings)
    good = np.array([i not in desk.bad for i in range(count)], dtype=bool)
    kept = np.flatnonzero(good)
    frame = pd.DataFrame({c.name: column_of(_those(columns[c.name], kept), c) for c in layer.all_columns})
    if layer.geometry != "none":
        shapes = np.full(count, None, dtype=object) if geometry is None else geometry
        frame = geopandas.GeoDataFrame(frame, geometry=list(shapes[kept]), crs=crs)
    if layer.required and count and not len(kept) and not any(fault.fatal for fault in desk.faults):
        desk.say("fault.no_good_row", fatal=True)
    return Checked(frame, raw.rows[good], raw.file, layer.name, raw.sheet, tuple(desk.faults))


def _those(values: list[Any], kept: NDArray[np.intp]) -> list[Any]:
    return values if len(kept) == len(values) else [values[i] for i in kept]


def _headings(desk: _Desk) -> dict[str, str]:
    """Schema (or coordinate) name -> heading in the file; a heading that fits twice is a fatal fault."""
    known = {c.name for c in desk.layer.all_columns}
    shapefile = desk.raw.file.lower().endswith((".shp", ".dbf"))
    found: dict[str, str] = {}
    for heading in map(str, desk.raw.frame.columns):
        name = plain_heading(heading)
        if shapefile and name not in known:
            meant = [k for k in known if len(name) == 10 and k[:10] == name]
            name = meant[0] if len(meant) == 1 else name
        if name in found:
            desk.say("fault.heading_twice", column=heading, fatal=True, other=found[name])
        else:
            found[name] = heading
    return found


def _column(desk: _Desk, column: Column, headings: dict[str, str], defaults: dict[str, Any]) -> list[Any]:
    """The cells of one column, None where there is no data or the row is spoilt."""
    count = len(desk.raw.frame)
    filled = _default(desk, column, defaults)
    heading = headings.get(column.name)
    if heading is None:
        if filled is None and column.required and count:
            _missing(desk, column, headings)
        return [filled] * count
    lenient = replace(column, nullable=True) if filled is not None else column
    values, errors = read_cells(desk.raw.frame[heading].tolist(), lenient)
    for i, fault in errors.items():
        desk.say(fault.code, at=i, column=heading, **fault.params)
    if filled is None:
        return values
    return [filled if value is None and i not in errors else value for i, value in enumerate(values)]


def _default(desk: _Desk, column: Column, defaults: dict[str, Any]) -> Any:
    if column.name not in defaults:
        return None
    try:
        return read_cell(defaults[column.name], replace(column, nullable=True))
    except CellError as fault:
        desk.say(fault.code, column=column.name, fatal=True, **fault.params)
        return None


def _missing(desk: _Desk, column: Column, headings: dict[str, str]) -> None:
    known = {c.name for c in desk.layer.all_columns}
    spare = {name: heading for name, heading in headings.items() if name not in known}
    near = nearest(column.name, spare)
    if column.name == "as_of":
        desk.say("fault.missing_as_of", column=column.name, fatal=True)
    elif near is None:
        desk.say("fault.missing_column", column=column.name, fatal=True, found=", ".join(headings.values()) or "-")
    else:
        desk.say("fault.missing_column_near", column=column.name, fatal=True, nearest=spare[near])


def _unknown(desk: _Desk, headings: dict[str, str]) -> None:
    """Headings that are no column: a note each, with the column that may be meant."""
    known = {c.name for c in desk.layer.all_columns}
    places = {name for pair in DEGREES + METRES for name in pair} | {"position"}
    coordinates = places if desk.layer.geometry != "none" else set()
    for name, heading in headings.items():
        if name in known or name in coordinates or name in _BESIDE:
            continue
        near = nearest(name, known - set(headings))
        if near is None:
            desk.say("note.unknown_column", column=heading)
        else:
            desk.say("note.unknown_column_near", column=heading, nearest=near)


def _duplicates(desk: _Desk, columns: dict[str, list[Any]]) -> None:
    first: dict[tuple[Any, ...], int] = {}
    key = desk.layer.key
    needed = [k for k, name in enumerate(key) if not desk.layer.column(name).nullable]
    for i in range(len(desk.raw.frame)):
        values = tuple(columns[name][i] for name in key)
        if any(values[k] is None for k in needed):
            continue
        if values in first:
            found = ", ".join(str(value).removesuffix("T00:00:00") for value in values if value is not None)
            rows = int(desk.raw.rows[first[values]])
            desk.say("fault.duplicate_key", at=i, column=", ".join(key), found=found, first_row=rows)
        else:
            first[values] = i


def _placeless(desk: _Desk, columns: dict[str, list[Any]], geometry: NDArray[np.object_] | None) -> None:
    """A row of a layer whose rows may have no shape needs one or a place it refers to."""
    named = next(iter(desk.layer.refers))
    for i in range(len(desk.raw.frame)):
        if columns[named][i] is None and (geometry is None or geometry[i] is None) and i not in desk.bad:
            desk.say("fault.no_place", at=i, column=named)


def _bandwidths(desk: _Desk, columns: dict[str, list[Any]], headings: dict[str, str]) -> None:
    """A 4G or 5G sector has a channel bandwidth of its technology (of any of its bands where the band is empty)."""
    cells = zip(columns["technology"], columns["band_mhz"], columns["bandwidth_mhz"], strict=True)
    good: set[tuple[str, float | None, float]] = set()
    for i, (technology, band_mhz, bandwidth_mhz) in enumerate(cells):
        if i in desk.bad or bandwidth_mhz is None or (technology, band_mhz, bandwidth_mhz) in good:
            continue
        bands = (0.0, math.inf) if band_mhz is None else (band_mhz,)
        known = sorted({mhz for band in bands for mhz in channels(technology, band_mhz=band)})
        if known and not any(abs(mhz - bandwidth_mhz) < 1e-6 for mhz in known):
            column = headings["bandwidth_mhz"]
            known_mhz = ", ".join(f"{mhz:g}" for mhz in known)
            params = {"found": f"{bandwidth_mhz:g}", "technology": technology, "known": known_mhz}
            desk.say("fault.bandwidth", at=i, column=column, **params)
        else:
            good.add((technology, band_mhz, bandwidth_mhz))


def _geometry(desk: _Desk, headings: dict[str, str], *, crs: str, reproject: bool) -> NDArray[np.object_] | None:
    """The shapes in ``crs``; None if the file has none (fatal but for layers whose rows may have none)."""
    raw, layer = desk.raw, desk.layer
    shapes, own = (raw.geometry, raw.crs) if raw.geometry is not None else _points(desk, headings)
    if shapes is None or not len(shapes):
        return None
    if own is None:
        desk.say("fault.no_crs", fatal=True)
        return None
    if not reproject and not _same(own, crs):
        desk.say("fault.mixed_crs", fatal=True, found=own, expected=crs)
        return None
    shapes = shapely.force_2d(np.asarray(shapes, dtype=object))
    kinds = np.where(shapely.is_empty(shapes), "", _KINDS[shapely.get_type_id(shapes)])
    for i in np.flatnonzero(np.isin(kinds, ("MultiPoint", "MultiLineString"))).tolist():
        if len(shapes[i].geoms) == 1:  # a file may hold single ones as such; they are the same
            shapes[i], kinds[i] = shapes[i].geoms[0], kinds[i].removeprefix("Multi")
    allowed = {kind for shape in layer.shapes for kind in _SHAPES[shape]}
    expected = Text(f"geometry.{'_'.join(layer.shapes)}")
    there = set(kinds) - {""}
    if there and not there & allowed:
        desk.say("fault.wrong_layer_geometry", fatal=True, found=", ".join(sorted(there)), expected=expected)
        return None
    degrees = CRS.from_user_input(own).is_geographic
    for i in np.flatnonzero(_odd(shapes, kinds, allowed, degrees=degrees)).tolist():
        shape = shapes[i]
        if kinds[i] == "":
            shapes[i] = None
            if not layer.placeless and i not in desk.bad:
                desk.say("fault.no_geometry", at=i, expected=expected)
        elif kinds[i] not in allowed:
            desk.say("fault.wrong_geometry", at=i, found=kinds[i], expected=expected)
        elif not shape.is_valid and kinds[i] != "Point":
            desk.say("fault.broken_outline", at=i, **broken(shape, crs=own))
        elif not shape.is_valid:
            desk.say("fault.broken_geometry", at=i, reason=shapely.is_valid_reason(shape))
        elif not degrees and max(map(abs, shape.bounds)) > _FARTHEST_M:
            x, y = shape.bounds[:2]
            desk.say("fault.beyond_the_earth", at=i, x=f"{x:g}", y=f"{y:g}")
        elif degrees and not _on_earth(shape.bounds):
            x, y = shape.bounds[:2]
            code = "fault.axes_swapped" if _on_earth((y, x, y, x)) and abs(y) > 90 else "fault.not_degrees"
            desk.say(code, at=i, x=f"{x:g}", y=f"{y:g}", crs=own)
    return _brought(desk, shapes, own=own, crs=crs)


def _odd(
    shapes: NDArray[np.object_], kinds: NDArray[np.str_], allowed: set[str], *, degrees: bool
) -> NDArray[np.bool_]:
    """The shapes that have something wrong with them: all are looked at at once, what it is is said one by one."""
    left, bottom, right, top = bounds = shapely.bounds(shapes).T
    if degrees:
        astray = ~((left >= -180) & (right <= 180) & (bottom >= -90) & (top <= 90))
    else:
        astray = (np.abs(bounds) > _FARTHEST_M).any(axis=0)
    odd: NDArray[np.bool_] = ~np.isin(kinds, sorted(allowed)) | ~shapely.is_valid(shapes) | astray
    return odd


def _brought(desk: _Desk, shapes: NDArray[np.object_], *, own: str, crs: str) -> NDArray[np.object_]:
    """The shapes of rows still good, from ``own`` to ``crs``; a place the transformation cannot reach is a fault."""
    if _same(own, crs):
        return shapes
    good = np.array([i not in desk.bad for i in range(len(shapes))], dtype=bool)
    move = transformer(own, crs).transform
    moved = np.full(len(shapes), None, dtype=object)
    moved[good] = shapely.transform(shapes[good], lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])))
    lost = ~shapely.is_missing(moved) & ~np.isfinite(shapely.bounds(moved)).all(axis=1)
    for i in np.flatnonzero(lost).tolist():
        desk.say("fault.cannot_transform", at=i, found=own, expected=crs)
        moved[i] = None
    return moved


def _points(desk: _Desk, headings: dict[str, str]) -> tuple[NDArray[np.object_] | None, str | None]:
    """Points from a table's coordinate columns: degrees are WGS 84 unless declared, metres need a declared CRS."""
    layer, raw = desk.layer, desk.raw
    if not len(raw.frame):
        return None, None
    pairs = DEGREES + METRES
    pair = next((pair for pair in pairs if all(name in headings for name in pair)), None)
    pointless = "point" not in layer.shapes
    if not layer.placeless and (pointless or pair is None):
        drawn = "polygons" if layer.shapes == ("polygon",) else "lines"
        desk.say(f"fault.table_without_{drawn}" if pointless else "fault.no_coordinates", fatal=True)
    if pair is None or pointless:
        return None, None
    numbers = np.full((len(raw.frame), 2), np.nan)
    for k, name in enumerate(pair):
        column = Column(headings[name], "number", nullable=layer.placeless)
        values, errors = read_cells(raw.frame[headings[name]].tolist(), column)
        numbers[:, k] = np.array(values, dtype=np.float64)
        for i, fault in errors.items():
            desk.say(fault.code, at=i, column=column.name, **fault.params)
    shapes = np.full(len(numbers), None, dtype=object)
    whole = np.isfinite(numbers).all(axis=1)
    shapes[whole] = shapely.points(numbers[whole])
    return shapes, raw.crs or ("EPSG:4326" if pair in DEGREES else None)


def _same(one: str, other: str) -> bool:
    if one == other or crs_text(one) == crs_text(other):
        return True
    return bool(CRS.from_user_input(one).equals(CRS.from_user_input(other), ignore_axis_order=True))


def _on_earth(bounds: tuple[float, float, float, float]) -> bool:
    left, bottom, right, top = bounds
    return left >= -180 and right <= 180 and bottom >= -90 and top <= 90
