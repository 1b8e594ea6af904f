"""Least cost of travel over a surface to or from any set of points: exact, with the nearest point and the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.access import solver
from phusong.coverage.access.catchment import Pairs
from phusong.coverage.access.surface import PACE_CODES, Links, Surface
from phusong.layers.grid import Grid

__all__ = ["Links", "Surface", "Travel", "path_length_m", "reach_pairs", "residual", "route", "travel_time"]

Cells = NDArray[np.int64]
Floats = NDArray[np.float64]
Direction = Literal["to", "from"]
Neighbours = Literal[8, 16]

REACHED, VOID, IMPASSABLE, CUT_OFF, BEYOND_LIMIT = range(5)
"""Why a cell is not reached (``reasons``); cut off: no way at any cost."""

LEAST_PACE = {"none": 1.0, "tobler": float(np.exp(-3.5 * 0.05)), "langmuir": 1 - 1.9998 * 0.2125 / 0.72}
BUCKETS_OF_A_MOVE = 256
SAMPLE = 65_536


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
    _inside(sources, surface)
    search.run(sources)
    return search.travel(sources)


def route(travel: Travel, cells: Cells) -> list[Cells]:
    """For each flat cell the cells from it to its source, both with it; empty where none is reached.

    For direction "from" the way runs the other way round.
    """
    at = _steps_back(travel)
    flat = travel.cost.reshape(-1)
    return [
        solver.follow(cell, *at)[0] if np.isfinite(flat[cell]) else np.empty(0, dtype=np.int64)
        for cell in np.asarray(cells, dtype=np.int64)
    ]


def path_length_m(travel: Travel, where: Cells) -> Floats:
    """Horizontal length of the least-cost way of each flat cell, float64[n]; a link counts straight; NaN: no way."""
    at = _steps_back(travel)
    flat = travel.cost.reshape(-1)
    cells = np.asarray(where, dtype=np.int64)
    lengths = [solver.follow(cell, *at)[1] if np.isfinite(flat[cell]) else np.nan for cell in cells]
    return np.array(lengths, dtype=np.float64) * travel.grid.cell_m


def residual(surface: Surface, travel: Travel) -> float:
    """Largest violation of the shortest-path equations over all cells, moves and links; 0.0 if the answer is exact.

    The equations: a source costs 0, every other cell the least of (cost of a neighbour + cost of the move or link), or
    inf if that is over the limit; the nearest source is the lowest of the neighbours that offer this least. With costs
    of moves above 0 they have one solution (links of cost 0 that form a ring aside). A wrong nearest source, a cell
    reached that cannot be, or not reached that can, is a violation of inf.
    """
    at, beyond, cost = _links(travel.links, outwards=False, direction=travel.direction)
    return float(
        solver.worst_residual(
            travel.cost,
            travel.nearest,
            surface.slowness,
            surface.closed,
            PACE_CODES[surface.pace],
            *_slopes(surface),
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
        blocked = solver.close_moves(surface.slowness, surface.closed, travel.neighbours)
        connected = reached.reshape(-1).copy()
        at, beyond, _ = _links(travel.links, outwards=True, direction=travel.direction)
        solver.flood(connected, blocked, surface.slowness, travel.neighbours, at, beyond)
        codes[connected.reshape(codes.shape)] = BEYOND_LIMIT
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
    _inside(supply_cells, surface)
    _inside(demand_cells, surface)
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
        self.blocked = solver.close_moves(surface.slowness, surface.closed, neighbours)
        self.links = _links(surface.links, outwards=True, direction=direction)
        self.bucket = _bucket_cost(surface)
        self.cost = np.full(size, self.start)
        self.nearest = np.full(size, -1, dtype=np.int32) if allocate else None
        self.state = np.full(size, solver.NONE, dtype=np.uint8)
        self.changed = (0, -1)
        self._mark_links(slice(0, size))

    def run(self, sources: Cells) -> None:
        """One search; the arrays must be as new."""
        surface = self.surface
        elevation_m, directed = _slopes(surface, flat=True)
        self.changed = solver.search(
            self.cost,
            self.nearest,
            self.state,
            self.blocked.reshape(-1),
            surface.slowness.reshape(-1),
            PACE_CODES[surface.pace],
            elevation_m,
            directed,
            -1.0 if self.direction == "to" else 1.0,
            self.neighbours,
            surface.grid.shape[1],
            surface.grid.cell_m,
            self.bucket,
            sources,
            *self.links,
        )

    def clear(self) -> None:
        """Makes the arrays as new where the last search changed them."""
        part = slice(self.changed[0], self.changed[1] + 1)
        self.cost[part] = self.start
        self.state[part] = solver.NONE
        if self.nearest is not None:
            self.nearest[part] = -1
        self._mark_links(part)

    def _mark_links(self, part: slice) -> None:
        at = self.links[0]
        self.state[at[np.searchsorted(at, part.start) : np.searchsorted(at, part.stop)]] |= solver.LINKED

    def travel(self, sources: Cells) -> Travel:
        """The last search's result; the search gives its arrays away."""
        shape = self.surface.grid.shape
        self.state &= solver.WORD
        cost = self.cost.reshape(shape)
        cost[cost > self.limit] = np.inf
        cost[np.isnan(self.surface.slowness)] = np.nan
        return Travel(
            grid=self.surface.grid,
            cost=cost,
            nearest=None if self.nearest is None else self.nearest.reshape(shape),
            step=self.state.reshape(shape),
            sources=sources,
            unusable=np.flatnonzero(~np.isfinite(self.surface.slowness.reshape(-1)[sources])),
            neighbours=self.neighbours,
            direction=self.direction,
            limit=self.limit,
            links=self.surface.links,
        )


def _inside(cells: Cells, surface: Surface) -> None:
    if len(cells) and (cells.min() < 0 or cells.max() >= surface.slowness.size):
        raise ValueError("a cell lies outside the grid")


def _bucket_cost(surface: Surface) -> float:
    """The cheapest move, so that nothing is expanded twice; no less than a 256th of a common one."""
    least = float(np.fmin.reduce(surface.slowness, axis=None)) if surface.slowness.size else 1.0
    flat = surface.slowness.reshape(-1)
    sample = flat[:: max(1, flat.size // SAMPLE)]
    sample = sample[np.isfinite(sample)]
    common = float(np.median(sample)) if len(sample) else 1.0
    least = least if np.isfinite(least) else 1.0
    return max(least * LEAST_PACE[surface.pace], common / BUCKETS_OF_A_MOVE) * surface.grid.cell_m


def _slopes(surface: Surface, *, flat: bool = False) -> tuple[Any, Any]:
    """Elevation and directed cells as the kernels take them: None where slopes do not count."""
    if surface.pace == "none":
        return None, None
    arrays = surface.elevation_m, surface.directed
    return tuple(a.reshape(-1) if flat and a is not None else a for a in arrays)  # type: ignore[return-value]


def _links(links: Links | None, *, outwards: bool, direction: Direction) -> tuple[Cells, Cells, Floats]:
    """Links sorted by the cell where a step starts: (start, end, cost); outwards: as the search goes."""
    if links is None:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    start, end = (
        (links.to_cell, links.from_cell) if outwards == (direction == "to") else (links.from_cell, links.to_cell)
    )
    order = np.argsort(start, kind="stable")
    return start[order].astype(np.int64), end[order].astype(np.int64), links.cost[order].astype(np.float64)


def _steps_back(travel: Travel) -> tuple[Any, ...]:
    """What ``solver.follow`` needs beside a cell."""
    nearest = None if travel.nearest is None else travel.nearest.reshape(-1)
    back = _links(travel.links, outwards=False, direction=travel.direction)
    return travel.step.reshape(-1), travel.cost.reshape(-1), nearest, travel.grid.shape[1], *back
