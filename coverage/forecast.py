"""Growth to a saturation: the logistic curve by least squares on the logit, with a prediction interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

from phusong.layers.errors import ComputeError

LEAST_DATES = 6
"""Fewest dates from which a curve is fitted; below that the pace is straight."""

OVER = 1 + 1e-9
"""A value up to this many times the saturation is at it: a share of 100.00000000000001 % is one of 100 %."""

_ROUNDING = 1e-12
"""A share this near to 0 or 1 is that."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Growth:
    """y(t) = saturation / (1 + exp(-(intercept + slope (t - mean_years)))), fitted to ``dates`` values.

    ``slope``: per year; ``residual``: standard deviation of the logits about the line, n - 2 degrees of freedom;
    ``spread``: sum of squares of the years about their mean.
    """

    saturation: float
    intercept: float
    slope: float
    mean_years: float
    residual: float
    spread: float
    dates: int

    def at(self, years: float) -> float:
        """The curve's value."""
        return float(self.saturation * expit(self.intercept + self.slope * (years - self.mean_years)))

    def interval(self, years: float, *, level_pct: float) -> tuple[float, float]:
        """(low, high): where a value at ``years`` lies with a probability of ``level_pct`` %, if the model holds.

        On the logit a +- t(n - 2) s sqrt(1 + 1/n + (t - mean)^2 / spread), the prediction interval of a straight line
        (Draper & Smith, Applied Regression Analysis, 3rd ed., 1998, 1.4 and 3.1), carried back by the curve: it never
        leaves 0 to the saturation.
        """
        away = years - self.mean_years
        width = self.residual * np.sqrt(1 + 1 / self.dates + away**2 / self.spread)
        half = float(student.ppf(0.5 + level_pct / 200, self.dates - 2) * width)
        middle = self.intercept + self.slope * away
        return float(self.saturation * expit(middle - half)), float(self.saturation * expit(middle + half))

    def years_at(self, value: float) -> float:
        """When the curve has this value; NaN where it never has: it does not move, or is at 0 or the saturation."""
        if self.slope == 0 or not 0 < value < self.saturation:
            return float("nan")
        return float(self.mean_years + (logit(value / self.saturation) - self.intercept) / self.slope)


def fit_growth(years: Floats, values: Floats, *, saturation: float) -> Growth | None:
    """The curve through values at different times, float64[n] each (years from any day); None for too few.

    Fisher & Pry, A simple substitution model of technological change, Technological Forecasting and Social Change 3
    (1971) 75-88: ln(f / (1 - f)), f = value / saturation, is a straight line in time, fitted by ordinary least squares.
    Values of 0 and of the saturation have no logit and say nothing of the growth between: they are left out, and
    ``LEAST_DATES`` others must be there.

    Raises:
        ComputeError: a value above the saturation (by more than ``OVER``) or below 0.
    """
    if np.any(values > saturation * OVER) or np.any(values < 0):
        worst = float(values[np.argmax(np.abs(values - saturation / 2))])
        raise ComputeError("error.above_saturation", value=worst, saturation=saturation)
    inside = (values > _ROUNDING * saturation) & (values < (1 - _ROUNDING) * saturation)
    at, share = years[inside], values[inside] / saturation
    if len(at) < LEAST_DATES:
        return None
    mean = float(at.mean())
    spread = float(np.sum((at - mean) ** 2))
    if not spread > 0:
        return None
    line = logit(share)
    intercept = float(line.mean())
    slope = float(np.sum((at - mean) * (line - intercept)) / spread)
    left = line - intercept - slope * (at - mean)
    residual = float(np.sqrt(np.sum(left**2) / (len(at) - 2)))
    return Growth(float(saturation), intercept, slope, mean, residual, spread, len(at))
