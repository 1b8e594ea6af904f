"""CPU seconds and memory of travel times, catchments and sums over units, beside other programs in the same run.

Run ``python tests/bench/bench_access.py``. Each program is a process of its own and answers for the same input; the
calibration loop runs before and after every piece of work. Starting (imports, compiling) is told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import peers
import rasterio
import shapely
from one_sum import CATCHMENTS, ZONAL
from one_travel import CELL_M, PROGRAMS
from travel_ground import hard, land_cover
from workload import REFERENCE_S, loop_s

POINTS = 156
MOST_MB = 600.0


def grade(met: bool) -> str:
    """The word for a limit."""
    return "met" if met else "missed"


def travel_times(*, small: bool) -> None:
    """Surfaces from 156 points: land cover, and rivers with bridges, spiral walls and winding roads."""
    cells = 600 if small else 3_000
    for name, make in (("land cover", land_cover), ("rivers, spirals, roads", hard)):
        slowness = make(cells)
        open_cells = np.flatnonzero(np.isfinite(slowness))
        sources = np.random.default_rng(5).choice(open_cells, POINTS, replace=False)
        print(f"\ntravel time, {name}: {cells:,} x {cells:,} cells, {POINTS} points", flush=True)
        with tempfile.TemporaryDirectory() as name_of_folder:
            folder = Path(name_of_folder)
            np.save(folder / "slowness.npy", slowness)
            np.save(folder / "sources.npy", sources)
            del slowness
            _beside_each_other(folder, small=small)


def _beside_each_other(folder: Path, *, small: bool) -> None:
    """Every program on what lies in the folder, and how ours compares with MCP_Geometric."""
    found = _each(PROGRAMS, ["one_travel.py"], ["slowness.npy", "sources.npy"], folder=folder)
    if not {"phusong", "MCP_Geometric"} <= set(found):
        return
    ours, theirs = found["phusong"], found["MCP_Geometric"]
    share = ours["cpu_s"] / theirs["cpu_s"]
    mine, other = np.load(folder / "0.npy"), np.load(folder / f"{list(PROGRAMS).index('MCP_Geometric')}.npy") * CELL_M
    reached = np.isfinite(other)
    apart = float(
        np.max(np.abs(mine[reached] - other[reached]) / np.maximum(other[reached], CELL_M * 1e-3), initial=0.0)
    )
    same = bool((np.isfinite(mine) == reached).all())
    print(
        f"  CPU of MCP_Geometric's: 1/{1 / share:.1f} [must 1/8: {grade(share <= 1 / 8)}];"
        f" largest relative difference {apart:.1e}, same cells reached: {'yes' if same else 'no'}"
        f" [must 1e-9: {grade(same and apart <= 1e-9)}];"
        f" memory {ours['memory_mb']:,.0f} MB [must {MOST_MB:g}: {grade(ours['memory_mb'] <= MOST_MB or small)}]",
        flush=True,
    )


def catchments(*, small: bool) -> None:
    """E2SFCA of 50,000 places and 150 points, all pairs given."""
    places, points = (5_000 if small else 50_000), 150
    rng = np.random.default_rng(7)
    print(f"\nE2SFCA: {places:,} places, {points} points, {places * points:,} pairs", flush=True)
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        np.savez(
            folder / "pairs.npz",
            demand=np.tile(np.arange(places, dtype=np.int32), points),
            supply=np.repeat(np.arange(points, dtype=np.int32), places),
            cost=rng.uniform(0, 60, places * points),
            people=rng.uniform(1, 500, places),
            size=rng.uniform(1, 9, points),
        )
        found = _each(CATCHMENTS, ["one_sum.py", "catchment"], ["pairs.npz"], folder=folder)
        if len(found) < len(CATCHMENTS):
            return
        ours, theirs = (np.load(folder / f"{k}.npy") for k in range(2))
        same = bool((np.isnan(ours) == np.isnan(theirs)).all())
        apart = float(np.nanmax(np.abs(ours / theirs - 1)))
    share = found["phusong"]["cpu_s"] / found["PySAL access"]["cpu_s"]
    print(
        f"  CPU of PySAL's: 1/{1 / share:.0f} [must 1/20: {grade(share <= 1 / 20)}]; largest relative difference"
        f" {apart:.1e} [must 1e-9: {grade(same and apart <= 1e-9)}]",
        flush=True,
    )


def zonal_sums(*, small: bool) -> None:
    """Sums over 10,600 polygons that fill a raster of 10,000 x 10,000 cells, read from its file."""
    cells = 2_000 if small else 10_000
    count = round(10_600 * (cells / 10_000) ** 2)
    rng = np.random.default_rng(9)
    print(f"\nsums over units: {count:,} polygons, {cells:,} x {cells:,} cells", flush=True)
    with tempfile.TemporaryDirectory() as name_of_folder:
        folder = Path(name_of_folder)
        side_m = cells * 90.0
        whole = shapely.box(0, 0, side_m, side_m)
        seeds = shapely.multipoints(rng.uniform(0, side_m, (count, 2)))
        parts = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=whole)), whole)
        _, at, (ring, polygon) = shapely.to_ragged_array(shapely.segmentize(parts, 1_000.0))
        np.savez(folder / "polygons.npz", at=at, ring=ring, polygon=polygon)
        total = 0.0
        transform = rasterio.Affine(90.0, 0.0, 0.0, 0.0, -90.0, side_m)
        about = {"driver": "GTiff", "width": cells, "height": cells, "count": 1, "dtype": "float32"}
        about |= {"crs": "EPSG:9212", "transform": transform, "tiled": True}
        with rasterio.open(folder / "raster.tif", "w", **about) as raster:
            for row in range(0, cells, 256):
                high = min(256, cells - row)
                values = rng.gamma(0.5, 3.0, (high, cells)).astype(np.float32)
                total += float(values.sum(dtype=np.float64))
                raster.write(values, 1, window=((row, row + high), (0, cells)))
        found = _each(ZONAL, ["one_sum.py", "zonal"], ["raster.tif", "polygons.npz"], folder=folder)
        sums = np.load(folder / "0.npy") if "phusong" in found else np.empty(0)
    if "phusong" not in found:
        return
    kept = abs(sums.sum() / total - 1)
    ours = found["phusong"]
    print(f"  {at.shape[0]:,} vertices; total kept to {kept:.1e} [must 1e-9: {grade(kept <= 1e-9)}]", flush=True)
    for name in ZONAL[1:]:
        if name in found:
            cpu = ours["cpu_s"] / found[name]["cpu_s"]
            memory = ours["memory_mb"] / found[name]["memory_mb"]
            print(
                f"  of {name}'s: CPU 1/{1 / cpu:.1f} [must 1/5: {grade(cpu <= 1 / 5)}],"
                f" memory 1/{1 / memory:.1f} [must 1/7: {grade(memory <= 1 / 7)}]",
                flush=True,
            )


def _each(programs: Iterable[str], script: list[str], files: list[str], *, folder: Path) -> dict[str, dict[str, float]]:
    """What every program told that ran; their answers are 0.npy, 1.npy ... in the folder."""
    found: dict[str, dict[str, float]] = {}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name(script[0])), *script[1:]]
    for number, program in enumerate(programs):
        before = loop_s()
        try:
            _, text = peers.run([*command, program, *files, f"{number}.npy"], folder=folder)
        except peers.NotThereError as error:
            print(f"{program}: {error}", flush=True)
            continue
        told = found[program] = json.loads(text.splitlines()[-1])
        loops = told["cpu_s"] / ((before + loop_s()) / 2.0)
        line = (
            f"{program:<34}{told['cpu_s']:8.2f} s CPU = {loops:6.1f} loops = {loops * REFERENCE_S:6.2f} s at reference;"
            f" start {told['start_s']:.2f} s; {told['memory_mb']:,.0f} MB"
        )
        if "residual" in told:
            line += f"; residual {told['residual']:g} in {told['residual_s']:.2f} s"
        print(line, flush=True)
    return found


PARTS = {"travel": travel_times, "catchments": catchments, "zonal": zonal_sums}


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help="a small piece of each, for a look: limits stay as they are"
    )
    parser.add_argument("--only", choices=tuple(PARTS), help="one part of it")
    options = parser.parse_args()
    print(f"calibration loop: {loop_s():.3f} s CPU (reference {REFERENCE_S:g})", flush=True)
    for name, part in PARTS.items():
        if options.only in (None, name):
            part(small=options.small)


if __name__ == "__main__":
    main()
