"""Rejected rows written to be mended: what is read of them again is what stood in the file."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

from phusong.layers.errors import Fault
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import layer_names, read_vector
from phusong.layers.writers.report import REASON, SOURCE_ROW, unmarked, write_rejects


def test_rejects_of_a_table_with_shapes_are_a_geopackage(tmp_path: Path) -> None:
    frame = pd.DataFrame({"site_id": ["007", "008"], "fid": [7, 8], "mixed": pd.Series([1, "a"], dtype=object)})
    shapes = np.array([shapely.Point(106.5, 16.7), shapely.Point(107, 17)], dtype=object)
    raw = RawTable(frame, np.array([1, 2]), "a.geojson", "", shapes, "EPSG:4326")
    fault = Fault("fault.no_geometry", raw.file, "sites", row=2, params={"expected": "point"})
    path = write_rejects(raw, [2], [fault], tmp_path / "a.xlsx", lang="vi")
    assert path.name == "a.gpkg"
    back = read_vector(path)
    again = unmarked(back)
    assert {SOURCE_ROW, REASON} < set(back.frame.columns)
    assert again.frame.to_dict("list") == {"site_id": ["008"], "fid_": [8], "mixed": ["a"]}
    assert again.geometry is not None
    assert again.geometry[0].equals(shapes[1])
    assert again.crs == "EPSG:4326"


def rejects_with_shape(tmp_path: Path, frame: pd.DataFrame, rows: list[int], file: str = "a.geojson") -> RawTable:
    """The rejects of a geographic file of points, read again."""
    shapes = np.array([shapely.Point(106.5 + i, 16.7) for i in range(len(frame))], dtype=object)
    raw = RawTable(frame, np.arange(1, len(frame) + 1), file, "", shapes, "EPSG:4326")
    faults = [Fault("fault.no_geometry", file, "sites", row=row, params={"expected": "point"}) for row in rows]
    return read_vector(write_rejects(raw, rows, faults, tmp_path / "a.gpkg", lang="vi"))


@pytest.mark.parametrize("stem", ["gpkg", "gpkg_sites", "GPKG sites"])
def test_a_layer_named_as_a_geopackage_names_its_own_gets_another_name(tmp_path: Path, stem: str) -> None:
    rejects_with_shape(tmp_path, pd.DataFrame({"site_id": ["007"]}), [1], f"{stem}.geojson")
    assert layer_names(tmp_path / "a.gpkg") == [f"_{stem}"]


def test_properties_of_equal_names_are_all_kept(tmp_path: Path) -> None:
    names = ["Ghi", "ghi", "GHI_", "Độ", "độ", "fid", "FID_", "geom", REASON]
    frame = pd.DataFrame([[f"{i}" for i in range(len(names))]], columns=names)
    again = unmarked(rejects_with_shape(tmp_path, frame, [1])).frame
    assert again.iloc[0].tolist() == frame.iloc[0].tolist()
    assert list(again.columns) == ["Ghi", "ghi_", "GHI__", "Độ", "độ_", "fid_", "FID__", "geom_", f"{REASON}_"]


@pytest.mark.parametrize("rows", [[2, 9], [9]])
def test_a_row_without_shape_that_was_never_read_has_its_reason_alone(tmp_path: Path, rows: list[int]) -> None:
    frame = pd.DataFrame({"code": [1, 2**60 + 1], "high": [True, False], "m": [1.5, 2.5], "site_id": ["007", "008"]})
    frame["at"] = pd.to_datetime(["2012-12-31", "2012-12-30"])
    back = rejects_with_shape(tmp_path, frame, rows)
    assert back.frame[SOURCE_ROW].tolist() == rows
    assert all(back.frame[REASON])
    cells = unmarked(back).frame
    assert list(cells.columns) == list(frame.columns)
    assert cells.iloc[-1].isna().all()
    assert back.geometry is not None
    assert [shape is None for shape in back.geometry] == [row == 9 for row in rows]
    if 2 in rows:
        with sqlite3.connect(tmp_path / "a.gpkg") as base:
            found = base.execute("SELECT code, high, m, site_id, at FROM a").fetchall()
        base.close()
        assert found == [(2**60 + 1, 0, 2.5, "008", "2012-12-30"), (None,) * 5]
