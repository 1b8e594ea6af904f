"""Areas within limits of travel, as polygons along the edges of cells."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from rasterio.features import shapes
from shapely.geometry import MultiPolygon, shape

from phusong.coverage.access.travel_time import Travel


def isochrones(travel: Travel, *, limits_min: Sequence[float]) -> gpd.GeoDataFrame:
    """One row a limit, rising: ``limit`` (in the unit of the travel's cost) and ``geometry``, a MultiPolygon.

    The union of the cells whose cost is at most the limit: each holds those before it, and areas are whole numbers of
    cells; empty where no cell is within. In the CRS of the grid. ValueError for a limit that is negative, unknown or
    above the limit of the search.
    """
    limits = sorted(set(map(float, limits_min)))
    if any(not 0 <= limit <= travel.limit for limit in limits):
        raise ValueError(f"limits {limits} outside 0 to the limit of the search, {travel.limit}")
    areas = []
    for limit in limits:
        within = (travel.cost <= limit) & np.isfinite(travel.cost)
        # parts that meet at a corner only are parts of their own: each cell is joined to its four neighbours
        found = shapes(within.astype(np.uint8), mask=within, connectivity=4, transform=travel.grid.transform)
        areas.append(MultiPolygon([shape(geometry) for geometry, _ in found]))
    return gpd.GeoDataFrame({"limit": limits}, geometry=areas, crs=travel.grid.crs)
