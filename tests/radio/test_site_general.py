"""Site-general models against published figures, then their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.radio.diffraction import free_space_loss_db, wavelength_m
from phusong.coverage.radio.site_general import (
    ENVIRONMENTS,
    MODELS,
    VALIDITY,
    Outside,
    cost231_hata,
    free_space,
    okumura_hata,
    over_terrain,
    path_loss,
    rma,
    uma,
)
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS, say


@pytest.mark.parametrize(
    ("model", "mhz", "base_m", "environment", "at_1_km_db", "per_decade_db"),
    [
        ("okumura_hata", 900.0, 30.0, "urban", 126.4, 35.2),
        # GSM 03.30 (ETR 364) table 2: path loss of large cells as a + b log10(km)
        ("okumura_hata", 900.0, 50.0, "urban", 123.3, 33.7),
        ("okumura_hata", 900.0, 100.0, "quasi_open", 95.7, 31.8),
        ("okumura_hata", 900.0, 100.0, "open", 90.7, 31.8),
        ("cost231_hata", 1800.0, 50.0, "urban", 133.2, 33.8),
        ("cost231_hata", 1800.0, 60.0, "quasi_open", 105.1, 33.3),
        ("cost231_hata", 1800.0, 60.0, "open", 100.1, 33.3),
        # Holma and Toskala, WCDMA for UMTS, section 8.2.1: 137.4 + 35.2 log10(km)
        ("cost231_hata", 1950.0, 30.0, "urban", 137.4, 35.2),
    ],
)
def test_hata_as_published(model, mhz, base_m, environment, at_1_km_db, per_decade_db) -> None:
    loss = path_loss(model, [1e3, 10e3], frequency_mhz=mhz, base_height_m=base_m, environment=environment)
    assert loss.loss_db[0] == pytest.approx(at_1_km_db, abs=0.08)
    assert loss.loss_db[1] - loss.loss_db[0] == pytest.approx(per_decade_db, abs=0.08)
    assert not loss.outside.any()
    assert np.isnan(loss.sigma_db).all()


def test_hata_large_city_gain_of_a_high_terminal() -> None:
    """a(hm) by hand for 3 m, 900 MHz: 3.2 log(35.25)^2 - 4.97 = 2.69; 150 MHz: 8.29 log(4.62)^2 - 1.1 = 2.562."""
    for mhz, gain_db in ((900.0, 2.690), (150.0, 2.562)):
        plain = 69.55 + 26.16 * np.log10(mhz) - 13.82 * np.log10(30.0)
        city = okumura_hata(1e3, frequency_mhz=mhz, base_height_m=30.0, terminal_height_m=3.0, environment="large_city")
        assert plain - float(city.loss_db) == pytest.approx(gain_db, abs=1e-3)
        assert int(city.outside) == 0
    gap = okumura_hata([200.0, 300.0, 400.0], frequency_mhz=[200.0, 300.0, 400.0], base_height_m=30.0)
    assert gap.outside.tolist() == [Outside.DISTANCE] * 3
    gap = okumura_hata(1e3, frequency_mhz=[200.0, 300.0, 400.0], base_height_m=30.0, environment="large_city")
    assert gap.outside.tolist() == [0, Outside.FREQUENCY, 0]


def test_suburb_and_metropolis_differ_from_the_city_by_the_printed_terms() -> None:
    given = {"frequency_mhz": 900.0, "base_height_m": 40.0}
    urban, suburban = (okumura_hata(3e3, environment=name, **given).loss_db for name in ("urban", "suburban"))
    assert float(urban - suburban) == pytest.approx(2.0 * np.log10(900.0 / 28.0) ** 2 + 5.4)
    given = {"frequency_mhz": 1800.0, "base_height_m": 40.0}
    urban, metropolis = (cost231_hata(3e3, environment=name, **given).loss_db for name in ("urban", "large_city"))
    assert float(metropolis - urban) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("model", "line_of_sight", "published"),
    [  # 5 GHz, terminal 1.5 m, base 35 m (RMa), 25 m (UMa): figures by which the simulator ns-3 tests its TR 38.901
        (rma, True, {10: 77.3784, 100: 87.2965, 1000: 108.5577, 10_000: 140.3896}),
        (rma, False, {10: 77.3784, 100: 95.7718, 1000: 133.5223, 5000: 160.5169}),
        (uma, True, {10: 72.9380, 100: 86.2362, 1000: 109.7252, 5000: 137.6794}),
        (uma, False, {10: 82.5131, 100: 106.1356, 1000: 144.7641, 5000: 172.0753}),
    ],
)
def test_tr_38901_as_published(model, line_of_sight, published) -> None:
    loss = model(list(published), frequency_mhz=5000.0, line_of_sight=line_of_sight)
    assert loss.loss_db == pytest.approx(list(published.values()), abs=1e-4)
    assert not loss.outside.any()


def test_tr_38901_break_points_by_hand() -> None:
    """RMa 900 MHz: 2 pi 35 1.5 0.9e9 / 3e8 = 989.6 m; UMa 3.5 GHz: 4 x 24 x 0.5 x 3.5e9 / 3e8 = 560 m."""
    for model, mhz, break_m in ((rma, 900.0, 989.602), (uma, 3500.0, 560.0)):
        near, at, far = model([break_m - 0.01, break_m, break_m + 0.01], frequency_mhz=mhz, line_of_sight=True).loss_db
        assert far - at == pytest.approx(0.01 * 40.0 / np.log(10.0) / break_m, rel=0.05)
        assert at - near == pytest.approx(0.01 * 22.0 / np.log(10.0) / break_m, rel=0.5)
    assert rma([900.0, 1100.0], frequency_mhz=900.0, line_of_sight=True).sigma_db.tolist() == [4.0, 6.0]
    assert rma(900.0, frequency_mhz=900.0).sigma_db == 8.0
    assert uma([100.0, 100.0], frequency_mhz=900.0, line_of_sight=[True, False]).sigma_db.tolist() == [4.0, 6.0]


def test_uma_nlos_by_hand() -> None:
    """2.6 GHz, 500 m: d3D 500.552; 13.54 + 39.08 x 2.69945 + 20 log 2.6 = 127.334."""
    assert float(uma(500.0, frequency_mhz=2600.0).loss_db) == pytest.approx(127.334, abs=2e-3)


def test_uma_of_a_terminal_below_the_environment_is_that_of_one_at_its_height() -> None:
    """Beyond the model's limits and flagged, but not as if the terminal stood as high above it: 20 dB less."""
    low = uma(500.0, frequency_mhz=1800.0, terminal_height_m=[1.5, 1.3, 1.1, 1.0, 0.5], line_of_sight=True)
    assert (np.diff(low.loss_db[:4]) > 0.0).all()
    assert low.loss_db[4] == pytest.approx(low.loss_db[3], abs=0.2)
    assert low.outside.tolist() == [0] + [Outside.TERMINAL_HEIGHT] * 4


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("sight", [True, False])
def test_loss_is_a_number_wherever_sectors_and_terminals_may_stand(model, sight) -> None:
    base, terminal = np.meshgrid([1.0, 5.0, 350.0], [0.1, 1.0, 100.0])
    for distance_m in (0.0, 1.0, 100e3):
        loss = path_loss(
            model,
            distance_m,
            frequency_mhz=900.0,
            base_height_m=base,
            terminal_height_m=terminal,
            environment="open",
            line_of_sight=sight,
        )
        assert np.isfinite(loss.loss_db).all()


def test_free_space_is_the_one_of_the_paths() -> None:
    for d, rise, mhz in ((5.0, 40.0, 900.0), (7300.0, 250.0, 1800.0), (0.2, 0.0, 700.0)):
        loss = free_space(d, frequency_mhz=mhz, base_height_m=rise)
        expected = free_space_loss_db(float(np.hypot(d, rise)), wavelength_m=wavelength_m(mhz))
        assert float(loss.loss_db) == pytest.approx(expected, abs=1e-9)
        assert int(loss.outside) == (Outside.DISTANCE if d < 1.0 else 0)


def test_free_space_without_a_frequency_is_not_known_and_flagged() -> None:
    loss = free_space([100.0] * 4, frequency_mhz=[900.0, 0.0, -1.0, np.nan])
    assert np.isnan(loss.loss_db).tolist() == [False, True, True, True]
    assert loss.outside.tolist() == [0] + [Outside.FREQUENCY] * 3


def test_rma_beyond_the_break_point_is_within_004_db_of_the_table() -> None:
    """PL2 as printed: PL1(d_BP) + 40 log10(d_3D / d_BP) with d_BP along the ground, which steps at the break point."""
    for mhz, base, terminal in ((500.0, 35.0, 1.0), (900.0, 35.0, 1.5), (700.0, 150.0, 1.5), (3500.0, 10.0, 1.5)):
        break_m = 2.0 * np.pi * base * terminal * mhz * 1e6 / 3e8
        near = 20.0 * np.log10(40.0 * np.pi * break_m * mhz / 3e3) + 0.03 * 5.0**1.72 * np.log10(break_m)
        near += 0.002 * np.log10(5.0) * break_m - 0.044 * 5.0**1.72
        d = break_m * np.array([1.001, 1.5, 3.0])
        printed = near + 40.0 * np.log10(np.hypot(d, base - terminal) / break_m)
        given = {"frequency_mhz": mhz, "base_height_m": base, "terminal_height_m": terminal, "line_of_sight": True}
        assert rma(d, **given).loss_db == pytest.approx(printed, abs=0.04)


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"frequency_mhz": 2100.0}, Outside.FREQUENCY),
        ({"frequency_mhz": 900.0}, Outside.FREQUENCY),
        ({"distance_m": 999.0}, Outside.DISTANCE),
        ({"distance_m": 20_001.0}, Outside.DISTANCE),
        ({"base_height_m": 29.9}, Outside.BASE_HEIGHT),
        ({"terminal_height_m": 0.9}, Outside.TERMINAL_HEIGHT),
        ({"distance_m": 100.0, "base_height_m": 350.0}, Outside.DISTANCE | Outside.BASE_HEIGHT),
        ({"distance_m": float("nan")}, Outside.DISTANCE),
        ({"terminal_height_m": 0.0, "base_height_m": -5.0}, Outside.BASE_HEIGHT | Outside.TERMINAL_HEIGHT),
    ],
)
def test_values_beyond_validity_are_flagged(changed, flag) -> None:
    given = {"distance_m": 5e3, "frequency_mhz": 1800.0, "base_height_m": 36.0, "terminal_height_m": 1.5} | changed
    loss = path_loss("cost231_hata", given.pop("distance_m"), **given)
    assert int(loss.outside) == flag
    assert np.isnan(loss.valid_db)
    assert loss.outside_counts() == {one: 1 for one in Outside if one & flag}


def test_validity_of_each_model_lets_its_own_bounds_in_and_nothing_beyond() -> None:
    for name, limits in VALIDITY.items():
        if name == "free_space":
            continue
        model, sight = name.removesuffix("_los").removesuffix("_nlos"), name.endswith("_los")
        for bounds, step in ((0, -1), (1, 1)):
            given = {
                "frequency_mhz": limits.frequency_mhz[bounds],
                "base_height_m": limits.base_height_m[bounds],
                "terminal_height_m": limits.terminal_height_m[bounds],
                "environment": "open",
                "line_of_sight": sight,
            }
            at = limits.distance_m[bounds]
            assert int(path_loss(model, at, **given).outside) == 0, name
            assert int(path_loss(model, at + step * 1e-2, **given).outside) == Outside.DISTANCE, name
    assert int(rma(500.0, frequency_mhz=900.0, building_height_m=60.0).outside) == Outside.SURROUNDINGS
    assert int(rma(7e3, frequency_mhz=900.0, line_of_sight=True).outside) == 0
    assert int(rma(7e3, frequency_mhz=900.0, line_of_sight=False).outside) == Outside.DISTANCE


def test_words_are_known_and_said() -> None:
    for model in MODELS:
        assert all(say(f"link.model.{model}", lang) for lang in LANGS)
    for environment in ENVIRONMENTS["okumura_hata"]:
        assert all(say(f"link.environment.{environment}", lang) for lang in LANGS)
    for flag in Outside:
        words = {"low": 1, "high": 20, "band": 900, "height": 36, "share": 5}
        assert all("20" in say(f"link.outside.{flag.name}", lang, **words) for lang in LANGS)
    with pytest.raises(InputError, match="egli"):
        path_loss("egli", 1e3, frequency_mhz=900.0, base_height_m=30.0)
    with pytest.raises(InputError, match="suburban"):
        path_loss("cost231_hata", 1e3, frequency_mhz=1800.0, base_height_m=30.0, environment="suburban")


kinds = st.sampled_from(
    [(model, word) for model, words in ENVIRONMENTS.items() for word in words]
    + [("free_space", "open"), ("rma", "open"), ("uma", "open")]
)


@settings(max_examples=200, deadline=None)
@given(kinds, st.floats(1e3, 4e3), st.floats(1.01, 1.2), st.floats(500, 2600), st.floats(30, 150), st.booleans())
def test_loss_grows_with_distance_and_frequency(kind, distance_m, factor, mhz, base_m, sight) -> None:
    model, environment = kind

    def loss(d, f) -> float:
        found = path_loss(model, d, frequency_mhz=f, base_height_m=base_m, environment=environment, line_of_sight=sight)
        return float(found.loss_db)

    assert loss(distance_m * factor, mhz) > loss(distance_m, mhz)
    if environment not in ("suburban", "quasi_open", "open") or model not in ENVIRONMENTS:
        assert loss(distance_m, mhz * factor) > loss(distance_m, mhz)


@settings(max_examples=100, deadline=None)
@given(st.floats(10, 5000), st.floats(500, 6000), st.floats(10, 100), st.sampled_from([rma, uma]))
def test_without_line_of_sight_never_less(distance_m, mhz, base_m, model) -> None:
    both = model(distance_m, frequency_mhz=mhz, base_height_m=base_m, line_of_sight=[True, False]).loss_db
    assert both[1] >= both[0]


def test_arrays_are_the_single_values() -> None:
    d, mhz, base = np.array([[500.0], [2500.0], [9000.0]]), np.array([800.0, 1800.0]), 36.0
    for model in MODELS:
        whole = path_loss(model, d, frequency_mhz=mhz, base_height_m=base)
        assert whole.loss_db.shape == whole.outside.shape == whole.sigma_db.shape == (3, 2)
        for i, j in np.ndindex(3, 2):
            one = path_loss(model, d[i, 0], frequency_mhz=mhz[j], base_height_m=base)
            assert whole.loss_db[i, j] == one.loss_db
            assert whole.outside[i, j] == one.outside


def test_terrain_counts_where_it_takes_more() -> None:
    loss = over_terrain(
        [120.0, 120.0, 120.0], free_space_db=[100.0, 100.0, 121.0], diffraction_db=[10.0, 40.0, 0.0], k=0.8
    )
    assert loss.tolist() == [120.0, 132.0, 121.0]
    assert over_terrain(120.0, free_space_db=100.0, diffraction_db=0.0, offset_db=-3.0) == 117.0
