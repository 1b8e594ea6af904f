"""What a default site would bring at a place where none stands: the seam for the investment plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio.antenna import grid_convergence_deg
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M
from phusong.coverage.radio.kernels import NO_SERVER_DBM
from phusong.coverage.radio.network import sector_table
from phusong.coverage.radio.quantity import pilot_power_dbm
from phusong.coverage.radio.sweep import Masts, Terrain, best_server, check_grid
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster

Reached = tuple[int, tuple[int, int, int, int], NDArray[np.float32]]
"""Number of the position, window (row0, row1, col0, col1) of the grid, level in dBm on the window."""


def default_site(technology: str, *, band_mhz: float | None, height_m: float | None) -> pd.DataFrame:
    """The sectors of the site the plan proposes: three at the table's azimuths, every value its default."""
    azimuths = radio_defaults()["site"]["azimuths_deg"]
    frame = pd.DataFrame(
        {
            "sector_id": [str(i) for i in range(len(azimuths))],
            "technology": technology,
            "band_mhz": np.nan if band_mhz is None else float(band_mhz),
            "height_m": float(radio_defaults()["site"]["height_m"] if height_m is None else height_m),
            "azimuth_deg": np.array(azimuths, dtype=np.float64),
        }
    )
    frame = complete_sectors(frame)[0]
    first = frame.iloc[0]
    frame["pilot_power_dbm"] = pilot_power_dbm(
        technology,
        carrier_power_dbm=float(first["carrier_power_dbm"]),
        band_mhz=float(first["band_mhz"]),
        bandwidth_mhz=float(first["bandwidth_mhz"]),
        pilot_share_pct=float(first["pilot_share_pct"]),
    )
    return frame


def reach(
    positions: NDArray[np.float64] | Sequence[tuple[float, float]],
    *,
    elevation: Raster,
    grid: Grid,
    technology: str,
    band_mhz: float | None = None,
    height_m: float | None = None,
    where: NDArray[np.bool_] | None = None,
    max_range_m: float = 20_000.0,
    effective_earth_factor: float = 4.0 / 3.0,
    terminal_height_m: float = 1.5,
    spherical_earth: bool = True,
    vertical: bool = True,
    least_dbm: float = NO_SERVER_DBM,
) -> Iterator[Reached]:
    """Level of a default three-sector site of ``technology`` at each of ``positions`` (n, 2) x_m, y_m, one by one.

    Yields (index, window, level): float32 dBm in the technology's quantity on the window of cells within range; NaN
    where ``where`` does not ask for the cell or the terrain is void, ``NO_SERVER_DBM`` beyond range and below
    ``least_dbm`` (name the usable level to spare work). The same arithmetic as ``compute``. CrsError if the elevation
    lies on another grid; InputError if a position has none.
    """
    check_grid(elevation, grid)
    places = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    terrain = Terrain.of(elevation)
    sectors = default_site(technology, band_mhz=band_mhz, height_m=height_m)
    convergence = grid_convergence_deg(places[:, 0], places[:, 1], crs=grid.crs)
    height = float(sectors["height_m"].iloc[0])
    numbers = np.arange(len(sectors), dtype=np.int32)
    for index, (x_m, y_m) in enumerate(places):
        ground = terrain.ground_m(x_m, y_m)
        if np.isnan(ground):
            raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
        row, col = terrain.position(x_m, y_m)
        table = sector_table(
            sectors, convergence_deg=np.full(len(sectors), convergence[index]), max_range_m=max_range_m
        )
        masts = Masts(
            np.array([[row, col, ground + height, ground]]),
            np.array([0, len(sectors)], dtype=np.int64),
            table,
            np.zeros(len(sectors), dtype=np.int32),
            numbers,
        )
        cells = float(masts.range_m[0]) / grid.cell_m
        window = (
            max(0, ceil(row - cells)),
            min(grid.shape[0], floor(row + cells) + 1),
            max(0, ceil(col - cells)),
            min(grid.shape[1], floor(col + cells) + 1),
        )
        swept = best_server(
            terrain,
            masts,
            usable_dbm=np.array([np.inf]),
            where=where,
            window=window,
            earth_radius_m=effective_earth_factor * EARTH_RADIUS_M,
            terminal_height_m=terminal_height_m,
            spherical=spherical_earth,
            vertical=vertical,
            least_dbm=least_dbm,
        )
        yield index, window, swept.level[0]
