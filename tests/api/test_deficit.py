"""Sectors that must bring more than their technology asks: all that says "covered" says it of the same cells."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from PIL import Image
from pyproj import Transformer

from phusong.api.app import create_app
from phusong.api.pipeline import read_study, run
from phusong.api.steps import STEPS
from phusong.layers.grid import Grid
from phusong.layers.rasters import read_bands
from phusong.layers.study import RadioLink, Study, write_settings
from phusong.layers.writers.vectors import put_layer
from phusong.maps.classes import LEVEL_COLOURS

Client = Any  # tests/api/conftest.py
TECHNOLOGIES = ("2g", "3g")
OPERATORS = ("Viettel", "VNPT")
DEAF = {"S0": -60.0, "S1": -75.0, "S3": -80.0}
"""What the bases just hear, dBm: one 2G of two and all 3G hear badly."""


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    """The tiny study, run with the way back counted and bases that hear badly."""
    study = Study(tiny_study_of_module)
    radio = study.settings.radio.model_copy(update={"link": RadioLink(uplink=True)})
    write_settings(study.settings.model_copy(update={"radio": radio}), study.root / "study.toml", lang="en")
    sectors = read_study(study).layers["sectors"]
    sectors["base_sensitivity_dbm"] = sectors["sector_id"].map(DEAF)
    put_layer(sectors, study.layers_path, layer="sectors")
    run(Study(study.root), steps=STEPS)
    return study.root


@pytest.fixture(scope="module")
def client(done: Path, client_of: Callable[..., Client]) -> Client:
    return client_of(create_app(done))


def bands(root: Path, stem: str) -> dict[str, np.ndarray]:
    return {name: raster.values for name, raster in read_bands(root / "results" / f"{stem}.tif").items()}


def classes(root: Path, technology: str) -> dict[str, np.ndarray]:
    """Of "any" and of each operator; NaN no data."""
    own = {name: f"class_{technology}_{name.lower()}" for name in OPERATORS}
    stems = {"any": f"class_{technology}"} | own
    return {name: next(iter(bands(root, stem).values())) for name, stem in stems.items()}


def grid_of(root: Path) -> Grid:
    return read_bands(root / "results" / "coverage_2g.tif")["any"].grid


def judged_by_hand(root: Path, technology: str, operator: str) -> tuple[np.ndarray, np.ndarray]:
    """Class of each cell by what its own server must bring, and where its technology's need would mislead."""
    sectors = pd.read_parquet(root / "results" / "sectors.parquet")
    level, server = bands(root, f"coverage_{technology}")[operator], bands(root, f"servers_{technology}")[operator]
    known = server >= 0
    need = np.full(level.shape, np.inf)
    need[known] = sectors["required_dbm"].to_numpy()[server[known].astype(int)]
    found = 1.0 + sum((level >= need + over).astype(float) for over in (0.0, 10.0, 20.0, 30.0))
    asked = json.loads((root / "results" / "radio.json").read_text())["required_dbm"][technology.upper()]
    return np.where(np.isnan(level), np.nan, found), (level >= asked) & (level < need)


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_the_rasters_judge_by_what_the_server_must_bring(done: Path, technology: str) -> None:
    drawn, serving = classes(done, technology), bands(done, f"serving_{technology}")
    misleading = 0
    for name in OPERATORS:
        by_hand, between = judged_by_hand(done, technology, name)
        np.testing.assert_array_equal(drawn[name], by_hand)
        assert (serving[name][by_hand >= 2] >= 1).all()
        misleading += int(between.sum())
    assert misleading > 100
    np.testing.assert_array_equal(drawn["any"], np.fmax(drawn["Viettel"], drawn["VNPT"]))
    chance = bands(done, f"probability_{technology}")
    for name, of in drawn.items():
        assert (chance[name][of >= 2] >= 50).all()
        assert (chance[name][of == 1] <= 50).all()


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_the_any_band_is_of_the_operator_that_covers(done: Path, technology: str) -> None:
    """The stronger operator may be the one that does not cover."""
    sectors = pd.read_parquet(done / "results" / "sectors.parquet")
    level, server = (bands(done, f"{kind}_{technology}") for kind in ("coverage", "servers"))
    known = server["any"] >= 0
    need = sectors["required_dbm"].to_numpy()[server["any"][known].astype(int)]
    np.testing.assert_array_equal(level["any"][known] >= need, classes(done, technology)["any"][known] >= 2)
    strongest = np.fmax(level["Viettel"], level["VNPT"])
    assert (level["any"][known] < strongest[known]).any()


def test_the_picture_of_the_map_page_shows_the_same(done: Path) -> None:
    page = (done / "results" / "map.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="phusong-data">(.*?)</script>', page, re.S)
    assert found is not None
    data = json.loads(found.group(1))
    sectors = pd.read_parquet(done / "results" / "sectors.parquet").groupby("technology")["required_dbm"]
    grid = grid_of(done)
    to_web = Transformer.from_crs(grid.crs, "EPSG:3857", always_xy=True)
    for coverage in data["coverage"]:
        technology = coverage["technology"]
        least, most = coverage["required_dbm"]
        assert (least, most) == pytest.approx((sectors.min()[technology], sectors.max()[technology]), abs=0.01)
        assert most > least
        (south, west), (north, east) = coverage["bounds"]
        left, bottom = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(west, south)
        right, top = Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(east, north)
        picture = Image.open(io.BytesIO(base64.b64decode(coverage["url"].split(",")[1]))).convert("RGBA")
        pixels = np.asarray(picture)
        drawn = classes(done, technology.lower())["any"]
        x, y = to_web.transform(*np.meshgrid(grid.x_m, grid.y_m))
        col = ((x - left) / (right - left) * pixels.shape[1]).astype(int)
        row = ((top - y) / (top - bottom) * pixels.shape[0]).astype(int)
        colours = np.array(LEVEL_COLOURS)[np.nan_to_num(drawn).astype(int)]
        visible = ~np.isnan(drawn)
        assert (pixels[row, col] == colours)[visible].all(axis=-1).mean() > 0.98


@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_a_point_is_answered_as_it_is_drawn(done: Path, client: Client, technology: str) -> None:
    grid, drawn = grid_of(done), classes(done, technology)
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    rng = np.random.default_rng(3)
    told: list[bool] = []
    for name in OPERATORS:
        _, between = judged_by_hand(done, technology, name)
        cells = [*rng.permutation(np.argwhere(between))[:4], *rng.permutation(np.argwhere(drawn[name] >= 2))[:4]]
        for row, col in cells:
            lon, lat = to_degrees.transform(grid.x_m[col], grid.y_m[row])
            for level in client.json("/coverage", params={"lon": lon, "lat": lat})["levels"]:
                if level["technology"] == technology.upper():
                    assert level["usable"] == (drawn[level["operator"] or "any"][row, col] >= 2)
                    assert level["usable"] == (level["level_dbm"] >= level["usable_dbm"])
                    told.append(level["usable"])
    assert {True, False} == set(told)


def test_communes_villages_and_paths_say_the_same(done: Path, client: Client) -> None:
    grid = grid_of(done)
    units = pd.read_parquet(done / "results" / "units.parquet").set_index("code")
    inputs = read_study(Study(done))
    for technology in TECHNOLOGIES:
        drawn = classes(done, technology)["any"]
        for code, shape in zip(inputs.layers["units"]["code"], inputs.layers["units"].geometry, strict=True):
            left, bottom, right, top = shape.bounds
            inside = np.ix_((grid.y_m > bottom) & (grid.y_m < top), (grid.x_m > left) & (grid.x_m < right))
            share = 100.0 * (drawn[inside] >= 2).mean()
            assert units.loc[code, f"area_covered_{technology}_pct"] == pytest.approx(share, abs=1e-6)
    villages = pd.read_parquet(done / "results" / "villages.parquet").set_index("code")
    said: list[bool] = []
    for code, place in zip(inputs.layers["villages"]["code"], inputs.layers["villages"].geometry, strict=True):
        for technology in TECHNOLOGIES:
            with rasterio.open(done / "results" / f"class_{technology}.tif") as source:
                seen = next(source.sample([(place.x, place.y)]))[0] >= 2
            assert villages.loc[code, f"centre_covered_{technology}"] == seen
        for sector, technology, operator in (("S0", "2g", "Viettel"), ("S1", "3g", "Viettel"), ("S3", "3g", "VNPT")):
            path = client.json("/profile", params={"from": sector, "to": code})["sector"]
            if abs(path["level_dbm"] - path["usable_dbm"]) > 3.0:  # the village is not at the centre of its cell
                with rasterio.open(done / "results" / f"class_{technology}_{operator.lower()}.tif") as source:
                    assert path["usable"] == (next(source.sample([(place.x, place.y)]))[0] >= 2)
                said.append(path["usable"])
    assert {True, False} == set(said)
