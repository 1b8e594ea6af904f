"""Bullington losses of every official P.1812 profile, actual and smooth, against the published step logs."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from phusong.coverage.radio.diffraction import bullington_loss_db

FOLDER = os.environ.get("PHUSONG_RF_VALIDATION")
LOGS = sorted(Path(FOLDER, "p1812").glob("result_*.csv")) if FOLDER else []


@pytest.mark.skipif(not LOGS, reason="PHUSONG_RF_VALIDATION does not name the official profiles")
def test_there_are_as_many_logs_as_the_set_has() -> None:
    assert len(LOGS) >= 45


@pytest.mark.skipif(not LOGS, reason="PHUSONG_RF_VALIDATION does not name the official profiles")
@pytest.mark.parametrize("log", LOGS, ids=lambda path: path.stem)
def test_bullington_equals_the_log(log: Path) -> None:
    with log.open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if len(row) > 3 and row[3].strip()]
    value = {(row[0].strip(), row[1].strip()): row[3] for row in rows}
    name = log.stem.removeprefix("result_").rpartition("_")[0]
    lines = (log.parent / f"profile_{name}.csv").read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("{Begin of Profile}"))
    count = int(lines[begin + 1].split(",")[1])
    profile = np.array([[float(x) for x in line.split(",")[:4]] for line in lines[begin + 2 : begin + 2 + count]])
    d_m = profile[:, 0] * 1e3
    cluttered_m = profile[:, 1] + profile[:, 3]
    # the logs hold the losses of the last pass, for the Earth radius of the share beta0 of time (k = 3), and take the
    # speed of light as 0.2998 m GHz
    common = {"earth_radius_m": 3.0 * 6_371_000.0, "wavelength_m": 0.2998 / float(value["f (GHz)", ""])}
    actual = bullington_loss_db(
        d_m,
        cluttered_m,
        tx_m=float(value["htc (m)", "Table 5"]),
        rx_m=float(value["hrc (m)", "Table 5"]),
        **common,
    )
    smooth = bullington_loss_db(
        d_m,
        np.zeros_like(d_m),
        tx_m=float(value["htc (m)", "Eq (37a)"]),
        rx_m=float(value["hrc (m)", "Eq (37b)"]),
        **common,
    )
    assert actual == pytest.approx(float(value["Lbulla (dB)", "Eq (21)"]), abs=1e-6)
    assert smooth == pytest.approx(float(value["Lbulls (dB)", "Eq (21)"]), abs=1e-6)
