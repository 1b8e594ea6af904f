"""One surface of travel times: ``python one_travel.py PROGRAM SLOWNESS.npy SOURCES.npy COST.npy``, in its own process.

Prints JSON: CPU seconds of the work; of the start (imports, compiling or reading what is compiled); the most memory
until the work was done, MB, arrays of the surface included.
"""

# ruff: noqa: PLC0415  (each program imports its own, as part of its start)
from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

CELL_M = 30.0
PROGRAMS = {
    "phusong": {},
    "phusong, 16 neighbours": {"neighbours": 16},
    "phusong, Tobler": {"pace": "tobler"},
    "phusong, Langmuir, 16 neighbours": {"pace": "langmuir", "neighbours": 16},
    "MCP_Geometric": None,
}


def ours(slowness: np.ndarray, sources: np.ndarray, *, pace: str = "none", neighbours: int = 8) -> tuple[Any, Any]:
    """Surface and travel; the heights of a pace are waves of some 25 % slope."""
    from phusong.coverage.access.surface import Surface
    from phusong.coverage.access.travel_time import travel_time
    from phusong.layers.grid import Grid

    rows, cols = slowness.shape
    grid = Grid("EPSG:9212", 500_000.0, 1_900_080.0, CELL_M, slowness.shape)
    heights = None
    if pace != "none":
        row, col = np.arange(rows, dtype=np.float32)[:, None], np.arange(cols, dtype=np.float32)
        heights = np.float32(150) * (np.sin(row / np.float32(20)) + np.cos(col / np.float32(20)))
    surface = Surface(grid, slowness, pace=pace, elevation_m=heights)
    return surface, travel_time(surface, sources, neighbours=neighbours)


def most_memory_mb() -> float:
    """The most memory this program has held; what the system tells of a child's begins with its parent's."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return float(found[1]) * 1024 / 1e6 if found else float("nan")


def main() -> None:
    program, *files, answer = sys.argv[1:]
    options = PROGRAMS[program]
    begin = time.process_time()
    if options is None:
        from skimage.graph import MCP_Geometric
    else:
        ours(np.ones((8, 8)), np.array([0]), **options)
    start_s = time.process_time() - begin
    slowness, sources = (np.load(file) for file in files)
    begin = time.process_time()
    if options is None:
        cost, _ = MCP_Geometric(slowness).find_costs([tuple(divmod(int(at), slowness.shape[1])) for at in sources])
    else:
        surface, travel = ours(slowness, sources, **options)
        cost = travel.cost
    cpu_s = time.process_time() - begin
    told = {"cpu_s": cpu_s, "start_s": start_s, "memory_mb": most_memory_mb()}
    if options is not None:
        from phusong.coverage.access.travel_time import residual

        begin = time.process_time()
        told["residual"] = residual(surface, travel)
        told["residual_s"] = time.process_time() - begin
    np.save(answer, cost)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
