"""P.1812 over rays against P.1812 of every path for itself, then the ends of rays and short paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from phusong.coverage.radio import p1812_terms as terms
from phusong.coverage.radio.p1812 import PathLoss, p1812
from phusong.coverage.radio.p1812_rays import p1812_over_rays
from phusong.layers.errors import InputError

AIR: dict[str, Any] = {"latitude_deg": 21.3, "delta_n": 47.0, "n0": 362.0}


def mountains(rng: np.random.Generator, n: int) -> np.ndarray:
    waves = ((250.0, 90), (140.0, 30), (80.0, 10), (25.0, 4))
    noise = [(height, gaussian_filter1d(rng.standard_normal((2, n)), width, mode="wrap")) for height, width in waves]
    return np.maximum(500.0 + np.sum([height * x / x.std() for height, x in noise], axis=0), 0.0)


LANDS = {
    "mountains": mountains,
    "hills": lambda rng, n: np.abs(20.0 * gaussian_filter1d(rng.standard_normal((2, n)), 8) / 0.19),
    "rice land": lambda rng, n: 4.0 + rng.normal(0.0, 0.4, (2, n)),
    "sea level": lambda rng, n: np.zeros((2, n)),
    "a rising plain": lambda rng, n: np.linspace(0.0, 300.0, n) + rng.normal(0.0, 3.0, (2, n)),
}
RADIOS: list[dict[str, Any]] = [
    {"frequency_mhz": 150.0, "tx_height_m": 30.0, "rx_height_m": 1.5, "vertical": False},
    {"frequency_mhz": 450.0, "tx_height_m": 120.0, "rx_height_m": 10.0, "vertical": True},
    {"frequency_mhz": 900.0, "tx_height_m": 36.0, "rx_height_m": 1.5, "vertical": True},
    {"frequency_mhz": 2100.0, "tx_height_m": 45.0, "rx_height_m": 1.5, "vertical": True},
    {"frequency_mhz": 6000.0, "tx_height_m": 15.0, "rx_height_m": 3.0, "vertical": False},
]


@dataclass
class Rays:
    """Two rays with the answers of ``p1812`` at some samples and what the stage needs there."""

    arrays: dict[str, Any]
    paths: dict[tuple[int, int], PathLoss]

    def loss_db(self, **more: Any) -> np.ndarray:
        return p1812_over_rays(**self.arrays | more)


def make_rays(
    ground: np.ndarray, samples: np.ndarray, *, step_m: float, radio: dict[str, Any], time_pct: float, **more: Any
) -> Rays:
    """``samples``: those computed one by one, over the points of the ray that are known; the others are bridged.

    ``more``: of the air and the share of places.
    """
    ground = ground.astype(np.float32)
    rays, n = ground.shape
    first = step_m * np.linspace(0.37, 1.0, rays)
    step = step_m * np.linspace(1.0, 1.3, rays)
    tx_ground = float(ground[0, 0])
    radio = dict(radio)
    settings_ = AIR | more
    same: dict[str, Any] = {
        "diffraction_50_db": np.zeros(ground.shape, dtype=np.float32),
        "diffraction_beta_db": np.zeros(ground.shape, dtype=np.float32),
        "tx_horizon": np.full(ground.shape, -1, dtype=np.int16),
        "rx_horizon": np.full(ground.shape, -1, dtype=np.int16),
    }
    paths = {}
    for i in range(rays):
        d_m = first[i] + step[i] * np.arange(n)
        for j in samples:
            known = np.flatnonzero(np.isfinite(ground[i, : j + 1]))
            result = p1812(
                np.concatenate([[0.0], d_m[known]]) / 1e3,
                np.concatenate([[tx_ground], ground[i, known]]),
                time_pct=time_pct,
                **radio,
                **settings_,
            )
            paths[i, int(j)] = result
            same["diffraction_50_db"][i, j] = result.diffraction_50.loss_db
            same["diffraction_beta_db"][i, j] = result.diffraction_beta.loss_db
            same["tx_horizon"][i, j] = round((1e3 * result.horizon_tx_km - first[i]) / step[i])
            same["rx_horizon"][i, j] = round((d_m[j] - 1e3 * result.horizon_rx_km - first[i]) / step[i])
    for heights in ground:
        known = np.isfinite(heights)
        heights[~known] = np.interp(np.flatnonzero(~known), np.flatnonzero(known), heights[known])
    arrays = (
        same
        | settings_
        | {
            "ground_m": ground,
            "start": np.zeros(rays, dtype=np.int64),
            "count": np.full(rays, n),
            "first_m": first,
            "step_m": step,
            "tx_m": tx_ground + radio["tx_height_m"],
            "tx_ground_m": tx_ground,
            "terminal_m": radio["rx_height_m"],
            "frequency_mhz": radio["frequency_mhz"],
            "time_pct": time_pct,
        }
    )
    return Rays(arrays, paths)


def worst_db(rays: Rays, loss_db: np.ndarray) -> float:
    return max(abs(float(loss_db[at]) - path.loss_db) for at, path in rays.paths.items())


@pytest.mark.parametrize("land", LANDS)
@pytest.mark.parametrize("radio", RADIOS, ids=lambda radio: f"{radio['frequency_mhz']:g}")
def test_every_sample_is_its_own_path(land: str, radio: dict[str, Any]) -> None:
    rng = np.random.default_rng(int(radio["frequency_mhz"]))
    for step_m, time_pct in ((31.0, 50.0), (31.0, 10.0), (95.0, 50.0), (95.0, 1.0), (400.0, 50.0), (400.0, 7.0)):
        n = 500 if time_pct == 50.0 else 250
        samples = np.unique(np.concatenate([[9, 30], rng.integers(9, n, 6), [n - 1]]))
        rays = make_rays(LANDS[land](rng, n), samples, step_m=step_m, radio=radio, time_pct=time_pct)
        assert worst_db(rays, rays.loss_db()) < 0.001


@pytest.mark.parametrize("land", ["mountains", "rice land"])
def test_under_other_skies(land: str) -> None:
    rng = np.random.default_rng(11)
    for latitude, delta_n, n0 in ((0.0, 70.0, 390.0), (55.0, 38.0, 320.0), (75.0, 0.0, 300.0)):
        for time_pct in (50.0, 30.0, 2.0):
            rays = make_rays(
                LANDS[land](rng, 300),
                np.array([20, 90, 180, 299]),
                step_m=120.0,
                radio=RADIOS[2],
                time_pct=time_pct,
                latitude_deg=latitude,
                delta_n=delta_n,
                n0=n0,
            )
            assert worst_db(rays, rays.loss_db()) < 0.001


def test_ducts_and_troposcatter_are_there_where_they_count() -> None:
    """What is left out where it cannot count must not be left out elsewhere: far over flat land both carry the loss."""
    samples = np.arange(100, 500, 40)
    for time_pct, radio in ((50.0, RADIOS[3]), (1.0, RADIOS[2])):
        rays = make_rays(np.zeros((2, 500)), samples, step_m=400.0, radio=radio, time_pct=time_pct)
        assert worst_db(rays, rays.loss_db()) < 0.001
        paths = rays.paths.values()
        assert sum(path.enhanced_db < path.with_diffraction_p_db - 1.0 for path in paths) >= 10
        assert sum(path.half_locations_db < path.modified_db - 0.1 for path in paths) >= (10 if time_pct == 50.0 else 0)


def test_a_straight_line_across_what_is_not_known_adds_nothing() -> None:
    """On mountains, and far over flat land, where the gap lies between the horizons and ducts carry the loss."""
    rng = np.random.default_rng(2)
    for land, step_m in (("mountains", 60.0), ("rice land", 500.0)):
        ground = LANDS[land](rng, 300)
        ground[:, 100:112] = np.nan
        for time_pct in (50.0, 10.0):
            samples = np.array([60, 99, 112, 113, 200, 299])
            rays = make_rays(ground, samples, step_m=step_m, radio=RADIOS[2], time_pct=time_pct)
            assert worst_db(rays, rays.loss_db()) < 0.001


def test_never_below_line_of_sight_for_that_time() -> None:
    """In thick air at 30 MHz troposcatter comes near free space; eq. (69) keeps the loss from falling below it."""
    radio = {"frequency_mhz": 30.0, "tx_height_m": 300.0, "rx_height_m": 300.0, "vertical": True}
    rays = make_rays(np.zeros((2, 60)), np.arange(20, 60, 5), step_m=50.0, radio=radio, time_pct=1.0, n0=500.0)
    assert any(path.half_locations_db < path.clear_p_db - 0.1 for path in rays.paths.values())
    assert worst_db(rays, rays.loss_db()) < 0.001


@pytest.mark.parametrize("locations_pct", [1.0, 30.0, 95.0])
def test_another_share_of_places(locations_pct: float) -> None:
    """Behind hills the spread is added; on the plain few places gain, since line of sight bounds the loss."""
    rng = np.random.default_rng(8)
    for land, time_pct in (("hills", 50.0), ("hills", 1.0), ("sea level", 50.0), ("sea level", 1.0)):
        rays = make_rays(
            LANDS[land](rng, 200),
            np.arange(10, 200, 21),
            step_m=60.0,
            radio=RADIOS[2],
            time_pct=time_pct,
            locations_pct=locations_pct,
        )
        assert worst_db(rays, rays.loss_db()) < 0.001
    bound = [path.loss_db == path.clear_p_db for path in rays.paths.values()]
    assert any(bound) == (locations_pct < 50.0)


def test_nearer_than_the_recommendation_reaches() -> None:
    """In the open free space down to the first sample; the step to 0.25 km is smooth."""
    for time_pct in (50.0, 1.0):
        rays = make_rays(np.zeros((2, 30)), np.array([], dtype=int), step_m=25.0, radio=RADIOS[2], time_pct=time_pct)
        for name in ("tx_horizon", "rx_horizon"):
            rays.arrays[name][:, 1:] = 0
        loss = rays.loss_db()
        d_km = (rays.arrays["first_m"][:, None] + rays.arrays["step_m"][:, None] * np.arange(30)) / 1e3
        free = 92.4 + 20 * np.log10(0.9) + 10 * np.log10(d_km**2 + 0.0345**2)
        gain = 2.6 * (1 - np.exp(-0.1 * d_km)) * np.log10(time_pct / 50.0)
        assert loss == pytest.approx(free + gain, abs=0.005)


def test_equal_bits_for_all_rays_at_once_and_one_by_one() -> None:
    rays = make_rays(
        mountains(np.random.default_rng(4), 200), np.arange(20, 200, 9), step_m=90.0, radio=RADIOS[2], time_pct=10.0
    )
    whole = rays.loss_db()
    alone = [
        rays.loss_db(
            **{name: value[i : i + 1].copy() for name, value in rays.arrays.items() if isinstance(value, np.ndarray)}
        )[0]
        for i in range(2)
    ]
    assert np.array_equal(whole, np.array(alone))


def test_samples_that_are_not_asked_for_are_left_alone() -> None:
    rays = make_rays(
        mountains(np.random.default_rng(6), 40), np.array([19]), step_m=90.0, radio=RADIOS[2], time_pct=50.0
    )
    whole = rays.loss_db()
    loss = np.full((2, 40), 7.0, dtype=np.float32)
    assert rays.loss_db(start=np.array([5, 0]), count=np.array([20, 0]), loss_db=loss) is loss
    assert np.array_equal(loss[0, 5:20], whole[0, 5:20])
    assert (loss[0, :5] == 7.0).all()
    assert (loss[0, 20:] == 7.0).all()
    assert (loss[1] == 7.0).all()


@settings(max_examples=300, deadline=None)
@given(st.floats(0.0, 3000.0), st.floats(-40.0, 1.9), st.floats(1e-6, 5.0), st.floats(1.0, 50.0))
def test_rarer_ducts_never_lose_less(path_km: float, log_beta: float, rarer: float, time_pct: float) -> None:
    """What lets ducting be left out where its least loss is greater than that of diffraction."""
    often = terms.duct_variable_db(path_km, log_beta, time_pct)
    assert terms.duct_variable_db(path_km, log_beta - rarer, time_pct) >= often


def test_what_does_not_fit_is_refused() -> None:
    rays = make_rays(np.zeros((2, 40)), np.array([19]), step_m=90.0, radio=RADIOS[2], time_pct=50.0)
    with pytest.raises(InputError) as caught:
        rays.loss_db(frequency_mhz=7000.0, time_pct=0.5, tx_m=0.5)
    assert {fault.code.rpartition(".")[2] for fault in caught.value.faults} == {
        "frequency_mhz",
        "time_pct",
        "tx_height_m",
    }
    with pytest.raises(ValueError, match="beta0"):
        rays.loss_db(time_pct=10.0, diffraction_beta_db=None)
    for wrong in ({"count": np.array([20, 41])}, {"count": np.array([20])}, {"loss_db": np.zeros((2, 39), np.float32)}):
        with pytest.raises(ValueError, match="one shape"):
            rays.loss_db(**wrong)


def test_a_mast_of_one_metre_is_one_over_any_ground() -> None:
    rays = make_rays(np.zeros((2, 40)), np.array([19]), step_m=90.0, radio=RADIOS[2], time_pct=50.0)
    over = {"tx_ground_m": 1.3, "tx_m": 1.3 + 1.0}
    assert over["tx_m"] - over["tx_ground_m"] < 1.0
    assert np.isfinite(rays.loss_db(**over)).all()
