"""Rivers as barriers: the moves that would cross them, and what sees what without crossing.

A move is closed if its straight segment, centre to centre, meets a barrier's geometry. Centres are taken to stand
``SHIFT_M`` beside themselves, so that a barrier drawn through a centre leaves it on one side: nothing leaks through a
vertex or along a line of centres, and no cell is lost to a line.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.moves import DCOL, DROW, OPPOSITE
from phusong.layers.cell_shares import Frame, cell_shares
from phusong.layers.grid import Grid

SHIFT_M = (1.37e-5, 0.71e-5)
"""How far east and north of themselves centres are taken to stand; no outline is drawn so finely."""
_HALF = np.array([0, 1, 2, 3, 8, 9, 10, 11], dtype=np.int64)  # the others are these, back

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Barriers:
    """Where nobody passes.

    ``closed``: uint16 (rows, cols), bit k closes move k. ``beside``: bool (rows, cols), True at least where a barrier
    comes within a cell of the centre, eastwards and northwards. ``water``: cells inside a barrier's polygon. ``tree``:
    index of the barriers' segments, none of length 0; None without any.
    """

    grid: Grid
    closed: NDArray[np.uint16]
    beside: NDArray[np.bool_]
    water: NDArray[np.bool_]
    tree: shapely.STRtree | None

    def near(self, places: NDArray[np.object_], *, within_m: float) -> NDArray[np.bool_]:
        """Which points have a barrier within a distance."""
        found = np.zeros(len(places), dtype=bool)
        if self.tree is not None and len(places):
            found[self.tree.query(places, predicate="dwithin", distance=within_m)[0]] = True
        return found

    def crossed(self, lines: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Which lines meet a barrier."""
        found = np.zeros(len(lines), dtype=bool)
        if self.tree is not None and len(lines):
            found[self.tree.query(lines, predicate="intersects")[0]] = True
        return found


def barriers(rivers: gpd.GeoDataFrame | None, *, grid: Grid) -> Barriers:
    """Barriers of lines and polygons in the grid's CRS; the rings of a polygon are barriers, its inside is water."""
    closed = np.zeros(grid.shape, dtype=np.uint16)
    beside, water = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape, dtype=bool)
    shapes = shapely.get_parts(np.asarray(rivers.geometry.array, dtype=object)) if rivers is not None else np.array([])
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        return Barriers(grid, closed, beside, water, None)
    areal = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    _fill(water, shapes[areal], grid=grid)
    lines = np.concatenate([shapes[~areal], shapely.get_rings(shapes[areal])])
    at, line = shapely.get_coordinates(lines, return_index=True)
    u, v = _in_cells(at[:, 0], at[:, 1], grid)
    real = (line[1:] == line[:-1]) & (at[1:] != at[:-1]).any(axis=1)
    _close(u[:-1][real], v[:-1][real], u[1:][real], v[1:][real], closed, beside)
    segments = shapely.linestrings(np.stack([at[:-1][real], at[1:][real]], axis=1))
    return Barriers(grid, closed, beside, water, shapely.STRtree(segments) if len(segments) else None)


def centres(cells: NDArray[np.int64], *, grid: Grid) -> NDArray[np.float64]:
    """(n, 2) x_m, y_m at which flat cells are taken to stand."""
    rows, cols = np.divmod(cells, grid.shape[1])
    return np.column_stack([grid.x_m[cols] + SHIFT_M[0], grid.y_m[rows] + SHIFT_M[1]])


def _fill(water: NDArray[np.bool_], shapes: NDArray[np.object_], *, grid: Grid) -> None:
    if not len(shapes):
        return
    frame = Frame(grid.left_m, grid.top_m, grid.cell_m, grid.cell_m, grid.shape)
    shape, cell, _ = cell_shares(shapes, frame)
    shapely.prepare(shapes)
    at = centres(cell, grid=grid)
    inside = cell[shapely.contains_xy(shapes[shape], at[:, 0], at[:, 1])]
    water.reshape(-1)[inside] = True


def _in_cells(x_m: Floats, y_m: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """(u, v): columns and rows, so that the shifted centre of cell (r, c) is (c, r)."""
    u = (x_m - SHIFT_M[0] - grid.left_m) / grid.cell_m - 0.5
    return u, (grid.top_m - (y_m - SHIFT_M[1])) / grid.cell_m - 0.5


@njit(error_model="numpy", cache=True)
def _side(  # noqa: PLR0917
    px: float, py: float, qx: float, qy: float, x: float, y: float
) -> bool:
    return (qx - px) * (y - py) - (qy - py) * (x - px) > 0.0


@njit(error_model="numpy", cache=True)
def _close(  # noqa: PLR0917
    u0: Floats, v0: Floats, u1: Floats, v1: Floats, closed: NDArray[np.uint16], beside: NDArray[np.bool_]
) -> None:
    """Set the bits of all moves whose segment crosses one of the segments (u0, v0)-(u1, v1), both ways, and the cells
    that have one ``beside`` them."""
    rows, cols = closed.shape
    for k in range(len(u0)):
        top, bottom = min(v0[k], v1[k]), max(v0[k], v1[k])
        for row in range(max(0, int(np.floor(top)) - 2), min(rows, int(np.ceil(bottom)) + 3)):
            # the part of the segment that lies within two rows
            low, high = max(top, row - 2.0), min(bottom, row + 2.0)
            if low > high:
                continue
            left, right = min(u0[k], u1[k]), max(u0[k], u1[k])
            if bottom > top:
                run = (u1[k] - u0[k]) / (v1[k] - v0[k])
                one, other = u0[k] + (low - v0[k]) * run, u0[k] + (high - v0[k]) * run
                left, right = max(left, min(one, other)), min(right, max(one, other))
            for col in range(max(0, int(np.floor(left)) - 2), min(cols, int(np.ceil(right)) + 3)):
                beside[row, col] = True
                here = _side(u0[k], v0[k], u1[k], v1[k], col, row)
                for move in _HALF:
                    to_row, to_col = row + DROW[move], col + DCOL[move]
                    if not (0 <= to_row < rows and 0 <= to_col < cols):
                        continue
                    if here == _side(u0[k], v0[k], u1[k], v1[k], to_col, to_row):
                        continue
                    first = _side(col, row, to_col, to_row, u0[k], v0[k])
                    if first != _side(col, row, to_col, to_row, u1[k], v1[k]):
                        closed[row, col] |= np.uint16(1 << move)
                        closed[to_row, to_col] |= np.uint16(1 << OPPOSITE[move])
