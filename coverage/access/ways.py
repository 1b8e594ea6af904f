"""Roads, bridges, fords and ferries as links between cells of the grid.

A line is cut where it passes from cell to cell. Each piece stands at the nearest of the nine cell centres around it
that can be passed and are seen from the piece's middle without crossing a barrier: its own cell, unless a river runs
between. Links join the stands of a line in their order and have the length of the line between the places nearest to
these centres, so that winding roads keep their length, roads side by side stay apart, and nobody steps from a road to
the other bank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.barriers import Barriers, centres
from phusong.layers.grid import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[np.object_]

BANK_CELLS = (1.5, 3.0, 6.0, 12.0, 24.0)
"""How far beyond its ends, in cells, a crossing is led to find a bank."""
LEAST_M = 0.1
"""Length of a link between two stands whose nearest places on the line are one, such as the two banks of a brook."""


@dataclass(frozen=True)
class Hops:
    """Links of lines before they have a cost: ``line`` int64[n], flat ``start`` and ``end`` int64[n], ``length_m``
    float64[n] along the line, ``crosses`` bool[n]: the line meets a barrier on the way."""

    line: Ints
    start: Ints
    end: Ints
    length_m: Floats
    crosses: NDArray[np.bool_]


def hops(lines: Shapes, *, barriers: Barriers, passable: NDArray[np.bool_]) -> Hops:
    """The links of each line (LineString, in the grid's CRS), in its direction."""
    grid = barriers.grid
    at, owner = shapely.get_coordinates(lines, return_index=True)
    u, v = (at[:, 0] - grid.left_m) / grid.cell_m, (grid.top_m - at[:, 1]) / grid.cell_m
    line, begin, ends = _cut(u, v, owner)
    met_line, met_m = _meetings(lines, barriers=barriers)
    line, begin_m, start_m, run_m = _cut_again(line, begin, ends, met_line, met_m, grid=grid)
    stand = _stands(shapely.points(start_m + 0.5 * run_m), barriers=barriers, passable=passable)
    length_m = np.hypot(*run_m.T)
    kept = (stand >= 0) & (length_m > 0)
    line, stand, begin_m, start_m, run_m, length_m = (
        each[kept] for each in (line, stand, begin_m, start_m, run_m, length_m)
    )
    # where each piece is nearest to the centre it stands at
    away = centres(stand, grid=grid) - start_m
    share = np.clip((away * run_m).sum(axis=1) / length_m**2, 0.0, 1.0)
    far = np.hypot(*(away - share[:, None] * run_m).T)
    place_m = begin_m + share * length_m
    # neighbours of one line at one stand are one stop, where the line is nearest to the centre
    new = np.ones(len(line), dtype=bool)
    new[1:] = (line[1:] != line[:-1]) | (stand[1:] != stand[:-1])
    stop = np.cumsum(new) - 1
    order = np.lexsort((far, stop))
    best = order[np.searchsorted(stop[order], np.arange(int(new.sum())))]
    line, stand, place_m = line[best], stand[best], place_m[best]
    joined = np.flatnonzero(line[1:] == line[:-1])
    crosses = np.zeros(len(joined), dtype=bool)
    low, high = np.searchsorted(met_line, line[joined]), np.searchsorted(met_line, line[joined], side="right")
    for k in np.flatnonzero(high > low):  # the few lines that meet a barrier
        here = met_m[low[k] : high[k]]
        crosses[k] = bool(((here >= place_m[joined[k]]) & (here <= place_m[joined[k] + 1])).any())
    length_m = np.maximum(place_m[joined + 1] - place_m[joined], LEAST_M)
    return Hops(line[joined], stand[joined], stand[joined + 1], length_m, crosses)


def led_to_banks(shape: shapely.Geometry, *, barriers: Barriers, passable: NDArray[np.bool_]) -> Hops | None:
    """The hops of one crossing (point or line), some over a barrier; None if it meets none or finds no two banks.

    A point is taken for a line across the nearest barrier within a cell and a half. Ends are led straight on, a little
    at a time (``BANK_CELLS``), until both sides have a stand.
    """
    grid = barriers.grid
    if shape.geom_type == "Point":
        made = _across(shape, barriers=barriers)
        if made is None:
            return None
        shape = made
    for cells in BANK_CELLS:
        longer = np.array([_led_on(shape, by_m=cells * grid.cell_m)], dtype=object)
        found = hops(longer, barriers=barriers, passable=passable)
        if found.crosses.any():
            return found
    return None


def from_bank_to_bank(found: Hops) -> Hops:
    """The hops of one line as one, from before the first that crosses to after the last."""
    at = np.flatnonzero(found.crosses)
    first, last = at[0], at[-1]
    length_m = found.length_m[first : last + 1].sum(keepdims=True)
    return Hops(found.line[[first]], found.start[[first]], found.end[[last]], length_m, found.crosses[[first]])


def _across(point: shapely.Point, *, barriers: Barriers) -> shapely.LineString | None:
    """A line across the barrier nearest to a point, through the point."""
    if barriers.tree is None:
        return None
    nearest = barriers.tree.query_nearest(point, max_distance=1.5 * barriers.grid.cell_m, all_matches=False)
    if not len(nearest):
        return None
    ends = shapely.get_coordinates(barriers.tree.geometries[nearest[0]])
    along = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))
    across = np.array([-along[1], along[0]])
    foot = ends[0] + along * np.dot(np.array([point.x, point.y]) - ends[0], along)
    return shapely.LineString([foot - across, foot + across])


def _led_on(line: shapely.LineString, *, by_m: float) -> shapely.LineString:
    at = shapely.get_coordinates(line)
    before, after = at[0] - at[1], at[-1] - at[-2]
    ends = at[0] + before / np.hypot(*before) * by_m, at[-1] + after / np.hypot(*after) * by_m
    return shapely.LineString(np.vstack([ends[0], at, ends[1]]))


def _stands(points: Shapes, *, barriers: Barriers, passable: NDArray[np.bool_]) -> Ints:
    """Flat cell at which each point stands, -1 where none of the nine around it can be passed and is seen."""
    grid = barriers.grid
    rows, cols = grid.shape
    x_m, y_m = shapely.get_x(points), shapely.get_y(points)
    row, col = grid.rowcol(x_m, y_m)
    found = np.full(len(points), -1, dtype=np.int64)
    inside = grid.inside(x_m, y_m)
    own = np.where(inside, row * cols + col, 0)
    doubtful = barriers.near(points, within_m=1.5 * grid.cell_m)
    plain = inside & ~doubtful & passable.reshape(-1)[own]
    found[plain] = own[plain]
    unsure = np.flatnonzero(doubtful)
    if len(unsure):
        down, right = (each.reshape(-1) for each in np.indices((3, 3)) - 1)
        r, c = row[unsure, None] + down, col[unsure, None] + right
        real = (r >= 0) & (r < rows) & (c >= 0) & (c < cols)
        cell = np.where(real, r * cols + c, 0)
        real &= passable.reshape(-1)[cell]
        at = centres(cell.reshape(-1), grid=grid).reshape(len(unsure), 9, 2)
        here = np.column_stack([x_m[unsure], y_m[unsure]])[:, None]
        far = np.hypot(*(at - here).transpose(2, 0, 1))
        sight = shapely.linestrings(np.stack([np.broadcast_to(here, at.shape), at], axis=2).reshape(-1, 2, 2))
        real &= ~barriers.crossed(sight).reshape(real.shape)
        best = np.argmin(np.where(real, far, np.inf), axis=1)
        sure = real[np.arange(len(unsure)), best]
        found[unsure[sure]] = cell[np.arange(len(unsure)), best][sure]
    return found


def _meetings(lines: Shapes, *, barriers: Barriers) -> tuple[Ints, Floats]:
    """(line, metres along it) of every place where a line meets a barrier, in order."""
    if barriers.tree is None:
        return np.empty(0, np.int64), np.empty(0)
    owner, segment = barriers.tree.query(lines, predicate="intersects")
    shared = shapely.intersection(lines[owner], barriers.tree.geometries[segment])
    met, which = shapely.get_coordinates(shared, return_index=True)
    at_m = shapely.line_locate_point(lines[owner[which]], shapely.points(met))
    order = np.lexsort((at_m, owner[which]))
    return owner[which][order].astype(np.int64), at_m[order]


def _cut_again(
    line: Ints, begin: Floats, ends: Floats, met_line: Ints, met_m: Floats, *, grid: Grid
) -> tuple[Ints, Floats, Floats, Floats]:
    """(line, begin_m, start_m (n, 2), run_m (n, 2)) of the pieces in metres, cut where they meet a barrier as well.

    No piece lies on both banks then.
    """
    start_m = np.column_stack([grid.left_m + ends[:, 0] * grid.cell_m, grid.top_m - ends[:, 1] * grid.cell_m])
    run_m = np.column_stack([ends[:, 2] - ends[:, 0], ends[:, 1] - ends[:, 3]]) * grid.cell_m
    begin_m = begin * grid.cell_m
    if not len(met_line):
        return line, begin_m, start_m, run_m
    whole_m = np.hypot(*run_m.T)
    # pieces of all lines on one scale, the lines apart
    reach_m = np.zeros(int(line.max(initial=0)) + 2)
    np.maximum.at(reach_m, line + 1, begin_m + whole_m + 1.0)
    offset = np.cumsum(reach_m)
    parent = np.searchsorted(offset[line] + begin_m, offset[met_line] + met_m, side="right") - 1
    every = np.concatenate([np.arange(len(line)), parent])
    at_m = np.concatenate([begin_m, np.clip(met_m, begin_m[parent], (begin_m + whole_m)[parent])])
    order = np.lexsort((at_m, every))
    every, at_m = every[order], at_m[order]
    until_m = (begin_m + whole_m)[every]
    same = every[1:] == every[:-1]
    until_m[:-1][same] = at_m[1:][same]
    along = run_m[every] / np.maximum(whole_m[every], 1e-300)[:, None]
    first = start_m[every] + (at_m - begin_m[every])[:, None] * along
    return line[every], at_m, first, (until_m - at_m)[:, None] * along


@njit(error_model="numpy", cache=True)
def _count(u: Floats, v: Floats, owner: Ints) -> int:
    most = 0
    for k in range(len(u) - 1):
        if owner[k] == owner[k + 1]:
            most += 3 + int(abs(np.floor(u[k + 1]) - np.floor(u[k]))) + int(abs(np.floor(v[k + 1]) - np.floor(v[k])))
    return most


@njit(error_model="numpy", cache=True)
def _cut(u: Floats, v: Floats, owner: Ints) -> tuple[Ints, Floats, Floats]:
    """(line, begin, ends) of every piece of the lines' segments within one cell: where it begins along the line, in
    cells, and its ends u0, v0, u1, v1."""
    most = _count(u, v, owner)
    line, begin, ends = np.empty(most, np.int64), np.empty(most), np.empty((most, 4))
    n = 0
    done = 0.0
    for k in range(len(u) - 1):
        if owner[k] != owner[k + 1]:
            done = 0.0
            continue
        du, dv = u[k + 1] - u[k], v[k + 1] - v[k]
        length = np.hypot(du, dv)
        share = 0.0
        col, row = int(np.floor(u[k])), int(np.floor(v[k]))
        while share < 1.0:
            to_col = ((col + 1 if du > 0 else col) - u[k]) / du if du != 0 else np.inf
            to_row = ((row + 1 if dv > 0 else row) - v[k]) / dv if dv != 0 else np.inf
            until = min(1.0, to_col, to_row)
            if until > share:
                line[n], begin[n] = owner[k], done + share * length
                ends[n, 0], ends[n, 1] = u[k] + share * du, v[k] + share * dv
                ends[n, 2], ends[n, 3] = u[k] + until * du, v[k] + until * dv
                n += 1
                share = until
            if until < 1.0:
                if to_col <= to_row:
                    col += 1 if du > 0 else -1
                if to_row <= to_col:
                    row += 1 if dv > 0 else -1
        done += length
    return line[:n], begin[:n], ends[:n]
