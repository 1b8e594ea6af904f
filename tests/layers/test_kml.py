"""KML and KMZ: folders, data, tables in descriptions, and what of it is not read."""

import zipfile
from pathlib import Path

import geopandas
import pyogrio
import pytest
import shapely

from phusong.layers.errors import InputError
from phusong.layers.readers import kml
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import read_vectors


def only(path: Path) -> RawTable:
    (raw,) = read_vectors(path)
    return raw


def refused(path: Path, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_vectors(path)
    assert caught.value.code == code
    assert all("{" not in caught.value.say(lang) for lang in ("en", "vi"))


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Quảng Trị</name>
<Schema name="s" id="s"><SimpleField name="Cao_do" type="float"/></Schema>
<Folder><name>Trạm</name>
 <Placemark><name>Đakrông</name>
  <ExtendedData><Data name="Nhà mạng"><value>Viettel</value></Data>
   <SchemaData schemaUrl="#s"><SimpleData name="Cao_do">36.5</SimpleData></SchemaData></ExtendedData>
  <Point><coordinates>106.75, 16.25, 0</coordinates></Point></Placemark>
 <Placemark><name>Hỏng</name><Point><coordinates>106,75 16,25,x</coordinates></Point></Placemark>
</Folder>
<Folder><name>Khác</name>
 <Placemark><name>B</name><description><![CDATA[<table><tr><th>Trường</th><th>Giá trị</th></tr>
   <tr><td>Mã</td><td>QT01</td></tr><tr><td>Ghi chú</td><td>&lt;Null&gt;</td></tr>
   <tr><td colspan=2><table><tr><td>Độ cao:<td>42</table></td></tr></table>]]></description>
  <LineString><coordinates>106.75,16.25 106.8,16.3</coordinates></LineString></Placemark>
 <Folder><name>Con</name>
  <Placemark><name>C</name><description>lời &amp; chữ</description>
   <MultiGeometry><Polygon><outerBoundaryIs><LinearRing><coordinates>0,0 4,0 4,4 0,0</coordinates></LinearRing>
   </outerBoundaryIs><innerBoundaryIs><LinearRing>
   <coordinates>2,1 3,1 3,2 2,1</coordinates></LinearRing></innerBoundaryIs>
   </Polygon></MultiGeometry></Placemark></Folder>
</Folder></Document></kml>"""


def test_kml_data_descriptions_and_folders(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text(KML, encoding="utf-8")
    masts, other, inner = read_vectors(path)
    assert [raw.sheet for raw in (masts, other, inner)] == ["Trạm", "Khác", "Khác / Con"]
    assert masts.frame.iloc[0].to_dict() == {"name": "Đakrông", "Nhà mạng": "Viettel", "Cao_do": "36.5"}
    assert masts.geometry is not None
    assert masts.geometry[0].equals(shapely.Point(106.75, 16.25))
    assert masts.geometry[1] is None
    assert [(fault.code, fault.row, fault.sheet) for fault in masts.faults] == [("fault.kml_coordinates", 2, "Trạm")]
    assert other.frame.iloc[0].to_dict() == {"name": "B", "Mã": "QT01", "Độ cao": "42"}
    assert inner.frame.iloc[0].to_dict() == {"name": "C", "description": "lời & chữ"}
    assert inner.geometry is not None
    assert inner.geometry[0].area == pytest.approx(7.5)
    assert [raw.rows.tolist() for raw in (masts, other, inner)] == [[1, 2], [3], [4]]


def test_a_kml_that_only_links_to_others_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text(
        "<kml><Document><NetworkLink><Link><href>http://127.0.0.1/b.kml</href></Link></NetworkLink></Document></kml>"
    )
    refused(path, "read.no_layers")


def test_kmz_is_read_as_the_kml_within(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("files/other.kml", "<kml/>")
        archive.writestr("doc.kml", KML)
    tables = read_vectors(tmp_path / "a.kmz")
    assert [raw.sheet for raw in tables] == ["Trạm", "Khác", "Khác / Con"]
    assert tables[0].file == "a.kmz"


def test_a_kml_that_gdal_wrote_holds_the_same_as_gdal_reads(tmp_path: Path) -> None:
    names = ["Hướng Phùng", "Đakrông"]
    areas = [shapely.box(106 + i / 10, 16, 106.08 + i / 10, 16.1) for i in range(2)]
    path = tmp_path / "a.kml"
    table = geopandas.GeoDataFrame({"ten": names, "so_ho": [1.5, 2.0]}, geometry=areas, crs="EPSG:4326")
    pyogrio.write_dataframe(table, path, driver="LIBKML")
    ours, theirs = only(path), pyogrio.read_dataframe(path)
    assert ours.frame["ten"].tolist() == theirs["ten"].tolist() == names
    assert shapely.equals_exact(
        shapely.force_2d(ours.geometry), shapely.force_2d(theirs.geometry.to_numpy()), 1e-9
    ).all()


def test_a_kml_over_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.kml"
    path.write_text(KML, encoding="utf-8")
    monkeypatch.setattr("phusong.layers.readers.kml.MOST_CELLS", 3)
    refused(path, "read.too_many_cells")


@pytest.mark.parametrize(
    ("places", "found"),
    [
        (["106.5 16.5 9", "106.6 16.6"], False),
        (["106.5 16.5", "", "106.6 16.6"], False),
        (["106.5 x 9", "106.6 16.6"], "106.5 x 9 106.6 16.6"),
        (["106.5", "106.6"], "106.5 106.6"),
        (["nan 16.5", "106.6 16.6"], "nan 16.5 106.6 16.6"),
    ],
)
def test_the_places_of_a_track(tmp_path: Path, places: list[str], found: str | bool) -> None:
    path = tmp_path / "a.kml"
    track = "".join(f"<gx:coord>{place}</gx:coord>" for place in places)
    path.write_text(
        f'<kml xmlns:gx="http://www.google.com/kml/ext/2.2"><Placemark><gx:Track>{track}</gx:Track></Placemark></kml>'
    )
    raw = only(path)
    assert raw.geometry is not None
    if found:
        assert [(fault.code, fault.params["found"]) for fault in raw.faults] == [("fault.kml_coordinates", found)]
        assert raw.geometry[0] is None
    else:
        assert raw.geometry[0].equals(shapely.LineString([(106.5, 16.5), (106.6, 16.6)]))
        assert not raw.faults
        assert not raw.geometry[0].has_z


def test_a_description_that_the_parser_gives_up_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> None:
        raise AssertionError("unknown status keyword")

    monkeypatch.setattr(kml._Tables, "feed", give_up)
    path = tmp_path / "a.kml"
    path.write_text("<kml><Placemark><description>a &lt;![x[</description></Placemark></kml>")
    assert only(path).frame["description"].tolist() == ["a <![x["]


def test_a_kmz_whose_documents_are_only_remains_holds_no_layer(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("__MACOSX/doc.kml", "<kml/>")
    refused(tmp_path / "a.kmz", "read.no_layers")


def placemarks(path: Path, *inner: str, beside: str = "") -> Path:
    marks = "".join(f"<Placemark>{one}</Placemark>" for one in inner)
    path.write_text(f"<kml><Document>{marks}{beside}</Document></kml>", encoding="utf-8")
    return path


def test_a_heading_that_comes_twice_loses_no_value(tmp_path: Path) -> None:
    data = "".join(
        f'<Data name="{name}"><value>{value}</value></Data>' for name, value in (("name", "B"), ("x", 1), ("x", 1))
    )
    raw = only(placemarks(tmp_path / "a.kml", f"<name>A</name><ExtendedData>{data}</ExtendedData>"))
    assert raw.frame.iloc[0].to_dict() == {"name": "A", "name (2)": "B", "x": "1"}


def test_text_beside_a_table_in_a_description_stays(tmp_path: Path) -> None:
    html = (
        "<html><head><title>t</title><style>td {color: red}</style></head><body>Trạm <b>hỏng</b>"
        "<table><tr><td>Tiêu đề</td></tr><tr><td>Mã</td><td>QT01</td></tr><tr><td>a</td><td>b</td><td>c</td></tr>"
        "</table>gọi lại</body></html>"
    )
    raw = only(placemarks(tmp_path / "a.kml", f"<description><![CDATA[{html}]]></description>"))
    assert raw.frame.iloc[0].to_dict() == {"Mã": "QT01", "description": "Trạm hỏng Tiêu đề a b c gọi lại"}


def test_links_that_are_not_followed_are_told(tmp_path: Path) -> None:
    link = "<NetworkLink><Link><href>http://127.0.0.1/b.kml</href></Link></NetworkLink>"
    (fault,) = only(placemarks(tmp_path / "a.kml", "<name>A</name>", beside=2 * link)).faults
    assert (fault.code, fault.params) == ("note.kml_links", {"count": 2})
    assert "{" not in fault.say("en") + fault.say("vi")


def test_other_documents_of_a_kmz_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as archive:
        archive.writestr("doc.kml", "<kml><Placemark><name>A</name></Placemark></kml>")
        archive.writestr("files/tram.kml", "<kml><Placemark><name>B</name></Placemark></kml>")
    (fault,) = only(tmp_path / "a.kmz").faults
    assert (fault.code, fault.params) == ("note.kmz_passed_over", {"names": "files/tram.kml"})


def test_many_folders_of_one_name_are_told_apart_at_once(tmp_path: Path) -> None:
    names = ["Trạm (2)", *["Trạm"] * 3_000]
    folders = "".join(f"<Folder><name>{name}</name><Placemark><name>A</name></Placemark></Folder>" for name in names)
    path = tmp_path / "a.kml"
    path.write_text(f"<kml><Document>{folders}</Document></kml>", encoding="utf-8")
    sheets = [raw.sheet for raw in read_vectors(path)]
    assert len(set(sheets)) == len(names)
    assert sheets[:4] == ["Trạm (2)", "Trạm", "Trạm (3)", "Trạm (4)"]


@pytest.mark.parametrize(("limit", "code"), [("MOST_ROWS", "read.too_many_rows"), ("MOST_CELLS", "")])
def test_empty_placemarks_beside_many_headings_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, code: str
) -> None:
    """Few cells stand in the file, but a table of them has rows times columns."""
    headings = "".join(f'<Data name="{i}"><value>1</value></Data>' for i in range(10))
    path = placemarks(tmp_path / "a.kml", f"<ExtendedData>{headings}</ExtendedData>", *[""] * 20)
    monkeypatch.setattr(f"phusong.layers.readers.{'kml' if code else 'frames'}.{limit}", 20 if code else 200)
    refused(path, code or "read.too_many_cells")
