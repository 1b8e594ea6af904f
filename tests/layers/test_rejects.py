"""Rejected rows written to be mended: what is read of them again is what stood in the file."""

import sqlite3
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.errors import Fault
from phusong.layers.importing import import_files
from phusong.layers.office import Asked
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.table import read_tables
from phusong.layers.readers.vector import layer_names, read_vector
from phusong.layers.vietnamese.encodings import encode
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
        assert found == [(f"{2**60 + 1}", 0, 2.5, "008", "2012-12-30"), (None,) * 5]


HEADINGS = ("STT", "Mã trạm", "- Nam", "Độ cao\n(m)", "=x", "Năm 2012", "Toạ độ / X", "Tỷ lệ %", "Ghi chú", "b", "2013")
CELLS: tuple[Any, ...] = (None, 1, 2.5, -3, True, date(2012, 12, 31), "007", "=1+1", "- ", "12,5", "1.234", "85 %", "x")
CELLS += ("31/12/2012", "m", "người", "Xã A", "a;b", "(1)", "#N/A", "Mã trạm", "_x0041_", " hai\ndòng ", "@a", "'b")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), heads=st.lists(st.sampled_from(HEADINGS), min_size=2, max_size=7, unique=True))
def test_rejects_read_again_are_what_stood_there(tmp_path: Path, data: st.DataObject, heads: list[str]) -> None:
    row = st.tuples(*[st.sampled_from(CELLS)] * len(heads)).filter(
        lambda cells: any(cell is not None for cell in cells)
    )
    rows = data.draw(st.lists(row, min_size=1, max_size=5))
    frame = pd.DataFrame(rows, columns=heads, dtype=object)
    raw = RawTable(frame, np.arange(4, 4 + len(rows)), "a.xlsx", "Sheet1")
    faults = [Fault("fault.empty_cell", raw.file, "sites", raw.sheet, int(at), heads[0]) for at in raw.rows]
    (table,) = read_tables(write_rejects(raw, raw.rows.tolist(), faults, tmp_path / "a.xlsx", lang="vi"))
    again = unmarked(table).frame
    assert list(again.columns) == heads
    cells = [[None if pd.isna(cell) else cell for cell in row] for row in again.itertuples(index=False)]
    assert cells == [list(row) for row in rows]


@pytest.mark.parametrize("letters", ["tcvn3", "NFD"])
def test_rejects_of_other_letters_can_be_read_and_show_the_cell(tiny_study: Path, tmp_path: Path, letters: str) -> None:
    """In a workbook written in .VnTime or decomposed letters the faults name columns by other letters than it has."""

    def written(text: str) -> str:
        return encode(text, "tcvn3") if letters == "tcvn3" else unicodedata.normalize("NFD", text)

    places = [(106.7 + i / 100, 16.75) for i in range(8)]
    rows: list[list[Any]] = [["Mã điểm", "Tên điểm", "Loại điểm phục vụ", "Kinh độ", "Vĩ độ"]]
    rows += [[f"P{i}", f"Điểm bưu điện Hướng Phùng {i}", "bưu cục", *place] for i, place in enumerate(places)]
    rows[3][2] = "trạm lạ hoắc"
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([written(cell) if isinstance(cell, str) else cell for cell in row])
    book.save(tmp_path / "a.xlsx")
    done = import_files(tiny_study, "postal_points", [tmp_path / "a.xlsx"], asked=Asked(as_of=date(2012, 12, 31)))
    assert (done.report.read, done.report.kept) == (8, 7)
    (path,) = [path for path in done.told if "rejects" in path.name]
    sheet = openpyxl.load_workbook(path).active
    assert [cell.value for cell in sheet[2]][:3] == ["P2", "Điểm bưu điện Hướng Phùng 2", "trạm lạ hoắc"]
    coloured = [
        cell.coordinate for row in sheet.iter_rows(min_row=2) for cell in row if cell.fill.fgColor.rgb == "FFF8C9C9"
    ]
    assert coloured == ["C2"]
