"""What the server and the command line say of travel to services in the tiny study."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from pydantic import BaseModel
from pyproj import Transformer
from shapely.geometry import LineString, Point, shape

from phusong.api import access_models
from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.pipeline import read_study, run
from phusong.api.steps import STEPS
from phusong.api.trips import duration
from phusong.layers.study import Study
from phusong.layers.writers.vectors import put_layer

Client = Any  # tests/api/conftest.py
LEFT, BOTTOM, SIDE = 540_000.0, 1_840_000.0, 8_000.0
TO_DEGREES = Transformer.from_crs("EPSG:9212", "EPSG:4326", always_xy=True)


def degrees(x_m: float, y_m: float) -> dict[str, float]:
    lon, lat = TO_DEGREES.transform(x_m, y_m)
    return {"lon": lon, "lat": lat}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, tiny_study_of_module: Path) -> Path:
    """The tiny study with results, its north-western commune behind a river without a crossing."""
    line = LineString(
        [(LEFT - 9000, BOTTOM + SIDE + 37), (LEFT + SIDE, BOTTOM + SIDE + 37), (LEFT + SIDE, BOTTOM + 90_000)]
    )
    river = gpd.GeoDataFrame(
        {"river_id": ["R"], "name": ["Sông"], "as_of": ["2012-12-31"], "source": ["test"], "synthetic": [True]},
        geometry=[line],
        crs="EPSG:9212",
    )
    put_layer(river, tiny_study_of_module / "layers.gpkg", layer="rivers")
    run(Study(tiny_study_of_module), steps=tuple(step for step in STEPS if step.name not in ("plan", "lists", "map")))
    return tiny_study_of_module


@pytest.fixture(scope="module")
def client(root: Path, client_of: Callable[..., Client]) -> Client:
    return client_of(create_app(root))


HERE = degrees(LEFT + SIDE + 2100, BOTTOM + 4600)  # beside post office P2
BEHIND = degrees(LEFT + 2000, BOTTOM + SIDE + 4000)  # behind the river


def test_services_say_what_their_times_rest_on(client: Client) -> None:
    body = client.json("/services", params={"lang": "en"})
    by_id = {one["id"]: one for one in body["items"]}
    assert list(by_id) == ["post", "post_office", "culture_post", "lower_secondary_school"]
    post = by_id["post"]
    assert (post["points"], post["timed"], post["limits_min"]) == (3, True, [30.0])
    assert post["ground"]["basis"] == "walking_model"
    assert "walking model, no roads" in post["ground"]["told"]
    assert post["counts"]["people_cut_off"] == pytest.approx(800)
    assert "đi bộ" in client.json("/services", params={"lang": "vi"})["items"][0]["ground"]["told"]
    assert body["meta"]["synthetic"] is True


def test_a_place_is_told_minutes_nearest_and_distance(client: Client, root: Path) -> None:
    items = client.json("/access", params={**HERE, "lang": "en"})["items"]
    assert [one["service"] for one in items] == ["post", "post_office", "culture_post", "lower_secondary_school"]
    post = items[0]
    assert post["nearest"]["point_id"] == "P2"
    assert post["nearest"]["straight_km"] == pytest.approx(np.hypot(0.1, 0.6), abs=0.002)
    assert post["straight_km"] == post["nearest"]["straight_km"]
    with rasterio.open(root / "results" / "travel_time_post.tif") as source:
        row, col = source.index(LEFT + SIDE + 2100, BOTTOM + 4600)
        assert post["minutes"] == source.read(1)[row, col]
    assert 5 <= post["minutes"] <= 10
    assert post["reason"] is None
    assert post["supply"] > 0
    (one,) = client.json("/access", params={**HERE, "service": "post_office"})["items"]
    assert one["service"] == "post_office"


def test_where_nothing_is_reached_the_reason_is_told_and_not_no_data(client: Client) -> None:
    post = client.json("/access", params={**BEHIND, "service": "post"})["items"][0]
    assert (post["minutes"], post["reason"], post["nearest"], post["supply"]) == (None, "cut_off", None, None)
    assert post["straight_km"] > 1
    (feature,) = client.json("/route", params={**BEHIND, "service": "post"})["features"]
    assert feature["geometry"] is None
    assert (feature["properties"]["reason"], feature["properties"]["minutes"]) == ("cut_off", None)


def test_the_way_leads_from_the_place_to_the_point(client: Client, root: Path) -> None:
    answer = client.get("/api/v1/route", params={**HERE, "service": "post", "lang": "en"})
    assert answer.headers["content-type"] == "application/geo+json"
    (feature,) = answer.json()["features"]
    line, told = shape(feature["geometry"]), feature["properties"]
    point = read_study(Study(root)).layers["postal_points"].set_index("point_id").geometry["P2"]
    assert line.coords[0] == pytest.approx((HERE["lon"], HERE["lat"]), abs=2e-6)
    assert line.coords[-1] == pytest.approx(TO_DEGREES.transform(point.x, point.y), abs=2e-6)
    assert told["point_id"] == "P2"
    assert told["straight_km"] <= told["km"] + 0.4  # from the middle of a cell to the middle of a cell
    place = client.json("/access", params={**HERE, "service": "post"})["items"][0]
    assert place["minutes"] - 1 < told["minutes"] <= place["minutes"]
    assert told["minutes"] == pytest.approx(60 * told["km"] / 5.036742, abs=0.1)  # on the plain
    assert answer.json()["meta"]["layers"]["elevation"]


def test_areas_within_minutes_nest_and_hold_people(client: Client) -> None:
    body = client.json("/isochrones", params={"service": "post", "minutes": [60, 15, 30]})
    features = body["features"]
    assert [one["properties"]["minutes"] for one in features] == [15, 30, 60]
    areas = [shape(one["geometry"]) for one in features]
    for near, far in pairwise(areas):
        assert near.difference(far).area < 1e-5 * near.area < far.area
    people = [one["properties"]["people"] for one in features]
    assert 0 < people[0] < people[1] < people[2] < 9800
    assert areas[0].covers(Point(HERE["lon"], HERE["lat"]))
    (own,) = client.json("/isochrones", params={"service": "post"})["features"]
    assert own == features[1]


def test_areas_of_a_limited_search_are_those_within_its_limit(
    make_tiny_study: Callable[..., Path], client_of: Callable[..., Client], tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study")
    for limit, own in ((45, [30]), (20, [])):
        text = (root / "study.toml").read_text(encoding="utf-8").split('\n[access]\nservices = ["post"]')[0]
        section = f'\n[access]\nservices = ["post"]\nmax_min = {limit}\n'
        kept = re.sub(r"(?ms)^\[access(\.\w+)?\]\n.*?(?=^\[|\Z)", "", text)
        (root / "study.toml").write_text(kept + section, encoding="utf-8")
        run(Study(root), steps=tuple(step for step in STEPS if step.name not in ("plan", "lists", "map")))
        client = client_of(create_app(root))
        body = client.json("/isochrones", params={"service": "post"})
        assert [one["properties"]["minutes"] for one in body["features"]] == own
        (one,) = client.json("/isochrones", params={"service": "post", "minutes": 15})["features"]
        assert one["properties"]["people"] > 0
        answer = client.get("/api/v1/isochrones?service=post&minutes=60&lang=en")
        assert answer.status_code == 422
        assert f"({limit} minutes" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "location"),
    [
        ("route?lon=106&lat=16&service=pots", "query.service"),
        ("access?lon=106.7&lat=16.7&service=pots", "query.service"),
        ("isochrones?service=hospital", "query.service"),
        ("isochrones?service=post&minutes=0", "query.minutes"),
        ("route?lon=106&lat=16", "query.service"),
    ],
)
def test_what_cannot_be_asked_is_named(client: Client, query: str, location: str) -> None:
    if query.startswith("access"):
        query = f"access?lon={HERE['lon']}&lat={HERE['lat']}&service=pots"
    english, vietnamese = (client.get(f"/api/v1/{query}&lang={lang}") for lang in ("en", "vi"))
    assert english.status_code == 422
    error, other = english.json()["errors"][0], vietnamese.json()["errors"][0]
    assert error["location"].startswith(location)
    assert error["message"] != other["message"]


def test_a_place_outside_is_a_404(client: Client) -> None:
    for path in ("access", "route"):
        answer = client.get(f"/api/v1/{path}?lon=0&lat=0&service=post")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:phusong:problem:outside-study")


def test_the_command_writes_the_way(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "way.geojson"
    words = ["route", str(root), "--lon", str(HERE["lon"]), "--lat", str(HERE["lat"]), "--service", "post"]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "-o", str(out), "--lang", "vi"])
    assert not stopped.value.code
    said = capsys.readouterr().out
    assert "P2" in said
    assert "mô hình đi bộ, chưa có dữ liệu đường sá" in said
    written = json.loads(out.read_text(encoding="utf-8"))
    (feature,) = written["features"]
    assert feature["geometry"]["type"] == "LineString"
    assert feature["properties"]["data"] == "synthetic"
    assert feature["properties"]["reason"] is None


def test_the_command_tells_why_there_is_no_way(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--lon", str(BEHIND["lon"]), "--lat", str(BEHIND["lat"])]
    out = tmp_path / "way.geojson"
    out.write_text("an older way", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["route", str(root), *place, "--service", "post", "--lang", "en", "-o", str(out)])
    assert not stopped.value.code
    (feature,) = json.loads(out.read_text(encoding="utf-8"))["features"]
    assert (feature["geometry"], feature["properties"]["reason"]) == (None, "cut_off")
    assert feature["properties"]["minutes"] is None
    assert "cut off by water" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stopped:
        main(["route", str(root), *place, "--service", "pots", "--lang", "en"])
    assert stopped.value.code == 2
    assert 'nearest is "post"' in capsys.readouterr().err


def test_examples_are_answers_of_their_models() -> None:
    known = [one for one in vars(access_models).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    own = [one for one in known if one.__module__ == access_models.__name__]
    assert len(own) == 6
    for model in own:
        for example in model.model_config["json_schema_extra"]["examples"]:  # type: ignore[index, call-overload, union-attr]
            model.model_validate(example)


def test_a_time_is_said_in_hours_and_minutes() -> None:
    assert [duration(minutes, "en") for minutes in (0.4, 59.4, 59.6, 125)] == [
        "0 min",
        "59 min",
        "1 h 00 min",
        "2 h 05 min",
    ]
    assert duration(125, "vi") == "2 giờ 05 phút"
