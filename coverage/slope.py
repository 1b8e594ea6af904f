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
    around = np.empty((3, 3), dtype=np.float64)
    for i in range(rows):
        for j in range(cols):
            here = np.float64(z[i, j])
            for di in range(3):
                for dj in range(3):
                    a, b = i + di - 1, j + dj - 1
                    value = here
                    if 0 <= a < rows and 0 <= b < cols and not np.isnan(z[a, b]):
                        value = np.float64(z[a, b])
                    around[di, dj] = value
            east = around[0, 2] + 2 * around[1, 2] + around[2, 2]
            west = around[0, 0] + 2 * around[1, 0] + around[2, 0]
            north = around[0, 0] + 2 * around[0, 1] + around[0, 2]
            south = around[2, 0] + 2 * around[2, 1] + around[2, 2]
            found[i, j] = 100.0 * np.hypot(east - west, north - south) / (8 * cell_m)
    return found
