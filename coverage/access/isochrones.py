"""Areas within limits of travel, as polygons along the edges of cells."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes

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
        found = cell_areas(within.astype(np.uint8), where=within, transform=travel.grid.transform)
        areas.append(found.get(1, shapely.MultiPolygon()))
    return gpd.GeoDataFrame({"limit": limits}, geometry=areas, crs=travel.grid.crs)


def cell_areas(
    values: NDArray[np.uint8] | NDArray[np.int32], *, where: NDArray[np.bool_], transform: Affine
) -> dict[int, shapely.MultiPolygon]:
    """The area of each value in the cells of ``where``, (rows, cols) both, by value, rising.

    Parts that meet at a corner only are parts of their own: each cell is joined to its four neighbours.
    """
    parts: dict[int, list[shapely.Polygon]] = {}
    for geometry, value in shapes(values, mask=where, connectivity=4, transform=transform):
        shell, *holes = (shapely.linearrings(np.array(ring)) for ring in geometry["coordinates"])
        parts.setdefault(int(value), []).append(shapely.polygons(shell, holes or None))
    return {value: shapely.multipolygons(parts[value]) for value in sorted(parts)}
