"""Travel to services in a run: its files, its record, when it is computed anew, and settings that cannot be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from shapely.geometry import LineString, box

from phusong.api import access_step
from phusong.api.access import friction_of, rests_on
from phusong.api.access_step import NO_DATA, short
from phusong.api.cli import main
from phusong.api.pipeline import check_study, read_study, run
from phusong.api.steps import STEPS
from phusong.coverage.access.travel_time import travel_time
from phusong.layers.errors import ComputeError, InputError
from phusong.layers.messages import LANGS
from phusong.layers.rasters import read_raster, write_cog
from phusong.layers.store import delivered
from phusong.layers.study import Study, parse_settings
from phusong.layers.writers.vectors import put_layer

STEPS_TO_ACCESS = tuple(step for step in STEPS if step.name in ("people", "access"))
AS_OF = pd.Timestamp("2012-12-31")
LEFT, BOTTOM, SIDE = 540_000.0, 1_840_000.0, 8_000.0
MIDDLE_M = BOTTOM + SIDE
Write = Callable[..., Path]


def computed(root: Path) -> dict[str, Any]:
    return run(Study(root), steps=STEPS_TO_ACCESS)


def way(name: str, rows: dict[str, list[Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    key = {"roads": "road_id", "rivers": "river_id", "crossings": "crossing_id"}[name]
    count = len(shapes)
    common = {key: [f"{name}{i}" for i in range(count)], "as_of": [AS_OF] * count, "source": ["test"] * count}
    table = common | {"synthetic": [True] * count} | rows
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:9212")


def river_across() -> gpd.GeoDataFrame:
    """A river from west to east, between the southern and the northern communes and beyond the elevation."""
    line = LineString([(LEFT - 9000, MIDDLE_M + 37), (LEFT + 2 * SIDE + 9000, MIDDLE_M + 37)])
    return way("rivers", {"name": ["Sông"], "floods_only": [False]}, [line])


def set_access(root: Path, text: str) -> Path:
    """The study with ``text`` as its section ``access``."""
    path = root / "study.toml"
    kept = re.sub(r"(?ms)^\[access(\.\w+)?\]\n.*?(?=^\[|\Z)", "", path.read_text(encoding="utf-8"))
    path.write_text(f"{kept}\n{text}\n", encoding="utf-8")
    return root


def read(root: Path, name: str) -> tuple[np.ndarray, dict[str, str], float]:
    with rasterio.open(root / "results" / name) as source:
        return source.read(1), source.tags(), source.nodata


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> tuple[Path, dict[str, Any]]:
    return tiny_study_of_module, computed(tiny_study_of_module)


def test_minutes_are_those_of_the_search_rounded_up(done: tuple[Path, dict[str, Any]]) -> None:
    root, _ = done
    minutes, tags, nodata = read(root, "travel_time_post.tif")
    inputs = read_study(Study(root))
    points = inputs.layers["postal_points"].geometry
    rows, cols = inputs.elevation.grid.rowcol(points.x.to_numpy(), points.y.to_numpy())
    ground = friction_of(inputs, "motorbike")
    found = travel_time(ground.surface, rows * inputs.elevation.grid.shape[1] + cols)
    assert (minutes == np.ceil(found.cost)).all()
    assert minutes.max() > 60
    assert (minutes[rows, cols] == 0).all()
    assert nodata == NO_DATA
    nearest, own, _ = read(root, "nearest_post.tif")
    assert (nearest == found.nearest).all()
    listed = pd.read_parquet(root / "results" / "access_points.parquet").query("service == 'post'")
    assert list(listed["point_id"]) == ["P1", "P2", "P3"]
    assert own["rows_of"].startswith("access_points.csv")
    for said in (tags, own):
        assert (said["basis"], said["mode"], said["season"], said["walking"]) == (
            "walking_model",
            "motorbike",
            "dry",
            "tobler",
        )
        assert said["as_of"] == "2012-12-31"
        assert said["synthetic"] == "yes"
        assert "no roads" in said["told"]
        assert said["source"] == "test"
    assert tags["unit"] == "min"


def test_a_cable_has_no_season_and_no_pace(make_tiny_study: Write, tmp_path: Path) -> None:
    root = set_access(make_tiny_study(tmp_path / "study"), '[access]\nseason = "flooded"\nground = "đường 2012"')
    inputs = read_study(Study(root))
    cable, ride = (friction_of(inputs, mode) for mode in ("fibre", "motorbike"))
    told = {lang: rests_on(cable, inputs.settings, lang) for lang in LANGS}
    assert told["en"] == "fibre laid along roads where there are any, no roads known, đường 2012"
    assert told["vi"] == "cáp quang kéo dọc đường nếu có đường, chưa có dữ liệu đường sá, đường 2012"
    assert rests_on(ride, inputs.settings, "en") == (
        "on foot, flooded season, Tobler's pace, walking model, no roads, đường 2012"
    )


def test_shares_in_rasters_are_rounded_and_not_cut() -> None:
    shares = np.append(np.random.default_rng(1).uniform(0.01, 100.0, 20_000), [0.0, np.nan]).astype(np.float32)
    found = short(shares)
    off = found[:-2] / shares[:-2].astype(float) - 1
    assert np.abs(off).max() <= 2.0**-11
    assert abs(off.mean()) < 1e-5
    assert found[-2] == 0
    assert np.isnan(found[-1])


def test_the_record_counts_every_service_and_its_points(done: tuple[Path, dict[str, Any]]) -> None:
    root, record = done
    counts = record["steps"]["access"]["counts"]
    kept = json.loads((root / "results" / "access.json").read_text(encoding="utf-8"))
    assert set(kept) == {"post", "post_office", "culture_post", "lower_secondary_school"}
    assert counts["services"] == 4
    assert counts["points"] == 3 + 2 + 1 + 2
    assert counts["post_points_used"] == 3
    assert counts["post_people"] == pytest.approx(9800, rel=1e-9)
    listed = pd.read_csv(root / "results" / "access_points.csv")
    assert len(listed) == 8
    assert set(listed["data"]) == {"synthetic"}
    assert listed.query("service == 'post'")["people_nearest"].sum() == pytest.approx(9800, abs=0.01)
    assert "lon" not in listed


def test_areas_hold_all_people_and_nest(done: tuple[Path, dict[str, Any]]) -> None:
    root, _ = done
    catchments = gpd.read_file(root / "results" / "catchments.gpkg")
    own = catchments[catchments["service"] == "post"]
    assert own["people"].sum() == pytest.approx(9800, rel=1e-9)
    assert own.area.sum() == pytest.approx(own.union_all().area, rel=1e-9)
    assert "no roads" in own["ground"].iloc[0]
    isochrones = gpd.read_file(root / "results" / "isochrones.gpkg")
    assert isochrones.query("service == 'post'")["minutes"].tolist() == [30.0]
    within = isochrones.query("service == 'post'").iloc[0]
    assert within["area_km2"] == pytest.approx(within.geometry.area / 1e6)
    assert 0 < within["people"] < 9800
    assert {path.name for path in delivered(root / "results")} >= {
        *("travel_time_post.tif", "nearest_post.tif", "access_post.tif", "catchments.gpkg", "isochrones.gpkg"),
        *("access_points.csv", "access_notes.csv"),
    }
    assert "access_points.parquet" not in {path.name for path in delivered(root / "results")}


def test_what_is_cut_off_has_its_own_value_and_is_told(make_tiny_study: Write, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    put_layer(river_across(), root / "layers.gpkg", layer="rivers")
    points = gpd.read_file(root / "layers.gpkg", layer="postal_points")
    put_layer(points[points.geometry.y < MIDDLE_M], root / "layers.gpkg", layer="postal_points")
    record = computed(root)
    minutes, tags, _ = read(root, "travel_time_post.tif")
    north = minutes[: minutes.shape[0] // 2 - 1]
    assert (north == -1).all()
    assert (minutes[minutes.shape[0] // 2 + 1 :] >= 0).all()
    assert tags["not_reached"].startswith("-1 cut off")
    assert record["steps"]["access"]["counts"]["post_people_cut_off"] > 3000
    notes = pd.read_csv(root / "results" / "access_notes.csv")
    assert notes.query("service == 'post'")["code"].str.contains("people_cut_off").any()
    access, _, _ = read(root, "access_post.tif")
    assert np.isnan(access[: minutes.shape[0] // 2 - 1]).all()


def test_people_on_water_stand_on_the_nearest_land_in_every_file(make_tiny_study: Write, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    lake = box(LEFT + SIDE + 1000, BOTTOM + 3500, LEFT + 2 * SIDE - 1000, BOTTOM + 4000)  # two cells wide
    put_layer(way("rivers", {"name": ["Hồ"], "floods_only": [False]}, [lake]), root / "layers.gpkg", layer="rivers")
    record = computed(root)
    assert record["steps"]["access"]["counts"].get("post_people_on_water", 0) == 0
    minutes, tags, _ = read(root, "travel_time_post.tif")
    assert tags["source"] == "test"
    people, _, _ = read(root, "population.tif")
    nearest, _, _ = read(root, "nearest_post.tif")
    lived = people > 0
    assert (minutes[lived] >= 0).all()
    assert (nearest[lived] >= 0).all()
    isochrones = gpd.read_file(root / "results" / "isochrones.gpkg").query("service == 'post'").iloc[0]
    assert people[lived & (minutes <= 30)].sum() == pytest.approx(isochrones["people"], rel=1e-6)
    catchments = gpd.read_file(root / "results" / "catchments.gpkg").query("service == 'post'")
    assert catchments.area.sum() == pytest.approx(250.0**2 * (~np.isnan(people) & (nearest >= 0)).sum())
    assert catchments.union_all().intersection(lake).area > 0.5 * lake.area


def test_the_source_of_the_roads_is_named_and_what_is_generated_is_marked(
    make_tiny_study: Write, tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study")
    settings = root / "study.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("synthetic = true", "synthetic = false"))
    along = LineString([(LEFT + 100, MIDDLE_M + 4000), (LEFT + 2 * SIDE - 100, MIDDLE_M + 4000)])
    road = way("roads", {"class": ["national"], "source": ["Sở GTVT"]}, [along])
    put_layer(road, root / "layers.gpkg", layer="roads")
    computed(root)
    _, tags, _ = read(root, "travel_time_post.tif")
    assert tags["source"] == "Sở GTVT; test"
    assert tags["synthetic"] == "yes"


def test_points_that_all_stand_in_the_sea_are_in_reach_of_nobody(make_tiny_study: Write, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    points = gpd.read_file(root / "layers.gpkg", layer="postal_points").geometry
    path = root / "rasters" / "elevation.tif"
    elevation = read_raster(path)
    rows, cols = elevation.grid.rowcol(points.x.to_numpy(), points.y.to_numpy())
    for row, col in zip(rows, cols, strict=True):
        elevation.values[row - 3 : row + 4, col - 3 : col + 4] = -1
    path.unlink()
    write_cog(elevation, path)
    computed(root)
    listed = pd.read_csv(root / "results" / "access_points.csv").query("service == 'post'")
    assert set(listed["used"]) == {"no"}
    assert set(listed["in_reach_of_nobody"]) == {"yes"}
    assert set(listed["people_nearest"]) == {0}
    assert not (root / "results" / "travel_time_post.tif").exists()


def test_the_step_is_taken_over_until_roads_rivers_or_land_cover_change(make_tiny_study: Write, tmp_path: Path) -> None:
    root = make_tiny_study(tmp_path / "study")
    assert computed(root)["timing"]["computed"] == ["people", "access"]
    before, _, _ = read(root, "travel_time_post.tif")
    assert computed(root)["timing"]["computed"] == []
    along = LineString([(LEFT + 100, MIDDLE_M + 4000), (LEFT + 2 * SIDE - 100, MIDDLE_M + 4000)])
    road = way("roads", {"class": ["national"], "surface": ["paved"], "bridge": [None], "floods": [True]}, [along])
    put_layer(road, root / "layers.gpkg", layer="roads")
    assert computed(root)["timing"]["computed"] == ["access"]
    after, tags, _ = read(root, "travel_time_post.tif")
    assert tags["basis"] == "roads"
    assert "no roads" not in tags["told"]
    row = before.shape[0] // 2 - 16
    assert after[row, 20:100].mean() < 0.6 * before[row, 20:100].mean()
    set_access(root, '[access]\nseason = "flooded"\nground = "đường 2012"')
    assert computed(root)["timing"]["computed"] == ["access"]
    flooded, tags, _ = read(root, "travel_time_post.tif")
    assert tags["season"] == "flooded"
    assert tags["told"].endswith("đường 2012")
    assert (flooded >= after).all()
    assert flooded[row, 20:100].mean() > 1.5 * after[row, 20:100].mean()


def test_only_the_services_asked_for_within_the_time_asked_for(make_tiny_study: Write, tmp_path: Path) -> None:
    root = set_access(make_tiny_study(tmp_path / "study"), '[access]\nservices = ["post_office"]\nmax_min = 45')
    record = computed(root)
    assert record["steps"]["access"]["counts"]["services"] == 1
    minutes, tags, _ = read(root, "travel_time_post_office.tif")
    assert minutes.max() == 45
    assert set(np.unique(minutes[minutes < 0])) == {-3}
    assert tags["max_min"] == "45"
    assert not (root / "results" / "travel_time_post.tif").exists()


def test_no_area_is_drawn_for_a_time_that_was_not_searched(make_tiny_study: Write, tmp_path: Path) -> None:
    root = set_access(make_tiny_study(tmp_path / "study"), "[access]\nmax_min = 20")
    computed(root)
    assert gpd.read_file(root / "results" / "isochrones.gpkg").empty
    assert not gpd.read_file(root / "results" / "catchments.gpkg").empty


BAD = [
    ('[access.speeds]\n"road.village.motorbike_kmh" = 0', "speeds.road.village.motorbike_kmh", "above 0"),
    ('[access.speeds]\n"road.village.motorbike_kmh" = -5', "speeds.road.village.motorbike_kmh", "above 0"),
    (
        "[access.speeds]\nroad.vilage.motorbike_kmh = 5",
        "speeds.road.vilage.motorbike_kmh",
        '"road.village.motorbike_kmh"',
    ),
    ("[access.speeds]\ncrossing.ferry.wait_min = -1", "speeds.crossing.ferry.wait_min", "above 0"),
    ("[access.readiness]\nschools.brodband = 3", "readiness.schools.brodband", '"schools.broadband"'),
    ('[access]\nservices = ["post", "pots"]', "services", '"post"'),
    ('[access]\nmap_services = ["hospitals"]', "map_services", '"hospital"'),
]


@pytest.mark.parametrize(("text", "key", "told"), BAD)
def test_a_setting_that_cannot_be_is_told_with_its_line(
    tiny_study: Path, text: str, key: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = set_access(tiny_study, text)
    lines = (root / "study.toml").read_text(encoding="utf-8").splitlines()
    (fault,) = [fault for fault in check_study(Study(root)).faults if fault.column.startswith("access.")]
    assert (fault.file, fault.column, fault.fatal) == ("study.toml", f"access.{key}", True)
    assert fault.row is not None
    assert lines[fault.row - 1] == text.splitlines()[1]
    assert told in fault.say("en")
    assert fault.say("vi") != fault.say("en")
    for lang in ("en", "vi"):
        with pytest.raises(SystemExit) as stopped:
            main(["check", str(root), "--lang", lang])
        assert stopped.value.code == 2
        assert f"access.{key}" in capsys.readouterr().err
    with pytest.raises(InputError):
        computed(root)
    assert not (root / "results").exists()


@pytest.mark.parametrize("text", ["walking = 1", "neighbours = 4", "max_min = 0", "speed = 3", 'speeds = {a = "x"}'])
def test_a_value_of_another_kind_is_refused_at_its_line(tiny_study: Path, text: str) -> None:
    raw = (set_access(tiny_study, f"[access]\n{text}") / "study.toml").read_bytes()
    with pytest.raises(InputError) as refused:
        parse_settings(raw)
    (fault,) = refused.value.faults
    assert raw.decode().splitlines()[(fault.row or 0) - 1] == text


def test_names_of_speeds_may_be_quoted_or_not() -> None:
    head = 'name = "x"\nunits_valid_on = 2012-12-31\ncrs = "EPSG:9212"\n[access.speeds]\n'
    quoted = parse_settings(f'{head}"road.village.car_kmh" = 9\n"fibre.road_cost" = 2'.encode())
    bare = parse_settings(f"{head}road.village.car_kmh = 9\nfibre.road_cost = 2".encode())
    assert quoted.access == bare.access
    assert quoted.access.speeds == {"road.village.car_kmh": 9.0, "fibre.road_cost": 2.0}


def test_a_speed_changed_counts(make_tiny_study: Write, tmp_path: Path) -> None:
    times = []
    for i, text in enumerate(("", '[access.speeds]\n"walking.tobler_kmh" = 2.518371')):
        root = set_access(make_tiny_study(tmp_path / f"s{i}"), text)
        computed(root)
        times.append(read(root, "travel_time_post.tif")[0].astype(float))
    assert np.abs(times[1] - 2 * times[0]).max() <= 2  # both are rounded up
    assert times[1].max() > 100


def test_a_run_proves_its_travel_times(make_tiny_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_tiny_study(tmp_path / "study")
    record = computed(root)
    proven = {name: value for name, value in record["steps"]["access"]["counts"].items() if name.endswith("_residual")}
    assert proven
    assert set(proven.values()) == {0.0}
    monkeypatch.setattr(access_step, "residual", lambda surface, travel: 1.0)
    set_access(root, "[access]\nneighbours = 16")
    with pytest.raises(ComputeError, match="shortest paths"):
        computed(root)
