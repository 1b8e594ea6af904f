"""Files in: every format gives the same rows, with the row numbers a user sees; what cannot be read says why."""

import csv
from datetime import date, datetime
from pathlib import Path

import geopandas
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import validate
from phusong.layers.errors import CrsError, InputError, MissingError
from phusong.layers.readers import read_any
from phusong.layers.schema import LAYERS
from phusong.layers.writers import write_csv

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=10)


def _villages() -> geopandas.GeoDataFrame:
    table = {
        "code": ["01", "02"],
        "name": ["Hướng Phùng", "Đakrông"],
        "unit_code": ["U1", "U1"],
        "population": [120.0, None],
        "as_of": ["2012-12-31", "2012-12-31"],
    }
    points = [shapely.Point(106.5, 16.5), shapely.Point(106.75, 16.25)]
    return geopandas.GeoDataFrame(table, geometry=points, crs="EPSG:4326")


def _book(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_text_comes_in_as_it_stands(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, encoding: str, line_end: str
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end)
        writer.writerows([("code", "name", "as_of"), *((*row, "x") for row in rows)])
    raw = read_any(path)
    assert raw.frame.columns.tolist() == ["code", "name", "as_of"]
    expected = [[cell if cell.strip() else None for cell in row] for row in rows]
    assert raw.frame[["code", "name"]].to_numpy().tolist() == expected
    assert raw.rows.tolist() == list(range(2, len(rows) + 2))


def test_csv_rows_are_counted_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('code,name\n1,"two\nlines"\n\n,\n3,c,4\n5,e,\n', encoding="utf-8")
    raw = read_any(path)
    assert raw.frame["code"].tolist() == ["1", "3", "5"]
    assert raw.rows.tolist() == [2, 5, 6]
    (fault,) = raw.faults
    assert (fault.code, fault.row) == ("fault.too_many_cells", 5)


def test_workbook_cells_keep_their_types_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    rows = [["code", "n", "d", None], [7, 1.5, datetime(2012, 12, 31), None], [None] * 3, [" ", "12 345", True, "lost"]]
    raw = read_any(_book(tmp_path / "a.xlsx", {"data": rows}))
    assert raw.frame.to_numpy().tolist() == [[7, 1.5, date(2012, 12, 31)], [None, "12 345", True]]
    assert raw.rows.tolist() == [2, 4]
    assert raw.sheet == "data"
    assert [(fault.code, fault.params) for fault in raw.faults] == [("note.no_heading", {"number": 4})]


def test_workbook_sheet_by_name_by_layer_or_only_one(tmp_path: Path) -> None:
    path = _book(tmp_path / "a.xlsx", {"notes": [["a"], [1]], "sites": [["b"], [2]]})
    assert read_any(path, sheet="notes").frame.columns.tolist() == ["a"]
    assert read_any(path, wanted="sites").frame.columns.tolist() == ["b"]
    for arguments, code in (({}, "read.which_sheet"), ({"sheet": "units"}, "read.no_such_sheet")):
        with pytest.raises(InputError) as caught:
            read_any(path, **arguments)
        assert caught.value.code == code
        assert "notes, sites" in caught.value.say("vi")


def test_a_formula_that_was_never_computed_is_not_taken_for_an_empty_cell(tmp_path: Path) -> None:
    path = _book(tmp_path / "a.xlsx", {"data": [["code", "n"], ["1", 2], ["2", "=B2*2"]]})
    with pytest.raises(InputError) as caught:
        read_any(path)
    assert caught.value.code == "read.formula_without_value"
    assert all("a.xlsx" in caught.value.say(lang) and "B3" in caught.value.say(lang) for lang in ("en", "vi"))


@pytest.mark.parametrize(
    ("file", "driver"),
    [
        ("v.gpkg", "GPKG"),
        ("v.geojson", "GeoJSON"),
        ("v.shp", "ESRI Shapefile"),
        ("v.tab", "MapInfo File"),
        ("v.fgb", "FlatGeobuf"),
        ("v.csv", ""),
        ("v.xlsx", ""),
    ],
)
def test_every_format_gives_the_same_layer(tmp_path: Path, file: str, driver: str) -> None:
    path, villages = tmp_path / file, _villages()
    table = villages.drop(columns="geometry").assign(lon=villages.geometry.x, lat=villages.geometry.y)
    if driver:
        pyogrio.write_dataframe(villages, path, driver=driver, encoding="UTF-8")
    elif file.endswith("csv"):
        table.to_csv(path, index=False, encoding="utf-8")
    else:
        heads = table.columns.tolist()
        _book(path, {"villages": [heads, *table.astype(object).where(table.notna(), None).to_numpy().tolist()]})
    checked = validate(read_any(path), LAYERS["villages"], crs="EPSG:4326")
    frame = checked.frame.sort_values("code", ignore_index=True)  # FlatGeobuf orders rows by place
    assert frame["code"].tolist() == ["01", "02"]
    assert frame["name"].tolist() == ["Hướng Phùng", "Đakrông"]
    if file.endswith("tab"):  # no empty numbers there
        assert [(fault.code, fault.column) for fault in checked.faults] == [("note.zero_may_be_empty", "population")]
        assert frame["population"].tolist() == [120, 0]
    else:
        assert checked.faults == ()
        assert frame["population"].isna().tolist() == [False, True]
    assert str(frame["as_of"].iloc[0].date()) == "2012-12-31"
    assert frame.geometry.geom_equals_exact(villages.geometry, 1e-6).all()


def test_kml_is_read_with_its_names(tmp_path: Path) -> None:
    path = tmp_path / "v.kml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>v</name>'
        "<Placemark><name>Đakrông</name><Point><coordinates>106.75,16.25,0</coordinates></Point></Placemark>"
        "</Document></kml>",
        encoding="utf-8",
    )
    defaults = {"code": "1", "unit_code": "U", "as_of": date(2012, 12, 31)}
    checked = validate(read_any(path), LAYERS["villages"], crs="EPSG:4326", defaults=defaults)
    assert checked.frame["name"].tolist() == ["Đakrông"]
    assert checked.frame.geometry[0].equals(shapely.Point(106.75, 16.25))
    assert all(fault.code.startswith("note.") for fault in checked.faults)


def test_shapefile_names_cut_at_ten_letters_are_known_again(tmp_path: Path) -> None:
    path = tmp_path / "p.shp"
    frame = _villages().rename(columns={"code": "point_id"})[["point_id", "as_of", "geometry"]]
    frame = frame.assign(kind="agency", same_day_m="có")
    pyogrio.write_dataframe(frame, path, driver="ESRI Shapefile")
    checked = validate(read_any(path), LAYERS["postal_points"], crs="EPSG:9212")
    assert checked.faults == ()
    assert checked.frame["same_day_mail"].tolist() == [True, True]


def test_shapefile_without_stated_encoding_is_read_as_utf8_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.shp"
    pyogrio.write_dataframe(_villages(), path, driver="ESRI Shapefile", encoding="UTF-8")
    path.with_suffix(".cpg").unlink()
    assert read_any(path).frame["name"].tolist() == ["Hướng Phùng", "Đakrông"]
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace("Đ".encode(), b"\xd0 "))
    with pytest.raises(InputError) as caught:
        read_any(path)
    assert caught.value.code == "read.not_utf8"
    assert "v.dbf" in caught.value.say("vi")


def test_several_layers_need_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for name in ("one", "two"):
        pyogrio.write_dataframe(_villages(), path, layer=name)
    assert len(read_any(path, layer="two").frame) == 2
    for arguments, code in (({}, "read.which_layer"), ({"layer": "three"}, "read.no_such_layer")):
        with pytest.raises(InputError) as caught:
            read_any(path, **arguments)
        assert caught.value.code == code
        assert "one, two" in caught.value.say("en")


def test_the_users_crs_must_not_contradict_the_file(tmp_path: Path) -> None:
    path = tmp_path / "v.gpkg"
    pyogrio.write_dataframe(_villages(), path)
    assert read_any(path, crs="EPSG:4326").crs == "EPSG:4326"
    with pytest.raises(CrsError, match="EPSG:9212"):
        read_any(path, crs="EPSG:9212")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", "code,name\n1,Hướng Phùng\n".encode() + b"2,\xd0ak\n", "text.broken"),
        ("a.csv", b'code,name\n"1,2\n', "read.broken_csv"),
        ("a.csv", b"", "guard.empty"),
        ("a.csv", b" \n,,\n", "read.no_header"),
        ("a.csv", b"code,name,code\n1,2,3\n", "read.heading_twice"),
        ("a.xlsx", b"no workbook", "read.no_workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "guard.cut_off"),
        ("a.gpkg", b"no package", "read.unreadable"),
        ("a.geojson", b"{", "read.unreadable"),
    ],
)
def test_what_cannot_be_read_says_why_in_both_languages(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_any(path)
    assert caught.value.code == code
    assert all(name in caught.value.say(lang) and "{" not in caught.value.say(lang) for lang in ("en", "vi"))


def test_a_workbook_of_charts_alone_cannot_be_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.create_chartsheet("chart")
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match=r"a\.xlsx has no headings"):
        read_any(tmp_path / "a.xlsx")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"a\.csv"):
        read_any(tmp_path / "a.csv")


def test_a_table_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    """CSV written by the project passes its own door."""
    frame = validate(
        read_any(_written(tmp_path / "v.gpkg")), LAYERS["villages"], crs="EPSG:9212", defaults={"source": "Sở TTTT"}
    ).frame
    path = write_csv(frame.assign(synthetic=pd.array([True, False], dtype="boolean")), tmp_path / "v.csv")
    back = validate(read_any(path), LAYERS["villages"], crs="EPSG:9212")
    assert back.faults == ()
    pd.testing.assert_frame_equal(
        pd.DataFrame(back.frame.drop(columns=["geometry", "synthetic"])),
        pd.DataFrame(frame.drop(columns=["geometry", "synthetic"])),
    )
    assert back.frame["synthetic"].tolist() == [True, False]
    assert back.frame.geometry.distance(frame.geometry).max() < 0.1


def _written(path: Path) -> Path:
    pyogrio.write_dataframe(_villages(), path)
    return path
