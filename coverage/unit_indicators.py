"""Indicators of each unit (commune)."""

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
from phusong.coverage.classes import Classes, find_classes
from phusong.coverage.indicators import CLASSES, expand, operator_slugs
from phusong.coverage.means import people_mean, ratio
from phusong.coverage.places import distances_m, unit_area_km2
from phusong.coverage.population import People
from phusong.coverage.service_indicators import study_services, unit_services
from phusong.coverage.services import present
from phusong.coverage.signal import (
    Radio,
    any_of,
    by_operator,
    by_technology,
    covered_at,
    exactly_one,
    operators_of,
    technologies_of,
)
from phusong.coverage.zonal import Zones
from phusong.layers.errors import ComputeError
from phusong.layers.grid import Raster

UNIT_COLUMNS = ("code", "valid_on", "name", "district", "people_method", *(f"{name}_basis" for name in CLASSES))
"""The columns before the indicators: who the unit is, how its people were placed, what its classes rest on."""

Floats = NDArray[np.float64]


def unit_indicators(
    layers: Mapping[str, pd.DataFrame],
    *,
    people: People,
    elevation: Raster,
    on: date,
    radio: Radio | None = None,
    served: Mapping[str, Served] | None = None,
    readiness: Mapping[str, float] | None = None,
    classes: Classes | None = None,
) -> pd.DataFrame:
    """``UNIT_COLUMNS``, then one column an indicator of level "unit", one row a unit in the order of the units layer.

    ``layers``: validated layers by name; an absent or empty one leaves its indicators without data. Numbers are float64
    (NaN = no data), yes/no ones boolean (NA). Counts are whole numbers, percent 0-100, distances straight-line km in
    the study's CRS. ``on``: the study's day; ``elevation`` and ``radio`` lie on ``people.zones.grid``. ``served``: who
    reaches each service, by its id; without it times and shares of supply have no data.

    ``classes``: those of the communes, found here by the tests of the decree where they are not given.
    ``readiness``: a study's own weights of the readiness score (``facilities.weighed``).
    People covered are shares of those who live where the signal is known; less than half known is no data.

    Raises:
        ComputeError: a raster is not on the grid of the zones.
    """
    units = gpd.GeoDataFrame(layers["units"])
    zones = people.zones
    reports = present(layers, "signal_reports")
    found: dict[str, object] = {
        "code": units["code"],
        "valid_on": units["valid_on"],
        "name": units["name"],
        "district": units["district"],
        "people_method": pd.Series(people.methods, dtype="str"),
    }
    population = np.asarray(units["population"], dtype=np.float64)
    area_km2 = unit_area_km2(units)
    found |= {
        "people": population,
        "households": np.asarray(units["households"], dtype=np.float64),
        "area_km2": area_km2,
        "density_per_km2": ratio(population, area_km2),
        "elevation_mean_m": zones.means(zones.at(elevation.values), zones.fraction),
    }
    flags = (classes or find_classes(layers, people=people, elevation=elevation, served=served)).units
    found |= {str(name): column for name, column in flags.items()}
    found |= _signal(radio, people)
    found |= _mobile(layers, units, people, on=on)
    found |= unit_services(layers, units, people, population=population, area_km2=area_km2, served=served)
    found |= _mail(layers, units)
    found |= _broadband(layers, units, population=population, on=on)
    found |= _facilities(layers, units, flags, readiness)
    declared = expand(
        "unit",
        technologies=technologies_of(radio, reports),
        operators=radio.levels if radio is not None else (),
        services=[one.id for one in study_services(layers, served)],
        facilities=facilities.facilities_of(layers),
    )
    for one in declared:
        if one.id not in found:
            empty = "boolean" if one.kind == "yes_no" else "float64"
            found[one.id] = pd.Series(pd.NA if one.kind == "yes_no" else np.nan, index=units.index, dtype=empty)
    return pd.DataFrame({name: _plain(found[name]) for name in (*UNIT_COLUMNS, *(one.id for one in declared))})


def _plain(values: object) -> object:
    return values.reset_index(drop=True) if isinstance(values, pd.Series) else values


def covered_shares(radio: Radio, zones: Zones) -> dict[str, Floats]:
    """Signal of each pair (1, 0, NaN), by the middle of its id: any, 2g, 2g_<operator>, exactly_one_operator."""
    if radio.grid != zones.grid:
        raise ComputeError("error.grid_mismatch", layer="radio")
    covered = covered_at(radio, zones.cell)
    if not covered:
        return {}
    slugs = operator_slugs(operators_of(radio))
    operators = by_operator(covered)
    found = {"any": any_of(operators.values())}
    found |= {technology.lower(): values for technology, values in by_technology(covered).items()}
    found |= {f"{technology.lower()}_{slugs[name]}": values for (technology, name), values in covered.items()}
    found["exactly_one_operator"] = exactly_one(operators.values())
    return found


def _signal(radio: Radio | None, people: People) -> dict[str, Floats]:
    if radio is None:
        return {}
    zones = people.zones
    found: dict[str, Floats] = {}
    for part, covered in covered_shares(radio, zones).items():
        found[f"people_covered_{part}_pct"] = 100.0 * zones.means(covered, people.people)
        if part != "exactly_one_operator":
            found[f"area_covered_{part}_pct"] = 100.0 * zones.means(covered, zones.fraction)
        if part == "any":
            unknown = zones.sums(people.people * np.isnan(covered))
            found["people_signal_unknown_pct"] = ratio(unknown, people.totals, scale=100.0)
    return found


def _mobile(
    layers: Mapping[str, pd.DataFrame], units: gpd.GeoDataFrame, people: People, *, on: date
) -> dict[str, Floats]:
    sites = present(layers, "sites")
    if sites is None:
        return {}
    table, active = services.mobile(gpd.GeoDataFrame(sites), present(layers, "sectors"), units, on=on)
    away = distances_m(people.zones, active, where=people.people > 0)
    return {
        "sites_count": np.asarray(table["sites"]),
        "bts_count": np.asarray(table["bts"]),
        "nearest_site_km": people_mean(away, people) / 1000.0,
    }


def _mail(layers: Mapping[str, pd.DataFrame], units: gpd.GeoDataFrame) -> dict[str, object]:
    layer = present(layers, "postal_points")
    return {} if layer is None else {"same_day_mail": services.same_day_mail(gpd.GeoDataFrame(layer), units)}


def _broadband(
    layers: Mapping[str, pd.DataFrame], units: gpd.GeoDataFrame, *, population: Floats, on: date
) -> dict[str, object]:
    layer = present(layers, "broadband")
    if layer is None:
        return {}
    table = services.broadband(layer, units, on=on)
    now, before = np.asarray(table["broadband_subscribers"]), np.asarray(table["previous_broadband_subscribers"])
    households = np.asarray(units["households"], dtype=np.float64)
    return {
        **{
            name: ratio(np.asarray(table[column]), population if of == "people" else households, scale=100.0)
            for name, (column, of) in RATES.items()
        },
        "broadband_growth_pct": ratio(now - before, before, scale=100.0),
        **{name: table[name] for name in services.FLAGS},
    }


def _facilities(
    layers: Mapping[str, pd.DataFrame],
    units: gpd.GeoDataFrame,
    flags: pd.DataFrame,
    weights: Mapping[str, float] | None,
) -> dict[str, object]:
    layer = present(layers, "facilities")
    if layer is None:
        return {}
    table = services.facilities(gpd.GeoDataFrame(layer), units)
    found = facilities.online(gpd.GeoDataFrame(layer), units)
    of_class: dict[str, pd.Series[bool]] = {name: flags[name] for name in CLASSES}
    score, known_pct = facilities.scores(found, of_class, n_units=len(units), weights=weights)
    return {
        **{f"{facility}_{network}_pct": 100.0 * one.shares() for (facility, network), one in found.items()},
        "institutions_lan_broadband_pct": 100.0 * facilities.institutions(table).shares(),
        "government_network": table["government_network"],
        "readiness_score": score,
        "readiness_known_pct": known_pct,
    }
