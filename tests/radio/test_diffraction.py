from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.radio.diffraction import (
    EARTH_RADIUS_M,
    bullington_loss_db,
    free_space_loss_db,
    wavelength_m,
)
from phusong.coverage.radio.path_kernels import knife_edge_db

EARTH = {"earth_radius_m": EARTH_RADIUS_M * 4 / 3}


@pytest.mark.parametrize(("mhz", "km"), [(900.0, 1.0), (900.0, 20.0), (2100.0, 7.5), (3500.0, 0.2)])
def test_free_space_is_the_textbook_form(mhz: float, km: float) -> None:
    textbook = 32.45 + 20 * np.log10(mhz) + 20 * np.log10(km)
    assert free_space_loss_db(km * 1e3, wavelength_m=wavelength_m(mhz)) == pytest.approx(textbook, abs=0.003)


def test_knife_edge_at_the_points_every_engineer_knows() -> None:
    assert knife_edge_db(0.0) == pytest.approx(6.03, abs=0.01)  # grazing: half the field
    assert knife_edge_db(2.4) == pytest.approx(20.54, abs=0.01)  # 12.953 + 20 log10(2.4), to 0.1 dB
    assert knife_edge_db(10.0) == pytest.approx(12.953 + 20.0, abs=0.1)
    assert knife_edge_db(-0.78) == 0.0
    assert knife_edge_db(-5.0) == 0.0
    assert 0.0 < knife_edge_db(-0.77) < 0.1


def test_one_edge_by_hand() -> None:
    """100 m above the ray in the middle of 10 km at 900 MHz on a flat Earth: nu = 100 sqrt(2 * 10000 / (l 5000^2))."""
    wave = wavelength_m(900.0)
    nu = 100.0 * np.sqrt(2 * 10_000.0 / (wave * 5_000.0**2))
    assert nu == pytest.approx(4.9006, abs=1e-3)
    edge = 6.9 + 20 * np.log10(np.sqrt((nu - 0.1) ** 2 + 1) + nu - 0.1)
    by_hand = edge + (1 - np.exp(-edge / 6)) * (10 + 0.02 * 10)
    loss = bullington_loss_db(
        np.array([0.0, 5_000.0, 10_000.0]),
        np.array([0.0, 150.0, 0.0]),
        tx_m=50.0,
        rx_m=50.0,
        earth_radius_m=1e15,
        wavelength_m=wave,
    )
    assert loss == pytest.approx(by_hand, abs=1e-6)


def test_clear_path_costs_nothing_and_a_ray_along_the_ground_is_defined() -> None:
    d = np.linspace(0.0, 5_000.0, 51)
    clear = bullington_loss_db(d, np.zeros(51), tx_m=500.0, rx_m=500.0, wavelength_m=0.33, **EARTH)
    assert clear == 0.0
    grazing = bullington_loss_db(d, np.zeros(51), tx_m=0.0, rx_m=0.0, earth_radius_m=1e18, wavelength_m=0.33)
    edge = 6.9 + 20 * np.log10(np.sqrt(1.01) - 0.1)
    assert grazing == pytest.approx(edge + (1 - np.exp(-edge / 6)) * 10.1, abs=1e-3)
    assert bullington_loss_db(d[[0, -1]], np.zeros(2), tx_m=1.0, rx_m=1.0, wavelength_m=0.33, **EARTH) == 0.0


@pytest.mark.parametrize("h", [[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]])
def test_a_profile_that_goes_back_or_has_a_hole_is_refused(h: list[float]) -> None:
    d = np.array([0.0, 2.0, 1.0 if np.isfinite(h).all() else 3.0])
    with pytest.raises(ValueError, match="rising"):
        bullington_loss_db(d, np.array(h), tx_m=1, rx_m=1, wavelength_m=0.3, **EARTH)


heights = st.lists(st.floats(0.0, 1500.0), min_size=1, max_size=40)
antennas = st.floats(1.0, 1600.0)


def _loss(h: np.ndarray, tx: float, rx: float) -> float:
    d = np.linspace(0.0, 300.0 * (len(h) + 1), len(h) + 2)
    return bullington_loss_db(d, np.concatenate([[0.0], h, [0.0]]), tx_m=tx, rx_m=rx, wavelength_m=0.15, **EARTH)


@settings(max_examples=150, deadline=None)
@given(heights, antennas, antennas)
def test_reciprocity(h: list[float], tx: float, rx: float) -> None:
    assert _loss(np.array(h), tx, rx) == pytest.approx(_loss(np.array(h[::-1]), rx, tx), abs=1e-7)


@settings(max_examples=150, deadline=None)
@given(heights, antennas, antennas, st.integers(0, 39), st.floats(0.0, 500.0))
def test_higher_obstacles_never_help(h: list[float], tx: float, rx: float, where: int, more: float) -> None:
    raised = np.array(h)
    raised[where % len(h)] += more
    assert _loss(raised, tx, rx) >= _loss(np.array(h), tx, rx) - 1e-9 >= -1e-9


@settings(max_examples=150, deadline=None)
@given(heights, antennas, antennas, st.integers(2, 8))
def test_fewer_points_never_cost_more(h: list[float], tx: float, rx: float, stride: int) -> None:
    """More points of the same profile never lower its loss."""
    d = np.linspace(0.0, 300.0 * (len(h) + 1), len(h) + 2)
    full = np.concatenate([[0.0], h, [0.0]])
    keep = np.unique([0, *range(1, len(h) + 1, stride), len(h) + 1])
    coarse = bullington_loss_db(d[keep], full[keep], tx_m=tx, rx_m=rx, wavelength_m=0.15, **EARTH)
    assert coarse <= bullington_loss_db(d, full, tx_m=tx, rx_m=rx, wavelength_m=0.15, **EARTH) + 1e-9
