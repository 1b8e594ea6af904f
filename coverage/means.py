"""Ratios and means over people that leave no data as no data."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.population import People
from phusong.coverage.zonal import known_mean

Floats = NDArray[np.float64]


def ratio(value: Floats, base: Floats, *, scale: float = 1.0) -> Floats:
    """``scale * value / base``; NaN where either is unknown or the base is 0."""
    result: Floats = np.divide(scale * value, base, out=np.full(np.shape(value), np.nan), where=base > 0)
    return result


def people_mean(values: Floats, people: People) -> Floats:
    """Mean over the people of each unit of a value per pair; pairs without people need no value."""
    return people.zones.means(np.where(people.people > 0, values, 0.0), people.people)


class PeopleAtCells:
    """Means over people of values at the cells of ``People.populated``, by the rule of ``Zones.means``."""

    def __init__(self, people: People) -> None:
        zones, cells = people.zones, people.populated[0]
        place = np.full(int(np.prod(zones.grid.shape)), -1, dtype=np.int32)
        place[cells] = np.arange(len(cells), dtype=np.int32)
        self.place = place[zones.cell]
        self.place[~(people.people > 0)] = -1
        self.people = people

    def sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Of a value a populated cell, float64[n]: sum of value x people of each unit, and its people who have one."""
        zones = self.people.zones
        total, known = _sums(zones.unit, self.place, self.people.people, values, zones.n_units)
        return total, known

    def means(self, values: Floats) -> Floats:
        """The mean of each unit, float64[n_units]; NaN where less than half of the people have a value, or none do."""
        total, known = self.sums(values)
        return known_mean(total, known, self.people.totals)


@njit(error_model="numpy", cache=True)
def _sums(
    unit: NDArray[np.int32], place: NDArray[np.int32], people: Floats, values: Floats, n_units: int
) -> tuple[Floats, Floats]:
    """Sum of value x people, and of the people who have a value, of each unit."""
    total, known = np.zeros(n_units), np.zeros(n_units)
    for k in range(len(unit)):
        if place[k] >= 0 and not np.isnan(values[place[k]]):
            total[unit[k]] += values[place[k]] * people[k]
            known[unit[k]] += people[k]
    return total, known
