"""CPU seconds and memory of travel times, catchments and sums over units, beside other programs in the same run.

Run ``python tests/bench/bench_access.py``. Each program is a process of its own and answers for the same input; the
calibration loop runs before and after every piece of work. Starting (imports, compiling) is told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import peers
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
    found: dict[str, dict[str, float]] = {}
    script = str(Path(__file__).with_name("one_travel.py"))
    for number, program in enumerate(PROGRAMS):
        words = [sys.executable, script, program, "slowness.npy", "sources.npy", f"{number}.npy"]
        before = loop_s()
        try:
            _, text = peers.run(words, folder=folder)
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


PARTS = {"travel": travel_times}


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
