"""The spherical-Earth term and the smooth surface: official logs, a plain reference, laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.radio import path_kernels
from phusong.coverage.radio.delta_bullington import delta_bullington

LOG_EARTH_M = 3.0 * 6_371_000.0  # the logs hold the losses of the last pass, for the Earth radius of beta0 of the time
LOG_LIGHT_M_GHZ = 0.2998
EARTH_M = 6_371_000.0 * 4.0 / 3.0


def test_smooth_surface_and_spherical_earth_equal_the_log(step_log) -> None:
    d_m, h_m, value = step_log.d_m, step_log.h_m, step_log.value
    ghz = value["f (GHz)", ""]
    ends = value["htc (m)", "Table 5"], value["hrc (m)", "Table 5"]
    between = d_m[1:-1].copy(), h_m[1:-1].copy()
    *_, low_tx, low_rx = path_kernels.smooth_surface(
        *between, len(d_m) - 2, d_m[-1], h_m[0], h_m[-1], *ends, np.empty(len(d_m))
    )
    above = ends[0] - low_tx, ends[1] - low_rx
    assert above[0] == pytest.approx(value["htc (m)", "Eq (37a)"], abs=1e-6)
    assert above[1] == pytest.approx(value["hrc (m)", "Eq (37b)"], abs=1e-6)
    vertical = value["pol", ""] == 2.0
    spherical = path_kernels.spherical_db(
        d_m[-1], *above, LOG_EARTH_M, np.sqrt(LOG_LIGHT_M_GHZ / ghz), ghz, value["w", "Table 5"], vertical
    )
    assert spherical == pytest.approx(value["Ldsph (dB)", "Eq (27)"], abs=1e-6)


def rough_path(seed: int, *, points: int, path_m: float, relief_m: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    d_m = np.concatenate([[0.0], np.sort(rng.uniform(0.01, 0.99, points)) * path_m, [path_m]])
    return d_m, 300.0 + relief_m * np.cumsum(rng.standard_normal(points + 2)) / np.sqrt(points)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(200.0, 60_000.0),
    st.sampled_from([0.0, 1.0, 20.0, 300.0]),
    st.floats(100.0, 6_000.0),
    st.booleans(),
)
def test_against_the_formulas_as_printed(reference_delta_bullington, seed, path_m, relief_m, mhz, vertical) -> None:
    d_m, h_m = rough_path(seed, points=30, path_m=path_m, relief_m=relief_m)
    tx_m, rx_m, wave = h_m[0] + 36.0, h_m[-1] + 1.5, 299.792458 / mhz
    common = {"earth_radius_m": EARTH_M, "frequency_mhz": mhz, "vertical": vertical}
    loss = delta_bullington(d_m, h_m, tx_m=tx_m, rx_m=rx_m, **common).loss_db
    assert loss == pytest.approx(
        reference_delta_bullington(d_m, h_m, tx_m, rx_m, wave, EARTH_M, vertical=vertical), abs=1e-8
    )
    back = delta_bullington(path_m - d_m[::-1], h_m[::-1], tx_m=rx_m, rx_m=tx_m, **common).loss_db
    assert back == pytest.approx(loss, abs=1e-6)


@pytest.mark.parametrize("path_m", [2_000.0, 10_000.0, 50_000.0])
def test_a_zero_height_profile_gives_the_larger_of_its_two_parts(path_m: float) -> None:
    d_m = np.linspace(0.0, path_m, 400)
    wave = 299.792458 / 900.0
    loss = delta_bullington(
        d_m, np.zeros_like(d_m), tx_m=36.0, rx_m=1.5, earth_radius_m=EARTH_M, frequency_mhz=900.0, vertical=True
    ).loss_db
    room = np.zeros(len(d_m))
    root_nu = path_kernels.bullington_root_nu(
        d_m[1:-1], room, len(d_m) - 2, path_m, 36.0, 1.5, EARTH_M, np.empty(len(d_m))
    )
    parts = (
        path_kernels.bullington_db(root_nu, np.sqrt(wave), path_m),
        path_kernels.spherical_db(path_m, 36.0, 1.5, EARTH_M, np.sqrt(wave), 0.9, 0.0, True),
    )
    assert loss == pytest.approx(max(parts), abs=1e-9)
    assert (parts[1] > 0.0) == (path_m > 5_000.0)
