"""Raster files from elsewhere, one or many tiles of a product, read together as one and warped onto a study's grid.

Tiles must be of one CRS and one lattice of cells (SRTM, Copernicus, GHSL, HRSL; WorldPop is one file). The result does
not depend on the order in which they are named: they are taken from north to south and west to east, the first with a
value in a cell counts, and where two differ that is told. What is odd about values is told too: marks for "no data"
that a file does not declare, heights in another unit than metres, people that a warp would lose.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Geod
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rasterio.warp import transform as move
from rasterio.windows import Window

from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import (
    MAX_READ,
    Warp,
    box_of,
    opened,
    pinned_warp,
    refuse_several,
    tags_of,
    values_of,
    window_of,
)
from phusong.layers.readers.guard import guard, kind, unpacked

SUFFIXES = (".tif", ".tiff", ".hgt", ".asc")
RESAMPLING: dict[str, Warp] = {"elevation": "bilinear", "population": "sum", "land_cover": "mode"}
UNITS_M = {"m": 1.0, "dm": 0.1, "cm": 0.01, "ft": 0.3048, "us-ft": 1200 / 3937}
"""Units that heights come in, in metres: international foot, US survey foot."""
_UNIT_NAMES = {
    "metre": "m", "meter": "m", "metres": "m", "meters": "m", "decimetre": "dm", "decimeter": "dm", "centimetre": "cm",
    "centimeter": "cm", "foot": "ft", "feet": "ft", "us survey foot": "us-ft", "ussurveyfoot": "us-ft", "ftus": "us-ft",
}  # fmt: skip
UNDECLARED_VOIDS = {
    "elevation": (-32768.0, -32767.0, -9999.0, -99999.0),
    "population": (-99999.0, -9999.0, -200.0),
}
"""What products write for "no data" (SRTM, WorldPop, GHSL) and some copies of them no longer declare."""
BEYOND = 1e30  # no height and no number of people: the least number of a float, mostly
INDOCHINA = (102.0, 8.0, 110.0, 23.4)
HIGHEST_OF_INDOCHINA_M = 3147.3
"""Fansipan, survey of 2019; nothing within ``INDOCHINA`` (left, bottom, right, top in degrees) is higher."""
STEEP = 1.0  # rise over run, 45 degrees
STEEPEST_PCT = 5.0
"""Cells steeper than ``STEEP``, percent of all known, beyond which heights are doubted: 0.8 in the Andes about
Chimborazo (680 to 6,259 m, SRTM, 90 m), 50 there if feet are taken for metres, 85 if decimetres are."""
FINEST_M, COARSEST_M = 25.0, 200.0  # cells whose slopes tell a unit
AGREE = 1e-3  # of a cell or of a value; more is another lattice, or a difference
PEOPLE_LOST_PCT, PEOPLE_LOST = 1.0, 10.0  # both must be exceeded
_FAR_M = 1e12
_STRIDE = 16
_ROWS = 256  # looked at at once
_PARTS = (8, 64)  # a side of a cell at the edge of the grid, at least and at most


@dataclass(frozen=True)
class Tiles:
    """Raster files on one lattice: the first row and column of each, the size of the whole, and its transform."""

    files: tuple[Path, ...]
    corners: tuple[tuple[int, int], ...]
    shapes: tuple[tuple[int, int], ...]
    transform: Affine
    crs: Any
    width: int
    height: int

    @property
    def name(self) -> str:
        """What faults call it: the file, or the first and how many more."""
        return self.files[0].name if len(self.files) == 1 else f"{self.files[0].name} (+{len(self.files) - 1})"


class Warped(NamedTuple):
    """A raster on the study's grid, and what was noticed on the way."""

    raster: Raster
    faults: tuple[Fault, ...]


def raster_files(paths: Sequence[str | Path], *, into: str | Path) -> list[Path]:
    """The raster files named, those within zip archives unpacked below ``into``; guarded, in the order of their names.

    InputError for a hostile file, or for an archive without a raster.
    """
    found: list[Path] = []
    for number, path in enumerate(map(Path, paths)):
        if path.suffix.lower() != ".hgt" or path.is_symlink() or not path.is_file():  # heights may look like any text
            guard(path)
        if path.suffix.lower() == ".hgt" or kind(path) != "zip":
            found.append(path)
            continue
        members = unpacked(path, into=Path(into) / str(number))
        rasters = [one for one in members if one.suffix.lower() in SUFFIXES]
        if not rasters:
            names = ", ".join(one.name for one in members)[:200]
            raise InputError("read.zip_no_raster", file=path.name, names=names)
        found += rasters
    return sorted(found, key=lambda one: (one.name, str(one)))


def tiles_of(files: Sequence[Path]) -> Tiles:
    """Files as tiles of one lattice; InputError if they are not, or have several bands; CrsError without a CRS."""
    files = sorted(files, key=lambda one: (one.name, str(one)))
    frames = [_frame(path) for path in files]
    first = frames[0]
    places = [(*_corner(frame, first), path, frame.shape) for path, frame in zip(files, frames, strict=True)]
    row0, col0 = min(place[0] for place in places), min(place[1] for place in places)
    places.sort(key=lambda place: (place[0], place[1], place[2].name, str(place[2])))
    corners = tuple((row - row0, col - col0) for row, col, _, _ in places)
    shapes = tuple(shape for _, _, _, shape in places)
    height = max(row + rows for (row, _), (rows, _) in zip(corners, shapes, strict=True))
    width = max(col + cols for (_, col), (_, cols) in zip(corners, shapes, strict=True))
    whole = first.transform @ Affine.translation(col0, row0)
    return Tiles(tuple(place[2] for place in places), corners, shapes, whole, first.crs, width, height)


def tiles_bounds(tiles: Tiles, *, crs: str) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of all tiles in ``crs``, metres; infinite where it cannot be shown."""
    return box_of(tiles.transform, (tiles.height, tiles.width), tiles.crs, crs=crs, file=tiles.name)


def warp_tiles(tiles: Tiles, grid: Grid, *, layer: str, unit: str | None = None) -> Warped:
    """The tiles resampled onto ``grid`` as ``layer`` ("elevation", "population", "land_cover") needs it; float32.

    Heights come out in metres: converted from the unit the file declares, or from ``unit`` (``UNITS_M``), the user's
    word. Undeclared marks for "no data" become voids. Faults: notes and changes; fatal ones where heights can hardly be
    metres and nobody has said they are, or where people would be lost. InputError if too many cells would be read.
    """
    if unit is not None and unit not in UNITS_M:
        raise InputError("raster.unknown_unit", found=unit, choices=", ".join(UNITS_M))
    window = window_of(tiles, grid)
    if window.width < 1 or window.height < 1:
        return Warped(Raster(grid, np.full(grid.shape, np.nan, dtype=np.float32)), ())
    if window.width * window.height > MAX_READ:
        raise InputError("read.raster_too_large", file=tiles.name)
    values, covered, tags, faults = _joined(tiles, window, layer=layer, unit=unit)
    transform = tiles.transform @ Affine.translation(window.col_off, window.row_off)
    faults += _gaps(covered, transform, tiles, grid)
    if layer == "elevation" and unit is None:
        faults += _unit_doubts(values, transform, tiles)
    out = np.full(grid.shape, np.nan, dtype=np.float32)
    reproject(
        values,
        out,
        src_transform=transform,
        src_crs=tiles.crs,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=rasterio.crs.CRS.from_user_input(grid.crs),
        dst_nodata=np.nan,
        resampling=Resampling[RESAMPLING[layer]],
        **pinned_warp(tiles.crs, grid.crs),
    )
    if layer == "population":
        faults += _people(values, transform, tiles, grid, after=float(np.nansum(out, dtype=np.float64)))
    return Warped(Raster(grid, out, tags), tuple(faults))


class _Frame(NamedTuple):
    """Where a file's cells lie."""

    name: str
    crs: Any
    transform: Affine
    shape: tuple[int, int]

    def __str__(self) -> str:
        code = self.crs.to_string()
        width, height = _sides(self.transform)
        return f"{width:.8g} x {height:.8g}, {code if len(code) < 40 else 'WKT'}"


def _frame(path: Path) -> _Frame:
    with opened(path) as source:
        if source.crs is None:
            raise CrsError("read.raster_no_crs", file=path.name)
        refuse_several(source, path)
        return _Frame(path.name, source.crs, source.transform, source.shape)


def _sides(transform: Affine) -> tuple[float, float]:
    """Width and height of a cell, rotated or not, in the unit of the CRS."""
    return math.hypot(transform.a, transform.d), math.hypot(transform.b, transform.e)


def _corner(frame: _Frame, first: _Frame) -> tuple[int, int]:
    """First row and column of a tile on the lattice of the first one."""
    if frame is first:
        return 0, 0
    one, base = frame.transform, first.transform
    if not any((one.b, one.d, base.b, base.d)) and frame.crs == first.crs:
        col, row = (one.c - base.c) / base.a, (one.f - base.f) / base.e
        alike = max(abs(one.a / base.a - 1), abs(one.e / base.e - 1)) < AGREE / max(frame.shape)
        if alike and max(abs(col - round(col)), abs(row - round(row))) <= AGREE * 10:
            return round(row), round(col)
    found, expected = str(frame), str(first)
    raise InputError("raster.other_lattice", file=frame.name, found=found, expected=expected, other=first.name)


def _joined(
    tiles: Tiles, window: Window, *, layer: str, unit: str | None
) -> tuple[NDArray[np.float32], NDArray[np.bool_], dict[str, str], list[Fault]]:
    """The cells of the window from all tiles, which of them a tile covers, the first tile's tags, and faults."""
    values = np.full((window.height, window.width), np.nan, dtype=np.float32)
    covered = np.zeros(values.shape, dtype=bool)
    tags: dict[str, str] = {}
    faults: list[Fault] = []
    differing, largest, among = 0, 0.0, ""
    for path, (row, col), (rows, cols) in zip(tiles.files, tiles.corners, tiles.shapes, strict=True):
        top, left = max(row, window.row_off), max(col, window.col_off)
        bottom, right = min(row + rows, window.row_off + window.height), min(col + cols, window.col_off + window.width)
        if top >= bottom or left >= right:
            continue
        with opened(path) as source:
            part = values_of(source, 1, path, window=Window(left - col, top - row, right - left, bottom - top))
            written = float(source.scales[0]), float(source.offsets[0])
            tags = tags or tags_of(source)
            own = _unit_of(source, path) if layer == "elevation" and unit is None else None
        faults += without_marks(part, layer=layer, file=path.name, written=written)
        faults += _to_metres(part, unit or own, layer=layer, file=path.name)
        at = np.s_[top - window.row_off : bottom - window.row_off, left - window.col_off : right - window.col_off]
        there = values[at]
        both = np.isfinite(there) & np.isfinite(part)
        away = np.abs(there[both] - part[both])
        differ = away > AGREE * np.maximum(np.abs(there[both]), 1.0)
        if differ.any():
            differing += int(differ.sum())
            among = f"{among}, {path.name}" if among else path.name
            largest = max(largest, float(away.max()))
        np.copyto(there, part, where=np.isnan(there))
        covered[at] = True
    if differing:
        told: dict[str, Any] = {"count": differing, "largest": f"{largest:.4g}", "files": among[:200]}
        faults.append(Fault("note.tiles_differ", file=tiles.name, layer=layer, params=told))
    return values, covered, tags, faults


def _to_metres(values: NDArray[np.float32], unit: str | None, *, layer: str, file: str) -> list[Fault]:
    """Convert heights in place, and tell."""
    if unit is None or UNITS_M[unit] == 1.0:
        return []
    values *= np.float32(UNITS_M[unit])
    params = {"found": unit, "factor": f"{UNITS_M[unit]:.6g}"}
    return [Fault("changed.raster_unit", file=file, layer=layer, params=params)]


def _unit_of(source: Any, path: Path) -> str | None:
    """The unit of heights that the band or the vertical part of the CRS declares, None if neither does.

    InputError for one that is not known: its heights are in nobody knows what.
    """
    text = str(source.units[0] or "").strip().casefold()
    if not text:
        parts = CRS.from_user_input(source.crs.to_wkt()).sub_crs_list
        text = parts[1].axis_info[0].unit_name.casefold() if len(parts) > 1 and parts[1].axis_info else ""
    name = _UNIT_NAMES.get(text, text)
    if name and name not in UNITS_M:
        raise InputError("raster.unknown_unit", found=f"{path.name}: {name}", choices=", ".join(UNITS_M))
    return name or None


def without_marks(
    values: NDArray[np.float32], *, layer: str, file: str, written: tuple[float, float] = (1.0, 0.0)
) -> list[Fault]:
    """Make the undeclared marks of "no data" voids, in place, and tell; a file may declare one mark and hold another.

    ``written``: scale and offset of the file, which its marks have gone through as well.
    """
    marks = UNDECLARED_VOIDS.get(layer)
    if marks is None:
        return []
    found: dict[str, int] = {}
    for start in range(0, len(values), _ROWS):
        part = values[start : start + _ROWS]
        for mark in (*marks, None):
            there = np.abs(part) > BEYOND if mark is None else part == np.float32(mark * written[0] + written[1])
            if there.any():
                said = f"{part[there][0] if mark is None else mark:g}"
                found[said] = found.get(said, 0) + int(there.sum())
                part[there] = np.nan
    return [
        Fault("changed.raster_void", file=file, layer=layer, params={"count": count, "found": mark})
        for mark, count in found.items()
    ]


def _gaps(covered: NDArray[np.bool_], transform: Affine, tiles: Tiles, grid: Grid) -> list[Fault]:
    """A note on the parts of the grid that no tile covers, as boxes in the tiles' CRS.

    The lattice is cut at all edges of tiles: each piece is covered or not as a whole; pieces side by side are one box.
    """
    if len(tiles.files) == 1 or covered.all():
        return []
    left0, top0 = (
        round((transform.c - tiles.transform.c) / transform.a),
        round((transform.f - tiles.transform.f) / transform.e),
    )
    rows, cols = {0, covered.shape[0]}, {0, covered.shape[1]}
    for (row, col), (height, width) in zip(tiles.corners, tiles.shapes, strict=True):
        rows |= {min(max(at - top0, 0), covered.shape[0]) for at in (row, row + height)}
        cols |= {min(max(at - left0, 0), covered.shape[1]) for at in (col, col + width)}
    row_edges, col_edges = sorted(rows), sorted(cols)
    degrees = CRS.from_user_input(tiles.crs.to_wkt()).is_geographic
    boxes = []
    for r0, r1 in pairwise(row_edges):
        start: int | None = None
        for c0 in [*col_edges[:-1], None]:
            empty = c0 is not None and not covered[r0, c0]
            if empty and start is None:
                start = c0
            elif not empty and start is not None:
                end = covered.shape[1] if c0 is None else c0
                boxes.append(_box(transform, (r0, r1, start, end), degrees=degrees))
                start = None
    params = {"count": len(boxes), "share_pct": f"{100 * float((~covered).mean()):.2g}", "boxes": "; ".join(boxes[:8])}
    return [Fault("note.tiles_gaps", file=tiles.name, params=params)]


def _box(transform: Affine, at: tuple[int, int, int, int], *, degrees: bool) -> str:
    r0, r1, c0, c1 = at
    (left, top), (right, bottom) = transform @ (c0, r0), transform @ (c1, r1)
    if degrees:
        return f"{left:.2f} - {right:.2f} E, {bottom:.2f} - {top:.2f} N"
    return f"x {left:.0f} - {right:.0f}, y {bottom:.0f} - {top:.0f} m"


def _unit_doubts(values: NDArray[np.float32], transform: Affine, tiles: Tiles) -> list[Fault]:
    """A fatal fault where heights can hardly be metres: above the highest summit of Indochina there, or too steep.

    Feet over low hills and decimetres of a plain pass both: nothing in the numbers tells them from metres.
    """
    rows, cols = values.shape
    highest = float(np.fmax.reduce(values, axis=None))
    box = box_of(transform, values.shape, tiles.crs, crs="EPSG:4326", file=tiles.name)
    inside = box[0] >= INDOCHINA[0] and box[1] >= INDOCHINA[1] and box[2] <= INDOCHINA[2] and box[3] <= INDOCHINA[3]
    choices = ", ".join(UNITS_M)
    if inside and highest > HIGHEST_OF_INDOCHINA_M + 10:
        params = {"found": f"{highest:.0f}", "most": f"{HIGHEST_OF_INDOCHINA_M:.0f}", "choices": choices}
        return [Fault("fault.heights_of_unit", file=tiles.name, layer="elevation", fatal=True, params=params)]
    x_m, y_m = _cell_m(box, transform, tiles)
    if not FINEST_M <= min(x_m, y_m) <= max(x_m, y_m) <= COARSEST_M or min(rows, cols) < 3:
        return []
    steep, told = 0, 0
    for start in range(0, rows, _ROWS):
        end = min(start + _ROWS, rows)
        above = max(start - 1, 0)  # slopes of the first and last row of a part need the rows beside it
        down, across = np.gradient(values[above : end + 1])
        slope = np.hypot(down / np.float32(y_m), across / np.float32(x_m))[start - above : end - above]
        steep, told = steep + int((slope > STEEP).sum()), told + int(np.isfinite(slope).sum())
    steep_pct = 100 * steep / told if told else 0.0
    if steep_pct <= STEEPEST_PCT:
        return []
    params = {"found": f"{steep_pct:.0f}", "most": f"{STEEPEST_PCT:g}", "choices": choices}
    return [Fault("fault.slopes_of_unit", file=tiles.name, layer="elevation", fatal=True, params=params)]


def _cell_m(box: tuple[float, float, float, float], transform: Affine, tiles: Tiles) -> tuple[float, float]:
    """Width and height of a cell in the middle, metres."""
    known = CRS.from_user_input(tiles.crs.to_wkt())
    width, height = _sides(transform)
    if not known.is_geographic:
        factor = known.axis_info[0].unit_conversion_factor if known.axis_info else 1.0  # to metres
        return width * factor, height * factor
    lon, lat = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    earth = Geod(ellps="WGS84")
    _, _, x_m = earth.inv(lon, lat, lon + width, lat)
    _, _, y_m = earth.inv(lon, lat, lon, lat + height)
    return x_m, y_m


def _people(values: NDArray[np.float32], transform: Affine, tiles: Tiles, grid: Grid, *, after: float) -> list[Fault]:
    """A note on the people within the grid before and after the warp; fatal if they differ."""
    before = 0.0
    for start, share in _inside(values.shape, transform, tiles, grid):
        before += float(np.nansum(values[start : start + len(share)] * share, dtype=np.float64))
    lost_pct = 100 * (after - before) / before if before else 0.0
    params = {"before": f"{before:.0f}", "after": f"{after:.0f}", "lost_pct": f"{lost_pct:+.3f}"}
    if abs(lost_pct) > PEOPLE_LOST_PCT and abs(after - before) > PEOPLE_LOST:
        return [Fault("fault.people_lost", file=tiles.name, layer="population", fatal=True, params=params)]
    return [Fault("note.people_total", file=tiles.name, layer="population", params=params)]


def _inside(
    shape: tuple[int, int], transform: Affine, tiles: Tiles, grid: Grid
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """The share of each source cell that lies within the grid, by parts of a cell where its corners disagree.

    Some rows at a time, with the number of the first.
    """
    rows, cols = shape
    parts = _PARTS[0]
    for start in range(0, rows, _ROWS):
        end = min(start + _ROWS, rows)
        x_m, y_m = _metres(np.arange(start, end + 1.0), np.arange(cols + 1.0), transform, tiles, grid)
        if not start and cols > 1:
            side_m = math.hypot(x_m[0, 1] - x_m[0, 0], y_m[0, 1] - y_m[0, 0])
            parts = min(max(parts, math.ceil(side_m / grid.cell_m)), _PARTS[1]) if math.isfinite(side_m) else parts
        corners = grid.inside(x_m, y_m)
        count = corners[:-1, :-1].astype(np.int8) + corners[:-1, 1:] + corners[1:, :-1] + corners[1:, 1:]
        part = count.astype(np.float32) / np.float32(4)
        steps = (np.arange(parts) + 0.5) / parts
        for row, col in _edge(count, x_m, y_m, grid):
            part[row, col] = grid.inside(*_metres(start + row + steps, col + steps, transform, tiles, grid)).mean()
        yield start, part


def _edge(
    count: NDArray[np.int8], x_m: NDArray[np.float64], y_m: NDArray[np.float64], grid: Grid
) -> Iterator[tuple[int, int]]:
    """Cells that may lie in the grid in part: corners in and out, or a grid so small that it hides between them."""
    left, bottom, right, top = grid.bounds
    lows = [np.minimum.reduce([at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]]) for at in (x_m, y_m)]
    highs = [np.maximum.reduce([at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]]) for at in (x_m, y_m)]
    touching = (lows[0] < right) & (highs[0] > left) & (lows[1] < top) & (highs[1] > bottom)
    yield from ((int(row), int(col)) for row, col in np.argwhere(touching & (count < 4)))


def _metres(
    rows: NDArray[np.float64], cols: NDArray[np.float64], transform: Affine, tiles: Tiles, grid: Grid
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eastings and northings in the grid's CRS of rows and columns of the source, shape (rows, cols) each.

    Every ``_STRIDE``-th is transformed, the rest lie straight between (off by the stride squared over 8 Earth radii:
    0.04 m for cells of 90 m, 5 m for 1 km). Far off where they cannot be shown.
    """
    knots = [np.unique(np.append(np.arange(0, len(at), _STRIDE), len(at) - 1)) for at in (rows, cols)]
    col, row = np.meshgrid(cols[knots[1]], rows[knots[0]])
    x, y = transform @ (col.ravel(), row.ravel())
    moved = np.array(move(tiles.crs, rasterio.crs.CRS.from_user_input(grid.crs), x, y), dtype=np.float64)
    moved[~np.isfinite(moved)] = _FAR_M
    for axis, (at, knot) in enumerate(zip((rows, cols), knots, strict=True), start=1):
        moved = moved.reshape(2, len(knots[0]) if axis == 1 else len(rows), -1)
        if len(knot) == len(at):
            continue
        low = np.clip(np.searchsorted(knot, np.arange(len(at)), side="right") - 1, 0, len(knot) - 2)
        part = (np.arange(len(at)) - knot[low]) / (knot[low + 1] - knot[low])
        part = part[:, None] if axis == 1 else part
        moved = moved.take(low, axis) * (1 - part) + moved.take(low + 1, axis) * part
    return moved[0], moved[1]
