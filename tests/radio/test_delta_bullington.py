"""Delta-Bullington diffraction: a reference written as printed, laws, and the smooth Earth's edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.radio.delta_bullington import DeltaBullington, delta_bullington, smooth_surface
from phusong.coverage.radio.diffraction import EARTH_RADIUS_M, bullington_loss_db, wavelength_m
from phusong.coverage.radio.path_kernels import first_term_db, spherical_db
from phusong.layers.errors import InputError

EARTH_M = EARTH_RADIUS_M * 4.0 / 3.0


def reference_first_term_db(
    d: float, hte: float, hre: float, a: float, f: float, eps: float, sigma: float, vertical: bool
) -> float:
    """P.1812-7 4.3.3 as printed: d, a in km, heights in m, f in GHz."""
    k = 0.036 * (a * f) ** (-1 / 3) * ((eps - 1) ** 2 + (18 * sigma / f) ** 2) ** (-1 / 4)
    if vertical:
        k *= (eps**2 + (18 * sigma / f) ** 2) ** (1 / 2)
    beta = (1 + 1.6 * k**2 + 0.67 * k**4) / (1 + 4.5 * k**2 + 1.53 * k**4)
    x = 21.88 * beta * (f / a**2) ** (1 / 3) * d
    fx = 11 + 10 * np.log10(x) - 17.6 * x if x >= 1.6 else -20 * np.log10(x) - 5.6488 * x**1.425
    gains = []
    for h in (hte, hre):
        b = beta * 0.9575 * beta * (f**2 / a) ** (1 / 3) * h
        g = 17.6 * (b - 1.1) ** 0.5 - 5 * np.log10(b - 1.1) - 8 if b > 2 else 20 * np.log10(b + 0.1 * b**3)
        gains.append(max(g, 2 + 20 * np.log10(k)))
    return float(-fx - sum(gains))


def reference_spherical_db(
    d: float, hte: float, hre: float, a: float, f: float, wave: float, sea: float, vertical: bool
) -> float:
    """P.1812-7 4.3.2 as printed."""

    def first_term(radius: float) -> float:
        land = reference_first_term_db(d, hte, hre, radius, f, 22.0, 0.003, vertical)
        return sea * reference_first_term_db(d, hte, hre, radius, f, 80.0, 5.0, vertical) + (1 - sea) * land

    if d >= np.sqrt(2 * a) * (np.sqrt(0.001 * hte) + np.sqrt(0.001 * hre)):
        return first_term(a)
    c = (hte - hre) / (hte + hre)
    m = 250 * d**2 / (a * (hte + hre))
    b = 2 * np.sqrt((m + 1) / (3 * m)) * np.cos(np.pi / 3 + np.arccos(3 * c / 2 * np.sqrt(3 * m / (m + 1) ** 3)) / 3)
    d1 = d / 2 * (1 + b)
    d2 = d - d1
    h = ((hte - 500 * d1**2 / a) * d2 + (hre - 500 * d2**2 / a) * d1) / d
    required = 17.456 * np.sqrt(d1 * d2 * wave / d)
    if h > required:
        return 0.0
    loss = first_term(500 * (d / (np.sqrt(hte) + np.sqrt(hre))) ** 2)
    return float((1 - h / required) * max(loss, 0.0))


frequencies = st.floats(30.0, 6000.0)
antennas = st.floats(1.0, 500.0)
heights = st.lists(st.floats(0.0, 1500.0), min_size=1, max_size=40)


@settings(max_examples=300, deadline=None)
@given(st.floats(1.0, 300.0), antennas, antennas, frequencies, st.floats(0.0, 1.0), st.booleans())
def test_the_smooth_earth_as_printed(
    path_km: float, tx: float, rx: float, mhz: float, sea: float, vertical: bool
) -> None:
    ours = spherical_db(path_km * 1e3, tx, rx, EARTH_M, np.sqrt(wavelength_m(mhz)), 1e-3 * mhz, sea, vertical)
    theirs = reference_spherical_db(path_km, tx, rx, EARTH_M / 1e3, mhz / 1e3, wavelength_m(mhz), sea, vertical)
    assert ours == pytest.approx(theirs, abs=1e-4, rel=1e-6)
    assert ours >= 0.0 or path_km * 1e3 >= np.sqrt(2.0 * EARTH_M) * (np.sqrt(tx) + np.sqrt(rx))


@settings(max_examples=100, deadline=None)
@given(antennas, antennas, frequencies, st.booleans())
def test_the_smooth_earth_joins_at_the_horizon(tx: float, rx: float, mhz: float, vertical: bool) -> None:
    horizon_m = np.sqrt(2.0 * EARTH_M) * (np.sqrt(tx) + np.sqrt(rx))
    near, far = (
        spherical_db(horizon_m * k, tx, rx, EARTH_M, np.sqrt(wavelength_m(mhz)), 1e-3 * mhz, 0.0, vertical)
        for k in (1.0 - 1e-7, 1.0 + 1e-7)
    )
    assert near == pytest.approx(max(far, 0.0), abs=1e-2)


def test_polarisation_counts_over_the_sea_at_vhf_and_not_over_land_at_uhf() -> None:
    vhf = [first_term_db(60e3, 20.0, 10.0, EARTH_M, 0.04, 1.0, vertical) for vertical in (False, True)]
    assert vhf[0] - vhf[1] > 10.0  # vertical waves follow the sea
    uhf = [first_term_db(60e3, 30.0, 10.0, EARTH_M, 2.1, 0.0, vertical) for vertical in (False, True)]
    assert abs(uhf[0] - uhf[1]) < 0.1
    part = first_term_db(60e3, 20.0, 10.0, EARTH_M, 0.04, 0.25, True)
    land = first_term_db(60e3, 20.0, 10.0, EARTH_M, 0.04, 0.0, True)
    assert part == pytest.approx(0.25 * vhf[1] + 0.75 * land)


def of(
    h: np.ndarray, tx: float, rx: float, *, mhz: float = 900.0, step_m: float = 400.0, **more: object
) -> DeltaBullington:
    """A profile of equal steps with ``h`` between ends at 0 m."""
    ground = np.concatenate([[0.0], h, [0.0]])
    options = {"earth_radius_m": EARTH_M, "frequency_mhz": mhz, "vertical": True, "tx_m": tx, "rx_m": rx} | more
    return delta_bullington(np.arange(len(ground)) * step_m, ground, **options)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(heights, antennas, antennas, frequencies, st.booleans())
def test_reciprocity(h: list[float], tx: float, rx: float, mhz: float, vertical: bool) -> None:
    there = of(np.array(h), tx, rx, mhz=mhz, vertical=vertical)
    back = of(np.array(h[::-1]), rx, tx, mhz=mhz, vertical=vertical)
    assert there.loss_db == pytest.approx(back.loss_db, abs=1e-6)
    assert (there.smooth_tx_m, there.smooth_rx_m) == pytest.approx((back.smooth_rx_m, back.smooth_tx_m), abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(heights, antennas, antennas, frequencies)
def test_the_sum_of_its_parts_and_never_below_bullington(h: list[float], tx: float, rx: float, mhz: float) -> None:
    got = of(np.array(h), tx, rx, mhz=mhz)
    ground = np.concatenate([[0.0], h, [0.0]])
    d = np.arange(len(ground)) * 400.0
    common = {"earth_radius_m": EARTH_M, "wavelength_m": wavelength_m(mhz)}
    actual = bullington_loss_db(d, ground, tx_m=tx, rx_m=rx, **common)
    smooth = bullington_loss_db(d, 0.0 * d, tx_m=tx - got.smooth_tx_m, rx_m=rx - got.smooth_rx_m, **common)
    assert (got.bullington_db, got.smooth_bullington_db) == pytest.approx((actual, smooth), abs=1e-12)
    assert got.loss_db == pytest.approx(actual + max(got.spherical_db - smooth, 0.0), abs=1e-12)
    assert got.loss_db >= got.bullington_db >= 0.0
    assert got.smooth_tx_m <= 0.0
    assert got.smooth_rx_m <= 0.0


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 200), st.floats(100.0, 1000.0), antennas, antennas, frequencies, st.booleans())
def test_over_no_terrain_the_greater_of_bullington_and_the_smooth_earth(
    points: int, step_m: float, tx: float, rx: float, mhz: float, vertical: bool
) -> None:
    got = of(np.zeros(points), tx, rx, mhz=mhz, step_m=step_m, vertical=vertical)
    assert (got.smooth_tx_m, got.smooth_rx_m) == (0.0, 0.0)
    assert got.smooth_bullington_db == got.bullington_db
    assert got.loss_db == pytest.approx(max(got.bullington_db, got.spherical_db), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(heights, antennas, antennas, st.integers(0, 39), st.floats(0.0, 60.0))
def test_clutter_raises_obstacles_and_not_the_smooth_surface(
    h: list[float], tx: float, rx: float, where: int, more: float
) -> None:
    clutter = np.zeros(len(h) + 2)
    clutter[1 + where % len(h)] = more
    clutter[[0, -1]] = 25.0
    bare, covered = of(np.array(h), tx, rx), of(np.array(h), tx, rx, clutter_m=clutter)
    assert covered.loss_db >= bare.loss_db - 1e-9
    assert covered.smooth_tx_m == bare.smooth_tx_m
    assert covered.spherical_db == bare.spherical_db


@settings(max_examples=100, deadline=None)
@given(st.floats(-50.0, 50.0), st.floats(0.0, 500.0), st.lists(st.floats(10.0, 900.0), min_size=2, max_size=30))
def test_the_surface_of_a_plane_is_the_plane(slope_m_per_km: float, base: float, steps: list[float]) -> None:
    d = np.concatenate([[0.0], np.cumsum(steps)])
    h = base + slope_m_per_km * d / 1e3
    hst, hsr, hstd, hsrd = smooth_surface(d, h, h[0] + 30.0, h[-1] + 10.0)
    assert (hst, hsr, hstd, hsrd) == pytest.approx((h[0], h[-1], h[0], h[-1]), abs=1e-6)


def test_the_surface_sinks_under_a_hill_that_hides_the_other_end() -> None:
    """A wall of 200 m in the middle of flat ground, by hand: area 200 x 1 km, half of it to each end."""
    d = np.array([0.0, 4e3, 5e3, 6e3, 10e3])
    h = np.array([0.0, 0.0, 200.0, 0.0, 0.0])
    hst, hsr, hstd, hsrd = smooth_surface(d, h, 20.0, 20.0)
    assert (hst, hsr) == pytest.approx((20.0, 20.0))  # the mean height, for a profile that is symmetric
    assert (hstd, hsrd) == pytest.approx((20.0 - 180.0 / 2, 20.0 - 180.0 / 2))


def test_an_offset_of_all_heights_or_distances_changes_nothing() -> None:
    rng = np.random.default_rng(11)
    d, h = np.arange(60) * 200.0, rng.uniform(0.0, 300.0, 60)
    options = {"earth_radius_m": EARTH_M, "frequency_mhz": 700.0, "vertical": False}
    base = delta_bullington(d, h, tx_m=h[0] + 30.0, rx_m=h[-1] + 2.0, **options)
    moved = delta_bullington(d + 5e3, h + 700.0, tx_m=h[0] + 730.0, rx_m=h[-1] + 702.0, **options)
    assert moved.loss_db == pytest.approx(base.loss_db, abs=1e-8)


def test_what_is_no_path_is_refused() -> None:
    d, h = np.array([0.0, 1e3, 2e3]), np.array([0.0, 50.0, 0.0])
    good = {"tx_m": 30.0, "rx_m": 2.0, "earth_radius_m": EARTH_M, "frequency_mhz": 900.0, "vertical": True}
    assert delta_bullington(d, h, **good).loss_db > 10.0
    for bad_d, bad_h, clutter in (
        (d[::-1], h, None),
        (d[:2], h[:2], None),
        (d, h[:2], None),
        (d, np.array([0.0, np.nan, 0.0]), None),
        (d, h, np.array([0.0, -1.0, 0.0])),
    ):
        with pytest.raises(InputError, match="three or more points"):
            delta_bullington(bad_d, bad_h, clutter_m=clutter, **good)
    with pytest.raises(InputError, match="above the ground"):
        delta_bullington(d, h, **good | {"rx_m": 0.0})
    with pytest.raises(InputError, match="10"):
        delta_bullington(d, h, **good | {"frequency_mhz": 5.0})
