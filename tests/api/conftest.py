"""A small study with results, built in code, and a client that speaks to the app without a network."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import numpy as np
import pandas as pd
import pytest
import rasterio
from fastapi import FastAPI
from shapely.geometry import Point, box

from phusong.api.app import create_app
from phusong.api.ranking_models import ABOUT

CRS = "EPSG:9212"
LEFT, TOP, CELL = 540000.0, 1850000.0, 1000.0
SIDE = 12  # communes in a 3 x 4 block of 4 km squares on a 12 x 16 km grid
EVIL = "<img src=x onerror=alert(1)>"
NAMES = ["Hướng Phùng", "Hướng Hóa", EVIL, "Đakrông", "${alert(1)}", "Hải Lăng", *[f"Xã {i}" for i in range(6)]]
NAN = float("nan")
MARKS = {"as_of": "2012-12-31", "data": "synthetic"}

STUDY_TOML = """
name = "Thử nghiệm"
language = "vi"
units_valid_on = 2012-12-31
crs = "EPSG:9212"
cell_m = 1000.0
synthetic = true
[rules]
packs = ["mobile_signal", "postal_qcvn1"]
"""


def units_frame() -> gpd.GeoDataFrame:
    cells = [(row, col) for row in range(3) for col in range(4)]
    squares = [box(LEFT + c * 4000, TOP - (r + 1) * 4000, LEFT + (c + 1) * 4000, TOP - r * 4000) for r, c in cells]
    count = len(cells)
    return gpd.GeoDataFrame(
        {
            "code": [f"{19400 + i:05d}" for i in range(count)],
            "valid_on": pd.to_datetime(["2012-12-31"] * count),
            "name": NAMES,
            "district": ["Hướng Hóa"] * 6 + ["Cam Lộ"] * 6,
            "people_method": ["dasymetric"] * count,
            "people": pd.array([1000.0 * (i + 1) for i in range(count - 1)] + [NAN], dtype="float64"),
            "people_covered_2g_pct": [10.0, 96.0, NAN, *[99.0] * (count - 3)],
            "people_covered_2g_viettel_pct": [8.0] * count,
            "people_per_post_point": [NAN] * count,
            "mountainous": pd.array([True, False, None, *[False] * (count - 3)], dtype="boolean"),
        },
        geometry=squares,
        crs=CRS,
    )


def write_results(root: Path, *, note: str = "first") -> None:
    """The files a run leaves, in ``root``/results, written aside and renamed."""
    aside = root / "results.new"
    aside.mkdir()
    units = units_frame()
    units.loc[5, "name"] = f"Hải Lăng {note}" if note != "first" else "Hải Lăng"
    units.to_parquet(aside / "units.parquet")
    gpd.GeoDataFrame(
        {
            "code": ["V1", "V2", "V3"],
            "name": ["Thôn Cợp", "Bản <b>Đá</b>", "Thôn 3"],
            "unit_code": ["19400", "19400", "19401"],
            "population": [400.0, NAN, 100.0],
            "observed_as_of": pd.to_datetime(["2012-11-01", None, None]),
            "centre_level_2g_dbm": [-108.5, -70.0, NAN],
            "centre_covered_2g": pd.array([False, True, None], dtype="boolean"),
        },
        geometry=[Point(LEFT + 1500, TOP - 1500), Point(LEFT + 2500, TOP - 2500), Point(LEFT + 4500, TOP - 500)],
        crs=CRS,
    ).to_parquet(aside / "villages.parquet")
    gaps = pd.DataFrame(
        {
            "rank": [2, 1],
            "code": ["19402", "19400"],
            "valid_on": pd.to_datetime(["2012-12-31"] * 2),
            "name": [EVIL, "Hướng Phùng"],
            "district": ["Hướng Hóa"] * 2,
            "population": [3000.0, 1000.0],
            "people_affected": [NAN, 900.0],
            "reasons_count": [1, 1],
            "need_index": [20.0, 89.5],
            "classes": [None, "mountainous;land_border"],
            "judged_weight_pct": [100.0, 80.0],
            "gap_villages": [0, 1],
            "basis": ["record", "observed;model"],
        }
    )
    gaps.assign(**MARKS).to_parquet(aside / "gaps.parquet")
    gaps.to_csv(aside / "gaps.csv", index=False, encoding="utf-8-sig")
    gap_villages = pd.DataFrame(
        {
            "rank": [1, 2],
            "code": ["V1", "V2"],
            "name": ["Thôn Cợp", "Bản <b>Đá</b>"],
            "unit_code": ["19400", "19400"],
            "unit_name": ["Hướng Phùng"] * 2,
            "district": ["Hướng Hóa"] * 2,
            "population": [400.0, NAN],
            "grid_power": pd.array([False, None], dtype="boolean"),
            "signal_state": ["none_at_centre", "one_operator"],
            "operators_count": pd.array([0, 1], dtype="Int64"),
            "operators": ["", "Viettel"],
            "clusters_basis": ["populated_cells", ""],
            "observed": pd.array([False, None], dtype="boolean"),
            "predicted": pd.array([True, True], dtype="boolean"),
            "nearest_covered_village_km": [1.25, NAN],
            "nearest_covered_village": ["V2", None],
            "nearest_covered_village_name": ["Bản <b>Đá</b>", None],
            "nearest_site_km": [3.5, NAN],
            "nearest_site": ["S1", None],
            "people_affected": [400.0, NAN],
            "reasons_count": [1, 1],
            "classes": ["mountainous;land_border", ""],
            "basis": ["observed", "model"],
        }
    )
    gap_villages.assign(**MARKS).to_parquet(aside / "gap_villages.parquet")
    pd.DataFrame(
        {
            "district": ["", "", "Hướng Hóa"],
            "service": ["", "mobile", ""],
            "units": [2, 1, 2],
            "villages": [2, 2, 2],
            "none_at_centre": [1, 1, 1],
            "none_at_cluster": [0, 0, 0],
            "one_operator": [1, 1, 1],
            "people_affected": [900.0, NAN, 900.0],
            "unknown": [2, 1, 2],
        }
    ).assign(**MARKS).to_parquet(aside / "gap_totals.parquet")
    _classes().assign(**MARKS).to_parquet(aside / "classes.parquet")
    gaps[["code", "valid_on", "name", "district", "need_index"]].assign(
        rank=[2, 1],
        rank_low=[1, 1],
        rank_high=[3, 2],
        in_first_pct=[97.5, 100.0],
        depends=["yes", "no"],
        depends_on=["weights", ""],
        **MARKS,
    ).to_parquet(aside / "ranking.parquet")
    about = ABOUT | {
        "counts": {"units": 12, "ranked": 2, "first_n_sure": 1, "first_n_depends": 1},
        "components": [
            {"id": "post_radius", "indicator": "mean_service_radius_post_km", "weight": 1.0, "communes": 12},
            {"id": "post_people", "indicator": "people_per_post_point", "weight": 1.0, "communes": 12},
        ],
        "people": {"declared": "dasymetric", "others": []},
        "signal": {"sigma_db": 8.0, "site_share_pct": 50.0, "position_error_m": 100.0},
    }
    (aside / "ranking.json").write_text(json.dumps(about), encoding="utf-8")
    pd.DataFrame(
        {
            "level": ["unit", "unit", "village"],
            "code": ["19400", "19402", "V1"],
            "rule": ["commune_people_covered", "postal_people_per_point", "village_centre"],
            "indicator": ["people_covered_any_pct", "people_per_post_point", "centre_covered_2g"],
            "value": [10.0, 9000.0, 0.0],
            "threshold": [95.0, 8000.0, 1.0],
            "margin": [-85.0, -1000.0, -1.0],
            "unit": ["%", "persons", "yes_no"],
            "comparison": [">=", "<=", ">="],
            "basis": ["model", "record", "observed"],
            "people_affected": [900.0, NAN, 400.0],
            "pack": ["mobile_signal", "postal_qcvn1", "mobile_signal"],
            "mark": ["K", "K", "P"],
            "source": ["nguồn", "nguồn", "nguồn"],
            "override_reason": [None, "=vùng khó khăn", None],
            "text_en": ["10 % of people have signal", "9,000 people a point", f"{EVIL} has no signal"],
            "text_vi": ["10 % số dân có sóng", "9.000 người một điểm", f"{EVIL} không có sóng"],
        }
    ).assign(**MARKS).to_parquet(aside / "reasons.parquet")
    pd.DataFrame(
        {
            "level": ["province", "province", "district"],
            "area": ["", "", "Hướng Hóa"],
            "indicator": ["mean_service_radius_post_km", "bts_in_operation", "mean_service_radius_post_km"],
            "published": [3.16, 1159.0, NAN],
            "published_as_of": pd.to_datetime(["2012-12-31", "2012-12-31", None]),
            "computed": [3.11, NAN, 3.9],
            "unit": ["km", "", "km"],
            "target": [2.3, NAN, 2.3],
            "comparison": ["<=", "", "<="],
            "met": ["no", "", "no"],
            "met_published": ["no", "", ""],
            "distance": [0.81, NAN, 1.6],
            "build_count": [130.0, NAN, 46.0],
            "build_unit": ["points", "", "points"],
            "build_en": ["130 more postal points", "", "46 more postal points"],
            "build_vi": ["thêm 130 điểm", "", "thêm 46 điểm"],
            "have": [156.0, NAN, 24.0],
            "base": [4740.0, NAN, 1151.0],
            "note": ["inconsistent_area", "", ""],
            "source": ["127-BC/TU", "", ""],
            "rule": ["r1", "", "r1"],
            "asked_of": ["province", "", "province"],
            "standing": ["official", "", "official"],
            "document": ["08-NQ/TU", "", "08-NQ/TU"],
            "article": ["", "", ""],
            "mark": ["P", "", "P"],
            "target_source": ["08-NQ/TU", "", "08-NQ/TU"],
            "override_reason": ["", "", ""],
        }
    ).assign(**MARKS).to_parquet(aside / "targets.parquet")
    districts = pd.DataFrame({"district": ["Hướng Hóa", "Cam Lộ"], "points_post_count": [24.0, NAN]})
    districts.assign(**MARKS).to_parquet(aside / "districts.parquet")
    write_progress(aside)
    pd.DataFrame(
        {
            "rank": [1, 2],
            "candidate_id": ["H1", "V1"],
            "kind": ["hilltop", "village_centre"],
            "name": ["Hướng Phùng", EVIL],
            "unit_code": ["19400", "19402"],
            "unit_name": ["Hướng Phùng", EVIL],
            "x_m": [541000.0, 549000.0],
            "y_m": [1849000.0, 1849000.0],
            "lon": [106.64, 106.71],
            "lat": [16.72, 16.72],
            "ground_elevation_m": [655.0, NAN],
            "technology": ["2G", "2G"],
            "band_mhz": [900.0, 900.0],
            "height_m": [36.0, 36.0],
            "cost_vnd": [0.83e9, 1.83e9],
            "people_new": [812.0, 100.0],
            "people_new_cumulative": [812.0, 912.0],
            "cost_cumulative_vnd": [0.83e9, 2.66e9],
            "people_per_bn_vnd": [978.3, 54.6],
            "off_grid": [False, True],
            "border": [True, False],
        }
    ).assign(**MARKS).to_parquet(aside / "plan.parquet")
    pd.DataFrame(
        {
            "level": ["unit", "village"],
            "code": ["19402", "V2"],
            "valid_on": pd.to_datetime(["2012-12-31", None]),
            "name": [EVIL, "Bản Đá"],
            "rule": ["commune_people_covered", "village_centre"],
            "pack": ["mobile_signal"] * 2,
            "indicator": ["people_covered_any_pct", "centre_covered_any"],
            "why": ["no_data", "class_unknown"],
        }
    ).assign(**MARKS).to_parquet(aside / "not_judged.parquet")
    pd.DataFrame(
        {
            "code": ["V1", "V2"],
            "name": ["Thôn Cợp", "Bản Đá"],
            "unit_code": ["19400", "19400"],
            "technology": ["2G", "any"],
            "observed": pd.array([False, True], dtype="boolean"),
            "model_level_dbm": [-90.0, NAN],
            "model": pd.array([True, None], dtype="boolean"),
            "agree": ["no", ""],
        }
    ).assign(**MARKS).to_parquet(aside / "comparison.parquet")
    (aside / "provinces.json").write_text(json.dumps({"points_post_count": 156, "bts_in_operation": None}))
    (aside / "access.json").write_text("{}", encoding="utf-8")
    level = np.full((SIDE, 16), -88.0, dtype=np.float32)
    level[0, 0], level[0, 1], level[0, 2] = NAN, -200.0, -101.0
    vina = np.full_like(level, NAN)
    write_raster(
        aside / "coverage_2g.tif", {"any": level, "Viettel": level, "VNPT": vina}, tags={"required_dbm": "-95.0"}
    )
    sector = np.ones(level.shape, dtype=np.int32)
    sector[0, :2] = -1
    write_raster(aside / "servers_2g.tif", {"any": sector, "Viettel": sector, "VNPT": np.full_like(sector, -1)})
    pd.DataFrame(
        {"sector_id": ["C0", "C1"], "site_id": ["S0", "S1"], "operator": ["VNPT", "Viettel"], "technology": ["2G"] * 2}
    ).to_parquet(aside / "sectors.parquet")
    (aside / "map.html").write_text(f"<!doctype html><title>{note}</title>" + "<p>bản đồ</p>" * 200, encoding="utf-8")
    (aside / "map.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    record = {
        "study": "Thử nghiệm",
        "inputs": {"units": "ab" * 32},
        "steps": {"gaps": {"key": "cd" * 32, "files": {}, "counts": {}}},
        "versions": {"phusong": "0.1.0"},
        "timing": {"started": "2026-01-31T08:00:00+00:00", "note": note},
        "complete": True,
    }
    (aside / "run.json").write_text(json.dumps(record), encoding="utf-8")
    last = root / "results"
    if last.exists():
        os.rename(last, root / "results.old")
    os.rename(aside, last)
    shutil.rmtree(root / "results.old", ignore_errors=True)


def write_progress(aside: Path) -> None:
    """Six dates of broadband, one of a radius, and what follows from them."""
    days = pd.to_datetime([f"{year}-12-31" for year in range(2007, 2013)])
    dated = pd.DataFrame({"as_of": days, "value": [1.4, 1.7, 2.1, 2.6, 3.1, 3.77], "indicator": "broadband_per_100"})
    radius = pd.DataFrame({"as_of": days[-1:], "value": 3.16, "indicator": "mean_service_radius_post_km"})
    table = pd.concat([dated.assign(basis="computed"), radius.assign(basis="published")], ignore_index=True)
    table = table.assign(level="province", area="", unit="", note="", source="", data="synthetic")
    table.to_parquet(aside / "progress.parquet")
    outlook = {"target_on": pd.Timestamp("2015-12-31"), "reaches_on": pd.NaT}
    told = {"saturation": 30.0, "forecast": 6.5, "low": 5.8, "high": 7.2, "interval_pct": 95.0, "rule": ""}
    so_far = {"first_value": 1.4, "value": 3.77, "pace_per_year": 0.47, "needed_per_year": NAN, "on_pace": ""}
    known = {"level": "province", "area": "", "indicator": "broadband_per_100", "unit": "per_100", "basis": "computed"}
    span = {"dates": 6, "from": days[0], "to": days[-1], "target": NAN, "comparison": "", "asked_of": ""}
    row = known | span | so_far | told | outlook | {"method": "saturating"}
    pd.DataFrame([row]).assign(**MARKS).to_parquet(aside / "pace.parquet")


def write_raster(path: Path, bands: dict[str, Any], *, tags: dict[str, str] | None = None) -> None:
    first = next(iter(bands.values()))
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=first.shape[0],
        width=first.shape[1],
        count=len(bands),
        dtype=first.dtype,
        crs=CRS,
        transform=rasterio.Affine(CELL, 0, LEFT, 0, -CELL, TOP),
        nodata=NAN if first.dtype.kind == "f" else None,
    ) as target:
        for i, (name, values) in enumerate(bands.items(), start=1):
            target.write(values, i)
            target.set_band_description(i, name)
        target.update_tags(**(tags or {}))


def write_study(root: Path) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "study.toml").write_text(STUDY_TOML, encoding="utf-8")
    common = {"as_of": pd.to_datetime(["2012-12-31"]), "source": ["sổ <trạm>"], "synthetic": [True]}
    units = units_frame()[["code", "valid_on", "name", "district", "geometry"]]
    units = units.assign(population=1.0, as_of=pd.Timestamp("2012-12-31"), source="127-BC/TU", synthetic=False)
    units.to_file(root / "layers.gpkg", layer="units", driver="GPKG")
    sites = gpd.GeoDataFrame(
        {"site_id": ["S1"], "name": ["Trạm Đỉnh"], **common}, geometry=[Point(LEFT + 3500, TOP - 3500)], crs=CRS
    )
    sites.to_file(root / "layers.gpkg", layer="sites", driver="GPKG")
    (root / "rasters").mkdir(exist_ok=True)
    elevation = np.arange(SIDE * 16, dtype=np.float32).reshape(SIDE, 16)
    write_raster(root / "rasters" / "elevation.tif", {"": elevation}, tags={"as_of": "2000-02-11", "source": "SRTM"})


class Client:
    """Sends requests to the app in this process; an error inside it comes back as the answer a server would give."""

    def __init__(self, app: FastAPI, *, base: str = "http://127.0.0.1:8000") -> None:
        self.app = app
        self.base = base

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self.timed(method, path, times=1, **kwargs)[0]

    def timed(self, method: str, path: str, *, times: int, **kwargs: Any) -> tuple[httpx.Response, list[float]]:
        """The last of several answers one after the other, and the seconds of processor time each took."""
        seconds = []

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=self.base) as client:
                for _ in range(times):
                    began = time.process_time()
                    answer = await client.request(method, path, **kwargs)
                    seconds.append(time.process_time() - began)
                return answer

        return asyncio.run(send()), seconds

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.request("GET", path, **kwargs)

    def json(self, path: str, **kwargs: Any) -> Any:
        answer = self.get(f"/api/v1{path}", **kwargs)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def study_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with results that no test changes."""
    root = tmp_path_factory.mktemp("api") / "nghiên cứu"
    write_study(root)
    write_results(root)
    return root


@pytest.fixture(scope="session")
def client(study_dir: Path) -> Client:
    return Client(create_app(study_dir))


@pytest.fixture(scope="session")
def client_of() -> Callable[..., Client]:
    """Make a client of an app."""
    return Client


@pytest.fixture
def rerun() -> Callable[..., None]:
    """Replace the results of a study as a run does, with another name of commune 19405."""
    return write_results


@pytest.fixture
def units() -> gpd.GeoDataFrame:
    """The communes as the results hold them."""
    return units_frame()


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[..., Path]:
    """Make a study of the test's own, with or without results."""

    def make(*, results: bool = True) -> Path:
        write_study(tmp_path / "study")
        if results:
            write_results(tmp_path / "study")
        return tmp_path / "study"

    return make


def _classes() -> pd.DataFrame:
    """Classes of two communes and a village: recorded against the test, computed, and not known."""
    flags = {"official": [True, None, None, True], "computed": [False, True, None, None]}
    table = pd.DataFrame(
        {
            "level": ["unit", "unit", "unit", "village"],
            "code": ["19400", "19400", "19402", "V1"],
            "valid_on": pd.to_datetime(["2012-12-31"] * 3 + [None]),
            "name": ["Hướng Phùng", "Hướng Phùng", EVIL, "Thôn Cợp"],
            "class": ["mountainous", "land_border", "remote", "programme"],
            **{name: pd.array(values, dtype="boolean") for name, values in flags.items()},
            "used": pd.array([True, True, None, True], dtype="boolean"),
            "agree": ["no", "", "", ""],
            "test": ["mountainous_commune", "land_border_commune", "remote_unit_time", ""],
            "value": [64.5, 7.25, NAN, NAN],
            "threshold": [66.667, 0.5, NAN, NAN],
            "unit": ["%", "km", "", ""],
            "derived": ["yes", "no", "no", "no"],
            "hinges_on": ["derived", "", "", ""],
        }
    )
    for lang in ("en", "vi"):
        table[f"evidence_{lang}"] = [f"{lang} {name}" for name in table["class"]]
    return table.assign(source=["list of 2021", "decree", "", "list of 2021"])
