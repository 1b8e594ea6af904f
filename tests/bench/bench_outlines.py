"""CPU seconds to validate the outlines of a country's communes and to find and mend what does not fit.

Run ``python tests/bench/bench_outlines.py``. The coverage is built here: some 10,600 units with a million vertices in
degrees, brought to metres by the way, clean and with every unit drawn by itself. With PHUSONG_DATA the communes of 2012
as their source has them are told too.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import shapely
from workload import Timed, timed

from phusong.layers.checks.check import check_coverage
from phusong.layers.checks.outlines import MOST_MENDED_M2, Fit, cleaned, fit
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS

CRS = "EPSG:3405"
MUST_S = 10.0
STEP_DEG = 0.05
ALONE_DEG = 3e-5


def communes(side: int, *, steps: int, alone: float = 0.0) -> list[shapely.Polygon]:
    """A board of side x side units with crooked edges of so many steps, the common ones equal; a share of the units is
    drawn ``alone``, every vertex up to some 3 m off."""
    rng = np.random.default_rng(4)
    x, y = np.meshgrid(103.0 + np.arange(side + 1) * STEP_DEG, 9.0 + np.arange(side + 1) * STEP_DEG)
    nodes = np.stack([x, y], axis=-1) + rng.uniform(-0.2, 0.2, (side + 1, side + 1, 2)) * STEP_DEG
    part = np.linspace(0.0, 1.0, steps + 1)[:, None]

    def edges(one: Any, other: Any) -> Any:
        lines = one[..., None, :] * (1 - part) + other[..., None, :] * part
        bend = rng.uniform(-0.01, 0.01, lines.shape) * STEP_DEG
        bend[..., [0, -1], :] = 0.0
        return lines + bend

    across, up = edges(nodes[:, :-1], nodes[:, 1:]), edges(nodes[:-1], nodes[1:])
    shapes = []
    for i in range(side):
        for k in range(side):
            low, high, left, right = across[i, k], across[i + 1, k], up[i, k], up[i, k + 1]
            ring = np.concatenate([low, right[1:], high[::-1][1:], left[::-1][1:-1]])
            off_deg = ALONE_DEG if rng.random() < alone else 0.0
            shapes.append(shapely.Polygon(ring + rng.uniform(-off_deg, off_deg, ring.shape)))
    return shapes


def table(shapes: list[shapely.Polygon]) -> RawTable:
    """Units as a reader hands them over."""
    codes = [f"{i:05d}" for i in range(len(shapes))]
    columns = {"code": codes, "valid_on": "2012-12-31", "name": codes, "population": 1000, "as_of": "2012-12-31"}
    frame = pd.DataFrame(columns, index=range(len(shapes)))
    return RawTable(frame, np.arange(1, len(shapes) + 1), "communes.gpkg", geometry=np.array(shapes), crs="EPSG:4326")


def judged(raw: RawTable) -> tuple[Checked, int]:
    """What an import and a check do with units, and how many remarks follow."""
    checked = validate(raw, LAYERS["units"], crs=CRS)
    return checked, len(check_coverage(checked.frame, file="communes.gpkg"))


def tell(name: str, took: Timed, *, must_s: float | None = None) -> None:
    """One line."""
    grade = "" if must_s is None else f" [must {must_s:g}: {'met' if took.cpu_s <= must_s else 'missed'}]"
    print(f"{name:<44}{took}{grade}", flush=True)


def summed(found: Fit) -> str:
    """Overlaps and gaps of a set of units in figures."""
    return (
        f"{len(found.pairs)} overlaps {found.overlap_m2.sum() / 1e6:.2f} km2,"
        f" {len(found.gaps)} gaps {found.gap_m2.sum() / 1e6:.2f} km2, {len(found.loose)} loose"
    )


def mended(frame: geopandas.GeoDataFrame, *, most_m2: float) -> None:
    """Mend units; time, sums before and after."""
    before = fit(np.asarray(frame.geometry.array))
    took, done = timed(lambda: cleaned(frame, most_m2=most_m2))
    tell(f"  mended up to {most_m2 / 1e6:g} km2", took)
    sums = done.changes.groupby("what")["area_m2"].agg(["count", "sum"])
    parts = ", ".join(f"{what} {int(row['count'])} ({row['sum'] / 1e6:.2f} km2)" for what, row in sums.iterrows())
    print(f"    before: {summed(before)}\n    changes: {parts}\n    left: {summed(done.left)}", flush=True)


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=103, help="units along a side")
    side = parser.parse_args().side
    cases = (("common edges", 0.0), ("one unit in 100 drawn by itself", 0.01), ("every unit drawn by itself", 1.0))
    for name, alone in cases:
        raw = table(communes(side, steps=24, alone=alone))
        vertices = shapely.get_num_coordinates(raw.geometry).sum()
        took, (checked, notes) = timed(lambda raw=raw: judged(raw))
        tell(name, took, must_s=MUST_S if side == 103 and alone < 1.0 else None)
        print(f"    {len(checked.frame)} units, {vertices} vertices, {notes} remarks", flush=True)
        mended(checked.frame, most_m2=MOST_MENDED_M2)
    path = Path(os.environ.get("PHUSONG_DATA", "/nowhere")) / "communes_2012_vietnam_raw.gpkg"
    if path.is_file():
        frame = pyogrio.read_dataframe(path).to_crs(CRS)
        frame = frame.assign(code=[f"{i:05d}" for i in range(len(frame))])
        took, _ = timed(lambda: check_coverage(frame, file=path.name))
        tell("communes of 2012 as in their source", took)
        print(f"    {len(frame)} units, {frame.geometry.area.sum() / 1e6:.0f} km2", flush=True)
        mended(frame, most_m2=MOST_MENDED_M2)


if __name__ == "__main__":
    main()
