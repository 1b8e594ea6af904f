"""Who reaches a service: time and distance from where people live to its nearest point, and supply shared among them.

People and points stand at the centre of their cell; a point that a river parts from that centre stands at the nearest
centre it sees. A point, or people, on a cell that nobody passes (water, a coast at 0 m) stand on the nearest passable
cell within ``SNAP_M``; farther away a point serves nobody and is named, and people there have no data.

For the catchment people are summed over square blocks of cells, the smallest that leave at most ``MAX_PLACES`` blocks
with people (one cell each, if they are so few); a block's people travel from its cell with the most of them, and get
its access. Who is cut off makes a block apart from those around who have a way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS
from scipy.spatial import cKDTree

from phusong.coverage.access.catchment import Catchment, two_step
from phusong.coverage.access.friction import Basis, Friction, Mode, Season, Walking
from phusong.coverage.access.lengths import path_lengths_m
from phusong.coverage.access.services import Service
from phusong.coverage.access.travel_time import (
    BEYOND_LIMIT,
    CUT_OFF,
    IMPASSABLE,
    VOID,
    Neighbours,
    Surface,
    Travel,
    reach_pairs,
    reasons,
    travel_time,
)
from phusong.coverage.access.ways import stands
from phusong.coverage.population import People
from phusong.layers.errors import ComputeError, CrsError, Fault
from phusong.layers.grid import Grid

SNAP_M = 250.0
"""How far a point or people may be moved to a cell that can be passed: as far as a coast may be generalised."""
MAX_PLACES = 50_000
"""Most places of demand of a catchment."""
TWICE_M = 20.0
"""Points of a service as near to each other as this may be one point listed twice."""
MOST_LISTED = 10

Cells = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = NDArray[np.int32]


@dataclass(frozen=True)
class Served:
    """A service over a study. ``points``: its rows; ``ids``: one a point; the way of moving as its friction says.

    ``travel``: the search, None if no point can be reached by anybody; ``used``: int64, the row of ``points`` of each
    of its sources; ``reasons``: int8 (rows, cols), why a cell is not reached (``travel_time``), VOID without a search.
    Per populated cell: ``cells`` int64 flat and rising, ``stand`` the cell its people set out from (-1: none within
    ``SNAP_M``), ``people``, ``km`` (straight, or along the way: NaN where there is none), ``place`` int32 of demand in
    the catchment (-1: none). ``supply``: of each point; ``unreached``: rows of the points that nobody has in reach.
    """

    service: Service
    points: gpd.GeoDataFrame
    ids: tuple[str, ...]
    grid: Grid
    mode: Mode
    walking: Walking
    season: Season
    basis: Basis
    friction: Friction = field(repr=False)
    travel: Travel | None
    used: Cells
    reasons: NDArray[np.int8] = field(repr=False)
    cells: Cells = field(repr=False)
    stand: Cells = field(repr=False)
    people: Floats = field(repr=False)
    km: Floats = field(repr=False)
    place: Rows = field(repr=False)
    catchment: Catchment | None
    supply: Floats = field(repr=False)
    unreached: Cells
    faults: tuple[Fault, ...]
    counts: dict[str, float]

    @property
    def why(self) -> NDArray[np.int8]:
        """Why each populated cell is reached or not, int8[n]: codes of ``travel_time``."""
        codes = self.reasons.reshape(-1)[self.stand]
        return np.where(self.stand >= 0, codes, self.reasons.reshape(-1)[self.cells]).astype(np.int8)

    @property
    def minutes(self) -> Floats:
        """Minutes from each populated cell, float64[n]; NaN where not reached, and for fibre, which has no time."""
        found = np.full(len(self.cells), np.nan)
        if self.travel is not None and self.service.timed:
            cost = self.travel.cost.reshape(-1)[self.stand]
            reached = (self.stand >= 0) & np.isfinite(cost)
            found[reached] = cost[reached]
        return found

    @property
    def nearest(self) -> Rows:
        """Row of the point that people of each populated cell reach first, int32[n]; -1: none."""
        found = self.nearest_raster.reshape(-1)[self.stand]
        return np.where(self.stand >= 0, found, -1).astype(np.int32)

    @property
    def access(self) -> Floats:
        """Supply per ``service.per`` people of each populated cell, float64[n]; NaN: nothing in reach."""
        if self.catchment is None:
            return np.full(len(self.cells), np.nan)
        found: Floats = np.append(self.service.per * self.catchment.access, np.nan)[self.place]
        return found

    @property
    def nearest_raster(self) -> Rows:
        """Row of the point reached first from every cell, int32 (rows, cols); -1 where none."""
        if self.travel is None or self.travel.nearest is None:
            return np.full(self.grid.shape, -1, dtype=np.int32)
        return _rows_of(self.used, self.travel.nearest)

    @property
    def access_raster(self) -> NDArray[np.float32]:
        """``access`` of every populated cell, float32 (rows, cols); NaN elsewhere."""
        found = np.full(self.grid.shape, np.nan, dtype=np.float32)
        found.reshape(-1)[self.cells] = self.access
        return found


def serve(
    service: Service,
    points: gpd.GeoDataFrame | None,
    *,
    people: People,
    friction: Friction,
    neighbours: Neighbours = 8,
    limit_min: float = np.inf,
) -> Served:
    """Time, distance and catchment of a service for all who live in the study; people move to the points.

    ``points``: of ``points_of``, None or empty: no data anywhere, with a note. ``friction``: of the service's mode.
    ``limit_min``: longer ways have no time (their cells are told apart from those cut off); for fibre a cost in metres.
    Notes name points in the sea, in a void or outside (nobody travels to them; straight distance, which knows
    no ground, still counts them), points listed twice, a supply of 0, and people who are cut off.

    Raises:
        ComputeError: the friction is of another grid than the people.
        CrsError: the points are not in the grid's CRS.
    """
    surface, grid = friction.surface, people.zones.grid
    if surface.grid != grid:
        raise ComputeError("error.grid_mismatch", layer="friction")
    if points is not None and (points.crs is None or CRS.from_user_input(points.crs) != CRS.from_user_input(grid.crs)):
        raise CrsError("error.zones_crs", layer=service.layer, found=str(points.crs), crs=grid.crs)
    notes = _Notes(service)
    cells, living = people.populated
    table = gpd.GeoDataFrame(geometry=[], crs=grid.crs) if points is None else points.reset_index(drop=True)
    ids = _ids(table)
    passable = surface.passable
    at = cells_of(table, grid)
    moved = placed(table, friction)
    used = np.flatnonzero(moved >= 0)
    stand = standing(cells, passable, grid)
    if not len(table):
        notes.say("no_points")
    if not len(cells):
        notes.say("no_people")
    _tell_lost(notes, ids, at, moved, surface)
    _tell_twice(notes, ids, table)
    travel = None
    codes = np.full(grid.shape, VOID, dtype=np.int8)
    km = np.full(len(cells), np.nan)
    if len(used):
        travel = travel_time(surface, moved[used], neighbours=neighbours, limit=limit_min)
        codes = reasons(surface, travel)
        if service.distance == "path":
            km = np.where(stand >= 0, path_lengths_m(travel).reshape(-1)[stand] / 1000.0, np.nan)
        _tell_people(notes, living, stand, cells, codes)
    if service.distance == "straight":
        km = straight_km(table, cells, grid)
    supply = _supply(notes, table, ids)
    place, catchment, unreached = _catchment(
        service, surface, moved, used, supply, stand, living, grid, codes, neighbours=neighbours
    )
    if service.decay is not None and len(used) and len(cells):
        notes.list("supply_unreached", ids, unreached)
    counts = {"points": float(len(table)), "points_used": float(len(used)), "people": float(living.sum())}
    return Served(
        service,
        table,
        ids,
        grid,
        friction.mode,
        friction.walking,
        friction.season,
        friction.basis,
        friction,
        travel,
        used,
        codes,
        cells,
        stand,
        living,
        km,
        place,
        catchment,
        supply,
        unreached,
        tuple(notes.faults),
        counts | notes.counts,
    )


def placed(table: gpd.GeoDataFrame, friction: Friction) -> Cells:
    """Flat cell at which each point stands, int64[n]; -1 outside the grid, without a position and far from land.

    Its own cell, or the nearest beside it where a river runs between the point and its own cell's centre (``ways``);
    where that cannot be passed, the nearest that can within ``SNAP_M``.
    """
    grid, passable = friction.surface.grid, friction.surface.passable
    at = cells_of(table, grid)
    found = standing(at, passable, grid).copy()
    known = np.flatnonzero(at >= 0)
    if len(known):
        spots = np.column_stack([np.asarray(table.geometry.x)[known], np.asarray(table.geometry.y)[known]])
        seen = stands(spots, barriers=friction.barriers, passable=passable)
        found[known] = np.where(seen >= 0, seen, found[known])
    return found


def straight_km(points: gpd.GeoDataFrame, cells: Cells, grid: Grid) -> Floats:
    """Straight distance from the centre of each flat cell to the nearest point, float64[n]; NaN without a point."""
    spots = _spots(points)[1]
    if not len(spots) or not len(cells):
        return np.full(len(cells), np.nan)
    rows, cols = np.divmod(cells, grid.shape[1])
    found: Floats = cKDTree(spots).query(np.column_stack([grid.x_m[cols], grid.y_m[rows]]))[0]
    return found / 1000.0


class _Notes:
    """What is to be said of a service: faults, and counts of what they speak of."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.faults: list[Fault] = []
        self.counts: dict[str, float] = {}

    def say(self, code: str, **params: Any) -> None:
        params |= {"service": self.service.name}
        self.faults.append(Fault(f"access.note.{code}", layer=self.service.layer, params=params))

    def list(self, code: str, ids: tuple[str, ...], rows: Cells, **params: Any) -> None:
        """One note on these points, if there are any; the first of them by name."""
        self.counts[code] = float(len(rows))
        if len(rows):
            shown = ", ".join(ids[i] for i in rows[:MOST_LISTED]) + (", ..." if len(rows) > MOST_LISTED else "")
            self.say(code, count=len(rows), listed=shown, **params)


def _ids(table: gpd.GeoDataFrame) -> tuple[str, ...]:
    """The key of each row: the first column that ends in "_id" (all of them where it repeats), else its number."""
    keys = [table[name].astype(str) for name in table.columns if str(name).endswith("_id")]
    if not keys:
        return tuple(str(i + 1) for i in range(len(table)))
    if keys[0].is_unique:
        return tuple(keys[0])
    return tuple("/".join(parts) for parts in zip(*keys, strict=True))  # a node's id is unique in its network only


def _spots(table: gpd.GeoDataFrame) -> tuple[Cells, Floats]:
    """(rows that have a position, their (x, y), (n, 2))."""
    spots = np.column_stack([table.geometry.x, table.geometry.y])  # NaN without a geometry and where it is empty
    known = np.flatnonzero(np.isfinite(spots).all(axis=1))
    return known, spots[known]


def cells_of(table: gpd.GeoDataFrame, grid: Grid) -> Cells:
    """Flat cell of each point, -1 outside the grid and without a position."""
    found = np.full(len(table), -1, dtype=np.int64)
    known, spots = _spots(table)
    if len(known):
        x_m, y_m = spots.T
        rows, cols = grid.rowcol(x_m, y_m)
        found[known] = np.where(grid.inside(x_m, y_m), rows * grid.shape[1] + cols, -1)
    return found


def standing(cells: Cells, passable: NDArray[np.bool_], grid: Grid) -> Cells:
    """The nearest passable cell of each within ``SNAP_M``, itself if it is; -1: none. The first in rows of equals."""
    flat, (n_rows, n_cols) = passable.reshape(-1), grid.shape
    found = np.where((cells >= 0) & flat[cells], cells, -1) if flat.size else np.full(len(cells), -1, dtype=np.int64)
    reach = int(SNAP_M // grid.cell_m)
    around = [(i * i + j * j, i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)]
    open_ = np.flatnonzero((found < 0) & (cells >= 0))
    for square, i, j in sorted(around)[1:]:
        if not len(open_):
            break
        if square * grid.cell_m**2 > SNAP_M**2:
            continue
        rows, cols = np.divmod(cells[open_], n_cols)
        inside = (rows + i >= 0) & (rows + i < n_rows) & (cols + j >= 0) & (cols + j < n_cols)
        beside = np.where(inside, cells[open_] + i * n_cols + j, 0)
        land = inside & flat[beside]
        found[open_[land]] = beside[land]
        open_ = open_[~land]
    return cells if np.array_equal(found, cells) else found.astype(np.int64)


def _rows_of(used: Cells, nearest: Rows) -> Rows:
    return np.append(used, -1)[nearest].astype(np.int32)


def _tell_lost(notes: _Notes, ids: tuple[str, ...], at: Cells, moved: Cells, surface: Surface) -> None:
    lost = (at >= 0) & (moved < 0)
    void = lost & np.isnan(surface.slowness.reshape(-1)[at])
    notes.list("points_outside", ids, np.flatnonzero(at < 0))
    notes.list("points_in_void", ids, np.flatnonzero(void), within_m=f"{SNAP_M:g}")
    notes.list("points_in_sea", ids, np.flatnonzero(lost & ~void), within_m=f"{SNAP_M:g}")
    off_land = (at >= 0) & ~surface.passable.reshape(-1)[at]
    notes.list("points_moved", ids, np.flatnonzero((moved >= 0) & off_land), within_m=f"{SNAP_M:g}")


def _tell_twice(notes: _Notes, ids: tuple[str, ...], table: gpd.GeoDataFrame) -> None:
    """Points that stand within ``TWICE_M`` of another; all are kept."""
    known, spots = _spots(table)
    twice = np.empty(0, dtype=np.int64)
    if len(known) > 1:
        # the nearest neighbour of each is enough to know that it has one, whatever number stand at one place
        away = cKDTree(spots).query(spots, k=2, distance_upper_bound=np.nextafter(TWICE_M, np.inf))[0]
        twice = known[np.isfinite(away[:, 1])]
    notes.list("points_twice", ids, twice, within_m=f"{TWICE_M:g}")


def _tell_people(notes: _Notes, living: Floats, stand: Cells, cells: Cells, codes: NDArray[np.int8]) -> None:
    flat = codes.reshape(-1)
    nowhere = stand < 0
    lost = {
        "people_in_void": nowhere & (flat[cells] == VOID),
        "people_on_water": nowhere & (flat[cells] == IMPASSABLE),
        "people_cut_off": ~nowhere & (flat[stand] == CUT_OFF),
        "people_beyond": ~nowhere & (flat[stand] == BEYOND_LIMIT),
    }
    for code, chosen in lost.items():
        notes.counts[code] = float(living[chosen].sum())
        if chosen.any():
            notes.say(code, people=f"{living[chosen].sum():.0f}", cells=int(chosen.sum()), within_m=f"{SNAP_M:g}")


def _supply(notes: _Notes, table: gpd.GeoDataFrame, ids: tuple[str, ...]) -> Floats:
    """What each point offers: its capacity; 1 each where none says it, else the median of those that offer anything."""
    if "capacity" not in table or not table["capacity"].notna().any():
        notes.counts["capacity_missing"] = float(len(table))
        return np.ones(len(table))
    supply = np.array(table["capacity"].astype("float64"), dtype=np.float64)
    unknown = np.isnan(supply)
    some = supply[supply > 0]  # a place that is known to be shut says nothing of those that do not tell
    taken = float(np.median(some)) if len(some) else 1.0
    supply[unknown] = taken
    notes.list("capacity_missing", ids, np.flatnonzero(unknown), taken=f"{taken:.10g}")
    notes.list("supply_zero", ids, np.flatnonzero(supply == 0))
    return supply


def _catchment(  # noqa: PLR0917
    service: Service,
    surface: Surface,
    moved: Cells,
    used: Cells,
    supply: Floats,
    stand: Cells,
    living: Floats,
    grid: Grid,
    codes: NDArray[np.int8],
    *,
    neighbours: Neighbours,
) -> tuple[Rows, Catchment | None, Cells]:
    """(place of demand of each populated cell, the catchment, rows of the points without demand)."""
    place = np.full(len(stand), -1, dtype=np.int32)
    if service.decay is None or not len(used):
        return place, None, np.arange(len(moved) if service.decay is not None else 0)
    there = np.flatnonzero(stand >= 0)
    cut_off = codes.reshape(-1)[stand[there]] == CUT_OFF
    block, places, demand = _blocks(stand[there], living[there], grid, cut_off=cut_off)
    pairs = reach_pairs(surface, moved[used], places, limit=service.decay.limit, neighbours=neighbours)
    found = two_step(pairs, demand=demand, supply=supply[used], decay=service.decay, method=service.method)
    place[there] = block
    lost = np.setdiff1d(np.arange(len(moved)), used)
    return place, found, np.sort(np.concatenate([lost, used[found.unreached]]))


def _blocks(cells: Cells, living: Floats, grid: Grid, *, cut_off: NDArray[np.bool_]) -> tuple[Cells, Cells, Floats]:
    """(block of each cell, the flat cell with the most people of each block, people of each block).

    Cells that are ``cut_off`` are in blocks of their own.
    """
    rows, cols = np.divmod(cells, grid.shape[1])
    side = 1
    while True:
        across, down = -(-grid.shape[1] // side), -(-grid.shape[0] // side)
        block = rows // side * across + cols // side + across * down * cut_off
        people = np.bincount(block, weights=living)
        full = np.flatnonzero(people)
        if len(full) <= MAX_PLACES:
            break
        side += 1
    number = np.zeros(len(people), dtype=np.int64)
    number[full] = np.arange(len(full))
    return number[block], _fullest(cells, living, number[block], len(full)), people[full].astype(np.float64)


@njit(error_model="numpy", cache=True)
def _fullest(cells: Cells, living: Floats, block: Cells, n_blocks: int) -> Cells:
    """The cell with the most people of each block, the first of equals."""
    most = np.full(n_blocks, -1.0)
    found = np.zeros(n_blocks, dtype=np.int64)
    for k in range(len(cells)):
        if living[k] > most[block[k]]:
            most[block[k]] = living[k]
            found[block[k]] = cells[k]
    return found
