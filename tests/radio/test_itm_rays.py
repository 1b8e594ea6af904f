"""Irregular Terrain Model over rays: every sample against the function for one path, voids, clutter and counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from phusong.coverage.radio import itm_core, itm_geometry
from phusong.coverage.radio.itm import (
    Climate,
    Conditions,
    ConfidenceReliability,
    ItmResult,
    ItmWarning,
    Quantiles,
    TimeLocationSituation,
    itm_profile,
)
from phusong.coverage.radio.itm_rays import FINENESS, RAYS_AT_ONCE, RayLosses, itm_over_rays, warning_counts
from phusong.layers.errors import InputError

HALF = TimeLocationSituation()
HERE = Conditions(900.0, "vertical", Climate.CONTINENTAL_SUBTROPICAL, 350.0)
EVERYWHERE = 1_000_000  # so fine that the irregularity is read at every sample


def mountain_rays(rays: int, samples: int, *, seed: int = 1, relief_m: float = 1.0) -> tuple[np.ndarray, float]:
    """Ground float32 (rays, samples) that starts from one height, and that height."""
    rng = np.random.default_rng(seed)
    noise = sum(
        height * np.sqrt(width) * gaussian_filter1d(rng.standard_normal((rays, samples + 1)), width, axis=1)
        for height, width in ((550, 12), (150, 4), (1200, 60))
    )
    ground = 500.0 + relief_m * (noise - noise[:, :1])
    return np.maximum(ground[:, 1:], 0.0).astype(np.float32), 500.0


def over(
    ground: np.ndarray,
    tx_ground_m: float,
    *,
    surface: np.ndarray | None = None,
    start: Any = 0,
    count: Any = None,
    first_m: Any = None,
    step_m: Any = 30.0,
    tx: float = 36.0,
    rx: float = 1.5,
    conditions: Conditions = HERE,
    quantiles: Quantiles = HALF,
    bands_mhz: tuple[float, ...] | None = None,
    fineness: int = FINENESS,
) -> tuple[np.ndarray, RayLosses]:
    def each(value: Any, dtype: type) -> np.ndarray:
        return np.broadcast_to(np.asarray(value, dtype=dtype), len(ground)).copy()

    result = itm_over_rays(
        ground,
        each(start, np.int64),
        each(ground.shape[1] if count is None else count, np.int64),
        each(step_m if first_m is None else first_m, np.float64),
        each(step_m, np.float64),
        surface_m=ground if surface is None else surface,
        tx_m=tx_ground_m + tx,
        tx_ground_m=tx_ground_m,
        terminal_m=rx,
        bands_mhz=bands_mhz or (conditions.frequency_mhz,),
        conditions=conditions,
        quantiles=quantiles,
        fineness=fineness,
    )
    return result.loss_db[0], result


def alone(
    heights: np.ndarray,
    *,
    step_m: float = 30.0,
    tx: float = 36.0,
    rx: float = 1.5,
    conditions: Conditions = HERE,
    quantiles: Quantiles = HALF,
) -> ItmResult:
    return itm_profile(
        heights, step_m=step_m, tx_height_m=tx, rx_height_m=rx, conditions=conditions, quantiles=quantiles
    )


@pytest.mark.parametrize(
    ("relief_m", "case"),
    [
        (1.0, {}),
        (0.02, {"tx": 20.0}),
        (0.0, {"rx": 10.0}),
        (
            1.0,
            {
                "tx": 150.0,
                "rx": 3.0,
                "quantiles": TimeLocationSituation(90.0, 70.0, 80.0),
                "conditions": Conditions(100.0, "horizontal", Climate.MARITIME_TEMPERATE_OVER_SEA, 320.0),
            },
        ),
        (
            0.3,
            {
                "quantiles": ConfidenceReliability(90.0, 95.0),
                "conditions": Conditions(6000.0, "vertical", Climate.DESERT, 280.0),
            },
        ),
    ],
)
def test_every_sample_equals_the_path_to_it(relief_m: float, case: dict[str, Any]) -> None:
    ground, foot_m = mountain_rays(6, 667, relief_m=relief_m)
    steps_m = np.array([30.0, 31.0, 33.0, 36.0, 40.0, 90.0])
    loss_db, result = over(ground, foot_m, step_m=steps_m, fineness=EVERYWHERE, **case)
    assert result.warned[0, 0] == ground.size
    for r, step_m in enumerate(steps_m):
        heights = np.append(np.float64(foot_m), ground[r])
        for n in [*range(1, 24), *range(24 + r, 668, 29)]:
            assert loss_db[r, n - 1] == pytest.approx(alone(heights[: n + 1], step_m=step_m, **case).loss_db, abs=1e-3)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    step_m=st.floats(1.0, 2000.0),
    rough_m=st.sampled_from([0.0, 1.0, 50.0, 400.0]),
    tx=st.floats(0.5, 3000.0),
    rx=st.floats(0.5, 3000.0),
    frequency_mhz=st.floats(20.0, 20_000.0),
)
def test_odd_rays_equal_their_paths(
    seed: int, step_m: float, rough_m: float, tx: float, rx: float, frequency_mhz: float
) -> None:
    rng = np.random.default_rng(seed)
    ground = rng.normal(300.0, rough_m, (1, 40)).astype(np.float32)
    ground[0, rng.integers(0, 40) :] += 700.0
    case: dict[str, Any] = {
        "step_m": step_m,
        "tx": tx,
        "rx": rx,
        "conditions": Conditions(frequency_mhz, "vertical", Climate.EQUATORIAL, 360.0),
    }
    loss_db, result = over(ground, 300.0, fineness=EVERYWHERE, **case)
    heights = np.append(300.0, ground[0])
    expected_db = [alone(heights[: n + 1], **case).loss_db for n in range(1, 41)]
    assert result.warned[0, 0] == 40
    np.testing.assert_allclose(loss_db[0], expected_db, atol=1e-3)


@pytest.mark.parametrize(
    "case",
    [{}, {"conditions": Conditions(2100.0, "horizontal", Climate.CONTINENTAL_TEMPERATE, 320.0), "tx": 60.0}],
)
def test_coarse_irregularity_and_short_first_steps_keep_the_tolerance_of_the_raster_engine(
    case: dict[str, Any],
) -> None:
    """Against paths over the same ground, read at equal steps of half a sample: whole ones would miss its peaks."""
    rays, samples, step_m = 20, 667, 30.0
    ground, foot_m = mountain_rays(rays, samples, seed=5)
    first_share = np.random.default_rng(2).uniform(0.02, 1.0, rays)
    loss_db, _ = over(ground, foot_m, first_m=first_share * step_m, step_m=step_m, **case)
    errors_db = []
    for r in range(rays):
        places_m = np.append(0.0, (first_share[r] + np.arange(samples)) * step_m)
        for j in range(3 * r, samples, 23):
            at_m = np.linspace(0.0, places_m[j + 1], 2 * j + 3)
            heights = np.interp(at_m, places_m, np.append(foot_m, ground[r]))
            errors_db.append(loss_db[r, j] - alone(heights, step_m=at_m[1], **case).loss_db)
    size_db = np.abs(errors_db)
    assert abs(np.mean(errors_db)) <= 0.1
    assert np.median(size_db) <= 0.15
    assert np.quantile(size_db, 0.9) <= 0.6
    assert np.quantile(size_db, 0.99) <= 2.0


def test_the_first_sample_is_a_path_of_one_step() -> None:
    ground = np.array([[480.0], [700.0]], dtype=np.float32)
    first_m = np.array([4.0, 27.0])
    loss_db, _ = over(ground, 500.0, first_m=first_m)
    for r in range(2):
        expected_db = alone(np.array([500.0, ground[r, 0]]), step_m=first_m[r]).loss_db
        assert loss_db[r, 0] == pytest.approx(expected_db, abs=1e-4)


def test_rays_do_not_know_each_other_and_answer_where_asked() -> None:
    rays = 2 * RAYS_AT_ONCE + 3
    ground, foot_m = mountain_rays(rays, 90, seed=3)
    first_m = np.linspace(0.1, 1.0, rays) * 30.0
    count = np.arange(rays) * 2
    start = np.where(np.arange(rays) % 3 == 0, 11, 0)
    together_db, together = over(ground, foot_m, first_m=first_m, start=start, count=count)
    alone_db = [
        over(ground[r : r + 1], foot_m, first_m=first_m[r], start=start[r], count=count[r])[0][0] for r in range(rays)
    ]
    np.testing.assert_array_equal(together_db, alone_db)
    asked = (np.arange(90) >= start[:, None]) & (np.arange(90) < count[:, None])
    np.testing.assert_array_equal(np.isfinite(together_db), asked)
    assert together.warned[0, 0] == asked.sum()


def test_where_a_ray_starts_to_be_asked_does_not_matter() -> None:
    ground, foot_m = mountain_rays(3, 120, seed=8)
    whole_db, _ = over(ground, foot_m, fineness=EVERYWHERE)
    late_db, _ = over(ground, foot_m, start=[1, 50, 119], fineness=EVERYWHERE)
    for r, start in enumerate((1, 50, 119)):
        np.testing.assert_array_equal(late_db[r, start:], whole_db[r, start:])


def test_bands_share_the_geometry_and_nothing_else() -> None:
    ground, foot_m = mountain_rays(2, 80, seed=9)
    bands_mhz = (30.0, 900.0, 2100.0)
    _, together = over(ground, foot_m, bands_mhz=bands_mhz)
    one_by_one = [over(ground, foot_m, bands_mhz=(mhz,))[1] for mhz in bands_mhz]
    np.testing.assert_array_equal(together.loss_db, [one.loss_db[0] for one in one_by_one])
    assert together.warned[:, 0].tolist() == 3 * [ground.size]
    np.testing.assert_array_equal(together.warned, [one.warned[0] for one in one_by_one])
    assert [warning_counts(counts).get(ItmWarning.FREQUENCY, 0) for counts in together.warned] == [ground.size, 0, 0]


def test_clutter_counts_between_the_ends_and_not_under_them() -> None:
    ground, foot_m = mountain_rays(1, 80, seed=6, relief_m=0.2)
    surface = ground + np.float32(20.0) * (np.arange(80) % 7 < 4)
    loss_db, _ = over(ground, foot_m, surface=surface, fineness=EVERYWHERE)
    bare_db, _ = over(ground, foot_m)
    for n in range(1, 81):
        heights = np.concatenate([[foot_m], surface[0, : n - 1], [ground[0, n - 1]]])
        assert loss_db[0, n - 1] == pytest.approx(alone(heights).loss_db, abs=1e-3)
    assert np.median(loss_db - bare_db) > 1.0


def test_warnings_are_counted_by_code() -> None:
    ground, foot_m = mountain_rays(2, 120, seed=7)
    case: dict[str, Any] = {"tx": 1100.0, "quantiles": TimeLocationSituation(time_pct=99.95)}
    _, result = over(ground, foot_m, fineness=EVERYWHERE, **case)
    expected: Counter[ItmWarning] = Counter()
    for r in range(2):
        heights = np.append(np.float64(foot_m), ground[r])
        for n in range(1, 121):
            expected.update(alone(heights[: n + 1], **case).warnings)
    found = warning_counts(result.warned[0])
    assert found == expected
    assert found[ItmWarning.TX_HEIGHT] == found[ItmWarning.EXTREME_QUANTILE] == 240
    assert 0 < found[ItmWarning.PATH_TOO_SHORT] < 240


def test_ground_too_high_for_the_model_is_refused() -> None:
    ground = np.where(np.arange(60) < 10, 500.0, 9500.0).astype(np.float32)[None]
    over(ground, 500.0, count=40)
    for low_ground in (True, False):
        with pytest.raises(InputError, match="N-units"):
            over(np.full_like(ground, -2000.0) if low_ground else ground, 500.0)


def test_conditions_out_of_range_are_refused() -> None:
    ground, foot_m = mountain_rays(1, 5)
    with pytest.raises(InputError):
        over(ground, foot_m, rx=0.1)
    with pytest.raises(InputError):
        over(ground, foot_m, bands_mhz=(900.0, 21_000.0))


def test_both_compiled_files_mean_the_same_columns() -> None:
    columns = [name for name, value in vars(itm_geometry).items() if name.isupper() and hasattr(itm_core, name)]
    assert len(columns) >= 11
    for name in columns:
        assert getattr(itm_geometry, name) == getattr(itm_core, name)
