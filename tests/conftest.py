"""A tiny study built in code: four communes of 8 x 8 km, a ridge, two masts in the east; and a browser for pages."""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import write_cog
from phusong.layers.study import PlanSettings, Province, RuleSettings, Settings, write_settings
from phusong.layers.writers.vectors import write_gpkg

CRS = "EPSG:9212"
LEFT, BOTTOM, SIDE = 540_000.0, 1_840_000.0, 8_000.0
AS_OF = pd.Timestamp("2012-12-31")


def frame(rows: dict[str, list[object]], geometry: list[object] | None = None) -> pd.DataFrame:
    """Rows with the common columns; a GeoDataFrame where there is geometry."""
    table = pd.DataFrame(rows)
    if "as_of" not in table:
        table["as_of"] = AS_OF
    table["source"] = "test"
    table["synthetic"] = True
    return table if geometry is None else gpd.GeoDataFrame(table, geometry=geometry, crs=CRS)


def tiny_layers() -> dict[str, pd.DataFrame]:
    """Layers of the tiny study; the western communes lie behind the ridge."""
    corners = [(LEFT + c * SIDE, BOTTOM + r * SIDE) for r in (0, 1) for c in (0, 1)]
    codes = ["T1", "T2", "T3", "T4"]
    names = ["Hướng Tây", "Đông Hòa", "<img src=x onerror=alert(1)>", "Đông Bắc"]
    villages = [(x + dx, y + 4000) for x, y in corners for dx in (2000, 6000)]
    east = [(LEFT + SIDE + 4000, BOTTOM + 4000), (LEFT + SIDE + 4000, BOTTOM + SIDE + 4000)]
    technologies = ["2G", "3G", "2G", "3G"]
    return {
        "units": frame(
            {
                "code": codes,
                "valid_on": [AS_OF] * 4,
                "name": names,
                "district": ["Tây", "Đông", "Tây", "Đông"],
                "population": [1000.0, 5000.0, 800.0, 3000.0],
                "households": [250.0, 1250.0, 200.0, 750.0],
                "area_km2": [64.0] * 4,
                "counted": [True] * 4,
                "land_border": [True, False, True, False],
                "programme": [True, False, True, False],
            },
            [box(x, y, x + SIDE, y + SIDE) for x, y in corners],
        ),
        "villages": frame(
            {
                "code": [f"V{i}" for i in range(8)],
                "name": [f"Thôn {i}" for i in range(8)],
                "unit_code": [code for code in codes for _ in (0, 1)],
                "population": [500.0, 500.0, 2500.0, 2500.0, 400.0, 400.0, 1500.0, 1500.0],
                "households": [125.0, 125.0, 625.0, 625.0, 100.0, 100.0, 375.0, 375.0],
                "grid_power": [False, True, True, True, True, True, True, True],
            },
            [Point(x, y) for x, y in villages],
        ),
        "sites": frame(
            {
                "site_id": ["S1", "S2"],
                "owner": ["Viettel", "VNPT"],
                "status": ["in_service"] * 2,
                "shared": [True, False],
            },
            [Point(x, y) for x, y in east],
        ),
        "sectors": frame(
            {
                "sector_id": [f"S{i}" for i in range(4)],
                "site_id": ["S1", "S1", "S2", "S2"],
                "operator": ["Viettel", "Viettel", "VNPT", "VNPT"],
                "technology": technologies,
                "height_m": [36.0] * 4,
            }
        ),
        "signal_reports": frame(
            {
                "report_id": ["R1", "R2"],
                "village_code": ["V0", "V2"],
                "operator": [None, None],
                "technology": [None, "2G"],
                "has_signal": [False, True],
                "place": ["centre", "centre"],
            },
            [Point(*villages[0]), Point(*villages[2])],
        ),
        "postal_points": frame(
            {
                "point_id": ["P1", "P2", "P3"],
                "kind": ["commune_culture_post", "post_office", "post_office"],
                "operator": ["VNPost"] * 3,
                "unit_code": ["T1", "T2", "T4"],
                "same_day_mail": [False, True, True],
            },
            [Point(*villages[1]), Point(*villages[2]), Point(*villages[6])],
        ),
        "broadband": frame(
            {
                "code": codes * 2,
                "valid_on": [AS_OF] * 8,
                "as_of": [pd.Timestamp("2011-12-31")] * 4 + [AS_OF] * 4,
                "broadband_subscribers": [5.0, 200.0, 4.0, 100.0, 6.0, 250.0, 5.0, 120.0],
                "telephone_subscribers": [300.0, 4000.0, 200.0, 2500.0] * 2,
                "telephone_access_point": [True] * 8,
                "public_internet_point": [False, True, False, True] * 2,
            }
        ),
        "facilities": frame(
            {
                "facility_id": ["F1", "F2"],
                "kind": ["lower_secondary_school", "lower_secondary_school"],
                "unit_code": ["T1", "T2"],
                "broadband": [False, True],
                "lan": [False, True],
            },
            [Point(*villages[0]), Point(*villages[2])],
        ),
    }


def tiny_elevation(cell_m: float = 250.0) -> Raster:
    """Plain in the east, a ridge of about 900 m along the middle, a high valley in the west."""
    grid = Grid.covering((LEFT, BOTTOM, LEFT + 2 * SIDE, BOTTOM + 2 * SIDE), crs=CRS, cell_m=cell_m, margin_m=4000)
    east_km = (grid.x_m - (LEFT + SIDE - 1500)) / 1000
    height = 20 + 300 * (east_km < 0) + 900 * np.exp(-((east_km / 1.2) ** 2))
    return Raster(grid, np.repeat(height[None, :], grid.shape[0], axis=0).astype(np.float32), {"synthetic": "yes"})


def write_tiny_study(
    root: Path, layers: dict[str, pd.DataFrame] | None = None, elevation: Raster | None = None
) -> Path:
    """Write the tiny study as a folder."""
    (root / "rasters").mkdir(parents=True)
    settings = Settings(
        name="Tiny (synthetic)",
        language="en",
        units_valid_on=date(2012, 12, 31),
        crs=CRS,
        cell_m=250.0,
        synthetic=True,
        province=Province(name="Tiny", area_km2=256.0),
        rules=RuleSettings(packs=("resolution_08", "mobile_signal", "postal_qcvn1")),
        plan=PlanSettings(technology="2G", budget_vnd=3e9, max_candidates=20),
    )
    write_settings(settings, root / "study.toml", lang="en")
    write_gpkg(tiny_layers() if layers is None else layers, root / "layers.gpkg")
    write_cog(tiny_elevation() if elevation is None else elevation, root / "rasters" / "elevation.tif")
    return root


@pytest.fixture
def make_tiny_study() -> Callable[..., Path]:
    """The writer, for tests that change the layers first."""
    return write_tiny_study


@pytest.fixture
def layers_of_tiny() -> dict[str, pd.DataFrame]:
    """The layers, to be changed by a test."""
    return tiny_layers()


@pytest.fixture
def tiny_study(tmp_path: Path) -> Path:
    """A fresh tiny study without results."""
    return write_tiny_study(tmp_path / "study")


@pytest.fixture(scope="module")
def tiny_study_of_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, one for all tests of a module that only read it."""
    return write_tiny_study(tmp_path_factory.mktemp("tiny") / "study")


@pytest.fixture
def elevation_of_tiny() -> Raster:
    """The elevation, to be changed by a test."""
    return tiny_elevation()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium for all tests of a module; without one on the machine they are skipped."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    api = pytest.importorskip("playwright.sync_api")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=found, args=flags)
        yield chromium
        chromium.close()
