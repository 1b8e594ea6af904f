"""The fit of a study finds what its measured levels were made with, and refuses what they cannot tell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from shapely.geometry import Point

from phusong.api.cli import main
from phusong.api.fitting import USED_INPUTS, fit_inputs, lines_of
from phusong.api.pipeline import read_study
from phusong.api.radio import propagation_of
from phusong.coverage.radio import level_at
from phusong.coverage.radio.models import Propagation
from phusong.layers.grid import Raster
from phusong.layers.messages import LANGS
from phusong.layers.store import Results
from phusong.layers.study import Study

LEFT, BOTTOM = 540_000.0, 1_840_000.0
K, OFFSET_DB = 0.6, 5.0

Layers = dict[str, pd.DataFrame]


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


KEPT: dict[str, Layers] = {}


def measured(layers: Layers, elevation: Raster, *, sites: int, count: int, true: bool = True) -> Layers:
    """The layers with ``sites`` masts in the east, and levels as the maps compute them with k and offset (or -80)."""
    rng = np.random.default_rng(1)
    common = {"as_of": pd.Timestamp("2012-12-31"), "source": "test", "synthetic": True}
    at = [Point(LEFT + 10_000 + 900 * i, BOTTOM + 1_500 + 2_700 * i) for i in range(sites)]
    names = [f"M{i}" for i in range(sites)]
    masts = gpd.GeoDataFrame({"site_id": names, "status": "in_service", **common}, geometry=at, crs=elevation.grid.crs)
    sectors = pd.DataFrame(
        {
            "sector_id": [f"{name}-1" for name in names],
            "site_id": names,
            "operator": [f"Nhà mạng {i}" for i in range(sites)],
            "technology": "2G",
            "height_m": 40.0,
            **common,
        }
    )
    truth = Propagation(model="okumura-hata", terrain_k=K, offset_db=OFFSET_DB)
    rows = []
    for col, row in rng.integers(20, elevation.grid.shape[0] - 20, (count, 2)):
        x_m, y_m = float(elevation.grid.x_m[col]), float(elevation.grid.y_m[row])
        if not true:
            rows.append(("Nhà mạng 0", -80.0, Point(x_m, y_m)))
            continue
        heard = level_at(
            x_m, y_m, sites=masts, sectors=sectors, elevation=elevation, on=common["as_of"].date(), propagation=truth
        )
        one = heard.iloc[int(rng.integers(len(heard)))]
        rows.append((one["operator"], one["level_dbm"], Point(x_m, y_m)))
    reports = gpd.GeoDataFrame(
        {
            "report_id": [f"R{i}" for i in range(count)],
            "operator": [row[0] for row in rows],
            "technology": "2G",
            "level_dbm": [row[1] for row in rows],
            "place": "centre",
            **common,
        },
        geometry=[row[2] for row in rows],
        crs=elevation.grid.crs,
    )
    return layers | {"sites": masts, "sectors": sectors, "signal_reports": reports}


@pytest.fixture
def study(
    make_tiny_study: Callable[..., Path], layers_of_tiny: Layers, elevation_of_tiny: Raster, tmp_path: Path
) -> Path:
    if not KEPT:
        KEPT["layers"] = measured(layers_of_tiny, elevation_of_tiny, sites=5, count=45)
    return make_tiny_study(tmp_path / "study", layers=KEPT["layers"])


def test_finds_k_and_offset_that_the_maps_were_made_with(study: Path) -> None:
    found = fit_inputs(read_study(Study(study)), model="okumura-hata", technology="2G")
    assert found.fit.k == pytest.approx(K, abs=0.01)
    assert found.fit.offset_db == pytest.approx(OFFSET_DB, abs=0.1)
    assert found.fit.hold_out.rmse_db < 0.3 < 3.0 < found.fit.before.rmse_db
    assert found.better
    assert not found.left_out
    assert 10 < found.fit.on_terrain < 45
    again = propagation_of(read_study(with_settings(study, found.settings)))
    assert (again.model, again.environment) == ("okumura-hata", "open")
    assert again.terrain_k == pytest.approx(found.fit.k, abs=1e-3)
    assert again.offset_db == pytest.approx(found.fit.offset_db, abs=1e-2)


def test_the_air_is_the_fitted_model_s(study: Path) -> None:
    """A study of P.1812 takes its region's refractivity; the fit goes over the air that its lines will be run with."""
    plain = fit_inputs(read_study(Study(study)), model="okumura-hata")
    path = study / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"delta-bullington"', '"p1812"'), encoding="utf-8")
    inputs = read_study(Study(study))
    assert propagation_of(inputs).effective_earth_factor == 157 / 107
    found = fit_inputs(inputs, model="okumura-hata")
    assert (found.fit.k, found.fit.offset_db) == (plain.fit.k, plain.fit.offset_db)
    assert found.settings == plain.settings


def test_the_word_synthetic_stands_where_any_input_is(study: Path) -> None:
    inputs = read_study(Study(study))
    assert inputs.synthetic([])  # the study says so
    assert inputs.elevation.tags["synthetic"] == "yes"
    layers = {name: frame.assign(synthetic=False) for name, frame in inputs.layers.items()}
    inputs = replace(inputs, layers=layers, settings=inputs.settings.model_copy(update={"synthetic": False}))
    assert inputs.synthetic(["elevation"])
    real = replace(inputs, elevation=replace(inputs.elevation, tags={"synthetic": "no"}))
    assert not real.synthetic(USED_INPUTS)
    sites = layers["sites"].assign(synthetic=pd.array([None, True, *[False] * 3], dtype="boolean"))
    mixed = replace(real, layers=layers | {"sites": sites})
    assert mixed.synthetic(USED_INPUTS)
    assert not mixed.synthetic(["villages", "sectors", "elevation", "land_cover"])


def with_settings(study: Path, lines: list[str]) -> Study:
    """The study with the printed lines pasted over those of its [radio]."""
    path = study / "study.toml"
    text = path.read_text(encoding="utf-8")
    for line in lines[1:]:
        key = line.split(" = ")[0]
        old = next(one for one in text.splitlines() if one.removeprefix("# ").startswith(f"{key} ="))
        text = text.replace(old, line, 1)
    path.write_text(text, encoding="utf-8")
    return Study(study)


def test_the_command_writes_its_three_files_and_a_run_keeps_them(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("fit", study, "--model", "okumura-hata")
    told = {}
    for lang in LANGS:
        assert phusong(*words, "--lang", lang) == 0
        told[lang] = capsys.readouterr().out
        assert 'model = "okumura-hata"' in told[lang]
        assert re.search(r"terrain_k = (0\.59|0\.60)\d", told[lang])
    assert told["vi"] != told["en"]
    results = study / "results"
    answer = json.loads((results / "fit.json").read_text(encoding="utf-8"))
    assert answer["k"] == pytest.approx(K, abs=0.01)
    assert answer["used"] == answer["hold_out"]["count"] == 45
    assert answer["synthetic"] is True
    assert set(answer["inputs"]) == {"signal_reports", "sites", "sectors", "elevation"}
    assert answer["radio"] == Study(study).settings.radio.model_dump(mode="json")
    assert len(answer["versions"]["code"]) == 64
    table = pd.read_csv(results / "fit.csv")
    assert len(table) == 45
    assert (table["level_dbm"] - table["predicted_dbm"] - table["residual_db"]).abs().max() < 1e-6
    assert (table["operator"].str[-1] == table["site_id"].str[-1]).all()
    with Image.open(results / "fit.png") as picture:
        assert picture.width == 1600
    kept = (results / "fit.csv").read_bytes()
    with Results(study).draft() as draft:
        Results(study).swap(draft, {})  # as a run ends
    assert (results / "fit.csv").read_bytes() == kept
    before = (results / "run.json").stat().st_mtime_ns
    assert phusong("-q", *words) == 0
    assert (results / "run.json").stat().st_mtime_ns > before  # whoever serves the results looks again
    assert Results(study).record()["complete"] is True


def test_what_cannot_be_fitted_is_said(
    make_tiny_study: Callable[..., Path],
    layers_of_tiny: Layers,
    elevation_of_tiny: Raster,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    no_levels = make_tiny_study(tmp_path / "none", layers=layers_of_tiny)
    rest = (layers_of_tiny, elevation_of_tiny)
    few = make_tiny_study(tmp_path / "few", layers=measured(*rest, sites=3, count=12, true=False))
    layers = measured(*rest, sites=1, count=21, true=False)
    layers["signal_reports"].loc[0, "operator"] = "Nobody"
    one_site = make_tiny_study(tmp_path / "one", layers=layers)
    for study, words in (
        (no_levels, "no signal report holds a measured level"),
        (few, "12 measured levels are too few"),
        (one_site, "20 measured levels that can be used are all served by one site"),
        (one_site, "1 left out: no sector of that operator"),
    ):
        assert phusong("fit", study, "--lang", "en") == 2
        assert words in capsys.readouterr().err
        assert not (study / "results").exists()
    assert phusong("fit", few, "--model", "p1812", "--lang", "en") == 2
    assert "choose one of free-space" in capsys.readouterr().err
    assert phusong("fit", few, "--model", "okumura-hata", "--environment", "moon", "--lang", "en") == 2
    assert "no environment moon" in capsys.readouterr().err
    assert phusong("fit", few, "--model", "rma", "--environment", "urban", "--lang", "en") == 2
    assert "rma knows no environment" in capsys.readouterr().err


def test_a_report_left_out_keeps_its_operator(
    make_tiny_study: Callable[..., Path], layers_of_tiny: Layers, elevation_of_tiny: Raster, tmp_path: Path
) -> None:
    layers = measured(layers_of_tiny, elevation_of_tiny, sites=2, count=26)
    layers["signal_reports"].loc[3, "operator"] = "Nobody"
    found = fit_inputs(read_study(Study(make_tiny_study(tmp_path / "study", layers=layers))))
    assert found.left_out == {"no_server": 1}
    out = found.points.loc[3]
    assert (out["operator"], out["left_out"]) == ("Nobody", "no_server")
    assert np.isnan(out["predicted_dbm"])
    assert found.points["predicted_dbm"].notna().sum() == 25


def test_limits_of_the_model_are_counted_and_told(study: Path) -> None:
    found = fit_inputs(read_study(Study(study)), model="cost231-hata")
    near = (found.points["distance_m"] < 1_000.0).sum()
    assert found.outside == {"frequency": 45} | ({"distance": near} if near else {})
    assert set(found.points["outside"]) <= {"frequency", "frequency;distance"}
    assert (found.points["outside"] == "frequency;distance").sum() == near
    assert "45 of them lie outside the frequencies the model holds for" in lines_of(found, "en")
    assert "trong đó 45 nằm ngoài dải tần số của mô hình" in lines_of(found, "vi")
    inside = fit_inputs(read_study(Study(study)), model="free-space")
    assert inside.outside == {}
    assert set(inside.points["outside"]) == {""}
