"""Geographic files as GDAL writes them come back cell by cell; what points elsewhere is never opened."""

import json
import shutil
import sqlite3
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pyogrio
import pytest
import shapely

from phusong.layers.errors import InputError
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import DRIVERS, kind_of, layer_names, read_vector, read_vectors
from phusong.layers.vietnamese.encodings import encode_bytes
from phusong.layers.vietnamese.text import decoded

NAMES = ["Hướng Phùng", "Đakrông", "Thị trấn Khe Sanh", "Vĩnh Ô", "Ba Nang", "Tà Rụt", "Hải Lăng", "Triệu Phong"]
SHAPES = {
    "points": [shapely.Point(106.5 + i / 100, 16.5 - i / 100) for i in range(len(NAMES))],
    "lines": [shapely.LineString([(106 + i, 16), (106.5 + i, 16.5), (107, 16)]) for i in range(len(NAMES))],
    "areas": [shapely.box(106 + i / 10, 16, 106.08 + i / 10, 16.1) for i in range(len(NAMES))],
}
FILES = [
    ("a.gpkg", "GPKG"), ("a.geojson", "GeoJSON"), ("a.shp", "ESRI Shapefile"), ("a.tab", "MapInfo File"),
    ("a.mif", "MapInfo File"), ("a.fgb", "FlatGeobuf"), ("a.parquet", ""), ("a.kml", "LIBKML"),
]  # fmt: skip


def frame(kind: str = "points") -> geopandas.GeoDataFrame:
    table = {
        "code": [f"{i:05d}" for i in range(len(NAMES))],
        "ten": NAMES,
        "so_ho": [12.5 * i for i in range(len(NAMES))],
    }
    return geopandas.GeoDataFrame(table, geometry=SHAPES[kind], crs="EPSG:4326")


def written(path: Path, driver: str, table: geopandas.GeoDataFrame) -> Path:
    if driver:
        pyogrio.write_dataframe(table, path, driver=driver, encoding="UTF-8")
    else:
        table.to_parquet(path)
    return path


def only(path: Path, **given: str) -> RawTable:
    (raw,) = read_vectors(path, **given)
    return raw


def refused(path: Path, code: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_vectors(path)
    assert caught.value.code == code
    assert all("{" not in caught.value.say(lang) for lang in ("en", "vi"))
    return caught.value


@pytest.mark.parametrize("kind", list(SHAPES))
@pytest.mark.parametrize(("file", "driver"), FILES)
def test_every_format_gives_back_cells_shapes_and_crs(tmp_path: Path, file: str, driver: str, kind: str) -> None:
    table = frame(kind)
    raw = only(written(tmp_path / file, driver, table))
    order = np.argsort(raw.frame["code"].astype(str).to_numpy())  # FlatGeobuf orders rows by place
    assert raw.frame["code"].astype(str).to_numpy()[order].tolist() == table["code"].tolist()
    assert raw.frame["ten"].to_numpy()[order].tolist() == NAMES
    assert raw.frame["so_ho"].astype(float).to_numpy()[order].tolist() == table["so_ho"].tolist()
    assert raw.crs == "EPSG:4326"
    assert raw.geometry is not None
    shapes = [shapely.force_2d(shape).normalize() for shape in raw.geometry[order]]
    assert all(one.equals_exact(two.normalize(), 1e-6) for one, two in zip(shapes, table.geometry, strict=True))
    assert raw.rows.tolist() == list(range(1, len(NAMES) + 1))
    assert (raw.file, raw.sheet) == (file, "")


@pytest.mark.parametrize("file", ["a.gpkg", "a.shp", "a.tab", "a.mif", "a.fgb", "a.parquet", "a.geojson"])
def test_vn2000_metres_stay_metres(tmp_path: Path, file: str) -> None:
    table = frame().to_crs("EPSG:9212")
    raw = only(written(tmp_path / file, dict(FILES)[file], table))
    assert raw.geometry is not None
    assert raw.crs is not None
    if file in ("a.gpkg", "a.fgb", "a.parquet"):
        assert raw.crs == "EPSG:9212"
    if file == "a.geojson":  # RFC 7946 has no other CRS; this writer names it all the same
        assert raw.crs in ("EPSG:9212", "EPSG:4326")
    first = sorted(raw.geometry, key=lambda point: point.x)[0]
    assert first.distance(table.geometry.iloc[0]) < 0.01


@pytest.mark.skipif(shutil.which("ogr2ogr") is None, reason="ogr2ogr is not on the path")
@pytest.mark.parametrize(
    ("file", "arguments"),
    [
        ("b.shp", ["-f", "ESRI Shapefile", "-lco", "ENCODING=UTF-8"]),
        ("b.shp", ["-f", "ESRI Shapefile", "-lco", "ENCODING=CP1258"]),
        ("b.gpkg", ["-f", "GPKG"]),
        ("b.tab", ["-f", "MapInfo File", "-lco", "ENCODING=UTF-8"]),
        ("b.kml", ["-f", "KML"]),
        ("b.fgb", ["-f", "FlatGeobuf"]),
        ("b.gpx", ["-f", "GPX", "-dsco", "GPX_USE_EXTENSIONS=YES"]),
        ("b.geojson", ["-f", "GeoJSON"]),
    ],
)
def test_what_the_program_of_gdal_writes_comes_back(tmp_path: Path, file: str, arguments: list[str]) -> None:
    source = written(tmp_path / "a.gpkg", "GPKG", frame()[["ten", "geometry"]])
    path = tmp_path / file
    done = subprocess.run(["ogr2ogr", *arguments, path, source], check=False, capture_output=True, text=True)
    if done.returncode or not path.exists():
        pytest.skip(f"this build of ogr2ogr cannot write it: {done.stderr[:80]}")
    raw = decoded(only(path))
    names = {str(name).lower(): name for name in raw.frame.columns}
    column = next(names[name] for name in ("ten", "ogr_ten") if name in names)
    assert sorted(raw.frame[column].tolist()) == sorted(NAMES)
    assert raw.crs == "EPSG:4326"


def test_every_layer_of_a_package_and_one_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    for name in ("trạm", "xã"):
        pyogrio.write_dataframe(frame(), path, layer=name, append=path.exists())
    assert [raw.sheet for raw in read_vectors(path)] == ["trạm", "xã"]
    assert layer_names(path) == ["trạm", "xã"]
    assert read_vector(path, layer="xã").frame["ten"].tolist() == NAMES


# zip

KML = """<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Quảng Trị</name>
<Folder><name>Trạm</name>
<Placemark><name>Hỏng</name><Point><coordinates>106,75 16,25,x</coordinates></Point></Placemark>
</Folder><Folder><name>Khác</name><Placemark><name>B</name></Placemark>
<Folder><name>Con</name><Placemark><name>C</name></Placemark></Folder></Folder></Document></kml>"""


def zipped(path: Path, *members: Path, inside: str = "Số liệu/") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.write(member, f"{inside}{member.name}")
    return path


def test_a_zipped_shapefile_is_read_like_the_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    plain = written(tmp_path / "in" / "tram.shp", "ESRI Shapefile", frame())
    (tmp_path / "in" / "đọc.txt").write_text("x")
    raw = only(zipped(tmp_path / "a.zip", *sorted((tmp_path / "in").iterdir())))
    assert raw.file == "a.zip/Số liệu/tram.shp"
    assert raw.frame.equals(only(plain).frame)
    assert [(fault.code, fault.params["names"]) for fault in raw.faults] == [
        ("note.zip_passed_over", "Số liệu/đọc.txt")
    ]


def test_several_members_of_a_zip_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "tram.shp", "ESRI Shapefile", frame())
    written(tmp_path / "in" / "xa.geojson", "GeoJSON", frame("areas"))
    (tmp_path / "in" / "a.kml").write_text(KML, encoding="utf-8")
    tables = read_vectors(zipped(tmp_path / "a.zip", *sorted((tmp_path / "in").iterdir()), inside=""))
    sheets = ["a.kml/Trạm", "a.kml/Khác", "a.kml/Khác / Con", "tram.shp", "xa.geojson"]
    assert [raw.sheet for raw in tables] == sheets
    assert {fault.sheet for raw in tables for fault in raw.faults} == {"a.kml/Trạm"}
    assert tables[3].file == "a.zip/tram.shp"


def test_a_zip_without_a_geographic_file_names_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 not a map")
    assert "a.pdf" in refused(zipped(tmp_path / "a.zip", tmp_path / "a.pdf"), "read.zip_nothing").say("vi")


def test_a_shapefile_that_lost_a_companion_in_the_zip(tmp_path: Path) -> None:
    written(tmp_path / "t.shp", "ESRI Shapefile", frame())
    files = [tmp_path / f"t{ending}" for ending in (".shp", ".dbf", ".prj")]
    assert ".shx" in refused(zipped(tmp_path / "a.zip", *files), "read.companion_missing").say("en")


# text of Shapefiles and MapInfo tables


@pytest.mark.parametrize("stated", ["", "ISO-8859-1", "UTF-8", "1252"])
@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii", "cp1258", "utf-8"])
def test_text_of_a_shapefile_in_any_encoding_whatever_it_states(tmp_path: Path, encoding: str, stated: str) -> None:
    path = tmp_path / "a.shp"
    marks = [f"{i:03d}" + "#" * 57 for i in range(len(NAMES))]
    pyogrio.write_dataframe(frame().assign(ten=marks), path, driver="ESRI Shapefile", encoding="UTF-8")
    data = path.with_suffix(".dbf").read_bytes()
    for mark, name in zip(marks, NAMES, strict=True):
        told = name.encode() if encoding == "utf-8" else encode_bytes(name, encoding)
        data = data.replace(mark.encode(), told.ljust(60))
    path.with_suffix(".dbf").write_bytes(data)
    path.with_suffix(".cpg").unlink()
    if stated:
        path.with_suffix(".cpg").write_text(stated)
    raw = decoded(only(path))
    assert raw.frame["ten"].tolist() == NAMES
    wrong = [fault.code for fault in raw.faults if fault.code == "note.stated_encoding_wrong"]
    assert bool(wrong) == (stated == "UTF-8" and encoding != "utf-8")


@pytest.mark.parametrize("encoding", ["tcvn3", "vni", "viscii", "cp1258"])
@pytest.mark.parametrize("charset", ["Neutral", "WindowsLatin1"])
def test_text_of_a_mapinfo_table_in_any_encoding(tmp_path: Path, encoding: str, charset: str) -> None:
    path = tmp_path / "a.tab"
    marks = [f"{i:03d}" + "#" * 57 for i in range(len(NAMES))]
    pyogrio.write_dataframe(frame().assign(ten=marks), path, driver="MapInfo File")
    path.write_text(path.read_text().replace("Neutral", charset))
    data = path.with_suffix(".dat").read_bytes()
    for mark, name in zip(marks, NAMES, strict=True):
        data = data.replace(mark.encode(), encode_bytes(name, encoding).ljust(60, b"\0"))
    path.with_suffix(".dat").write_bytes(data)
    assert decoded(only(path)).frame["ten"].tolist() == NAMES


def test_a_letter_cut_at_the_end_of_a_field_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    table = frame().iloc[:2].assign(ten=["x" * 253 + "#", "Đakrông"])
    pyogrio.write_dataframe(table, path, driver="ESRI Shapefile", encoding="UTF-8")
    path.with_suffix(".cpg").unlink()
    data = path.with_suffix(".dbf").read_bytes()
    at = data.index(b"x" * 253)
    path.with_suffix(".dbf").write_bytes(data[: at + 253] + b"\xe1" + data[at + 254 :])
    raw = only(path)
    assert raw.frame["ten"].tolist() == ["x" * 253, "Đakrông"]
    assert [(fault.code, fault.params) for fault in raw.faults] == [("note.text_cut", {"count": 1})]


def test_zeros_of_mapinfo_may_be_empty(tmp_path: Path) -> None:
    raw = only(written(tmp_path / "a.tab", "MapInfo File", frame()))
    assert [(fault.code, fault.column) for fault in raw.faults] == [("note.zero_may_be_empty", "so_ho")]


# tables without geometry, and limits


def test_tables_without_geometry(tmp_path: Path) -> None:
    table = frame().drop(columns="geometry")
    pyogrio.write_dataframe(table, tmp_path / "a.gpkg")
    pyogrio.write_dataframe(table, tmp_path / "a.dbf", driver="ESRI Shapefile", encoding="UTF-8")
    table.to_parquet(tmp_path / "a.parquet")
    for file in ("a.gpkg", "a.dbf", "a.parquet"):
        raw = only(tmp_path / file)
        assert raw.frame["ten"].tolist() == NAMES
        assert raw.geometry is None
        assert raw.crs is None


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("MOST_ROWS", "read.too_many_rows"),
        ("MOST_COLUMNS", "read.too_many_columns"),
        ("MOST_CELLS", "read.too_many_cells"),
    ],
)
@pytest.mark.parametrize("file", ["a.gpkg", "a.parquet", "a.shp"])
def test_files_over_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, limit: str, code: str
) -> None:
    path = written(tmp_path / file, dict(FILES)[file], frame())
    monkeypatch.setattr(f"phusong.layers.readers.frames.{limit}", 2)
    refused(path, code)


def test_a_file_too_large_to_be_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.gpkg", "GPKG", frame())
    monkeypatch.setattr("phusong.layers.readers.vector.MOST_UNPACKED_BYTES", 1000)
    refused(path, "guard.too_large")


# what is never opened

VRT = (
    """<OGRVRTDataSource><OGRVRTLayer name="t"><SrcDataSource>{path}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"""
)


@pytest.mark.parametrize("ending", ["vrt", "kml", "gpx", "geojson", "shp", "tab", "gpkg", "fgb", "mif", "json", "ovf"])
def test_a_virtual_file_is_refused_under_any_ending(tmp_path: Path, ending: str) -> None:
    secret = written(tmp_path / "secret.gpkg", "GPKG", frame())
    path = tmp_path / f"a.{ending}"
    path.write_text(VRT.format(path=secret))
    assert pyogrio.list_layers(tmp_path / "a.vrt").size if ending == "vrt" else True  # GDAL would follow it
    with pytest.raises(InputError):
        read_vectors(path)


def test_a_virtual_file_behind_an_innocent_root_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gpx"
    path.write_text(f'<gpx version="1.1">{VRT.format(path="secret.gpkg")}</gpx>')
    refused(path, "read.points_elsewhere")


def test_a_recipe_of_gdal_in_json_is_refused(tmp_path: Path) -> None:
    secret = written(tmp_path / "secret.gpkg", "GPKG", frame())
    recipe = {"type": "gdal_streamed_alg", "command_line": f"gdal vector filter {secret} ! write -f stream -"}
    for text in (json.dumps(recipe), json.dumps({"x": " " * 5000, **recipe})):
        path = tmp_path / "a.geojson"
        path.write_text(text)
        with pytest.raises(InputError):
            read_vectors(path)


def test_a_virtual_file_dressed_as_a_dbase_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.dbf"
    path.write_bytes(b"\x03   " + VRT.format(path="secret.gpkg").encode().ljust(500))
    with pytest.raises(InputError):
        read_vectors(path)


@pytest.mark.parametrize(
    "lines",
    [
        ["create view v as", 'open table "secret.tab"'],
        ["Definition Table", "  Type LINKED", "  Fields 1"],
        ["Definition Table", '  File "../secret.tif"', '  Type "RASTER"'],
        ["Definition Table", "  Type NATIVE", "begin_metadata", '"\\IsSeamless" = "TRUE"', "end_metadata"],
    ],
)
def test_mapinfo_tables_that_point_elsewhere_are_refused(tmp_path: Path, lines: list[str]) -> None:
    written(tmp_path / "secret.tab", "MapInfo File", frame())
    path = tmp_path / "a.tab"
    path.write_text("\n".join(["!table", "!version 300", *lines]))
    refused(path, "read.points_elsewhere")


def test_a_package_with_a_virtual_table_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", "GPKG", frame())
    assert len(only(path).frame) == len(NAMES)  # its own index is a virtual table too
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA writable_schema = 1")
        sql = "CREATE VIRTUAL TABLE t USING VirtualOGR('/etc/passwd')"
        base.execute("INSERT INTO sqlite_master VALUES ('table', 't', 't', 0, ?)", (sql,))
    base.close()
    refused(path, "read.points_elsewhere")


def test_links_beside_a_shapefile_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.shp", "ESRI Shapefile", frame())
    table = path.with_suffix(".dbf")
    table.rename(tmp_path / "elsewhere.dbf")
    table.symlink_to(tmp_path / "elsewhere.dbf")
    refused(path, "guard.link")


@pytest.mark.parametrize("ending", [".shx", ".dbf"])
def test_a_shapefile_without_its_companions(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / "a.shp", "ESRI Shapefile", frame())
    path.with_suffix(ending).unlink()
    assert ending in refused(path, "read.companion_missing").say("vi")


@pytest.mark.parametrize("ending", [".shp", ".dbf", ".shx"])
def test_a_shapefile_cut_short(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path / "a.shp", "ESRI Shapefile", frame("areas"))
    part = path.with_suffix(ending)
    part.write_bytes(part.read_bytes()[:-40])
    refused(path, "guard.cut_off")


@pytest.mark.parametrize(
    "name", ["/vsicurl/http://127.0.0.1/a.gpkg", "http://127.0.0.1/a.geojson", "GPKG:a.gpkg:t", "PG:x"]
)
def test_names_of_connections_are_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_vectors(name)
    assert caught.value.code == "guard.name"


def test_a_name_that_would_be_taken_for_an_archive(tmp_path: Path) -> None:
    refused(written(tmp_path / "a.gpkg", "GPKG", frame()).rename(tmp_path / "a.zip!b.gpkg"), "read.odd_name")


def test_what_a_file_is_does_not_depend_on_its_ending(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", "GPKG", frame())
    other = path.rename(tmp_path / "a.kml")
    assert kind_of(other) == "geopackage"
    assert ".gpkg" in refused(other, "read.wrong_ending").say("vi")
    written(tmp_path / "b.geojson", "GeoJSON", frame()).rename(tmp_path / "b.txt")
    assert only(tmp_path / "b.txt").frame["ten"].tolist() == NAMES
    assert not {"OGR_VRT", "GDALG", "CSV", "WFS", "HTTP", "SQLite"} & set().union(*DRIVERS.values())


def test_a_crs_that_cannot_be_understood_and_one_that_says_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.shp", "ESRI Shapefile", frame())
    path.with_suffix(".prj").unlink()
    assert only(path).crs is None


@pytest.mark.parametrize(("file", "driver"), FILES)
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, file: str, driver: str) -> None:
    path = written(tmp_path / file, driver, frame("areas"))
    parts = sorted(one for one in tmp_path.iterdir() if one.stem == path.stem)
    random = np.random.default_rng(len(file) + ord(file[-1]))
    told: list[str] = []
    for _ in range(25):
        part = parts[random.integers(len(parts))]
        whole = part.read_bytes()
        data = bytearray(whole[: random.integers(1, len(whole))] if random.random() < 0.3 else whole)
        for at in random.integers(0, min(len(data), 400), 8):
            data[at] = random.integers(256)
        part.write_bytes(data)
        try:
            read_vectors(path)
        except InputError as error:
            told += [error.say("en"), error.say("vi")]
        part.write_bytes(whole)
    assert told
    assert all("{" not in text for text in told)
    assert len(only(path).frame) == len(NAMES)


def _geojson(path: Path, properties: list[dict[str, object]]) -> Path:
    shape = {"type": "Point", "coordinates": [106.5, 16.5]}
    features = [{"type": "Feature", "properties": each, "geometry": shape} for each in properties]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_days_of_several_zones_stay_the_days_that_were_written(tmp_path: Path) -> None:
    days = ["2025-07-01T00:00:00+07:00", "2025-07-02T00:00:00Z"]
    raw = only(_geojson(tmp_path / "a.geojson", [{"day": day} for day in days]))
    assert [str(day)[:10] for day in raw.frame["day"]] == ["2025-07-01", "2025-07-02"]


def test_a_property_named_like_the_shapes_is_told(tmp_path: Path) -> None:
    raw = only(_geojson(tmp_path / "a.geojson", [{"geometry": "x", "code": "1"}]))
    assert raw.frame.columns.tolist() == ["code"]
    assert [(fault.code, fault.column) for fault in raw.faults] == [("note.geometry_property", "geometry")]


# what could go unseen


@pytest.mark.parametrize("other", [".SHP", ".TAB"])
def test_a_zip_with_endings_in_capitals_is_one_table(tmp_path: Path, other: str) -> None:
    if other == ".SHP":
        written(tmp_path / "XA.shp", "ESRI Shapefile", frame())
    else:
        written(tmp_path / "XA.tab", "MapInfo File", frame())
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for one in sorted(tmp_path.glob("XA.*")):
            archive.write(one, one.name.upper())
    raw = only(tmp_path / "a.zip")
    assert raw.file == f"a.zip/XA{other}"
    assert raw.frame["ten"].tolist() == NAMES


def _collection(path: Path, *features: dict[str, object]) -> Path:
    shape = {"type": "Point", "coordinates": [106.5, 16.5]}
    whole = [{"type": "Feature", "geometry": shape, "properties": {}} | each for each in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": whole}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ((19_360, 19_363), [19_360, 19_363]),
        ((5, 5), [5, 5]),
        ((7, None), [7, None]),
        ((0, 1), None),
        (("a", 1), ["a", "1"]),
    ],
)
def test_numbers_beside_the_properties_are_a_column(
    tmp_path: Path, ids: tuple[object, ...], found: list[object] | None
) -> None:
    """As they stand: the driver would alter those that come twice, and make some up."""
    given = [{} if one is None else {"id": one} for one in ids]
    table = only(_collection(tmp_path / "a.geojson", *given)).frame
    assert ("id" in table) == (found is not None)
    if found is not None:
        assert [None if one != one else one for one in table["id"].astype(object)] == found  # NaN


def test_lists_and_objects_come_as_text(tmp_path: Path) -> None:
    given = {"a": [1, 2], "b": ["x", "y"], "c": {"d": [1]}, "e": [[1], [2]], "f": []}
    table = only(_collection(tmp_path / "a.geojson", {"properties": given}, {"properties": {"a": [3]}})).frame
    first = table.iloc[0].to_dict()
    assert (first["a"], first["b"], first["f"]) == ("1; 2", "x; y", None)
    assert json.loads(first["c"]) == {"d": [1]}
    assert json.loads(first["e"]) == [[1], [2]]
    assert not [cell for cells in table.to_dict("list").values() for cell in cells if isinstance(cell, list | dict)]


@pytest.mark.parametrize("file", ["a.geojson", "a.gpkg"])
def test_long_numbers_are_never_rounded(tmp_path: Path, file: str) -> None:
    long, table = 2**53 + 1, frame().iloc[:2]
    for numbers, good in (([long, long + 1], True), ([long, None], False), ([2**53 - 1, None], True)):
        path = written(tmp_path / file, dict(FILES)[file], table.assign(n=pandas.array(numbers, dtype="Int64")))
        if good:
            assert only(path).frame["n"].dropna().astype("int64").tolist() == [one for one in numbers if one]
        else:
            assert "n" in refused(path, "read.long_numbers").say("vi")


def test_long_numbers_of_a_parquet_file_are_never_rounded(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"n": [2**53 + 1, None]}), tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "read.long_numbers")


@pytest.mark.parametrize("file", ["a.gpkg", "a.parquet"])
def test_a_shape_with_a_coordinate_that_is_no_number_is_told(tmp_path: Path, file: str) -> None:
    with np.errstate(invalid="ignore"):
        lines = [shapely.LineString([(x, 16), (107, 17)]) for x in (106, np.nan)]
    table = geopandas.GeoDataFrame({"code": ["a", "b"]}, geometry=lines, crs="EPSG:4326")
    raw = only(written(tmp_path / file, dict(FILES)[file], table))
    assert raw.geometry is not None
    assert [line is None for line in raw.geometry] == [False, True]
    assert [(fault.code, fault.row) for fault in raw.faults] == [("fault.shape_nowhere", 2)]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "Topology", "objects": {}, "arcs": []},
        {"geometryType": "esriGeometryPoint", "spatialReference": {"wkid": 4326}, "features": []},
        {"a": 1},
    ],
)
def test_json_of_another_kind_says_what_to_give(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    assert "TopoJSON" in refused(path, "read.no_geojson").say("vi")


def test_names_that_label_the_rows_of_a_parquet_file_are_a_column(tmp_path: Path) -> None:
    frame().set_index("code").to_parquet(tmp_path / "a.parquet")
    assert only(tmp_path / "a.parquet").frame["code"].tolist() == frame()["code"].tolist()


def test_other_shapes_of_a_parquet_file_come_as_text(tmp_path: Path) -> None:
    table = frame().assign(other=frame().geometry.to_numpy(), price=[Decimal("1.5")] * len(NAMES))
    table = table.set_geometry("geometry")
    table["other"] = geopandas.GeoSeries(table["other"], crs="EPSG:4326")
    table.to_parquet(tmp_path / "a.parquet")
    raw = only(tmp_path / "a.parquet")
    assert raw.frame["other"].iloc[0] == SHAPES["points"][0].wkt
    assert raw.frame["price"].tolist() == [1.5] * len(NAMES)


@pytest.mark.parametrize(
    "geo", [b"[]", b"5", b"{}", b"\xff", b'{"version": "1.0.0", "primary_column": ["x"], "columns": 7}']
)
def test_a_parquet_file_with_odd_metadata_is_refused(tmp_path: Path, geo: bytes) -> None:
    table = pyarrow.table({"code": ["a"], "geometry": [shapely.to_wkb(shapely.Point(1, 2))]})
    pyarrow.parquet.write_table(table.replace_schema_metadata({b"geo": geo}), tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", "read.unreadable")


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_small_parquet_file_of_one_long_text_many_times_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    texts = ["y" * 100_000] * 300
    column = pyarrow.array([[text] for text in texts]) if wrapped else pyarrow.array(texts)
    pyarrow.parquet.write_table(pyarrow.table({"x": column}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 200_000
    assert len(only(tmp_path / "a.parquet").frame) == 300
    monkeypatch.setattr("phusong.layers.readers.parquet.MOST_UNPACKED_BYTES", 10_000_000)
    refused(tmp_path / "a.parquet", "guard.unpacked")
