"""Open Fibre Data Standard: both forms of a network give the same nodes and spans."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from phusong.layers.errors import InputError
from phusong.layers.readers.open_fibre import NODE_COLUMNS, SPAN_COLUMNS, is_open_fibre, read_open_fibre

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
        "fibreType": "G.652", "fibreCount": 24, "fibreLength": 63500.5, "capacity": 10, "technologies": ["ip"],
    },
]  # fmt: skip
NETWORK: dict[str, Any] = {
    "id": "a096d627-72e1-4f9b-b129-951b1737bff4", "name": "Cáp quang Quảng Trị", "nodes": NODES, "spans": SPANS,
    "phases": [{"id": "p1", "name": "Giai đoạn 1"}], "organisations": [OWNER, PROVIDER],
    "publisher": {"name": "Sở KH&CN"}, "publicationDate": "2025-10-01", "collectionDate": "2025-09-30",
    "crs": {"name": "urn:ogc:def:crs:OGC::CRS84"}, "links": [],
}  # fmt: skip


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
        ("note.fibre_status", 1, "status"),
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
