"""Open Fibre Data Standard: both forms of a network give the same nodes and spans, and go into a study as layers."""

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from phusong.layers.checks.validate import validate
from phusong.layers.errors import InputError
from phusong.layers.importing import import_files
from phusong.layers.messages import LANGS
from phusong.layers.office import Asked, understood
from phusong.layers.readers.open_fibre import NODE_COLUMNS, SPAN_COLUMNS, is_open_fibre, read_open_fibre
from phusong.layers.schema import LAYERS
from phusong.layers.study_layers import StudyLayers, read_layers

PROVIDER, OWNER = {"id": "VN-2", "name": "Viettel"}, {"id": "VN-1", "name": "VNPT Quảng Trị"}
NODES: list[dict[str, Any]] = [
    {
        "id": "1", "name": "Đông Hà", "phase": {"id": "p1"}, "status": "operational",
        "location": {"type": "Point", "coordinates": [107.1, 16.8]},
        "address": {"streetAddress": "Hùng Vương", "locality": "Đông Hà", "country": "VN"},
        "type": ["pop", "dataCentre"],
        "accessPoint": True, "power": True, "technologies": ["ip"],
        "internationalConnections": [{"region": "Savannakhet", "country": "LA"}],
        "physicalInfrastructureProvider": {"id": "VN-1"}, "networkProviders": [{"id": "VN-2"}],
    },
    {"id": "2", "name": "Lao Bảo", "status": "planned", "location": {"type": "Point", "coordinates": [106.6, 16.6]}},
]  # fmt: skip
SPANS: list[dict[str, Any]] = [
    {
        "id": "s1", "name": "Quốc lộ 9", "phase": {"id": "p1"}, "status": "underConstruction", "start": "1", "end": "2",
        "directed": False, "readyForServiceDate": "2026-01-01",
        "route": {"type": "LineString", "coordinates": [[107.1, 16.8], [106.8, 16.7], [106.6, 16.6]]},
        "physicalInfrastructureProvider": {"id": "VN-1"}, "networkProviders": [{"id": "VN-2"}, {"id": "VN-1"}],
        "transmissionMedium": ["fibre"], "deployment": ["aboveGround", "belowGround"], "darkFibre": True,
        "fibreType": "G.652", "fibreCount": 24, "fibreLength": 63.5005, "capacity": 10, "technologies": ["ip"],
    },
]  # fmt: skip
NETWORK: dict[str, Any] = {
    "id": "a096d627-72e1-4f9b-b129-951b1737bff4", "name": "Cáp quang Quảng Trị", "nodes": NODES, "spans": SPANS,
    "phases": [{"id": "p1", "name": "Giai đoạn 1"}], "organisations": [OWNER, PROVIDER],
    "publisher": {"name": "Sở KH&CN"}, "publicationDate": "2025-10-01", "collectionDate": "2025-09-30",
    "crs": {"name": "urn:ogc:def:crs:OGC::CRS84"}, "links": [],
}  # fmt: skip


STUDY_CRS = "EPSG:9212"


def saved(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def features(kind: str) -> dict[str, Any]:
    """The GeoJSON form: geometry apart, references filled in, the network within each feature."""
    network = {key: value for key, value in NETWORK.items() if key not in ("nodes", "spans", "phases", "organisations")}
    known = {one["id"]: one for one in (OWNER, PROVIDER)}
    nodes = {node["id"]: node for node in NODES}
    out = []
    for thing in copy.deepcopy(NODES if kind == "node" else SPANS):
        shape = thing.pop("location", None) or thing.pop("route", None)
        thing |= {"network": network, "featureType": kind}
        if "phase" in thing:
            thing["phase"] = NETWORK["phases"][0]
        for key in ("start", "end"):
            if key in thing:
                thing[key] = nodes[thing[key]]
        if "physicalInfrastructureProvider" in thing:
            thing["transmissionMediumOwner"] = known[thing.pop("physicalInfrastructureProvider")["id"]]
            thing["networkProviders"] = [known[one["id"]] for one in thing["networkProviders"]]
        out.append({"type": "Feature", "geometry": shape, "properties": thing})
    return {"type": "FeatureCollection", "features": out}


@pytest.mark.parametrize("content", [NETWORK, {"networks": [NETWORK]}])
def test_nodes_and_spans_of_a_network(tmp_path: Path, content: dict[str, Any]) -> None:
    path = saved(tmp_path / "a.json", content)
    assert is_open_fibre(path)
    nodes, spans = read_open_fibre(path)
    assert nodes.frame.columns.tolist() == list(NODE_COLUMNS)
    assert spans.frame.columns.tolist() == list(SPAN_COLUMNS)
    assert nodes.faults == spans.faults == ()
    first = nodes.frame.iloc[0].to_dict()
    assert first | {"as_of": None} == {
        "node_id": "1", "name": "Đông Hà", "status": "operational", "phase": "Giai đoạn 1", "kind": "pop; dataCentre",
        "access_point": True, "power": True, "technologies": "ip", "owner": "VNPT Quảng Trị", "providers": "Viettel",
        "address": "Hùng Vương, Đông Hà, VN", "international": "Savannakhet, LA", "network_id": NETWORK["id"],
        "network": "Cáp quang Quảng Trị", "publisher": "Sở KH&CN", "as_of": None, "source": "Sở KH&CN",
    }  # fmt: skip
    assert first["as_of"] == "2025-09-30"
    span = spans.frame.iloc[0]
    assert span["status"] == "underConstruction"
    assert (span["start_node"], span["end_node"], span["providers"]) == ("1", "2", "Viettel; VNPT Quảng Trị")
    assert (span["fibre_count"], span["fibre_length_m"], span["capacity_gbps"]) == (24, 63500.5, 10)
    assert (span["dark_fibre"], span["directed"], span["ready_on"]) == (True, False, "2026-01-01")
    assert nodes.geometry is not None
    assert spans.geometry is not None
    assert nodes.geometry[1].equals(shapely.Point(106.6, 16.6))
    assert shapely.get_num_coordinates(spans.geometry[0]) == 3
    assert nodes.crs == spans.crs == "EPSG:4326"


def test_both_forms_are_the_same(tmp_path: Path) -> None:
    whole = read_open_fibre(saved(tmp_path / "a.json", NETWORK))
    for kind, table in (("node", whole.nodes), ("span", whole.spans)):
        path = saved(tmp_path / f"{kind}.geojson", features(kind))
        assert is_open_fibre(path)
        got = read_open_fibre(path)
        mine, other = (got.nodes, got.spans) if kind == "node" else (got.spans, got.nodes)
        assert mine.frame.equals(table.frame)
        assert shapely.equals(mine.geometry, table.geometry).all()
        assert len(other.frame) == 0
        assert mine.faults == ()


def test_rows_that_cannot_be_are_told(tmp_path: Path) -> None:
    network = copy.deepcopy(NETWORK)
    network["nodes"][1]["location"] = {"type": "Point", "coordinates": ["106,6"]}
    network["spans"][0] |= {"status": "Hoạt động", "end": "9"}
    network["spans"].append({"id": "s2", "route": {"type": "Polygon", "coordinates": []}})
    network["spans"].append({"id": "s3"})  # a span may have no route
    nodes, spans = read_open_fibre(saved(tmp_path / "a.json", network))
    assert [(fault.code, fault.row) for fault in nodes.faults] == [("fault.fibre_geometry", 2)]
    assert [(fault.code, fault.row, fault.column) for fault in spans.faults] == [
        ("fault.fibre_geometry", 2, "geometry"),
        ("note.fibre_node", 1, "end_node"),
    ]
    assert [len(nodes.frame), len(spans.frame)] == [2, 3]
    for fault in (*nodes.faults, *spans.faults):
        assert "{" not in fault.say("en") + fault.say("vi")


@pytest.mark.parametrize(
    "content",
    [
        {"type": "FeatureCollection", "features": []},
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"id": 1}, "geometry": None}]},
        {"id": "x"},
        [1, 2],
        {"type": "FeatureCollection", "features": 7},
    ],
)
def test_other_json_is_not_taken_for_it(tmp_path: Path, content: Any) -> None:
    path = saved(tmp_path / "a.json", content)
    assert not is_open_fibre(path)
    with pytest.raises(InputError) as caught:
        read_open_fibre(path)
    assert caught.value.code == "fibre.not_of_standard"


def test_another_crs_and_broken_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="EPSG::32648"):
        read_open_fibre(saved(tmp_path / "a.json", NETWORK | {"crs": {"name": "urn:ogc:def:crs:EPSG::32648"}}))
    path = tmp_path / "b.json"
    path.write_text('{"networks": [')
    assert not is_open_fibre(path)
    with pytest.raises(InputError) as caught:
        read_open_fibre(path)
    assert caught.value.code == "fibre.broken"


def test_odd_content_is_told_and_does_not_break(tmp_path: Path) -> None:
    network = {
        "id": 1,
        "nodes": [None, {"location": 5, "type": "pop", "address": []}],
        "spans": [{"start": [], "phase": "x"}],
    }
    nodes, spans = read_open_fibre(saved(tmp_path / "a.json", network))
    assert [len(nodes.frame), len(spans.frame)] == [2, 1]
    assert [fault.code for fault in nodes.faults] == ["fault.fibre_geometry"]


def test_what_holds_several_values_or_none_stands_as_it_does_in_the_file(tmp_path: Path) -> None:
    span = {"id": "s1", "name": {"vi": "A"}, "fibreCount": {"a": 1}, "darkFibre": [True], "fibreLength": float("nan")}
    span |= {"networkProviders": [{"name": {"x": 1}}, {"id": 7}], "supplier": {"name": ["x"]}, "phase": {}}
    network = {"id": "n", "collectionDate": {"a": 1}, "spans": [span]}
    (row,) = read_open_fibre(saved(tmp_path / "a.json", network)).spans.frame.to_dict("records")
    assert (row["fibre_count"], row["dark_fibre"], row["as_of"]) == ('{"a": 1}', "[true]", '{"a": 1}')
    assert (row["name"], row["fibre_length_m"], row["providers"], row["supplier"]) == (None, None, "7", None)


def test_no_reference_is_none_to_what_has_no_id(tmp_path: Path) -> None:
    network = {"id": "n", "spans": [{"id": "s"}], "organisations": [{"name": "Viettel"}], "phases": [{"name": "1"}]}
    row = read_open_fibre(saved(tmp_path / "a.json", network)).spans.frame.iloc[0]
    assert row[["owner", "supplier", "phase", "providers"]].isna().all()


@pytest.mark.parametrize("place", [[10**400, 1], [None, 1], [float("nan"), 1], [{}, 1]])
def test_places_that_are_no_numbers_are_told(tmp_path: Path, place: list[Any]) -> None:
    network = {"id": "n", "spans": [{"id": "s", "route": {"type": "LineString", "coordinates": [place, [1, 2]]}}]}
    spans = read_open_fibre(saved(tmp_path / "a.json", network)).spans
    assert spans.geometry is not None
    assert (spans.geometry[0], [fault.code for fault in spans.faults]) == (None, ["fault.fibre_geometry"])
    assert "LineString [[" in spans.faults[0].params["found"]


def test_lengths_in_words_beside_numbers(tmp_path: Path) -> None:
    lengths = [63.5005, "12,5", "1.234", "12 km", "800 m", "12,500", None, True, float("inf")]
    network = {"id": "n", "spans": [{"id": str(i), "fibreLength": length} for i, length in enumerate(lengths)]}
    path = saved(tmp_path / "a.json", network | {"collectionDate": "2025-09-30"})
    read = understood(path, LAYERS["fibre_spans"], asked=Asked())
    made = validate(read.raw, LAYERS["fibre_spans"], crs=STUDY_CRS)
    kept = dict(zip(made.frame["span_id"], made.frame["fibre_length_m"], strict=True))
    assert kept["6"] is None or pd.isna(kept.pop("6"))
    # the comma of 12,5 says what that of 12,500 is
    assert kept == {"0": 63_500.5, "1": 12_500, "2": 1_234, "3": 12_000, "4": 800, "5": 12_500}
    assert {fault.row for fault in made.faults if fault.code.startswith("fault.")} == {8, 9}


def test_a_huge_file_is_not_read_to_see_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.json", NETWORK)
    monkeypatch.setattr("phusong.layers.readers.open_fibre.LARGEST_TEXT_BYTES", 100)
    assert not is_open_fibre(path)


# Into a study


def around(root: Path) -> dict[str, Any]:
    """The network moved into the study's communes, with a third node 10 km and a fourth 100 km beyond them."""
    units = pyogrio.read_dataframe(root / "layers.gpkg", layer="units")
    left, bottom, right, top = units.total_bounds
    to_degrees = Transformer.from_crs(STUDY_CRS, "EPSG:4326", always_xy=True).transform
    middle = (bottom + top) / 2
    at = [list(to_degrees(x, middle)) for x in ((left + right) / 2, right - 100, right + 10_000, right + 100_000)]
    network = copy.deepcopy(NETWORK)
    for k, node in enumerate(network["nodes"]):
        node["location"]["coordinates"] = at[k]
    for k in (2, 3):
        network["nodes"].append({"id": str(k + 1), "location": {"type": "Point", "coordinates": at[k]}})
    network["spans"][0]["route"]["coordinates"] = at[:2]
    network["spans"].append(
        {"id": "s2", "start": "2", "end": "4", "route": {"type": "LineString", "coordinates": at[1:]}}
    )
    network["spans"].append({"id": "s3", "start": "1", "end": "3"})
    parts = {"type": "MultiLineString", "coordinates": [at[:2], at[1:3]]}
    network["spans"].append({"id": "s4", "route": parts, "fibreLength": "12.5"})
    return network


def layers_of(root: Path) -> StudyLayers:
    return read_layers(root / "layers.gpkg", root / "rasters", crs=STUDY_CRS, units_valid_on=date(2012, 12, 31))


def test_a_network_goes_into_a_study_without_a_question(tiny_study: Path, tmp_path: Path) -> None:
    network = around(tiny_study)
    before = set(layers_of(tiny_study).layers)
    path = saved(tmp_path / "mang.json", network)
    nodes = import_files(tiny_study, "fibre_nodes", [path]).report
    assert (nodes.read, nodes.kept, nodes.rejected) == (4, 3, 1)
    (far,) = [fault for fault in nodes.faults if fault.code.startswith("fault.")]
    assert (far.code, far.row, far.params["limit_km"]) == ("fault.far_from_units", 4, "20")
    spans = import_files(tiny_study, "fibre_spans", [path]).report
    assert (spans.read, spans.kept, spans.rejected) == (4, 4, 0)  # a cable may lead far away
    got = layers_of(tiny_study)
    assert set(got.layers) == before | {"fibre_nodes", "fibre_spans"}
    assert not [fault for fault in got.faults if fault.layer.startswith("fibre") and not fault.code.startswith("note.")]
    frame = got.layers["fibre_nodes"]
    assert frame["node_id"].tolist() == ["1", "2", "3"]
    assert set(frame["network_id"]) == {NETWORK["id"]}
    assert frame["status"].tolist()[:2] == ["operational", "planned"]
    assert set(frame["as_of"]) == {pd.Timestamp(2025, 9, 30)}
    to_study = Transformer.from_crs("EPSG:4326", STUDY_CRS, always_xy=True).transform
    for k, point in enumerate(frame.geometry):
        assert point.coords[0] == pytest.approx(to_study(*network["nodes"][k]["location"]["coordinates"]), abs=0.01)
    lines = got.layers["fibre_spans"]
    assert [None if line is None else line.geom_type for line in lines.geometry] == [
        *("LineString", "LineString", None, "MultiLineString"),
    ]
    first = lines.iloc[0]
    assert (first["fibre_count"], first["fibre_length_m"], first["capacity_gbps"]) == (24, 63500.5, 10)
    assert (first["dark_fibre"], first["directed"], first["ready_on"]) == (True, False, pd.Timestamp(2026, 1, 1))
    assert lines["fibre_length_m"].iloc[3] == 12_500


@pytest.mark.parametrize("add", [False, True])
def test_the_same_network_twice_changes_nothing(tiny_study: Path, tmp_path: Path, *, add: bool) -> None:
    path = saved(tmp_path / "mang.json", around(tiny_study))
    for layer in ("fibre_nodes", "fibre_spans"):
        import_files(tiny_study, layer, [path])
        there = (tiny_study / "layers.gpkg").read_bytes()
        again = import_files(tiny_study, layer, [path], asked=Asked(add=add)).report
        assert again.already == (again.kept if add else 0)
        assert (tiny_study / "layers.gpkg").read_bytes() == there


def test_another_network_may_use_the_same_ids(tiny_study: Path, tmp_path: Path) -> None:
    network = around(tiny_study)
    other = network | {"id": "b096d627-72e1-4f9b-b129-951b1737bff4", "name": "Mạng khác"}
    for layer, count in (("fibre_nodes", 3), ("fibre_spans", 4)):
        import_files(tiny_study, layer, [saved(tmp_path / "a.json", network)])
        report = import_files(tiny_study, layer, [saved(tmp_path / "b.json", other)], asked=Asked(add=True)).report
        assert (report.kept, report.already) == (count, 0)
        assert len(layers_of(tiny_study).layers[layer]) == 2 * count
    changed = copy.deepcopy(other)
    changed["nodes"][0]["power"] = False
    path = saved(tmp_path / "c.json", changed)
    report = import_files(tiny_study, "fibre_nodes", [path], asked=Asked(add=True)).report
    odd = [(fault.row, fault.params["other"]) for fault in report.faults if fault.code == "fault.already_otherwise"]
    assert odd == [(1, "power")]


def test_the_geojson_form_goes_in_too(tiny_study: Path, tmp_path: Path) -> None:
    network = around(tiny_study)
    for layer, kind in (("fibre_nodes", "node"), ("fibre_spans", "span")):
        collection = features(kind)
        things = network["nodes" if kind == "node" else "spans"]
        for feature, thing in zip(collection["features"], things, strict=False):
            feature["geometry"] = thing["location" if kind == "node" else "route"]
        report = import_files(tiny_study, layer, [saved(tmp_path / f"{kind}.geojson", collection)]).report
        assert (report.kept, report.rejected) == (len(collection["features"]), 0)
        assert layers_of(tiny_study).layers[layer]["phase"].iloc[0] == "Giai đoạn 1"


def test_what_the_standard_does_not_know_or_need_not_say(tiny_study: Path, tmp_path: Path) -> None:
    network = around(tiny_study)
    network["spans"][0]["status"] = "broken"
    del network["collectionDate"], network["publicationDate"]
    path = saved(tmp_path / "mang.json", network)
    with pytest.raises(InputError) as error:
        import_files(tiny_study, "fibre_spans", [path])
    assert error.value.code == "import.refused"
    report = import_files(tiny_study, "fibre_spans", [path], asked=Asked(as_of=date(2025, 1, 1))).report
    assert (report.kept, report.rejected) == (3, 1)
    assert [fault.column for fault in report.faults if fault.row == 1] == ["status"]  # told once
    assert all("{" not in fault.say(lang) for fault in report.faults for lang in LANGS)


def test_a_file_without_spans_or_with_points_for_them_is_refused(tiny_study: Path, tmp_path: Path) -> None:
    network = around(tiny_study)
    there = (tiny_study / "layers.gpkg").read_bytes()
    nodes_only = saved(tmp_path / "a.json", {key: value for key, value in network.items() if key != "spans"})
    point = {"type": "Feature", "geometry": network["nodes"][0]["location"]}
    point["properties"] = {"span_id": "s1", "network_id": "n", "as_of": "2025-01-01"}
    points = saved(tmp_path / "b.geojson", {"type": "FeatureCollection", "features": [point]})
    for path in (nodes_only, points):
        with pytest.raises(InputError) as error:
            import_files(tiny_study, "fibre_spans", [path])
        said = [(fault.code, fault.say("vi")) for fault in error.value.faults]
        assert said, error.value
        if path is points:
            assert ("fault.wrong_layer_geometry", True) in [(code, "đường" in text) for code, text in said]
    assert (tiny_study / "layers.gpkg").read_bytes() == there


def test_spans_of_another_program_are_read_by_their_headings(tiny_study: Path, tmp_path: Path) -> None:
    route = around(tiny_study)["spans"][0]["route"]
    given = {"Mã tuyến": "T1", "Mã mạng": "VNPT", "Số sợi (sợi)": 48, "Chiều dài (km)": 1.5, "Dung lượng (Mbps)": 2500}
    given |= {"Tình trạng": "đang khai thác", "Nút đầu": "A", "Nút cuối": "B", "Ngày số liệu": "31/12/2024"}
    content = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": route, "properties": given}]}
    import_files(tiny_study, "fibre_spans", [saved(tmp_path / "tuyen.geojson", content)])
    row = layers_of(tiny_study).layers["fibre_spans"].iloc[0]
    assert (row["fibre_count"], row["fibre_length_m"], row["capacity_gbps"]) == (48, 1500, 2.5)
    assert (row["status"], row["start_node"], row["end_node"]) == ("operational", "A", "B")
