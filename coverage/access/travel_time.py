"""Least cost of travel over a surface to or from any set of points: exact, with the nearest point and the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.access import solver
from phusong.coverage.access.catchment import Pairs
from phusong.coverage.access.moves import BETWEEN, DCOL, DROW, LENGTH, blocked_moves
from phusong.coverage.access.surface import PACE_CODES, Links, Surface
from phusong.layers.grid import Grid

__all__ = ["Links", "Surface", "Travel", "path_length_m", "reach_pairs", "reasons", "residual", "route", "travel_time"]

Cells = NDArray[np.int64]
Floats = NDArray[np.float64]
Direction = Literal["to", "from"]
Neighbours = Literal[8, 16]

REACHED, VOID, IMPASSABLE, CUT_OFF, BEYOND_LIMIT = range(5)
"""Why a cell is not reached (``reasons``); cut off: no way at any cost."""

WINDOW_MOVES = 24
"""Common moves of a window of the search."""
SAMPLE = 65_536
NODES = 1 << 16
"""Room for waiting cells at first; it is doubled when needed."""


@dataclass(frozen=True)
class Travel:
    """What a search found. Arrays are (rows, cols).

    ``cost``: float64, least cost between the cell and its nearest source in the direction asked; inf where none is
    reached within the limit, NaN where the surface is void. ``nearest``: int32, index into the sources, -1 where none;
    of equally near ones (to the last bit) the lowest; None if not asked for. ``step``: uint8, the move (``moves``)
    towards the source, 61 a link, 62 the source itself, 63 not reached. ``unusable``: int64, indices of sources on
    impassable or void cells, which nobody reaches.
    """

    grid: Grid
    cost: Floats
    nearest: NDArray[np.int32] | None
    step: NDArray[np.uint8]
    sources: Cells
    unusable: Cells
    neighbours: Neighbours
    direction: Direction
    limit: float
    links: Links | None = field(repr=False)


def travel_time(
    surface: Surface,
    sources: Cells,
    *,
    neighbours: Neighbours = 8,
    direction: Direction = "to",
    limit: float = np.inf,
    allocate: bool = True,
) -> Travel:
    """Least cost from every cell to its nearest source ("to") or from the nearest source to every cell ("from").

    ``sources``: flat cells int64[n]; several may share a cell. Cells costlier than ``limit`` are not reached. Without
    ``allocate`` the nearest source is not kept. Equal to Dijkstra's algorithm on the graph of all moves and links to
    the last bit (``solver.search``). ValueError for sources outside the grid.
    """
    search = _Search(surface, neighbours=neighbours, direction=direction, limit=limit, allocate=allocate)
    sources = np.ascontiguousarray(sources, dtype=np.int64)
    _inside(sources, surface.grid)
    search.run(sources)
    return search.travel(sources)


def route(travel: Travel, cells: Cells) -> list[Cells]:
    """For each flat cell the cells from it to its source, both with it; empty where none is reached.

    For direction "from" the way runs the other way round. ValueError for cells outside the grid.
    """
    return [path for path, _ in _ways(travel, cells, keep=True)]


def path_length_m(travel: Travel, where: Cells) -> Floats:
    """Horizontal length of the least-cost way of each flat cell, float64[n]; links by their own; NaN without a way.

    ValueError for cells outside the grid.
    """
    return np.array([length_m for _, length_m in _ways(travel, where, keep=False)], dtype=np.float64)


def residual(surface: Surface, travel: Travel) -> float:
    """Largest violation of the shortest-path equations over all cells, moves and links; 0.0 if the answer is exact.

    The equations: a source costs 0, every other cell the least of (cost of a neighbour + cost of the move or link), or
    inf if that is over the limit; the nearest source is the lowest of the neighbours that offer this least. All
    costs of moves are above 0, so they have one solution. A wrong nearest source, a cell reached that cannot be, or not
    reached that can, is a violation of inf.
    """
    elevation_m, directed = _slopes(surface)
    at, beyond, cost, _ = sorted_links(travel.links, direction=travel.direction, back=True)
    return float(
        solver.worst_residual(
            travel.cost,
            _or_empty(travel.nearest),
            surface.slowness,
            surface.closed,
            PACE_CODES[surface.pace],
            elevation_m,
            directed,
            -1.0 if travel.direction == "to" else 1.0,
            travel.neighbours,
            surface.grid.cell_m,
            travel.limit,
            travel.sources,
            at,
            beyond,
            cost,
        )
    )


def reasons(surface: Surface, travel: Travel) -> NDArray[np.int8]:
    """(rows, cols) int8: REACHED, VOID, IMPASSABLE, CUT_OFF (no way at any cost) or BEYOND_LIMIT."""
    codes = np.full(surface.grid.shape, CUT_OFF, dtype=np.int8)
    reached = np.isfinite(travel.cost)
    if travel.limit < np.inf:
        whole = travel_time(
            surface, travel.sources, neighbours=travel.neighbours, direction=travel.direction, allocate=False
        )
        codes[np.isfinite(whole.cost)] = BEYOND_LIMIT
    codes[~np.isfinite(surface.slowness)] = IMPASSABLE
    codes[np.isnan(surface.slowness)] = VOID
    codes[reached] = REACHED
    return codes


def reach_pairs(
    surface: Surface,
    supply_cells: Cells,
    demand_cells: Cells,
    *,
    limit: float,
    neighbours: Neighbours = 8,
    direction: Direction = "to",
) -> Pairs:
    """Who reaches what within ``limit``: one bounded search a point of supply; "to": demand travels to supply.

    Cells are flat, int64; several points may share one. Points on impassable or void cells are in no pair.
    """
    search = _Search(surface, neighbours=neighbours, direction=direction, limit=limit, allocate=False)
    supply_cells = np.ascontiguousarray(supply_cells, dtype=np.int64)
    demand_cells = np.ascontiguousarray(demand_cells, dtype=np.int64)
    _inside(supply_cells, surface.grid)
    _inside(demand_cells, surface.grid)
    places, place = np.unique(supply_cells, return_inverse=True)
    found: list[tuple[Cells, Floats]] = []
    for i in range(len(places)):
        search.run(places[i : i + 1])
        cost = search.cost[demand_cells]
        reached = np.flatnonzero(cost <= limit) if limit < np.inf else np.flatnonzero(cost < np.inf)
        found.append((reached, cost[reached]))
        search.clear()
    counts = [len(found[i][0]) for i in place]
    nothing: list[Any] = [np.empty(0)]
    return Pairs(
        demand=np.concatenate([found[i][0] for i in place] or nothing).astype(np.int32),
        supply=np.repeat(np.arange(len(supply_cells), dtype=np.int32), counts),
        cost=np.concatenate([found[i][1] for i in place] or nothing),
        n_demand=len(demand_cells),
        n_supply=len(supply_cells),
    )


class _Search:
    """Arrays of a search over one surface, to be run several times."""

    def __init__(
        self, surface: Surface, *, neighbours: Neighbours, direction: Direction, limit: float, allocate: bool
    ) -> None:
        if neighbours not in (8, 16) or direction not in ("to", "from") or not limit >= 0:
            raise ValueError(f"no search with {neighbours} neighbours, direction {direction}, limit {limit}")
        self.surface, self.neighbours, self.direction, self.limit = surface, neighbours, direction, limit
        size = surface.slowness.size
        self.start = float(np.nextafter(limit, np.inf))  # what is not below it is beyond the limit
        self.cost = np.full(size, self.start)
        self.nearest = np.full(size if allocate else 0, -1, dtype=np.int32)
        self.state = np.full(size, solver.NONE, dtype=np.uint8)
        self.blocked = blocked_moves(surface.slowness, surface.closed, neighbours=neighbours)
        self.elevation_m, self.directed = (None if a is None else a.reshape(-1) for a in _slopes(surface))
        self.window = WINDOW_MOVES * _common_move(surface)
        self.link_at, self.link_next, self.link_cost, _ = sorted_links(surface.links, direction=direction, back=False)
        self.link_first = np.searchsorted(self.link_at, np.arange(0, size, 1 << solver.LINK_BITS)).astype(np.int32)
        most_links = int(np.max(np.unique(self.link_at, return_counts=True)[1], initial=0))
        self.reserve = neighbours + most_links
        self.changed = slice(0, size)
        self._mark_links()

    def run(self, sources: Cells) -> None:
        """One search; the arrays must be as new."""
        surface, (rows, cols) = self.surface, self.surface.grid.shape
        slowness = surface.slowness.reshape(-1)
        usable = np.flatnonzero(slowness[sources] < np.inf)
        cells, lowest = np.unique(sources[usable], return_index=True)
        self.cost[cells] = 0.0
        self.state[cells] = self.state[cells] & solver.LINKED | solver.SOURCE
        if len(self.nearest):
            self.nearest[cells] = usable[lowest]
        n = len(cells)
        item = np.empty(n + NODES, dtype=np.int32)
        item[:n] = cells
        following = np.arange(1, len(item) + 1, dtype=np.int32)
        following[n - 1] = -1  # the sources are one list, in the first bucket
        free = np.array([n, NODES], dtype=np.int64)
        tiles = ((rows >> solver.TILE_BITS) + 1) * ((cols >> solver.TILE_BITS) + 1)
        waiting, head = np.full(tiles, np.inf), np.full(solver.SLOTS + tiles, -1, dtype=np.int32)
        if n:
            head[0], waiting[0] = 0, 0.0
        changed = np.array([slowness.size, -1], dtype=np.int64)
        between = BETWEEN[..., 0] * cols + BETWEEN[..., 1]
        while not solver.search(
            self.cost,
            self.nearest,
            self.state,
            self.blocked,
            slowness,
            PACE_CODES[surface.pace],
            self.elevation_m,
            self.directed,
            -1.0 if self.direction == "to" else 1.0,
            self.neighbours,
            LENGTH * surface.grid.cell_m,
            DROW * cols + DCOL,
            between[:, 0].copy(),
            between[:, 1].copy(),
            self.window,
            self.link_first,
            self.link_at,
            self.link_next,
            self.link_cost,
            self.reserve,
            waiting,
            head,
            item,
            following,
            free,
            changed,
        ):
            size = len(item)
            item = np.concatenate([item, np.empty_like(item)])
            following = np.concatenate([following, np.arange(size + 1, 2 * size + 1, dtype=np.int32)])
            following[-1] = free[0]
            free += (size - free[0], size)
        self.changed = slice(int(changed[0]), int(changed[1]) + 1)

    def clear(self) -> None:
        """Makes the arrays as new where the last search changed them."""
        self.cost[self.changed] = self.start
        self.state[self.changed] = solver.NONE
        if len(self.nearest):
            self.nearest[self.changed] = -1
        self._mark_links()

    def _mark_links(self) -> None:
        first, last = np.searchsorted(self.link_at, (self.changed.start, self.changed.stop))
        self.state[self.link_at[first:last]] |= solver.LINKED

    def travel(self, sources: Cells) -> Travel:
        """The last search's result; the search gives its arrays away."""
        surface, shape = self.surface, self.surface.grid.shape
        self.state &= solver.WORD
        cost = self.cost.reshape(shape)
        if self.limit < np.inf:
            cost[cost > self.limit] = np.inf
        cost[np.isnan(surface.slowness)] = np.nan
        return Travel(
            grid=surface.grid,
            cost=cost,
            nearest=self.nearest.reshape(shape) if len(self.nearest) else None,
            step=self.state.reshape(shape),
            sources=sources,
            unusable=np.flatnonzero(~np.isfinite(surface.slowness.reshape(-1)[sources])),
            neighbours=self.neighbours,
            direction=self.direction,
            limit=self.limit,
            links=surface.links,
        )


def _inside(cells: Cells, grid: Grid) -> None:
    if len(cells) and (cells.min() < 0 or cells.max() >= grid.shape[0] * grid.shape[1]):
        raise ValueError("a cell lies outside the grid")


def _common_move(surface: Surface) -> float:
    """Cost of a level move over a common cell, by a sample."""
    flat = surface.slowness.reshape(-1)
    sample = flat[:: max(1, flat.size // SAMPLE)]
    sample = sample[np.isfinite(sample)]
    return (float(np.median(sample)) if len(sample) else 1.0) * surface.grid.cell_m


def _slopes(surface: Surface) -> tuple[Any, Any]:
    """Elevation and directed cells as the kernels take them: None where slopes do not count."""
    if surface.pace == "none":
        return None, None
    directed = np.ones(surface.grid.shape, dtype=np.bool_) if surface.directed is None else surface.directed
    return surface.elevation_m, directed


def _or_empty(nearest: NDArray[np.int32] | None) -> NDArray[np.int32]:
    return np.empty(0, dtype=np.int32) if nearest is None else nearest.reshape(-1)


def sorted_links(links: Links | None, *, direction: Direction, back: bool) -> tuple[Cells, Cells, Floats, Floats]:
    """Links sorted by the cell where a step starts: (start, end, cost, length_m); back: towards the sources."""
    if links is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    forwards = back == (direction == "to")
    start, end = (links.from_cell, links.to_cell) if forwards else (links.to_cell, links.from_cell)
    order = np.argsort(start, kind="stable")
    return (
        start[order].astype(np.int64),
        end[order].astype(np.int64),
        links.cost[order].astype(np.float64),
        links.length_m[order].astype(np.float64),
    )


def _ways(travel: Travel, cells: Cells, *, keep: bool) -> list[tuple[Cells, float]]:
    """The way of each cell and its length in metres, NaN where there is none; its cells only to ``keep``.

    None too where links so cheap that they are lost in the rounding of the whole cost run in a ring.
    """
    cells = np.asarray(cells, dtype=np.int64)
    _inside(cells, travel.grid)
    cost, cols, cell_m = travel.cost.reshape(-1), travel.grid.shape[1], travel.grid.cell_m
    state, nearest = travel.step.reshape(-1), _or_empty(travel.nearest)
    links = sorted_links(travel.links, direction=travel.direction, back=True)
    nothing = np.empty(0, dtype=np.int64)
    found: list[tuple[Cells, float]] = []
    for cell in cells:
        if not np.isfinite(cost[cell]):
            found.append((nothing, np.nan))
            continue
        n, moves, links_m = solver.follow(cell, nothing, state, cost, nearest, cols, *links)
        if n < 0:
            found.append((nothing, np.nan))
            continue
        path = np.empty(n if keep else 0, dtype=np.int64)
        if keep:
            solver.follow(cell, path, state, cost, nearest, cols, *links)
        found.append((path, moves * cell_m + links_m))
    return found
