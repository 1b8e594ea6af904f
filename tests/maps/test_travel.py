"""Travel time on the map: its classes, its legend, the points of the service, in both languages."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from phusong.layers.grid import Grid, Raster
from phusong.maps.data import page_data
from phusong.maps.images import frame_of
from phusong.maps.page import map_html
from phusong.maps.travel import BOUNDS_MIN, TRAVEL_COLOURS, picture_classes, travel_classes
from phusong.maps.view import MapTravel

EVIL = "<img src=x onerror=alert(1)>"


def _load_province() -> Any:
    spec = importlib.util.spec_from_file_location("tests_maps_province", Path(__file__).with_name("province.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made = _load_province()


def to_service(view: Any, service: str, label: dict[str, str], *, names: list[str]) -> MapTravel:
    """Minutes that rise from west to east, the northern tenth not reached."""
    ground = view.elevation
    minutes = np.tile(np.linspace(0, 300, ground.grid.shape[1]), (ground.grid.shape[0], 1)).astype(np.float32)
    minutes[: ground.grid.shape[0] // 10] = -1
    spots = view.postal_points.geometry.iloc[: len(names)].to_crs("EPSG:4326")
    points = {
        "point_id": [f"{service}{i}" for i in range(len(names))],
        "name": names,
        "kind": ["commune_culture_post"] * len(names),
        "operator": [None] * len(names),
        "people_nearest": np.linspace(1000.4, 3000, len(names)),
        "in_reach_of_nobody": [False, True, *[None] * (len(names) - 2)],
    }
    told = {"vi": "đi bộ, mùa khô, chưa có dữ liệu đường sá", "en": "on foot, dry season, walking model, no roads"}
    return MapTravel(
        service, label, told, Raster(ground.grid, minutes), gpd.GeoDataFrame(points, geometry=list(spots), crs=4326)
    )


@pytest.fixture(scope="module")
def view() -> Any:
    bare = made.province(6, cell_m=600, villages=120, sites=40)
    post = to_service(
        bare, "post", {"vi": "điểm bưu chính", "en": "postal point"}, names=["Bưu điện Đông Hà", EVIL, "B"]
    )
    hospital = to_service(bare, "hospital", {"vi": "bệnh viện", "en": "hospital"}, names=["Bệnh viện tỉnh", "C"])
    return dataclasses.replace(bare, travel=(post, hospital))


def test_a_bound_belongs_to_the_nearer_class_and_not_reached_is_no_no_data() -> None:
    minutes = np.array([0, 15, 15.5, 30, 60, 61, 120, 240, 241, -1, -3, np.nan], dtype=np.float32)
    assert travel_classes(minutes).tolist() == [1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 7, 0]
    assert len(TRAVEL_COLOURS) == len(BOUNDS_MIN) + 3
    assert TRAVEL_COLOURS[0][3] == 0
    assert len(set(TRAVEL_COLOURS)) == len(TRAVEL_COLOURS)


def test_a_picture_shows_nothing_outside_and_keeps_its_cells() -> None:
    grid = Grid("EPSG:9212", 540_000.0, 1_850_000.0, 100.0, (40, 60))
    minutes = np.full(grid.shape, 10, dtype=np.float32)
    minutes[:, 30:] = 100
    minutes[30:] = np.nan
    raster = Raster(grid, minutes)
    classes = picture_classes(raster, frame_of(raster, longest_px=200))
    shares = np.bincount(classes.ravel(), minlength=8) / classes.size
    assert shares[1] == pytest.approx(0.375, abs=0.03)
    assert shares[4] == pytest.approx(0.375, abs=0.03)
    assert shares[0] == pytest.approx(0.25, abs=0.04)


def test_the_page_holds_picture_points_and_both_languages(view: Any) -> None:
    post, hospital = page_data(view)["travel"]
    assert (post["id"], hospital["id"]) == ("post", "hospital")
    assert post["label"] == {"vi": "điểm bưu chính", "en": "postal point"}
    assert post["url"].startswith("data:image/png;base64,")
    assert post["bounds_min"] == [15, 30, 60, 120, 240]
    assert post["unreached"] is True
    assert len(post["colours"]) == 7
    assert [row["lost"] for row in post["rows"]] == [False, True, False]
    fields = [field["id"] for field in post["fields"]]
    assert dict(zip(fields, post["rows"][0]["values"], strict=True))["people_nearest"] == 1000
    assert page_data(dataclasses.replace(view, travel=()))["travel"] == []


def test_a_picture_is_small(view: Any) -> None:
    with_it, without = (len(map_html(one)) for one in (view, dataclasses.replace(view, travel=())))
    assert with_it - without < 2 * 60_000


@pytest.fixture
def page(browser: Any, tmp_path: Path, view: Any) -> Iterator[tuple[Any, list[str]]]:
    path = tmp_path / "map.html"
    path.write_text(map_html(view), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    troubles: list[str] = []
    opened = context.new_page()
    opened.set_default_timeout(6000)
    opened.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda e: troubles.append(str(e)))
    opened.on("dialog", lambda dialog: troubles.append(dialog.message))
    opened.goto(path.as_uri())
    opened.wait_for_selector("body[data-ready=yes]")
    yield opened, troubles
    context.close()


@pytest.mark.browser
def test_travel_time_is_shown_with_its_points_in_both_languages(page: tuple[Any, list[str]]) -> None:
    shown, troubles = page
    assert shown.locator(".leaflet-service-pane path").count() == 0
    shown.click("text=Thời gian đi")
    legend = shown.inner_text("#legend")
    for text in ("Thời gian đi tới: điểm bưu chính (phút)", "đến 15", "từ 120 đến 240", "trên 240", "không tới được"):
        assert text in legend
    assert "chưa có dữ liệu đường sá" in legend
    picture = "document.querySelector('.leaflet-coverage-pane img')"
    assert shown.evaluate(f"{picture}.decode().then(() => {picture}.naturalWidth)") > 100
    assert shown.locator(".leaflet-service-pane path").count() == 3
    shown.click("#lang-en")
    shown.select_option("#travel", label="hospital")
    legend = shown.inner_text("#legend")
    for text in ("Travel time to: hospital (min)", "up to 15", "120 to 240", "not reached", "walking model, no roads"):
        assert text in legend
    assert shown.locator(".leaflet-coverage-pane img").count() == 1
    assert shown.locator(".leaflet-service-pane path").count() == 2
    assert shown.evaluate("document.activeElement.id") == "travel"
    shown.uncheck("#layer-service")
    assert shown.locator(".leaflet-service-pane path").count() == 0
    shown.check("#layer-service")
    shown.click("text=Communes")
    assert shown.locator(".leaflet-coverage-pane img").count() == 0
    assert shown.locator(".leaflet-service-pane path").count() == 0
    assert shown.locator("#layer-service").count() == 0
    assert troubles == []


@pytest.mark.browser
def test_a_point_tells_its_kind_and_whom_it_serves(page: tuple[Any, list[str]]) -> None:
    shown, troubles = page
    shown.click("#lang-en")
    shown.click("text=Travel time")
    names = shown.locator(".leaflet-service-pane path")
    names.nth(1).dispatch_event("click")
    shown.wait_for_selector(".popup")
    assert shown.evaluate("document.querySelector('.popup h2').textContent") == EVIL
    popup = shown.inner_text(".popup")
    for text in ("commune post and culture point", "People who reach it first", "Nobody has this point in reach"):
        assert text in popup
    assert "no roads" in popup
    assert shown.locator(".popup img").count() == 0
    assert troubles == []
