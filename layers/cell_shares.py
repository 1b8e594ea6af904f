"""Which share of which raster cell lies in which polygon, exactly, and sums of a raster over polygons by these shares.

Every edge of a ring is cut at the lines between cells; each piece adds the area between it and the cell's right side to
its cell and its height to all cells right of it, downward edges with one sign and upward ones with the other. The
running sum along a row is then the share of each cell inside the ring (the trapezoid form of the shoelace formula, cell
by cell). An edge that two polygons share is cut alike for both, so what one gains the other loses to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

TRIFLE = 1e-12
"""A share below this is rounding and no pair."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """Where cells lie: a north-up lattice of ``shape`` (rows, cols), in the units of the polygons' coordinates."""

    left: float
    top: float
    cell_width: float
    cell_height: float
    shape: tuple[int, int]


@dataclass(frozen=True)
class Sums:
    """A raster summed over polygons.

    ``total``: float64[n], sum of value x share over cells with data, NaN where there is none. ``known_cells``: how many
    whole cells with data lie in it. ``inside_cells``: how many cells lie in it at all, with data or without.
    """

    total: Floats
    known_cells: Floats
    inside_cells: Floats


class _Rings(NamedTuple):
    """The rings of all polygons in cells from the frame's corner: x to the right, y down."""

    x: Floats
    y: Floats
    ring_start: Ints
    ring_sign: Floats
    polygon_start: Ints
    box: Floats  # (n, 4): least x, least y, greatest x, greatest y


def cell_shares(polygons: NDArray[np.object_], frame: Frame) -> tuple[NDArray[np.int32], Ints, Floats]:
    """(polygon, cell, share): every cell of which more than ``TRIFLE`` lies in a polygon, by polygon, then cell.

    ``polygons``: valid polygons and multipolygons, empty ones allowed. ``cell``: row * cols + col; ``share``: 0-1.
    What lies outside the frame has no cells.
    """
    rings = _rings_of(polygons, frame)
    n, (rows, cols) = len(polygons), frame.shape
    room = np.zeros(_room(rings.box, first=0, rows=rows, cols=cols), dtype=np.float64)
    counts = np.zeros(n, dtype=np.int64)
    nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    _pairs(rings, rows, cols, room, counts, *nothing)
    ends = np.cumsum(counts)
    cell, share = np.empty(counts.sum(), dtype=np.int64), np.empty(counts.sum(), dtype=np.float64)
    _pairs(rings, rows, cols, room, ends - counts, cell, share)
    return np.repeat(np.arange(n, dtype=np.int32), counts), cell, share


def raster_sums(polygons: NDArray[np.object_], strips: Iterable[tuple[int, NDArray[Any]]], frame: Frame) -> Sums:
    """Sum of a raster over each polygon by exact shares of cells; NaN cells are no data and count as nothing.

    ``strips``: (first row, values (rows, cols)), each row of the raster once, in any order and of any height, so that a
    raster larger than memory can be summed as it is read. ValueError if a strip does not fit the frame or rows are
    given twice or not at all.
    """
    rings = _rings_of(polygons, frame)
    n, (rows, cols) = len(polygons), frame.shape
    found = np.zeros((3, n))
    given = np.zeros(rows, dtype=np.int64)
    for first, values in strips:
        if values.ndim != 2 or values.shape[1] != cols or not 0 <= first <= rows - len(values):
            raise ValueError(f"a strip {values.shape} from row {first} does not fit {frame.shape}")
        given[first : first + len(values)] += 1
        there = np.flatnonzero((rings.box[:, 1] < first + len(values)) & (rings.box[:, 3] > first))
        room = np.zeros(_room(rings.box[there], first=first, rows=len(values), cols=cols), dtype=np.float64)
        _sum_strip(rings, there, first, np.ascontiguousarray(values), room, found)
    if (given != 1).any():
        raise ValueError(f"{int((given != 1).sum())} rows of the raster were given twice or not at all")
    return Sums(np.where(found[1] > 0, found[0], np.nan), found[1], found[2])


def _rings_of(polygons: NDArray[np.object_], frame: Frame) -> _Rings:
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    at, ring = shapely.get_coordinates(rings, return_index=True)
    x = (at[:, 0] - frame.left) / frame.cell_width
    y = (frame.top - at[:, 1]) / frame.cell_height
    outer = np.ones(len(rings), dtype=bool)
    outer[1:] = part[1:] != part[:-1]
    sign = np.where(shapely.is_ccw(rings) == outer, 1.0, -1.0)
    ring_start = np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int64)
    polygon_start = np.searchsorted(owner[part], np.arange(len(polygons) + 1)).astype(np.int64)
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    box = np.column_stack(
        [
            (bounds[:, 0] - frame.left) / frame.cell_width,
            (frame.top - bounds[:, 3]) / frame.cell_height,
            (bounds[:, 2] - frame.left) / frame.cell_width,
            (frame.top - bounds[:, 1]) / frame.cell_height,
        ]
    )
    return _Rings(x, y, ring_start, sign, polygon_start, np.where(np.isnan(box), -1.0, box))


def _room(box: Floats, *, first: int, rows: int, cols: int) -> int:
    """Cells of the largest window of a polygon among ``rows`` rows from ``first`` on, with one more a row."""
    high = np.minimum(np.ceil(box[:, 3]), first + rows) - np.maximum(np.floor(box[:, 1]), first)
    wide = np.minimum(np.ceil(box[:, 2]), cols) - np.maximum(np.floor(box[:, 0]), 0)
    return int((np.maximum(high, 0) * (np.maximum(wide, 0) + 1)).max(initial=0))


@njit(error_model="numpy", cache=True)
def _window(box: Floats, row0: int, row1: int, cols: int) -> tuple[int, int, int, int]:
    """(first row, row after the last, first column, column after the last) of a polygon's cells among some rows."""
    return (
        max(row0, int(np.floor(box[1]))),
        min(row1, int(np.ceil(box[3]))),
        max(0, int(np.floor(box[0]))),
        min(cols, int(np.ceil(box[2]))),
    )


@njit(error_model="numpy", cache=True)
def _draw(rings: _Rings, polygon: int, window: tuple[int, int, int, int], room: Floats) -> None:
    """Put the trapezoids of a polygon's edges into ``room``: the window's (rows, cols + 1) cells, zeroed first."""
    row0, row1, col0, col1 = window
    wide = col1 - col0 + 1
    room[: (row1 - row0) * wide] = 0.0
    for ring in range(rings.polygon_start[polygon], rings.polygon_start[polygon + 1]):
        for k in range(rings.ring_start[ring], rings.ring_start[ring + 1] - 1):
            xa, ya, xb, yb, sign = rings.x[k], rings.y[k], rings.x[k + 1], rings.y[k + 1], rings.ring_sign[ring]
            if ya == yb or max(ya, yb) <= row0 or min(ya, yb) >= row1:
                continue
            if ya > yb:  # one direction for both polygons that share the edge
                xa, ya, xb, yb, sign = xb, yb, xa, ya, -sign
            run = (xb - xa) / (yb - ya)
            upper, x_upper = ya, xa
            if upper < row0:
                upper, x_upper = float(row0), xa + (row0 - ya) * run
            row = int(np.floor(upper))
            while row < row1 and upper < yb:
                lower, x_lower = yb, xb
                if yb > row + 1:
                    lower = float(row + 1)
                    x_lower = xa + (lower - ya) * run
                _draw_in_row(x_upper, x_lower, sign * (lower - upper), col0, col1, (row - row0) * wide, room)
                upper, x_upper = lower, x_lower
                row += 1


@njit(error_model="numpy", cache=True)
def _draw_in_row(  # noqa: PLR0917
    x_upper: float, x_lower: float, height: float, col0: int, col1: int, at: int, room: Floats
) -> None:
    """One edge within one row, from ``x_upper`` to ``x_lower``; ``height`` bears the sign."""
    left, right = min(x_upper, x_lower), max(x_upper, x_lower)
    if left >= col1:
        return
    if right <= col0:
        room[at] += height
        return
    per_x = height / (right - left) if right > left else 0.0
    if left < col0:
        room[at] += (col0 - left) * per_x
        left = float(col0)
    right = min(right, float(col1))
    col = int(np.floor(left))
    while True:
        end = min(right, float(col + 1))
        part = (end - left) * per_x if per_x != 0.0 else height
        middle = 0.5 * (left + end) - col
        room[at + col - col0] += part * (1.0 - middle)
        room[at + col - col0 + 1] += part * middle
        if end >= right:
            return
        left = end
        col += 1


@njit(error_model="numpy", cache=True)
def _pairs(  # noqa: PLR0917
    rings: _Rings, rows: int, cols: int, room: Floats, at: Ints, cell: Ints, share: Floats
) -> None:
    """Count the pairs of each polygon into ``at``, or, with arrays to fill, write them from there on."""
    for polygon in range(len(rings.polygon_start) - 1):
        window = _window(rings.box[polygon], 0, rows, cols)
        row0, row1, col0, col1 = window
        if row0 >= row1 or col0 >= col1:
            continue
        _draw(rings, polygon, window, room)
        k = 0
        for row in range(row0, row1):
            inside = 0.0
            for col in range(col0, col1):
                inside += room[k]
                k += 1
                if inside > TRIFLE:
                    if len(cell) > 0:
                        cell[at[polygon]] = row * cols + col
                        share[at[polygon]] = 1.0 if inside > 1.0 - TRIFLE else inside
                    at[polygon] += 1
            k += 1


@njit(error_model="numpy", cache=True)
def _sum_strip(  # noqa: PLR0917
    rings: _Rings, chosen: Ints, first: int, values: NDArray[Any], room: Floats, found: Floats
) -> None:
    """Add the strip's part of each chosen polygon to ``found`` (3, n): sum, cells with data, cells."""
    rows, cols = values.shape
    for polygon in chosen:
        window = _window(rings.box[polygon], first, first + rows, cols)
        row0, row1, col0, col1 = window
        if row0 >= row1 or col0 >= col1:
            continue
        _draw(rings, polygon, window, room)
        k = 0
        for row in range(row0, row1):
            inside, total, known, whole = 0.0, 0.0, 0.0, 0.0
            for col in range(col0, col1):
                inside += room[k]
                k += 1
                if inside <= TRIFLE:  # else rounding times a huge value would count, or make data where there is none
                    continue
                value = values[row - first, col]
                whole += inside
                if not np.isnan(value):
                    total += inside * value
                    known += inside
            k += 1
            found[0, polygon] += total
            found[1, polygon] += known
            found[2, polygon] += whole
