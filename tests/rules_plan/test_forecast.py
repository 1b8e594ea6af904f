"""The growth curve: a known one recovered, an interval that holds as often as it says, never out of its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import curve_fit

from phusong.coverage.forecast import LEAST_DATES, fit_growth
from phusong.layers.errors import ComputeError


def logistic(years, saturation, rate, middle):
    return saturation / (1 + np.exp(-rate * (years - middle)))


@given(
    saturation=st.floats(1, 200),
    rate=st.floats(-1, 1).filter(lambda x: abs(x) > 1e-3),
    middle=st.floats(-5, 15),
    dates=st.integers(LEAST_DATES, 20),
)
def test_a_known_curve_is_recovered(saturation, rate, middle, dates):
    years = np.sort(np.random.default_rng(dates).uniform(0, 10, dates))
    values = logistic(years, saturation, rate, middle)
    growth = fit_growth(years, values, saturation=saturation)
    assert growth is not None
    assert growth.slope == pytest.approx(rate, rel=1e-5, abs=1e-9)
    assert growth.at(14.0) == pytest.approx(logistic(14.0, saturation, rate, middle), rel=1e-4, abs=1e-9)
    assert growth.years_at(growth.at(12.0)) == pytest.approx(12.0, abs=1e-3)
    low, high = growth.interval(14.0, level_pct=95)
    assert 0 <= low <= growth.at(14.0) <= high <= saturation


def test_as_an_independent_least_squares_of_the_curve_itself_with_small_noise():
    """scipy's non-linear fit of the values agrees with the line through the logits where the noise is small."""
    rng = np.random.default_rng(4)
    years = np.arange(8.0)
    values = logistic(years, 30.0, 0.35, 6.0) * rng.lognormal(0, 0.005, 8)
    growth = fit_growth(years, values, saturation=30.0)
    (rate, middle), _ = curve_fit(lambda t, r, m: logistic(t, 30.0, r, m), years, values, p0=(0.3, 5.0))
    assert growth.slope == pytest.approx(rate, rel=0.02)
    assert growth.at(12.0) == pytest.approx(logistic(12.0, 30.0, rate, middle), rel=0.01)


def test_the_line_and_its_interval_are_those_of_scipy():
    rng = np.random.default_rng(1)
    years, saturation = np.arange(7.0), 30.0
    values = logistic(years, saturation, 0.3, 8.0) * rng.lognormal(0, 0.1, 7)
    growth = fit_growth(years, values, saturation=saturation)
    share = values / saturation
    line = stats.linregress(years, np.log(share / (1 - share)))
    assert growth.slope == pytest.approx(line.slope)
    assert growth.residual / np.sqrt(growth.spread) == pytest.approx(line.stderr)
    at = line.intercept + line.slope * 10.0
    half = stats.t.ppf(0.975, 5) * np.sqrt(growth.residual**2 * (1 + 1 / 7) + (10.0 - 3.0) ** 2 * line.stderr**2)
    assert growth.interval(10.0, level_pct=95) == pytest.approx(
        (saturation / (1 + np.exp(-(at - half))), saturation / (1 + np.exp(-(at + half))))
    )


@pytest.mark.parametrize(("level_pct", "dates"), [(95, 6), (80, 6), (95, 12)])
def test_the_interval_holds_as_often_as_it_says(level_pct, dates):
    """Noise of equal size on the logit, as the model has it: 3,000 draws, within three standard errors."""
    rng = np.random.default_rng(7)
    years, tries = np.arange(float(dates)), 3_000
    line = -2.0 + 0.25 * years
    held = 0
    for _ in range(tries):
        values = 30.0 / (1 + np.exp(-(line + rng.normal(0, 0.15, dates))))
        truth = 30.0 / (1 + np.exp(-(-2.0 + 0.25 * (dates + 2.0) + rng.normal(0, 0.15))))
        low, high = fit_growth(years, values, saturation=30.0).interval(dates + 2.0, level_pct=level_pct)
        held += low <= truth <= high
    share = level_pct / 100
    assert held / tries == pytest.approx(share, abs=3 * np.sqrt(share * (1 - share) / tries))


@pytest.mark.parametrize(("middle", "least", "most"), [(20.0, 0.94, 0.96), (9.0, 0.84, 0.88)])
def test_noise_in_per_cent_of_the_value_is_held_far_below_the_saturation_and_less_halfway(middle, least, most):
    """There the logit's noise grows with the value: 95 % become 86 % where the forecast is half of the saturation."""
    rng = np.random.default_rng(8)
    years, tries, held = np.arange(8.0), 3_000, 0
    for _ in range(tries):
        values = logistic(years, 100.0, 0.3, middle) * (1 + rng.normal(0, 0.04, 8))
        truth = logistic(10.0, 100.0, 0.3, middle) * (1 + rng.normal(0, 0.04))
        low, high = fit_growth(years, values, saturation=100.0).interval(10.0, level_pct=95)
        held += low <= truth <= high
    assert least < held / tries < most


@settings(max_examples=200)
@given(
    values=st.lists(st.floats(0, 100), min_size=0, max_size=12),
    ahead=st.floats(0, 100),
    level_pct=st.floats(1, 99.9),
)
def test_never_above_the_saturation_or_below_0(values, ahead, level_pct):
    years = np.arange(float(len(values)))
    growth = fit_growth(years, np.array(values), saturation=100.0)
    assert (growth is None) == (sum(1e-10 < value < 100 - 1e-10 for value in values) < LEAST_DATES)
    if growth is not None:
        low, high = growth.interval(years[-1] + ahead, level_pct=level_pct)
        assert 0 <= low <= growth.at(years[-1] + ahead) <= high <= 100


def test_what_falls_goes_on_falling_to_0_and_what_stands_still_stays():
    years = np.arange(7.0)
    falling = fit_growth(years, logistic(years, 40.0, -0.4, 3.0), saturation=40.0)
    assert falling.at(30.0) < 0.01
    assert falling.years_at(5.0) > 6.0 - 2.0
    still = fit_growth(years, np.full(7, 12.0), saturation=30.0)
    assert still.at(20.0) == pytest.approx(12.0)
    assert still.interval(20.0, level_pct=95) == pytest.approx((12.0, 12.0))
    assert np.isnan(still.years_at(20.0))


def test_values_that_cannot_be_are_refused_and_one_day_alone_gives_no_curve():
    years = np.arange(6.0)
    with pytest.raises(ComputeError, match="31"):
        fit_growth(years, np.array([20.0, 22, 24, 26, 28, 31]), saturation=30.0)
    with pytest.raises(ComputeError, match="-3"):
        fit_growth(years, np.array([-3.0, 22, 24, 26, 28, 29]), saturation=30.0)
    assert fit_growth(np.zeros(6), np.array([20.0, 22, 24, 26, 28, 29]), saturation=30.0) is None
    assert fit_growth(years[:5], np.array([20.0, 22, 24, 26, 28]), saturation=30.0) is None
    assert np.isnan(fit_growth(years, np.array([20.0, 22, 24, 26, 28, 29]), saturation=30.0).years_at(30.0))
