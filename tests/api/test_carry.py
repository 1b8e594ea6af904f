"""`phusong carry` from the command line: tables and results of a run, in the study's folder and elsewhere."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from phusong.api.cli import main


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHUSONG_LANG", "en")


def phusong(*words: object) -> int:
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def units(codes: str, day: str) -> gpd.GeoDataFrame:
    """One square of 2 km a letter; equal letters are one unit."""
    squares = [shapely.box(5e5 + 2000 * i, 18e5, 5e5 + 2000 * (i + 1), 18e5 + 2000) for i in range(len(codes))]
    frame = gpd.GeoDataFrame({"code": list(codes)}, geometry=squares, crs="EPSG:9212").dissolve("code").reset_index()
    return frame.assign(valid_on=np.datetime64(day, "s"), name=frame["code"])


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with the units of two dates and results of a run on the older ones."""
    root = tmp_path / "study"
    (root / "results").mkdir(parents=True)
    (root / "study.toml").write_text('name = "T"\nunits_valid_on = 2012-12-31\ncrs = "EPSG:9212"\n', encoding="utf-8")
    both = pd.concat([units("aab", "2012-12-31"), units("xyy", "2025-07-01")], ignore_index=True)
    both.to_file(root / "layers.gpkg", layer="units", engine="pyogrio")
    results = units("aab", "2012-12-31").assign(
        people=[90.0, 30.0], people_covered_any_pct=[50.0, 90.0], data="synthetic", district="D"
    )
    results.to_parquet(root / "results" / "units.parquet")
    results.to_file(root / "results" / "results.gpkg", layer="units", engine="pyogrio")
    results.to_file(root / "results" / "results.gpkg", layer="gaps", engine="pyogrio")
    return root


def test_results_of_a_run_are_shown_on_the_units_of_another_date(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(study)
    assert phusong("carry", "results/units.parquet", "--from", "2012-12-31", "--to", "2025-07-01") == 0
    book = openpyxl.load_workbook("units_2025-07-01.xlsx")
    rows = list(book["carried"].iter_rows(values_only=True))
    found = {cells[0]: dict(zip(rows[0], cells, strict=True)) for cells in rows[1:]}
    assert found["x"]["people"] == pytest.approx(45, rel=1e-6)
    assert found["y"]["people_covered_any_pct"] == pytest.approx((50 * 45 + 90 * 30) / 75, rel=1e-6)
    assert found["y"]["data"] == "synthetic"  # what is made up stays known as that
    assert found["y"]["estimated"] == "people, people_covered_any_pct"
    told = capsys.readouterr()
    assert "people: total 120.00 = carried 120.00 + listed 0.00" in told.out + told.err
    assert "left out, as the new units have their own: district" in told.out + told.err
    back = ("carry", "units_2025-07-01.xlsx", "--from", "2025-07-01", "--to", "2012-12-31", "-o", "map.gpkg")
    assert phusong(*back) == 0
    shown = gpd.read_file("map.gpkg", layer="carried", engine="pyogrio").set_index("code")
    assert shown.loc["b", "people"] == pytest.approx(37.5, rel=1e-6)
    assert shown.loc["b", "estimated"] == "people, people_covered_any_pct"


def test_the_layer_of_a_file_and_how_its_numbers_are_written_can_be_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ("--from", "2012-12-31", "--to", "2025-07-01", "--study", study)
    file, out = study / "results" / "results.gpkg", tmp_path / "o.csv"
    assert phusong("carry", file, *days, "--layer", "units", "-o", out) == 0
    assert pd.read_csv(out)["people"].sum() == pytest.approx(120)
    table = tmp_path / "t.csv"
    table.write_text("code,people\na,12.345\n", encoding="utf-8")
    assert phusong("carry", table, *days, "-o", out) == 2
    assert '--decimal ","' in " ".join(capsys.readouterr().err.split())
    assert phusong("carry", table, *days, "-o", out, "--decimal", ",", "--sum-known") == 0
    assert pd.read_csv(out)["people"].sum() == pytest.approx(12345)
    assert phusong("carry", table, "--from", "2012-12-31", "--to", "2025-07-01", "-o", out) == 2
    assert "--old and --new, or --study" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("given", ["table", "--study", "--lineage", "--new"])
def test_no_file_that_is_read_is_written_over(
    study: Path, tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table, lineage, new = tmp_path / "t.csv", tmp_path / "l.csv", tmp_path / "new.gpkg"
    table.write_text("code,people\na,12\n", encoding="utf-8")
    lineage.write_text("code,name,code_2025,name_2025\na,A,x,X\n", encoding="utf-8")
    units("xyy", "2025-07-01").to_file(new, engine="pyogrio")
    out = {"table": table, "--study": study / "layers.gpkg", "--lineage": lineage, "--new": new}[given]
    before = out.read_bytes()
    words = ["carry", table, "--from", "2012-12-31", "--to", "2025-07-01", "--study", study]
    assert phusong(*words, "--lineage", lineage, "--new", new, "-o", out) == 2
    assert "--out" in capsys.readouterr().err
    assert out.read_bytes() == before
