"""How much of each village and unit is high or steep, and where a village's ground is taken to be.

A village's ground is its own area where the layer of village areas has one; else the cells of its unit that are nearest
to its centre among the unit's villages without an area, less what those areas hold: a raster Voronoi diagram clipped to
the unit. Villages whose centres fall together share their ground alike. Slopes are those of the grid's cells: the wider
the cell, the more slope is understated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.population import rows_of
from phusong.coverage.slope import slope_pct
from phusong.coverage.zonal import Zones, known_mean, zones
from phusong.layers.grid import Raster

HIGH_M = 200.0
STEEP_PCT = 15.0
"""The heights and slopes of which Decree 272/2025/ND-CP speaks."""

Ground = Literal["own", "derived", ""]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
_HIGH, _STEEP, _KNOWN = 1, 2, 4


@dataclass(frozen=True)
class Terrain:
    """Shares of area 0-100, NaN where less than half of the area has elevation data.

    ``unit_high_pct``, ``unit_steep_pct``: float64[n_units]; ``village_high_pct``, ``village_steep_pct``:
    float64[n_villages]; ``ground``: "own" area, "derived", or "" for a village that has none. ``cell_m``: cell size of
    the slopes.
    """

    unit_high_pct: Floats
    unit_steep_pct: Floats
    village_high_pct: Floats
    village_steep_pct: Floats
    ground: NDArray[np.object_]
    cell_m: float


def terrain_shares(
    units: gpd.GeoDataFrame,
    *,
    zones_of_units: Zones,
    elevation: Raster,
    villages: gpd.GeoDataFrame | None = None,
    village_areas: gpd.GeoDataFrame | None = None,
) -> Terrain:
    """Shares of high and of steep ground of units and villages; ``elevation`` lies on the grid of the zones."""
    flags = _flags(elevation).reshape(-1)
    grid = elevation.grid
    of_units = np.zeros((zones_of_units.n_units, 4))
    _sum_flags(zones_of_units.unit, zones_of_units.cell, zones_of_units.fraction, flags, of_units)
    n = 0 if villages is None else len(villages)
    of_villages = np.zeros((n, 4))
    ground = np.full(n, "", dtype=object)
    if villages is not None and n:
        unit = rows_of(villages["unit_code"], units["code"])
        free = zones_of_units.fraction
        if village_areas is not None and len(village_areas):
            own = zones(village_areas, grid=grid, layer="village_areas")
            row = rows_of(village_areas["code"], villages["code"])[own.unit]
            mine = row >= 0
            _sum_flags(row[mine], own.cell[mine], own.fraction[mine], flags, of_villages)
            ground[np.unique(row[mine])] = "own"
            free = _left_over(zones_of_units, unit[row[mine]], own.cell[mine], own.fraction[mine])
        x_m, y_m = np.asarray(villages.geometry.x), np.asarray(villages.geometry.y)
        seeds = np.flatnonzero((unit >= 0) & (ground == "") & np.isfinite(x_m + y_m))
        if len(seeds):
            spot, first = _spots(unit[seeds], x_m[seeds], y_m[seeds])
            of_spots = np.zeros((len(first), 4))
            _allocate(
                zones_of_units.starts,
                zones_of_units.cell,
                free,
                np.searchsorted(unit[seeds][first], np.arange(zones_of_units.n_units + 1)).astype(np.int64),
                x_m[seeds][first],
                y_m[seeds][first],
                (grid.left_m, grid.top_m, grid.cell_m, grid.shape[1]),
                flags,
                of_spots,
            )
            of_villages[seeds] = of_spots[spot]
            ground[seeds[of_spots[spot, 0] > 0]] = "derived"
    unit_high, unit_steep = _shares(of_units)
    village_high, village_steep = _shares(of_villages)
    return Terrain(unit_high, unit_steep, village_high, village_steep, ground, grid.cell_m)


def _shares(sums: Floats) -> tuple[Floats, Floats]:
    """High and steep in % of what has elevation, from (n, 4) sums of area, known, high and steep ground."""
    whole, known, high, steep = sums.T
    return 100.0 * known_mean(high, known, whole), 100.0 * known_mean(steep, known, whole)


def _flags(elevation: Raster) -> NDArray[np.uint8]:
    """Of each cell: whether its elevation is known, high, steep; as bits."""
    bits: NDArray[np.uint8] = _bits(np.ascontiguousarray(elevation.values), slope_pct(elevation))
    return bits


@njit(error_model="numpy", cache=True)
def _bits(z: NDArray[np.float32], slope: Floats) -> NDArray[np.uint8]:  # pragma: no cover - compiled
    rows, cols = z.shape
    bits = np.zeros((rows, cols), dtype=np.uint8)
    for i in range(rows):
        for j in range(cols):
            if not np.isnan(z[i, j]):
                high = _HIGH if z[i, j] >= HIGH_M else 0
                steep = _STEEP if slope[i, j] >= STEEP_PCT else 0
                bits[i, j] = _KNOWN + high + steep
    return bits


def _left_over(units: Zones, unit: Ints, cell: Ints, fraction: Floats) -> Floats:
    """Of each pair of unit and cell, the share of the cell that areas of villages leave free: float64[pairs].

    ``unit``, ``cell``, ``fraction``: the pairs of the areas, by the unit of the village. On a cell that units share,
    an area takes from its own unit first; from another only what then no longer finds room.
    """
    order = np.argsort(unit, kind="stable")
    start = np.searchsorted(unit[order], np.arange(units.n_units + 1)).astype(np.int64)
    taken = np.bincount(cell, weights=fraction, minlength=int(np.prod(units.grid.shape))).astype(np.float64)
    free: Floats = _free(units.starts, units.cell, units.fraction, start, cell[order], fraction[order], taken)
    return free


@njit(error_model="numpy", cache=True)
def _free(  # noqa: PLR0917
    starts: Ints, cell: Ints, fraction: Floats, own_start: Ints, own_cell: Ints, own_fraction: Floats, taken: Floats
) -> Floats:  # pragma: no cover - compiled
    free = np.zeros(len(fraction))
    own = np.zeros(len(taken))
    for unit in range(len(starts) - 1):
        for k in range(own_start[unit], own_start[unit + 1]):
            own[own_cell[k]] += own_fraction[k]
        for k in range(starts[unit], starts[unit + 1]):
            left = min(fraction[k] - own[cell[k]], 1.0 - taken[cell[k]])
            if left > 1e-6:  # less is rounding
                free[k] = left
        for k in range(own_start[unit], own_start[unit + 1]):
            own[own_cell[k]] = 0.0
    return free


def _spots(unit: Ints, x_m: Floats, y_m: Floats) -> tuple[Ints, Ints]:
    """Different centres by unit, then x, y, then row: the spot of each village, and a village of each spot."""
    order = np.lexsort((np.arange(len(unit)), y_m, x_m, unit))
    u, x, y = unit[order], x_m[order], y_m[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (u[1:] != u[:-1]) | (x[1:] != x[:-1]) | (y[1:] != y[:-1])
    spot = np.empty(len(order), dtype=np.int64)
    spot[order] = np.cumsum(new) - 1
    return spot, order[new].astype(np.int64)


@njit(error_model="numpy", cache=True)
def _sum_flags(
    owner: Ints | NDArray[np.int32], cell: Ints, fraction: Floats, flags: NDArray[np.uint8], sums: Floats
) -> None:  # pragma: no cover - compiled
    """Add each pair's share of ground to its owner's area, known, high and steep (n, 4)."""
    for k in range(len(owner)):
        _add(sums, owner[k], fraction[k], flags[cell[k]])


@njit(error_model="numpy", cache=True)
def _add(sums: Floats, row: int, share: float, bits: int) -> None:  # pragma: no cover - compiled
    sums[row, 0] += share
    if bits & _KNOWN:
        sums[row, 1] += share
        if bits & _HIGH:
            sums[row, 2] += share
        if bits & _STEEP:
            sums[row, 3] += share


@njit(error_model="numpy", cache=True)
def _allocate(  # noqa: PLR0917
    starts: Ints,
    cell: Ints,
    free: Floats,
    seed_start: Ints,
    x_m: Floats,
    y_m: Floats,
    frame: tuple[float, float, float, int],
    flags: NDArray[np.uint8],
    sums: Floats,
) -> None:  # pragma: no cover - compiled
    """Add what is free of each unit's cells to the nearest of its seeds, which are sorted by x; of equally near ones to
    the first.

    From the seed at the cell's own x the search goes both ways until the distance in x alone is greater than the least
    so far. It begins with the seed of the cell before, which is often the same.
    """
    left, top, cell_m, cols = frame
    for unit in range(len(starts) - 1):
        first, last = seed_start[unit], seed_start[unit + 1]
        if first == last:
            continue
        at, found = first, first
        for k in range(starts[unit], starts[unit + 1]):
            share = free[k]
            if share <= 0.0:
                continue
            x = left + (cell[k] % cols + 0.5) * cell_m
            y = top - (cell[k] // cols + 0.5) * cell_m
            while at < last and x_m[at] < x:
                at += 1
            while at > first and x_m[at - 1] >= x:
                at -= 1
            best = (x_m[found] - x) ** 2 + (y_m[found] - y) ** 2
            up, down = at, at - 1
            while up < last or down >= first:
                if up < last:
                    dx = x_m[up] - x
                    if dx * dx > best:
                        up = last
                    else:
                        d = dx * dx + (y_m[up] - y) ** 2
                        if d < best or (d == best and up < found):
                            best, found = d, up
                        up += 1
                if down >= first:
                    dx = x - x_m[down]
                    if dx * dx > best:
                        down = first - 1
                    else:
                        d = dx * dx + (y_m[down] - y) ** 2
                        if d < best or (d == best and down < found):
                            best, found = d, down
                        down -= 1
            _add(sums, found, share, flags[cell[k]])
