"""One mast and every cell of its ground; ``python one_mast.py GROUND.npy CELL_M`` makes it a process of its own."""

from __future__ import annotations

import sys
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from phusong.coverage.radio import RadioResult, compute
from phusong.layers.grid import Grid, Raster


def one_mast(ground: Raster, *, height_m: float) -> RadioResult:
    """Three sectors on a mast in the middle of the ground, up to its nearest edge."""
    grid, middle = ground.grid, ground.grid.shape[0] // 2
    place = shapely.points([(float(grid.x_m[middle]), float(grid.y_m[middle]))])
    sectors = pd.DataFrame(
        {
            "sector_id": ["c0", "c1", "c2"],
            "site_id": "s0",
            "operator": "A",
            "technology": "2G",
            "height_m": height_m,
            "azimuth_deg": [0.0, 120.0, 240.0],
        }
    )
    return compute(
        gpd.GeoDataFrame({"site_id": ["s0"]}, geometry=place, crs=grid.crs),
        sectors,
        elevation=ground,
        where=None,
        grid=grid,
        on=date(2012, 12, 31),
        max_range_m=grid.cell_m * middle,
    )


if __name__ == "__main__":
    heights = np.load(sys.argv[1])
    cell_m = float(sys.argv[2])
    one_mast(Raster(Grid("EPSG:9212", 500_000.0, 1_900_080.0, cell_m, heights.shape), heights), height_m=36.0)
