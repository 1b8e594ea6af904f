"""Which unit holds a point, and how far people are from the nearest one."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.coverage.population import rows_of
from phusong.coverage.zonal import Zones

SNAP_M = 250.0
"""A point just outside every unit (a generalised coast) belongs to the nearest unit within this distance."""


def units_of(points: gpd.GeoDataFrame, units: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Row of the unit of each point, int64; -1 where it has none.

    By ``unit_code`` where it is given and known, else the unit whose polygon holds the point (the first one on a shared
    boundary), else the nearest unit within ``SNAP_M``.
    """
    rows = np.full(len(points), -1, np.int64)
    if "unit_code" in points:
        rows = rows_of(points["unit_code"], units["code"])
    tree = shapely.STRtree(units.geometry.to_numpy())
    spots = points.geometry.to_numpy()
    located = ~(shapely.is_missing(spots) | shapely.is_empty(spots))
    for snap in (False, True):
        missing = np.flatnonzero((rows < 0) & located)
        if len(missing) == 0:
            break
        if snap:
            found = tree.query_nearest(spots[missing], max_distance=SNAP_M)
        else:
            found = tree.query(spots[missing], predicate="intersects")
        first = np.full(len(missing), len(units), np.int64)
        np.minimum.at(first, found[0], found[1])
        rows[missing] = np.where(first < len(units), first, -1)
    return rows


def counts(unit_rows: NDArray[np.int64], *, n_units: int) -> NDArray[np.float64]:
    """Points of each unit, float64[n_units]; points without a unit are left out."""
    return np.bincount(unit_rows[unit_rows >= 0], minlength=n_units).astype(np.float64)


def distances_m(zones: Zones, points: gpd.GeoDataFrame, *, where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Straight distance from the cell centre of each pair to the nearest point, float64[n] m; NaN off ``where``."""
    found = np.full(len(zones.cell), np.nan)
    spots = np.column_stack([points.geometry.x, points.geometry.y])
    if len(spots) and where.any():
        x_m, y_m = zones.centres_m()
        found[where] = cKDTree(spots).query(np.column_stack([x_m[where], y_m[where]]))[0]
    return found


def in_service(sites: gpd.GeoDataFrame, *, on: date) -> gpd.GeoDataFrame:
    """Sites in service on a day: not planned or closed, and within their service dates where these are known."""
    day = pd.Timestamp(on)
    status = sites["status"].isna() | (sites["status"] == "in_service")
    begun = sites["in_service_from"].isna() | (sites["in_service_from"] <= day)
    lasting = sites["in_service_to"].isna() | (sites["in_service_to"] >= day)
    return sites[status & begun & lasting]


def unit_area_km2(units: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Area of each unit, km2: as recorded, else of its polygon."""
    recorded = np.asarray(units["area_km2"], dtype=np.float64)
    return np.where(np.isnan(recorded), np.asarray(units.geometry.area, dtype=np.float64) / 1e6, recorded)
