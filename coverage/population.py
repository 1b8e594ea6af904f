"""Where the people of each unit live: counts per (unit, cell) pair that add up to the unit's population exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.slope import slope_pct
from phusong.coverage.zonal import Zones
from phusong.layers.errors import ComputeError, Fault, InputError
from phusong.layers.grid import Raster

Method = Literal["raster", "dasymetric", "uniform"]
FALLBACK_STEPS = ("raster_empty", "no_village", "village_people_assumed", "steep", "water", "nearest_cell")
"""What ``People.fallbacks`` can say of a unit, in the order in which the steps are tried."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """People per pair of ``zones``: float64[n]; a unit's pairs sum to its population, NaN where that is unknown.

    ``method``: how the study's people were placed (the code that stands on every figure); ``methods``: the same for
    each unit, str[n_units], for a unit may need another method than the study. ``fallbacks``: columns unit (row of the
    units frame), code, step (of ``FALLBACK_STEPS``), villages (how many needed it; 0: the unit as a whole).
    """

    zones: Zones
    people: Floats
    method: Method
    methods: tuple[Method, ...]
    fallbacks: pd.DataFrame

    @cached_property
    def raster(self) -> Raster:
        """People per cell, float32; NaN in cells that no unit of known population touches."""
        cells = math.prod(self.zones.grid.shape)
        known = ~np.isnan(self.people)
        sums = np.bincount(self.zones.cell[known], weights=self.people[known], minlength=cells)
        touched = np.bincount(self.zones.cell[known], minlength=cells) > 0
        values = np.where(touched, sums, np.nan).astype(np.float32).reshape(self.zones.grid.shape)
        return Raster(self.zones.grid, values, {"unit": "persons", "method": self.method})

    @cached_property
    def populated(self) -> tuple[NDArray[np.int64], Floats]:
        """Flat cells where people live, int64 rising, and how many, float64; those of unknown population left out."""
        zones, lived = self.zones, self.people > 0
        sums = np.bincount(zones.cell[lived], weights=self.people[lived], minlength=math.prod(zones.grid.shape))
        cells = np.flatnonzero(sums > 0)
        return cells, sums[cells].astype(np.float64)

    @cached_property
    def totals(self) -> Floats:
        """People of each unit, float64[n_units]; NaN where unknown."""
        return self.zones.sums(self.people)


@dataclass(frozen=True)
class Footprints:
    """Around each village, the pairs of its own unit where its people live; weights sum to 1 a village.

    ``village``: int64[n], row of the villages frame, rising; ``pair``: int64[n], index into the zones' pairs;
    ``step``: per village "", "steep", "water", "nearest_cell", or "no_unit" for a village of an unknown unit.
    """

    village: NDArray[np.int64]
    pair: NDArray[np.int64]
    weight: Floats
    step: tuple[str, ...]


def distribute(
    zones: Zones,
    units: gpd.GeoDataFrame,
    *,
    villages: gpd.GeoDataFrame | None,
    elevation: Raster,
    population: Raster | None = None,
    method: Literal["auto", "raster", "dasymetric"] = "auto",
    village_radius_m: float = 1500.0,
    max_slope_pct: float = 60.0,
) -> People:
    """Place each unit's population on its cells; unit totals are exact.

    ``raster``: in proportion to the population raster's value times the share of the cell in the unit; cells without
    data hold nobody. ``dasymetric``: around village centres (see ``footprints``), each village by its share of its
    unit's village population. ``uniform``: evenly over habitable land; what dasymetric becomes where no village is
    known. ``auto``: the raster if there is one, else dasymetric.

    A unit for which a step finds no room goes to the next and is listed in ``People.fallbacks``: a raster that is empty
    there -> villages; no village -> evenly on habitable land; all of it too steep -> land of any slope; no land at all
    -> every cell of the unit. A unit without population data gets NaN.

    Raises:
        InputError: a raster is asked for but not given, it holds negative people, or a unit has negative people.
        ComputeError: a raster is not on the zones' grid, or people were lost.
    """
    _same_grid(elevation, zones, layer="elevation")
    if method == "raster" and population is None:
        raise InputError("error.population_raster_missing")
    totals = np.asarray(units["population"], dtype=np.float64)
    if (totals < 0).any():
        rows = np.flatnonzero(totals < 0)
        faults = tuple(
            Fault("error.population_negative", layer="units", row=int(i) + 1, column="population", fatal=True)
            for i in rows
        )
        raise InputError("error.population_negative", faults=faults)
    chosen: Method = "raster" if method != "dasymetric" and population is not None else "dasymetric"
    has_villages = villages is not None and len(villages) > 0
    if chosen == "dasymetric" and not has_villages:
        chosen = "uniform"

    weights = np.zeros(len(zones.cell))
    open_units = np.ones(zones.n_units, dtype=bool)  # units whose people still have no place
    methods: list[Method] = [chosen] * zones.n_units
    notes: list[tuple[int, str, int]] = []
    if chosen == "raster" and population is not None:
        weights = _raster_weights(population, zones)
        open_units = ~(zones.sums(weights) > 0)
        notes += [(int(i), "raster_empty", 0) for i in np.flatnonzero(open_units)]
    land, gentle = habitable(elevation, max_slope_pct=max_slope_pct)
    land_pairs, gentle_pairs = land.reshape(-1)[zones.cell], gentle.reshape(-1)[zones.cell]
    if villages is not None and has_villages and open_units.any():
        in_unit = rows_of(villages["unit_code"], units["code"])
        prints = _footprints(zones, villages, in_unit, land_pairs, gentle_pairs, radius_m=village_radius_m)
        shares, assumed = _village_shares(villages, in_unit, n_units=zones.n_units)
        in_place = prints.weight * shares[prints.village]
        placed = np.bincount(prints.pair, weights=in_place, minlength=len(zones.cell)).astype(np.float64)
        full = open_units & (zones.sums(placed) > 0)
        weights = np.where(full[zones.unit], placed, weights)
        notes += [(int(i), "village_people_assumed", int(assumed[i])) for i in np.flatnonzero(full & (assumed > 0))]
        notes += _village_notes(prints, in_unit, shares, full)
        for i in np.flatnonzero(full):
            methods[i] = "dasymetric"
        open_units &= ~full
    for i in np.flatnonzero(open_units):
        part = slice(zones.starts[i], zones.starts[i + 1])
        room, step = _first_room(gentle_pairs[part], land_pairs[part])
        weights[part] = np.where(room, zones.fraction[part], 0.0)
        methods[i] = "uniform"
        notes += [(int(i), "no_village", 0)] if chosen != "uniform" else []
        notes += [(int(i), step, 0)] if step else []
    people = _to_totals(zones, weights, totals)
    codes = units["code"].astype(str).to_numpy()
    order = {step: k for k, step in enumerate(FALLBACK_STEPS)}
    notes.sort(key=lambda note: (note[0], order[note[1]]))
    fallbacks = pd.DataFrame(
        {
            "unit": np.array([n[0] for n in notes], dtype=np.int64),
            "code": pd.Series([codes[n[0]] for n in notes], dtype="str"),
            "step": pd.Series([n[1] for n in notes], dtype="str"),
            "villages": np.array([n[2] for n in notes], dtype=np.int64),
        }
    )
    return People(zones, people, chosen, tuple(methods), fallbacks)


def habitable(elevation: Raster, *, max_slope_pct: float) -> tuple[Bools, Bools]:
    """(land, habitable) cells, each (rows, cols) bool.

    Land has data and lies above 0 m: the sea and lakes at sea level are 0 m, below it or without data in the usual
    elevation models. Habitable is land with a slope (Horn) of at most ``max_slope_pct``.
    """
    land = elevation.values > 0  # NaN compares false: no data is no land
    return land, land & (slope_pct(elevation) <= max_slope_pct)


def footprints(
    zones: Zones,
    units: gpd.GeoDataFrame,
    villages: gpd.GeoDataFrame,
    *,
    elevation: Raster,
    village_radius_m: float,
    max_slope_pct: float,
) -> Footprints:
    """Where the people of each village live: habitable cells of its own unit around its centre.

    A pair's weight is the share of its cell in the unit times the biweight kernel (1 - (d / R)^2)^2 of the distance d
    from the cell's centre to the village's centre, zero from R = ``village_radius_m`` on. Where no such cell exists the
    slope limit falls first, then the land limit, then the radius: the nearest cell of the unit (habitable before land
    before any) takes the whole village. Each village's step says what was needed.
    """
    land, gentle = habitable(elevation, max_slope_pct=max_slope_pct)
    in_unit = rows_of(villages["unit_code"], units["code"])
    land_pairs, gentle_pairs = land.reshape(-1)[zones.cell], gentle.reshape(-1)[zones.cell]
    return _footprints(zones, villages, in_unit, land_pairs, gentle_pairs, radius_m=village_radius_m)


def rows_of(codes: pd.Series[str], keys: pd.Series[str]) -> NDArray[np.int64]:
    """Row in ``keys`` of each code, int64; -1 where the code is empty or unknown."""
    index = pd.Index(keys.astype(str))
    if not index.is_unique:
        raise InputError("error.units_not_unique")
    found = index.get_indexer(pd.Index(codes.astype(str)))
    return np.where(np.asarray(codes.isna()), -1, found).astype(np.int64)


def _footprints(
    zones: Zones, villages: gpd.GeoDataFrame, in_unit: NDArray[np.int64], land: Bools, gentle: Bools, *, radius_m: float
) -> Footprints:
    x_m, y_m = zones.centres_m()
    village_x = np.asarray(villages.geometry.x, dtype=np.float64)
    village_y = np.asarray(villages.geometry.y, dtype=np.float64)
    rows: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    pairs: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    weights: list[Floats] = [np.empty(0)]
    steps: list[str] = []
    for i, unit in enumerate(in_unit):
        start, stop = (zones.starts[unit], zones.starts[unit + 1]) if unit >= 0 else (0, 0)
        if start == stop:
            steps.append("no_unit")
            continue
        part = slice(start, stop)
        distance2 = (x_m[part] - village_x[i]) ** 2 + (y_m[part] - village_y[i]) ** 2
        kernel = zones.fraction[part] * np.maximum(0.0, 1.0 - distance2 / radius_m**2) ** 2
        near = kernel > 0
        room, step = _first_room(gentle[part] & near, land[part] & near, near)
        if not room.any():
            room, step = _first_room(gentle[part], land[part])[0], "nearest_cell"
            nearest = int(np.argmin(np.where(room, distance2, np.inf)))
            index, weight = np.array([nearest]), np.ones(1)
        else:
            index = np.flatnonzero(room)
            weight = kernel[index] / kernel[index].sum()
        rows.append(np.full(len(index), i, np.int64))
        pairs.append(index + start)
        weights.append(weight)
        steps.append(step)
    return Footprints(np.concatenate(rows), np.concatenate(pairs), np.concatenate(weights), tuple(steps))


def _first_room(gentle: Bools, land: Bools, cells: Bools | None = None) -> tuple[Bools, str]:
    if gentle.any():
        return gentle, ""
    if land.any():
        return land, "steep"
    return (np.ones_like(land) if cells is None else cells), "water"


def _village_shares(
    villages: gpd.GeoDataFrame, in_unit: NDArray[np.int64], *, n_units: int
) -> tuple[Floats, NDArray[np.int64]]:
    """People of each village as known or assumed, and how many were assumed in each unit.

    A village without people has its households times its unit's persons a household; without either, the mean of its
    unit's villages; a unit where nothing is known counts its villages alike.
    """
    people = np.asarray(villages["population"], dtype=np.float64).copy()
    if "households" in villages:
        households = np.asarray(villages["households"], dtype=np.float64)
    else:
        households = np.full(len(people), np.nan)
    assumed = np.zeros(n_units, np.int64)
    for unit in np.unique(in_unit[in_unit >= 0]):
        mine = np.flatnonzero(in_unit == unit)
        missing = np.isnan(people[mine])
        assumed[unit] = missing.sum()
        if not missing.any():
            continue
        both = ~missing & ~np.isnan(households[mine]) & (households[mine] > 0)
        size = people[mine][both].sum() / households[mine][both].sum() if both.any() else np.nan
        if missing.all():
            size = 1.0  # households alone set the shares
        filled = np.where(missing, households[mine] * size, people[mine])
        known = ~np.isnan(filled)
        people[mine] = np.where(known, filled, filled[known].mean() if known.any() else 1.0)
    return people, assumed


def _village_notes(
    prints: Footprints, in_unit: NDArray[np.int64], shares: Floats, full: Bools
) -> list[tuple[int, str, int]]:
    frame = pd.DataFrame({"unit": in_unit, "step": list(prints.step), "people": shares})
    frame = frame[(frame["unit"] >= 0) & (frame["people"] > 0) & (frame["step"] != "") & (frame["step"] != "no_unit")]
    counts = frame.groupby(["unit", "step"]).size().reset_index(name="villages")
    return [
        (int(unit), str(step), int(number))
        for unit, step, number in zip(counts["unit"], counts["step"], counts["villages"], strict=True)
        if full[unit]
    ]


def _raster_weights(population: Raster, zones: Zones) -> Floats:
    _same_grid(population, zones, layer="population")
    values = zones.at(population.values)
    if (values < 0).any():
        raise InputError("error.population_raster_negative", count=int((values < 0).sum()))
    weights: Floats = np.where(np.isnan(values), 0.0, values) * zones.fraction
    return weights


def _to_totals(zones: Zones, weights: Floats, totals: Floats) -> Floats:
    """Weights scaled to the totals; the rounding left over goes to each unit's largest pair."""
    sums = zones.sums(weights)
    people = np.full(len(weights), np.nan)
    for i in range(zones.n_units):
        part = slice(zones.starts[i], zones.starts[i + 1])
        if np.isnan(totals[i]):
            continue
        if not sums[i] > 0:
            raise ComputeError("error.people_lost", unit=i + 1, people=float(totals[i]))
        mine = weights[part] * (totals[i] / sums[i])
        largest = int(np.argmax(mine))
        mine[largest] += totals[i] - math.fsum(mine)
        people[part] = mine
    return people


def _same_grid(raster: Raster, zones: Zones, *, layer: str) -> None:
    if raster.grid != zones.grid:
        raise ComputeError("error.grid_mismatch", layer=layer)
