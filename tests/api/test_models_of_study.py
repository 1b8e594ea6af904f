"""Studies with the models that know no terrain: levels, limits and words, with and without terrain beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from phusong.api.pipeline import run
from phusong.api.steps import STEPS
from phusong.coverage.radio.site_general import path_loss
from phusong.layers.rasters import read_bands
from phusong.layers.study import Study, write_settings

MODELS = ("free-space", "okumura-hata", "cost231-hata", "rma", "uma")
BANDS_MHZ = {"2g": 900.0, "3g": 2100.0}
LIMITS = {
    "free-space": set(),
    "okumura-hata": {("2G", "DISTANCE"), ("3G", "DISTANCE"), ("3G", "FREQUENCY")},
    "cost231-hata": {(t, limit) for t in ("2G", "3G") for limit in ("DISTANCE", "FREQUENCY")},
    "rma": {("2G", "DISTANCE"), ("3G", "DISTANCE")},
    "uma": {(t, limit) for t in ("2G", "3G") for limit in ("DISTANCE", "BASE_HEIGHT")},
}
"""What 900 and 2,100 MHz at 36 m and up to 20 km break, by the table in docs/propagation.md."""


@pytest.fixture(scope="module")
def levels_of(tiny_study_of_module: Path) -> Any:
    """Run the tiny study with radio settings as far as the levels; Viettel's levels, dBm, by technology. Each once."""
    root, known = tiny_study_of_module, {}

    def levels(**radio: Any) -> dict[str, np.ndarray]:
        asked = tuple(sorted(radio.items()))
        if asked not in known:
            set_radio(root, **radio)
            run(Study(root), steps=STEPS[:2])
            rasters = {t: read_bands(root / "results" / f"coverage_{t}.tif")["Viettel"] for t in BANDS_MHZ}
            known[asked] = {t: raster.values for t, raster in rasters.items()}
        return known[asked]

    return levels


def set_radio(root: Path, *, language: str = "en", **radio: Any) -> None:
    settings = Study(root).settings
    plain = {"model": "delta-bullington", "terrain_k": None, "environment": "open", "offset_db": 0.0}
    changed = settings.radio.model_copy(update=plain | radio)
    write_settings(settings.model_copy(update={"radio": changed, "language": language}), root / "study.toml", lang="en")


def plain_cells(root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Cells of the plain that see the mast S1, and their distance from it, m."""
    grid = read_bands(root / "results" / "coverage_2g.tif")["any"].grid
    mast = gpd.read_file(Study(root).layers_path, layer="sites").geometry.iloc[0]
    away = np.hypot(grid.x_m[None, :] - mast.x, grid.y_m[:, None] - mast.y)
    return (away > 1200) & (away < 9000) & (grid.x_m[None, :] > mast.x), away


@pytest.mark.parametrize("model", MODELS)
def test_levels_are_those_of_the_formula(levels_of: Any, tiny_study_of_module: Path, model: str) -> None:
    """Against free space everything else of the link cancels out."""
    found, free = levels_of(model=model), levels_of(model="free-space")
    plain, away = plain_cells(tiny_study_of_module)
    for technology, mhz in BANDS_MHZ.items():
        losses = [
            path_loss(
                name, away[plain], frequency_mhz=mhz, base_height_m=36.0, environment="open", line_of_sight=True
            ).loss_db
            for name in (model.replace("-", "_"), "free_space")
        ]
        more_db = free[technology][plain] - found[technology][plain]
        known = np.isfinite(more_db)
        assert known.sum() > 300
        np.testing.assert_allclose(more_db[known], (losses[0] - losses[1])[known], atol=0.25)


@pytest.mark.parametrize("model", MODELS)
def test_terrain_beside_a_model_takes_whichever_is_more(levels_of: Any, model: str) -> None:
    alone, free, over = levels_of(model=model), levels_of(model="free-space"), levels_of(model=model, terrain_k=0.5)
    whole = levels_of(model="free-space", terrain_k=1.0)
    for technology in BANDS_MHZ:
        diffraction_db = free[technology] - whole[technology]
        expected = np.minimum(alone[technology], free[technology] - 0.5 * diffraction_db)
        known = np.isfinite(expected)
        assert np.nanmax(diffraction_db) > 30.0
        error = np.abs(over[technology] - expected)[known]
        assert np.quantile(error, 0.99) < 0.5
        assert error.max() < 6.0  # on the shadow's edge, between a ray that sees the mast and one that does not


@pytest.mark.parametrize("model", MODELS)
def test_a_run_tells_the_limits_that_a_model_breaks(tiny_study_of_module: Path, model: str) -> None:
    root = tiny_study_of_module
    set_radio(root, model=model, language="vi", terrain_k=0.7, offset_db=-2.5)
    run(Study(root), steps=STEPS[:2])
    limits = pd.read_csv(root / "results" / "model_limits.csv", encoding="utf-8-sig")
    assert set(zip(limits["technology"], limits["limit"], strict=True)) == LIMITS[model]
    assert all("mô hình áp dụng được" in note for note in limits["note"])
    with rasterio.open(root / "results" / "class_2g.tif") as source:
        told = {name: source.tags().get(name) for name in ("model", "environment", "terrain_k", "offset_db")}
    environment = "open" if model.endswith("hata") else None
    assert told == {"model": model, "environment": environment, "terrain_k": "0.7", "offset_db": "-2.5"}
