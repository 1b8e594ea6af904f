"""Real mountains: maps against the slow reference on the Chimborazo, sites on summits, slopes and in valleys."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from phusong.coverage.radio import NO_SERVER_DBM, compute
from phusong.coverage.radio.antenna import grid_convergence_deg
from phusong.layers.grid import Grid, Raster

FOLDER = os.environ.get("PHUSONG_DATA")
FILE = Path(FOLDER or ".", "chimborazo_dem_srtm3.tif")

pytestmark = pytest.mark.skipif(not (FOLDER and FILE.exists()), reason="PHUSONG_DATA does not name the real elevation")


@pytest.fixture(scope="module")
def chimborazo() -> Raster:
    with rasterio.open(FILE) as source:
        middle = transform_bounds(source.crs, "EPSG:32717", *source.bounds)
        x_m, y_m = (middle[0] + middle[2]) / 2, (middle[1] + middle[3]) / 2
        grid = Grid.covering(
            (x_m - 13_500.0, y_m - 13_500.0, x_m + 13_500.0, y_m + 13_500.0), crs="EPSG:32717", cell_m=90.0
        )
        values = np.full(grid.shape, np.nan, dtype=np.float32)
        reproject(
            rasterio.band(source, 1),
            values,
            dst_transform=grid.transform,
            dst_crs=grid.crs,
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    return Raster(grid, values)


def test_maps_are_the_reference_on_real_mountains(chimborazo, network_of, reference_level, small_errors) -> None:
    """Linear between two rays: not each cell is exact, all together are."""
    grid, values = chimborazo.grid, chimborazo.values
    assert np.isfinite(values).all()
    assert np.ptp(values) > 1_000.0
    rng = np.random.default_rng(5)
    picks = [np.unravel_index(np.argmax(values), values.shape), np.unravel_index(np.argmin(values), values.shape)]
    picks += [(int(r), int(c)) for r, c in rng.integers(0, grid.shape, (6, 2))]
    places = [(float(grid.x_m[c]) + 20.0, float(grid.y_m[r]) - 30.0) for r, c in picks]
    rows = [
        {"site_id": f"s{i}", "technology": technology, "azimuth_deg": azimuth}
        for i in range(len(places))
        for technology in ("2G", "4G")
        for azimuth in (0.0, 120.0, 240.0)
    ]
    sites, sectors = network_of(places, rows=rows)
    sites = sites.set_crs("EPSG:32717", allow_override=True)
    result = compute(
        sites, sectors, elevation=chimborazo, where=None, grid=grid, on=date(2012, 12, 31), max_range_m=20_000.0
    )
    frame = result.sectors
    turns = grid_convergence_deg(frame["x_m"].to_numpy(), frame["y_m"].to_numpy(), crs=grid.crs)
    errors = []
    for row, col in rng.integers(0, grid.shape, (60, 2)):
        away = np.hypot(frame["x_m"] - grid.x_m[col], frame["y_m"] - grid.y_m[row]).to_numpy()
        for technology in ("2G", "4G"):
            known = [
                reference_level(chimborazo, sector, row, col, turn_deg=turns[i])
                for i, sector in frame.iterrows()
                if sector["technology"] == technology and away[i] <= 20_000.0
            ]
            errors.append(result.levels[technology, "A"][row, col] - max(known, default=NO_SERVER_DBM))
    small_errors(np.array(errors))
