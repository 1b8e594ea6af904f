"""Indicators of services: points, distance, travel time, supply in reach; of units, areas of units and villages.

Values stand for each cell where people live and are averaged over people by the rule of ``Zones.means``: no data where
less than half of the people have a value. People without any way to a point have no time; in "people
within" they count as not within, in "people unreached" as what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.coverage.access.services import Service, points_of, services_of
from phusong.coverage.access.serving import Served, placed, straight_km
from phusong.coverage.access.travel_time import BEYOND_LIMIT, CUT_OFF, REACHED, VOID, path_length_m
from phusong.coverage.means import PeopleAtCells, ratio
from phusong.coverage.places import counts, units_of
from phusong.coverage.population import People
from phusong.coverage.zonal import KNOWN_SHARE, known_mean
from phusong.layers.errors import ComputeError

ALWAYS = ("post",)
"""Services that every study has columns of, with or without points: the ministry counts them."""

Floats = NDArray[np.float64]
Results = Mapping[str, Served] | None


def study_services(layers: Mapping[str, pd.DataFrame], served: Results = None) -> tuple[Service, ...]:
    """The services a study has indicators of: those with points, those served and ``ALWAYS``, in the declared order."""
    return services_of(layers, also=(*ALWAYS, *(served or ())))


def unit_services(
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    people: People,
    *,
    population: Floats,
    area_km2: Floats,
    served: Results = None,
) -> dict[str, object]:
    """Indicators of each unit by id, float64[n_units] or boolean; services without points have none here."""
    found: dict[str, object] = {}
    living = PeopleAtCells(people)
    for service in study_services(layers, served):
        name = service.id
        points = points_of(service, layers)
        if points is not None:
            number = counts(units_of(points, units), n_units=len(units))
            found[f"points_{name}_count"] = number
            found[f"people_per_{name}_point"] = ratio(population, number)
            found[f"mean_service_radius_{name}_km"] = np.sqrt(ratio(area_km2, np.pi * number))
            found[f"has_{name}"] = pd.array(number > 0, dtype="boolean")
        for part, values in _values(service, points, people, (served or {}).get(name)).items():
            found[part] = _scale(part) * living.means(values)
    return found


def area_services(
    layers: Mapping[str, pd.DataFrame],
    unit_table: pd.DataFrame,
    people: People,
    *,
    sums: Callable[[Floats], Floats],
    area_km2: Floats,
    units_area_km2: Floats,
    counted: NDArray[np.bool_],
    served: Results = None,
) -> tuple[dict[str, Floats], dict[str, tuple[Floats, Floats]]]:
    """Indicators of areas by id, float64[n_areas], and their parts: means over all people, points of all units.

    ``sums``: adds up a value a unit, float64[n_units], over each area. People per point: of the units whose population
    is known, if these are half of all. Parts: points and km2, points and people, communes or people within and all.
    """
    found: dict[str, Floats] = {}
    parts: dict[str, tuple[Floats, Floats]] = {}
    persons = np.asarray(unit_table["people"], dtype=np.float64)
    known = ~np.isnan(persons)
    living = PeopleAtCells(people)
    told, all_units = sums(known.astype(np.float64)), sums(np.ones(len(persons)))
    enough = (told > 0) & (told >= KNOWN_SHARE * all_units)
    everybody = np.where(enough, sums(np.nan_to_num(persons)), np.nan)
    for service in study_services(layers, served):
        name = service.id
        points = points_of(service, layers)
        if points is not None:
            number = np.asarray(unit_table[f"points_{name}_count"], dtype=np.float64)
            found[f"points_{name}_count"] = whole = sums(number)
            held = sums(np.where(known, number, 0.0))
            parts[f"people_per_{name}_point"] = (held, everybody)
            found[f"people_per_{name}_point"] = ratio(everybody, held)
            for end, km2 in (("", area_km2), ("_units_area", units_area_km2)):
                parts[f"mean_service_radius_{name}{end}_km"] = (whole, km2)
                found[f"mean_service_radius_{name}{end}_km"] = np.sqrt(ratio(km2, np.pi * whole))
            having = sums((counted & (number > 0)).astype(np.float64)), sums(counted.astype(np.float64))
            parts[f"communes_with_{name}_pct"] = having
            found[f"communes_with_{name}_pct"] = ratio(*having, scale=100.0)
        for part, values in _values(service, points, people, (served or {}).get(name)).items():
            total, weight = living.sums(values)
            have, base = sums(total), sums(weight)
            mean = known_mean(have, base, sums(np.nan_to_num(people.totals)))
            found[part] = _scale(part) * mean
            if part.endswith("_pct"):
                told_of = ~np.isnan(mean)
                parts[part] = (np.where(told_of, have, np.nan), np.where(told_of, base, np.nan))
    return found, parts


def village_services(
    layers: Mapping[str, pd.DataFrame], villages: gpd.GeoDataFrame, *, served: Results = None
) -> dict[str, object]:
    """Indicators of each village by id, read where its centre stands: minutes, km, and whether it is cut off."""
    found: dict[str, object] = {}
    for service in study_services(layers, served):
        name = service.id
        one = (served or {}).get(name)
        points = points_of(service, layers)
        if service.distance == "straight" and points is not None:
            found[f"distance_{name}_km"] = _straight_km(points, villages)
        if one is None or one.travel is None:
            continue
        codes = one.reasons.reshape(-1)
        stand = placed(villages, one.friction)
        reached = (stand >= 0) & (codes[stand] == REACHED)
        if service.timed:
            found[f"time_{name}_min"] = minutes_from(villages, one)
            cut_off = pd.array((stand >= 0) & (codes[stand] == CUT_OFF), dtype="boolean")
            cut_off[stand < 0] = pd.NA
            found[f"cut_off_{name}"] = pd.Series(cut_off)
        if service.distance == "path":
            km = np.full(len(villages), np.nan)
            km[reached] = path_length_m(one.travel, stand[reached]) / 1000.0
            found[f"distance_{name}_km"] = km
    return found


def minutes_from(villages: gpd.GeoDataFrame, one: Served) -> Floats:
    """Minutes from each village's centre to a service's nearest point, float64[n]; NaN where there is no way."""
    minutes = np.full(len(villages), np.nan)
    if one.travel is not None:
        stand = placed(villages, one.friction)
        reached = (stand >= 0) & (one.reasons.reshape(-1)[stand] == REACHED)
        minutes[reached] = one.travel.cost.reshape(-1)[stand[reached]]
    return minutes


def _values(service: Service, points: gpd.GeoDataFrame | None, people: People, one: Served | None) -> dict[str, Floats]:
    """Value of each indicator that is a mean over people, by id, at each populated cell: float64[n]."""
    name = service.id
    cells = people.populated[0]
    found: dict[str, Floats] = {}
    km = np.full(len(cells), np.nan)
    why = np.full(len(cells), VOID, dtype=np.int8)
    cut_off = unknown = np.zeros(len(cells), dtype=bool)
    if one is not None:
        if not np.array_equal(one.cells, cells):
            raise ComputeError("error.grid_mismatch", layer=name)
        why = one.why
        cut_off = why == CUT_OFF
        unknown = ~np.isin(why, (REACHED, CUT_OFF, BEYOND_LIMIT))
        km = one.km
    elif service.distance == "straight" and points is not None:
        km = straight_km(points, cells, people.zones.grid)
    if points is not None and (one is not None or service.distance == "straight"):
        found[f"mean_distance_{name}_km"] = km
        for limit in service.limits_km:
            within = np.where(np.isnan(km), np.nan, (km <= limit).astype(np.float64))
            if service.distance == "path":
                within[cut_off] = 0.0
            found[f"people_within_{limit:g}km_{name}_pct"] = within
    if one is not None and one.travel is not None:
        found[f"people_unreached_{name}_pct"] = np.where(unknown, np.nan, cut_off.astype(np.float64))
        if service.timed:
            minutes = found[f"mean_time_{name}_min"] = one.minutes
            for limit in service.limits_min:
                within = (minutes <= limit).astype(np.float64)  # NaN, not reached: 0
                beyond = (why == BEYOND_LIMIT) & (limit > one.travel.limit)
                found[f"people_within_{limit:g}min_{name}_pct"] = np.where(unknown | beyond, np.nan, within)
        if service.decay is not None:
            access = found[f"access_{name}"] = one.access
            nothing = np.isnan(access).astype(np.float64)
            found[f"people_nothing_in_reach_{name}_pct"] = np.where(unknown, np.nan, nothing)
    return found


def _straight_km(points: gpd.GeoDataFrame, villages: gpd.GeoDataFrame) -> Floats:
    """From each village's centre itself, not its cell's."""
    known = points[~(points.geometry.isna() | points.geometry.is_empty)]
    placed = np.asarray(~(villages.geometry.isna() | villages.geometry.is_empty), dtype=bool)
    found = np.full(len(villages), np.nan)
    if len(known) and placed.any():
        spots = np.column_stack([known.geometry.x, known.geometry.y])
        centres = np.column_stack([villages.geometry.x, villages.geometry.y])[placed]
        found[placed] = cKDTree(spots).query(centres)[0] / 1000.0
    return found


def _scale(part: str) -> float:
    return 100.0 if part.endswith("_pct") else 1.0
