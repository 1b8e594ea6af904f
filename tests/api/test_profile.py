"""One path, on the command line and over HTTP: the same figures, and clear words for what cannot be drawn."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel
from pyproj import Geod, Transformer

from phusong.api import profile_models
from phusong.api.app import create_app
from phusong.api.cli import main
from phusong.api.pipeline import read_study
from phusong.api.profile import path_answer, path_view, told
from phusong.api.radio import propagation_of
from phusong.api.served import Served
from phusong.coverage.radio import level_at
from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS
from phusong.layers.study import Study
from phusong.layers.writers.vectors import put_layer

Client = Any  # tests/api/conftest.py
TO_DEGREES = Transformer.from_crs("EPSG:9212", "EPSG:4326", always_xy=True)
EAST = "106.4,0.0"


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def lonlat(x_m: float, y_m: float) -> str:
    return "{:.6f},{:.6f}".format(*TO_DEGREES.transform(x_m, y_m))


@pytest.fixture(scope="module")
def study(tiny_study_of_module: Path) -> Path:
    """The tiny study with names of sectors that no site has."""
    sectors = read_study(Study(tiny_study_of_module)).layers["sectors"]
    names = sectors["site_id"] + "-" + sectors["technology"]
    put_layer(sectors.assign(sector_id=names), tiny_study_of_module / "layers.gpkg", layer="sectors")
    return tiny_study_of_module


@pytest.fixture(scope="module")
def path_client(study: Path, client_of: Callable[..., Client]) -> Client:
    return client_of(create_app(study))


def asked(client: Client, **params: Any) -> Any:
    return client.get("/api/v1/profile", params={"lang": "en"} | params)


def test_the_parts_of_a_link_add_up(path_client: Client) -> None:
    body = asked(path_client, **{"from": "S1", "to": "V0"}).json()
    sector = body["sector"]
    assert sector["sector_id"] == "S1-2G"  # of its two the stronger one: 900 MHz
    eirp = sector["pilot_power_dbm"] - sector["feeder_loss_db"] + sector["antenna_gain_dbi"] - sector["pattern_loss_db"]
    assert sector["eirp_dbm"] == pytest.approx(eirp, abs=2e-3)
    assert sector["level_dbm"] == pytest.approx(eirp - body["loss_db"], abs=2e-3)
    assert body["loss_db"] == pytest.approx(body["free_space_db"] + body["diffraction_db"], abs=2e-3)
    assert body["diffraction_db"] == pytest.approx(body["bullington_db"] + body["spherical_excess_db"], abs=2e-3)
    km, mhz = body["distance_m"] / 1000.0, body["band_mhz"]
    assert body["free_space_db"] == pytest.approx(32.45 + 20 * math.log10(km * mhz), abs=0.05)
    weaker = asked(path_client, **{"from": "S1", "to": "V0", "technology": "3G"}).json()["sector"]
    assert (weaker["sector_id"], weaker["quantity"]) == ("S1-3G", "RSCP")
    assert weaker["level_dbm"] < sector["level_dbm"]
    assert body["state"] == "blocked"
    assert body["obstacle"]["over_ray_m"] > 300  # the ridge
    assert body["meta"]["synthetic"] is True
    start, end = body["start"], body["end"]
    azimuth, _, metres = Geod(ellps="WGS84").inv(start["lon"], start["lat"], end["lon"], end["lat"])
    assert body["azimuth_deg"] == pytest.approx(azimuth % 360, abs=1e-3)
    assert body["distance_m"] == pytest.approx(metres, rel=1e-3)
    lengths = {len(values) for values in body["points"].values()}
    assert len(lengths) == 1
    assert lengths.pop() > 30


def test_the_level_is_that_of_the_maps(study: Path, path_client: Client) -> None:
    body = asked(path_client, **{"from": "S1-2G", "to": "V3"}).json()
    inputs = read_study(Study(study))
    layers, place = inputs.layers, inputs.layers["villages"].geometry[3]
    there = level_at(
        place.x,
        place.y,
        sites=layers["sites"],
        sectors=layers["sectors"],
        elevation=inputs.elevation,
        on=inputs.settings.units_valid_on,
        propagation=propagation_of(inputs),
    )
    same = there[there["sector_id"] == "S1-2G"].iloc[0]
    assert body["sector"]["level_dbm"] == pytest.approx(same["level_dbm"], abs=0.2)
    assert body["sector"]["usable"] is bool(same["usable"]) is True


def test_a_what_if_changes_only_what_it_names(path_client: Client) -> None:
    base, taller, higher = (
        asked(path_client, **{"from": "S1-2G", "to": "V0"}, **what).json()
        for what in ({}, {"height_m": 90.0}, {"band_mhz": 1800.0})
    )
    assert taller["start"]["height_m"] == 90.0
    assert taller["bullington_db"] < base["bullington_db"]
    assert higher["bullington_db"] > base["bullington_db"]
    assert higher["free_space_db"] == pytest.approx(base["free_space_db"] + 6.02, abs=0.01)
    assert taller["sector"]["pilot_power_dbm"] == base["sector"]["pilot_power_dbm"]


def test_a_bare_place_has_no_sector(path_client: Client) -> None:
    body = asked(path_client, **{"from": lonlat(553_000.0, 1_843_000.0), "to": lonlat(552_000.0, 1_846_000.0)}).json()
    assert body["sector"] is None
    assert body["start"]["name"] is None
    assert (body["start"]["height_m"], body["band_mhz"]) == (36.0, 900.0)  # the plan's
    assert body["distance_m"] == pytest.approx(math.hypot(1000, 3000), abs=0.5)


def test_from_a_place_the_band_is_that_of_the_technology_asked_for(study: Path) -> None:
    inputs = read_study(Study(study))
    plan = inputs.settings.plan.model_copy(update={"technology": "4G", "band_mhz": 2600.0})
    inputs = replace(inputs, settings=inputs.settings.model_copy(update={"plan": plan}))
    start, end = lonlat(553_000.0, 1_843_000.0), lonlat(552_000.0, 1_846_000.0)
    for technology, band_mhz in ((None, 2600.0), ("4G", 2600.0), ("2G", 900.0)):
        assert path_view(inputs, start, end, technology=technology).band_mhz == band_mhz
    assert path_view(inputs, start, end, technology="2G", band_mhz=1800.0).band_mhz == 1800.0
    assert path_view(inputs, "S1", "V0", technology="5G").link is None  # none of that technology stands there


def test_limits_of_a_model_that_a_path_breaks_are_told(study: Path) -> None:
    inputs = read_study(Study(study))
    radio = inputs.settings.radio.model_copy(update={"model": "cost231-hata"})
    by_hata = replace(inputs, settings=inputs.settings.model_copy(update={"radio": radio}))
    near = lonlat(inputs.layers["sites"].geometry[0].x + 500.0, inputs.layers["sites"].geometry[0].y)
    for asked_for, outside in (
        ({"band_mhz": 1800.0}, ()),
        ({}, ("frequency",)),
        ({"band_mhz": 1800.0, "height_m": 20.0}, ("base_height",)),
    ):
        assert path_view(by_hata, "S1-2G", "V0", **asked_for).outside == outside
        assert path_view(inputs, "S1-2G", "V0", **asked_for).outside == ()
    view = path_view(by_hata, "S1-2G", near)
    assert view.outside == ("frequency", "distance")
    assert "Outside the limits of cost231-hata: frequency, distance." in told(view, "en")
    assert "Ngoài giới hạn của cost231-hata: tần số, khoảng cách." in told(view, "vi")
    meta = Served.of(study).meta("en")
    assert path_answer(view, meta).outside == ["frequency", "distance"]


def test_a_picture_is_marked_synthetic_where_any_input_is(study: Path) -> None:
    inputs = read_study(Study(study))
    layers = {name: frame.assign(synthetic=name == "villages") for name, frame in inputs.layers.items()}
    bare = replace(inputs.elevation, tags={})
    inputs = replace(inputs, elevation=bare, settings=inputs.settings.model_copy(update={"synthetic": False}))
    assert path_view(replace(inputs, layers=layers), "S1-2G", "V0").synthetic
    layers["villages"] = layers["villages"].assign(synthetic=False)
    assert not path_view(replace(inputs, layers=layers), "S1-2G", "V0").synthetic


def test_the_command_line_writes_what_http_answers(
    study: Path, path_client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("profile", study, "--from", "S1", "--to", "V0", "--lang", "en")
    assert phusong(*words, "-o", tmp_path / "path.json") == 0
    assert "No line of sight" in capsys.readouterr().out
    written = json.loads((tmp_path / "path.json").read_text(encoding="utf-8"))
    served = asked(path_client, **{"from": "S1", "to": "V0"}).json()
    assert written == served
    assert phusong(*words, "-o", tmp_path / "path.png") == 0
    picture = path_client.get("/api/v1/profile.png", params={"from": "S1", "to": "V0", "lang": "en"})
    assert picture.headers["content-type"] == "image/png"
    same = [np.asarray(Image.open(source)) for source in (tmp_path / "path.png", io.BytesIO(picture.content))]
    assert np.array_equal(*same)
    assert same[0].shape[1] == 1600


@pytest.mark.parametrize(
    ("start", "end", "status", "code"),
    [
        ("S9", "V0", 404, "profile.error.unknown_start"),
        ("1;2", "V0", 404, "profile.error.unknown_start"),
        ("200,10", "V0", 404, "profile.error.unknown_start"),
        ("S1", "V99", 404, "profile.error.unknown_end"),
        (EAST, "V0", 404, "profile.error.no_elevation"),
        ("S1", EAST, 404, "profile.error.no_elevation"),
        ("0,90", "V0", 404, "profile.error.no_elevation"),
    ],
)
def test_what_is_not_there_is_named(
    study: Path,
    path_client: Client,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    start: str,
    end: str,
    status: int,
    code: str,
) -> None:
    answer = asked(path_client, **{"from": start, "to": end})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if code.startswith("profile.error.unknown"):
        assert "nearest: S" in answer.json()["detail"] or "nearest: V" in answer.json()["detail"]
    out = tmp_path / "no.png"
    assert phusong("profile", study, "--from", start, "--to", end, "-o", out, "--lang", "en") == 2
    assert answer.json()["detail"] in capsys.readouterr().err
    assert not out.exists()


def test_faulty_parameters_are_named(path_client: Client, tmp_path: Path, study: Path) -> None:
    one = lonlat(553_000.0, 1_843_000.0)
    for params, location in (
        ({"from": one, "to": one}, "query.to"),
        ({"from": "S1"}, "query.to"),
        ({"from": "S1", "to": "V0", "height_m": 0}, "query.height_m"),
        ({"from": "S1", "to": "V0", "band_mhz": "nan"}, "query.band_mhz"),
        ({"from": "S1", "to": "V0", "technology": "6G"}, "query.technology"),
        ({"from": "S1-2G", "to": "V0", "technology": "3G"}, "query.technology"),
    ):
        for lang in LANGS:
            answer = path_client.get("/api/v1/profile.png", params={**params, "lang": lang})
            assert answer.status_code == 422, params
            assert [error["location"] for error in answer.json()["errors"]] == [location]
    words = ("profile", study, "--from", "S1", "--to", "V0", "-o")
    assert phusong(*words, tmp_path / "x.pdf") == 2
    assert phusong("profile", study, "--from", "S1-2G", "--to", "V0", "--technology", "3G", "-o", "x.png") == 2
    assert phusong(*words, tmp_path / "no such folder" / "x.png") == 2


def test_a_void_on_the_way_leaves_the_loss_unknown(
    make_tiny_study: Callable[..., Path], tmp_path: Path, elevation_of_tiny: Raster, client_of: Callable[..., Client]
) -> None:
    values = elevation_of_tiny.values.copy()
    values[:, 40:42] = np.nan
    study = make_tiny_study(tmp_path / "study", elevation=Raster(elevation_of_tiny.grid, values))
    client = client_of(create_app(study))
    body = asked(client, **{"from": "S1", "to": "V0"}).json()
    assert body["state"] == "unknown"
    assert [body[name] for name in ("loss_db", "diffraction_db", "nu")] == [None] * 3
    assert body["sector"]["level_dbm"] is None
    assert body["sector"]["usable"] is None
    assert None in body["points"]["ground_m"]
    assert body["free_space_db"] > 100
    picture = client.get("/api/v1/profile.png", params={"from": "S1", "to": "V0"})
    assert picture.status_code == 200


@pytest.mark.parametrize("name", ["PathEnd", "PathSector", "PathObstacle", "PathPoints", "PathProfile"])
def test_examples_fit_their_models(name: str) -> None:
    model: type[BaseModel] = getattr(profile_models, name)
    for example in model.model_config["json_schema_extra"]["examples"]:  # type: ignore[index, call-overload]
        assert model.model_validate(example).model_dump(mode="json") == example
