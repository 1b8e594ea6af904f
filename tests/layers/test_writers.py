"""Files out: they come back as they were, their bytes do not depend on the clock, and no cell acts as a formula."""

import csv
import json
import re
import time
from pathlib import Path

import geopandas
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phusong.layers.writers import export, neutral, put_layer, write_csv, write_geojson, write_gpkg, write_xlsx
from phusong.layers.writers.tables import neutral_csv

CRS = "EPSG:9212"
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=12)


def _frame() -> geopandas.GeoDataFrame:
    table = pd.DataFrame(
        {
            "name": pd.Series(["Hướng Hóa", None, "=1+1"], dtype="str"),
            "share_pct": [12.5, np.nan, 100.0],
            "count": pd.Series([3, None, 0], dtype="Int64"),
            "mountainous": pd.Series([True, None, False], dtype="boolean"),
            "as_of": pd.Series(["2012-12-31", None, "2011-12-31"]).astype("datetime64[s]"),
        }
    )
    square = shapely.box(500_000, 1_800_000, 500_100, 1_800_100)
    return geopandas.GeoDataFrame(table, geometry=[square, None, shapely.MultiPolygon([square])], crs=CRS)


@given(TEXT)
@example("=cmd|' /C calc'!A0")
@example("\t=1")
@example("＝1")
def test_neutral_text_never_begins_like_a_formula_and_keeps_every_character(text: str) -> None:
    safe = neutral(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert safe in (text, "'" + text)
    assert (safe == text) == (not text or text[0] not in "=+-@\t\r\n＝＋－＠")


@given(TEXT | st.text("ab;\t\n=+-@5'", max_size=8))
@example("a;=cmd|' /C calc'!A0;b")
def test_no_cell_of_a_csv_is_a_formula_whatever_the_separator(text: str) -> None:
    safe = neutral_csv(text)
    for cell in re.split("[;\t\r\n]", safe):
        assert not re.match(r"[=@]|[+-][^\d;\t\r\n]", cell)
    assert safe.replace("'", "") == text.replace("'", "")
    if not re.search("[;\t\r\n]", text):
        assert safe == neutral(text)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, st.one_of(st.none(), st.floats(-1e9, 1e9))), min_size=1, max_size=5))
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, float | None]]) -> None:
    frame = pd.DataFrame(
        {"text": pd.Series([r[0] for r in rows], dtype="str"), "number": pd.Series([r[1] for r in rows], dtype=float)}
    )
    path = write_csv(frame, tmp_path / "a.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        back = list(csv.reader(file))
    assert back[0] == ["text", "number"]
    assert [row[0] for row in back[1:]] == [neutral_csv(r[0]) for r in rows]
    assert [float(row[1]) if row[1] else None for row in back[1:]] == [r[1] for r in rows]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=5))
def test_no_workbook_cell_is_a_formula(tmp_path: Path, texts: list[str]) -> None:
    frame = pd.DataFrame({"=head": pd.Series(texts, dtype="str"), "number": -1.5})
    book = openpyxl.load_workbook(write_xlsx(frame, tmp_path / "a.xlsx"))
    for row in book["data"].iter_rows():
        for cell in row:
            assert cell.data_type != "f"
    assert [row[1].value for row in book["data"].iter_rows(min_row=2)] == [-1.5] * len(texts)


def test_workbook_cells_keep_their_types(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(write_xlsx({"units": _frame()}, tmp_path / "a.xlsx"))["units"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["name", "share_pct", "count", "mountainous", "as_of"]
    assert rows[1][:4] == ["Hướng Hóa", 12.5, 3, "yes"]
    assert rows[1][4].isoformat().startswith("2012-12-31")
    assert rows[2] == [None] * 5
    assert rows[3][:4] == ["'=1+1", 100, 0, "no"]


def test_float32_is_written_in_its_own_digits(tmp_path: Path) -> None:
    path = write_csv(pd.DataFrame({"level_dbm": np.array([-95.3, np.nan], np.float32)}), tmp_path / "a.csv")
    assert path.read_text(encoding="utf-8-sig").splitlines() == ["level_dbm", "-95.3", '""']


def test_bytes_do_not_depend_on_the_clock(tmp_path: Path) -> None:
    first = {name: path.read_bytes() for name, path in export(_frame(), tmp_path / "one", "gaps").items()}
    then = time.time()
    while int(time.time()) == int(then):  # the next second: every format here stores whole seconds
        pass
    second = {name: path.read_bytes() for name, path in export(_frame(), tmp_path / "two", "gaps").items()}
    assert set(first) == {"csv", "xlsx", "geojson", "gpkg", "parquet"}
    assert first == second


def test_formats_agree_with_each_other(tmp_path: Path) -> None:
    paths = export(_frame(), tmp_path, "gaps")
    package, parquet = pyogrio.read_dataframe(paths["gpkg"]), geopandas.read_parquet(paths["parquet"])
    for back in (package, parquet):
        assert back.crs == CRS
        assert back.geometry.isna().tolist() == [False, True, False]
        assert back["name"].fillna("").tolist() == ["Hướng Hóa", "", "=1+1"]
        assert back["count"].isna().tolist() == [False, True, False]
    assert pyogrio.read_info(paths["gpkg"])["ogr_types"][-1] == "OFTDate"
    assert "gap" not in "".join(p.name for p in tmp_path.iterdir() if p.name.startswith("."))


def test_geojson_follows_rfc_7946(tmp_path: Path) -> None:
    """Point of origin of TM-3 106-15: 106.25 E on the ellipsoid moved to WGS 84; right-hand rings; no crs member."""
    data = json.loads(write_geojson(_frame(), tmp_path / "a.geojson").read_text(encoding="utf-8"))
    assert "crs" not in data
    first, second, _ = data["features"]
    assert second["geometry"] is None
    assert first["properties"]["as_of"] == "2012-12-31"
    ring = first["geometry"]["coordinates"][0]
    assert shapely.LinearRing(ring).is_ccw
    assert all(106.2 < lon < 106.3 and 16.2 < lat < 16.3 for lon, lat in ring)
    assert all(round(v, 6) == v for point in ring for v in point)


def test_points_in_tables_get_longitude_and_latitude(tmp_path: Path) -> None:
    points = geopandas.GeoDataFrame({"id": ["a"]}, geometry=[shapely.Point(107, 16.8)], crs="EPSG:4326").to_crs(CRS)
    lines = write_csv(points, tmp_path / "a.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["id,lon,lat", "a,107,16.8"]


def test_put_layer_replaces_one_layer_and_keeps_the_rest(tmp_path: Path) -> None:
    path = write_gpkg({"units": _frame(), "sectors": pd.DataFrame({"a": [1]})}, tmp_path / "layers.gpkg")
    put_layer(_frame().iloc[:1], path, layer="units")
    put_layer(_frame().iloc[:2], path, layer="villages")
    assert sorted(name for name, _ in pyogrio.list_layers(path)) == ["sectors", "units", "villages"]
    assert len(pyogrio.read_dataframe(path, layer="units")) == 1
    assert len(pyogrio.read_dataframe(path, layer="villages")) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["layers.gpkg"]


def test_a_failed_write_leaves_the_last_good_file(tmp_path: Path) -> None:
    path = write_csv(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")
    before = path.read_bytes()

    class Unsayable:
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_csv(pd.DataFrame({"a": [Unsayable()]}), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="docx"):
        export(_frame(), tmp_path, "gaps", formats=["docx"])


@pytest.mark.parametrize("frame", [_frame().iloc[:0], pd.DataFrame({"a": pd.Series(dtype="str")})])
def test_empty_frames_keep_their_columns(tmp_path: Path, frame: pd.DataFrame) -> None:
    paths = export(frame, tmp_path, "gaps")
    names = [c for c in frame.columns if c != "geometry"]
    assert pd.read_csv(paths["csv"]).columns.tolist() == names
    assert [c for c in pyogrio.read_dataframe(paths["gpkg"]).columns if c != "geometry"] == names
