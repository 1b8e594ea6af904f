"""The whole job on the tiny study: what it finds, what it redoes, what a kill leaves."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

from phusong.api.pipeline import Job, Made, run
from phusong.api.steps import STEPS
from phusong.layers.errors import InputError
from phusong.layers.grid import Raster
from phusong.layers.store import Results
from phusong.layers.study import Study
from phusong.layers.writers.vectors import write_gpkg

ALL = [step.name for step in STEPS]


def computed(root: Path) -> list[str]:
    """Run and say which steps were computed."""
    return list(run(Study(root), steps=STEPS)["timing"]["computed"])


def table(root: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(Results(root).path(f"{name}.parquet"))


@pytest.fixture(scope="module")
def done(tiny_study_of_module: Path) -> Path:
    """A tiny study that was run; tests only read it."""
    run(Study(tiny_study_of_module), steps=STEPS)
    return tiny_study_of_module


@pytest.fixture
def done_before(done: Path, tmp_path: Path) -> Path:
    """The same study with its results, the test's own to change and run again."""
    return Path(shutil.copytree(done, tmp_path / "again"))


def test_the_ridge_leaves_the_west_without_signal(done: Path) -> None:
    units = table(done, "units").set_index("code")
    assert units.loc["T2", "people_covered_2g_pct"] > 99
    assert units.loc["T4", "people_covered_2g_pct"] > 99
    assert units.loc["T1", "people_covered_2g_pct"] < 60
    gaps = table(done, "gaps")
    assert set(gaps["code"][:2]) == {"T1", "T3"}
    reasons = table(done, "reasons")
    signal = reasons[(reasons["code"] == "T1") & reasons["indicator"].str.startswith("people_covered")]
    assert list(signal["basis"]) == ["model"]
    assert (signal["margin"] < 0).all()


def test_people_add_up(done: Path) -> None:
    assert table(done, "people")["people"].sum() == pytest.approx(9800, abs=1e-6)
    assert table(done, "units")["people"].sum() == 9800


def test_a_report_decides_for_its_village_and_is_compared(done: Path) -> None:
    villages = table(done, "gap_villages").set_index("code")
    assert villages.loc["V0", "basis"].split(";")[0] == "observed"
    comparison = table(done, "comparison")
    assert set(comparison["code"]) == {"V0", "V2"}


def test_the_plan_serves_the_west_within_the_budget(done: Path) -> None:
    plan = table(done, "plan")
    assert len(plan)
    assert plan["cost_vnd"].sum() <= 3e9
    assert set(plan["unit_code"]) <= {"T1", "T2", "T3"}
    before = (
        1800
        - table(done, "units").set_index("code").loc[["T1", "T3"]].eval("people * people_covered_2g_pct / 100").sum()
    )
    assert 0 < plan["people_new"].sum() <= before + 500  # V0's report may say no where the model says yes


def test_every_file_says_synthetic_and_its_date(done: Path) -> None:
    results = Results(done)
    for stem in ("gaps", "gap_villages", "plan", "reasons", "targets", "comparison", "link_budget", "defaults_used"):
        head, first = results.path(f"{stem}.csv").read_text(encoding="utf-8-sig").splitlines()[:2]
        assert "as_of" in head
        assert "synthetic" in first
    assert "synthetic" in results.path("map.html").read_text(encoding="utf-8")
    assert json.loads(results.path("run.json").read_text())["synthetic"] is True


def test_the_rules_in_force_are_listed_with_their_source(done: Path) -> None:
    rules = table(done, "rules")
    assert (
        set(rules["pack"])
        == {"resolution_08", "mobile_signal", "postal_qcvn1"}
        == set(Study(done).settings.rules.packs)
    )
    assert set(table(done, "reasons")["rule"]) <= set(rules["id"])
    assert rules["source"].str.len().min() > 5
    assert set(rules["mark"]) <= {"P", "C", "K"}


def test_names_that_look_like_code_stay_text(done: Path) -> None:
    page = Results(done).path("map.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page


def test_only_what_changed_is_computed_again(
    done: Path, done_before: Path, layers_of_tiny: dict[str, pd.DataFrame]
) -> None:
    assert Results(done).record()["timing"]["computed"] == ALL
    assert computed(done_before) == []
    settings = done_before / "study.toml"
    settings.write_text(settings.read_text().replace("budget_vnd = 3000000000.0", "budget_vnd = 1000000000.0"))
    assert computed(done_before) == ["plan", "lists", "map"]
    settings.write_text(settings.read_text().replace('name = "Tiny (synthetic)"', 'name = "Other (synthetic)"', 1))
    assert "people" not in computed(done_before)
    layers_of_tiny["sectors"].loc[0, "height_m"] = 50.0
    write_gpkg(layers_of_tiny, done_before / "layers.gpkg")
    again = computed(done_before)
    assert again[0] == "radio"
    assert "people" not in again


def test_taken_over_steps_give_what_computing_gives(
    done_before: Path, make_tiny_study: Callable[..., Path], tmp_path: Path
) -> None:
    """The plan and the map from files loaded again are those from values just computed."""
    settings = done_before / "study.toml"
    old = settings.read_text()
    settings.write_text(old.replace("budget_vnd = 3000000000.0", "budget_vnd = 1000000000.0"))
    run(Study(done_before), steps=STEPS)
    settings.write_text(old)
    again = run(Study(done_before), steps=STEPS)
    fresh = run(Study(make_tiny_study(tmp_path / "fresh")), steps=STEPS)
    assert again["timing"]["computed"] == ["plan", "lists", "map"]
    assert {k: v for k, v in again.items() if k != "timing"} == {k: v for k, v in fresh.items() if k != "timing"}


def test_a_killed_run_leaves_the_last_results_and_is_continued(done_before: Path) -> None:
    last = (done_before / "results" / "run.json").read_bytes()
    settings = done_before / "study.toml"
    settings.write_text(settings.read_text().replace("max_range_km = 20.0", "max_range_km = 15.0"))

    def killed(job: Job) -> Made:
        job.path("units.parquet").write_bytes(b"half")
        raise KeyboardInterrupt

    cut = tuple(replace(step, compute=killed) if step.name == "indicators" else step for step in STEPS)
    with pytest.raises(KeyboardInterrupt):
        run(Study(done_before), steps=cut)
    assert (done_before / "results" / "run.json").read_bytes() == last
    assert len(gpd.read_parquet(done_before / "results" / "units.parquet")) == 4
    assert computed(done_before)[0] == "indicators"  # people and radio of the cut run are taken over


def test_gaps_from_reports_alone(
    make_tiny_study: Callable[..., Path], layers_of_tiny: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    kept = {name: frame for name, frame in layers_of_tiny.items() if name not in ("sites", "sectors")}
    root = make_tiny_study(tmp_path / "study", kept)
    run(Study(root), steps=STEPS)
    assert list(table(root, "gap_villages")["code"]) == ["V0"]
    assert list(table(root, "gap_villages")["basis"]) == ["observed"]
    units = table(root, "units")
    assert "people_covered_2g_pct" not in units or units["people_covered_2g_pct"].isna().all()
    assert not list((root / "results").glob("coverage_*.tif"))


def test_the_least_layers_give_results(
    make_tiny_study: Callable[..., Path], layers_of_tiny: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    root = make_tiny_study(tmp_path / "study", {"units": layers_of_tiny["units"]})
    record = run(Study(root), steps=STEPS)
    assert record["steps"]["people"]["counts"]["people"] == pytest.approx(9800)
    assert len(table(root, "gap_villages")) == 0


def test_no_elevation_is_refused(tiny_study: Path) -> None:
    (tiny_study / "rasters" / "elevation.tif").unlink()
    with pytest.raises(InputError, match="elevation"):
        run(Study(tiny_study), steps=STEPS)


def test_void_elevation_is_no_data_not_covered(
    make_tiny_study: Callable[..., Path], elevation_of_tiny: Raster, tmp_path: Path
) -> None:
    values = elevation_of_tiny.values.copy()
    grid = elevation_of_tiny.grid
    hole = (
        slice(grid.shape[0] // 2 - 12, grid.shape[0] // 2 - 4),
        slice(grid.shape[1] // 2 + 6, grid.shape[1] // 2 + 12),
    )
    values[hole] = np.nan
    root = make_tiny_study(tmp_path / "study", None, Raster(grid, values, {}))
    record = run(Study(root), steps=STEPS)
    assert record["faults"] > 0
    assert record["steps"]["radio"]["counts"]["cells_void"] == 48
    assert table(root, "units")["people_signal_unknown_pct"].max() > 0


def test_the_grid_follows_the_cell_size_of_the_settings(tiny_study: Path) -> None:
    settings = tiny_study / "study.toml"
    settings.write_text(settings.read_text().replace("cell_m = 250.0", "cell_m = 500.0"))
    record = run(Study(tiny_study), steps=STEPS)
    assert record["steps"]["people"]["counts"]["people"] == pytest.approx(9800)
    assert record["steps"]["radio"]["counts"]["cells_wanted"] == 1024


def test_the_word_synthetic_and_the_sources_are_not_taken_over_when_they_change(
    done_before: Path, layers_of_tiny: dict[str, pd.DataFrame]
) -> None:
    settings = done_before / "study.toml"
    settings.write_text(settings.read_text().replace("synthetic = true", "synthetic = false"))
    run(Study(done_before), steps=STEPS)
    for name in ("population.tif", "coverage_2g.tif"):
        with rasterio.open(done_before / "results" / name) as raster:
            assert "synthetic" not in raster.tags()
    layers_of_tiny["facilities"]["source"] = "Sở Giáo dục"
    write_gpkg(layers_of_tiny, done_before / "layers.gpkg")
    assert computed(done_before)[-1] == "map"
    assert "Sở Giáo dục" in Results(done_before).path("map.html").read_text(encoding="utf-8")


def test_tables_in_words_follow_the_language(done_before: Path) -> None:
    english = Results(done_before).path("link_budget.csv").read_text(encoding="utf-8")
    assert "no margin" in english
    settings = done_before / "study.toml"
    settings.write_text(settings.read_text().replace('language = "en"', 'language = "vi"'))
    assert "radio" in computed(done_before)
    assert "không có dự trữ" in Results(done_before).path("link_budget.csv").read_text(encoding="utf-8")
    with rasterio.open(done_before / "results" / "coverage_2g.tif") as raster:
        assert "ngoài trời" in raster.tags()["asked"]


def test_coverage_left_by_a_cut_run_is_not_taken_for_a_technology(done_before: Path) -> None:
    left = done_before / "results.new"
    left.mkdir()
    for stem in ("coverage", "servers"):
        shutil.copy(done_before / "results" / f"{stem}_2g.tif", left / f"{stem}_4g.tif")
    settings = done_before / "study.toml"
    settings.write_text(settings.read_text().replace("area_km2 = 256.0", "area_km2 = 255.0"))
    assert computed(done_before)[0] == "indicators"
    assert not [name for name in table(done_before, "units") if "4g" in name]


def test_a_network_that_is_closed_or_of_5g_alone(
    make_tiny_study: Callable[..., Path], layers_of_tiny: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    layers_of_tiny["sectors"]["technology"] = "5G"
    layers_of_tiny["sectors"]["band_mhz"] = 2100.0  # its bandwidth is the table's
    layers_of_tiny["sites"].loc[1, "status"] = "closed"
    root = make_tiny_study(tmp_path / "study", layers_of_tiny)
    run(Study(root), steps=STEPS)
    units = table(root, "units").set_index("code")
    assert units.loc["T2", "people_covered_5g_pct"] > 50
    assert "people_covered_5g_vnpt_pct" not in units
    layers_of_tiny["sites"]["status"] = "closed"
    write_gpkg(layers_of_tiny, root / "layers.gpkg")
    run(Study(root), steps=STEPS)
    units = table(root, "units")
    assert units["people_covered_any_pct"].isna().all()
    assert not list((root / "results").glob("coverage_*.tif"))
