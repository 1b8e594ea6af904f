"""Irregular Terrain Model: NTIA's rows and printed examples, figures by hand, laws, refusals and warnings."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from phusong.coverage.radio import itm_geometry
from phusong.coverage.radio.itm import (
    Climate,
    Conditions,
    ConfidenceReliability,
    ItmResult,
    ItmWarning,
    Propagation,
    Siting,
    TimeLocationSituation,
    Variability,
    itm_area,
    itm_profile,
    normal_deviate,
)
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS

FOLDER = os.environ.get("PHUSONG_RF_VALIDATION")
needs_truth = pytest.mark.skipif(not FOLDER, reason="PHUSONG_RF_VALIDATION does not name the official rows")

HALF = TimeLocationSituation()
HERE = Conditions(900.0, "vertical", Climate.CONTINENTAL_SUBTROPICAL, 350.0)


def truth(name: str) -> list[dict[str, str]]:
    with Path(FOLDER or "", "itm", name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def given_in(row: dict[str, str]) -> dict[str, Any]:
    kind = int(row["mdvar"])
    return {
        "tx_height_m": float(row["h_tx__meter"]),
        "rx_height_m": float(row["h_rx__meter"]),
        "conditions": Conditions(
            float(row["f__mhz"]),
            "vertical" if row["pol"] == "1" else "horizontal",
            Climate(int(row["climate"])),
            float(row["N_0"]),
            float(row["epsilon"]),
            float(row["sigma"]),
            Variability(kind % 10),
            location_varies=kind // 10 in (0, 2),
            situation_varies=kind < 20,
        ),
        "quantiles": TimeLocationSituation(float(row["time"]), float(row["location"]), float(row["situation"])),
    }


@needs_truth
def test_point_to_point_equals_every_row_of_ntia() -> None:
    profiles = [
        np.array([float(x) for x in line.split(",") if x.strip()])
        for line in Path(FOLDER or "", "itm", "pfls.csv").read_text(encoding="utf-8").splitlines()
    ]
    rows = truth("p2p.csv")
    assert len(rows) == len(profiles) >= 5
    for row, profile in zip(rows, profiles, strict=True):
        assert len(profile) == profile[0] + 3
        result = itm_profile(profile[2:], step_m=profile[1], **given_in(row))
        assert result.loss_db == pytest.approx(float(row["A__db"]), abs=0.01)


@needs_truth
def test_area_equals_every_row_of_ntia() -> None:
    rows = truth("area.csv")
    assert len(rows) >= 5
    for row in rows:
        result = itm_area(
            float(row["d__km"]) * 1e3,
            terrain_irregularity_m=float(row["delta_h__meter"]),
            tx_siting=Siting(int(row["tx_siting_criteria"])),
            rx_siting=Siting(int(row["rx_siting_criteria"])),
            **given_in(row),
        )
        assert f"{result.loss_db:.1f}" == row["A__db"]


# confidence 50, 75, 90 % by distance in km, as printed by NTIA's driver 1.5.0 (NTIA/itm, cmd_examples/o_areacr_tbl.txt)
PRINTED = {
    10: (132.4, 147.0, 151.7, 155.9),
    20: (138.5, 174.9, 179.2, 183.1),
    30: (142.0, 198.7, 202.9, 206.7),
    40: (144.5, 213.0, 217.3, 221.0),
    50: (146.4, 215.8, 220.0, 223.8),
    100: (152.4, 224.8, 229.0, 232.7),
    200: (158.5, 234.6, 238.5, 241.9),
    400: (164.5, 252.0, 255.6, 258.7),
    700: (169.4, 274.8, 278.3, 281.4),
    1000: (172.4, 295.6, 299.1, 302.2),
}


@pytest.mark.parametrize("distance_km", PRINTED)
def test_area_with_confidence_and_reliability_equals_the_printed_example(distance_km: int) -> None:
    conditions = Conditions(
        10_000.0, "vertical", Climate.CONTINENTAL_TEMPERATE, 301.0, variability=Variability.BROADCAST
    )
    for confidence_pct, printed in zip((50.0, 75.0, 90.0), PRINTED[distance_km][1:], strict=True):
        result = over_terrain(
            distance_km * 1e3,
            irregularity_m=0.0,
            tx=3.0,
            rx=3.0,
            conditions=conditions,
            quantiles=ConfidenceReliability(confidence_pct, 90.0),
        )
        assert round(result.free_space_db, 1) == PRINTED[distance_km][0]
        assert round(result.loss_db, 1) == printed
        assert result.warnings == ItmWarning(0)


def test_intermediates_of_an_area_path_equal_the_printed_example() -> None:
    """NTIA/itm, cmd_examples/o_areatls.txt, driver 1.5.0."""
    conditions = Conditions(
        3500.0, "vertical", Climate.CONTINENTAL_TEMPERATE, 301.0, variability=Variability.ACCIDENTAL
    )
    result = over_terrain(10e3, irregularity_m=20.0, tx=15.0, rx=3.0, conditions=conditions)
    assert round(result.loss_db, 1) == 134.5
    assert round(result.free_space_db, 1) == 123.3
    assert round(result.reference_attenuation_db, 1) == 11.2
    assert tuple(round(a * 1e3, 3) for a in result.horizon_angle_rad) == (-1.811, -0.567)
    assert tuple(round(d) for d in result.horizon_distance_m) == (14722, 6206)
    assert result.effective_height_m == (15.0, 3.0)
    assert result.propagation is Propagation.LINE_OF_SIGHT
    assert result.warnings == ItmWarning(0)


def over_terrain(
    distance_m: float,
    *,
    irregularity_m: float = 90.0,
    tx: float = 36.0,
    rx: float = 1.5,
    conditions: Conditions = HERE,
    quantiles: Any = HALF,
) -> ItmResult:
    return itm_area(
        distance_m,
        terrain_irregularity_m=irregularity_m,
        tx_height_m=tx,
        rx_height_m=rx,
        tx_siting=Siting.RANDOM,
        rx_siting=Siting.RANDOM,
        conditions=conditions,
        quantiles=quantiles,
    )


def over_profile(heights: Any, *, step_m: float = 90.0, tx: float = 36.0, rx: float = 1.5, **other: Any) -> ItmResult:
    common = {"conditions": HERE, "quantiles": HALF} | other
    return itm_profile(heights, step_m=step_m, tx_height_m=tx, rx_height_m=rx, **common)


def hills(seed: int, points: int) -> np.ndarray:
    walk = np.random.default_rng(seed).normal(0.0, 40.0, points).cumsum()
    return np.asarray(600.0 + walk - walk.min())


def test_a_ridge_between_two_terminals_gives_both_horizons() -> None:
    heights = np.full(101, 100.0)
    heights[30] = 400.0
    result = over_profile(heights, step_m=100.0)
    earth = result.effective_earth_radius_m
    assert result.horizon_distance_m == (3000.0, 7000.0)
    assert result.horizon_angle_rad == pytest.approx(
        ((400 - 136) / 3000 - 3000 / (2 * earth), (400 - 101.5) / 7000 - 7000 / (2 * earth)), rel=1e-12
    )
    # the mean of the path without its tenths: 80 points of 100 m and one of 400 m
    mean_m = (80 * 100.0 + 400.0) / 81
    assert result.surface_refractivity == pytest.approx(350.0 * np.exp(-mean_m / 9460.0), rel=1e-12)
    assert 1 / earth == pytest.approx(157e-9 * (1 - 0.04665 * np.exp(result.surface_refractivity / 179.3)), rel=1e-12)


def test_an_even_slope_has_no_irregularity_and_adds_no_height() -> None:
    result = over_profile(np.linspace(100.0, 160.0, 80))
    assert result.terrain_irregularity_m == pytest.approx(0.0, abs=1e-9)
    assert result.effective_height_m == pytest.approx((36.0, 1.5), abs=1e-9)
    assert result.propagation is Propagation.LINE_OF_SIGHT


def test_a_mast_on_a_hill_counts_the_hill_and_a_pit_counts_nothing() -> None:
    heights = np.full(60, 100.0)
    heights[0] = 180.0
    heights[-1] = 60.0
    result = over_profile(heights)
    assert result.effective_height_m[0] > 100.0
    assert result.effective_height_m[1] == 1.5


def test_irregularity_is_the_interdecile_range_brought_to_its_asymptote() -> None:
    rng = np.random.default_rng(5)
    heights = rng.uniform(0.0, 100.0, 4001)  # 245 readings: 10 % are the 25th highest and lowest about the line
    got_m = itm_geometry.interdecile_range_m(heights, 4000, 50.0, 0.0, 4000.0, np.empty(itm_geometry.READINGS))
    at = np.linspace(0.0, 4000.0, 245)
    read = np.interp(at, np.arange(4001), heights)
    weight = np.ones(245)
    weight[[0, -1]] = np.sqrt(0.5)  # both ends count half; the slope's divisor, too, is that of the trapezoid rule
    rest = np.sort(read - np.polyval(np.polyfit(np.arange(245), read, 1, w=weight), np.arange(245)))
    assert got_m == pytest.approx((rest[-25] - rest[24]) / (1 - 0.8 * np.exp(-4000 * 50.0 / 50e3)), rel=1e-9)


def test_normal_deviates_are_those_of_the_model() -> None:
    """Abramowitz and Stegun 26.2.23 is good to 4.5e-4."""
    for percent in (0.1, 1.0, 10.0, 50.0, 77.0, 99.9):
        assert normal_deviate(percent) == pytest.approx(norm.isf(percent / 100.0), abs=4.5e-4)


@pytest.mark.parametrize("climate", Climate)
@pytest.mark.parametrize("variability", [Variability.ACCIDENTAL, Variability.MOBILE, Variability.BROADCAST])
def test_more_time_is_more_loss(climate: Climate, variability: Variability) -> None:
    conditions = replace(HERE, climate=climate, variability=variability)
    for distance_m in (5e3, 60e3, 300e3):
        losses = [
            over_terrain(distance_m, conditions=conditions, quantiles=TimeLocationSituation(t, 50.0, 70.0)).loss_db
            for t in (0.1, 1, 5, 10, 30, 50, 70, 90, 99, 99.9)
        ]
        assert np.all(np.diff(losses) > 0)


@pytest.mark.parametrize("variability", Variability)
def test_more_of_any_quantile_is_never_less_loss(variability: Variability) -> None:
    conditions = replace(HERE, variability=variability)
    for name in ("time_pct", "location_pct", "situation_pct"):
        losses = [
            over_terrain(40e3, conditions=conditions, quantiles=replace(HALF, **{name: q})).loss_db
            for q in (1.0, 20.0, 50.0, 80.0, 99.0)
        ]
        assert np.all(np.diff(losses) >= 0)
        counts = name == "situation_pct" or (
            variability == Variability.BROADCAST or (name == "time_pct" and variability != Variability.SINGLE_MESSAGE)
        )
        assert (losses[-1] > losses[0]) == counts


def test_variability_that_is_switched_off_narrows_the_spread() -> None:
    def spread_db(**off: bool) -> float:
        conditions = replace(HERE, variability=Variability.SINGLE_MESSAGE, **off)
        high, low = (
            over_terrain(40e3, conditions=conditions, quantiles=replace(HALF, situation_pct=q)).loss_db
            for q in (90, 10)
        )
        return high - low

    whole, no_location, no_situation = spread_db(), spread_db(location_varies=False), spread_db(situation_varies=False)
    assert whole > no_location > spread_db(location_varies=False, situation_varies=False) > 0
    assert whole > no_situation


def test_confidence_and_reliability_are_situation_and_time_at_half_of_the_locations() -> None:
    heights = hills(1, 70)
    one = over_profile(heights, quantiles=ConfidenceReliability(confidence_pct=80.0, reliability_pct=95.0))
    other = over_profile(heights, quantiles=TimeLocationSituation(95.0, 50.0, 80.0))
    assert one == other


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(2, 120), st.floats(10.0, 2000.0), st.floats(1.0, 200.0), st.floats(1.0, 60.0)
)
def test_terminals_may_change_places(seed: int, points: int, step_m: float, tx: float, rx: float) -> None:
    heights = hills(seed, points)
    there = over_profile(heights, step_m=step_m, tx=tx, rx=rx)
    back = over_profile(heights[::-1], step_m=step_m, tx=rx, rx=tx)
    assert back.loss_db == pytest.approx(there.loss_db, abs=1e-6)
    assert back.propagation == there.propagation
    assert back.horizon_distance_m == pytest.approx(there.horizon_distance_m[::-1])
    assert back.effective_height_m == pytest.approx(there.effective_height_m[::-1])


@settings(max_examples=150, deadline=None)
@given(
    heights=st.lists(st.floats(-100.0, 4000.0), min_size=2, max_size=60),
    step_m=st.floats(0.5, 20_000.0),
    tx=st.floats(0.5, 3000.0),
    rx=st.floats(0.5, 3000.0),
    frequency_mhz=st.floats(20.0, 20_000.0),
    vertical=st.booleans(),
    climate=st.sampled_from(Climate),
    refractivity=st.floats(250.0, 390.0),
    permittivity=st.floats(1.1, 90.0),
    conductivity=st.floats(1e-5, 8.0),
    variability=st.sampled_from(Variability),
    percent=st.tuples(st.floats(0.01, 99.99), st.floats(0.01, 99.99), st.floats(0.01, 99.99)),
)
def test_the_loss_is_finite_on_odd_inputs(
    heights: list[float],
    step_m: float,
    tx: float,
    rx: float,
    frequency_mhz: float,
    vertical: bool,
    climate: Climate,
    refractivity: float,
    permittivity: float,
    conductivity: float,
    variability: Variability,
    percent: tuple[float, float, float],
) -> None:
    conditions = Conditions(
        frequency_mhz,
        "vertical" if vertical else "horizontal",
        climate,
        refractivity,
        permittivity,
        conductivity,
        variability,
    )
    result = over_profile(
        heights,
        step_m=step_m,
        tx=tx,
        rx=rx,
        conditions=conditions,
        quantiles=TimeLocationSituation(*percent),
    )
    assert np.isfinite(result.loss_db)
    assert result.reference_attenuation_db >= 0.0
    assert np.isfinite([*result.horizon_distance_m, *result.horizon_angle_rad, *result.effective_height_m]).all()


def test_the_mechanism_changes_with_distance_and_the_reference_does_not_jump() -> None:
    distances_m = np.arange(1e3, 600e3, 250.0)
    results = [over_terrain(d) for d in distances_m]
    order = [result.propagation for result in results]
    assert order == sorted(order)
    assert set(order) == set(Propagation)
    steps_db = np.diff([result.reference_attenuation_db for result in results])
    assert np.abs(steps_db[40:]).max() < 0.5


def test_careful_siting_never_costs_and_does_nothing_on_a_plain() -> None:
    def loss_db(siting: Siting, irregularity_m: float) -> float:
        return itm_area(
            20e3,
            terrain_irregularity_m=irregularity_m,
            tx_height_m=10.0,
            rx_height_m=3.0,
            tx_siting=siting,
            rx_siting=Siting.RANDOM,
            conditions=HERE,
            quantiles=HALF,
        ).loss_db

    assert loss_db(Siting.RANDOM, 90.0) > loss_db(Siting.CAREFUL, 90.0) > loss_db(Siting.VERY_CAREFUL, 90.0)
    assert loss_db(Siting.VERY_CAREFUL, 0.0) == pytest.approx(loss_db(Siting.RANDOM, 0.0), abs=1e-6)


@pytest.mark.parametrize(
    ("warning", "result"),
    [
        (ItmWarning.TX_HEIGHT, lambda: over_terrain(9e3, tx=0.7)),
        (ItmWarning.RX_HEIGHT, lambda: over_terrain(99e3, rx=1200.0)),
        (ItmWarning.FREQUENCY, lambda: over_terrain(9e3, conditions=replace(HERE, frequency_mhz=30.0))),
        (ItmWarning.PATH_LONG, lambda: over_terrain(1001e3)),
        (ItmWarning.PATH_LONG | ItmWarning.PATH_TOO_LONG, lambda: over_terrain(2001e3)),
        (ItmWarning.PATH_TOO_SHORT, lambda: over_terrain(900.0)),
        (ItmWarning.PATH_SHORT, lambda: over_terrain(2e3, tx=500.0)),
        (ItmWarning.EXTREME_QUANTILE, lambda: over_terrain(9e3, quantiles=replace(HALF, time_pct=99.95))),
        (ItmWarning.LOW_REFRACTIVITY, lambda: over_profile([4000.0] * 60)),
        (ItmWarning.TX_HORIZON_ANGLE | ItmWarning.TX_HORIZON_NEAR, lambda: over_profile([0.0, 500.0] + [0.0] * 60)),
        (ItmWarning.RX_HORIZON_ANGLE, lambda: over_profile([0.0] * 60 + [500.0, 0.0])),
        (ItmWarning.TX_HORIZON_FAR, lambda: over_profile([0.0] * 150 + [90.0] + [0.0] * 50, step_m=300.0, tx=1.0)),
    ],
)
def test_warnings_come_with_the_result(warning: ItmWarning, result: Any) -> None:
    got = result()
    assert warning in got.warnings
    assert np.isfinite(got.loss_db)


def test_ground_on_which_the_rounded_earth_is_not_defined_is_flagged() -> None:
    sea = replace(HERE, frequency_mhz=20.0, permittivity=80.0, conductivity_s_per_m=5.0)
    heights = [0.0, 400.0, 0.0, 400.0, 0.0]
    assert ItmWarning.SMOOTH_EARTH in over_profile(heights, step_m=50.0, rx=30.0, conditions=sea).warnings


def test_an_ordinary_path_has_no_warning_and_every_warning_has_its_words() -> None:
    assert over_terrain(20e3).warnings == ItmWarning(0)
    every = ItmWarning(0xFFFF)
    assert len(list(every)) == 16
    for lang in LANGS:
        assert len(set(every.say(lang))) == 16


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("transmitting antenna's height", {"tx": 0.4}),
        ("receiving antenna's height", {"rx": 3001.0}),
        ("frequency in MHz is 19", {"conditions": replace(HERE, frequency_mhz=19.0)}),
        ("N0", {"conditions": replace(HERE, refractivity=401.0)}),
        ("permittivity", {"conditions": replace(HERE, permittivity=0.9)}),
        ("conductivity", {"conditions": replace(HERE, conductivity_s_per_m=0.0)}),
        ("impedance", {"conditions": replace(HERE, permittivity=1.0, polarisation="horizontal")}),
        ("polarisation is slant", {"conditions": replace(HERE, polarisation="slant")}),
        ("climate is 8", {"conditions": replace(HERE, climate=8)}),
        ("variability is 4", {"conditions": replace(HERE, variability=4)}),
        ("time is 0; it must be above 0 and below 100", {"quantiles": replace(HALF, time_pct=0.0)}),
        ("locations is 100", {"quantiles": replace(HALF, location_pct=100.0)}),
        ("situations is nan", {"quantiles": replace(HALF, situation_pct=float("nan"))}),
        ("confidence in per cent is 100", {"quantiles": ConfidenceReliability(100.0, 50.0)}),
        ("points of the profile in metres is 0", {"step_m": 0.0}),
    ],
)
def test_inputs_out_of_range_are_refused_by_name(words: str, changed: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=words):
        over_profile([100.0] * 20, **changed)


def test_faults_are_told_together() -> None:
    with pytest.raises(InputError) as caught:
        over_profile([100.0, np.nan, 90.0], tx=0.0, step_m=float("inf"), conditions=replace(HERE, refractivity=0.0))
    assert len(caught.value.faults) == 4
    for lang in LANGS:
        assert len(caught.value.say(lang).splitlines()) == 5


@pytest.mark.parametrize("heights", [[], [5.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_what_is_not_a_profile_is_refused(heights: Any) -> None:
    with pytest.raises(InputError, match="points"):
        over_profile(heights)


def test_area_inputs_out_of_range_are_refused() -> None:
    for distance_m, irregularity_m in ((0.0, 10.0), (1e3, -1.0), (float("inf"), 10.0)):
        with pytest.raises(InputError):
            over_terrain(distance_m, irregularity_m=irregularity_m)
    with pytest.raises(InputError, match="siting the receiver is 3"):
        itm_area(
            1e4,
            terrain_irregularity_m=9.0,
            tx_height_m=9.0,
            rx_height_m=9.0,
            tx_siting=Siting.RANDOM,
            rx_siting=3,
            conditions=HERE,
            quantiles=HALF,
        )


def test_ground_too_high_for_the_refractivity_is_refused() -> None:
    with pytest.raises(InputError, match="145 N-units"):
        over_profile([6000.0] * 30, conditions=replace(HERE, refractivity=273.4))
