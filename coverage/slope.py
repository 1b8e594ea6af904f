"""Slope of the terrain, by Horn's formula."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phusong.layers.grid import Raster


def slope_pct(elevation: Raster) -> NDArray[np.float64]:
    """Slope of each cell in percent (rise over run), (rows, cols) float64; NaN where the cell has no elevation.

    Horn (1981), Hill shading and the reflectance map: dz/dx = ((z3 + 2 z6 + z9) - (z1 + 2 z4 + z7)) / (8 cell), dz/dy
    likewise. A neighbour without data, or beyond the raster, counts as level with the cell: coasts keep a slope, an
    understated one.
    """
    z = elevation.values.astype(np.float64)
    rows, cols = z.shape
    padded = np.pad(z, 1, constant_values=np.nan)

    def at(row: int, col: int) -> NDArray[np.float64]:
        part = padded[1 + row : 1 + row + rows, 1 + col : 1 + col + cols]
        return np.where(np.isnan(part), z, part)

    east = at(-1, 1) + 2 * at(0, 1) + at(1, 1)
    west = at(-1, -1) + 2 * at(0, -1) + at(1, -1)
    north = at(-1, -1) + 2 * at(-1, 0) + at(-1, 1)
    south = at(1, -1) + 2 * at(1, 0) + at(1, 1)
    result: NDArray[np.float64] = 100.0 * np.hypot(east - west, north - south) / (8 * elevation.grid.cell_m)
    return result
