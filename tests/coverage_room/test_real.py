"""Real communes of 2012 with their census people on the real coarse elevation; skipped where PHUSONG_DATA is not."""

import math
import os
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from phusong.coverage.population import distribute
from phusong.coverage.unit_indicators import unit_indicators
from phusong.coverage.zonal import zones
from phusong.layers.grid import Grid
from phusong.layers.rasters import warp_to

DATA = os.environ.get("PHUSONG_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="PHUSONG_DATA is not set")


def test_quang_tri_2012(layer):
    raw = gpd.read_file(Path(DATA) / "communes_2012_4prov.gpkg").to_crs("EPSG:9212")
    raw = raw[raw["province"] == "Quang Tri"].reset_index(drop=True)
    rows = [
        {"code": str(code), "name": name, "district": district, "population": float(people)}
        for code, name, district, people in zip(
            raw["gso_code"], raw["name"], raw["district"], raw["pop_2019"], strict=True
        )
    ]
    units = layer("units", rows, list(raw.geometry))
    grid = Grid.covering(tuple(units.total_bounds), crs="EPSG:9212", cell_m=250.0, margin_m=500.0)
    elevation = warp_to(Path(DATA) / "vietnam_topo_itu_p1511_5min.tif", grid)
    found = zones(units, grid=grid)
    people = distribute(found, units, villages=None, elevation=elevation)

    assert len(units) == 141
    assert found.area_km2.sum() == pytest.approx(units.geometry.area.sum() / 1e6, rel=1e-9)
    assert found.area_km2 == pytest.approx(raw["area_ha_geom"].to_numpy(float) / 100, rel=0.01)
    assert np.bincount(found.cell, weights=found.fraction).max() < 1 + 1e-6  # a clean coverage: no land twice
    assert math.fsum(people.people) == pytest.approx(632_029, abs=1e-6)  # the census of 2019 without Con Co
    assert float(np.nansum(people.raster.values, dtype=np.float64)) == pytest.approx(632_029, rel=1e-6)

    table = unit_indicators({"units": units}, people=people, elevation=elevation, on=date(2012, 12, 31))
    flags = pd.read_csv(Path(DATA) / "quangtri_flags.csv", dtype={"gso_code": str}).set_index("gso_code")
    height = flags["elev_mean_5min_m"].reindex(table["code"]).to_numpy()
    assert np.corrcoef(table["elevation_mean_m"], height)[0, 1] > 0.99
    assert np.median(np.abs(table["elevation_mean_m"] - height)) < 10
    density = flags["density_2019"].reindex(table["code"]).to_numpy()
    assert table["density_per_km2"].to_numpy() == pytest.approx(density, rel=0.05)
    high = table.groupby("district")["mountainous"].mean()
    assert high["Huyện Hướng Hóa"] > 0.5 > high["Huyện Hải Lăng"]
