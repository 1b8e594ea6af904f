"""Measured levels find the sector that the maps would say, by day, operator and technology, or a reason why none."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from phusong.coverage.radio import level_at
from phusong.coverage.radio.link import links
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.pairing import PAIR_COLUMNS, pair_levels
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.grid import Grid, Raster

CRS = "EPSG:9212"
GRID = Grid(CRS, 540_000.0, 1_860_000.0, 100.0, (160, 160))
DAY = date(2012, 12, 31)


def hills(seed: int = 3) -> Raster:
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(GRID.x_m, GRID.y_m)
    height = np.full(GRID.shape, 60.0)
    for _ in range(25):
        cx, cy = rng.uniform(GRID.left_m, GRID.left_m + 16e3), rng.uniform(GRID.top_m - 16e3, GRID.top_m)
        height += rng.uniform(60, 350) * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / rng.uniform(400, 1500) ** 2)
    return Raster(GRID, height.astype(np.float32))


def network(count: int = 8, seed: int = 5) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Sites with three 2G sectors each, two operators by turns; the first also has 3G."""
    rng = np.random.default_rng(seed)
    at = [Point(GRID.left_m + e, GRID.top_m - s) for e, s in rng.uniform(2e3, 14e3, (count, 2))]
    sites = gpd.GeoDataFrame({"site_id": [f"S{i}" for i in range(count)]}, geometry=at, crs=CRS)
    rows = [
        (f"S{i}-{turn}", f"S{i}", "AB"[i % 2], "2G", 900.0, 30.0 + i, float(turn), 4.0)
        for i in range(count)
        for turn in (10, 130, 250)
    ]
    rows.append(("S0-3G", "S0", "A", "3G", 2100.0, 30.0, np.nan, 0.0))
    columns = ["sector_id", "site_id", "operator", "technology", "band_mhz", "height_m", "azimuth_deg"]
    return sites, pd.DataFrame(rows, columns=[*columns, "electrical_tilt_deg"])


def reports(count: int, seed: int = 7, **same: object) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    at = [Point(GRID.x_m[col], GRID.y_m[row]) for row, col in rng.integers(10, 150, (count, 2))]
    told = {"technology": "2G", "operator": "A", "as_of": pd.Timestamp(DAY)} | same
    return gpd.GeoDataFrame({name: [value] * count for name, value in told.items()}, geometry=at, crs=CRS)


@pytest.mark.parametrize("operator", ["A", "B", None])
def test_the_server_and_its_level_are_those_of_the_maps(operator: str | None) -> None:
    elevation, (sites, sectors) = hills(), network()
    told = reports(15, operator=operator)
    pairs = pair_levels(told, sites, sectors, terrain=Terrain.of(elevation), propagation=Propagation())
    assert list(pairs.columns) == list(PAIR_COLUMNS)
    assert (pairs["left_out"] == "").all()
    level = pairs["eirp_dbm"] - pairs["free_space_db"] - pairs["diffraction_db"]
    for place, row, found in zip(told.geometry, pairs.itertuples(), level, strict=True):
        ranked = level_at(place.x, place.y, sites=sites, sectors=sectors, elevation=elevation, on=DAY)
        same = ranked[(ranked["technology"] == "2G") & ((ranked["operator"] == operator) | (operator is None))]
        best = same.iloc[0]
        of_it = same[same["sector_id"] == row.sector_id].iloc[0]
        assert found == pytest.approx(of_it["level_dbm"], abs=0.2)  # the maps take the spherical Earth from a table
        assert of_it["level_dbm"] >= best["level_dbm"] - 0.2
        assert row.distance_m == pytest.approx(of_it["distance_m"])
        assert row.line_of_sight == of_it["line_of_sight"]


def test_every_sector_of_a_site_has_its_parts_and_the_strongest_comes_first() -> None:
    elevation, (sites, sectors) = hills(), network()
    x_m, y_m = float(GRID.x_m[73]), float(GRID.y_m[51])
    own = sectors[sectors["site_id"] == "S3"]
    found = links(sites, own, x_m=x_m, y_m=y_m, terrain=Terrain.of(elevation), propagation=Propagation())
    ranked = level_at(x_m, y_m, sites=sites, sectors=own, elevation=elevation, on=DAY)
    assert [link.sector["sector_id"] for link in found] == list(ranked["sector_id"])
    assert [link.level_dbm for link in found] == pytest.approx(list(ranked["level_dbm"]), abs=0.2)
    hata = Propagation(model="okumura-hata", offset_db=3.0)
    by_model = links(sites, own, x_m=x_m, y_m=y_m, terrain=Terrain.of(elevation), propagation=hata)
    ranked = level_at(x_m, y_m, sites=sites, sectors=own, elevation=elevation, on=DAY, propagation=hata)
    assert by_model[0].level_dbm == pytest.approx(ranked["level_dbm"].iloc[0], abs=1e-3)
    assert by_model[0].profile.loss_db == found[0].profile.loss_db


def test_a_sector_across_a_void_is_unknown_and_comes_last() -> None:
    values = np.full(GRID.shape, 100.0, dtype=np.float32)
    values[:, 40] = np.nan
    x_m, y_m = (float(GRID.x_m[50]), float(GRID.y_m[50]))
    sites, sectors = network(2)
    sites.geometry = [Point(GRID.x_m[30], y_m), Point(GRID.x_m[150], y_m)]  # the nearer one stands across the void
    found = links(sites, sectors, x_m=x_m, y_m=y_m, terrain=Terrain.of(Raster(GRID, values)), propagation=Propagation())
    known = [link.level_dbm for link in found if link.sector["site_id"] == "S1"]
    assert [link.sector["site_id"] for link in found] == ["S1"] * 3 + ["S0"] * 4
    assert known == sorted(known, reverse=True)
    assert np.isnan([link.level_dbm for link in found[3:]]).all()
    assert [link.sector["sector_id"] for link in found[3:]] == sorted(link.sector["sector_id"] for link in found[3:])


def test_only_what_is_on_air_that_day_serves() -> None:
    elevation, (sites, sectors) = hills(), network()
    sites["in_service_from"] = pd.to_datetime(["2012-12-01"] + ["2000-01-01"] * (len(sites) - 1))
    told = reports(1, technology="3G")
    for day, why in (("2012-11-30", "no_server"), ("2012-12-02", "")):
        at_day = told.assign(as_of=pd.Timestamp(day))
        pairs = pair_levels(at_day, sites, sectors, terrain=Terrain.of(elevation), propagation=Propagation())
        assert pairs["left_out"].tolist() == [why]


def test_each_reason_to_leave_a_report_out() -> None:
    elevation, (sites, sectors) = hills(), network()
    values = elevation.values.copy()
    values[20, :] = np.nan  # a void between the first report and every mast
    told = reports(7)
    told.loc[0, "geometry"] = Point(GRID.left_m + 8e3, GRID.top_m - 1_000.0)
    told.loc[1, "geometry"] = Point(GRID.left_m - 500.0, GRID.top_m - 3e3)
    told.loc[2, "geometry"] = box(GRID.left_m, GRID.top_m - 100, GRID.left_m + 100, GRID.top_m)
    told.loc[3, "geometry"] = None
    told.loc[4, "technology"] = None
    told.loc[5, "operator"] = "Z"
    sites.geometry = [Point(p.x, min(p.y, GRID.top_m - 3e3)) for p in sites.geometry]
    told.loc[6, "geometry"] = Point(sites.geometry.iloc[0].x + 300.0, sites.geometry.iloc[0].y)
    terrain = Terrain.of(Raster(GRID, values))
    pairs = pair_levels(told, sites, sectors, terrain=terrain, propagation=Propagation())
    why = ["void", "no_elevation", "no_place", "no_place", "no_technology", "no_server", ""]
    assert pairs["left_out"].tolist() == why
    assert pairs["sector_id"].notna().tolist() == [False] * 6 + [True]
    assert pairs["site_id"].iloc[6] == "S0"
