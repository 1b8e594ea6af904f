"""Open Fibre Data Standard in: networks of nodes and spans as tables, from the JSON or the GeoJSON form.

The standard (Open Telecoms Data, versions 0.1 to 0.4) has networks with phases, organisations, nodes (points) and
spans (lines between two nodes). References to phases and organisations are resolved to names. Coordinates are
longitude, latitude (OGC CRS84). ``fibreLength`` is in kilometres there and brought to metres; ``capacity_gbps`` is in
gigabits a second, as published.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape

from phusong.layers.errors import Fault, InputError
from phusong.layers.readers.guard import LARGEST_TEXT_BYTES, guard
from phusong.layers.readers.raw import RawTable

NODE_COLUMNS = (
    *("node_id", "name", "status", "phase", "kind", "access_point", "power", "technologies", "owner", "providers"),
    *("address", "international", "network_id", "network", "publisher", "as_of", "source"),
)
SPAN_COLUMNS = (
    *("span_id", "name", "status", "phase", "start_node", "end_node", "directed", "ready_on", "owner", "providers"),
    *("supplier", "medium", "deployment", "dark_fibre", "fibre_type", "fibre_count", "fibre_length_m", "capacity_gbps"),
    *("technologies", "network_id", "network", "publisher", "as_of", "source"),
)
_OWNERS = ("physicalInfrastructureProvider", "transmissionMediumOwner")  # until 0.3, since then
_SPANS = ("spans", "links")
_CRS84 = ("CRS84", "EPSG:4326", "EPSG::4326", "OGC:CRS84", "WGS 84")


class Fibre(NamedTuple):
    """The nodes and the spans of all networks of a file; either may be empty."""

    nodes: RawTable
    spans: RawTable


@dataclass
class _Rows:
    """One of the two tables while it is filled."""

    file: str
    sheet: str
    cells: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def say(self, code: str, column: str, **params: Any) -> None:
        """A fault or note of the row that comes next."""
        self.faults.append(Fault(code, self.file, "", self.sheet, len(self.cells) + 1, column, params=params))

    def same_unit(self, column: str) -> None:
        """Where some cells are texts with a unit, numbers (in metres) get theirs, too: a bare one would be doubtful."""
        if any(isinstance(row[column], str) for row in self.cells):
            for row in self.cells:
                if isinstance(row[column], float):
                    row[column] = f"{row[column] * 1000:.0f} mm"  # no mark that would decide what others mean

    def table(self, columns: Iterable[str]) -> RawTable:
        names = [*columns, *dict.fromkeys(name for row in self.cells for name in row if name not in columns)]
        made = {name: [row.get(name) for row in self.cells] for name in names}
        frame = pd.DataFrame(made, dtype=object, index=range(len(self.cells)))
        shapes: NDArray[np.object_] = np.full(len(self.shapes), None, dtype=object)
        shapes[:] = self.shapes
        rows = np.arange(1, len(self.cells) + 1, dtype=np.int64)
        return RawTable(frame, rows, self.file, self.sheet, shapes, "EPSG:4326", tuple(self.faults))


def is_open_fibre(path: str | Path) -> bool:
    """Whether a JSON file looks like it: networks, a network of nodes, or features that are nodes or spans of one."""
    try:
        return Path(path).stat().st_size <= LARGEST_TEXT_BYTES and _form(_content(Path(path))) != ""
    except (OSError, ValueError, RecursionError):
        return False


def _content(path: Path) -> Any:
    """What stands in a JSON file; "not a number" is no data, an infinite one stays as a word."""
    return json.loads(path.read_bytes(), parse_constant=lambda word: None if word == "NaN" else word)


def read_open_fibre(path: str | Path) -> Fibre:
    """Nodes and spans of the networks in a file, a row each in the order of the file; rows count from 1 in each table.

    A geometry that is none is a fault of its row, a span whose node is not in the file is noted. InputError for a
    network that says it is in another CRS than WGS 84, or a file that is not of the standard.
    """
    path = Path(path)
    guard(path)
    try:
        content = _content(path)
    except (ValueError, RecursionError) as error:
        raise InputError("fibre.broken", file=path.name) from error
    form = _form(content)
    if not form:
        raise InputError("fibre.not_of_standard", file=path.name)
    nodes, spans = _Rows(path.name, "fibre_nodes"), _Rows(path.name, "fibre_spans")
    if form == "features":
        for feature in content["features"]:
            given = _map(feature.get("properties")) if isinstance(feature, dict) else {}
            network = _map(given.get("network"))
            _check_crs(network, file=path.name)
            into, put = (spans, _span) if _is_span(feature) else (nodes, _node)
            put(into, {**given, "_shape": _map(feature).get("geometry")}, network, _Names((), ()))
    else:
        networks = content["networks"] if form == "package" else [content]
        for network in (one for one in networks if isinstance(one, dict)):
            _check_crs(network, file=path.name)
            names = _Names(_list(network.get("phases")), _list(network.get("organisations")))
            for node in _list(network.get("nodes")):
                _node(nodes, {**_map(node), "_shape": _map(node).get("location")}, network, names)
            for span in (span for key in _SPANS for span in _list(network.get(key)) if "href" not in _map(span)):
                _span(spans, {**_map(span), "_shape": _map(span).get("route")}, network, names)
    _unknown_ends(nodes, spans)
    spans.same_unit("fibre_length_m")
    return Fibre(nodes.table(NODE_COLUMNS), spans.table(SPAN_COLUMNS))


class _Names:
    """Names of phases and organisations by their id within one network."""

    def __init__(self, phases: Iterable[Any], organisations: Iterable[Any]) -> None:
        self.phases = {_text(_map(one).get("id")): _text(_map(one).get("name")) for one in phases}
        self.organisations = {_text(_map(one).get("id")): _text(_map(one).get("name")) for one in organisations}

    def phase(self, reference: Any) -> str | None:
        return _named(_map(reference), self.phases)

    def organisation(self, reference: Any) -> str | None:
        return _named(_map(reference), self.organisations)


def _named(reference: Mapping[str, Any], known: Mapping[str | None, str | None]) -> str | None:
    """The name of what is referred to, else its id, None for no reference."""
    number = _text(reference.get("id"))
    return _text(reference.get("name")) or (None if number is None else known.get(number) or number)


def _node(rows: _Rows, node: Mapping[str, Any], network: Mapping[str, Any], names: _Names) -> None:
    address = _map(node.get("address"))
    parts = [_text(address.get(key)) for key in ("streetAddress", "locality", "region", "postalCode", "country")]
    abroad = [
        ", ".join(filter(None, (_text(_map(one).get("region")), _text(_map(one).get("country")))))
        for one in _list(node.get("internationalConnections"))
    ]
    cells = {
        "node_id": _text(node.get("id")),
        "kind": _joined(node.get("type")),
        "access_point": node.get("accessPoint"),
        "power": node.get("power"),
        "technologies": _joined(node.get("technologies")),
        "address": ", ".join(part for part in parts if part) or None,
        "international": "; ".join(filter(None, abroad)) or None,
    }
    _row(rows, node, cells, network, names, kinds=("Point",))


def _span(rows: _Rows, span: Mapping[str, Any], network: Mapping[str, Any], names: _Names) -> None:
    cells = {
        "span_id": _text(span.get("id")),
        "start_node": _reference(span.get("start")),
        "end_node": _reference(span.get("end")),
        "directed": span.get("directed"),
        "ready_on": span.get("readyForServiceDate"),
        "supplier": names.organisation(span.get("supplier")),
        "medium": _joined(span.get("transmissionMedium")),
        "deployment": _joined(span.get("deployment")),
        "dark_fibre": span.get("darkFibre"),
        "fibre_type": _text(span.get("fibreType")),
        "fibre_count": span.get("fibreCount"),
        "fibre_length_m": _metres(span.get("fibreLength")),
        "capacity_gbps": span.get("capacity"),
        "technologies": _joined(span.get("technologies")),
    }
    _row(rows, span, cells, network, names, kinds=("LineString", "MultiLineString"))


def _row(
    rows: _Rows,
    thing: Mapping[str, Any],
    cells: dict[str, Any],
    network: Mapping[str, Any],
    names: _Names,
    *,
    kinds: tuple[str, ...],
) -> None:
    owner = next((thing[key] for key in _OWNERS if thing.get(key)), None)
    providers = [names.organisation(one) for one in _list(thing.get("networkProviders"))]
    common = {
        "name": _text(thing.get("name")),
        "status": _said(thing.get("status")),
        "phase": names.phase(thing.get("phase")),
        "owner": names.organisation(owner),
        "providers": "; ".join(filter(None, providers)) or None,
        "network_id": _text(network.get("id")),
        "network": _text(network.get("name")),
        "publisher": _text(_map(network.get("publisher")).get("name")),
        "as_of": network.get("collectionDate") or network.get("publicationDate"),
        "source": _text(network.get("website")) or _text(_map(network.get("publisher")).get("name")),
    }
    place = thing["_shape"]
    found = None
    if place is not None:
        try:
            found = shape(place) if _map(place).get("type") in kinds else None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, shapely.errors.ShapelyError):
            found = None
        if found is None or found.is_empty or not np.isfinite(shapely.get_coordinates(found)).all():
            kind = _text(_map(place).get("type")) or type(place).__name__
            told = f"{kind} {json.dumps(_map(place).get('coordinates'))[:60]}"
            rows.say("fault.fibre_geometry", "geometry", found=told, expected=", ".join(kinds))
            found = None
    rows.cells.append({name: _said(value) for name, value in {**cells, **common}.items()})
    rows.shapes.append(found)


def _unknown_ends(nodes: _Rows, spans: _Rows) -> None:
    """A note on each span one of whose nodes is not among those of its network, where the file has those."""
    known: dict[Any, set[Any]] = {}
    for node in nodes.cells:
        known.setdefault(node["network_id"], set()).add(node["node_id"])
    for number, span in enumerate(spans.cells, start=1):
        for column in ("start_node", "end_node"):
            there = known.get(span["network_id"])
            if there is not None and span[column] is not None and span[column] not in there:
                params = {"found": span[column]}
                spans.faults.append(
                    Fault("note.fibre_node", spans.file, "", spans.sheet, number, column, params=params)
                )


def _form(content: Any) -> str:
    """ "package", "network" or "features"; "" for anything else."""
    if not isinstance(content, dict):
        return ""
    if isinstance(content.get("networks"), list):
        return "package"
    if content.get("type") == "FeatureCollection":
        features = _list(content.get("features"))
        first = _map(features[0]) if features else {}
        given = _map(first.get("properties"))
        ours = given.get("featureType") in ("node", "span", "link") or isinstance(given.get("network"), dict)
        return "features" if ours and "id" in given else ""
    return (
        "network"
        if "id" in content and any(isinstance(content.get(key), list) for key in ("nodes", *_SPANS[:1]))
        else ""
    )


def _is_span(feature: Any) -> bool:
    given = _map(_map(feature).get("properties"))
    if "featureType" in given:
        return given["featureType"] in ("span", "link")
    line = str(_map(_map(feature).get("geometry")).get("type")).endswith("LineString")
    return line or "start" in given or "end" in given


def _check_crs(network: Mapping[str, Any], *, file: str) -> None:
    name = _text(_map(network.get("crs")).get("name"))
    if name and not name.endswith(_CRS84):
        raise InputError("fibre.crs", file=file, found=name[:80])


def _reference(node: Any) -> str | None:
    """A node named by its id, or standing there whole (in the GeoJSON form)."""
    return _text(node.get("id")) if isinstance(node, dict) else _text(node)


def _metres(length_km: Any) -> Any:
    """Kilometres as metres; a text that is no plain number is left to be read as other cells are, in km or its unit."""
    if isinstance(length_km, bool) or not isinstance(length_km, int | float | str) or not str(length_km).strip():
        return length_km
    text = str(length_km).strip()
    try:
        if (metres := Decimal(text) * 1000).is_finite():
            return float(metres)
    except InvalidOperation:
        pass
    return text if text[-1].isalpha() else f"{text} km"


def _joined(words: Any) -> str | None:
    return "; ".join(str(word) for word in _list(words)) or None


def _said(value: Any) -> Any:
    """A cell: what is no single value stands as it does in the file."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
