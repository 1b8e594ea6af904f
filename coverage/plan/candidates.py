"""Candidate sites: hilltops and village centres without signal, near people without signal, spread over communes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from phusong.coverage.zonal import Zones
from phusong.layers.grid import Grid, Raster

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Reached = tuple[int, tuple[int, int, int, int], NDArray[np.float32]]
"""Number of the position, window (row0, row1, col0, col1) of the grid, level in dBm on the window (NaN: not known)."""
Reach = Callable[[Floats, Bools], Iterable[Reached]]
"""Positions (n, 2) x_m, y_m and the cells asked for (rows, cols) -> one ``Reached`` a position."""

HILLTOP, VILLAGE_CENTRE = "hilltop", "village_centre"
HILLTOP_WINDOW_M = 1500.0
"""A hilltop is the highest cell of the square window of this side around it ..."""
HILLTOP_RISE_M = 30.0
"""... and stands at least this much above the mean of the window twice as wide."""
SCREEN_M = 5000.0
"""A candidate is worth computing if people without signal live within this distance east-west and north-south."""


def find_candidates(
    *,
    zones: Zones,
    elevation: Raster,
    villages: gpd.GeoDataFrame | None,
    covered: NDArray[np.float32],
    uncovered_people: Floats,
    max_candidates: int,
) -> pd.DataFrame:
    """Candidates worth computing, at most ``max_candidates``, sorted by ``candidate_id``.

    ``covered`` (rows, cols): 1, 0, NaN not known; ``uncovered_people`` (rows, cols): persons without signal per cell.
    Columns: candidate_id, kind "hilltop" or "village_centre", x_m, y_m, cell (flat index), unit (row of the units),
    ground_elevation_m, people_near (persons without signal within ``SCREEN_M``). Candidates stand inside a unit, on
    ground above 0 m known around them. Where there are more than may be computed, each commune sends its best by
    people_near first, then its second, and so on, so that no small commune is left without.
    """
    grid = zones.grid
    near = _people_near(uncovered_people, cell_m=grid.cell_m)
    unit = unit_of_cells(zones)
    tops = _hilltops(elevation)
    found = [_frame(HILLTOP, [f"H{cell}" for cell in tops], *_centres(grid, tops), cell=tops)]
    if villages is not None and len(villages):
        x_m, y_m = villages.geometry.x.to_numpy(np.float64), villages.geometry.y.to_numpy(np.float64)
        inside = grid.inside(x_m, y_m)
        rows, cols = grid.rowcol(x_m[inside], y_m[inside])
        dark = covered[rows, cols] == 0
        ids = [f"V{code}" for code in villages["code"].to_numpy()[inside][dark]]
        cells = (rows * grid.shape[1] + cols)[dark]
        found.append(_frame(VILLAGE_CENTRE, ids, x_m[inside][dark], y_m[inside][dark], cell=cells))
    table = pd.concat(found, ignore_index=True)
    cell = table["cell"].to_numpy(np.int64)
    table = table.assign(
        unit=unit[cell],
        ground_elevation_m=elevation.values.reshape(-1)[cell].astype(np.float64),
        people_near=near.reshape(-1)[cell],
    )
    table = table[(table["unit"] >= 0) & _firm(elevation).reshape(-1)[cell] & (table["people_near"] > 0)]
    table = table.sort_values(["people_near", "candidate_id"], ascending=[False, True])
    turn = table.groupby("unit").cumcount()
    table = table.assign(turn=turn).sort_values(["turn", "people_near", "candidate_id"], ascending=[True, False, True])
    chosen: pd.DataFrame = table.head(max_candidates).drop(columns="turn")
    return chosen.sort_values("candidate_id", ignore_index=True)


def unit_of_cells(zones: Zones) -> NDArray[np.int64]:
    """Row of the unit that holds the largest part of each cell, int64[rows * cols]; -1 outside all units."""
    rows, cols = zones.grid.shape
    order = np.lexsort((-zones.unit, zones.fraction))  # ascending: the last one written has the largest part
    unit = np.full(rows * cols, -1, dtype=np.int64)
    unit[zones.cell[order]] = zones.unit[order]
    return unit


def _hilltops(elevation: Raster) -> NDArray[np.int64]:
    """Flat indices of the hilltop cells, rising; of a flat top the first cell."""
    cell_m = elevation.grid.cell_m
    known = ~np.isnan(elevation.values)
    height = np.where(known, elevation.values, -np.inf)
    size = _window(HILLTOP_WINDOW_M, cell_m)
    wide = _window(2 * HILLTOP_WINDOW_M, cell_m)
    top = (height == ndimage.maximum_filter(height, size=size, mode="constant", cval=-np.inf)) & known
    total = ndimage.uniform_filter(np.where(known, height, 0.0).astype(np.float64), size=wide, mode="constant")
    share = ndimage.uniform_filter(known.astype(np.float64), size=wide, mode="constant")
    rise = height - np.divide(total, share, out=np.full(height.shape, np.inf), where=top)
    top &= rise >= HILLTOP_RISE_M
    label, count = ndimage.label(top, structure=np.ones((3, 3), dtype=np.int64))
    flat = np.flatnonzero(label)
    _, first = np.unique(label.reshape(-1)[flat], return_index=True)
    if len(first) != count:
        raise AssertionError("a hilltop was lost")
    return np.sort(flat[first]).astype(np.int64)


def _people_near(people: Floats, *, cell_m: float) -> Floats:
    """Sum of ``people`` in the square of half side ``SCREEN_M`` around each cell."""
    half = max(1, round(SCREEN_M / cell_m))
    padded = np.pad(people, ((half + 1, half), (half + 1, half)))
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    side = 2 * half + 1
    near = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.where(near > 1e-3, near, 0.0)  # the rounding of the sums is no people


def _firm(elevation: Raster) -> Bools:
    """Cells above 0 m with known elevation on all eight sides, so that a mast's ground can be read between cells."""
    known = ~np.isnan(elevation.values)
    around = ndimage.binary_erosion(known, structure=np.ones((3, 3), dtype=np.bool_))
    return np.asarray(around & (np.where(known, elevation.values, 0.0) > 0))


def _frame(kind: str, ids: list[str], x_m: Floats, y_m: Floats, *, cell: NDArray[np.int64]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate_id": pd.Series(ids, dtype="str"),
            "kind": pd.Series([kind] * len(ids), dtype="str"),
            "x_m": x_m,
            "y_m": y_m,
            "cell": cell,
        }
    )


def _centres(grid: Grid, cells: NDArray[np.int64]) -> tuple[Floats, Floats]:
    rows, cols = np.divmod(cells, grid.shape[1])
    return grid.x_m[cols], grid.y_m[rows]


def _window(side_m: float, cell_m: float) -> int:
    """Odd number of cells of a window, at least 3."""
    return max(3, 2 * round(side_m / cell_m / 2) + 1)
