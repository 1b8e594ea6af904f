"""CPU seconds of reading and validating a large XLSX list, beside those openpyxl needs to read it alone.

Run ``python tests/bench/bench_import.py [--rows 100000]``. Each reading runs in a process of its own, so that CPU
seconds and peak memory are its own; writing the file is not counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import xlsxwriter
from workload import loop_s

from phusong.layers.checks.validate import validate
from phusong.layers.readers.table import read_tables
from phusong.layers.schema import LAYERS

OPERATORS = ("Viettel", "VNPT", "MobiFone")


def write_sectors(path: Path, *, rows: int) -> None:
    """A list of sectors as an operator would send it, with the place of each mast: 22 columns."""
    rng = np.random.default_rng(20121231)
    columns = (
        *("sector_id", "site_id", "operator", "technology", "band_mhz", "bandwidth_mhz", "carrier_power_dbm"),
        *("pilot_share_pct", "feeder_loss_db", "antenna_gain_dbi", "height_m", "azimuth_deg", "mechanical_tilt_deg"),
        *("electrical_tilt_deg", "beamwidth_h_deg", "beamwidth_v_deg", "base_sensitivity_dbm", "as_of", "source"),
        *("name", "lon", "lat"),
    )
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("sectors")
        sheet.write_row(0, 0, columns)
        places = np.round(rng.uniform((106.4, 16.3), (107.4, 17.2), size=(rows // 3 + 1, 2)), 6)
        for i in range(rows):
            mast = i // 3
            place = places[mast].tolist()
            ids = (f"QTI{mast:06d}_{i % 3 + 1}", f"QTI{mast:06d}", OPERATORS[mast % 3], "4G", 1800, 20, 46, 5.5)
            antenna = (float(rng.integers(0, 30)) / 10, 17.5, float(rng.integers(20, 60)), (i % 3) * 120)
            tilts = (float(rng.integers(0, 6)), 2, 65, 7, -120, "2012-12-31", "Sở TTTT", f"Trạm Hướng Hóa {mast}")
            sheet.write_row(i + 1, 0, (*ids, *antenna, *tilts, *place))


def by_openpyxl(path: Path) -> int:
    """Rows that openpyxl reads, and nothing else done with them."""
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    return sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1


def by_phusong(path: Path) -> int:
    """Good rows of the layer sectors: the file guarded, looked through, read, its table found and every cell judged."""
    (raw,) = read_tables(path)
    return len(validate(raw, LAYERS["sectors"], crs="EPSG:9212").frame)


def by_phusong_sites(path: Path) -> int:
    """The same as masts: three rows of one mast are one too many, so only the first of each is good."""
    (raw,) = read_tables(path)
    return len(validate(raw, LAYERS["sites"], crs="EPSG:9212").frame)


def alone(work: Callable[[Path], int], path: Path) -> tuple[int, float, int]:
    """What ``work`` gives in a process of its own, its CPU seconds and its peak memory in MB."""
    result, told = os.pipe()
    child = os.fork()
    if child == 0:
        begin = time.process_time()
        count = work(path)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
        os.write(told, f"{count} {time.process_time() - begin} {peak}".encode())
        os._exit(0)
    os.close(told)
    with os.fdopen(result) as file:
        count, cpu, peak = file.read().split()
    os.waitpid(child, 0)
    return int(count), float(cpu), int(peak)


def main() -> None:
    """Time the readings and print them beside one another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "sectors.xlsx"
        write_sectors(path, rows=rows)
        print(f"{rows} rows of 22 columns, {path.stat().st_size / 1e6:.1f} MB; calibration loop {loop_s():.2f} s")
        print(f"{'':<40}{'rows':>9}{'CPU s':>8}{'peak MB':>9}{'share of openpyxl':>19}")
        known = None
        for label, work in (
            ("openpyxl, read alone", by_openpyxl),
            ("phusong, read and validated: sectors", by_phusong),
            ("phusong, read and validated: sites", by_phusong_sites),
        ):
            count, cpu, peak = alone(work, path)
            known = known or cpu
            print(f"{label:<40}{count:>9}{cpu:>8.1f}{peak:>9}{cpu / known:>19.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
