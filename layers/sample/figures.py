"""The small typed table of published figures the sample is built from: Quảng Trị at the end of 2012.

Everything here is data of ``data/figures.toml``; each figure carries its mark: ``P`` published in the source named,
``C`` computed from it, ``K`` general knowledge (a parameter, not an official figure).
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mark = Literal["P", "C", "K"]


@dataclass(frozen=True)
class District:
    """One district of 2012: counts of communes and of wards or townships among them, area, people, mean heights.

    ``persons_2019`` and ``households_2019`` are of the census of 2019; ``height_low_m`` and ``height_high_m`` bound the
    mean heights of its communes.
    """

    name: str
    kind: Literal["city", "town", "district", "island"]
    communes: int
    townships: int
    area_km2: float
    persons_2019: int
    households_2019: int
    height_low_m: float
    height_high_m: float

    @property
    def counted(self) -> bool:
        """Whether its communes count in "x of 141" (an island does not)."""
        return self.kind != "island"


@dataclass(frozen=True)
class Published:
    """One published value of a provincial indicator, with its mark and the note that stands beside it.

    ``source``: where it is from, if that is not the paper of ``area_source``.
    """

    indicator: str
    value: float
    mark: Mark
    note: Literal["", "inconsistent_area", "over", "implied"] = ""
    source: str = ""


@dataclass(frozen=True)
class Earlier:
    """A value of an earlier year that nobody published: made up, so that the sample has several dates."""

    indicator: str
    year: int
    value: float


@dataclass(frozen=True)
class Figures:
    """All published figures of the sample province."""

    name: str
    crs: str
    units_valid_on: str
    province_area_km2: float
    area_source: str
    people_2012_total: int
    communes_counted: int
    elevation_mean_m: float
    elevation_people_mean_m: float
    ridge_low_m: float
    ridge_high_m: float
    basin_low_m: float
    basin_high_m: float
    districts: tuple[District, ...]
    published: tuple[Published, ...]
    earlier: tuple[Earlier, ...] = ()

    @property
    def district(self) -> dict[str, District]:
        """The districts by name."""
        return {d.name: d for d in self.districts}

    @property
    def value(self) -> dict[str, float]:
        """The published values by indicator id."""
        return {p.indicator: p.value for p in self.published}


@cache
def figures() -> Figures:
    """The figures as shipped; read once."""
    raw = tomllib.loads(files(__package__).joinpath("data/figures.toml").read_text(encoding="utf-8"))
    return Figures(
        **raw["province"],
        districts=tuple(District(**row) for row in raw["district"]),
        published=tuple(Published(**row) for row in raw["published"]),
        earlier=tuple(Earlier(**row) for row in raw["earlier"]),
    )


def largest_remainder(total: int, weights: ArrayLike) -> NDArray[np.int64]:
    """Split ``total`` into whole parts in proportion to ``weights`` (n,), summing exactly (Hamilton's method).

    Equal remainders go to the earlier part; ValueError where the total is negative or no weight is positive.
    """
    share = np.asarray(weights, dtype=np.float64)
    if total < 0 or not (share >= 0).all() or not share.sum() > 0:
        raise ValueError("a non-negative total and non-negative weights with a positive sum are needed")
    exact = total * (share / share.sum())
    parts: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    return parts


def people_2012(districts: Sequence[District], *, people_2012_total: int) -> NDArray[np.int64]:
    """Persons of 2012 a district: the census of 2019 scaled to ``people_2012_total`` (mark K), exact whole numbers."""
    return largest_remainder(people_2012_total, [d.persons_2019 for d in districts])


def households_2012(districts: Sequence[District], *, people_2012_total: int) -> NDArray[np.int64]:
    """Households of 2012 a district: those of 2019 scaled by the same factor as the persons, exact whole numbers."""
    factor = people_2012_total / sum(d.persons_2019 for d in districts)
    return largest_remainder(
        round(factor * sum(d.households_2019 for d in districts)), [d.households_2019 for d in districts]
    )
