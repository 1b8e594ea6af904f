"""The whole job on real communes, counters and elevation, and the radio step on real mountains with real cells.

The data is found through PHUSONG_DATA; without it these tests skip.
"""

import os
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from shapely.geometry import box

from phusong.api.pipeline import run
from phusong.api.steps import STEPS
from phusong.layers.importing import import_files
from phusong.layers.office import Asked
from phusong.layers.rasters import read_bands
from phusong.layers.sample.study import write_sample
from phusong.layers.store import Results
from phusong.layers.study import RadioSettings, Settings, Study, write_settings
from phusong.layers.writers.vectors import write_gpkg

DATA = Path(os.environ.get("PHUSONG_DATA", "/nowhere"))
DAY = pd.Timestamp("2012-12-31")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not DATA.is_dir(), reason="PHUSONG_DATA is not set")]


def real_units() -> gpd.GeoDataFrame:
    """The 141 communes of 2012 with the people of the census of 2019, under the schema's names."""
    communes = gpd.read_file(DATA / "communes_2012_4prov.gpkg")
    communes = communes[communes["province"] == "Quang Tri"].reset_index(drop=True)
    flags = pd.read_csv(DATA / "quangtri_flags.csv", dtype={"gso_code": str}).set_index("gso_code")
    flags = flags.loc[communes["gso_code"]].reset_index()
    return gpd.GeoDataFrame(
        {
            "code": communes["gso_code"],
            "valid_on": DAY,
            "name": communes["name"],
            "district": communes["district"],
            "kind": communes["type"].map({"Xã": "commune", "Phường": "ward", "Thị trấn": "township"}),
            "population": communes["pop_2019"].astype(float),
            "households": communes["households_2019"].astype(float),
            "area_km2": communes["area_ha_geom"] / 100,
            "land_border": flags["laos_border_geom"] == 1,
            "sea_border": flags["coast_geom"] == 1,
            "as_of": pd.Timestamp("2019-04-01"),
            "source": "census of 2019",
            "synthetic": False,
        },
        geometry=communes.geometry,
    )


def real_counters() -> pd.DataFrame:
    """The real postal counters of the province."""
    counters = pd.read_csv(DATA / "post_offices_vnpost_4prov.csv", dtype=str)
    counters = counters[counters["prov"] == "Quang Tri"]
    return pd.DataFrame(
        {
            "point_id": counters["code"],
            "name": counters["name"],
            "kind": "post_office",
            "operator": "VNPost",
            "unit_code": counters["gso_code"],
            "lon": counters["lon_commune"],
            "lat": counters["lat_commune"],
            "as_of": "2024-05-01",
            "source": "list of counters",
            "synthetic": "no",
        }
    )


@pytest.fixture(scope="module")
def quang_tri(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of the real province, the rest generated around it, run at 270 m."""
    home = tmp_path_factory.mktemp("real")
    real_units().to_file(home / "communes.gpkg", layer="units")
    real_counters().to_csv(home / "counters.csv", index=False)
    root = home / "study"
    write_sample(
        root,
        lang="vi",
        units_file=home / "communes.gpkg",
        elevation_file=DATA / "vietnam_topo_itu_p1511_5min.tif",
        given_files={"postal_points": home / "counters.csv"},
        cell_m=270.0,
    )
    run(Study(root), steps=STEPS)
    return root


def test_real_communes_keep_what_they_are(quang_tri: Path) -> None:
    units = gpd.read_parquet(Results(quang_tri).path("units.parquet"))
    real = real_units()
    assert list(units["code"]) == list(real["code"])
    assert list(units["name"]) == list(real["name"])
    assert np.array_equal(units["people"], real["population"])
    assert units["land_border"].sum() == 16
    assert units.geometry.area.sum() / 1e6 == pytest.approx(4690, abs=2)


def test_real_and_synthetic_rows_are_told_apart(quang_tri: Path) -> None:
    layers = quang_tri / "layers.gpkg"
    posts = gpd.read_file(layers, layer="postal_points")
    assert len(posts) == 156
    assert (~posts["synthetic"].astype(bool)).sum() == 26
    assert gpd.read_file(layers, layer="sites")["synthetic"].all()
    units = gpd.read_file(layers, layer="units")
    assert set(units["source"].str[:14]) == {"census of 2019"}


def test_the_gaps_fall_in_the_western_mountains(quang_tri: Path) -> None:
    gaps = gpd.read_parquet(Results(quang_tri).path("gaps.parquet"))
    assert set(gaps.head(10)["district"]) <= {"Huyện Hướng Hóa", "Huyện Đa Krông", "Huyện Đakrông"}
    assert gaps.head(10)["classes"].str.contains("mountainous").all()


def test_the_real_mean_height_is_kept(quang_tri: Path) -> None:
    units = pd.read_parquet(Results(quang_tri).path("units.parquet"))
    mean_m = np.average(units["elevation_mean_m"], weights=units["area_km2"])
    assert mean_m == pytest.approx(264, abs=8)  # the coarse map's own mean over the province


def clustered_sites(reach_m: float = 700.0) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Cells of each network clustered in space (complete linkage, at most ``reach_m`` across) into sites.

    Positions are centroids of what phones measured on roads, so a site is only near its real mast.
    """
    cells = pd.read_csv(DATA / "chimborazo_cells_opencellid.csv.gz")
    points = gpd.GeoSeries(gpd.points_from_xy(cells["lon"], cells["lat"]), crs="EPSG:4326").to_crs("EPSG:32717")
    cells["x"], cells["y"] = points.x, points.y
    cells["technology"] = cells["radio"].map({"GSM": "2G", "UMTS": "3G", "LTE": "4G"})
    cells["operator"] = "network " + cells["net"].astype(str)
    rows = []
    for operator, own in cells.groupby("operator"):
        label = fcluster(linkage(own[["x", "y"]], "complete"), reach_m, "distance")
        for (number, technology), members in own.groupby([label, "technology"]):
            rows.append((f"{operator}-{number}", operator, technology, members["x"].mean(), members["y"].mean()))
    table = pd.DataFrame(rows, columns=["site_id", "operator", "technology", "x", "y"])
    places = table.groupby("site_id")[["x", "y"]].mean().reset_index()
    common = {"as_of": pd.Timestamp("2022-12-31"), "source": "OpenCelliD (CC BY-SA 4.0)", "synthetic": False}
    sites = gpd.GeoDataFrame(
        {"site_id": places["site_id"], **common},
        geometry=gpd.points_from_xy(places["x"], places["y"]),
        crs="EPSG:32717",
    )
    sectors = table.assign(sector_id=table["site_id"] + "-" + table["technology"], height_m=30.0, **common)
    return sites, sectors[["sector_id", "site_id", "operator", "technology", "height_m", *common]]


@pytest.fixture(scope="module")
def chimborazo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine squares of real mountains at 180 m with real cells; nobody's number is known there."""
    root = tmp_path_factory.mktemp("chimborazo")
    settings = Settings(
        name="Chimborazo",
        language="en",
        units_valid_on=date(2022, 12, 31),
        crs="EPSG:32717",
        cell_m=180.0,
        radio=RadioSettings(max_range_km=15.0),
    )
    write_settings(settings, root / "study.toml", lang="en")
    west, north = 730_000.0, 9_860_000.0
    squares = [(row, col) for row in range(3) for col in range(3)]
    units = gpd.GeoDataFrame(
        {
            "code": [f"{row}{col}" for row, col in squares],
            "valid_on": pd.Timestamp("2022-12-31"),
            "name": [f"Square {row + 1}.{col + 1}" for row, col in squares],
            "population": np.nan,
            "as_of": pd.Timestamp("2022-12-31"),
            "source": "squares of 20 km",
            "synthetic": False,
        },
        geometry=[
            box(west + c * 2e4, north - (r + 1) * 2e4, west + (c + 1) * 2e4, north - r * 2e4) for r, c in squares
        ],
        crs="EPSG:32717",
    )
    sites, sectors = clustered_sites()
    write_gpkg({"units": units, "sites": sites, "sectors": sectors}, root / "layers.gpkg")
    import_files(root, "elevation", [DATA / "chimborazo_dem_srtm3.tif"], asked=Asked(source="SRTM"))
    run(Study(root), steps=STEPS)
    return root


def test_radio_on_real_mountains(chimborazo: Path) -> None:
    results = Results(chimborazo)
    counts = results.record()["steps"]["radio"]["counts"]
    assert counts["masts"] > 150
    assert counts["pairs"] > counts["cells_wanted"]  # a cell is reached by more than one mast
    bands = read_bands(results.path("coverage_2g.tif"))
    level = bands["any"].values
    known = level[~np.isnan(level)]
    assert len(known) > 100_000
    assert known.max() < 0
    share = (known >= -95).mean()
    assert 0.2 < share < 0.9  # mountains: neither bare nor full
    units = pd.read_parquet(results.path("units.parquet"))
    assert units["people"].isna().all()
    assert units["people_covered_2g_pct"].isna().all()  # no people known: no data, not 0
    assert units["area_covered_2g_pct"].between(0, 100).all()
