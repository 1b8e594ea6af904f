"""Seconds and memory of the national crosswalk, read against a calibration loop timed in the same run.

Run ``PHUSONG_DATA=... python tests/bench/bench_crosswalk.py``: 11,163 communes of 2012 as their source has them to the
3,321 of 2025, weighed by area and by a population raster of 300 m cells (drawn at random: only its size matters), then
a table of persons carried over. The limits are 60 s and 2 GB; one thread works, so CPU seconds are those of a machine
with nothing else to do.
"""

from __future__ import annotations

import os
import resource
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from phusong.layers.dated.carry import carry
from phusong.layers.dated.crosswalk import from_polygons
from phusong.layers.dated.overlay import equal_area_crs
from phusong.layers.dated.units import read_units
from phusong.layers.grid import Grid, Raster

OLD, NEW = date(2012, 12, 31), date(2025, 7, 1)
MOST_S, MOST_GB = 60.0, 2.0


def calibration_s() -> float:
    """Seconds of a fixed loop in plain Python: the same work on every machine."""
    begin = time.perf_counter()
    x = 0.5
    for _ in range(20_000_000):
        x = x * 0.999 + 0.001
    return time.perf_counter() - begin


def main() -> None:
    """Time the crosswalk and say what it found."""
    data = Path(os.environ["PHUSONG_DATA"])
    calibration = calibration_s()
    old = read_units(data / "communes_2012_vietnam_raw.gpkg", valid_on=OLD)
    new = read_units(data / "communes_2025_vietnam_150m.gpkg", valid_on=NEW)
    crs = equal_area_crs(old)
    left, bottom, right, top = map(float, old.to_crs(crs).total_bounds)
    grid = Grid.covering((left, bottom, right, top), crs=crs, cell_m=300.0, margin_m=1000.0)
    people = np.random.default_rng(1).gamma(0.2, 50.0, grid.shape).astype(np.float32)
    times: dict[str, tuple[float, float]] = {}
    for name, weight in (("people", Raster(grid, people)), ("area", None)):
        begin, cpu = time.perf_counter(), time.process_time()
        walk = from_polygons(old, new, weight=weight)
        times[name] = (time.perf_counter() - begin, time.process_time() - cpu)
    table = pd.DataFrame({"code": old["code"], "people": np.arange(1.0, len(old) + 1)})
    begin = time.perf_counter()
    carried = carry(table, walk)
    carry_s = time.perf_counter() - begin
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"calibration loop: {calibration:.2f} s; processors {os.cpu_count()}")
    for name, (wall_s, cpu_s) in times.items():
        print(f"{len(old)} -> {len(new)} by {name}: {wall_s:.1f} s, {cpu_s:.1f} CPU s, {cpu_s / calibration:.1f} loops")
    print(f"carry of one column: {carry_s:.2f} s; largest memory of the process {memory_gb:.2f} GB")
    print(f"pairs {walk.counts()}; unmatched {len(walk.unmatched_from)} old, {len(walk.unmatched_to)} new")
    print(f"strips dropped: {walk.dropped.count}, {walk.dropped.area_km2:.0f} km2, {walk.dropped.area_pct:.2f} %")
    for note in walk.notes:
        print(note.say("en"))
    column = carried.report.columns[0]
    print(f"moved {column.moved:.3f} + listed {column.listed:.3f} = {column.total:.3f}")
    if max(cpu_s for _, cpu_s in times.values()) > MOST_S or memory_gb > MOST_GB:
        raise SystemExit(f"over the limits of {MOST_S:g} s and {MOST_GB:g} GB")


if __name__ == "__main__":
    main()
