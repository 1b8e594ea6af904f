"""Ratios and means over people that leave no data as no data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.population import People

Floats = NDArray[np.float64]


def ratio(value: Floats, base: Floats, *, scale: float = 1.0) -> Floats:
    """``scale * value / base``; NaN where either is unknown or the base is 0."""
    result: Floats = np.divide(scale * value, base, out=np.full(np.shape(value), np.nan), where=base > 0)
    return result


def people_mean(values: Floats, people: People) -> Floats:
    """Mean over the people of each unit of a value per pair; pairs without people need no value."""
    return people.zones.means(np.where(people.people > 0, values, 0.0), people.people)
