"""GPX and OpenStreetMap: waypoints, tracks, points and lines with their tags, and what of it is not read."""

import struct
import zlib
from pathlib import Path

import pytest
import shapely

from phusong.layers.checks.validate import Checked, validate
from phusong.layers.errors import InputError
from phusong.layers.messages import LANGS
from phusong.layers.office import Asked, understood
from phusong.layers.readers.vector import read_vectors
from phusong.layers.schema import LAYERS


def test_gpx_waypoints_and_tracks(tmp_path: Path) -> None:
    path = tmp_path / "a.gpx"
    path.write_text(
        '<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">'
        '<wpt lat="16.7" lon="106.6"><ele>12</ele><name>Điểm 1</name></wpt>'
        '<trk><name>Tuyến</name><trkseg><trkpt lat="16" lon="106"/>'
        '<trkpt lat="16.1" lon="106.1"/></trkseg></trk></gpx>',
        encoding="utf-8",
    )
    points, tracks = read_vectors(path)
    assert (points.sheet, tracks.sheet) == ("waypoints", "tracks")
    assert points.frame.iloc[0].to_dict() == {"ele": 12.0, "name": "Điểm 1"}
    assert points.geometry is not None
    assert points.geometry[0].equals(shapely.Point(106.6, 16.7))
    assert tracks.frame["name"].tolist() == ["Tuyến"]


def _field(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer: a varint or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def _signed(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _blob(kind: bytes, data: bytes) -> bytes:
    body = _field(2, len(data)) + _field(3, zlib.compress(data))
    head = _field(1, kind) + _field(3, len(body))
    return struct.pack(">I", len(head)) + head + body


def osm_pbf(
    nodes: list[tuple[int, float, float, dict[str, str]]], ways: list[tuple[int, list[int], dict[str, str]]]
) -> bytes:
    """A file of plain nodes and ways (OpenStreetMap wiki, PBF Format), coordinates to 1e-7 degrees."""
    words = ["", *sorted({word for *_, tags in (*nodes, *ways) for pair in tags.items() for word in pair})]
    at = {word: i for i, word in enumerate(words)}

    def tags_of(tags: dict[str, str]) -> bytes:
        keys, values = (b"".join(_varint(at[word]) for word in words) for words in (list(tags), list(tags.values())))
        return (_field(2, keys) + _field(3, values)) if tags else b""

    groups = b""
    for number, lon, lat, tags in nodes:
        node = _field(1, _signed(number)) + tags_of(tags)
        node += _field(8, _signed(round(lat * 1e7))) + _field(9, _signed(round(lon * 1e7)))
        groups += _field(1, node)
    lines = b""
    for number, refs, tags in ways:
        steps = b"".join(_varint(_signed(ref - before)) for before, ref in zip([0, *refs], refs, strict=False))
        lines += _field(3, _field(1, number) + tags_of(tags) + _field(8, steps))
    table = b"".join(_field(1, word.encode()) for word in words)
    block = _field(1, table) + _field(2, groups) + (_field(2, lines) if lines else b"")
    header = _field(4, b"OsmSchema-V0.6")
    return _blob(b"OSMHeader", header) + _blob(b"OSMData", block)


def test_osm_points_and_lines_with_their_tags(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    nodes = [
        (1, 106.6, 16.7, {"name": "Khe Sanh", "place": "town", "population": "12 000", 'a"b': "c\\d"}),
        (2, 106.7, 16.8, {}),
        (3, 106.8, 16.9, {"man_made": "mast", "operator": "Viettel"}),
    ]
    path.write_bytes(osm_pbf(nodes, [(10, [1, 2, 3], {"highway": "primary", "ref": "QL9", "surface": "asphalt"})]))
    points, lines = read_vectors(path)
    assert (points.sheet, lines.sheet) == ("points", "lines")
    assert points.frame["name"].tolist()[0] == "Khe Sanh"
    assert points.frame["population"].tolist() == ["12 000", None]
    assert points.frame['a"b'].tolist() == ["c\\d", None]
    assert points.frame["operator"].tolist() == [None, "Viettel"]
    assert lines.frame[["highway", "ref", "surface"]].iloc[0].tolist() == ["primary", "QL9", "asphalt"]
    assert lines.geometry is not None
    assert shapely.get_coordinates(lines.geometry).tolist() == [[106.6, 16.7], [106.7, 16.8], [106.8, 16.9]]
    assert "other_tags" not in points.frame


def test_rare_tags_stay_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phusong.layers.readers.vector._MOST_TAGS", 1)
    path = tmp_path / "a.osm.pbf"
    tags = [{"power": "tower", "operator": "EVN"}, {"power": "pole"}]
    path.write_bytes(osm_pbf([(i, 106.6 + i, 16.7, one) for i, one in enumerate(tags)], []))
    (raw,) = read_vectors(path)
    assert raw.frame["power"].tolist() == ["tower", "pole"]
    assert "operator" not in raw.frame
    assert "operator" in raw.frame["other_tags"].iloc[0]
    assert [(fault.code, fault.params) for fault in raw.faults] == [("note.tags_left", {"kept": 1, "left": 1})]


def test_areas_that_are_not_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    corners = [(i, 106.6 + dx, 16.7 + dy, {}) for i, (dx, dy) in enumerate(((0, 0), (0.1, 0), (0.1, 0.1)), start=1)]
    mast = (4, 106.9, 16.9, {"man_made": "mast"})
    path.write_bytes(osm_pbf([*corners, mast], [(10, [1, 2, 3, 1], {"building": "school", "name": "THCS"})]))
    (raw,) = read_vectors(path)
    assert raw.frame["man_made"].tolist() == ["mast"]
    assert [(fault.code, fault.params) for fault in raw.faults] == [("note.osm_areas", {"count": 1})]
    assert all("{" not in raw.faults[0].say(lang) for lang in ("en", "vi"))


WAYS = [
    {"highway": "primary", "name": "QL 9", "surface": "asphalt"},
    {"highway": "residential", "surface": "tartan"},  # of a sports ground: no word
    {"highway": "unclassified", "bridge": "viaduct"},
    {"highway": "track", "ford": "yes", "flood_prone": "yes"},
    {"highway": "construction"},
    {"waterway": "river", "name": "Thạch Hãn", "width": "180"},
    {"waterway": "stream", "width": "2-3 m"},
    {"waterway": "river", "intermittent": "yes", "width": "35.5 m"},
    {"waterway": "dam"},
    {"route": "ferry", "name": "Đò Bến Hải"},
    {"railway": "rail", "bridge": "yes"},
]


def of_a_map(tmp_path: Path, layer: str) -> Checked:
    path = tmp_path / "a.osm.pbf"
    nodes = [(i, 106.6 + i / 100, 16.7, {}) for i in range(1, len(WAYS) + 2)]
    path.write_bytes(osm_pbf(nodes, [(10 + i, [i, i + 1], tags) for i, tags in enumerate(WAYS, start=1)]))
    read = understood(path, LAYERS[layer], asked=Asked())
    return validate(read.raw, LAYERS[layer], crs="EPSG:9212", defaults={"as_of": "2012-12-31"})


def test_roads_of_a_map(tmp_path: Path) -> None:
    checked = of_a_map(tmp_path, "roads")
    frame = checked.frame
    assert frame["road_id"].tolist() == ["11", "12", "13", "14"]
    assert frame["class"].tolist() == ["national", "village", "commune", "track"]
    assert frame["surface"].fillna("-").tolist() == ["paved", "-", "-", "-"]
    assert frame["bridge"].astype(object).where(frame["bridge"].notna(), None).tolist() == [None, None, True, False]
    assert frame["floods"].fillna(False).tolist() == [False, False, False, True]
    assert frame["name"].fillna("-").tolist()[0] == "QL 9"
    (note,) = [fault for fault in checked.faults if fault.code == "note.osm_rows"]
    assert (note.params["kept"], note.params["left"]) == (4, 7)
    assert "highway=construction (1)" in note.params["names"]
    assert all("{" not in note.say(lang) for lang in LANGS)
    assert not any(fault.row for fault in checked.faults)


def test_rivers_of_a_map(tmp_path: Path) -> None:
    checked = of_a_map(tmp_path, "rivers")
    frame = checked.frame
    assert frame["river_id"].tolist() == ["16", "17", "18"]
    assert frame["floods_only"].tolist() == [False, True, True]
    assert frame["width_m"].fillna(-1).tolist() == [180.0, -1.0, 35.5]
    assert frame.geom_type.tolist() == ["LineString"] * 3


def test_crossings_of_a_map(tmp_path: Path) -> None:
    checked = of_a_map(tmp_path, "crossings")
    assert checked.frame["crossing_id"].tolist() == ["13", "14", "20"]  # a railway's bridge is none for people
    assert checked.frame["kind"].tolist() == ["bridge", "ford", "ferry"]


def test_a_map_without_rivers_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.osm.pbf"
    path.write_bytes(osm_pbf([(1, 106.6, 16.7, {}), (2, 106.7, 16.8, {})], [(10, [1, 2], {"highway": "primary"})]))
    with pytest.raises(InputError) as error:
        understood(path, LAYERS["rivers"], asked=Asked())
    assert error.value.code == "read.osm_nothing"
