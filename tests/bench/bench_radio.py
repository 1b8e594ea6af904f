"""CPU seconds of the radio step and of peers beside it, read against a calibration loop timed in the same run.

Run ``python tests/bench/bench_radio.py [--small]``. CPU seconds are those of all threads; where the machine is slower
or busier than another, calibration and sweep slow down together. Peers run as separate processes, where installed.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numba
import numpy as np
import pandas as pd
import rasterio
import shapely
from numba import njit
from scipy.ndimage import gaussian_filter, zoom

from phusong.coverage.radio import compute, reach
from phusong.layers.grid import Grid, Raster

ON = date(2012, 12, 31)


@njit(error_model="numpy")
def calibration(n: int) -> float:
    """A chain of dependent multiplications, additions and roots: the same work on every machine."""
    x = 0.5
    for _ in range(n):
        x = np.sqrt(x * 1.000001 + 0.1) * 0.9
    return x


def mountains(*, span_m: float, cell_m: float) -> Raster:
    """Rough ground of five wavelengths, 0 to some 1,500 m high, sea in the lowest places."""
    rng = np.random.default_rng(1)
    cells = int(span_m / cell_m)
    total = np.full((cells, cells), 500.0)
    for height_m, width_m in ((252.0, 5400.0), (140.0, 1800.0), (84.0, 540.0), (28.0, 180.0), (5.6, 60.0)):
        width = max(width_m / cell_m, 0.7)
        thin = max(1, int(width / 4))
        noise = gaussian_filter(rng.standard_normal((-(-cells // thin),) * 2), width / thin, mode="wrap")
        noise *= height_m / noise.std()
        total += zoom(noise, cells / noise.shape[0], order=1) if thin > 1 else noise
    grid = Grid("EPSG:9212", 500_000.0, 1_900_080.0, cell_m, (cells, cells))
    return Raster(grid, np.maximum(total, 0.0).astype(np.float32))


def network(elevation: Raster, *, masts: int, technologies: tuple[str, ...]) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Masts anywhere, three sectors each a technology."""
    rng = np.random.default_rng(2)
    left, bottom, right, top = elevation.grid.bounds
    places = shapely.points(rng.uniform(left, right, masts), rng.uniform(bottom, top, masts))
    sites = gpd.GeoDataFrame({"site_id": [f"s{i:04d}" for i in range(masts)]}, geometry=places, crs=elevation.grid.crs)
    rows = [(s, "A", t, 36.0, a) for s in sites["site_id"] for t in technologies for a in (0.0, 120.0, 240.0)]
    sectors = pd.DataFrame(rows, columns=["site_id", "operator", "technology", "height_m", "azimuth_deg"])
    sectors["sector_id"] = [f"c{i:05d}" for i in range(len(sectors))]
    return sites, sectors


def clocked(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, CPU seconds and the result of some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def viewshed(elevation: Raster, *, range_m: float) -> float | None:
    """CPU seconds of gdal_viewshed for one mast in the middle of the elevation; None where it is not installed."""
    command = shutil.which("gdal_viewshed")
    if command is None:
        return None
    grid = elevation.grid
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "elevation.tif")
        shape = {"height": grid.shape[0], "width": grid.shape[1], "count": 1, "dtype": "float32"}
        with rasterio.open(source, "w", driver="GTiff", crs=grid.crs, transform=grid.transform, **shape) as file:
            file.write(elevation.values, 1)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        middle = [str(grid.x_m[grid.shape[1] // 2]), str(grid.y_m[grid.shape[0] // 2])]
        options = ["-oz", "36", "-tz", "1.5", "-md", str(range_m), "-ox", middle[0], "-oy", middle[1]]
        subprocess.run(
            [command, "-q", *options, str(source), str(Path(folder, "seen.tif"))], check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print one line a measurement."""
    span_m, masts, range_m = (15_000.0, 55, 6_000.0) if "--small" in sys.argv else (69_000.0, 1_159, 15_000.0)
    calibration(1)
    unit = clocked(lambda: calibration(50_000_000))[1]
    print(f"calibration loop: {unit:.2f} s CPU; threads: {numba.get_num_threads()}")

    def line(name: str, wall: float, cpu: float, rest: str = "") -> None:
        print(f"{name}: {cpu:.2f} s CPU ({cpu / unit:.1f} calibrations), {wall:.2f} s wall{rest}", flush=True)

    def area(elevation: Raster, technologies: tuple[str, ...] = ("2G",), count: int = masts, **options: Any) -> Any:
        sites, sectors = network(elevation, masts=count, technologies=technologies)
        common = {"elevation": elevation, "where": None, "grid": elevation.grid, "on": ON, "max_range_m": range_m}
        return clocked(lambda: compute(sites, sectors, **(common | options)))

    fine, coarse = (mountains(span_m=span_m, cell_m=cell_m) for cell_m in (30.0, 90.0))
    line("compiling or reading the cache", *area(coarse, count=1)[:2])
    for name, elevation, technologies, options in (
        ("30 m, delta-Bullington", fine, ("2G",), {}),
        ("30 m, without the spherical Earth", fine, ("2G",), {"spherical_earth": False}),
        ("30 m, two bands", fine, ("2G", "3G"), {}),
        ("90 m, delta-Bullington", coarse, ("2G",), {}),
    ):
        wall, cpu, result = area(elevation, technologies, **options)
        counts = result.counts
        line(
            name,
            wall,
            cpu,
            f"; {counts['masts']} masts, {counts['cells_wanted']} cells,"
            f" {counts['pairs'] / cpu / 1e6:.1f} M pairs of cell and mast a CPU second,"
            f" {counts['profiles'] / counts['cells_wanted']:.2f} profiles walked a cell",
        )
    grid = fine.grid
    place = [(float(grid.x_m[grid.shape[1] // 2]), float(grid.y_m[grid.shape[0] // 2]))]
    wall, cpu, found = clocked(
        lambda: list(reach(place, elevation=fine, grid=grid, technology="2G", max_range_m=range_m * 4.0 / 3.0))
    )
    line("30 m, one mast, every cell", wall, cpu, f"; {found[0][2].size / cpu / 1e6:.2f} M cells a CPU second")
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")
    peer = viewshed(fine, range_m=range_m * 4.0 / 3.0)
    if peer is None:
        print("gdal_viewshed: not installed")
    else:
        print(f"gdal_viewshed, one mast, line of sight only: {peer:.2f} s CPU ({peer / unit:.1f} calibrations)")


if __name__ == "__main__":
    main()
