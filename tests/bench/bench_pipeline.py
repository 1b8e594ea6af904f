"""Seconds of the main job, from the sample to the map, read against a calibration loop timed in the same run.

Run ``python tests/bench/bench_pipeline.py [--cell-m 90]``. Each command is a process of its own, as a user starts it;
the first run of a fresh installation compiles the kernels, which is timed apart with an empty cache.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def calibration_s() -> float:
    """Seconds of a fixed loop in plain Python: the same work on every machine."""
    begin = time.perf_counter()
    x = 0.5
    for _ in range(20_000_000):
        x = x * 0.999 + 0.001
    return time.perf_counter() - begin


def timed(label: str, words: list[str], *, env: dict[str, str], calibration: float) -> None:
    """Run a command line and print its wall and CPU seconds, and both over the calibration loop."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "phusong.api", "--quiet", *words], env=env, check=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{label:<44}{wall:8.1f}{cpu:8.1f}{wall / calibration:10.2f}{cpu / calibration:10.2f}", flush=True)


def main() -> None:
    """Time the main job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell-m", type=float, default=90.0)
    cell_m = parser.parse_args().cell_m
    calibration = calibration_s()
    print(f"calibration loop: {calibration:.2f} s; grid {cell_m:g} m; processors {os.cpu_count()}")
    print(f"{'':<44}{'wall s':>8}{'CPU s':>8}{'wall/cal':>10}{'CPU/cal':>10}")
    with tempfile.TemporaryDirectory() as home:
        study = Path(home) / "study"
        settings = study / "study.toml"
        env = {**os.environ, "NUMBA_CACHE_DIR": str(Path(home) / "numba"), "PHUSONG_LANG": "en"}
        timed(
            "sample, kernels compiled",
            ["sample", str(study), "--cell-m", str(cell_m)],
            env=env,
            calibration=calibration,
        )
        timed("run, kernels compiled", ["run", str(study)], env=env, calibration=calibration)
        timed("run, nothing changed", ["run", str(study)], env=env, calibration=calibration)
        text = settings.read_text(encoding="utf-8")
        text = text.replace("max_range_km = 20.0", "max_range_km = 19.9")
        settings.write_text(text, encoding="utf-8")
        timed("run, radio and all after it", ["run", str(study)], env=env, calibration=calibration)
        steps = json.loads((study / "results" / "run.json").read_text(encoding="utf-8"))["timing"]["seconds"]
        settings.write_text(text.replace("budget_vnd = ", "budget_vnd = 1"), encoding="utf-8")
        timed("run, another budget", ["run", str(study)], env=env, calibration=calibration)
    print("seconds a step of the run with a changed radio setting:", json.dumps(steps))


if __name__ == "__main__":
    main()
