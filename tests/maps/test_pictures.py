"""Classes, hillshade, warped rasters and the still map."""

from __future__ import annotations

import base64
import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pyproj import Transformer

from phusong.layers.grid import Grid, Raster
from phusong.maps.classes import LEVEL_COLOURS, breaks_of, class_index, colours_of
from phusong.maps.images import coverage_classes, frame_of, margin_classes, palette_png_uri, shade, warp
from phusong.maps.static import map_png

GRID = Grid("EPSG:9212", 540_000.0, 1_860_000.0, 500.0, (60, 80))


def test_a_warped_cell_lies_where_the_projection_puts_it() -> None:
    values = np.full(GRID.shape, -120.0, dtype=np.float32)
    values[12, 50] = -70.0
    raster = Raster(GRID, values)
    frame = frame_of(raster, longest_px=800)
    rows, cols = np.nonzero(warp(values, raster, frame, smooth=False) == -70.0)
    assert rows.size
    x, y = frame.transform @ (cols.mean() + 0.5, rows.mean() + 0.5)
    true_x, true_y = Transformer.from_crs("EPSG:9212", "EPSG:3857", always_xy=True).transform(
        GRID.x_m[50], GRID.y_m[12]
    )
    assert abs(x - true_x) < GRID.cell_m
    assert abs(y - true_y) < GRID.cell_m


def test_coverage_classes_and_transparent_no_data() -> None:
    values = np.repeat([np.nan, -np.inf, 0.0, 15.0, 25.0, 55.0], 10).astype(np.float32)
    raster = Raster(Grid("EPSG:9212", 540_000.0, 1_860_000.0, 500.0, (60, 60)), np.tile(values, (60, 1)))
    classes = coverage_classes(raster, frame_of(raster, longest_px=400))
    middle = classes[classes.shape[0] // 2]
    assert set(middle.tolist()) == {0, 1, 2, 3, 4, 5}
    picture = Image.open(io.BytesIO(base64.b64decode(palette_png_uri(classes, LEVEL_COLOURS).split(",")[1])))
    rgba = np.asarray(picture.convert("RGBA"))
    assert (rgba[classes == 0][:, 3] == 0).all()
    assert (rgba[classes == 5] == LEVEL_COLOURS[5]).all()


def test_covered_is_from_a_margin_of_zero_up() -> None:
    margins = np.array([np.nan, -np.inf, -30.0, -0.001, 0.0, 9.99, 10.0, 20.0, 29.9, 30.0, 80.0], dtype=np.float32)
    assert margin_classes(margins).tolist() == [0, 1, 1, 1, 2, 2, 3, 4, 4, 5, 5]


def test_light_from_the_north_west() -> None:
    x, y = np.meshgrid(np.arange(40.0), np.arange(40.0))
    falls_north_west = shade((0.3 * 90 * (x + y)).astype(np.float32), cell_m=90.0)
    falls_south_east = shade((-0.3 * 90 * (x + y)).astype(np.float32), cell_m=90.0)
    flat = shade(np.zeros((5, 5), dtype=np.float32), cell_m=90.0)
    assert falls_north_west.mean() > flat.mean() > falls_south_east.mean()
    assert flat == pytest.approx(np.sin(np.radians(45.0)), abs=1e-6)


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60),
    st.sampled_from(["%", "km"]),
)
def test_every_value_falls_in_one_class_that_holds_it(values: list[float], unit: str) -> None:
    array = np.array(values)
    bounds = breaks_of(array, unit=unit)
    index = class_index(array, bounds)
    assert ((index == -1) == np.isnan(array)).all()
    assert bounds == sorted(bounds)
    for value, i in zip(array, index, strict=True):
        if i >= 0:
            slack = 1e-9 * max(1.0, abs(value))
            assert bounds[i] - slack <= value <= bounds[i + 1] + slack


def test_percent_has_the_same_bounds_always() -> None:
    assert breaks_of(np.array([3.0, 99.0]), unit="%") == breaks_of(np.array([80.0, 81.0]), unit="%")
    assert colours_of(6, "better") == colours_of(6, "worse")[::-1]


def test_the_still_map_is_a_picture(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("tests_maps_province", Path(__file__).with_name("province.py"))
    assert spec is not None
    assert spec.loader is not None
    made: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    view = made.renamed(made.province(6, cell_m=900, villages=40, sites=20), "$\\frac{a}$ <b>")
    for lang in ("vi", "en"):
        path = tmp_path / f"{lang}.png"
        map_png(view, path, lang=lang, width_px=500)
        picture = Image.open(path)
        assert picture.width == 500
        assert len(picture.convert("RGB").getcolors(10**6) or []) > 500
    assert (tmp_path / "vi.png").read_bytes() != (tmp_path / "en.png").read_bytes()
    with pytest.raises(KeyError):
        map_png(view, tmp_path / "no.png", indicator="nowhere")
