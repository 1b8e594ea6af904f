"""Roads of the sample: least-cost ways over the elevation that join the district seats, the communes' and the villages.

One search from all seats (and from the places that drawn main roads pass) splits the land among them; where two shares
meet, the cheapest way between their seats crosses. Of these ways a network is chosen in which no way round is much
longer than need be; villages join it by the cheapest way. Slopes, rivers and land beyond the units are dear, so roads
keep to the valleys and cross rivers seldom. All costs are parameters (mark K), no survey.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from phusong.layers.grid import Grid
from phusong.layers.sample.frames import points_xy
from phusong.layers.sample.ground import Ground
from phusong.layers.sample.network import between_shares, network
from phusong.layers.sample.rivers import Reach, rounded
from phusong.layers.sample.terrain import Field, Flags, blocks, coarser
from phusong.layers.schema import ROAD_CLASSES

Ints = NDArray[np.int64]

WORK_CELL_M: Final = 180.0
STEEP: Final = 0.06  # rise at which a metre of road costs twice a level one
BRIDGE_M: Final = 900.0  # of level road that a bridge over a small river costs; more with its width
ABROAD: Final = 8.0  # times the cost, outside the units
DRAWN: Final = 0.45  # times the cost, along a drawn main road
DRAWN_M: Final = 500.0
WAYPOINT_M: Final = 5_000.0  # between the places that a drawn road passes, each within DRAWN_M of the line
_STEPS: Final = ((0, 1), (1, 0), (1, 1), (1, -1))
RANK: Final = {word: i for i, word in enumerate(ROAD_CLASSES)}


@dataclass(frozen=True)
class Chain:
    """A road between two junctions or villages: course, class, height of its lowest ground (m), in hills or not."""

    line: shapely.LineString
    word: str
    low_m: float
    hilly: bool


@dataclass(frozen=True)
class _Land:
    """The working grid: cost of a step between neighbouring cells, where each cell's road passes, whether a village
    lies there, and how hard the cell is to pass."""

    grid: Grid
    costs: csr_array
    xy_m: Field
    lived: Flags
    hard: Field


def road_chains(
    ground: Ground, villages: pd.DataFrame, reaches: Sequence[Reach], *, drawn: Sequence[shapely.LineString] = ()
) -> list[Chain]:
    """Roads between junctions, best class first; every village that land joins to a seat lies on one.

    ``drawn`` are main roads to follow; without any the national roads are those from the capital to the district seats.
    """
    places = points_xy(villages)
    work, _ = coarser(ground.elevation.grid, cell_m=WORK_CELL_M)
    cells = _cells(work, places)
    land = _land(ground, places, cells, reaches, drawn)
    towns = _seat_cells(ground, villages, cells)
    stops = [_stops(land, line) for line in drawn]
    nodes = np.unique(np.concatenate([towns[towns >= 0], *stops]))
    cost, before, source = dijkstra(land.costs, directed=False, indices=nodes, min_only=True, return_predecessors=True)
    links, meets = between_shares(land.costs, cost, source, nodes)
    rank: dict[tuple[int, int], int] = {}
    for pair, word in network(ground.units, links, nodes, towns=towns, stops=stops).items():
        u, v = meets[pair]
        for way in ([u, v], _way(u, before), _way(v, before)):
            _lay(rank, way, word)
    there = np.union1d(np.array([*rank], dtype=np.int64).ravel(), towns[towns >= 0])
    _, before, _ = dijkstra(land.costs, directed=False, indices=there, min_only=True, return_predecessors=True)
    off_grid = (~villages["grid_power"].fillna(True)).to_numpy(dtype=bool)
    words = np.where(off_grid, "path", np.where(ground.hilly(places), "track", "village"))
    for cell, word in zip(cells.tolist(), words.tolist(), strict=True):
        _lay(rank, _way(cell, before), word)
    return _chains(ground, land, rank)


def _cells(grid: Grid, xy_m: Field) -> Ints:
    rows, cols = grid.rowcol(xy_m[:, 0], xy_m[:, 1])
    rows, cols = (np.clip(v, 0, n - 1) for v, n in zip((rows, cols), grid.shape, strict=True))
    return np.asarray(rows * grid.shape[1] + cols, dtype=np.int64)


def _land(
    ground: Ground, places: Field, cells: Ints, reaches: Sequence[Reach], drawn: Sequence[shapely.LineString]
) -> _Land:
    grid = ground.elevation.grid
    work, times = coarser(grid, cell_m=WORK_CELL_M)
    values = np.nan_to_num(ground.elevation.values.astype(np.float64), nan=0.0)
    layers = (values, ground.land.astype(np.float64), (ground.unit >= 0).astype(np.float64), ground.slope_pct / 100)
    height, ashore, home, slope = (blocks(np.asarray(v, dtype=np.float64), work.shape, times) for v in layers)
    dear = (1.0 + (slope / (2.5 * STEEP)) ** 2) * np.where(home > 0.5, 1.0, ABROAD)
    if len(drawn):
        along = _mask(shapely.buffer(np.array(drawn, dtype=object), DRAWN_M), work, np.ones(len(drawn)))
        dear *= np.where(along > 0, DRAWN, 1.0)
    water = _mask([reach.line for reach in reaches], work, np.array([BRIDGE_M + 15 * r.width_m for r in reaches]))
    y_m, x_m = np.meshgrid(work.y_m, work.x_m, indexing="ij")
    xy_m = np.column_stack([x_m.ravel(), y_m.ravel()])
    xy_m[cells[::-1]] = places[::-1]  # a road passes through the villages, the first one of a cell
    lived = np.zeros(len(xy_m), dtype=bool)
    lived[cells] = True
    dry = (ashore > 0.5) | lived.reshape(work.shape)
    hard = np.where(dry, dear + water, np.inf).ravel()
    return _Land(work, _costs(work, height, dear, water, dry), xy_m, lived, hard)


def _mask(shapes: Any, grid: Grid, values: Field) -> Field:
    """Cells touched by shapes, with the largest of their values; 0 elsewhere."""
    if not len(shapes):
        return np.zeros(grid.shape)
    order = np.argsort(values, kind="stable")
    pairs = [(shapes[i], float(values[i])) for i in order.tolist()]
    made = rasterize(pairs, out_shape=grid.shape, transform=grid.transform, all_touched=True, dtype="float64")
    return np.asarray(made, dtype=np.float64)


def _costs(grid: Grid, height: Field, dear: Field, water: Field, dry: Flags) -> csr_array:
    """Cost of each step between two of eight neighbours, in metres of level road."""
    flat = np.arange(height.size).reshape(height.shape)
    parts = []
    for drow, dcol in _STEPS:
        rows = (slice(0, -drow or None), slice(drow, None))
        cols = (slice(max(0, -dcol), -dcol if dcol > 0 else None), slice(max(0, dcol), dcol if dcol < 0 else None))
        here, there = ((rows[k], cols[k]) for k in (0, 1))
        length = grid.cell_m * float(np.hypot(drow, dcol))
        steep = np.abs(height[there] - height[here]) / length
        cost = length * (1.0 + (steep / STEEP) ** 2) * 0.5 * (dear[here] + dear[there])
        cost += 0.5 * (water[here] + water[there])
        good = dry[here] & dry[there]
        parts.append((flat[here][good], flat[there][good], cost[good]))
    one, other, cost = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_array((cost, (one, other)), shape=(height.size, height.size))


def _stops(land: _Land, line: shapely.LineString) -> Ints:
    """Cells that a drawn road passes: its ends and the easiest ground beside it every ``WAYPOINT_M``."""
    count = max(2, round(line.length / WAYPOINT_M) + 1)
    at = shapely.get_coordinates(shapely.line_interpolate_point(line, np.linspace(0.0, 1.0, count), normalized=True))
    reach = np.arange(-DRAWN_M, DRAWN_M + 1, land.grid.cell_m)
    around = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    near = _cells(land.grid, (at[:, None] + around).reshape(-1, 2)).reshape(count, -1)
    return np.asarray(near[np.arange(count), np.argmin(land.hard[near], axis=1)], dtype=np.int64)


def _seat_cells(ground: Ground, villages: pd.DataFrame, cells: Ints) -> Ints:
    """Cell of each unit's seat: its largest village; -1 for a unit without one."""
    people = villages["population"].to_numpy(dtype=np.float64, na_value=0.0)
    of = villages["unit_code"].tolist()
    first: dict[str, int] = {}
    for village in np.argsort(-people, kind="stable").tolist():
        first.setdefault(of[village], int(cells[village]))
    return np.array([first.get(code, -1) for code in ground.units["code"].tolist()], dtype=np.int64)


def _way(cell: int, before: NDArray[np.int32]) -> list[int]:
    """From a cell (or node) back to where a search began."""
    way = [cell]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return way


def _lay(rank: dict[tuple[int, int], int], way: Sequence[int], word: str) -> None:
    """Note a way of cells as a road; the better class stays."""
    for one, other in pairwise(way):
        step = (min(one, other), max(one, other))
        rank[step] = min(rank.get(step, len(ROAD_CLASSES)), RANK[word])


def _chains(ground: Ground, land: _Land, rank: dict[tuple[int, int], int]) -> list[Chain]:
    """The steps of all roads joined between junctions, changes of class and villages, and rounded there."""
    beside: dict[int, list[int]] = {}
    for one, other in sorted(rank):
        beside.setdefault(one, []).append(other)
        beside.setdefault(other, []).append(one)

    def stops(cell: int) -> bool:
        near = beside[cell]
        if len(near) != 2 or land.lived[cell]:
            return True
        first, second = (rank[min(cell, other), max(cell, other)] for other in near)
        return first != second

    done: set[tuple[int, int]] = set()
    found = []
    for start in sorted(beside):
        if not stops(start):
            continue
        for other in beside[start]:
            way = [start, other]
            if (min(way), max(way)) in done:
                continue
            while not stops(way[-1]):
                back, here = way[-2:]
                way.append(next(cell for cell in beside[here] if cell != back))
            done |= {(min(pair), max(pair)) for pair in pairwise(way)}
            at = land.xy_m[way]
            line = rounded(shapely.simplify(shapely.linestrings(at), 60.0))
            low_m = float(np.nanmin(ground.at(ground.elevation.values, at)))
            found.append((line, ROAD_CLASSES[rank[min(way[:2]), max(way[:2])]], low_m))
    middle = shapely.line_interpolate_point([line for line, *_ in found], 0.5, normalized=True)
    hilly = ground.hilly(shapely.get_coordinates(middle)).tolist()
    chains = [Chain(*each, wild) for each, wild in zip(found, hilly, strict=True)]
    return sorted(chains, key=lambda chain: RANK[chain.word])
