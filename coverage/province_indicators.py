"""Indicators of the province as a whole: the computed side of its table of targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage import facilities, services
from phusong.coverage.access.serving import Served
from phusong.coverage.broadband import RATES
from phusong.coverage.indicators import CLASSES, expand
from phusong.coverage.means import one_ratio
from phusong.coverage.population import People
from phusong.coverage.service_indicators import province_services, study_services
from phusong.coverage.services import present
from phusong.coverage.signal import Radio, operators_of, technologies_of
from phusong.coverage.unit_indicators import covered_shares
from phusong.coverage.zonal import KNOWN_SHARE
from phusong.layers.grid import Raster

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def province_indicators(
    layers: Mapping[str, pd.DataFrame],
    *,
    unit_table: pd.DataFrame,
    people: People,
    elevation: Raster,
    on: date,
    radio: Radio | None = None,
    official_area_km2: float | None = None,
    served: Mapping[str, Served] | None = None,
    readiness: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Every indicator of level "province" by id, NaN = no data.

    ``unit_table``: from ``unit_indicators`` of the same layers. Counts are sums over all units, islands included;
    "communes" counts only those that are counted (``units.counted`` not "no"). A rate per 100 people or a share of
    communes rests on the units with data and stands if these hold at least half of the people (or of the communes).
    Growth stands if these are half of the communes or hold half of the people, and are half of those with figures of
    the day. ``official_area_km2`` is the area of ``area_km2``, ``density_per_km2`` and the mean service radius; without
    it the sum of the units' areas is, which the radius "by the communes' areas" always uses. People per km2 and per
    point are told of the units whose population is known: their part of the area, their points. ``served``: see
    ``unit_indicators``.
    """
    units = gpd.GeoDataFrame(layers["units"])
    zones = people.zones
    counted = np.asarray(units["counted"].astype("boolean").fillna(True), dtype=bool)
    population = _numbers(unit_table, "people")
    programme = np.asarray(unit_table["programme"].astype("boolean").fillna(False), dtype=bool)
    persons = _total(population)
    areas = _numbers(unit_table, "area_km2")
    units_area = float(areas.sum())
    area = units_area if official_area_km2 is None else float(official_area_km2)
    height = zones.at(elevation.values)
    found = {
        "people": persons,
        "area_km2": area,
        "density_per_km2": one_ratio(persons, area * one_ratio(areas[~np.isnan(population)].sum(), units_area)),
        "elevation_mean_m": zones.mean(height, zones.fraction),
        "elevation_people_mean_m": zones.mean(height, people.people),
        "counted_communes": float(counted.sum()),
        "sites_count": _total(_numbers(unit_table, "sites_count")),
        "bts_in_operation": _total(_numbers(unit_table, "bts_count")),
        "same_day_mail_communes": _communes(unit_table["same_day_mail"], counted),
        "programme_communes": _communes(unit_table["programme"], counted),
        "programme_people": _total(population[programme]) if programme.any() else np.nan,
        "telephone_access_communes_pct": _communes_pct(unit_table["telephone_access_point"], counted),
        "public_internet_communes_pct": _communes_pct(unit_table["public_internet_point"], counted),
        "fibre_communes_pct": _communes_pct(unit_table["fibre_to_commune"], counted),
        "government_network_communes_pct": _communes_pct(unit_table["government_network"], counted),
    }
    found |= _signal(radio, people)
    found |= province_services(
        layers, unit_table, people, area_km2=area, units_area_km2=units_area, counted=counted, served=served
    )
    found |= _site_distance(unit_table, population)
    found |= _broadband(layers, units, population, programme, on=on)
    found |= _facilities(layers, units, unit_table, readiness)
    found |= _operators(layers, radio)
    reports = present(layers, "signal_reports")
    declared = expand(
        "province",
        technologies=technologies_of(radio, reports),
        operators=radio.levels if radio is not None else (),
        services=[one.id for one in study_services(layers, served)],
        facilities=facilities.facilities_of(layers),
    )
    return {one.id: found.get(one.id, np.nan) for one in declared}


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    return np.asarray(table[name], dtype=np.float64)


def _total(values: Floats) -> float:
    """Sum of the known values; NaN if less than half of the units are known."""
    known = ~np.isnan(values)
    return float(values[known].sum()) if known.any() and known.mean() >= KNOWN_SHARE else np.nan


def _per_100(value: Floats, population: Floats, *, among: Bools | None = None) -> float:
    chosen = np.ones(len(value), dtype=bool) if among is None else among
    known = chosen & ~np.isnan(value) & ~np.isnan(population)
    held, all_ = population[known].sum(), np.nansum(population[chosen])
    return one_ratio(value[known].sum(), held, scale=100.0) if held >= KNOWN_SHARE * all_ else np.nan


def _communes(flag: pd.Series[bool], counted: Bools) -> float:
    """Counted communes that say yes; NaN if less than half of them say anything."""
    told = flag.astype("boolean")[counted]
    enough = told.notna().any() and told.notna().mean() >= KNOWN_SHARE
    return float(told.fillna(False).sum()) if enough else np.nan


def _communes_pct(flag: pd.Series[bool], counted: Bools) -> float:
    return one_ratio(_communes(flag, counted), float(flag.notna()[counted].sum()), scale=100.0)


def _signal(radio: Radio | None, people: People) -> dict[str, float]:
    if radio is None:
        return {}
    zones = people.zones
    found: dict[str, float] = {}
    for part, covered in covered_shares(radio, zones).items():
        found[f"people_covered_{part}_pct"] = 100.0 * zones.mean(covered, people.people)
        if part != "exactly_one_operator":
            found[f"area_covered_{part}_pct"] = 100.0 * zones.mean(covered, zones.fraction)
        if part == "any":
            unknown = float(np.nansum(people.people * np.isnan(covered)))
            found["people_signal_unknown_pct"] = one_ratio(unknown, float(np.nansum(people.people)), scale=100.0)
    return found


def _site_distance(unit_table: pd.DataFrame, population: Floats) -> dict[str, float]:
    """Mean over all people from the means over each unit's people, which leave nobody out."""
    values = _numbers(unit_table, "nearest_site_km")
    known = ~np.isnan(values) & (population > 0)
    return {"nearest_site_km": one_ratio(float((values * population)[known].sum()), float(population[known].sum()))}


def _broadband(
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    population: Floats,
    programme: Bools,
    *,
    on: date,
) -> dict[str, float]:
    layer = present(layers, "broadband")
    if layer is None:
        return {}
    table = services.broadband(layer, units, on=on)
    now, before = _numbers(table, "broadband_subscribers"), _numbers(table, "previous_broadband_subscribers")
    fixed = _numbers(table, "fixed_telephones")
    both = ~np.isnan(now) & ~np.isnan(before)
    held, whole = np.nansum(population[both]), np.nansum(population)
    told = both.mean() >= KNOWN_SHARE or held >= KNOWN_SHARE * whole > 0
    grown = told and both.sum() >= KNOWN_SHARE * (~np.isnan(now)).sum()
    households = np.asarray(units["households"], dtype=np.float64)
    return {
        **{
            name: _per_100(_numbers(table, column), population if of == "people" else households)
            for name, (column, of) in RATES.items()
        },
        "broadband_growth_pct": one_ratio((now - before)[both].sum(), before[both].sum(), scale=100.0)
        if grown
        else np.nan,
        "programme_fixed_telephones": _total(fixed[programme]) if programme.any() else np.nan,
        "programme_fixed_per_100": _per_100(fixed, population, among=programme) if programme.any() else np.nan,
    }


def _facilities(
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    unit_table: pd.DataFrame,
    weights: Mapping[str, float] | None,
) -> dict[str, float]:
    layer = present(layers, "facilities")
    if layer is None:
        return {}
    table = services.facilities(gpd.GeoDataFrame(layer), units)
    online = facilities.online(gpd.GeoDataFrame(layer), units)
    high = unit_table["mountainous"].astype("boolean")
    everywhere = np.ones(len(table), dtype=bool)
    parts = {"": everywhere}
    parts |= {
        name: np.asarray(flag.fillna(False), dtype=bool) for name, flag in (("mountain_", high), ("lowland_", ~high))
    }
    score, known_pct = facilities.province_score(
        online, {name: unit_table[name] for name in CLASSES}, n_units=len(units), weights=weights
    )
    return {
        **{
            f"{facility}_{network}_{part}pct": 100.0 * one.share(among)
            for (facility, network), one in online.items()
            for part, among in parts.items()
        },
        "institutions_lan_broadband_pct": 100.0 * facilities.institutions(table).share(everywhere),
        "readiness_score": score,
        "readiness_known_pct": known_pct,
    }


def _operators(layers: Mapping[str, pd.DataFrame], radio: Radio | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, layer in (("postal_operators", "postal_points"), ("telecom_operators", "sectors")):
        table = present(layers, layer)
        if table is not None and table["operator"].notna().any():
            found[name] = float(table["operator"].nunique())
    if "telecom_operators" not in found and operators_of(radio):
        found["telecom_operators"] = float(len(operators_of(radio)))
    return found
