"""Seconds and cells a second of the radio step, read against a calibration loop timed in the same run.

Run ``python tests/bench/bench_radio.py [--small]``. CPU seconds are those of all threads; where the machine is slower
or busier than the one the reference was taken on, calibration and sweep slow down together.
"""

from __future__ import annotations

import sys
import time
from datetime import date

import geopandas as gpd
import numba
import numpy as np
import pandas as pd
import shapely
from numba import njit
from scipy.ndimage import gaussian_filter

from phusong.coverage.radio import compute, reach
from phusong.layers.grid import Grid, Raster


@njit(error_model="numpy")
def calibration(n: int) -> float:
    """A chain of dependent multiplications, additions and roots: the same work on every machine."""
    x = 0.5
    for _ in range(n):
        x = np.sqrt(x * 1.000001 + 0.1) * 0.9
    return x


def province(cells: int, masts: int) -> tuple[gpd.GeoDataFrame, pd.DataFrame, Raster, np.ndarray]:
    """Mountains that rise from a plain; masts of three operators with three sectors each, thin in the mountains."""
    rng = np.random.default_rng(1)
    grid = Grid("EPSG:9212", 450_000.0, 1_900_080.0, 90.0, (cells, cells))
    noise = sum(
        height * width * gaussian_filter(rng.standard_normal(grid.shape), width, mode="wrap")
        for height, width in ((900, 60), (500, 20), (300, 6), (100, 2))
    )
    slope = np.linspace(1.0, 0.0, cells)[None, :] ** 1.5
    elevation = Raster(grid, np.maximum((noise * 0.6 + 500.0) * slope, 0.0).astype(np.float32))
    margin = cells // 8
    span = grid.cell_m * (cells - 2 * margin)
    x_m = grid.left_m + grid.cell_m * margin + span * rng.beta(2.0, 1.2, masts)
    y_m = grid.top_m - grid.cell_m * margin - span * rng.random(masts)
    sites = gpd.GeoDataFrame(
        {"site_id": [f"s{i:04d}" for i in range(masts)]}, geometry=shapely.points(x_m, y_m), crs=grid.crs
    )
    rows = [
        (site, operator, technology, height, azimuth)
        for site in sites["site_id"]
        for operator, height in zip(
            rng.choice(list("ABC"), rng.integers(1, 3), replace=False), rng.choice([30.0, 36.0, 42.0], 2), strict=False
        )
        for technology in (("2G", "3G") if rng.random() < 0.6 else ("2G",))
        for azimuth in (0.0, 120.0, 240.0)
    ]
    sectors = pd.DataFrame(rows, columns=["site_id", "operator", "technology", "height_m", "azimuth_deg"])
    sectors["sector_id"] = [f"c{i:05d}" for i in range(len(sectors))]
    where = np.zeros(grid.shape, dtype=bool)
    where[margin:-margin, margin:-margin] = True
    return sites, sectors, elevation, where


def main() -> None:
    """Print one line a measurement."""
    cells, masts = (240, 60) if "--small" in sys.argv else (1000, 540)
    sites, sectors, elevation, where = province(cells, masts)
    calibration(1)
    start = time.process_time()
    calibration(50_000_000)
    unit = time.process_time() - start
    print(f"calibration loop: {unit:.2f} s CPU; threads: {numba.get_num_threads()}")

    def once() -> tuple[float, float, dict[str, int]]:
        wall, cpu = time.perf_counter(), time.process_time()
        result = compute(sites, sectors, elevation=elevation, where=where, grid=elevation.grid, on=date(2012, 12, 31))
        return time.perf_counter() - wall, time.process_time() - cpu, dict(result.counts)

    for name in ("first run, compiled or from the cache", "second run"):
        wall, cpu, counts = once()
        print(
            f"{name}: {wall:.1f} s, {cpu:.1f} s CPU ({cpu / unit:.1f} calibrations), {counts['masts']} masts,"
            f" {counts['sectors']} sectors, {counts['cells_wanted']} cells: {counts['pairs'] / cpu / 1e6:.2f} M pairs"
            f" of cell and mast a CPU second, {counts['profiles']} profiles walked of {counts['pairs']}"
        )
    places = np.stack([sites.geometry.x.to_numpy(), sites.geometry.y.to_numpy()], axis=1)[:10]
    start = time.process_time()
    walked = sum(level.size for _, _, level in reach(places, elevation=elevation, grid=elevation.grid, technology="3G"))
    cpu = time.process_time() - start
    speed = walked / cpu / 1e6
    print(
        f"10 proposed sites, every cell: {cpu:.2f} s CPU ({cpu / unit:.2f} calibrations), {speed:.2f} M cells a second"
    )


if __name__ == "__main__":
    main()
