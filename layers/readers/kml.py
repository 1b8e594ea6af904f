"""KML in: placemarks with their data, one table a folder, also what programs write as a table into descriptions.

GDAL's driver drops untyped data beside typed ones and cannot split a description, so KML is read here: one placemark
at a time, by expat, which resolves no entity and no link. Coordinates are longitude, latitude in WGS 84 (OGC KML 2.2).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError
from phusong.layers.readers.frames import limits
from phusong.layers.readers.guard import MOST_CELLS, MOST_ROWS
from phusong.layers.readers.raw import RawTable

_FOLDERS = ("Document", "Folder")
_CHUNK = 1 << 20
_LONGEST_TABLE = 100_000  # characters of a description that is looked through for a table
_COMMA = re.compile(r"\s*,\s*")
_NULLS = frozenset({"", "<null>", "null"})
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Track", "MultiTrack")


@dataclass
class _Folder:
    """A folder being read: its name, the folders it lies in, and its placemarks."""

    above: tuple[_Folder, ...]
    kind: str
    name: str = ""
    cells: list[dict[str, str]] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_kml(path: Path, *, file: str) -> list[RawTable]:
    """The placemarks of a KML file, one table a folder that holds some itself, in EPSG:4326.

    ``file`` is the name that faults say. Columns are ``name``, ``description`` and what ExtendedData (Data and
    SimpleData) or else a table of two columns in the description holds; cells are text. Placemarks count from 1 through
    the whole file. A placemark whose coordinates are no numbers has no geometry and a fault. Folders' names stand in
    ``sheet``, outer ones first, where there are several. InputError if the file is no XML.
    """
    reader = _Reader(file)
    try:
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                reader.parser.Parse(chunk, False)
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, ParseError) as error:
        raise InputError("read.unreadable", file=file) from error
    filled = [folder for folder in reader.folders if folder.rows]
    if filled and reader.links:
        filled[0].faults.append(Fault("note.kml_links", file, params={"count": reader.links}))
    names = _names(filled)
    return [_table(folder, file=file, sheet=name) for folder, name in zip(filled, names, strict=True)]


class _Reader:
    """Follows the elements; a placemark is built as a tree of its own and let go when it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root = _Folder((), "Document")
        self.open = [self.root]
        self.folders = [self.root]
        self.path: list[str] = []
        self.text: list[str] = []
        self.mark: TreeBuilder | None = None
        self.depth = 0
        self.count = 0
        self.cells = 0
        self.links = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data

    def _start(self, full: str, given: dict[str, str]) -> None:
        name = full.rpartition(":")[2]
        if self.mark is None and name == "Placemark":
            self.mark, self.depth = TreeBuilder(), 0
        if self.mark is not None:
            self.depth += 1
            self.mark.start(name, given)
            return
        if name in _FOLDERS and self.path and self.path[-1] in (*_FOLDERS, "kml"):
            folder = _Folder(tuple(self.open), name)
            self.open.append(folder)
            self.folders.append(folder)
        self.links += name == "NetworkLink"
        self.path.append(name)
        self.text.clear()

    def _data(self, text: str) -> None:
        if self.mark is not None:
            self.mark.data(text)
        else:
            self.text.append(text)

    def _end(self, full: str) -> None:
        name = full.rpartition(":")[2]
        if self.mark is not None:
            self.mark.end(name)
            self.depth -= 1
            if self.depth == 0:
                tree, self.mark = self.mark.close(), None
                self._placemark(tree)
            return
        self.path.pop()
        if name == "name" and self.path and self.path[-1] in _FOLDERS:
            self.open[-1].name = " ".join("".join(self.text).split())
        elif name in _FOLDERS and len(self.open) > 1 and self.open[-1].kind == name:
            self.open.pop()

    def _placemark(self, tree: Element) -> None:
        folder = self.open[-1]
        self.count += 1
        cells = _cells(tree)
        self.cells += len(cells)
        if self.cells > MOST_CELLS:
            raise InputError("read.too_many_cells", file=self.file, found=self.cells, most=MOST_CELLS)
        if self.count > MOST_ROWS:
            raise InputError("read.too_many_rows", file=self.file, found=self.count, most=MOST_ROWS)
        shape = None
        try:
            shape = _shape(next((one for one in tree if one.tag in _SHAPES), None))
        except (ValueError, shapely.errors.GEOSException):
            told = ("".join(one.itertext()) for one in tree.iter() if one.tag in ("coordinates", "coord"))
            found = " ".join(" ".join(told).split())[:60]
            folder.faults.append(Fault("fault.kml_coordinates", self.file, row=self.count, params={"found": found}))
        folder.cells.append(cells)
        folder.shapes.append(shape)
        folder.rows.append(self.count)


def _names(folders: list[_Folder]) -> list[str]:
    """The folders' names with those they lie in, each once; "" if there is only one."""
    if len(folders) < 2:
        return [""] * len(folders)
    names: list[str] = []
    known: Counter[str] = Counter()
    for folder in folders:
        parts = [one.name for one in (*folder.above[1:], folder) if one.name]
        inner = [one.name for one in (*folder.above, folder) if one.kind == "Folder" and one.name]
        name = " / ".join(inner or parts) or "KML"
        names.append(_once(name, known))
    return names


def _once(name: str, known: Counter[str]) -> str:
    """The name, or with a number behind it if it is known already; from now on it is."""
    made = name
    while known[made]:
        known[name] += 1
        made = f"{name} ({known[name]})"
    known[made] += 1
    return made


def _table(folder: _Folder, *, file: str, sheet: str) -> RawTable:
    names = list(dict.fromkeys(name for cells in folder.cells for name in cells))
    limits(len(folder.rows), len(names), file=file)
    columns = {name: [cells.get(name) for cells in folder.cells] for name in names}
    frame = pd.DataFrame(columns, dtype=object, index=range(len(folder.cells)))
    shapes: NDArray[np.object_] = np.full(len(folder.shapes), None, dtype=object)
    shapes[:] = folder.shapes
    faults = tuple(Fault(one.code, file, "", sheet, one.row, params=one.params) for one in folder.faults)
    return RawTable(frame, np.array(folder.rows, dtype=np.int64), file, sheet, shapes, "EPSG:4326", faults)


def _cells(mark: Element) -> dict[str, str]:
    """What a placemark says: name, description, times and data by heading; nothing that is empty."""
    cells: dict[str, str] = {}
    for tag in ("name", "address", "phoneNumber"):
        _put(cells, tag, mark.findtext(tag))
    for tag in ("TimeStamp/when", "TimeSpan/begin", "TimeSpan/end"):
        _put(cells, tag.rpartition("/")[2], mark.findtext(tag))
    for data in mark.iter("Data"):
        _put(cells, data.get("name") or data.findtext("displayName") or "", data.findtext("value"))
    for data in mark.iter("SimpleData"):
        _put(cells, data.get("name") or "", data.text)
    description = mark.findtext("description") or ""
    pairs, rest = _pairs(description) if "<" in description and len(description) <= _LONGEST_TABLE else ([], "")
    for heading, value in pairs:
        _put(cells, heading, value)
    _put(cells, "description", rest if pairs else description)
    return cells


def _put(cells: dict[str, str], heading: str, value: str | None) -> None:
    """A cell, if it holds something; where the heading is there with another value, under it with a number."""
    heading, value = " ".join(heading.split()), (value or "").strip()
    if not heading or value.casefold() in _NULLS:
        return
    made, number = heading, 1
    while cells.setdefault(made, value) != value:
        number += 1
        made = f"{heading} ({number})"


def _pairs(description: str) -> tuple[list[tuple[str, str]], str]:
    """The rows of two cells, and what else is to be read."""
    tables = _Tables()
    try:
        tables.feed(description)
        tables.close()
    except AssertionError:  # the parser's word for a broken declaration
        return [], ""
    return tables.pairs, " ".join(" ".join(tables.rest).split())


class _Tables(HTMLParser):
    """Rows of two cells of the tables in a description, tables within tables too, but for rows of two headings.

    ``rest``: text outside of tables, and of other rows.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pairs: list[tuple[str, str]] = []
        self.rows: list[list[tuple[str, list[str]]]] = []
        self.rest: list[str] = []
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden = tag in ("style", "script", "title")
        if tag == "table":
            self.rows.append([])
        elif tag == "tr" and self.rows:
            self._row()
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append((tag, []))

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1][1].append(data)
        elif not self.hidden:
            self.rest.append(data)

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False
        if tag in ("tr", "table") and self.rows:
            self._row()
        if tag == "table" and self.rows:
            self.rows.pop()

    def _row(self) -> None:
        cells = [(tag, " ".join("".join(parts).split())) for tag, parts in self.rows[-1]]
        if len(cells) == 2 and cells[0][1] and not all(tag == "th" for tag, _ in cells):
            self.pairs.append((cells[0][1].rstrip(":"), cells[1][1]))
        elif len(cells) != 2:
            self.rest += [text for _, text in cells]
        self.rows[-1].clear()


def _shape(element: Element | None) -> Any:
    """The geometry of an element, None if it is empty; ValueError if its coordinates are no numbers."""
    if element is None:
        return None
    kind = element.tag
    if kind in ("MultiGeometry", "MultiTrack"):
        parts = [shape for shape in (_shape(one) for one in element if one.tag in _SHAPES) if shape is not None]
        return _gathered(parts)
    if kind == "Track":
        words = [(one.text or "").split() for one in element.iter("coord")]
        points = _alike([[float(word) for word in place] for place in words if place])  # an empty one: not known
        return shapely.LineString(points) if len(points) > 1 else shapely.Point(points[0]) if points else None
    if kind == "Polygon":
        outer = _coordinates(element.find("outerBoundaryIs/LinearRing"))
        inner = [_coordinates(one) for one in element.findall("innerBoundaryIs/LinearRing")]
        return shapely.Polygon(outer, [ring for ring in inner if ring]) if outer else None
    points = _coordinates(element)
    if not points:
        return None
    if kind == "Point":
        if len(points) > 1:
            raise ValueError("several places for a point")
        return shapely.Point(points[0])
    return shapely.LineString(points) if kind == "LineString" else shapely.LinearRing(points)


def _gathered(parts: list[Any]) -> Any:
    kinds = {shape.geom_type for shape in parts}
    if not parts:
        return None
    if kinds == {"Point"}:
        return shapely.MultiPoint(parts)
    if kinds == {"LineString"}:
        return shapely.MultiLineString(parts)
    if kinds == {"Polygon"}:
        return shapely.MultiPolygon(parts)
    return shapely.GeometryCollection(parts)


def _coordinates(element: Element | None) -> list[list[float]]:
    """The places of an element as [lon, lat] or [lon, lat, height]; blanks about commas are forgiven, no more."""
    text = "" if element is None else (element.findtext("coordinates") or "")
    places = [[float(word) for word in place.split(",")] for place in _COMMA.sub(",", text.strip()).split()]
    return _alike(places)


def _alike(places: list[list[float]]) -> list[list[float]]:
    """Places with a height each, or none with one; ValueError if some place is none."""
    if any(len(place) not in (2, 3) or not np.isfinite(place).all() for place in places):
        raise ValueError("not two or three numbers")
    flat = any(len(place) == 2 for place in places)
    return [place[:2] if flat else place for place in places]
