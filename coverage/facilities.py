"""Facilities online: shares of schools, health stations and offices with each network, and a unit's readiness."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.places import counts, units_of
from phusong.coverage.zonal import KNOWN_SHARE
from phusong.layers.schema import LAYERS

NETWORKS = ("lan", "broadband", "government_network", "video_conference")
GROUPS: dict[str, tuple[str, ...]] = {
    "schools": ("primary_school", "lower_secondary_school", "upper_secondary_school"),
    "offices": ("commune_office", "district_office", "provincial_office"),
}
KINDS: tuple[str, ...] = next(column.words for column in LAYERS["facilities"].all_columns if column.name == "kind")
FACILITIES = (*KINDS, *GROUPS)
"""What ``{facility}`` of an indicator's id may be: a kind of the layer, or a group of kinds."""

PARTS = tuple(f"{facility}.{network}" for facility in FACILITIES for network in NETWORKS)
"""What a part of the readiness score may be."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Online:
    """Facilities of one kind or group and one network, float64[n_units]: all, those that say, those that have it."""

    total: Floats
    known: Floats
    online: Floats

    def told(self) -> tuple[Floats, Floats]:
        """Those that have it, and those that say; NaN where none is or less than half of them say."""
        enough = (self.known > 0) & (self.known >= KNOWN_SHARE * self.total)
        return np.where(enough, self.online, np.nan), np.where(enough, self.known, np.nan)

    def shares(self) -> Floats:
        """Share that is online among those that say, 0-1; NaN as in ``told``."""
        online, known = self.told()
        found: Floats = online / known
        return found

    def among(self, units: Bools, sums: Callable[[Floats], Floats]) -> Online:
        """The same of areas: ``sums`` adds up a value a unit, of which those of ``units`` count."""
        return Online(*(sums(np.where(units, part, 0.0)) for part in (self.total, self.known, self.online)))


@dataclass(frozen=True)
class Part:
    """A part of the readiness score. ``applies_to``: "all", a class of units or "not <class>"."""

    facility: str
    network: str
    weight: float
    applies_to: str = "all"

    @property
    def name(self) -> str:
        """Facility and network, as a study names it."""
        return f"{self.facility}.{self.network}"


@dataclass(frozen=True)
class Readiness:
    """The weights of the score, with their day, source and mark (K: a planning assumption)."""

    as_of: date
    source: str
    mark: str
    parts: tuple[Part, ...]


@cache
def readiness() -> Readiness:
    """The weights as ``data/readiness.toml`` has them. ValueError for a part that cannot be."""
    table = tomllib.loads(files("phusong.coverage").joinpath("data/readiness.toml").read_text(encoding="utf-8"))
    parts = tuple(Part(**entry) for entry in table["part"])
    for part in parts:
        if f"{part.facility}.{part.network}" not in PARTS or not part.weight > 0:
            raise ValueError(f"no part of readiness: {part}")
    return Readiness(table["as_of"], table["source"], table["mark"], parts)


def weighed(weights: Mapping[str, float]) -> tuple[Part, ...]:
    """The parts of ``readiness`` with a study's own weights by name, such as "commune_office.lan"; 0 leaves one out.

    A name that the table has not is a new part for all units. KeyError for a name that is none of ``PARTS``.
    """
    strange = set(weights) - set(PARTS)
    if strange:
        raise KeyError(", ".join(sorted(strange)))
    kept = [replace(part, weight=weights.get(part.name, part.weight)) for part in readiness().parts]
    there = {part.name for part in kept}
    new = {name.partition("."): weight for name, weight in weights.items() if name not in there}
    added = [Part(facility, network, weight) for (facility, _, network), weight in new.items()]
    return tuple(part for part in (*kept, *added) if part.weight > 0)


def facilities_of(layers: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """The kinds and groups that the layer facilities has rows of, in the declared order."""
    layer = layers.get("facilities")
    kinds = set() if layer is None else set(layer["kind"])
    return tuple(one for one in FACILITIES if kinds & set(GROUPS.get(one, (one,))))


def online(table: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> dict[tuple[str, str], Online]:
    """By (facility, network), for each kind and group the layer has; an empty flag is not known."""
    rows = units_of(table, units)
    found = {}
    for facility in facilities_of({"facilities": table}):
        mine = np.asarray(table["kind"].isin(GROUPS.get(facility, (facility,))), dtype=bool)
        total = counts(rows[mine], n_units=len(units))
        for network in NETWORKS:
            flags = table[network] if network in table else pd.Series(pd.NA, index=table.index)
            told = flags.astype("boolean")
            known = mine & np.asarray(told.notna(), dtype=bool)
            yes = mine & np.asarray(told.fillna(False), dtype=bool)
            found[facility, network] = Online(
                total, counts(rows[known], n_units=len(units)), counts(rows[yes], n_units=len(units))
            )
    return found


def institutions(table: pd.DataFrame) -> Online:
    """The institutions of ``services.facilities`` and those with LAN and broadband, by the same rule."""
    columns = ("institutions", "institutions_known", "institutions_ready")
    return Online(*(np.asarray(table[name], dtype=np.float64) for name in columns))


def scores(
    found: Mapping[tuple[str, str], Online],
    classes: Mapping[str, pd.Series[bool]],
    *,
    n_units: int,
    weights: Mapping[str, float] | None = None,
) -> tuple[Floats, Floats]:
    """(readiness_score 0-100, readiness_known_pct) of each unit.

    The score is the mean of the shares online of the parts of ``readiness``, by their weights or a study's own. A part
    counts where the unit has such a facility and is of the class the part is for; it is known where its share and the
    class are. Less than half of the weight known: no score; no facility that counts: neither.
    """
    weight, known, got = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    for part in weighed(weights or {}):
        one = found.get((part.facility, part.network))
        if one is None:
            continue
        member = _members(part.applies_to, classes, n_units)
        applies = (one.total > 0) & (member != 0)
        share = np.where(np.isnan(member), np.nan, one.shares())
        told = applies & ~np.isnan(share)
        weight += np.where(applies, part.weight, 0.0)
        known += np.where(told, part.weight, 0.0)
        got += np.where(told, part.weight * np.nan_to_num(share), 0.0)
    return _scored(weight, known, got)


def area_scores(
    found: Mapping[tuple[str, str], Online],
    classes: Mapping[str, pd.Series[bool]],
    *,
    sums: Callable[[Floats], Floats],
    n_units: int,
    weights: Mapping[str, float] | None = None,
) -> tuple[Floats, Floats]:
    """The same of areas: shares over the facilities of all units of each that the part is for (``sums``: ``among``)."""
    weight = known = got = sums(np.zeros(n_units))
    for part in weighed(weights or {}):
        one = found.get((part.facility, part.network))
        if one is None:
            continue
        whole = one.among(_members(part.applies_to, classes, n_units) == 1, sums)
        share = whole.shares()
        applies, told = whole.total > 0, (whole.total > 0) & ~np.isnan(share)
        weight = weight + np.where(applies, part.weight, 0.0)
        known = known + np.where(told, part.weight, 0.0)
        got = got + np.where(told, part.weight * np.nan_to_num(share), 0.0)
    return _scored(weight, known, got)


def _scored(weight: Floats, known: Floats, got: Floats) -> tuple[Floats, Floats]:
    enough = (known > 0) & (known >= KNOWN_SHARE * weight * (1 - 1e-12))
    score: Floats = np.divide(100.0 * got, known, out=np.full(weight.shape, np.nan), where=enough)
    known_pct: Floats = np.divide(100.0 * known, weight, out=np.full(weight.shape, np.nan), where=weight > 0)
    return score, known_pct


def _members(applies_to: str, classes: Mapping[str, pd.Series[bool]], n_units: int) -> Floats:
    """1 for a unit of the class, 0 for another, NaN where it is not known."""
    if applies_to == "all":
        return np.ones(n_units)
    member = classes[applies_to.removeprefix("not ")].astype("boolean")
    values = np.asarray(member.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    return 1.0 - values if applies_to.startswith("not ") else values
