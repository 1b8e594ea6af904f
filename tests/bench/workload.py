"""What is timed: synthetic mountains, a network on them, profiles of one mast; and the clock it is read against."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numba import njit
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from phusong.layers.grid import Grid, Raster

HEIGHT_M, TERMINAL_M, BAND_MHZ = 36.0, 1.5, 900.0
EARTH_FACTOR = 4.0 / 3.0
EARTH_M = 6_371_000.0 * EARTH_FACTOR
REFERENCE_S = 0.47
"""CPU seconds of the calibration loop on the machine that times are told for (docs/benchmarks.md)."""


@njit(error_model="numpy")
def calibration(n: int) -> float:
    """A chain of dependent multiplications, additions and roots: the same work on every machine."""
    x = 0.5
    for _ in range(n):
        x = np.sqrt(x * 1.000001 + 0.1) * 0.9
    return x


def loop_s() -> float:
    """CPU seconds of the calibration loop, now."""
    calibration(1)
    begin = time.process_time()
    calibration(50_000_000)
    return time.process_time() - begin


@dataclass(frozen=True)
class Timed:
    """What some work took, all threads together, and the calibration loop before and after it."""

    wall_s: float
    cpu_s: float
    loop_s: float

    @property
    def reference_s(self) -> float:
        """CPU seconds on the reference machine."""
        return self.cpu_s / self.loop_s * REFERENCE_S

    def __str__(self) -> str:
        return (
            f"{self.cpu_s:8.2f} s CPU = {self.cpu_s / self.loop_s:6.1f} loops = {self.reference_s:7.2f} s at reference;"
            f" {self.wall_s:7.2f} s wall"
        )


def timed(work: Callable[[], Any], *, times: int = 1) -> tuple[Timed, Any]:
    """Do some work of this process, so many times; the time of one, and the last result."""
    before = loop_s()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        result = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Timed(wall / times, cpu / times, (before + loop_s()) / 2.0), result


def mountains(*, span_m: float, cell_m: float) -> Raster:
    """Rough ground of five wavelengths, 0 to some 1,500 m high, sea in the lowest places."""
    rng = np.random.default_rng(1)
    cells = int(span_m / cell_m)
    total = np.full((cells, cells), 500.0)
    for height_m, width_m in ((252.0, 5400.0), (140.0, 1800.0), (84.0, 540.0), (28.0, 180.0), (5.6, 60.0)):
        width = max(width_m / cell_m, 0.7)
        thin = max(1, int(width / 4))
        noise = gaussian_filter(rng.standard_normal((-(-cells // thin),) * 2), width / thin, mode="wrap")
        noise = (noise - noise.mean()) * (height_m / noise.std())
        total += zoom(noise, cells / noise.shape[0], order=1) if thin > 1 else noise
    grid = Grid("EPSG:9212", 500_000.0, 1_900_080.0, cell_m, (cells, cells))
    return Raster(grid, np.maximum(total, 0.0).astype(np.float32))


def network(elevation: Raster, *, masts: int, technologies: tuple[str, ...]) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Masts anywhere, three sectors each a technology."""
    rng = np.random.default_rng(2)
    left, bottom, right, top = elevation.grid.bounds
    places = shapely.points(rng.uniform(left, right, masts), rng.uniform(bottom, top, masts))
    sites = gpd.GeoDataFrame({"site_id": [f"s{i:04d}" for i in range(masts)]}, geometry=places, crs=elevation.grid.crs)
    rows = [(s, "A", t, HEIGHT_M, a) for s in sites["site_id"] for t in technologies for a in (0.0, 120.0, 240.0)]
    sectors = pd.DataFrame(rows, columns=["site_id", "operator", "technology", "height_m", "azimuth_deg"])
    sectors["sector_id"] = [f"c{i:05d}" for i in range(len(sectors))]
    return sites, sectors


def around_the_middle(elevation: Raster, *, range_m: float) -> Raster:
    """The cells up to the range from the middle one, which is the middle of what is returned."""
    grid, reach = elevation.grid, int(range_m / elevation.grid.cell_m)
    row, col = (cells // 2 for cells in grid.shape)
    window = Grid(
        grid.crs,
        float(grid.x_m[col - reach]) - grid.cell_m / 2.0,
        float(grid.y_m[row - reach]) + grid.cell_m / 2.0,
        grid.cell_m,
        (2 * reach + 1, 2 * reach + 1),
    )
    return Raster(window, elevation.values[row - reach : row + reach + 1, col - reach : col + reach + 1])


def profiles(ground: Raster, *, directions: int) -> np.ndarray:
    """Heights (directions, points), a cell apart, from the middle of the ground to its nearest edge."""
    reach = ground.grid.shape[0] // 2
    angle = 2.0 * np.pi * (np.arange(directions) + 0.3) / directions
    steps = np.arange(reach + 1)
    points = np.stack([reach - np.outer(np.cos(angle), steps), reach + np.outer(np.sin(angle), steps)])
    heights: np.ndarray = map_coordinates(ground.values.astype(np.float64), points, order=1)
    return heights


def agreement(ground: Raster, seen: np.ndarray) -> float:
    """Share of 3,000 cells in range seen or hidden as by the profile to each: every row and column that it crosses."""
    rng, middle, cell_m = np.random.default_rng(4), ground.grid.shape[0] // 2, ground.grid.cell_m
    heights = ground.values.astype(np.float64)
    mast_m = heights[middle, middle] + HEIGHT_M
    away = np.hypot(*np.meshgrid(np.arange(len(heights)) - middle, np.arange(len(heights)) - middle))
    cells = rng.choice(np.argwhere((away > 1.0) & (away <= middle)), 3_000, replace=False)
    equal = 0
    for row, col in cells:
        way = np.array([row, col]) - middle
        crossed = [np.arange(1, abs(part)) / abs(part) for part in way if part]
        share = np.append(np.unique(np.concatenate(crossed)), 1.0)
        away_m = share * np.hypot(*way) * cell_m
        drop_m = away_m**2 / (2.0 * EARTH_M) + mast_m
        over_m = map_coordinates(heights, middle + np.outer(way, share), order=1) - drop_m
        clear = (over_m[-1] + TERMINAL_M) / away_m[-1] >= (over_m[:-1] / away_m[:-1]).max(initial=-np.inf)
        equal += int(clear == seen[row, col])
    return equal / len(cells)
