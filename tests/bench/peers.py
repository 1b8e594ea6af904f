"""Other programs timed on the same ground: one mast in its middle, everything up to its nearest edge.

Each runs as a process of its own and none is a dependency: a program that is not installed is told and left out.
The ones in Python (xarray-spatial, itmlogic, pycraf) run under an interpreter whose environment has them.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import statistics
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from scipy.ndimage import map_coordinates
from workload import BAND_MHZ, EARTH_FACTOR, HEIGHT_M, TERMINAL_M, profiles

from phusong.coverage.radio.itm import Climate, Conditions, TimeLocationSituation, itm_profile
from phusong.coverage.radio.p1812 import p1812
from phusong.layers.grid import Raster

TIMEOUT_S = 600.0
DIRECTIONS = 24
RUNS = 5  # of what takes less than its start does
EVERY = 20  # itmlogic is plain Python: it gets one path of so many
SIGHT, ITM, P1812 = "line of sight", "ITM", "P.1812 or P.452"


@dataclass(frozen=True)
class Peer:
    """What another program took for losses or sight at so many places, of the kind of work that it is."""

    name: str
    kind: str
    places: int
    cpu_s: float
    """without its start"""
    start_s: float
    """CPU seconds of starting it: reading the ground, compiling, writing the answer"""
    note: str = ""
    unit: str = "cells"
    seen: np.ndarray | None = None
    """which cells of the ground it sees"""


class NotThereError(Exception):
    """A program is not installed, did not end in time, or failed; the message says which."""


@dataclass(frozen=True)
class Bench:
    """The ground with the mast in its middle, as other programs read it, in a folder they may fill."""

    ground: Raster
    folder: Path
    python: str | None
    """Interpreter that has the peers in Python"""

    @property
    def range_m(self) -> float:
        return self.ground.grid.cell_m * (self.ground.grid.shape[0] // 2)

    @property
    def mast(self) -> tuple[float, float]:
        """x and y, m."""
        grid, middle = self.ground.grid, self.ground.grid.shape[0] // 2
        return float(grid.x_m[middle]), float(grid.y_m[middle])

    @property
    def cells(self) -> int:
        """Cells whose centre lies within range."""
        return round(math.pi * (self.range_m / self.ground.grid.cell_m) ** 2)


def run(command: list[str], *, folder: Path, env: dict[str, str] | None = None) -> tuple[float, str]:
    """CPU seconds of a process and all it started, and what it printed; NotThereError if it fails or takes too long."""
    if shutil.which(command[0]) is None:
        raise NotThereError(f"{command[0]} is not installed")
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        timer = threading.Timer(TIMEOUT_S, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        text = process.stdout.read().decode("utf-8", "replace") if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == -signal.SIGKILL:
        raise NotThereError(f"{command[0]} did not end within {TIMEOUT_S:g} s")
    if process.returncode:
        raise NotThereError(f"{command[0]} failed: {' '.join(text.split())[-300:]}")
    return usage.ru_utime + usage.ru_stime, text


def geotiff(bench: Bench) -> Path:
    """The ground as GeoTIFF, written once."""
    path, grid = bench.folder / "ground.tif", bench.ground.grid
    if not path.exists():
        shape = {"height": grid.shape[0], "width": grid.shape[1], "count": 1, "dtype": "float32"}
        with rasterio.open(path, "w", driver="GTiff", crs=grid.crs, transform=grid.transform, **shape) as file:
            file.write(bench.ground.values, 1)
    return path


def gdal_viewshed(bench: Bench) -> Peer:
    """GDAL's line of sight (Wang's method: each cell from its neighbours towards the mast)."""
    source, (x_m, y_m) = str(geotiff(bench)), bench.mast

    def viewshed(range_m: float) -> float:
        heights = ["-oz", f"{HEIGHT_M}", "-tz", f"{TERMINAL_M}", "-cc", f"{1.0 / EARTH_FACTOR}"]
        place = ["-md", f"{range_m}", "-ox", f"{x_m}", "-oy", f"{y_m}"]
        return run(["gdal_viewshed", "-q", *heights, *place, source, "seen.tif"], folder=bench.folder)[0]

    pairs = [(viewshed(10.0 * bench.ground.grid.cell_m), viewshed(bench.range_m)) for _ in range(RUNS)]
    start_s, cpu_s = (statistics.median(values) for values in zip(*pairs, strict=True))
    version = run(["gdalinfo", "--version"], folder=bench.folder)[1].split(",")[0].removeprefix("GDAL ")
    seen = on_ground(bench, "seen.tif")
    return Peer(f"gdal_viewshed {version}", SIGHT, bench.cells, max(cpu_s - start_s, 1e-3), start_s, seen=seen)


def grass_viewshed(bench: Bench) -> Peer:
    """GRASS r.viewshed: a sweep of all cells sorted by direction, with the visible ones in a balanced tree."""
    home = {"HOME": str(bench.folder)}
    run(["grass", "-c", str(geotiff(bench)), "-e", "place"], folder=bench.folder, env=home)

    def grass(*words: str) -> tuple[float, str]:
        return run(["grass", "place/PERMANENT", "--exec", *words], folder=bench.folder, env=home)

    grass("r.in.gdal", "-o", f"input={geotiff(bench)}", "output=ground", "--quiet")
    start_s, _ = grass("g.region", "raster=ground")
    cpu_s, _ = grass(
        "r.viewshed",
        "-bcr",
        "input=ground",
        "output=seen",
        "coordinates={:.3f},{:.3f}".format(*bench.mast),
        f"observer_elevation={HEIGHT_M}",
        f"target_elevation={TERMINAL_M}",
        f"max_distance={bench.range_m}",
        f"refraction_coeff={1.0 - 1.0 / EARTH_FACTOR}",
        "memory=1000",
        "--quiet",
    )
    grass("r.out.gdal", "-cf", "input=seen", "output=seen.tif", "type=Byte", "nodata=255", "--overwrite", "--quiet")
    version = run(["grass", "--version"], folder=bench.folder, env=home)[1].split()[2]
    seen = on_ground(bench, "seen.tif")
    return Peer(f"GRASS r.viewshed {version}", SIGHT, bench.cells, max(cpu_s - start_s, 1e-3), start_s, seen=seen)


def on_ground(bench: Bench, name: str) -> np.ndarray:
    """Which cells a raster says are seen (not 0, not nodata), on the ground's own grid, which it may cover in part."""
    seen = np.zeros(bench.ground.grid.shape, dtype=bool)
    with rasterio.open(bench.folder / name) as file:
        col, row = ~bench.ground.grid.transform @ (file.transform @ (0.0, 0.0))
        row, col = round(row), round(col)
        seen[row : row + file.height, col : col + file.width] = file.read(1, masked=True).filled(0) > 0
    return seen


def splat_ground(bench: Bench) -> None:
    """The ground as SRTM tile of one second of arc, 16 N 106 E, the mast in its middle; beyond it, its edge.

    Read into splat's own format by the tool that comes with it. One second is some 30 m there.
    """
    second_m = math.pi * 6_371_000.0 / 180.0 / 3600.0
    grid, middle, away = bench.ground.grid, bench.ground.grid.shape[0] // 2, np.arange(-1800, 1801)
    rows = middle + away * second_m / grid.cell_m
    cols = middle + away * second_m * math.cos(math.radians(16.5)) / grid.cell_m
    points = np.meshgrid(rows, cols, indexing="ij")
    heights = map_coordinates(bench.ground.values.astype(np.float64), points, order=1, mode="nearest")
    np.round(heights).astype(">i2").tofile(bench.folder / "N16E106.hgt")
    run(["srtm2sdf-hd", "N16E106.hgt"], folder=bench.folder)
    for name, latitude, height_m in (("mast", 16.5, HEIGHT_M), ("near", 16.505, TERMINAL_M)):
        place = f"{name}\n{latitude}\n253.5\n{height_m} m\n"  # west of Greenwich
        Path(bench.folder, f"{name}.qth").write_text(place, encoding="utf-8")
    ground = f"15.0\n0.005\n350.0\n{BAND_MHZ}\n2\n1\n0.5\n0.5\n0\n"  # climate 2, vertical, half of places and time
    Path(bench.folder, "mast.lrp").write_text(ground, encoding="utf-8")


def splat(bench: Bench, *, kind: str) -> Peer:
    """Splat's maps, one second of arc: ITM at each cell over the profile to it, or its line of sight."""
    if shutil.which("splat-hd") is None:
        raise NotThereError("splat-hd is not installed")
    if not Path(bench.folder, "mast.lrp").exists():
        splat_ground(bench)

    def analyse(*words: str) -> tuple[float, str]:
        return run(["splat-hd", "-t", "mast.qth", *words, "-d", ".", "-N", "-metric"], folder=bench.folder)

    model = ["-olditm", "-L"] if kind == ITM else ["-m", f"{EARTH_FACTOR}", "-c"]
    start_s, _ = analyse("-r", "near.qth")
    cpu_s, text = analyse(*model, f"{TERMINAL_M}", "-R", f"{1e-3 * bench.range_m}", "-o", "map.ppm")
    version = re.search(r"v(\d[\d.]*)", text)
    second_m = math.pi * 6_371_000.0 / 180.0 / 3600.0
    places = round(math.pi * bench.range_m**2 / (second_m**2 * math.cos(math.radians(16.5))))
    return Peer(f"splat-hd {version[1] if version else ''}", kind, places, max(cpu_s - start_s, 1e-3), start_s)


XRSPATIAL = """
import json, sys, time
begin = time.process_time()
import numpy as np, xarray, xrspatial
heights, cell_m, mast_m, terminal_m = np.load("ground.npy").astype(float), *map(float, sys.argv[1:])
def viewshed(values):
    n = values.shape[0]
    along = {"y": -cell_m * np.arange(n), "x": cell_m * np.arange(n)}
    raster = xarray.DataArray(values, dims=("y", "x"), coords=along)
    middle = n // 2 * cell_m
    return xrspatial.viewshed(raster, x=middle, y=-middle, observer_elev=mast_m, target_elev=terminal_m).values
viewshed(heights[:41, :41])
start = time.process_time() - begin
seen = viewshed(heights) >= 0
print(json.dumps({"version": xrspatial.__version__, "cpu_s": time.process_time() - begin - start, "start_s": start,
                  "places": heights.size}))
np.save("seen.npy", seen)
"""

ITMLOGIC = """
import json, math, sys, time
begin = time.process_time()
from importlib.metadata import version
import numpy as np
from itmlogic.preparatory_subroutines.qlrpfl import qlrpfl
from itmlogic.preparatory_subroutines.qlrps import qlrps
from itmlogic.statistics.avar import avar
heights, cell_m, mast_m, terminal_m, mhz, every = np.load("profiles.npy"), *map(float, sys.argv[1:])
heights, every = heights.tolist(), int(every)
start = time.process_time() - begin
losses = []
for ray in heights:
    for last in range(every, len(ray), every):
        prop = {"lvar": 5, "klim": 2, "klimx": 0, "mdvarx": 2, "kwx": 0, "hg": [mast_m, terminal_m]}
        prop["pfl"] = [last, cell_m, *ray[:last + 1]]
        first, end = int(0.1 * last), last - int(0.1 * last)
        mean = sum(ray[first:end + 1]) / (end + 1 - first)
        prop["wn"], prop["gme"], prop["ens"], prop["zgnd"] = qlrps(mhz, mean, 350.0, 1, 15.0, 0.005)
        over, prop = avar(0.0, 0.0, 0.0, qlrpfl(prop))
        losses.append(32.45 + 20.0 * math.log10(1e-3 * mhz * prop["dist"]) + float(over))
print(json.dumps({"version": version("itmlogic"), "cpu_s": time.process_time() - begin - start, "start_s": start,
                  "places": len(losses)}))
np.save("losses.npy", losses)
"""

PYCRAF = """
import json, sys, time
begin = time.process_time()
import numpy as np, pycraf
from astropy import units as u
from pycraf import pathprof
heights, cell_m, mast_m, terminal_m, mhz = np.load("profiles.npy"), *map(float, sys.argv[1:])
km = 1e-3 * cell_m * (heights.shape[1] - 1)
def losses(ray):
    data = pathprof.height_path_data_generic(km * u.km, cell_m * u.m, 106.5 * u.deg, 16.5 * u.deg)
    data = {key: value[:len(ray)] if isinstance(value, np.ndarray) else value for key, value in data.items()}
    data["heights"] = np.ascontiguousarray(ray)
    data["delta_N"][:], data["N0"][:] = 45.0, 350.0
    all = pathprof.atten_path_fast(1e-3 * mhz * u.GHz, 290 * u.K, 1013 * u.hPa, mast_m * u.m, terminal_m * u.m,
                                   50 * u.percent, data, polarization=1, version=16)
    return (all["L_bd"] - all["L_b0p"]).value
losses(heights[0])
start = time.process_time() - begin
diffraction = [losses(ray) for ray in heights]
print(json.dumps({"version": pycraf.__version__, "cpu_s": time.process_time() - begin - start, "start_s": start,
                  "places": heights.shape[0] * (heights.shape[1] - 1)}))
np.save("losses.npy", diffraction)
"""


def python_peer(bench: Bench, code: str, *numbers: float) -> dict[str, Any]:
    """What a program in Python prints as its last line, run over ``ground.npy`` and ``profiles.npy``."""
    if bench.python is None:
        raise NotThereError("no interpreter given by --peer-python or PHUSONG_PEER_PYTHON")
    np.save(bench.folder / "ground.npy", bench.ground.values)
    np.save(bench.folder / "profiles.npy", profiles(bench.ground, directions=DIRECTIONS))
    words = [bench.python, "-W", "ignore", "-c", code, *(str(number) for number in numbers)]
    _, text = run(words, folder=bench.folder)
    answer: dict[str, Any] = json.loads(text.splitlines()[-1])
    return answer


def xarray_spatial(bench: Bench) -> Peer:
    """xarray-spatial's line of sight over the whole square, on a flat Earth; it knows no range."""
    got = python_peer(bench, XRSPATIAL, bench.ground.grid.cell_m, HEIGHT_M, TERMINAL_M)
    seen = np.load(bench.folder / "seen.npy")
    name, note = f"xarray-spatial {got['version']}", "flat Earth"
    return Peer(name, SIGHT, got["places"], got["cpu_s"], got["start_s"], note, seen=seen)


def itmlogic(bench: Bench) -> Peer:
    """itmlogic: ITM in plain Python, path by path; its losses are compared with the engine's."""
    cell_m = bench.ground.grid.cell_m
    got = python_peer(bench, ITMLOGIC, cell_m, HEIGHT_M, TERMINAL_M, BAND_MHZ, EVERY)
    conditions = Conditions(BAND_MHZ, "vertical", Climate.CONTINENTAL_SUBTROPICAL, 350.0)
    ours = [
        itm_profile(
            ray[: last + 1],
            step_m=cell_m,
            tx_height_m=HEIGHT_M,
            rx_height_m=TERMINAL_M,
            conditions=conditions,
            quantiles=TimeLocationSituation(),
        ).loss_db
        for ray in np.load(bench.folder / "profiles.npy")
        for last in range(EVERY, len(ray), EVERY)
    ]
    note = difference(np.load(bench.folder / "losses.npy"), np.array(ours))
    return Peer(f"itmlogic {got['version']}", ITM, got["places"], got["cpu_s"], got["start_s"], note, "paths")


def pycraf(bench: Bench) -> Peer:
    """pycraf: P.452 at every point of each profile; its diffraction, the same as P.1812's, is compared."""
    got = python_peer(bench, PYCRAF, bench.ground.grid.cell_m, HEIGHT_M, TERMINAL_M, BAND_MHZ)
    heights, theirs = np.load(bench.folder / "profiles.npy"), np.load(bench.folder / "losses.npy")
    km = 1e-3 * bench.ground.grid.cell_m * np.arange(heights.shape[1])
    lasts = range(EVERY, heights.shape[1], EVERY)
    ours = [
        [
            p1812(
                km[: last + 1],
                ray[: last + 1],
                frequency_mhz=BAND_MHZ,
                tx_height_m=HEIGHT_M,
                rx_height_m=TERMINAL_M,
                vertical=True,
                latitude_deg=16.5,
                delta_n=45.0,
                n0=350.0,
            ).diffraction_p_db
            for last in lasts
        ]
        for ray in heights
    ]
    note = f"diffraction {difference(theirs[:, lasts], np.array(ours))}"
    return Peer(f"pycraf {got['version']}", P1812, got["places"], got["cpu_s"], got["start_s"], note, "paths")


def difference(theirs: np.ndarray, ours: np.ndarray) -> str:
    """How far the losses of another program lie from the engine's for one path."""
    apart = np.abs(theirs - ours)
    return (
        f"differs by {np.median(apart):.2g} dB in the median, {np.quantile(apart, 0.99):.2g} dB at the 99th percentile"
    )


PEERS: dict[str, Callable[[Bench], Peer]] = {
    "gdal_viewshed": gdal_viewshed,
    "GRASS r.viewshed": grass_viewshed,
    "splat, line of sight": partial(splat, kind=SIGHT),
    "xarray-spatial": xarray_spatial,
    "splat, ITM": partial(splat, kind=ITM),
    "itmlogic": itmlogic,
    "pycraf": pycraf,
}
