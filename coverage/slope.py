"""Slope of the terrain, by Horn's formula."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.layers.grid import Raster


def slope_pct(elevation: Raster) -> NDArray[np.float64]:
    """Slope of each cell in percent (rise over run), (rows, cols) float64; NaN where the cell has no elevation.

    Horn (1981), Hill shading and the reflectance map: dz/dx = ((z3 + 2 z6 + z9) - (z1 + 2 z4 + z7)) / (8 cell), dz/dy
    likewise. A neighbour without data, or beyond the raster, counts as level with the cell: coasts keep a slope, an
    understated one.
    """
    found: NDArray[np.float64] = _horn(np.ascontiguousarray(elevation.values), float(elevation.grid.cell_m))
    return found


@njit(error_model="numpy", cache=True)
def _horn(z: NDArray[np.float32], cell_m: float) -> NDArray[np.float64]:
    rows, cols = z.shape
    found = np.empty((rows, cols), dtype=np.float64)
    for i in range(rows):
        for j in range(cols):
            rise = np.nan
            if 0 < i < rows - 1 and 0 < j < cols - 1:
                rise = _rise(z, i, j)
            if np.isnan(rise) and not np.isnan(z[i, j]):  # on the edge, or beside a cell without data
                rise = _rise(_patched(z, i, j), 1, 1)
            found[i, j] = 100.0 * rise / (8 * cell_m)
    return found


@njit(error_model="numpy", cache=True, inline="always")
def _rise(z: NDArray[np.float32], i: int, j: int) -> float:
    """Weighted rise over eight cells around (i, j); NaN if one of them is."""
    z1, z2, z3 = np.float64(z[i - 1, j - 1]), np.float64(z[i - 1, j]), np.float64(z[i - 1, j + 1])
    z4, z6 = np.float64(z[i, j - 1]), np.float64(z[i, j + 1])
    z7, z8, z9 = np.float64(z[i + 1, j - 1]), np.float64(z[i + 1, j]), np.float64(z[i + 1, j + 1])
    return float(np.hypot((z3 + 2 * z6 + z9) - (z1 + 2 * z4 + z7), (z1 + 2 * z2 + z3) - (z7 + 2 * z8 + z9)))


@njit(error_model="numpy", cache=True)
def _patched(z: NDArray[np.float32], i: int, j: int) -> NDArray[np.float32]:
    """The three by three cells around (i, j), those without data level with it."""
    rows, cols = z.shape
    around = np.full((3, 3), z[i, j])
    for a in range(max(0, i - 1), min(rows, i + 2)):
        for b in range(max(0, j - 1), min(cols, j + 2)):
            if not np.isnan(z[a, b]):
                around[a - i + 1, b - j + 1] = z[a, b]
    return around
