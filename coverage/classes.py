"""Classes of communes: recorded where the units layer says so, else by the decree's test from the terrain."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.indicators import CLASSES
from phusong.coverage.population import rows_of
from phusong.coverage.slope import slope_pct
from phusong.coverage.zonal import Zones, zones
from phusong.layers.grid import Raster

HIGH_M = 200.0
STEEP_PCT = 15.0
SHARE = 2 / 3
"""Decree 272/2025/ND-CP: a village with 2/3 of its area at 200 m or higher, or 2/3 with a slope of 15 % or more; a
commune with 2/3 of its area at 200 m or higher, or 2/3 of its villages mountainous."""
_SHARE = SHARE - 1e-9  # two thirds of the cells are two thirds, whatever the rounding

Floats = NDArray[np.float64]


def mountainous(
    units: gpd.GeoDataFrame,
    *,
    zones_of_units: Zones,
    elevation: Raster,
    villages: gpd.GeoDataFrame | None = None,
    village_areas: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Columns ``mountainous`` (boolean) and ``mountainous_basis`` (str), one row a unit.

    Basis ``recorded``: the units layer says it. ``area``: 2/3 of the commune at 200 m or higher. ``villages``: 2/3 of
    its villages are mountainous by their own areas. ``area_only``: by its area it is not, and the villages cannot
    decide because too many have no known area. ``none``: less than half of the unit has elevation data (NA).
    """
    high = zones_of_units.means(_reaches(zones_of_units.at(elevation.values), HIGH_M), zones_of_units.fraction)
    by_area = high >= _SHARE
    total, sure, open_ = _village_counts(
        units, elevation=elevation, grid_zones=zones_of_units, villages=villages, village_areas=village_areas
    )
    by_villages = (total > 0) & (sure >= _SHARE * total)
    undecided = (total > 0) & ~by_villages & (sure + open_ >= _SHARE * total)
    value = pd.array(by_area | by_villages, dtype="boolean")
    basis = np.full(len(units), "area", dtype=object)
    basis[~by_area & undecided] = "area_only"
    basis[~by_area & by_villages] = "villages"
    unknown = np.isnan(high) & ~by_villages
    value[unknown] = pd.NA
    basis[unknown] = "none"
    if "mountainous" in units:
        recorded = units["mountainous"].astype("boolean")
        given = np.asarray(recorded.notna())
        value[given] = recorded.array[given]
        basis[given] = "recorded"
    return pd.DataFrame({"mountainous": value, "mountainous_basis": pd.Series(basis, dtype="str")})


def classes(
    units: gpd.GeoDataFrame,
    *,
    zones_of_units: Zones,
    elevation: Raster,
    villages: gpd.GeoDataFrame | None = None,
    village_areas: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """All class flags of ``CLASSES`` as boolean columns (NA: not known), then ``mountainous_basis``; one row a unit.

    Only ``mountainous`` can follow from the terrain; the others stand as the units layer records them.
    """
    test = mountainous(
        units,
        zones_of_units=zones_of_units,
        elevation=elevation,
        villages=villages,
        village_areas=village_areas,
    )
    empty = pd.Series(pd.NA, index=range(len(units)), dtype="boolean")
    flags = {
        name: units[name].astype("boolean").reset_index(drop=True) if name in units else empty for name in CLASSES[1:]
    }
    return pd.DataFrame({"mountainous": test["mountainous"], **flags, "mountainous_basis": test["mountainous_basis"]})


def mountainous_villages(village_areas: gpd.GeoDataFrame, *, elevation: Raster) -> pd.Series[bool]:
    """Whether each village area is mountainous by the decree: boolean, NA where under half of it has elevation."""
    parts = zones(village_areas, grid=elevation.grid, layer="village_areas")
    high = parts.means(_reaches(parts.at(elevation.values), HIGH_M), parts.fraction)
    steep = parts.means(_reaches(parts.at(slope_pct(elevation)), STEEP_PCT), parts.fraction)
    value = pd.array((high >= _SHARE) | (steep >= _SHARE), dtype="boolean")
    value[np.isnan(high)] = pd.NA
    return pd.Series(value)


def _reaches(values: Floats, limit: float) -> Floats:
    return np.where(np.isnan(values), np.nan, (values >= limit).astype(np.float64))


def _village_counts(
    units: gpd.GeoDataFrame,
    *,
    elevation: Raster,
    grid_zones: Zones,
    villages: gpd.GeoDataFrame | None,
    village_areas: gpd.GeoDataFrame | None,
) -> tuple[Floats, Floats, Floats]:
    """Of each unit: villages, those surely mountainous, those that cannot be judged."""
    n = grid_zones.n_units
    if villages is None or len(villages) == 0:
        return np.zeros(n), np.zeros(n), np.zeros(n)
    unit = rows_of(villages["unit_code"], units["code"])
    judged = np.full(len(villages), np.nan)
    if village_areas is not None and len(village_areas) > 0:
        verdict = mountainous_villages(village_areas, elevation=elevation)
        row = rows_of(villages["code"], village_areas["code"])
        numbers = verdict.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        judged = np.where(row >= 0, numbers[row], np.nan)
    known = unit >= 0
    total = np.bincount(unit[known], minlength=n).astype(np.float64)
    sure = np.bincount(unit[known], weights=(judged[known] == 1).astype(np.float64), minlength=n).astype(np.float64)
    open_ = np.bincount(unit[known], weights=np.isnan(judged[known]).astype(np.float64), minlength=n).astype(np.float64)
    return total, sure, open_
