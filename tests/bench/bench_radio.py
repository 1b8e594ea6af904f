"""CPU seconds of the radio step and of other programs beside it, read against a calibration loop of the same run.

Run ``python tests/bench/bench_radio.py``. CPU seconds are those of all threads. The calibration loop runs before and
after every piece of work: where the machine is slower or busier than another, both slow down together.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numba
import numpy as np
import peers
from one_mast import one_mast
from workload import (
    HEIGHT_M,
    REFERENCE_S,
    TERMINAL_M,
    Timed,
    agreement,
    around_the_middle,
    loop_s,
    mountains,
    network,
    timed,
)

from phusong.coverage.radio import Propagation, RadioResult, compute
from phusong.coverage.radio.servers import mast_losses
from phusong.layers.grid import Raster

ON = date(2012, 12, 31)
AREA_MODELS = {  # model of a map, kind of work of the peers, cells a second and core: must, aim
    "line-of-sight": (peers.SIGHT, 20e6, 40e6),
    "p1812": (peers.P1812, 1e6, 3e6),
    "itm": (peers.ITM, 0.3e6, 0.7e6),
    "delta-bullington": (None, 0.0, 0.0),
}
TIMES = 4
HIDDEN_TENTH_DB = 2_500.0  # more loss than any link bears


def tell(name: str, took: Timed, *, rest: str = "", must_s: float | None = None, aim_s: float | None = None) -> None:
    """One line; limits are seconds on the reference machine, for the work of a full run."""
    if must_s is not None and aim_s is not None:
        grade = "aim" if took.reference_s <= aim_s else "must" if took.reference_s <= must_s else "missed"
        rest = f" [must {must_s:g}, aim {aim_s:g}: {grade}]{rest}"
    print(f"{name:<40}{took}{rest}", flush=True)


def province(elevation: Raster, *, masts: int, technologies: tuple[str, ...] = ("2G",), **options: Any) -> RadioResult:
    """Best server of a whole network."""
    sites, sectors = network(elevation, masts=masts, technologies=technologies)
    return compute(sites, sectors, elevation=elevation, where=None, grid=elevation.grid, on=ON, **options)


def whole_provinces(*, span_m: float, masts: int, range_m: float, small: bool) -> None:
    """The province at two cell sizes, without the spherical Earth and in two bands; then a mast added and turned."""
    fine, coarse = (mountains(span_m=span_m, cell_m=cell_m) for cell_m in (30.0, 90.0))
    common: dict[str, Any] = {"masts": masts, "max_range_m": range_m}
    flat = Propagation(spherical_earth=False)
    tell("compiling or reading the cache", timed(lambda: province(coarse, masts=1, max_range_m=range_m))[0])
    one_band_s = 0.0
    for name, elevation, options, must_s, aim_s in (
        ("30 m, delta-Bullington", fine, {}, 80.0, 50.0),
        ("30 m, without the spherical Earth", fine, {"propagation": flat}, 33.0, 20.0),
        ("30 m, two bands", fine, {"technologies": ("2G", "3G")}, None, None),
        ("90 m, delta-Bullington", coarse, {}, 13.0, 6.0),
    ):
        took, result = timed(lambda e=elevation, o=options: province(e, **common, **o))
        counts = result.counts
        rest = (
            f"; {counts['masts']} masts, {counts['cells_wanted'] / 1e6:.2f} M cells,"
            f" {counts['pairs'] / took.cpu_s / 1e6:.1f} M pairs of cell and mast a CPU second"
        )
        if name == "30 m, two bands":
            more = took.reference_s / one_band_s - 1.0
            rest += f"; the further band {more:+.0%} [must +40 %, aim +20 %]"
        elif name == "30 m, delta-Bullington":
            one_band_s = took.reference_s
        tell(name, took, rest=rest, **({} if small else {"must_s": must_s, "aim_s": aim_s}))
    changed_networks(fine, masts=masts, range_m=range_m)


def changed_networks(elevation: Raster, *, masts: int, range_m: float) -> None:
    """One mast added, turned, moved and removed in a province computed before, its path losses stored."""
    store: dict[str, bytes] = {}
    sites, sectors = network(elevation, masts=masts, technologies=("2G",))
    common: dict[str, Any] = {"elevation": elevation, "where": None, "grid": elevation.grid, "on": ON}
    common |= {"max_range_m": range_m, "store": store}
    last = sites["site_id"].iloc[-1]
    fewer = sites[sites["site_id"] != last], sectors[sectors["site_id"] != last].reset_index(drop=True)
    tilted = sectors.assign(mechanical_tilt_deg=np.where(sectors["site_id"] == last, 6.0, np.nan))
    moved = sites.copy()
    moved.loc[moved.index[-1:], "geometry"] = moved.geometry.iloc[-1:].translate(150.0, -90.0).to_numpy()
    took, without = timed(lambda: compute(*fewer, **common))
    stored_mb = sum(map(len, store.values())) / 1e6
    tell("30 m, into a store, one mast less", took, rest=f"; {stored_mb:.0f} MB stored")
    took, whole = timed(lambda: compute(sites, sectors, before=without, **common))
    tell("one mast added", took, must_s=0.5, aim_s=0.2)
    for name, changed in (
        ("one mast tilted", (sites, tilted)),
        ("one mast moved", (moved, sectors)),
        ("one mast removed", fewer),
    ):
        took, _ = timed(lambda c=changed: compute(*c, before=whole, **common))
        tell(name, took, must_s=0.5, aim_s=0.2)


def single_masts(ground: Raster) -> dict[str, float]:
    """One mast with every cell: warm, as a new process, and as area of each model; cells a CPU second by kind."""
    one_mast(ground, height_m=HEIGHT_M)
    took, result = timed(lambda: one_mast(ground, height_m=HEIGHT_M), times=TIMES)
    tell("one mast, warm", took, must_s=0.2, aim_s=0.1)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder, "ground.npy"), ground.values)
        words = [sys.executable, str(Path(__file__).with_name("one_mast.py")), "ground.npy", str(ground.grid.cell_m)]
        peers.run(words, folder=Path(folder))  # what is compiled for it is kept from now on
        before, wall = loop_s(), time.perf_counter()
        cpu_s, _ = peers.run(words, folder=Path(folder))
        wall = time.perf_counter() - wall
        tell("one mast, new process", Timed(wall, cpu_s, (before + loop_s()) / 2.0), must_s=3.0, aim_s=1.5)
    basis, rates = result.basis, {}
    assert basis is not None
    for model, (kind, must, aim) in AREA_MODELS.items():
        around = replace(basis.around, propagation=Propagation(model=model, terminal_height_m=TERMINAL_M))
        mast_losses(basis.masts[0], around=around)  # compiles
        took, (_, tenth_db, _) = timed(lambda a=around: mast_losses(basis.masts[0], around=a), times=TIMES)
        cells = int(np.count_nonzero(tenth_db))
        rate = cells / took.reference_s
        rest = f"; {cells / took.cpu_s / 1e6:.2f} M cells a CPU second, {rate / 1e6:.2f} M at reference"
        if kind is not None:
            rates[kind] = cells / took.cpu_s
            grade = "aim" if rate >= aim else "must" if rate >= must else "missed"
            rest += f" [must {must / 1e6:g}, aim {aim / 1e6:g}: {grade}]"
        tell(f"one mast, losses, {model}", took, rest=rest)
        if model == "line-of-sight":
            share = agreement(ground, tenth_db[0] < HIDDEN_TENTH_DB)
            print(f"  classes equal to an exact profile's: {share:.4f} [must 0.99, aim 0.995]", flush=True)
    return rates


def other_programs(ground: Raster, rates: dict[str, float], *, python: str | None) -> None:
    """Each peer: CPU seconds, places a CPU second, and how many times as many the engine's map of that kind makes."""
    with tempfile.TemporaryDirectory() as folder:
        bench = peers.Bench(ground, Path(folder), python)
        for name, peer in peers.PEERS.items():
            before = loop_s()
            try:
                got = peer(bench)
            except peers.NotThereError as error:
                print(f"{name}: {error}", flush=True)
                continue
            loops = got.cpu_s / ((before + loop_s()) / 2.0)
            rate = got.places / got.cpu_s
            line = (
                f"{got.name:<28}{got.kind:<18}{got.cpu_s:8.2f} s CPU = {loops:6.1f} loops; start {got.start_s:.2f} s;"
            )
            line += f" {got.places:,} {got.unit}, {rate:,.3g} a CPU second"
            if got.kind in rates:
                line += f"; the engine {rates[got.kind] / rate:,.3g} times as many"
            if got.seen is not None:
                line += f"; classes equal to an exact profile's: {agreement(ground, got.seen):.4f}"
            print(line + (f"; {got.note}" if got.note else ""), flush=True)


def main() -> None:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--small",
        action="store_true",
        help="a province of 15 x 15 km and one mast of 6 km, for a look: the limits stay those of the full work",
    )
    parser.add_argument("--calibrate", action="store_true", help="the calibration loop alone: its reference value")
    parser.add_argument("--only", choices=("province", "mast", "peers"), help="one part of it")
    parser.add_argument(
        "--peer-python",
        default=os.environ.get("PHUSONG_PEER_PYTHON"),
        help="interpreter that has xarray-spatial, itmlogic and pycraf (also PHUSONG_PEER_PYTHON)",
    )
    options = parser.parse_args()
    loops = sorted(loop_s() for _ in range(5))
    print(
        f"calibration loop: {statistics.median(loops):.3f} s CPU, {loops[0]:.3f} to {loops[-1]:.3f}"
        f" (reference {REFERENCE_S:g}); threads: {numba.get_num_threads()}",
        flush=True,
    )
    if options.calibrate:
        return
    span_m, masts, range_m = (15_000.0, 55, 6_000.0) if options.small else (69_000.0, 1_159, 15_000.0)
    if options.only in (None, "province"):
        whole_provinces(span_m=span_m, masts=masts, range_m=range_m, small=options.small)
        print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB", flush=True)
    ground = around_the_middle(mountains(span_m=span_m, cell_m=30.0), range_m=6_000.0 if options.small else 20_000.0)
    rates: dict[str, float] = {}
    if options.only != "province":
        rates = single_masts(ground)
    if options.only in (None, "peers"):
        other_programs(ground, rates, python=options.peer_python)


if __name__ == "__main__":
    main()
